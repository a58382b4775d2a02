//! What the log alone allows to conclude; the only place of this crate that judges.

mod aborts;
mod alike;
mod around;
mod deaths;
mod exceptions;
mod separations;

pub(crate) use alike::Ends;

use pycoroner_findings::{Basis, Evidence, Finding, Severity};

use crate::document::{LogEvent, Traceback, TracebackKind};
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
    exceptions::conclude(scan, &mut findings);
    around::conclude(scan, &mut findings);
    findings.extend(separations::conclude(scan));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn said(scan: &Scan, event: &LogEvent) -> Evidence {
    Evidence::new(Basis::Observed, event.message.clone()).cite(event.place.citation(&scan.sources))
}
