//! Snapshots that CPython dumped: the sums are those that `Snapshot.statistics("lineno")` printed for the same ones.

use pycoroner_findings::{GapKind, SourceId, Span};
use pycoroner_telemetry::{AllocationSite, ExportFormat, Telemetry, read};

const SAMPLE: &[u8] = include_bytes!("../data/tracemalloc/3.12.pickle");

fn read_snapshot(bytes: &[u8]) -> Telemetry {
    assert_eq!(ExportFormat::sniff(&bytes[..bytes.len().min(1 << 16)]), Some(ExportFormat::Tracemalloc));
    read(ExportFormat::Tracemalloc, bytes, SourceId(1))
}

/// `file:line bytes blocks`, with the lines of the frames that all of it shares.
fn line(site: &AllocationSite) -> String {
    let frames =
        site.frames.iter().map(|frame| frame.line.unwrap().to_string()).collect::<Vec<_>>().join("<");
    format!(
        "{}:{frames} {} {}",
        site.frames[0].file.as_deref().unwrap(),
        site.bytes.unwrap(),
        site.blocks.unwrap()
    )
}

/// `file:lines bytes blocks +bytes +blocks` of each site that is printed.
#[test]
fn what_is_printed() {
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(ExportFormat::sniff(text.as_bytes()), Some(ExportFormat::TracemallocTop), "{text}");
        let telemetry = read(ExportFormat::TracemallocTop, text.as_bytes(), SourceId(1));
        assert_eq!(telemetry.gaps, [], "{text}");
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let line = |site: &AllocationSite| {
            let frames: Vec<String> = site.frames.iter().map(|frame| number(frame.line)).collect();
            format!(
                "{}:{} {} {} {} {} {}",
                site.frames[0].file.as_deref().unwrap(),
                frames.join("<"),
                number(site.bytes),
                number(site.blocks),
                number(site.growth_bytes),
                number(site.growth),
                site.citation
            )
        };
        assert_eq!(telemetry.allocations.iter().map(line).collect::<Vec<_>>(), expected);
    };
    let file = "/srv/shop/cache.py";
    check(
        include_str!("../data/tracemalloc/printed/statistics.txt"),
        &[
            &format!("{file}:5 26004684 467968 - - [E1:L2]"),
            &format!("{file}:8 224256 7000 - - [E1:L3]"),
            &format!("{file}:6 56012 1744 - - [E1:L4]"),
            &format!("{file}:4 160 1 - - [E1:L5]"),
        ],
    );
    check(
        include_str!("../data/tracemalloc/printed/differences.txt"),
        &[
            &format!("{file}:5 26004684 467968 20237516 364000 [E1:L2]"),
            &format!("{file}:8 224256 7000 224256 7000 [E1:L3]"),
            &format!("{file}:6 56012 1744 0 0 [E1:L4]"),
            &format!("{file}:4 160 1 0 0 [E1:L5]"),
        ],
    );
    check(
        include_str!("../data/tracemalloc/printed/pretty.txt"),
        &[&format!("{file}:5 25995571 - - - [E1:L2]"), &format!("{file}:8 224051 - - - [E1:L4]")],
    );
    check(
        include_str!("../data/tracemalloc/printed/traceback.txt"),
        &[&format!("{file}:5<8 20328960 364001 - - [E1:L1]")],
    );
}

#[test]
fn snapshots_of_all_versions_and_protocols() {
    let check =
        |bytes: &[u8], limit: u64, totals: (u64, u64), top: [&str; 3], heaviest: Option<(&str, u64)>| {
            let telemetry = read_snapshot(bytes);
            assert_eq!(telemetry.gaps, []);
            let profile = &telemetry.profiles[0];
            assert_eq!((profile.bytes, profile.blocks), (Some(totals.0), Some(totals.1)));
            assert_eq!(profile.traceback_limit, Some(limit));
            assert_eq!(telemetry.allocations[..3].iter().map(line).collect::<Vec<_>>(), top);
            let found = telemetry.allocations[0].heaviest.as_ref().map(|stack| {
                let lines: Vec<_> =
                    stack.frames.iter().map(|frame| frame.line.unwrap().to_string()).collect();
                (lines.join("<"), stack.bytes)
            });
            assert_eq!(found, heaviest.map(|(lines, bytes)| (lines.to_owned(), bytes)));
            let sum: u64 = telemetry.allocations.iter().filter_map(|site| site.bytes).sum();
            assert_eq!(Some(sum), profile.bytes, "the sites of a small snapshot are all of it");
        };
    let orders = Some(("6<8<14", 36_750));
    check(
        include_bytes!("../data/tracemalloc/3.6.pickle"),
        4,
        (41_748, 78),
        ["/srv/shop/shop.py:6 38700 48", "/srv/shop/shop.py:16 1936 29", "/srv/shop/shop.py:13 1112 1"],
        orders,
    );
    check(
        include_bytes!("../data/tracemalloc/3.8.pickle"),
        4,
        (41_748, 82),
        ["/srv/shop/shop.py:6 38700 48", "/srv/shop/shop.py:16 1936 33", "/srv/shop/shop.py:13 1112 1"],
        orders,
    );
    check(
        include_bytes!("../data/tracemalloc/3.9.pickle"),
        4,
        (41_636, 81),
        ["/srv/shop/shop.py:6 38700 48", "/srv/shop/shop.py:16 1824 32", "/srv/shop/shop.py:13 1112 1"],
        orders,
    );
    let newer =
        ["/srv/shop/shop.py:6 38700 48", "/srv/shop/shop.py:16 3496 25", "/srv/shop/shop.py:13 768 1"];
    check(SAMPLE, 4, (42_964, 74), newer, orders);
    check(include_bytes!("../data/tracemalloc/3.12-protocol2.pickle"), 1, (42_964, 74), newer, None);
    check(
        include_bytes!("../data/tracemalloc/3.13.pickle"),
        4,
        (43_148, 62),
        ["/srv/shop/shop.py:6 38700 48", "/srv/shop/shop.py:16 3680 13", "/srv/shop/shop.py:13 768 1"],
        orders,
    );
}

#[test]
fn stacks_that_the_limit_cut_are_counted() {
    let cut = |bytes: &[u8]| read_snapshot(bytes).profiles[0].cut_tracebacks;
    assert_eq!(cut(SAMPLE), None);
    assert!(cut(include_bytes!("../data/tracemalloc/3.12-protocol2.pickle")).unwrap() >= 48);
}

#[test]
fn a_site_cites_the_bytes_of_its_first_trace() {
    let telemetry = read_snapshot(SAMPLE);
    let Span::Bytes { offset, len, .. } = telemetry.allocations[0].citation.span else { panic!() };
    let cited = &SAMPLE[offset as usize..(offset + len) as usize];
    assert_eq!((cited.first(), cited.last()), (Some(&b'('), Some(&b't')));
}

#[test]
fn a_snapshot_that_was_cut_gives_what_is_there() {
    // Items reach the list when all of them have been read: the cut is behind that.
    let telemetry = read_snapshot(&SAMPLE[..SAMPLE.len() - 10]);
    assert_eq!(telemetry.profiles[0].blocks, Some(74));
    assert_eq!(telemetry.gaps[0].kind, GapKind::Truncated);
    let telemetry = read_snapshot(&SAMPLE[..SAMPLE.len() / 2]);
    assert_eq!(telemetry.profiles[0].blocks, Some(0));
    assert_eq!(telemetry.gaps[0].kind, GapKind::Truncated);
}

/// Everything behind the first two classes of a snapshot.
fn hostile(rest: &[u8]) -> Vec<u8> {
    [b"\x80\x04\x8c\x0btracemalloc\x94\x8c\x08Snapshot\x94\x93\x94)\x81\x94", rest].concat()
}

#[test]
fn what_plain_data_does_not_need_is_refused_by_name() {
    let check = |rest: &[u8], expected: &str| {
        let telemetry = read_snapshot(&hostile(rest));
        assert_eq!(telemetry.allocations, [], "{expected}");
        let [gap] = &telemetry.gaps[..] else { panic!("{:?}", telemetry.gaps) };
        assert!(gap.remedy.is_some());
        assert_eq!(gap.why, expected);
    };
    check(b"cos\nsystem\n", "GLOBAL at 0x20: os.system is refused; nothing of a pickle is ever run");
    check(
        b"\x8c\x05posix\x8c\x06system\x93",
        "STACK_GLOBAL at 0x2f: posix.system is refused; nothing of a pickle is ever run",
    );
    check(b")R", "REDUCE at 0x21: no opcode that plain data needs");
    check(b"Pname\n", "PERSID at 0x20: no opcode that plain data needs");
    check(b"ios\nsystem\n", "INST at 0x20: no opcode that plain data needs");
    check(b"\x82\x01", "EXT1 at 0x20: no opcode that plain data needs");
    check(b"\x92", "NEWOBJ_EX at 0x20: no opcode that plain data needs");
    check(b"G\0\0\0\0\0\0\0\0", "BINFLOAT at 0x20: no opcode that plain data needs");
    check(b"\xff", "byte 0xff at 0x20: no opcode that plain data needs");
    check(b"\x8b\xff\xff\xff\x7f", "LONG4 at 0x20: no opcode that plain data needs");
    check(b"\x8a\x0912345678\x09", "LONG1 at 0x20: the number has more than 64 bits");
    check(b"\x80\x06", "PROTO at 0x20: protocol 6 is not known");
    check(b"h\xc8", "BINGET at 0x20: no such entry in the memo");
    check(b"j\x40\x42\x0f\0", "LONG_BINGET at 0x20: no such entry in the memo");
    check(b"r\xff\xff\xff\xff", "LONG_BINPUT at 0x20: no such entry in the memo");
    check(b"t", "TUPLE at 0x20: the stack does not hold what it takes");
    check(b"\x87", "TUPLE3 at 0x20: the stack does not hold what it takes");
    check(b"e", "APPENDS at 0x20: the stack does not hold what it takes");
    check(b"(e", "APPENDS at 0x21: the stack does not hold what it takes");
    check(b"(K\x01a", "APPEND at 0x23: the stack does not hold what it takes");
    check(b"}(K\x01u", "SETITEMS at 0x24: the stack does not hold what it takes");
    check(b"(b", "BUILD at 0x21: the stack does not hold what it takes");
    check(b"(.", "STOP at 0x21: the stack does not hold what it takes");
    check(b"K\x01\x81", "NEWOBJ at 0x22: the stack does not hold what it takes");
    check(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "BINUNICODE8 at 0x20: the file ends within the pickle");
    check(&b"(".repeat(2_000_000), "MARK at 0x100020: more than 1048576 values");
    check(&b"N".repeat(2_000_000), "NONE at 0x10001f: more than 1048576 values");
}

#[test]
fn a_memo_that_doubles_costs_what_it_is_long() {
    // Each tuple holds the one before twice: two to the millionth items for whoever walks them.
    let mut rest = b")\x94".to_vec();
    for _ in 0..300_000 {
        rest.extend(b"2\x86\x94");
    }
    rest.push(b'.');
    let telemetry = read_snapshot(&hostile(&rest));
    assert_eq!(telemetry.gaps[0].why, "DUP at 0x22: no opcode that plain data needs");
    let mut rest = b")q\x01".to_vec();
    for _ in 0..300_000 {
        rest.extend(b"h\x01h\x01\x86q\x01");
    }
    rest.extend(b"K\x01b.");
    assert_eq!(read_snapshot(&hostile(&rest)).gaps.len(), 1);
}

#[test]
fn odd_snapshots() {
    let check = |rest: &[u8], what: &str, blocks: u64| {
        let telemetry = read_snapshot(&hostile(rest));
        assert_eq!(telemetry.gaps.first().map_or("", |gap| &gap.what), what);
        assert_eq!(telemetry.profiles.first().and_then(|profile| profile.blocks).unwrap_or(0), blocks);
    };
    check(b".", "all of the snapshot", 0);
    check(b"}b.", "all of the snapshot", 0);
    check(b"K\x07b.", "all of the snapshot", 0);
    let with = |traces: &[u8]| {
        [b"}\x8c\x06traces\x8c\x0btracemalloc\x8c\x07_Traces\x93)\x81}\x8c\x07_traces]", traces, b"sbsb."]
            .concat()
    };
    check(&with(b""), "", 0);
    check(&with(b"K\x07a"), "1 of 1 traces", 0);
    check(&with(b"K\0J\xff\xff\xff\xff)\x87a"), "1 of 1 traces", 0);
    // Frames that are none, or names that are no text, are still memory.
    check(&with(b"K\0K\x07)\x87a"), "", 1);
    check(&with(b"K\0K\x07K\x01\x87a"), "", 1);
    check(&with(b"K\0K\x07K\x01K\x02\x86\x85\x87a"), "", 1);
    check(&with(b"K\0\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f)\x87\x94ah\x04ah\x04ah\x04a"), "", 4);
    // A list that holds itself.
    check(&with(b"\x94h\x04a"), "1 of 1 traces", 0);
}

#[test]
fn other_pickles_are_no_snapshots() {
    for other in
        [&b""[..], b"\x80", b"\x80\x04", b"\x80\x04]\x94.", b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93"]
    {
        assert_eq!(ExportFormat::sniff(other), None);
    }
}
