//! What the log alone allows to conclude; the only place of this crate that judges.

mod around;

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::document::{Introduction, LogEvent, Traceback, TracebackKind};
use crate::level::Level;
use crate::scan::Scan;

/// Findings of one kind that are stated one by one.
const MAX_EACH: usize = 5;

/// The type and the first line of the message.
pub(crate) fn headline(entry: &Traceback) -> String {
    let type_name = entry.type_name.as_deref().unwrap_or("an exception whose end is torn off");
    match entry.message.lines().next().filter(|line| !line.is_empty()) {
        Some(message) => format!("{type_name}: {message}"),
        None => type_name.to_owned(),
    }
}

/// Corrects the weight of facts that other facts explain.
///
/// gunicorn ends a worker that does not answer with SIGABRT. With faulthandler on, that prints `Fatal Python error:
/// Aborted`, although the worker goes on to exit by `SystemExit: 1`: no crash.
pub(crate) fn weigh_events(scan: &mut Scan) {
    let timeouts: Vec<LogEvent> =
        scan.events.iter().filter(|event| is_gunicorn_timeout(event)).cloned().collect();
    let aborted_in_gunicorn: Vec<(usize, u64)> = scan
        .tracebacks
        .iter()
        .filter(|entry| entry.kind == TracebackKind::Faulthandler && entry.message.starts_with("Aborted"))
        .filter(|entry| entry.frames.iter().any(|frame| frame.file.contains("gunicorn")))
        .map(|entry| (entry.place.source, entry.place.offset))
        .collect();
    for event in scan.events.iter_mut().filter(|event| event.kind == "fatal-error" && event.signal == Some(6))
    {
        let in_gunicorn = aborted_in_gunicorn.contains(&(event.place.source, event.place.offset));
        let explained = timeouts.iter().any(|timeout| in_gunicorn && may_be_same(timeout, event));
        if explained {
            event.severity = Severity::Warning;
            event.detail = Some(
                "gunicorn's SIGABRT to a worker that timed out: the worker then exits by itself, which is no crash"
                    .to_owned(),
            );
        }
    }
}

fn is_gunicorn_timeout(event: &LogEvent) -> bool {
    event.kind == "worker-timeout" && event.message.starts_with("WORKER TIMEOUT")
}

/// The abort may be the timeout's: the same process, or no process is named; at most 10 s apart, or undated.
fn may_be_same(timeout: &LogEvent, abort: &LogEvent) -> bool {
    let same_pid = abort.pid.is_none_or(|pid| timeout.pid == Some(pid));
    let near = match (timeout.at, abort.at) {
        (Some(timeout), Some(abort)) => {
            let slack = 10_000 + timeout.uncertainty_ms.saturating_add(abort.uncertainty_ms);
            timeout.time.millis_since(abort.time).unsigned_abs() <= slack
        }
        _ => true,
    };
    same_pid && near
}

/// States what the scan means, the gravest first.
pub(crate) fn conclude(scan: &Scan) -> Vec<Finding> {
    let mut findings = Vec::new();
    fatal_errors(scan, &mut findings);
    facts(scan, &mut findings);
    worker_timeouts(scan, &mut findings);
    workers_killed(scan, &mut findings);
    unhandled_exceptions(scan, &mut findings);
    around::conclude(scan, &mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// The facts of a kind that count: those of the window, when there is one.
fn of_kind<'a>(scan: &'a Scan, kind: &'a str) -> impl Iterator<Item = &'a LogEvent> {
    scan.events.iter().filter(move |event| {
        event.kind == kind && (scan.window.is_none() || event.in_window || event.at.is_none())
    })
}

fn said(scan: &Scan, event: &LogEvent) -> Evidence {
    Evidence::new(Basis::Observed, event.message.clone()).cite(event.place.citation(&scan.sources))
}

fn process(pid: Option<u64>) -> String {
    pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"))
}

fn fatal_errors(scan: &Scan, findings: &mut Vec<Finding>) {
    for event in of_kind(scan, "fatal-error").take(MAX_EACH) {
        let current = scan.tracebacks.iter().find(|entry| {
            entry.kind == TracebackKind::Faulthandler
                && entry.current_thread
                && (entry.place.source, entry.place.offset) == (event.place.source, event.place.offset)
        });
        let place = current.and_then(|entry| entry.frames.first()).map_or(String::new(), |frame| {
            let function = frame.function.as_deref().unwrap_or("?");
            let line = frame.line.map_or(String::new(), |line| format!(":{line}"));
            format!(" in {function} ({}{line})", frame.file)
        });
        let error = event.message.strip_prefix("Fatal Python error: ").unwrap_or(&event.message);
        let mut finding = if event.severity == Severity::Critical {
            let title = format!("The interpreter stopped with a fatal error, {error}{place}");
            Finding::new("fatal-error-logged", Severity::Critical, Confidence::Certain, title)
        } else {
            let title =
                format!("The fatal error {error} in the log is gunicorn's abort of a worker that timed out");
            Finding::new("fatal-error-explained", Severity::Warning, Confidence::Strong, title)
                .refuted_if("a core file of the worker, or a line that says it was ended by a signal")
        };
        finding = finding.with_evidence(said(scan, event));
        let in_gunicorn =
            current.is_some_and(|entry| entry.frames.iter().any(|frame| frame.file.contains("gunicorn")));
        if event.severity == Severity::Critical && event.signal == Some(6) && in_gunicorn {
            finding.confidence = Confidence::Weak;
            finding = finding.with_against(Evidence::new(
                Basis::Inferred,
                "gunicorn aborts workers that time out, and its own log, which would say so, is not among these",
            ));
        }
        if let Some(detail) = event.detail.as_ref().filter(|_| event.severity != Severity::Critical) {
            finding = finding.with_evidence(Evidence::new(Basis::Inferred, detail.clone()));
            if let Some(end) = ended_by_it(scan, event) {
                finding.confidence = Confidence::Moderate;
                finding = finding.with_against(said(scan, end));
            }
        }
        findings.push(finding);
    }
}

/// What the server says of the worker that an abort hit, when that ended by the signal and did not exit by itself: the
/// next thing it says of a worker's end in the same log.
fn ended_by_it<'s>(scan: &'s Scan, abort: &LogEvent) -> Option<&'s LogEvent> {
    let is_end =
        |event: &&LogEvent| matches!(&*event.kind, "worker-killed" | "worker-exit" | "worker-timeout");
    let mut behind = scan
        .events
        .iter()
        .filter(|event| event.place.source == abort.place.source && event.place.offset > abort.place.offset);
    behind.find(is_end).filter(|event| event.kind == "worker-killed" && event.signal == abort.signal)
}

/// Facts that say what happened by themselves.
fn facts(scan: &Scan, findings: &mut Vec<Finding>) {
    type Titles = (&'static str, &'static str, Severity, fn(&LogEvent) -> String);
    let rules: [Titles; 5] = [
        ("oom-kill", "oom-kill-logged", Severity::Critical, |event| {
            let detail = event.detail.as_ref().map_or(String::new(), |detail| format!(" ({detail})"));
            format!("The kernel killed {} for want of memory{detail}", process(event.pid))
        }),
        ("kernel-segfault", "kernel-segfault-logged", Severity::Critical, |event| {
            let place = event.detail.as_ref().map_or(String::new(), |place| format!(" at {place}"));
            format!("The kernel logged a fault of {}{place}", process(event.pid))
        }),
        ("native-abort", "native-abort-logged", Severity::Critical, |event| {
            format!("Native code gave up: {}", event.message)
        }),
        ("main-process-exited", "main-process-exited", Severity::Error, |event| {
            format!("systemd saw the service end: {}", event.message)
        }),
        ("core-dumped", "core-dumped-logged", Severity::Error, |event| {
            format!("{} dumped core", capitalised(&process(event.pid)))
        }),
    ];
    for (kind, id, severity, title) in rules {
        for event in of_kind(scan, kind).take(MAX_EACH) {
            let finding = Finding::new(id, severity, Confidence::Certain, title(event))
                .with_evidence(said(scan, event));
            findings.push(finding.about(process(event.pid)));
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

fn worker_timeouts(scan: &Scan, findings: &mut Vec<Finding>) {
    for event in of_kind(scan, "worker-timeout").take(MAX_EACH) {
        let title = format!("The server gave up on a worker that took too long, {}", process(event.pid));
        let finding = Finding::new("worker-timeout", Severity::Error, Confidence::Certain, title);
        findings.push(finding.about(process(event.pid)).with_evidence(said(scan, event)));
    }
}

fn workers_killed(scan: &Scan, findings: &mut Vec<Finding>) {
    for event in
        of_kind(scan, "worker-killed").filter(|event| event.severity >= Severity::Error).take(MAX_EACH)
    {
        let signal = event.signal.map_or_else(|| "a signal".to_owned(), |signal| format!("signal {signal}"));
        let title = format!("A worker, {}, was ended by {signal}", process(event.pid));
        let mut finding = Finding::new("worker-killed", Severity::Error, Confidence::Certain, title)
            .about(process(event.pid))
            .with_evidence(said(scan, event));
        if let Some(timeout) = scan
            .events
            .iter()
            .find(|other| other.kind == "worker-timeout" && other.pid.is_some() && other.pid == event.pid)
        {
            finding = finding.with_evidence(said(scan, timeout));
            finding.title.push_str(" after it had timed out: its own server killed it");
        } else if event.signal == Some(9) {
            let killed = scan
                .events
                .iter()
                .find(|other| other.kind == "oom-kill" && other.pid.is_some() && other.pid == event.pid);
            match killed {
                Some(killed) => finding = finding.with_evidence(said(scan, killed)),
                None => {
                    finding = finding.with_against(Evidence::new(
                        Basis::Derived,
                        "no kernel line in these logs says that memory was the reason",
                    ));
                }
            }
        }
        findings.push(finding);
    }
}

/// Exceptions that nothing handled: they ended a thread, or were logged as critical.
fn unhandled_exceptions(scan: &Scan, findings: &mut Vec<Finding>) {
    let roots = scan.tracebacks.iter().filter(|entry| {
        entry.kind == TracebackKind::Traceback
            && entry.parent.is_none()
            && !entry.remote
            && (scan.window.is_none() || entry.in_window > 0)
    });
    let mut roots: Vec<&Traceback> = roots.collect();
    roots.sort_by_key(|entry| std::cmp::Reverse(entry.last));
    for entry in roots.into_iter().take(MAX_EACH) {
        let is_unhandled = entry.introduced_by == Some(Introduction::ExceptionInThread)
            || entry.introduced_by == Some(Introduction::ExceptionInProcess)
            || entry.introduced_by == Some(Introduction::NeverRetrieved)
            || entry.level == Some(Level::Critical)
            || entry.log_message.is_none() && entry.introduced_by.is_none() && entry.level.is_none();
        let (id, verb) = if is_unhandled {
            ("unhandled-exception-logged", "was not handled")
        } else {
            ("exception-logged", "was logged")
        };
        let times = if entry.count > 1 { format!(" {} times", entry.count) } else { String::new() };
        let title = format!("{} {verb}{times}", headline(entry));
        let severity = if entry.count == 1 && !is_unhandled { Severity::Warning } else { Severity::Error };
        let confidence =
            if entry.truncated || is_unhandled { Confidence::Moderate } else { Confidence::Certain };
        let statement = entry.log_message.clone().unwrap_or_else(|| headline(entry));
        let citation = entry.latest.unwrap_or(entry.place).citation(&scan.sources);
        let finding = Finding::new(id, severity, confidence, title)
            .about(entry.fingerprint.clone())
            .with_evidence(Evidence::new(Basis::Observed, statement).cite(citation));
        findings.push(finding);
    }
}
