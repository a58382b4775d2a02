//! Which bare numbers in the heads of records are processes.

use pycoroner_findings::SourceId;
use pycoroner_logscan::{Input, Options, Record, Records};

/// `pid thread logger LEVEL | message` of each record.
fn shown(log: &str) -> Vec<String> {
    let mut reader = log.as_bytes();
    let options = Options::default();
    let records = Records::new([Input::new(SourceId(1), "app.log", &mut reader)], &options);
    let text = |text: Option<&dyn std::fmt::Display>| text.map_or("-".to_owned(), ToString::to_string);
    let show = |record: Record| {
        format!(
            "{} {} {} {} | {}",
            text(record.pid.as_ref().map(|pid| pid as &dyn std::fmt::Display)),
            text(record.thread.as_ref().map(|thread| thread as &dyn std::fmt::Display)),
            text(record.logger.as_ref().map(|logger| logger as &dyn std::fmt::Display)),
            record.level.map_or("-", |level| level.name()),
            record.message
        )
    };
    records.map(|record| show(record.unwrap())).collect()
}

/// A log of lines `2026-11-26 10:00:SS,123 REST`.
fn log(rests: impl IntoIterator<Item = String>) -> String {
    let line = |(at, rest): (usize, String)| {
        format!("2026-11-26 10:{:02}:{:02},{:03} {rest}\n", at / 60, at % 60, (at * 37) % 1000)
    };
    rests.into_iter().enumerate().map(line).collect()
}

/// The processes of the records.
#[track_caller]
fn check(rests: impl IntoIterator<Item = String>, expected: &[&str]) {
    let log = log(rests);
    let mut pids: Vec<String> =
        shown(&log).iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect();
    pids.sort();
    pids.dedup();
    assert_eq!(pids, expected, "{log}");
}

const SAYINGS: [&str; 4] = ["started job", "resized 7 of 9", "wrote thumbnails", "job done"];

fn saying(at: usize) -> &'static str {
    SAYINGS[at % 4]
}

#[test]
fn a_process_before_an_unknown_thread() {
    let records = shown(&log((0..12).map(|at| format!("25586 resizer img.resize INFO {}", saying(at)))));
    assert_eq!(records[0], "25586 resizer img.resize INFO | started job");
    assert_eq!(records[5], "25586 resizer img.resize INFO | resized 7 of 9");
    check((0..12).map(|at| format!("25586 [resizer] img.resize INFO {}", saying(at))), &["25586"]);
    check((0..12).map(|at| format!("- 25586 - resizer - img.resize - INFO - {}", saying(at))), &["25586"]);
    check((0..12).map(|at| format!("INFO 25586 {}", saying(at))), &["25586"]);
    check((0..12).map(|at| format!("[INFO] 25586 img.resize: {}", saying(at))), &["25586"]);
}

#[test]
fn processes_among_each_other() {
    let workers = (0..40).map(|at| {
        let level = if at % 5 == 0 { "WARNING" } else { "INFO" };
        format!("{} worker img.resize {level} {}", [31, 38, 40][at % 3], saying(at / 3))
    });
    check(workers, &["31", "38", "40"]);
}

#[test]
fn a_process_that_the_log_speaks_of() {
    let rests = ["7 main img INFO Booting worker with pid: 7", "7 main img INFO ready", "7 main img INFO x"];
    check(rests.map(str::to_owned), &["7"]);
}

#[test]
fn few_records_do_not_tell() {
    let records = shown(&log(["25586 resizer img.resize INFO started job".to_owned()]));
    assert_eq!(records, ["- resizer img.resize INFO | started job"]);
    // In the layout of oslo, the process is known by its place.
    let records = shown(&log(["25586 ERROR nova.compute [-] lost".to_owned()]));
    assert_eq!(records, ["25586 - nova.compute ERROR | lost"]);
}

#[test]
fn what_is_no_process() {
    let level = |at: usize| if at.is_multiple_of(3) { "WARNING" } else { "INFO" };
    // A counter of records, from one and from elsewhere, and one with zeros in front.
    check((0..30).map(|at| format!("{} resizer img.resize {} {}", at + 1, level(at), saying(at))), &["-"]);
    check((0..30).map(|at| format!("{} img.resize {} {}", at + 25_570, level(at), saying(at))), &["-"]);
    check((0..30).map(|at| format!("{:05} img.resize {} {}", 70 + at % 3, level(at), saying(at))), &["-"]);
    // Milliseconds since the start, some of them twice.
    check(
        (0..30).map(|at| format!("{} img.resize {} {}", 100 + at / 2 * 37 + at % 2, level(at), saying(at))),
        &["-"],
    );
    // A line of source code: one message each.
    check((0..40).map(|at| format!("{} img.resize {} {}", 120 + at % 4 * 11, level(at), saying(at))), &["-"]);
    // The line of a function by which all is logged, one for each level.
    check((0..40).map(|at| format!("{} img {} {}", 12 + at % 3, level(at), saying(at))), &["-"]);
    // A duration.
    check((0..40).map(|at| format!("{} img.resize INFO {}", at * 7919 % 4001 + 3, saying(at))), &["-"]);
    // A status of HTTP.
    check(
        (0..40).map(|at| format!("{} shop.web INFO GET /{}", [200, 200, 404, 302][at % 4], saying(at))),
        &["-"],
    );
    // `levelno`.
    check((0..40).map(|at| format!("{} img {} {}", [30, 20, 20][at % 3], level(at), saying(at))), &["-"]);
    // The number of a worker, a rank.
    check((0..40).map(|at| format!("{} worker img INFO {}", at % 4, saying(at / 4))), &["-"]);
    check((0..40).map(|at| format!("{} worker img INFO {}", at % 4 + 1, saying(at / 4))), &["-"]);
    check((0..40).map(|at| format!("3 worker img INFO {}", saying(at / 4))), &["-"]);
    // The identifier of a thread is no process, and a message may start with a number.
    check((0..40).map(|at| format!("140735251232512 img.resize INFO {}", saying(at))), &["-"]);
    check((0..40).map(|at| format!("INFO {} items were lost of {}", at % 3 + 11, saying(at))), &["-"]);
}

#[test]
fn level_and_names_are_read_all_the_same() {
    let records = shown(&log((0..12).map(|at| format!("{} resizer img.resize INFO {}", at + 1, saying(at)))));
    assert_eq!(records[1], "- resizer img.resize INFO | resized 7 of 9");
    let records = shown(&log((0..12).map(|at| format!("{} img.resize INFO {}", at + 25_570, saying(at)))));
    assert_eq!(records[1], "- - img.resize INFO | resized 7 of 9");
}
