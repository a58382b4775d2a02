//! Deaths that are alike: the one that is looked at is told by itself, the others together.

use std::fmt::Write as _;

use pycoroner_findings::{Finding, SourceId};
use pycoroner_logscan::{Anchor, Input, Options, scan};

use crate::shown::{scan_text, time};

/// gunicorn's log: workers 11, 12, … die of the same, one every two seconds.
fn crashes(workers: u64) -> String {
    let mut log = String::new();
    for worker in 0..workers {
        let (pid, second) = (11 + worker, 2 * worker);
        write!(
            log,
            "[2024-05-01 12:00:{second:02} +0000] [{pid}] [INFO] Booting worker with pid: {pid}\n\
             Fatal Python error: Segmentation fault\n\n\
             Current thread 0x00007f0000000001 (most recent call first):\n  File \"/srv/a.py\", line 6 in price\n\n\
             [2024-05-01 12:00:{:02} +0000] [7] [ERROR] Worker (pid:{pid}) was sent SIGSEGV!\n",
            second + 1
        )
        .unwrap();
    }
    log
}

fn death_of(pid: u64, at: &str) -> Options {
    let threads = vec!["0x00007f0000000001".to_owned()];
    let anchor = Anchor { pid: Some(pid), signal: Some(11), threads, ..Anchor::at(time(at)) };
    Options { anchor: Some(anchor), ..Options::default() }
}

/// The titles of some kinds of findings, with the lines that the first evidence cites.
fn titles(findings: &[Finding], start: &str) -> Vec<String> {
    let of_kind = findings.iter().filter(|finding| finding.id.starts_with(start));
    of_kind.map(|finding| finding.title.clone()).collect()
}

#[test]
fn the_dead_process_is_never_left_out() {
    let log = crashes(8);
    // The first, one in the middle, and the last.
    for (pid, at) in [(11, "01"), (14, "07"), (18, "15")] {
        let scan = scan_text(&log, &death_of(pid, &format!("2024-05-01T12:00:{at}Z")));
        let findings = scan.findings();
        let last = if pid == 18 { "; process 18 was the last" } else { "" };
        assert_eq!(
            titles(&findings, "worker-faulted"),
            [
                format!("A worker, process {pid}, was ended by signal 11"),
                format!("8 workers were ended by SIGSEGV, 2024-05-01 12:00:01 to 12:00:15 UTC{last}"),
            ]
        );
        let fatal = "faulthandler caught a fatal error, Segmentation fault in price (/srv/a.py:6)";
        let told = titles(&findings, "fatal-error-logged");
        assert_eq!((told.len(), told[0].as_str()), (2, fatal));
        assert!(told[1].starts_with(&format!("{fatal}, 8 times, 2024-05-01 12:00:")), "{}", told[1]);
        // The dump names no process; it is the one in front of the line on the end of this one.
        let dump = findings.iter().find(|finding| finding.id == "fatal-error-logged").unwrap();
        let place = serde_json::to_value(&dump.evidence[0].citations[0]).unwrap();
        assert_eq!(place["span"]["first"], 7 * (pid - 11) + 2, "{place}");
        let all = findings.iter().find(|finding| finding.id == "worker-faulted-repeated").unwrap();
        assert_eq!(all.evidence.len(), 6);
        assert_eq!(all.evidence[5].statement, "8 lines say so, 5 of them are cited");
    }
}

#[test]
fn without_a_core_the_last_one_counts() {
    let findings = scan_text(&crashes(3), &Options::default()).findings();
    assert_eq!(
        titles(&findings, "worker-faulted"),
        [
            "A worker, process 13, was ended by signal 11",
            "3 workers were ended by SIGSEGV, 2024-05-01 12:00:01 to 12:00:05 UTC; process 13 was the last",
        ]
    );
    // One more than the one that is looked at is counted with it.
    let findings = scan_text(&crashes(2), &Options::default()).findings();
    assert_eq!(
        titles(&findings, "worker-faulted"),
        [
            "A worker, process 12, was ended by signal 11",
            "2 workers were ended by SIGSEGV, 2024-05-01 12:00:01 to 12:00:03 UTC; process 12 was the last"
        ]
    );
}

/// celery tells of one death twice: of the process, and of the task that was lost with it.
#[test]
fn a_lost_task_is_no_further_death() {
    let log = "[2024-05-01 12:00:01,000: ERROR/MainProcess] Process 'ForkPoolWorker-1' pid:12 exited with 'signal 11 (SIGSEGV)'\n\
               [2024-05-01 12:00:11,000: ERROR/MainProcess] Task handler raised error: WorkerLostError('Worker exited prematurely: signal 11 (SIGSEGV) Job: 32.')\n\
               Traceback (most recent call last):\n  File \"/srv/billiard/pool.py\", line 1367, in mark_as_worker_lost\n    raise WorkerLostError(\n\
               billiard.exceptions.WorkerLostError: Worker exited prematurely: signal 11 (SIGSEGV) Job: 32.\n";
    let scan = scan_text(log, &death_of(12, "2024-05-01T12:00:01Z"));
    assert_eq!(scan.events.len(), 2, "{:#?}", scan.events);
    let findings = scan.findings();
    assert_eq!(titles(&findings, "worker-faulted"), ["A worker, process 12, was ended by signal 11"]);
    let killed = findings.iter().find(|finding| finding.id == "worker-faulted").unwrap();
    assert_eq!(killed.evidence.len(), 2);
}

#[test]
fn two_logs_of_one_death() {
    let lines = [
        "May  1 12:00:00 web-1 systemd-coredump[900]: Process 31 (python) of user 0 dumped core.\n",
        "2024-05-01T12:00:00+0000 web-1 systemd-coredump[900]: Process 31 (python) of user 0 dumped core.\n",
    ];
    let mut texts = lines.map(str::as_bytes);
    let [first, second] = &mut texts;
    let inputs = [Input::new(SourceId(1), "short.txt", first), Input::new(SourceId(2), "iso.txt", second)];
    let findings = scan(inputs, &death_of(31, "2024-05-01T12:00:00Z")).findings();
    let told: Vec<_> = findings.iter().filter(|finding| finding.id == "core-dumped-logged").collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0].evidence.len(), 2);
}

#[test]
fn deaths_of_many_kinds_are_counted() {
    let mut log = String::new();
    for number in 1..40 {
        let pid = 100 + number;
        writeln!(
            log,
            "[2024-05-01 12:00:{number:02} +0000] [7] [ERROR] Worker with pid {pid} was terminated due to signal {number}"
        )
        .unwrap();
    }
    let findings = scan_text(&log, &death_of(102, "2024-05-01T12:00:02Z")).findings();
    let told = titles(&findings, "worker-");
    assert_eq!(told[0], "A worker, process 102, was ended by signal 2");
    assert_eq!(told.len(), 7, "{told:#?}");
    assert!(told[6].contains(" more of other words: worker-killed"), "{}", told[6]);
}

#[test]
fn the_request_of_the_dead_process_is_named() {
    let mut log = String::new();
    let mut say = |second: u64, pid: u64, id: u64, what: &str| {
        writeln!(
            log,
            "{{\"timestamp\":\"2024-05-01T11:{:02}:{:02}Z\",\"process\":{pid},\"request_id\":\"req-{id:08}\",\"message\":\"{what}\"}}",
            second / 60,
            second % 60
        )
        .unwrap();
    };
    for id in 0..200 {
        say(3000 + id, 31, id, "request started");
        say(3000 + id, 31, id, "request done");
    }
    for id in 250..257 {
        say(3540 + id - 250, id, id, "request started");
    }
    let scan = scan_text(&log, &death_of(250, "2024-05-01T12:00:00Z"));
    let findings = scan.findings();
    let open = findings.iter().find(|finding| finding.id == "request-unfinished").unwrap();
    assert_eq!(
        open.title,
        "Request req-00000250 of the dead process had started and never finished, as 6 more requests"
    );
    assert!(open.evidence[0].statement.starts_with("request req-00000250, of the dead process"));
}
