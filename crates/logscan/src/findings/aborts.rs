//! What an abort in gunicorn's worker is: the SIGABRT by which gunicorn ends a worker that did not answer in time, or the
//! program's own.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use super::alike::Ends;
use super::said;
use crate::document::{LogEvent, TracebackKind};
use crate::scan::Scan;

/// What gunicorn's abort of a worker that timed out did to it.
pub(super) fn told(scan: &Scan, ends: &Ends<'_>, abort: &LogEvent) -> String {
    match (ended_by_it(ends, abort), hook(scan, abort)) {
        (None, _) => {
            "gunicorn's SIGABRT to a worker that timed out: the worker then exits by itself, which is no crash"
                .to_owned()
        }
        (Some(_), Some(hook)) => format!("gunicorn timed the worker out, and its hook {hook} aborted it"),
        (Some(_), None) => "gunicorn timed the worker out, and its SIGABRT ended it".to_owned(),
    }
}

/// Adds to the finding of an abort what speaks for and against that it is gunicorn's.
pub(super) fn weigh(
    scan: &Scan,
    ends: &Ends<'_>,
    abort: &LogEvent,
    in_gunicorn: bool,
    mut finding: Finding,
) -> Finding {
    if abort.severity == Severity::Critical {
        return if abort.signal == Some(6) && in_gunicorn {
            not_explained(scan, ends, abort, finding)
        } else {
            finding
        };
    }
    if let Some(detail) = &abort.detail {
        finding = finding.with_evidence(Evidence::new(Basis::Inferred, detail.clone()));
    }
    match ended_by_it(ends, abort) {
        Some(end) => finding
            .with_evidence(said(scan, end))
            .refuted_if("the worker that timed out is another one than the one that aborted"),
        None => finding.refuted_if("a core file of the worker, or a line that says it was ended by a signal"),
    }
}

/// An abort in a worker for which gunicorn states no timeout: its own log tells whether there was one, where it is at
/// hand. gunicorn writes timeouts at its highest level, so that no setting leaves them out.
fn not_explained(scan: &Scan, ends: &Ends<'_>, abort: &LogEvent, mut finding: Finding) -> Finding {
    let pid = abort.pid.or_else(|| ended_by_it(ends, abort)?.pid);
    let timeout =
        scan.events.iter().find(|event| event.kind == "worker-timeout" && pid.is_some() && event.pid == pid);
    let against = match (own_log(scan, abort), timeout) {
        (Some(around), None) => {
            let of = pid.map_or_else(|| "near it".to_owned(), |pid| format!("for process {pid}"));
            let mut evidence = Evidence::new(
                Basis::Derived,
                format!(
                    "gunicorn's own log is at hand and holds no WORKER TIMEOUT {of}: this abort is not its answer to one"
                ),
            );
            for event in around {
                evidence = evidence.cite(event.place.citation(&scan.sources));
            }
            return finding.with_evidence(evidence);
        }
        (_, Some(timeout)) => Evidence {
            statement: format!(
                "gunicorn aborts workers that time out, and it states a timeout of this one at another time: {}",
                timeout.message
            ),
            ..said(scan, timeout)
        },
        (None, None) => Evidence::new(
            Basis::Inferred,
            "gunicorn aborts workers that time out, and no log of its own that covers this time is among these",
        ),
    };
    finding.confidence = Confidence::Weak;
    finding.with_against(against)
}

/// The lines of gunicorn's own log before and behind an abort, when one log has both.
fn own_log<'s>(scan: &'s Scan, abort: &LogEvent) -> Option<[&'s LogEvent; 2]> {
    let lines = || scan.events.iter().filter(|event| is_gunicorns(event));
    let time = |event: &LogEvent| event.at.map(|at| at.time);
    let is_before = |event: &&LogEvent| {
        if event.place.source == abort.place.source {
            event.place.offset < abort.place.offset
        } else {
            time(event).zip(time(abort)).is_some_and(|(event, abort)| event <= abort)
        }
    };
    let is_behind = |event: &&LogEvent| {
        if event.place.source == abort.place.source {
            event.place.offset > abort.place.offset
        } else {
            time(event).zip(time(abort)).is_some_and(|(event, abort)| event >= abort)
        }
    };
    lines().filter(is_before).find_map(|before| {
        let behind = lines().filter(|event| event.place.source == before.place.source).find(is_behind)?;
        Some([before, behind])
    })
}

/// Whether gunicorn's arbiter or worker wrote it, by its own words.
fn is_gunicorns(event: &LogEvent) -> bool {
    const WORDS: [&str; 6] = [
        "Worker (pid:",
        "Booting worker with pid",
        "Worker exiting (pid:",
        "Starting gunicorn ",
        "WORKER TIMEOUT (pid:",
        "Shutting down: Master",
    ];
    WORDS.iter().any(|words| event.message.starts_with(words))
}

/// The function that gunicorn's handler of SIGABRT had called: the hook `worker_abort`.
fn hook<'s>(scan: &'s Scan, abort: &LogEvent) -> Option<&'s str> {
    let current = scan.tracebacks.iter().find(|entry| {
        entry.kind == TracebackKind::Faulthandler
            && entry.current_thread
            && (entry.place.source, entry.place.offset) == (abort.place.source, abort.place.offset)
    })?;
    let handler =
        current.frames.iter().position(|frame| frame.function.as_deref() == Some("handle_abort"))?;
    current.frames.get(handler.checked_sub(1)?)?.function.as_deref()
}

/// What the server says of the worker that an abort hit, when that ended by the signal and did not exit by itself.
fn ended_by_it<'s>(ends: &Ends<'s>, abort: &LogEvent) -> Option<&'s LogEvent> {
    ends.behind(abort).filter(|end| end.kind == "worker-killed" && end.signal == abort.signal)
}
