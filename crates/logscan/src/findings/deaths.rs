//! Lines that say that a process ended, or why.

use std::collections::BTreeMap;

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity, signals};

use super::alike::{Ends, Stated, state};
use super::{aborts, said};
use crate::document::{LogEvent, Traceback, TracebackKind};
use crate::scan::Scan;

/// States the facts of each kind: those of the dead process one by one, others that are alike together.
pub(super) fn conclude(scan: &Scan, findings: &mut Vec<Finding>) {
    let ends = Ends::of(scan);
    let dumps = dumps(scan);
    state(scan, &ends, "fatal-error", findings, |event| fatal_error(scan, &ends, &dumps, event));
    for kind in ["oom-kill", "kernel-segfault", "native-abort", "main-process-exited", "core-dumped"] {
        state(scan, &ends, kind, findings, |event| fact(scan, kind, event));
    }
    state(scan, &ends, "worker-timeout", findings, |event| worker_timeout(scan, event));
    let timeouts = by_process(scan, "worker-timeout");
    let kills = by_process(scan, "oom-kill");
    state(scan, &ends, "worker-killed", findings, |event| worker_killed(scan, &timeouts, &kills, event));
    state(scan, &ends, "signal", findings, |event| worker_killed(scan, &timeouts, &kills, event));
}

/// The first event of a kind about each process.
fn by_process<'s>(scan: &'s Scan, kind: &str) -> BTreeMap<u64, &'s LogEvent> {
    let of_kind = scan.events.iter().rev().filter(|event| event.kind == kind);
    of_kind.filter_map(|event| Some((event.pid?, event))).collect()
}

fn process(pid: Option<u64>) -> String {
    pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

/// The thread that each dump names as current, by the source and the offset of the dump.
type Dumps<'s> = BTreeMap<(usize, u64), &'s Traceback>;

fn dumps(scan: &Scan) -> Dumps<'_> {
    let current = |entry: &&Traceback| entry.kind == TracebackKind::Faulthandler && entry.current_thread;
    let entries = scan.tracebacks.iter().rev().filter(current);
    entries.map(|entry| ((entry.place.source, entry.place.offset), entry)).collect()
}

fn fatal_error(scan: &Scan, ends: &Ends<'_>, dumps: &Dumps<'_>, event: &LogEvent) -> Stated {
    let current = dumps.get(&(event.place.source, event.place.offset));
    let place = current.and_then(|entry| entry.frames.first()).map_or(String::new(), |frame| {
        let function = frame.function.as_deref().unwrap_or("?");
        let line = frame.line.map_or(String::new(), |line| format!(":{line}"));
        format!(" in {function} ({}{line})", frame.file)
    });
    let error = event.message.strip_prefix("Fatal Python error: ").unwrap_or(&event.message);
    let is_critical = event.severity == Severity::Critical;
    let mut finding = if is_critical && event.signal.is_some() {
        // The words of a dump of `faulthandler`: a signal came, and the interpreter found nothing wrong with itself.
        let title = format!("faulthandler caught a fatal error, {error}{place}");
        Finding::new("fatal-error-logged", Severity::Critical, Confidence::Certain, title)
    } else if is_critical {
        let title = format!("The interpreter stopped with a fatal error, {error}{place}");
        Finding::new("interpreter-error-logged", Severity::Critical, Confidence::Certain, title)
    } else {
        let title =
            format!("The fatal error {error} in the log is gunicorn's abort of a worker that timed out");
        Finding::new("fatal-error-explained", Severity::Warning, Confidence::Strong, title)
    };
    finding = finding.with_evidence(said(scan, event));
    // The dump names no process; the line behind it that a process ended by the same signal does.
    if let Some(pid) = ends.process(event) {
        finding = finding.about(process(Some(pid)));
    }
    let in_gunicorn =
        current.is_some_and(|entry| entry.frames.iter().any(|frame| frame.file.contains("gunicorn")));
    finding = aborts::weigh(scan, ends, event, in_gunicorn, finding);
    let before = format!("{}, ", finding.title);
    Stated { finding, plural: (before, " times".to_owned()) }
}

/// Facts that say what happened by themselves.
fn fact(scan: &Scan, kind: &str, event: &LogEvent) -> Stated {
    let who = process(event.pid);
    let at = event.detail.as_ref().map_or(String::new(), |place| format!(" at {place}"));
    let with = event.detail.as_ref().map_or(String::new(), |detail| format!(" ({detail})"));
    let message = &event.message;
    let times = |title: &str| (format!("{title}, "), " times".to_owned());
    let (id, severity, title, plural) = match kind {
        "oom-kill" => (
            "oom-kill-logged",
            Severity::Critical,
            format!("The kernel killed {who} for want of memory{with}"),
            ("The kernel killed ".to_owned(), " processes for want of memory".to_owned()),
        ),
        "kernel-segfault" => (
            "kernel-segfault-logged",
            Severity::Critical,
            format!("The kernel logged a fault of {who}{at}"),
            ("The kernel logged faults of ".to_owned(), format!(" processes{at}")),
        ),
        "native-abort" => {
            let title = format!("Native code gave up: {message}");
            ("native-abort-logged", Severity::Critical, title.clone(), times(&title))
        }
        "main-process-exited" => {
            let title = format!("systemd saw the service end: {message}");
            ("main-process-exited", Severity::Error, title.clone(), times(&title))
        }
        _ => (
            "core-dumped-logged",
            Severity::Error,
            format!("{} dumped core{}", capitalised(&who), on_signal(event)),
            (String::new(), " processes dumped core".to_owned()),
        ),
    };
    let finding = Finding::new(id, severity, Confidence::Certain, title).with_evidence(said(scan, event));
    Stated { finding: finding.about(who), plural }
}

/// ` on SIGSEGV`, where the line names the signal.
fn on_signal(event: &LogEvent) -> String {
    event.signal.and_then(signals::name).map_or_else(String::new, |name| format!(" on {name}"))
}

fn worker_timeout(scan: &Scan, event: &LogEvent) -> Stated {
    let title = format!("The server gave up on a worker that took too long, {}", process(event.pid));
    let finding = Finding::new("worker-timeout", Severity::Error, Confidence::Certain, title);
    let plural = ("The server gave up on ".to_owned(), " workers that took too long".to_owned());
    Stated { finding: finding.about(process(event.pid)).with_evidence(said(scan, event)), plural }
}

fn worker_killed(
    scan: &Scan,
    timeouts: &BTreeMap<u64, &LogEvent>,
    kills: &BTreeMap<u64, &LogEvent>,
    event: &LogEvent,
) -> Stated {
    let signal = event.signal.map_or_else(|| "a signal".to_owned(), |signal| format!("signal {signal}"));
    let title = format!("A worker, {}, was ended by {signal}", process(event.pid));
    let id = if event.signal.is_some_and(signals::is_fault) { "worker-faulted" } else { "worker-killed" };
    let mut finding = Finding::new(id, Severity::Error, Confidence::Certain, title)
        .about(process(event.pid))
        .with_evidence(said(scan, event));
    let mut why = "";
    if let Some(timeout) =
        event.pid.and_then(|pid| timeouts.get(&pid)).filter(|timeout| may_precede(timeout, event))
    {
        finding = finding.with_evidence(said(scan, timeout));
        finding.title.push_str(" after its server had timed it out");
        why = " after their server had timed them out";
    } else if event.signal == Some(9) {
        match event.pid.and_then(|pid| kills.get(&pid)) {
            Some(killed) => finding = finding.with_evidence(said(scan, killed)),
            None => {
                finding = finding.with_against(Evidence::new(
                    Basis::Derived,
                    "no kernel line in these logs says that memory was the reason",
                ));
            }
        }
    }
    let name = event.signal.map_or_else(|| "a signal".to_owned(), signal_name);
    Stated { finding, plural: (String::new(), format!(" workers were ended by {name}{why}")) }
}

/// Whether one event may have come before another one, as far as their times are known.
fn may_precede(one: &LogEvent, other: &LogEvent) -> bool {
    one.at.zip(other.at).is_none_or(|(one, other)| {
        let slack = one.uncertainty_ms.saturating_add(other.uncertainty_ms);
        one.time.millis_since(other.time) <= i64::try_from(slack).unwrap_or(i64::MAX)
    })
}

fn signal_name(number: u32) -> String {
    signals::name(number).map_or_else(|| format!("signal {number}"), str::to_owned)
}
