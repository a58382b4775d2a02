//! What exceptions did to the process, as far as the log tells: ended it, a thread or a task of it, or nothing.

use std::cmp::Reverse;

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use super::{MAX_EACH, headline};
use crate::document::{Introduction, Place, Traceback, TracebackKind};
use crate::level::Level;
use crate::scan::Scan;

/// What became of whoever raised an exception.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The process ended: the interpreter itself printed the traceback, and nothing stands behind it.
    EndedProcess,
    /// The interpreter printed it, and the log goes on behind it: of another process, or of this one.
    Unhandled,
    /// Somebody logged it as critical, as hooks do for what nothing handled.
    Critical,
    /// A thread ended; the process went on.
    EndedThread,
    /// A task ended, and nobody asked for its result.
    EndedTask,
    /// Somebody handled and logged it.
    Logged,
}

impl Outcome {
    fn of(scan: &Scan, entry: &Traceback) -> Self {
        match entry.introduced_by {
            Some(Introduction::ExceptionInProcess) => Self::EndedProcess,
            Some(Introduction::ExceptionInThread) => Self::EndedThread,
            Some(Introduction::NeverRetrieved) => Self::EndedTask,
            Some(_) => Self::Logged,
            None if entry.level == Some(Level::Critical) => Self::Critical,
            None if !is_printed_by_interpreter(entry) => Self::Logged,
            None if is_last(scan, entry) => Self::EndedProcess,
            None => Self::Unhandled,
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::EndedProcess | Self::Unhandled | Self::Critical => "unhandled-exception-logged",
            Self::EndedThread => "thread-exception-logged",
            Self::EndedTask => "task-exception-never-retrieved",
            Self::Logged => "exception-logged",
        }
    }

    fn title(self, what: &str, times: &str) -> String {
        match self {
            Self::EndedProcess | Self::Unhandled => format!("Unhandled {what}{times}"),
            Self::Critical => format!("{what}, was logged as critical{times}"),
            Self::EndedThread => format!("A thread ended with {what}{times}"),
            Self::EndedTask => format!("A task ended with {what}{times}, and nobody asked for its result"),
            Self::Logged => format!("{what} was logged{times}"),
        }
    }
}

/// A traceback without a record around it, from the program's first line on: so the interpreter prints what nothing
/// handled. A function that prints what it handles begins at its own frame.
fn is_printed_by_interpreter(entry: &Traceback) -> bool {
    let outermost = entry.frames.first().and_then(|frame| frame.function.as_deref());
    entry.log_message.is_none() && entry.level.is_none() && outermost.is_some_and(is_outermost)
}

/// What the stack of a whole program begins with: the module that was started, or `python -m`.
fn is_outermost(function: &str) -> bool {
    matches!(function, "<module>" | "_run_module_as_main")
}

/// Whether nothing but blank lines stands behind it in its source.
fn is_last(scan: &Scan, entry: &Traceback) -> bool {
    let source = scan.sources.get(entry.place.source);
    let end = entry.place.offset + entry.place.bytes;
    source.is_some_and(|source| source.part.is_none() && source.bytes.saturating_sub(end) <= BLANK)
}

/// Bytes of blank lines that an end may have.
const BLANK: u64 = 8;

/// States what exceptions did, the dead process's own first.
pub(super) fn conclude(scan: &Scan, findings: &mut Vec<Finding>) {
    let roots = scan.tracebacks.iter().filter(|entry| {
        entry.kind == TracebackKind::Traceback
            && entry.parent.is_none()
            && !entry.remote
            && (scan.window.is_none() || entry.in_window > 0)
    });
    let mut roots: Vec<&Traceback> = roots.collect();
    roots.sort_by_key(|entry| Reverse((entry.same_process, entry.last)));
    findings.extend(roots.into_iter().take(MAX_EACH).map(|entry| state(scan, entry)));
}

fn state(scan: &Scan, entry: &Traceback) -> Finding {
    let outcome = Outcome::of(scan, entry);
    let times = if entry.count > 1 { format!(", {} times", entry.count) } else { String::new() };
    let what = match entry.frames.last().filter(|_| outcome != Outcome::Logged) {
        Some(frame) => {
            let line = frame.line.map_or_else(String::new, |line| format!(":{line}"));
            let function = frame.function.as_deref().unwrap_or("?");
            format!("{}, raised in {function} ({}{line})", headline(entry), frame.file)
        }
        None => headline(entry),
    };
    let severity =
        if entry.count == 1 && outcome == Outcome::Logged { Severity::Warning } else { Severity::Error };
    let confidence = match outcome {
        _ if entry.truncated => Confidence::Moderate,
        Outcome::EndedProcess => Confidence::Strong,
        Outcome::Unhandled | Outcome::Critical => Confidence::Moderate,
        Outcome::EndedThread | Outcome::EndedTask | Outcome::Logged => Confidence::Certain,
    };
    let logged = entry.log_message.clone().filter(|_| outcome == Outcome::Logged);
    let statement = logged.unwrap_or_else(|| headline(entry));
    let observed = |statement: String, place: Place| {
        Evidence::new(Basis::Observed, statement).cite(place.citation(&scan.sources))
    };
    // The process that wrote it, where that is known to be another one than the core's.
    let other = entry.pid.filter(|_| !entry.same_process && scan.process.is_some());
    let subject = other.map_or_else(|| entry.fingerprint.clone(), |pid| format!("process {pid}"));
    let mut finding = Finding::new(outcome.id(), severity, confidence, outcome.title(&what, &times))
        .about(subject)
        .with_evidence(observed(statement, entry.place));
    if let Some(latest) = entry.latest.filter(|_| entry.count > 1) {
        finding = finding.with_evidence(observed(format!("the last of {} times", entry.count), latest));
    }
    if outcome == Outcome::EndedProcess && entry.introduced_by.is_none() {
        let why =
            "the interpreter printed it from the program's first frame on, and nothing stands behind it";
        finding = finding.with_evidence(Evidence::new(Basis::Inferred, why));
    }
    finding
}
