#![expect(clippy::indexing_slicing, reason = "a test may panic")]

use pycoroner_fixtures::Sequence;

use super::*;
use crate::json::unescape;

/// Records of formatters and stores, in pairs that are laid out alike.
const RECORDS: &[[&str; 2]] = &[
    [
        r#"{"timestamp": "2024-05-01 12:00:00,123", "level": "INFO", "name": "shop", "process": 77, "message": "a"}"#,
        r#"{"timestamp": "2024-05-01 12:00:01,001", "level": "ERROR", "name": "shop.orders", "process": 8, "message": "b c"}"#,
    ],
    [
        r#"{"event":"x","request_id":"r-12345","level":"info","timestamp":"2024-05-01T12:00:00.000001Z"}"#,
        r#"{"event":"order placed, all is well","request_id":"r-2","level":"warning","timestamp":"2024-05-01T12:00:00.5Z"}"#,
    ],
    [
        r#"{"@timestamp":"2024-05-01T12:00:00.000Z","log":{"level":"info","logger":"a"},"process":{"pid":7,"thread":{"name":"T"}},"message":"m","trace":{"id":"0af7651916cd43dd8448eb211c80319c"}}"#,
        r#"{"@timestamp":"2024-05-01T12:00:00.001Z","log":{"level":"","logger":"b"},"process":{"pid":null,"thread":{"name":""}},"message":"","trace":{"id":"0af7651916cd43dd8448eb211c80319d"}}"#,
    ],
    [
        r#"{"msg":"m","time":1714564800.25,"level":30,"extra":{"a":[1,"x",{}],"level":"ERROR","b":true},"tags":[]}"#,
        r#"{"msg":"n \"q\" n","time":1714564800123,"level":50,"extra":{"a":[2,"y",{}],"level":"INFO","b":null},"tags":[]}"#,
    ],
    [
        r#"{ "text" : "t" , "record" : {"message": "m", "level": {"name": "INFO", "no": 20}, "time": {"timestamp": 1714564800.5}, "process": {"id": 3, "name": "P"}, "thread": {"id": 1, "name": "Q"}}}"#,
        r#"{ "text" : "u" , "record" : {"message": "\u00e9\n", "level": {"name": "x", "no": 7}, "time": {"timestamp": 1.5}, "process": {"id": 4, "name": ""}, "thread": {"id": 2, "name": ""}}}"#,
    ],
    [
        r#"{"timeUnixNano":"1714564800123456789","severityNumber":9,"message":"n","body":{"stringValue":"m"},"traceId":"0af7651916cd43dd"}"#,
        r#"{"timeUnixNano":"x","severityNumber":17,"message":"p","body":{"stringValue":"o"},"traceId":""}"#,
    ],
    [
        r#"{"message":null,"trace_id":"a","request_id":"b"}"#,
        r#"{"message":1,"trace_id":"c","request_id":""}"#,
    ],
    [
        r#"{"message":"a","stream":"stdout","log":"l","time":"t","time":"2024-05-01T12:00:00Z"}"#,
        r#"{"message":"b","stream":"stderr","log":"k","time":"2024-05-01T12:00:00Z","time":"2024-05-01T12:00:01Z"}"#,
    ],
];

/// What the whole reading of a line says of its head; `None` when it says that more is needed.
fn read_as_whole(line: &[u8]) -> Option<Header<'_>> {
    let record = JsonRecord::parse(line)?;
    record.head.message?;
    Some(Known { format: record.format(), is_escaped: false }.header(&record.head))
}

fn check_same(layouts: &mut Layouts, line: &[u8]) -> bool {
    let mut head = Head::default();
    let known = layouts.read(line, Needles::get(), &mut head);
    if let Some(known) = known {
        let shown = String::from_utf8_lossy(line);
        let whole = read_as_whole(line).unwrap_or_else(|| panic!("no record: {shown}"));
        assert_eq!(format!("{:?}", known.header(&head)), format!("{whole:?}"), "{shown}");
        let needs_decoding = unescape(whole.message).as_ref() != whole.message;
        assert!(known.is_escaped || !needs_decoding, "{shown}");
        assert!(Needles::get().in_line(line).is_empty(), "{shown}");
    }
    if let Some(record) = JsonRecord::parse(line).filter(|_| known.is_none()) {
        layouts.learn(line, &record);
    }
    known.is_some()
}

#[test]
fn records_that_are_laid_out_alike() {
    for [first, second] in RECORDS {
        let mut layouts = Layouts::default();
        assert!(!check_same(&mut layouts, first.as_bytes()), "{first}");
        assert!(check_same(&mut layouts, first.as_bytes()), "{first}");
        assert!(check_same(&mut layouts, second.as_bytes()), "{second}");
    }
    let mut layouts = Layouts::default();
    let all = || RECORDS.iter().flatten();
    for line in all() {
        check_same(&mut layouts, line.as_bytes());
    }
    assert!(all().all(|line| check_same(&mut layouts, line.as_bytes())));
}

#[test]
fn records_that_are_read_as_a_whole() {
    for line in [
        r#"{"level":"INFO","time":"2024-05-01T12:00:00Z"}"#,
        r#"{"log":"2024-05-01 12:00:00 INFO x\n","stream":"stdout","time":"2024-05-01T12:00:00Z"}"#,
        r#"{"message":["a"],"level":"INFO"}"#,
        r#"{"body":{"stringValue":"a"},"message":"b"}"#,
        r#"{"message":"a","attributes":[{"key":"level","value":{"stringValue":"ERROR"}}]}"#,
        // The record's own name is read first, wherever it stands.
        r#"{"extra":{"name":"a"},"name":"b","message":"c"}"#,
        r#"{"message":"a"} and more"#,
        r#"{"message":"a""#,
        r#"{"message":"a" "level":"INFO"}"#,
    ] {
        let mut layouts = Layouts::default();
        check_same(&mut layouts, line.as_bytes());
        assert!(!check_same(&mut layouts, line.as_bytes()), "{line}");
    }
}

/// Changes bytes, cuts, and puts parts of one line into another, or the same one again.
fn change(sequence: &mut Sequence, line: &[u8], other: &[u8]) -> Vec<u8> {
    const BYTES: &[u8] = b"\"\\{}[]:, \tn1-\0\xffx";
    let mut line = line.to_vec();
    for _ in 0..=sequence.below(3) {
        let at = sequence.below(line.len());
        match sequence.below(6) {
            0 => line.truncate(at),
            1 => line.insert(at, BYTES[sequence.below(BYTES.len())]),
            2 if !line.is_empty() => line[at] = BYTES[sequence.below(BYTES.len())],
            3 if !line.is_empty() => drop(line.remove(at)),
            // A member, or something like it.
            4 => {
                let from = sequence.below(other.len());
                let to = (from + sequence.below(40)).min(other.len());
                line.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                let to = (at + sequence.below(40)).min(line.len());
                let part = line[at..to].to_vec();
                let behind = sequence.below(line.len());
                line.splice(behind..behind, part);
            }
        }
    }
    line
}

#[test]
fn changed_records_are_read_alike_in_both_ways() {
    let mut sequence = Sequence::new(0x9e37_79b9_7f4a_7c15);
    let mut layouts = Layouts::default();
    let lines: Vec<&str> = RECORDS.iter().flatten().copied().collect();
    let mut known = 0;
    for round in 0..15_000 {
        if round % 500 == 0 {
            layouts = Layouts::default();
            for line in &lines {
                check_same(&mut layouts, line.as_bytes());
            }
        }
        let line = lines[sequence.below(lines.len())];
        let other = lines[sequence.below(lines.len())];
        let changed = change(&mut sequence, line.as_bytes(), other.as_bytes());
        known += usize::from(changed.first() == Some(&b'{') && check_same(&mut layouts, &changed));
    }
    assert!(known > 800, "{known}");
}

#[test]
fn layouts_are_bounded() {
    let mut layouts = Layouts::default();
    for number in 0..20_000 {
        let line = format!(r#"{{"message":"a","key{}":1,"other{}":"x"}}"#, number % 30, number);
        check_same(&mut layouts, line.as_bytes());
    }
    assert!(layouts.nodes.len() <= MAX_NODES);
    assert!(layouts.nodes.iter().all(|node| node.edges.len() <= MAX_EDGES));
}
