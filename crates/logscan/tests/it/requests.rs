//! Requests across logs, and those that never finished.

use std::fmt::Write as _;

use pycoroner_findings::SourceId;
use pycoroner_logscan::{Anchor, CrashedThread, Input, Options, RequestState, Requests, Scan, scan};

use crate::shown::{scan_text, time};

/// Requests of three records each, one a second from 11:59 on.
fn requests(count: u64) -> String {
    let mut log = String::new();
    for index in 0..count {
        for (step, message) in ["GET /orders started", "charging card", "done in 7ms"].iter().enumerate() {
            line(&mut log, index, step as u64 * 100, &format!("req{index:05}"), message);
        }
    }
    log
}

fn line(log: &mut String, second: u64, millis: u64, id: &str, message: &str) {
    let (minute, second) = (59 + second / 60, second % 60);
    let (hour, minute) = (11 + minute / 60, minute % 60);
    writeln!(
        log,
        "2024-05-01 {hour}:{minute:02}:{second:02}.{millis:03} INFO [web] {message} request_id={id}"
    )
    .unwrap();
}

fn at_noon() -> Options {
    Options { anchor: Some(Anchor::at(time("2024-05-01T12:00:00Z"))), ..Options::default() }
}

fn states(scan: &Scan) -> Vec<(String, RequestState, bool)> {
    let threads = &scan.requests.as_ref().unwrap().threads;
    let told = threads.iter().map(|thread| (thread.id.clone(), thread.state, thread.open_at_death));
    told.filter(|(_, state, _)| *state != RequestState::Finished).collect()
}

fn counts(requests: &Requests) -> (u64, u64, u64) {
    (requests.followed, requests.finished, requests.unfinished)
}

#[test]
fn unfinished_ones() {
    let mut log = requests(50);
    line(&mut log, 55, 0, "cut-0001", "GET /orders started");
    line(&mut log, 55, 10, "cut-0001", "charging card");
    line(&mut log, 58, 0, "cut-0002", "GET /orders started");
    let scan = scan_text(&log, &at_noon());
    assert_eq!(
        states(&scan),
        [
            ("cut-0002".to_owned(), RequestState::Unfinished, true),
            ("cut-0001".to_owned(), RequestState::Unfinished, true),
        ]
    );
    let found = scan.requests.as_ref().unwrap();
    assert_eq!(counts(found), (52, 50, 2));
    let rule = found.threads[1].rule.as_ref().unwrap();
    assert_eq!((rule.like_first, rule.started, rule.like_last, rule.went_on), (51, 51, 50, 50));
    let end = &found.ends[0];
    assert_eq!(scan.templates[end.template].template, "done in <duration> request_id=<id>");
    let finding = scan.findings().into_iter().find(|finding| finding.id == "request-unfinished").unwrap();
    assert_eq!(finding.title, "2 requests had started and never finished, cut-0002 among them");
    assert!(finding.evidence[1].statement.contains("50 of 50 others with such a record went on"));
    assert_eq!(finding.evidence[1].citations[0].to_string(), "[E1:L152]");
}

/// A request whose own process ended before is not open when another one dies.
#[test]
fn ended_with_another_process() {
    let mut log = String::new();
    let mut said = |second: u64, pid: u64, id: &str, message: &str| {
        writeln!(log, "{{\"time\":\"2024-05-01T11:59:{second:02}Z\",\"level\":\"info\",\"pid\":{pid},\"msg\":\"{message}\",\"request_id\":\"{id}\"}}").unwrap();
    };
    for index in 0..120 {
        said(index % 40, 6, &format!("req-{index:04}"), "start");
        said(index % 40, 6, &format!("req-{index:04}"), "done");
    }
    for (second, pid) in [(45, 7), (50, 8), (55, 9), (59, 10)] {
        said(second, pid, &format!("cut-{pid:04}"), "start");
    }
    let gunicorn = "\
[2024-05-01 11:59:44 +0000] [5] [INFO] Booting worker with pid: 7
[2024-05-01 11:59:45 +0000] [5] [ERROR] Worker (pid:7) was sent SIGSEGV!
[2024-05-01 11:59:45 +0000] [5] [INFO] Booting worker with pid: 8
[2024-05-01 11:59:45 +0000] [5] [INFO] Booting worker with pid: 9
[2024-05-01 12:00:30 +0000] [5] [ERROR] Worker (pid:9) was sent SIGSEGV!
";
    let (mut app, mut error) = (log.as_bytes(), gunicorn.as_bytes());
    let inputs =
        [Input::new(SourceId(1), "app.log", &mut app), Input::new(SourceId(2), "error.log", &mut error)];
    let anchor = Anchor { pid: Some(10), ..Anchor::at(time("2024-05-01T12:00:00Z")) };
    let scan = scan(inputs, &Options { anchor: Some(anchor), ..Options::default() });
    let threads = &scan.requests.as_ref().unwrap().threads;
    let told = |thread: &pycoroner_logscan::RequestThread| {
        (thread.id.clone(), thread.same_process, thread.open_at_death, thread.ended_with)
    };
    let unfinished = threads.iter().filter(|thread| thread.state == RequestState::Unfinished);
    let mut told: Vec<_> = unfinished.map(told).collect();
    told.sort();
    // Of 8 nothing says that it ended, and 9 ended later.
    let expected = [
        ("cut-0007", false, false, Some(7)),
        ("cut-0008", false, true, None),
        ("cut-0009", false, true, None),
        ("cut-0010", true, true, None),
    ];
    assert_eq!(told, expected.map(|(id, own, open, with)| (id.to_owned(), own, open, with)));
    let finding = scan.findings().into_iter().find(|finding| finding.id == "request-unfinished").unwrap();
    assert_eq!(
        finding.title,
        "Request cut-0010 of the dead process had started and never finished, as 3 more requests"
    );
    let own = finding.evidence.iter().find(|evidence| evidence.statement.contains("cut-0007")).unwrap();
    assert!(own.statement.contains("of process 7, which ended"), "{}", own.statement);
}

/// What may be an end must not be taken for a lack of one.
#[test]
fn no_guesses() {
    // A rare end of its own, an unknown kind of request, one without its start, and too few to learn from.
    let mut log = requests(50);
    line(&mut log, 55, 0, "odd-0001", "GET /orders started");
    line(&mut log, 55, 10, "odd-0001", "card declined");
    line(&mut log, 56, 0, "odd-0002", "nightly job");
    line(&mut log, 57, 0, "odd-0003", "charging card");
    let unknown: Vec<_> =
        ["odd-0003", "odd-0002", "odd-0001"].map(|id| (id.to_owned(), RequestState::Unknown, false)).into();
    assert_eq!(states(&scan_text(&log, &at_noon())), unknown);
    let mut few = requests(9);
    line(&mut few, 55, 0, "cut-0001", "GET /orders started");
    assert_eq!(counts(scan_text(&few, &at_noon()).requests.as_ref().unwrap()).2, 0);
    // Placeholders are no ids.
    let mut log = String::new();
    for id in ["-", "None", "0000000000000000", "abc"] {
        line(&mut log, 1, 0, id, "x");
    }
    assert_eq!(scan_text(&log, &at_noon()).requests, None);
}

/// The end stands in an access log, which is read first or last.
#[test]
fn across_logs() {
    let (mut app, mut access) = (String::new(), String::new());
    for index in 0..40 {
        let id = format!("4bf92f3577b34da6a3ce929d0e0e{index:04}");
        writeln!(app, "{{\"time\":\"2024-05-01T11:59:{index:02}Z\",\"level\":\"info\",\"pid\":7,\"msg\":\"start\",\"trace_id\":\"{id}\"}}").unwrap();
        if index != 39 {
            writeln!(access, "10.0.0.1 - - [01/May/2024:11:59:{index:02} +0000] \"GET / HTTP/1.1\" 200 5 traceparent=00-{id}-00f067aa0ba902b7-01").unwrap();
        }
    }
    let check = |order: [(&str, &str); 2]| {
        let (mut first, mut second) = (order[0].1.as_bytes(), order[1].1.as_bytes());
        let inputs = [
            Input::new(SourceId(1), order[0].0, &mut first),
            Input::new(SourceId(2), order[1].0, &mut second),
        ];
        let scan = scan(inputs, &at_noon());
        assert_eq!(
            states(&scan),
            [("4bf92f3577b34da6a3ce929d0e0e0039".to_owned(), RequestState::Unfinished, true)]
        );
        let thread = scan.requests.as_ref().unwrap().threads.last().unwrap().clone();
        assert_eq!((thread.records, thread.sources.len(), thread.pids), (2, 2, vec![7]));
    };
    check([("app.log", &app), ("access.log", &access)]);
    check([("access.log", &access), ("app.log", &app)]);
}

/// More requests than are followed: the longest silent ones are given up, and none is called unfinished for it.
#[test]
fn many() {
    let mut log = String::new();
    for index in 0..40_000_u64 {
        for (step, message) in ["started", "charging", "done"].iter().enumerate() {
            let (second, millis) = (index / 100, index % 100 * 10 + step as u64);
            line(&mut log, second, millis, &format!("req{index:06}"), message);
        }
    }
    line(&mut log, 400, 0, "cut-000001", "started");
    let options = Options { anchor: Some(Anchor::at(time("2024-05-01T12:05:40Z"))), ..Options::default() };
    let scan = scan_text(&log, &options);
    let requests = scan.requests.as_ref().unwrap();
    assert_eq!((requests.followed + requests.given_up, requests.unfinished), (40_001, 1));
    assert!(requests.given_up > 0 && requests.threads.len() == 50);
    assert_eq!(requests.threads[0].id, "cut-000001");
    assert!(scan.gaps.iter().any(|gap| gap.what.contains("requests, those that were silent")));
}

/// The request that the crashed thread was working on needs no rule that was learnt.
#[test]
fn cut_off() {
    let log = "2024-05-01 11:59:58.000 INFO [pay-1] req-0000aa01 crash me\n\
               2024-05-01 11:59:59.000 INFO [pay-2] req-0000aa02 something else\n";
    let crashed = Some(CrashedThread { name: Some("pay-1".into()), ..CrashedThread::default() });
    let anchor =
        Anchor { thread_names: vec!["pay-1".into()], crashed, ..Anchor::at(time("2024-05-01T12:00:00Z")) };
    let scan = scan_text(log, &Options { anchor: Some(anchor), ..Options::default() });
    assert_eq!(
        states(&scan),
        [
            ("req-0000aa01".to_owned(), RequestState::Unfinished, true),
            ("req-0000aa02".to_owned(), RequestState::Unknown, false),
        ]
    );
    assert!(scan.requests.as_ref().unwrap().threads[0].cut_off);
    assert!(scan.findings().iter().any(|finding| finding.id == "request-unfinished"));
}
