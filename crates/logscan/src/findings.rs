//! What the log alone allows to conclude; the only place of this crate that judges.

mod aborts;
mod alike;
mod around;
mod deaths;

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::document::{Introduction, LogEvent, Place, Traceback, TracebackKind};
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
    let is_explained = |event: &LogEvent| {
        let in_gunicorn = aborted_in_gunicorn.contains(&(event.place.source, event.place.offset));
        timeouts.iter().any(|timeout| in_gunicorn && may_be_same(timeout, event))
    };
    let ends = alike::Ends::of(scan);
    let aborts = scan.events.iter().enumerate();
    let aborts = aborts.filter(|(_, event)| event.kind == "fatal-error" && event.signal == Some(6));
    let explained: Vec<(usize, String)> = aborts
        .filter(|(_, event)| is_explained(event))
        .map(|(index, event)| (index, aborts::told(scan, &ends, event)))
        .collect();
    for (index, told) in explained {
        if let Some(event) = scan.events.get_mut(index) {
            event.severity = Severity::Warning;
            event.detail = Some(told);
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
    deaths::conclude(scan, &mut findings);
    unhandled_exceptions(scan, &mut findings);
    around::conclude(scan, &mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn said(scan: &Scan, event: &LogEvent) -> Evidence {
    Evidence::new(Basis::Observed, event.message.clone()).cite(event.place.citation(&scan.sources))
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
    roots.sort_by_key(|entry| std::cmp::Reverse((entry.same_process, entry.last)));
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
        let observed = |statement: String, place: Place| {
            Evidence::new(Basis::Observed, statement).cite(place.citation(&scan.sources))
        };
        let mut finding = Finding::new(id, severity, confidence, title)
            .about(entry.fingerprint.clone())
            .with_evidence(observed(statement, entry.place));
        if let Some(latest) = entry.latest.filter(|_| entry.count > 1) {
            finding = finding.with_evidence(observed(format!("the last of {} times", entry.count), latest));
        }
        findings.push(finding);
    }
}
