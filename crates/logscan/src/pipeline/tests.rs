//! The same result however the bytes are cut into blocks, and whether records are summed up or not.

#![expect(clippy::indexing_slicing, reason = "the tables are those of this file")]

use std::fmt::Write as _;
use std::time::Duration;

use pycoroner_findings::{SourceId, UtcTime};
use pycoroner_fixtures::Sequence;

use super::{Way, read};
use crate::clock::Zone;
use crate::collector::Collector;
use crate::input::Input;
use crate::lines::BlockSizes;
use crate::records::Records;
use crate::scan::{Options, Scan, scan_in};
use crate::window::{Anchor, CrashedThread, Window};

fn scan_of(mut bytes: &[u8], way: Way, options: &Options) -> Scan {
    let input = Input::new(SourceId(1), "log", &mut bytes);
    scan_in(way, [input], options)
}

/// All that is counted, of which a scan shows only what stands out.
fn tallies_of(logs: &[Vec<u8>], way: Way, options: &Options) -> String {
    let mut readers: Vec<&[u8]> = logs.iter().map(Vec::as_slice).collect();
    let inputs = readers.iter_mut().zip(1..).map(|(reader, id)| Input::new(SourceId(id), "log", reader));
    let mut collector = read(inputs.collect(), Collector::new(options), way);
    let (errors, writers) = (&collector.errors, collector.writers.told());
    format!("{errors:#?} {writers} {:#?}", collector.templates.finish().mined)
}

/// What follows heads of records, or stands between records.
const TEXTS: &[&str] = &[
    "ready",
    "order 7 placed by 10.0.0.1 in 12ms",
    "order 8 placed by 10.0.0.2 in 3ms",
    "cache: hit",
    "a.b:34 - x",
    "GET /orders?id=7 HTTP/1.1 200 12",
    "request_id=abcd1234 started",
    "request_id=abcd1234 done",
    "é: x",
    "",
    "Worker (pid:77) was sent SIGKILL! Perhaps out of memory?",
    "7 12345678901234 x",
    "Timeout (0:00:05)!",
    "charge failed\r",
    "failed\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 3, in run\n    x()\nKeyError: 7",
    "went on\n  with more\nthan a line",
    "\u{1b}[31mred\u{1b}[0m",
];

const HEADS: &[&str] = &[
    "{} INFO [MainThread] shop.orders: ",
    "{} DEBUG [MainThread] shop.orders: ",
    "{} INFO ",
    "{} WARNING [MainThread] shop.cart: ",
    "{} ERROR shop: ",
    "[{} +0200] [77] [INFO] ",
    "{} - shop.pay - INFO - ",
    "INFO:shop:",
    "{\"time\": \"{}\", \"level\": \"INFO\", \"message\": \"x\"}",
    "",
    "{} INFO shop: Killed pro",
    "{} INFO Killed process: ",
    "{} [req-6f1c2b3a-4958-6776-8594-93a2b1c0df00] INFO x: ",
];

/// Heads of several processes and threads.
const WRITERS: &[&str] = &[
    "{} INFO [reaper-1] shop: ",
    "{} INFO [MainThread] shop: ",
    "{} INFO [0x7f00] shop: ",
    "[{} +0200] [77] [INFO] shop: ",
    "[{} +0200] [77] [INFO] cart: ",
    "[{} +0200] [78] [INFO] shop: ",
    "[{} +0200] [79] [WARNING] shop: ",
    "{} DEBUG [Thread-4] shop: ",
    "{\"time\": \"{}\", \"level\": \"INFO\", \"process\": 78, \"threadName\": \"reaper-1\", \"message\": \"{m}\"}",
];

/// Records in JSON, with their messages inside of them.
const OBJECTS: &[&str] = &[
    "{\"time\": \"{}\", \"level\": \"INFO\", \"process\": 78, \"threadName\": \"reaper-1\", \"message\": \"{m}\"}",
    "{\"time\": \"{}\", \"level\": \"DEBUG\", \"process\": 77, \"name\": \"shop\", \"message\": \"{m}\"}",
    "{\"time\": \"{}\", \"level\": \"INFO\", \"process\": 77, \"name\": \"shop\", \"message\": \"{m}\"}\r",
    "{\"time\": \"{}\", \"level\": \"INFO\", \"process\": 77, \"name\": \"cart\", \"message\": \"{m}\", \"request_id\": \"abcd1\"}",
    "{\"time\": \"{}\", \"level\": \"WARNING\", \"process\": 77, \"name\": \"shop\", \"message\": \"{m}\"}",
    "{\"level\": \"INFO\", \"process\": 79, \"message\": \"{m}\"}",
    "{\"time\": \"{}\", \"level\": \"INFO\", \"message\": \"{m}\"",
    "{} INFO [MainThread] shop: ",
    "",
];

/// Records that name requests, in their heads, messages and members.
const REQUESTS: &[&str] = &[
    "{} INFO [MainThread] shop.orders: request_id=abcd{r} ",
    "{} [req-6f1c2b3a-4958-6776-8594-93a2b1c0df{r}] INFO x: ",
    "{\"time\": \"{}\", \"level\": \"INFO\", \"process\": 77, \"message\": \"{m}\", \"trace_id\": \"abcd{r}\"}",
    "{} INFO shop: \"GET /x HTTP/1.1\" 200 request_id=abcd{r} ",
    "{} INFO [MainThread] shop.orders: ",
    "[{} +0200] [77] [INFO] shop: abcd{r} request_id=abcd{r} ",
    "{} [req-6f1c2b3a-4958-6776-8594-93a2b1c0df{r}] ERROR x: ",
    "{} INFO [MainThread] shop: request_id=None ",
];

/// Records of a few heads, most of them quiet, in an order that the seed gives.
fn log(seed: u64, lines: usize) -> Vec<u8> {
    log_of(HEADS, seed, lines)
}

fn log_of(heads: &[&str], seed: u64, lines: usize) -> Vec<u8> {
    let mut sequence = Sequence::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut next = |below: usize| sequence.below(below);
    let mut text = String::new();
    let mut millis = 0_u64;
    for _ in 0..lines {
        millis += [0, 1, 40, 700, 1000, 20_000, 900_000][next(7)];
        // A record may be written after a later one, as threads do.
        let at = [millis, millis, millis.saturating_sub(30), millis.saturating_sub(5000)][next(4)];
        let (minute, second) = (at / 60_000, at / 1000 % 60);
        let time =
            format!("2024-10-27 {:02}:{:02}:{second:02},{:03}", minute / 60 % 24, minute % 60, at % 1000);
        let head = heads[if next(8) > 0 { next(3) } else { next(heads.len()) }].replace("{}", &time);
        let head = head.replace("{r}", &format!("{:02}", next(30)));
        let message = TEXTS[if next(8) > 0 { next(4) } else { next(TEXTS.len()) }];
        let _ = if head.contains("{m}") {
            let quoted = serde_json::json!(message).to_string();
            writeln!(text, "{}", head.replace("{m}", quoted.trim_matches('"')))
        } else {
            writeln!(text, "{head}{message}")
        };
    }
    text.into_bytes()
}

fn ways_of_looking() -> Vec<Options> {
    let berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
    let zone = Zone::new(jiff::tz::TimeZone::posix(berlin).unwrap());
    let half_past_one = UtcTime(1_729_992_600_000_000_000);
    let window = Window { since: Some(half_past_one), until: None };
    vec![
        Options { explain: true, ..Options::default() },
        Options { templates: false, assumed_zone: zone, ..Options::default() },
        Options {
            window: Some(window),
            shifts: [(SourceId(1), -1_500_000_000)].into(),
            ..Options::default()
        },
        Options { window: Some(window), jobs: 3, ..Options::default() },
    ]
}

#[test]
fn summed_up_or_one_by_one() {
    for options in ways_of_looking() {
        for seed in 0..40 {
            let log = log_of([OBJECTS, HEADS, HEADS, REQUESTS][seed as usize % 4], seed, 60);
            let one_by_one = scan_of(&log, Way { sums_up: false, ..Way::default() }, &options);
            let summed_up = scan_of(&log, Way::default(), &options);
            assert!(
                summed_up == one_by_one,
                "seed {seed}: {:#?}\n{:#?}",
                summed_up.document(),
                one_by_one.document()
            );
        }
    }
}

/// Deaths before, in and behind a log, with windows short and long.
fn deaths() -> Vec<Options> {
    let crashed = CrashedThread { name: Some("reaper-1".into()), ident: Some("0x7f00".into()), tid: None };
    let anchor = |minute: i64| Anchor {
        uncertainty_ms: 1500,
        pid: Some(77),
        threads: vec!["0x7f00".into()],
        thread_names: vec!["reaper-1".into()],
        crashed: Some(crashed.clone()),
        ..Anchor::at(UtcTime(1_729_987_200_000_000_000 + minute * 60_000_000_000))
    };
    let around = |minute: i64, before: u64, after: u64| Options {
        anchor: Some(anchor(minute)),
        before: Duration::from_secs(before),
        after: Duration::from_secs(after),
        ..Options::default()
    };
    let berlin = Zone::new(jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
    let window = around(40, 900, 60).resolved_window();
    vec![
        around(50, 300, 60),
        around(90, 3600, 1200),
        around(-130, 20, 3600),
        around(400, 60, 60),
        around(9000, 86_400, 60),
        Options { assumed_zone: berlin, jobs: 3, ..around(70, 1800, 7200) },
        Options { templates: false, ..around(50, 300, 60) },
        Options { window, ..Options::default() },
    ]
}

fn check_tallies(logs: &[Vec<u8>], options: &Options, case: &str) {
    let one_by_one = tallies_of(logs, Way { sums_up: false, ..Way::default() }, options);
    let summed_up = tallies_of(logs, Way::default(), options);
    let other = summed_up.lines().zip(one_by_one.lines()).enumerate().find(|(_, (one, other))| one != other);
    assert_eq!(other, None, "{case}");
}

#[test]
fn around_a_death_summed_up_or_one_by_one() {
    for (case, options) in deaths().iter().enumerate() {
        for seed in 0..8 {
            let log = log_of(WRITERS, seed, 200);
            let one_by_one = scan_of(&log, Way { sums_up: false, ..Way::default() }, options);
            let summed_up = scan_of(&log, Way::default(), options);
            assert!(
                summed_up == one_by_one,
                "{case}, seed {seed}: {:#?}\n{:#?}",
                summed_up.document(),
                one_by_one.document()
            );
            let others = [(HEADS, 60), (WRITERS, 100), (OBJECTS, 100), (REQUESTS, 200)];
            let others = others.map(|(heads, lines)| log_of(heads, seed + 100, lines));
            let logs: Vec<Vec<u8>> = std::iter::once(log).chain(others).collect();
            check_tallies(&logs, options, &format!("{case}, seed {seed}"));
        }
    }
}

#[test]
fn more_than_is_kept_apart() {
    let options = &deaths()[1];
    // Logs that hold the same message.
    let logs: Vec<Vec<u8>> = (0..40).map(|seed| log_of(WRITERS, seed, 40)).collect();
    check_tallies(&logs, options, "logs");
    let lines = |line_of: &dyn Fn(usize, &str) -> String, lines: usize| -> Vec<u8> {
        let mut log = String::new();
        for line in 0..lines {
            let (minute, second, tenth) = (line / 2400, line / 40 % 60, line / 4 % 10);
            let time = format!("2024-10-27 00:{minute:02}:{second:02},{tenth}00");
            let _ = writeln!(log, "{}", line_of(line, &time));
        }
        log.into_bytes()
    };
    // Processes, each of which writes some lines.
    let of_pids = |line: usize, time: &str| format!("[{time}] [{}] [INFO] shop: x", 1000 + line / 3);
    check_tallies(&[lines(&of_pids, 1700)], options, "processes");
    // Messages: words of letters, each twice, and later again.
    let of_words = |line: usize, time: &str| {
        let word = line % 17_000 / 2;
        let letters = [word / 676, word / 26 % 26, word % 26].map(|digit| char::from(b'a' + digit as u8));
        format!("{time} INFO [MainThread] shop: {} done", String::from_iter(letters))
    };
    check_tallies(&[lines(&of_words, 20_000)], options, "messages");
}

/// Templates are dropped in the midst of a run: what is counted by its first words from there on is merged one by one.
#[test]
fn more_than_there_is_room_for_in_a_run() {
    const WORDS: usize = 31;
    let letters = |number: usize| [number / 676, number / 26 % 26, number % 26].map(|at| b'a' + at as u8);
    let word = |number: usize| String::from_utf8(letters(number).to_vec()).unwrap();
    let mut log = String::new();
    for group in 0..280 {
        let mut line = |millis: usize, rest: &str| {
            let millis = group * 15_000 + millis;
            let (minute, second) = (millis / 60_000, millis / 1000 % 60);
            let time = format!("{:02}:{:02}:{second:02},{:03}", minute / 60, minute % 60, millis % 1000);
            let _ = writeln!(log, "2024-10-27 {time} {rest}");
        };
        // It ends the run of the group before, so that each group is one.
        line(0, "WARNING [MainThread] shop: next");
        for start in [0, 10_000, 5_000] {
            for at in 0..WORDS {
                let (group, word) = (word(group), word(group * WORDS + at));
                line(start + at * 10, &format!("INFO [MainThread] shop: {group} job {word} done"));
            }
        }
    }
    check_tallies(&[log.into_bytes()], &deaths()[1], "room");
}

#[test]
fn cut_anywhere() {
    let options = Options { explain: true, ..Options::default() };
    let log = log(7, 60);
    let whole = scan_of(&log, Way::default(), &options);
    // A block holds a line at least, so that these sizes cut at the end of each line.
    for size in (1..log.len()).step_by(7) {
        let blocks = BlockSizes { first: size, others: 1 + size / 2 };
        let in_blocks = scan_of(&log, Way { blocks, ..Way::default() }, &options);
        assert!(in_blocks == whole, "blocks of {size} bytes");
    }
}

#[test]
fn records_are_cut_anywhere() {
    let options = Options::default();
    let log = log(9, 60);
    let records_of = |blocks| {
        let mut bytes = log.as_slice();
        let input = Input::new(SourceId(1), "log", &mut bytes);
        Records::in_blocks(blocks, [input], &options).map(Result::unwrap).collect::<Vec<_>>()
    };
    let whole = records_of(BlockSizes::default());
    assert!(whole.len() > 40, "{}", whole.len());
    for size in (1..log.len()).step_by(7) {
        let in_blocks = records_of(BlockSizes { first: size, others: 1 + size / 2 });
        assert!(in_blocks == whole, "blocks of {size} bytes");
    }
}
