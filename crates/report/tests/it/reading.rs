//! What readers of a report took wrongly, part by part.

use pycoroner_findings::{Basis, Citation, Confidence, Event, Evidence, Finding, Severity, SourceId, Span};
use pycoroner_report::{Material, render_markdown};
use serde_json::{Value, json};

use crate::material::{event, incident};

/// The lines of one part of the report.
fn part(report: &str, heading: &str) -> Vec<String> {
    let mut lines = report.lines().skip_while(|line| *line != format!("## {heading}")).skip(1);
    lines.by_ref().take_while(|line| !line.starts_with("## ")).map(str::to_owned).collect()
}

fn report(events: Vec<Event>) -> String {
    let died = event(0, "process-died", Severity::Critical, "the process died", 9);
    let died_at = died.at;
    let events = events.into_iter().chain([died]).collect();
    render_markdown(&incident(Material { events, died_at, ..Material::default() }))
}

fn alert(seconds_before: i64, kind: &'static str, name: &str) -> Event {
    event(seconds_before, kind, Severity::Error, name, 5)
}

#[test]
fn each_firing_of_an_alert_is_told_and_that_of_the_death_first() {
    let report = report(vec![
        alert(25, "alert-started", "ShopDown"),
        alert(17, "alert-ended", "ShopDown"),
        alert(3, "alert-started", "ShopDown"),
        alert(-4, "alert-started", "ShopSlow"),
        alert(-6, "alert-ended", "ShopSlow"),
    ]);
    let told = part(&report, "Impact");
    let told: Vec<&str> = told.iter().filter(|line| line.starts_with("- ")).map(|line| &**line).collect();
    assert_eq!(
        told,
        [
            "- Alert `ShopDown` fired at 2024-05-01 12:00:00, 3 s before the process died; its end is not shown `[E2:L5]`",
            "- Alert `ShopSlow` fired at 2024-05-01 12:00:07, 4 s after the process died; it ended at 2024-05-01 12:00:09, after 2 s `[E2:L5]`",
            "- Over before the death: alert `ShopDown` fired at 2024-05-01 11:59:38, 25 s before the process died; it ended at 2024-05-01 11:59:46, after 8 s `[E2:L5]`",
        ]
    );
    let bars: Vec<&str> =
        report.lines().skip_while(|line| *line != "    section alerts").skip(1).take(3).collect();
    assert_eq!(
        bars,
        [
            "    ShopDown :active, 2024-05-01T11:59:38.000, 2024-05-01T11:59:46.000",
            "    ShopDown end not shown :milestone, 2024-05-01T12:00:00.000, 0s",
            "    ShopSlow :active, 2024-05-01T12:00:07.000, 2024-05-01T12:00:09.000",
        ]
    );
}

#[test]
fn warnings_and_what_was_before_the_start_are_no_first_symptom() {
    let found = report(vec![
        event(110, "target-down", Severity::Error, "up of shop became 0", 1),
        alert(105, "alert-started", "ShopDown"),
        event(106, "process-started", Severity::Info, "shop was started", 2),
        alert(99, "alert-ended", "ShopDown"),
        event(50, "log-warning", Severity::Warning, "no price in the feed", 3),
        event(6, "log-critical", Severity::Error, "out of memory", 4),
        alert(-3, "alert-started", "ShopDown"),
    ]);
    let told = part(&found, "Detection and response");
    let rows: Vec<&str> =
        told.iter().filter(|line| line.starts_with("| First")).map(|line| &**line).collect();
    assert_eq!(
        rows,
        [
            "| First symptom | 11:59:57 | critical: `out of memory` | `[E2:L4]` |",
            "| First alert | 12:00:06 | alert started: `ShopDown` | `[E2:L5]` |",
        ]
    );
    // Where nothing is worse, a warning counts.
    let found = report(vec![event(50, "log-warning", Severity::Warning, "no price in the feed", 3)]);
    let told = part(&found, "Detection and response");
    assert!(
        told.iter().any(|line| line.starts_with("| First symptom") && line.contains("no price")),
        "{told:?}"
    );
}

#[test]
fn whys_go_from_the_effect_to_the_cause() {
    let whys = |found: &[(&'static str, &str)]| -> Vec<String> {
        let findings = found
            .iter()
            .map(|(id, title)| Finding::new(*id, Severity::Critical, Confidence::Strong, *title))
            .collect();
        let report = render_markdown(&incident(Material { findings, ..Material::default() }));
        let lines = report.lines().skip_while(|line| *line != "### Five whys").skip(2);
        lines.take(5).map(str::to_owned).collect()
    };
    assert_eq!(
        whys(&[("worker-timeout", "x"), ("abort-called", "x"), ("deadlock", "two threads wait")]),
        [
            "1. Why did it stop? Consistent with the evidence: “The program itself called abort()”.",
            "2. Why was that? Consistent with the evidence: “The worker did not answer in time and its supervisor stopped it”.",
            "3. Why was that? Consistent with the evidence: “A deadlock kept threads from going on: two threads wait”.",
            "4. And why was that? ____",
            "5. And why was that? ____",
        ]
    );
    // What a cause rests on is no reason for it.
    let null = "1. Why did it stop? Consistent with the evidence: “Native code used a null pointer: the instruction is price.so's”.";
    let blank = |number: usize| format!("{number}. And why was that? ____");
    assert_eq!(
        whys(&[("crash-null-dereference", "x"), ("fault-in-extension", "the instruction is price.so's")]),
        [null.to_owned(), blank(2), blank(3), blank(4), blank(5)]
    );
    // Another factor may be one.
    let grown =
        whys(&[("crash-external-kill", "x"), ("heap-leak-suspect", "much is held"), ("memory-rising", "x")]);
    assert!(
        grown[1].starts_with("2. Why was that possible? It may have to do with: “Memory piled up"),
        "{grown:?}"
    );
}

#[test]
fn causes_name_the_place_and_what_would_refute_the_extension() {
    let found = |id: &'static str, title: &str| Finding::new(id, Severity::Error, Confidence::Strong, title);
    let causes = |findings| incident(Material { findings, ..Material::default() }).causes;
    let leak = causes(vec![
        found("allocation-failed", "MemoryError"),
        found("heap-grown", "it grew").about("shop.sessions.SESSIONS"),
    ]);
    assert!(
        leak[0].next.starts_with("Find what adds to shop.sessions.SESSIONS and what should remove from it"),
        "{leak:?}"
    );
    let rising = causes(vec![
        found("allocation-failed", "MemoryError"),
        found("memory-rising", "it rose").about("shop:8000"),
    ]);
    assert!(rising[0].next.starts_with("Find what adds to the place that holds the memory"), "{rising:?}");
    let fault = causes(vec![
        found("crash-null-dereference", "null"),
        found("fault-in-extension", "price.so's").refuted_if("the extension was given bad data"),
    ]);
    assert!(fault[0].refuted_if.ends_with(", or if the extension was given bad data"), "{fault:?}");
}

#[test]
fn commands_hold_nothing_but_commands() {
    let report = render_markdown(&incident(Material::default()));
    for said in [
        "`py-spy dump --json --pid PID > stacks.json`, while it runs",
        "write it into `incident.toml`: service, owners (teams), changes with times, impact",
        "`ulimit -c unlimited; sysctl -w kernel.core_pattern=/var/crash/core.%p.%t`, and, for a process that gets SIGKILL, `gcore -o core PID` before it does",
    ] {
        assert!(report.contains(said), "{said}");
    }
    assert!(!report.contains("stacks.json, while") && !report.contains("`write"), "{report}");
}

#[test]
fn errors_are_compared_only_with_what_was_logged() {
    let told = |window: Value| {
        let logs = json!({"schema": "pycoroner.logs/1", "window": window});
        let report = render_markdown(&incident(Material { documents: vec![logs], ..Material::default() }));
        let lines = part(&report, "Impact");
        lines.into_iter().find(|line| line.contains("logged in the window")).unwrap()
    };
    let (from, to) = ("2024-05-01T11:00:03Z", "2024-05-01T12:01:03Z");
    assert_eq!(
        told(json!({"from": from, "to": to, "records_before": 0, "levels": {"ERROR": 2}})),
        "- 2 errors were logged in the window from 2024-05-01 11:00:03 to 2024-05-01 12:01:03; the logs begin inside of it, so there is nothing to compare with"
    );
    assert_eq!(
        told(json!({"records_before": 40, "levels": {"ERROR": 1, "INFO": 7}, "levels_before": {"INFO": 40}})),
        "- 1 error was logged in the window, 0 before it"
    );
}

/// Without a core, an exception that ended a process is the end that is told.
#[test]
fn an_exception_is_an_end() {
    let cited = Citation::new(SourceId(2), Span::Lines { first: 3, last: 6, offset: 90, len: 40 });
    let title = "Unhandled KeyError: 7, raised in load (/srv/job.py:4)";
    let finding = Finding::new("unhandled-exception-logged", Severity::Error, Confidence::Strong, title)
        .with_evidence(Evidence::new(Basis::Observed, "KeyError: 7").cite(cited));
    let report = render_markdown(&incident(Material { findings: vec![finding], ..Material::default() }));
    assert!(report.starts_with("# Incident report: `KeyError: 7`, a Python service\n"), "{report}");
    let told = part(&report, "At a glance");
    let short = told.iter().find(|line| line.starts_with("**In short:**")).unwrap();
    assert!(
        short.contains("a Python process stopped with `KeyError: 7`; **most probably: an exception ended"),
        "{short}"
    );
    assert!(
        told.iter().any(|line| line.starts_with("| **How** |") && line.contains("`[E2:L3-L6]`")),
        "{told:#?}"
    );
}

/// A log tells of several ends, of which one is looked at: the others are named beside it.
#[test]
fn an_end_of_another_kind_is_named() {
    let ended = |id: &'static str, pid: u64, title: &str| {
        Finding::new(id, Severity::Error, Confidence::Certain, title).about(format!("process {pid}"))
    };
    let killed = Event {
        pid: Some(7),
        ..event(0, "worker-killed", Severity::Error, "Worker (pid:7) was sent SIGKILL!", 9)
    };
    let short = |findings: Vec<Finding>| {
        let material = Material { events: vec![killed.clone()], findings, ..Material::default() };
        let report = render_markdown(&incident(material));
        report.lines().find(|line| line.starts_with("**In short:**")).unwrap().to_owned()
    };
    let own = ended("worker-killed", 7, "A worker, process 7, was ended by signal 9");
    let other = ended("worker-faulted", 8, "A worker, process 8, was ended by signal 11");
    let told = " Another end is told, too: a worker, process 8, was ended by signal 11.";
    assert!(short(vec![own.clone(), other]).ends_with(told));
    assert!(!short(vec![own]).contains("Another end"));
}

/// Whether it is over: what came behind the end stands on the first screen.
#[test]
fn what_came_afterwards() {
    let afterwards = |events: Vec<Event>| {
        let report = report(events);
        report.lines().find(|line| line.starts_with("| **Afterwards**")).map(str::to_owned)
    };
    let boot = event(-1, "worker-boot", Severity::Info, "Booting worker with pid: 8", 7);
    let shutdown = event(-20, "shutdown", Severity::Info, "Shutting down: Master", 8);
    let before = event(20, "shutdown", Severity::Info, "Shutting down: Master", 6);
    assert_eq!(
        afterwards(vec![before.clone(), boot, shutdown]).unwrap(),
        "| **Afterwards** | a new start was seen at 12:00:04 `[E2:L7]`; the service was shut down at 12:00:23 `[E2:L8]` |"
    );
    assert_eq!(afterwards(vec![before]), None);
    // In the same second, on the line behind that of the death, or in front of it.
    let at_once = |line| event(0, "worker-boot", Severity::Info, "Booting worker with pid: 8", line);
    assert_eq!(
        afterwards(vec![at_once(10)]).unwrap(),
        "| **Afterwards** | a new start was seen at 12:00:03 `[E2:L10]` |"
    );
    assert_eq!(afterwards(vec![at_once(8)]), None);
}

/// Requests without an end, and a message that was missing for a while, as logs tell of them.
#[test]
fn what_was_lost_is_counted() {
    let request = |id: &str, line: u64, more: Value| {
        let mut thread = json!({"id": id, "state": "unfinished", "records": 1, "first": "2024-05-01T12:00:02Z", "last": "2024-05-01T12:00:02Z",
            "entries": [{"time": "2024-05-01T12:00:02Z", "message": "request started", "source": 0, "line": line, "offset": line * 80, "bytes": 80}]});
        thread.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        thread
    };
    let report = |unfinished: u64| {
        let place = |line: u64| json!({"source": 0, "line": line, "offset": line * 80, "bytes": 80});
        let logs = json!({
            "schema": "pycoroner.logs/1",
            "sources": [{"id": 2, "path": "app.log", "bytes": 4096}],
            "templates": [
                {"template": "request finished", "level": "INFO", "count": 800, "source": 0, "line": 1, "offset": 80, "bytes": 80,
                    "silence": {"since": "2024-05-01T12:00:00Z", "silent_ms": 3000, "usual_interval_ms": 50, "seen": 800, "place": place(40),
                        "again": "2024-05-01T12:00:12.500Z", "again_place": place(60)}},
                {"template": "cache refreshed", "level": "INFO", "count": 9, "source": 0, "line": 2, "offset": 160, "bytes": 80,
                    "silence": {"since": "2024-05-01T11:59:00Z", "silent_ms": 63_000, "usual_interval_ms": 10_000, "seen": 9, "place": place(2)}}],
            "requests": {"followed": 900, "finished": 897, "unfinished": unfinished, "threads": [
                request("req-1", 50, json!({"open_at_death": true, "same_process": true})),
                request("req-2", 51, json!({"ended_with": 77})),
                request("req-3", 52, json!({"open_at_death": true}))]},
        });
        let died = event(0, "process-died", Severity::Critical, "the process died", 70);
        let died_at = died.at;
        let material = Material { documents: vec![logs], events: vec![died], died_at, ..Material::default() };
        render_markdown(&incident(material))
    };
    let found = report(3);
    let told = part(&found, "Impact");
    let told: Vec<&str> = told.iter().filter(|line| line.starts_with("- ")).map(|line| &**line).collect();
    assert_eq!(
        told,
        [
            "- 3 requests started and have no end in the logs, of 900 that were followed by their ids in all that these logs cover, `req-1` of the dead process among them; 1 ended with other processes `[E2:L50]` `[E2:L51]` `[E2:L52]`",
            "- `request finished` was not logged for 12.500 s, from 2024-05-01 12:00:00 to 2024-05-01 12:00:12.500; one came every 0.050 s on average until then, so that about 250 fewer came than at that pace `[E2:L40]` `[E2:L60]`",
        ]
    );
    let rows = ["`req-1`", "`req-2`", "`req-3`"].map(|id| {
        let row = found.lines().find(|line| line.starts_with(&format!("| {id}"))).unwrap();
        row.split(" | ").nth(3).unwrap().to_owned()
    });
    assert_eq!(rows, ["open in it", "ended with process 77", "open"]);
    // A scan lists only so many.
    let found = report(60);
    assert!(part(&found, "Impact").iter().any(|line| line.starts_with("- at least 3 requests started")));
    assert!(found.contains("\n45 more are not shown.\n"), "{found}");
}

/// Samples that others gave under the same address are not this process's.
#[test]
fn samples_of_other_processes() {
    let points = |values: [f64; 4]| -> Vec<Value> {
        let times = ["11:59:30", "11:59:45", "12:00:00", "12:00:15"];
        times.iter().zip(values).map(|(time, value)| json!([format!("2024-05-01T{time}Z"), value])).collect()
    };
    let last = |boot: Option<i64>, takes_turns: bool| {
        let telemetry = json!({"schema": "pycoroner.telemetry/1", "series": [{"name": "process_open_fds", "target": "a:1 shop",
            "labels": [{"name": "job", "value": "shop"}], "takes_turns": takes_turns, "points": points([1.0, 2.0, 3.0, 4.0])}]});
        let core = json!({"schema": "pycoroner.core/1", "process": {"pid": 7}, "crash": {"signal": 11, "signal_name": "SIGSEGV"}});
        let died = event(0, "process-died", Severity::Critical, "the process died", 70);
        let died_at = died.at;
        let boot = boot.map(|before| Event {
            pid: Some(7),
            ..event(before, "worker-boot", Severity::Info, "Booting worker with pid: 7", 60)
        });
        let events = boot.into_iter().chain([died]).collect();
        let documents = vec![core, telemetry];
        let report =
            render_markdown(&incident(Material { documents, events, died_at, ..Material::default() }));
        let row = report.lines().find(|line| line.starts_with("| `process_open_fds`")).unwrap();
        row.split(" | ").nth(2).unwrap().to_owned()
    };
    assert_eq!(last(None, false), "3 at 12:00:00");
    assert_eq!(last(Some(20), false), "3 at 12:00:00");
    assert_eq!(last(Some(2), false), "not of this process: others answered, last at 12:00:00");
    assert_eq!(last(None, true), "3 at 12:00:00, of one of several processes");
}

/// What tells of the death is no symptom of it.
#[test]
fn the_own_end_is_no_first_symptom() {
    let core = json!({"schema": "pycoroner.core/1", "process": {"pid": 7}, "crash": {"signal": 6, "signal_name": "SIGABRT"}});
    let own = |second, kind: &'static str, message| Event {
        pid: Some(7),
        ..event(second, kind, Severity::Error, message, 9)
    };
    let killed = own(1, "worker-killed", "Worker (pid:7) was sent SIGABRT!");
    let critical = own(0, "log-critical", "out of memory");
    let died = own(0, "process-died", "the process died");
    let died_at = died.at;
    let events = vec![killed, critical, died];
    let report = render_markdown(&incident(Material {
        documents: vec![core],
        events,
        died_at,
        ..Material::default()
    }));
    let row = report.lines().find(|line| line.starts_with("| First symptom")).unwrap();
    assert!(row.contains("`out of memory`"), "{row}");
}
