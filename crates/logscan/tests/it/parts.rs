//! Large files of which only the window is read, and what comes before it.

use std::fmt::Write as _;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use pycoroner_findings::{SourceId, UtcTime};
use pycoroner_fixtures::Sequence;
use pycoroner_logscan::{
    Anchor, Input, LogPart, Options, PartialReading, ReadSeek, Reader, Scan, Window, Zone, scan,
};

use crate::shown::time;

/// 2024-05-01T00:00:00Z.
const MIDNIGHT: i64 = 1_714_521_600;
/// Where the log ends, in milliseconds from then on.
const END_MS: i64 = 5_400_000;

fn clock(millis: i64) -> String {
    UtcTime(MIDNIGHT * 1_000_000_000 + millis * 1_000_000).to_string().replace('T', " ").replace('Z', "")
}

/// An hour and a half of a log in order, its times going back by up to so many milliseconds.
fn log(seed: u64, back_ms: u64) -> String {
    let mut sequence = Sequence::new(seed);
    let mut below = |bound: u64| sequence.below(usize::try_from(bound).unwrap());
    let mut log = String::new();
    let mut now = 0_i64;
    while now < END_MS {
        now += 20 + i64::try_from(below(600)).unwrap();
        let at = clock(now - i64::try_from(below(back_ms + 1)).unwrap());
        match below(400) {
            0 => {
                let order = below(50);
                let _ = write!(
                    log,
                    "{at} ERROR shop.orders: order {order} failed\nTraceback (most recent call last):\n  File \"/srv/shop/orders.py\", line {}, in place\n    raise KeyError(order)\nKeyError: {order}\n",
                    10 + order
                );
            }
            1..9 => {
                let _ = writeln!(log, "{at} WARNING shop.stock: stock of {} is low", below(1000));
            }
            9..20 => {
                let _ = writeln!(log, "{at} INFO shop.audit: items\n  - {}\n  - {}", now % 7, now % 5);
            }
            _ => {
                let _ = writeln!(log, "{at} INFO shop.web: GET /orders/{} 200", below(9000));
            }
        }
    }
    log
}

/// Reads parts of anything that is longer than nothing.
fn partial() -> PartialReading {
    PartialReading { above: 0, least_before: 20 << 10, most_before: 100 << 10 }
}

fn scan_file(file: &mut (dyn ReadSeek + Send), options: &Options) -> Scan {
    let reader = Reader::File(file);
    scan([Input::new(SourceId(1), "app.log", reader)], options)
}

fn around(millis: i64) -> Options {
    let anchor = Anchor::at(time(&format!("{}Z", clock(millis).replace(' ', "T"))));
    Options { anchor: Some(anchor), partial: partial(), explain: true, ..Options::default() }
}

fn part_of(scan: &Scan) -> Option<LogPart> {
    scan.sources[0].part
}

/// What a scan says of the window: events, tracebacks, warnings and counts, by their bytes.
fn window_of(scan: &Scan) -> String {
    let mut told = String::new();
    let window = scan.window.as_ref().unwrap();
    let _ = writeln!(told, "{} {:?}", window.records, window.levels);
    for entry in scan.tracebacks.iter().filter(|entry| entry.in_window > 0) {
        let _ = writeln!(told, "{:?} {} in window", entry.type_name, entry.in_window);
    }
    for record in &scan.warnings {
        let text = (record.at, record.level, &record.message, record.place.offset, record.place.bytes);
        let _ = writeln!(told, "{text:?}");
    }
    for template in scan.templates.iter().filter(|template| template.in_window > 0) {
        let place = template.place_in_window.map(|place| place.offset);
        let _ = writeln!(told, "{} {} {place:?}", template.template, template.in_window);
    }
    let mut lines: Vec<&str> = told.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// Compares a scan of the window alone with one of all; which part it was.
fn check_equal(log: &str, options: &Options) -> LogPart {
    let part = scan_file(&mut Cursor::new(log), options);
    let whole = Options { partial: PartialReading { above: u64::MAX, ..partial() }, ..options.clone() };
    let whole = scan_file(&mut Cursor::new(log), &whole);
    assert_eq!(part_of(&whole), None);
    assert_eq!(window_of(&part), window_of(&whole));
    let range = part_of(&part).unwrap_or_else(|| panic!("{:?}", part.sources[0].explanation));
    assert_eq!(range.of, log.len() as u64);
    assert_eq!(part.sources[0].bytes, range.to - range.from);
    range
}

#[test]
fn a_window_found_is_as_one_of_all() {
    for (seed, back_ms) in [(1, 0), (3, 2_000)] {
        let log = log(seed, back_ms);
        for minute in [-90, 0, 43, 300] {
            let range = check_equal(&log, &around(minute * 60_000));
            let bytes = range.to - range.from;
            assert!(bytes < range.of / 2, "{bytes} of {} for minute {minute}", range.of);
        }
        let since = Window { since: Some(time("2024-05-01T01:25:00Z")), until: None };
        let until = Window { since: None, until: Some(time("2024-05-01T00:10:00Z")) };
        for window in [since, until] {
            check_equal(&log, &Options { window: Some(window), anchor: None, ..around(0) });
        }
    }
}

#[test]
fn nothing_that_was_read_in_part_has_lines() {
    let log = log(5, 0);
    let scan = scan_file(&mut Cursor::new(&log), &around(2_700_000));
    let part = part_of(&scan).unwrap();
    assert!(part.from > 0 && part.window_from > part.from && part.window_from < part.to);
    assert_eq!(part.file_first.unwrap().to_string()[..16], *"2024-05-01T00:00");
    assert_eq!(part.file_last.unwrap().to_string()[..16], *"2024-05-01T01:30");
    let document = serde_json::to_value(scan.document()).unwrap();
    let mut left = vec![&document];
    let mut places = 0;
    while let Some(value) = left.pop() {
        if let Some(place) = value.as_object().filter(|object| object.contains_key("offset")) {
            if place.contains_key("source") {
                places += 1;
                assert!(!place.contains_key("line") && !place.contains_key("last_line"), "{value}");
                let offset = value["offset"].as_u64().unwrap();
                assert!(offset >= part.from && offset < part.to);
            }
            if place.contains_key("kind") {
                assert_ne!(place["kind"], "lines", "{value}");
            }
        }
        left.extend(value.as_array().into_iter().flatten());
        left.extend(value.as_object().into_iter().flat_map(|object| object.values()));
    }
    assert!(places > 20, "{places}");
    let traceback = scan.tracebacks.iter().find(|entry| entry.in_window > 0).unwrap();
    let start = usize::try_from(traceback.place.offset).unwrap();
    assert!(log[start..].starts_with("Traceback") || log[start..].contains("failed\nTraceback"));
    let citation = traceback.place.citation(&scan.sources).unwrap().to_string();
    assert!(citation.starts_with("[E1@0x"), "{citation}");
}

fn whole_because(scan: &Scan) -> Option<&str> {
    assert_eq!(part_of(scan), None);
    scan.sources[0].explanation.as_ref().unwrap().whole_because.as_deref()
}

#[test]
fn what_cannot_be_bisected_is_read_as_a_whole() {
    let check = |log: &str, expected: Option<&str>| {
        let scan = scan_file(&mut Cursor::new(log), &around(2_700_000));
        assert_eq!(whole_because(&scan), expected);
        assert_eq!(scan.sources[0].bytes, log.len() as u64);
    };
    let ordered = log(6, 0);
    let (first, second) = ordered.split_at(ordered[..ordered.len() / 2].rfind('\n').unwrap() + 1);
    check(&format!("{second}{first}"), Some("its times are not in order"));
    let untimed: String = ordered.lines().map(|line| format!("INFO:shop:{line}\n")).collect();
    check(
        &untimed.replace("INFO:shop:20", "INFO:shop:x 20"),
        Some("too few of its lines have a time that is known"),
    );
    let document = format!("[\n{}\n]\n", vec!["{\"a\": 1}"; 20_000].join(",\n"));
    check(&document, Some("it is one document, and not lines"));
    check("2024-05-01 05:00:00,000 INFO shop: short\n", None);
    // Without a window, there is nothing to find.
    let scan = scan_file(&mut Cursor::new(&ordered), &Options { anchor: None, ..around(0) });
    assert_eq!(whole_because(&scan), None);
}

#[test]
fn stretches_without_times() {
    // Many kilobytes of a record's further lines at each place where the window may begin or end, and a long line.
    for at in [2_700_000 - 300_000, 2_700_000, 2_700_000 + 60_000] {
        let base = log(7, 0);
        let stamp = clock(at);
        let cut = base.lines().position(|line| line > stamp.as_str() && line.starts_with("2024")).unwrap();
        let mut lines: Vec<&str> = base.lines().collect();
        let dump = "  a line of a dump of something, without a time of its own\n".repeat(5_000);
        lines.insert(cut, &dump);
        let long = format!("{}{}", "x".repeat(300_000), "");
        lines.insert(cut, &long);
        check_equal(&(lines.join("\n") + "\n"), &around(2_700_000));
    }
}

#[test]
fn the_hour_that_is_repeated() {
    // Clocks go back from 03:00 to 02:00 on 2024-10-27 in Berlin: an hour's times come twice.
    let mut log = String::new();
    let base = time("2024-10-26T22:00:00Z").0;
    for step in 0..20_000_i64 {
        let utc = base + step * 1_000_000_000;
        let offset = if utc < time("2024-10-27T01:00:00Z").0 { 2 } else { 1 };
        let local = UtcTime(utc + offset * 3_600_000_000_000).to_string();
        let local = local.replace('T', " ").replace('Z', ",000");
        let level = if step % 97 == 0 { "WARNING" } else { "INFO" };
        let _ = writeln!(log, "{local} {level} shop: {step} done");
    }
    let berlin = Zone::named("Europe/Berlin").unwrap();
    for death in
        ["2024-10-26T23:30:00Z", "2024-10-27T00:20:00Z", "2024-10-27T01:40:00Z", "2024-10-27T03:00:00Z"]
    {
        let anchor = Some(Anchor::at(time(death)));
        let options = Options { assumed_zone: berlin.clone(), anchor, ..around(0) };
        check_equal(&log, &options);
        // Read as UTC, an hour goes back, and all is read.
        let scan = scan_file(&mut Cursor::new(&log), &Options { assumed_zone: Zone::UTC, ..options });
        assert_eq!(whole_because(&scan), Some("its times are not in order"));
    }
}

#[test]
fn wrapped_lines() {
    let plain = log(8, 0);
    let wraps: [fn(&str) -> String; 3] = [
        |line| format!("web_1  | {line}\n"),
        |line| {
            let quoted = serde_json::to_string(&format!("{line}\n")).unwrap();
            format!(
                "{{\"log\":{quoted},\"stream\":\"stderr\",\"time\":\"{}Z\"}}\n",
                &line[..23].replace(' ', "T")
            )
        },
        |line| format!("{}Z stdout F {line}\n", &line[..23].replace(' ', "T")),
    ];
    for wrap in wraps {
        let wrapped: String = plain.lines().filter(|line| line.starts_with("2024")).map(wrap).collect();
        check_equal(&wrapped, &around(2_700_000));
    }
}

/// A file that others write to: it is cut, or grows, once it was looked at.
struct Changing {
    file: Cursor<Vec<u8>>,
    reads: u32,
    change: fn(&mut Vec<u8>),
}

impl Read for Changing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.reads == 60 {
            (self.change)(self.file.get_mut());
        }
        self.file.read(buffer)
    }
}

impl Seek for Changing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[test]
fn files_that_change_while_they_are_read() {
    let log = log(9, 0);
    let changing =
        |change: fn(&mut Vec<u8>)| Changing { file: Cursor::new(log.clone().into_bytes()), reads: 0, change };
    let mut grows = changing(|file| {
        for second in 0..600 {
            file.extend(format!("{} ERROR shop: late\n", clock(END_MS + second * 1000)).bytes());
        }
    });
    // The window reaches beyond the end: what is written meanwhile belongs to it.
    let scan = scan_file(&mut grows, &around(END_MS + 100_000));
    let part = part_of(&scan).unwrap();
    assert!(part.to > part.of && scan.warnings.iter().any(|record| record.message == "late"));
    let mut grows = changing(grows.change);
    let part = part_of(&scan_file(&mut grows, &around(2_700_000))).unwrap();
    assert!(part.to < part.of);
    let mut shrinks = changing(|file| file.truncate(file.len() / 2));
    let scan = scan_file(&mut shrinks, &around(2_800_000));
    assert!(scan.gaps.iter().any(|gap| gap.why.contains("cut while it was read")), "{:?}", scan.gaps);
}

#[test]
fn rotated_logs_in_parts() {
    let log = log(10, 0);
    let half = log[..log.len() / 2].rfind("\n2024").unwrap() + 1;
    let (first, second) = log.split_at(half);
    let read = |partial: PartialReading, millis: i64| {
        let (mut first, mut second) = (Cursor::new(first), Cursor::new(second));
        let input = |id, continues, reader| Input { continues, ..Input::new(SourceId(id), "a", reader) };
        let inputs = [input(1, false, Reader::File(&mut first)), input(2, true, Reader::File(&mut second))];
        scan(inputs, &Options { partial, ..around(millis) })
    };
    for millis in [2_690_000, 5_000_000] {
        let part = read(partial(), millis);
        assert!(part.sources.iter().all(|source| source.part.is_some()));
        let whole = read(PartialReading { above: u64::MAX, ..partial() }, millis);
        assert_eq!(window_of(&part), window_of(&whole));
    }
}
