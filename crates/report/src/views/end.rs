//! Which event says that the process, the worker or the container ended.

use std::borrow::Cow;

use pycoroner_findings::{Event, Evidence, Severity, signals};

use crate::Incident;

/// Kinds of events that say so, the most telling first.
pub(crate) const ENDS: [&str; 12] = [
    "process-died",
    "kernel-segfault",
    "oom-kill",
    "core-dumped",
    "container-ended",
    "pod-ended",
    "worker-killed",
    "main-process-exited",
    "native-abort",
    "fatal-error",
    "worker-timeout",
    "core-taken",
];

/// The event by which the end is known; of the core's own process when there is a core.
pub(crate) fn event(incident: &Incident) -> Option<&Event> {
    event_among(&incident.timeline, incident.core.as_ref().and_then(|core| core.process.pid))
}

/// The same, among some events.
pub(crate) fn event_among(events: &[Event], pid: Option<u64>) -> Option<&Event> {
    let is_ours = |event: &&Event| event.pid.is_none() || pid.is_none() || event.pid == pid;
    // A fatal error that a supervisor's signal explains, and a container that ended well, are no end of this kind.
    let counts = |event: &&Event| {
        !matches!(&*event.kind, "fatal-error" | "container-ended" | "worker-killed")
            || event.severity >= Severity::Error
    };
    // When a file was changed says little of when its lines were written: what has a time goes first.
    let known = |event: &&Event| event.at.is_some_and(|at| at.uncertainty_ms <= MOST_UNCERTAIN_MS);
    let of_kinds = |is_timed: &dyn Fn(&&Event) -> bool| {
        ENDS.iter().find_map(|kind| {
            let of_kind = events.iter().filter(|event| event.kind == *kind);
            of_kind.filter(is_timed).filter(is_ours).find(counts)
        })
    };
    of_kinds(&known).or_else(|| of_kinds(&|event| event.at.is_some()))
}

/// A time that is known no better than this dates no end, where another end has one: an hour.
const MOST_UNCERTAIN_MS: u64 = 3_600_000;

/// The exception that ended a process, where nothing else tells of an end: its line, and where the log has it.
pub(crate) fn exception(incident: &Incident) -> Option<&Evidence> {
    if incident.core.is_some() || event(incident).is_some() {
        return None;
    }
    let finding = incident.findings.iter().find(|finding| finding.id == "unhandled-exception-logged")?;
    finding.evidence.first()
}

/// What an end is in a sentence about the process or the container.
pub(crate) fn as_verb(event: &Event) -> Cow<'static, str> {
    if let Some(signal) = caught(event) {
        return format!("died of {signal}, which faulthandler caught,").into();
    }
    let verb = match &*event.kind {
        "kernel-segfault" => "had a segmentation fault",
        "oom-kill" => "was killed by the kernel for want of memory",
        "core-dumped" => "ended with a core dump",
        "worker-killed" => "was killed",
        "native-abort" => "was aborted by native code",
        "fatal-error" => "stopped with a fatal error of the interpreter",
        "worker-timeout" => "did not answer",
        "container-ended" | "pod-ended" | "main-process-exited" => "ended",
        _ => "stopped",
    };
    verb.into()
}

/// The signal of a dump by `faulthandler`, which calls the signals that it catches fatal errors.
fn caught(event: &Event) -> Option<&'static str> {
    let named = |(words, _): &&(&str, u32)| event.message.contains(words);
    let (_, signal) = signals::FATAL_ERRORS.iter().find(named).filter(|_| event.kind == "fatal-error")?;
    signals::name(*signal)
}

/// What an end is called in a title.
pub(crate) fn in_words(event: &Event) -> Cow<'static, str> {
    if let Some(signal) = caught(event) {
        return format!("{signal}, caught by faulthandler").into();
    }
    let words = match &*event.kind {
        "kernel-segfault" => "segmentation fault seen by the kernel",
        "oom-kill" => "killed by the kernel for want of memory",
        "core-dumped" => "ended with a core dump",
        "container-ended" | "pod-ended" => "a container ended",
        "worker-killed" => "a worker was killed",
        "main-process-exited" => "the service's main process ended",
        "native-abort" => "native code aborted",
        "fatal-error" => "fatal error of the interpreter",
        "worker-timeout" => "a worker did not answer",
        _ => "the process stopped",
    };
    words.into()
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::{TimeBasis, Timestamp, UtcTime};

    use super::*;

    #[test]
    fn what_faulthandler_caught_is_a_signal() {
        let check = |message: &str, expected: &str| {
            assert_eq!(in_words(&Event::new("fatal-error", Severity::Critical, message)), expected);
        };
        check("Fatal Python error: Segmentation fault", "SIGSEGV, caught by faulthandler");
        check("Fatal Python error: none_dealloc: deallocating None", "fatal error of the interpreter");
    }

    #[test]
    fn an_end_with_a_time_goes_before_one_without() {
        let event = |kind: &'static str, basis, uncertainty_ms| Event {
            at: Some(Timestamp { time: UtcTime(0), basis, uncertainty_ms }),
            ..Event::new(kind, Severity::Critical, kind)
        };
        let undated = event("kernel-segfault", TimeBasis::FileModified, 86_400_000);
        let dated = event("container-ended", TimeBasis::Stated, 0);
        let found = |events: &[Event]| event_among(events, None).map(|event| event.kind.to_string());
        assert_eq!(found(&[undated.clone(), dated]).as_deref(), Some("container-ended"));
        assert_eq!(found(&[undated]).as_deref(), Some("kernel-segfault"));
    }
}
