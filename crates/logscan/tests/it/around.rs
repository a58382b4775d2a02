//! What the log shows around a death: rates, silences, the dead process.

use std::fmt::Write as _;

use pycoroner_findings::SourceId;
use pycoroner_logscan::{Anchor, CrashedThread, Direction, Input, Options, Scan, Template, scan};

use crate::shown::{scan_text, time};

fn clock(second: u64) -> String {
    format!("2024-05-01 {:02}:{:02}:{:02},000", 10 + second / 3600, second / 60 % 60, second % 60)
}

/// Two hours from 10:00 on, with a death at 12:00; each line has the second at which it comes.
fn log(mut lines: Vec<(u64, String)>) -> String {
    lines.sort();
    let mut log = String::new();
    for (second, line) in lines {
        writeln!(log, "{} {line}", clock(second)).unwrap();
    }
    log
}

fn every(interval: u64, seconds: std::ops::Range<u64>, line: &str) -> Vec<(u64, String)> {
    let steps = seconds.clone().step_by(usize::try_from(interval).unwrap());
    steps.map(|second| (second, line.replace("{}", &second.to_string()))).collect()
}

fn death() -> Options {
    Options { anchor: Some(Anchor::at(time("2024-05-01T12:00:00Z"))), ..Options::default() }
}

fn of<'a>(scan: &'a Scan, start: &str) -> &'a Template {
    scan.templates.iter().find(|template| template.template.starts_with(start)).unwrap()
}

#[test]
fn rates() {
    let mut lines = every(2, 0..7200, "INFO shop: steady {}");
    // Bursts of 20 all the time are what this log is like; one more is no change.
    for burst in (0..7200).step_by(600) {
        lines.extend(every(1, burst..burst + 20, "INFO shop: burst {}"));
    }
    lines.extend(every(1, 7100..7120, "INFO shop: burst {}"));
    lines.extend(every(300, 0..6900, "WARNING shop: slow {}"));
    lines.extend(every(5, 6900..7200, "WARNING shop: slow {}"));
    lines.extend(every(3, 0..6900, "INFO shop: rare now {}"));
    lines.extend(every(60, 6900..7200, "INFO shop: rare now {}"));
    lines.extend(every(10, 7205..7250, "ERROR shop: restarted {}"));
    let scan = scan_text(&log(lines), &death());
    for start in ["steady", "burst", "restarted"] {
        assert_eq!(of(&scan, start).change, None, "{start}");
    }
    let slow = of(&scan, "slow").change.as_ref().unwrap();
    let told = (slow.direction, slow.before, slow.before_ms, slow.inside, slow.inside_ms);
    assert_eq!(told, (Direction::More, 23, 6_900_000, 60, 300_000));
    assert_eq!((slow.expected.to_string(), slow.most_in_a_stretch, slow.stretches), ("1".into(), 1, 23));
    assert!(slow.p_value.0 < 1e-60, "{}", slow.p_value);
    let rare = of(&scan, "rare now").change.as_ref().unwrap();
    assert_eq!((rare.direction, rare.inside, rare.fewest_in_a_stretch), (Direction::Less, 5, 99));
    let restarted = of(&scan, "restarted");
    assert_eq!((restarted.new_in_window, restarted.in_window, restarted.after_death), (Some(true), 5, 5));
    let window = scan.window.as_ref().unwrap();
    assert_eq!(window.test.as_ref().unwrap().tested, 6);
    assert_eq!(
        window.levels_over_time.buckets.iter().map(|bucket| bucket.records).sum::<u64>(),
        window.records
    );
    assert_eq!(scan.levels_over_time.bucket_ms, 300_000);
    let findings = scan.findings();
    let changed: Vec<_> = findings.iter().filter(|finding| finding.id == "rate-changed-in-window").collect();
    let titles: Vec<&str> = changed.iter().map(|finding| finding.title.as_str()).collect();
    assert_eq!(titles, ["More often than before: \"slow <n>\"", "Less often than before: \"rare now <n>\""]);
    assert!(changed.iter().all(|finding| finding.evidence.iter().all(|said| !said.citations.is_empty())));
}

#[test]
fn silences() {
    let mut lines = every(10, 0..7100, "INFO shop: heartbeat {}");
    lines.extend(every(1, 0..7200, "INFO shop: request {}"));
    // It was silent for longer before.
    lines.extend(every(10, 0..3000, "INFO shop: poll {}"));
    lines.extend(every(10, 4000..6800, "INFO shop: poll {}"));
    let scan = scan_text(&log(lines), &death());
    let silence = of(&scan, "heartbeat").silence.as_ref().unwrap();
    let told = (silence.silent_ms, silence.usual_interval_ms, silence.longest_gap_ms, silence.seen);
    assert_eq!(told, (109_000, 10_000, 10_000, 710));
    assert!(silence.place.unwrap().line > 7000);
    assert_eq!((of(&scan, "poll").silence.as_ref(), of(&scan, "request").silence.as_ref()), (None, None));
    let findings = scan.findings();
    let silent = findings.iter().find(|finding| finding.id == "message-silent-before-death").unwrap();
    assert!(
        silent.title.contains("Silent for 109 s before the death, though it came every 10 s"),
        "{}",
        silent.title
    );
}

/// A log that starts in the window says nothing about what is new, and its rotated predecessor does.
#[test]
fn logs_are_compared_with_themselves() {
    let old = log(every(1, 0..7150, "INFO shop: request {}"));
    let new = log(every(10, 7150..7200, "ERROR shop: broken {}"));
    let check = |name: &str, expected: Option<bool>, is_silent: bool| {
        let (mut old, mut new) = (old.as_bytes(), new.as_bytes());
        let scan = scan(
            [Input::new(SourceId(1), "app.log.1", &mut old), Input::new(SourceId(2), name, &mut new)],
            &death(),
        );
        assert_eq!(of(&scan, "broken").new_in_window, expected, "{name}");
        // Its log ends with it, or goes on without it.
        assert_eq!(of(&scan, "request").silence.is_some(), is_silent, "{name}");
    };
    check("app.log", Some(true), true);
    check("other.log", None, false);
}

fn core() -> Options {
    let anchor = Anchor {
        pid: Some(31),
        signal: Some(11),
        threads: vec!["0x00007f02a8a4d740".into(), "0x7f02a7fff6c0".into()],
        thread_names: vec!["MainThread".into(), "worker-1".into()],
        crashed: Some(CrashedThread {
            name: Some("worker-1".into()),
            ident: Some("0x7f02a7fff6c0".into()),
            tid: Some(33),
        }),
        ..Anchor::at(time("2024-05-01T12:00:00Z"))
    };
    Options { anchor: Some(anchor), ..Options::default() }
}

/// How it was joined, its id in the logs, its last record, and the crashed thread's.
fn joined(text: &str) -> String {
    let Some(process) = scan_text(text, &core()).process else { return "nothing".into() };
    let last = |records: &[pycoroner_logscan::LogRecord]| {
        records.last().map_or("-".to_owned(), |record| record.message.clone())
    };
    let pid = process.log_pid.map_or("-".to_owned(), |pid| pid.to_string());
    let (last, of_thread) = (last(&process.last_records), last(&process.crashed_thread_records));
    format!("{} | {pid} | {last} | {of_thread}", process.joined_by.join(" "))
}

#[test]
fn the_dead_process() {
    let check = |text: &str, expected: &str| assert_eq!(joined(text), expected, "{text}");
    check(
        "[2024-05-01 11:58:00 +0000] [30] [INFO] charge 1\n\
         [2024-05-01 11:59:00 +0000] [31] [INFO] charge 2\n\
         [2024-05-01 11:59:30 +0000] [30] [INFO] charge 3\n\
         [2024-05-01 12:00:30 +0000] [31] [INFO] reused number\n",
        "pid | 31 | charge 2 | -",
    );
    check(
        "{\"timestamp\":\"2024-05-01T11:59:00Z\",\"level\":\"INFO\",\"process\":31,\"threadName\":\"worker-1\",\"message\":\"a\"}\n\
         {\"timestamp\":\"2024-05-01T11:59:01Z\",\"level\":\"INFO\",\"process\":31,\"threadName\":\"worker-2\",\"message\":\"b\"}\n",
        "pid | 31 | b | a",
    );
    // In a container the process has another number, and its threads the same identifiers.
    check(
        "{\"timestamp\":\"2024-05-01T11:59:00Z\",\"level\":\"INFO\",\"process\":7,\"thread\":139649385232064,\"message\":\"a\"}\n\
         {\"timestamp\":\"2024-05-01T11:59:01Z\",\"level\":\"INFO\",\"process\":8,\"thread\":5,\"message\":\"b\"}\n",
        "thread-ident | 7 | a | a",
    );
    check(
        "[2024-05-01 11:59:00 +0000] [7] [INFO] charge 2\n\
         [2024-05-01 12:00:02 +0000] [1] [ERROR] Worker (pid:7) was sent SIGSEGV!\n",
        "signal-and-time | 7 | charge 2 | -",
    );
    check(
        "2024-05-01 11:59:00 INFO [worker-1] shop: a\n2024-05-01 11:59:01 INFO [worker-2] shop: b\n",
        "thread-name | - | shop: b | shop: a",
    );
    check("2024-05-01 11:59:00 INFO [MainThread] shop: a\n", "nothing");
    // Two that died so, or another signal: no guess.
    check(
        "[2024-05-01 12:00:02 +0000] [1] [ERROR] Worker (pid:7) was sent SIGSEGV!\n\
         [2024-05-01 12:00:03 +0000] [1] [ERROR] Worker (pid:8) was sent SIGSEGV!\n",
        "nothing",
    );
    check("[2024-05-01 12:00:02 +0000] [1] [ERROR] Worker (pid:7) was sent SIGKILL!\n", "nothing");
}

#[test]
fn the_life_of_the_dead_process() {
    let text = "[2024-05-01 10:00:00 +0000] [31] [INFO] Booting worker with pid: 31\n\
                [2024-05-01 11:00:00 +0000] [1] [ERROR] Worker (pid:31) was sent SIGKILL!\n\
                [2024-05-01 11:00:01 +0000] [31] [INFO] Booting worker with pid: 31\n\
                [2024-05-01 11:59:59 +0000] [31] [INFO] charge 1\n\
                [2024-05-01 12:00:00 +0000] [1] [ERROR] Worker (pid:31) was sent SIGSEGV!\n\
                [2024-05-01 12:00:01 +0000] [32] [INFO] Booting worker with pid: 32\n";
    let scan = scan_text(text, &core());
    let process = scan.process.as_ref().unwrap();
    assert_eq!(process.boot.as_ref().unwrap().place.line, 3);
    assert_eq!(process.ends.iter().map(|end| end.place.line).collect::<Vec<_>>(), [5]);
    assert_eq!(
        (process.first, process.last),
        (Some(time("2024-05-01T10:00:00Z")), Some(time("2024-05-01T11:59:59Z")))
    );
    let findings = scan.findings();
    let last = findings.iter().find(|finding| finding.id == "last-record-of-process").unwrap();
    assert_eq!(last.title, "The last record of the process came 1.0 s before the death: \"charge 1\"");
}

#[test]
fn what_the_sender_of_the_signal_said() {
    let text = "[2024-05-01 11:58:00 +0000] [9] [INFO] too early\n\
                [2024-05-01 11:59:58 +0000] [31] [INFO] charge 1\n\
                [2024-05-01 11:59:59 +0000] [9] [WARNING] health check of 31 failed\n\
                [2024-05-01 12:00:00 +0000] [9] [ERROR] sending SIGSEGV to 31\n\
                [2024-05-01 12:00:09 +0000] [9] [INFO] done\n";
    let told = |sender: Option<u64>| {
        let mut options = core();
        options.anchor.as_mut().unwrap().sender = sender;
        let findings = scan_text(text, &options).findings();
        findings.into_iter().find(|finding| finding.id == "signal-sender-logged")
    };
    let finding = told(Some(9)).unwrap();
    assert_eq!(
        finding.title,
        "Process 9, which sent the signal, said last before it: \"sending SIGSEGV to 31\""
    );
    let said: Vec<&str> = finding.evidence.iter().map(|evidence| evidence.statement.as_str()).collect();
    assert_eq!(said, ["health check of 31 failed", "sending SIGSEGV to 31"]);
    assert!(finding.evidence.iter().all(|evidence| evidence.citations.len() == 1));
    assert_eq!((told(Some(10)), told(None)), (None, None));
}

/// The time of a death that a log states to the second is as exact as that.
#[test]
fn the_last_words_of_an_inexact_death() {
    let text = "[2024-05-01 11:59:58 +0000] [31] [INFO] Booting worker with pid: 31\n\
                {\"timestamp\":\"2024-05-01T12:00:00.391Z\",\"process\":31,\"request_id\":\"req-d59b3d86\",\"message\":\"request started\"}\n\
                [2024-05-01 12:00:00 +0000] [1] [ERROR] Worker (pid:31) was sent SIGSEGV!\n\
                {\"timestamp\":\"2024-05-01T12:00:03.500Z\",\"process\":31,\"message\":\"reused number\"}\n";
    let check = |uncertainty_ms: u64, title: &str, open: bool| {
        let mut options = core();
        let anchor = options.anchor.as_mut().unwrap();
        (anchor.uncertainty_ms, anchor.crashed) = (uncertainty_ms, None);
        let scan = scan_text(text, &options);
        let findings = scan.findings();
        let last = findings.iter().find(|finding| finding.id == "last-record-of-process").unwrap();
        assert_eq!(last.title, title);
        assert_eq!(findings.iter().any(|finding| finding.id == "request-unfinished"), open, "{title}");
        assert_eq!(findings.iter().filter(|finding| finding.id == "silence-before-death").count(), 0);
    };
    let booting = "\"Booting worker with pid: 31\"";
    check(0, &format!("The last record of the process came 2.0 s before the death: {booting}"), false);
    check(
        300,
        &format!("The last record of the process came 2.0 s (± 300 ms) before the death: {booting}"),
        false,
    );
    let started = |known: &str| {
        format!(
            "The last record of the process came at the time of the death (± {known}): \"request started\""
        )
    };
    check(1000, &started("1.0 s"), true);
    // No wider than a few seconds: the next process would be taken for this one.
    check(60_000, &started("60 s"), true);
}

/// Workers that were forked have the same identifier for their main thread.
#[test]
fn dumps_of_forks_are_told_apart() {
    let ident = &core().anchor.unwrap().threads[0];
    let dump = |error: &str, more: &str| {
        format!(
            "Fatal Python error: {error}\n\n{more}Current thread {ident} (most recent call first):\n  File \"a.py\", line 8 in f\n\n"
        )
    };
    let segv = || dump("Segmentation fault", "");
    let end = |clock: &str, pid: u64, signal: &str| {
        format!("[2024-05-01 {clock} +0000] [1] [ERROR] Worker (pid:{pid}) was sent {signal}!\n")
    };
    let check = |text: &str, expected: &[bool]| {
        let scan = scan_text(text, &core());
        let own: Vec<bool> = scan.tracebacks.iter().map(|entry| entry.same_process).collect();
        assert_eq!(own, expected, "{text}");
    };
    check(&segv(), &[true]);
    let (early, late) = ("11:57:00", "12:00:00");
    // By the time, the process that the next line names, the signal, and other threads.
    check(&[segv(), end(early, 7, "SIGSEGV"), segv(), end(late, 8, "SIGSEGV")].concat(), &[false, true]);
    check(&[segv(), end(late, 31, "SIGSEGV"), segv(), end(late, 8, "SIGSEGV")].concat(), &[true, false]);
    check(
        &[dump("Aborted", ""), end(late, 7, "SIGABRT"), segv(), end(late, 8, "SIGSEGV")].concat(),
        &[false, true],
    );
    let other = "Thread 0x0000000000001234 (most recent call first):\n  File \"b.py\", line 1 in g\n\n";
    check(
        &[segv(), end(late, 7, "SIGSEGV"), dump("Segmentation fault", other), end(late, 8, "SIGSEGV")]
            .concat(),
        &[true, false, false],
    );
    // Nothing tells them.
    check(&[segv(), segv(), end(late, 8, "SIGKILL")].concat(), &[false, false]);
}

/// What is known of the death to a second leaves open which records of that second were before it.
#[test]
fn records_in_the_uncertain_second() {
    let anchor = Anchor { uncertainty_ms: 1_000, ..Anchor::at(time("2024-05-01T12:00:00Z")) };
    let mut lines = every(10, 0..7200, "INFO shop: request {}");
    lines.extend([(7195, "before".to_owned()), (7201, "near".to_owned()), (7205, "after".to_owned())]);
    let lines = lines.into_iter().map(|(second, line)| match line.as_str() {
        "before" | "near" | "after" => (second, format!("ERROR shop: pool is empty, {line}")),
        _ => (second, line),
    });
    let text = log(lines.collect()).replace("7201,000", "7200,500");
    let scan = scan_text(&text, &Options { anchor: Some(anchor), ..Options::default() });
    let counts = |start: &str| {
        let template = of(&scan, start);
        (template.in_window, template.around_death, template.after_death)
    };
    assert_eq!(counts("pool is empty, before"), (1, 0, 0));
    assert_eq!(counts("pool is empty, near"), (1, 1, 0));
    assert_eq!(counts("pool is empty, after"), (1, 0, 1));
    let findings = scan.findings();
    let new = findings.iter().find(|finding| finding.id == "new-message-in-window").unwrap();
    let mut told: Vec<&str> = new.evidence.iter().map(|evidence| evidence.statement.as_str()).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "pool is empty, after (once, after the death)",
            "pool is empty, before (once)",
            "pool is empty, near (once, at the time of the death (± 1.0 s))",
        ]
    );
}
