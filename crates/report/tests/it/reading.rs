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
