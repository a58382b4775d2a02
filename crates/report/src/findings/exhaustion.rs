//! Exceptions that say that something of the machine ran out.

use pycoroner_findings::{Basis, Citation, Confidence, Evidence, Finding, Severity};

use crate::Incident;
use crate::sections::LogTraceback;

/// A resource, and how its end reads in an exception (`errno.h`).
struct Resource {
    id: &'static str,
    title: &'static str,
    types: &'static [&'static str],
    texts: &'static [&'static str],
    refuted_if: &'static str,
}

const OF_ONE_CALL: &str = "the limit that was met is one of a single call or user, not of the process";

const RESOURCES: [Resource; 5] = [
    Resource {
        id: "files-exhausted",
        title: "The process could open no further file or socket",
        types: &[],
        texts: &["[Errno 24]", "[Errno 23]", "Too many open files"],
        refuted_if: OF_ONE_CALL,
    },
    Resource {
        id: "disk-full",
        title: "A file system had no room left",
        types: &[],
        texts: &["[Errno 28]", "No space left on device", "[Errno 122]", "Disk quota exceeded"],
        refuted_if: OF_ONE_CALL,
    },
    Resource {
        id: "threads-exhausted",
        title: "The process could start no further thread or process",
        types: &[],
        texts: &["can't start new thread", "[Errno 11] Resource temporarily unavailable"],
        refuted_if: OF_ONE_CALL,
    },
    Resource {
        id: "allocation-failed",
        title: "An allocation failed inside of the process",
        types: &["MemoryError"],
        texts: &["[Errno 12]", "Cannot allocate memory"],
        refuted_if: OF_ONE_CALL,
    },
    Resource {
        id: "recursion-limit",
        title: "A recursion went over the interpreter's limit",
        types: &["RecursionError"],
        texts: &["maximum recursion depth exceeded"],
        refuted_if: "the exception was handled, and what it was raised for went on without it",
    },
];

pub(super) fn findings(incident: &Incident) -> Vec<Finding> {
    let raised = raised(incident);
    RESOURCES
        .iter()
        .filter_map(|resource| {
            let matching: Vec<&Raised> = raised.iter().filter(|raised| resource.matches(raised)).collect();
            // What another process raised is told as its own.
            let own = matching.iter().find(|raised| raised.other.is_none());
            let other = matching.iter().find(|raised| raised.other.is_some());
            own.or(other).map(|raised| resource.told(raised))
        })
        .collect()
}

struct Raised<'a> {
    type_name: &'a str,
    message: &'a str,
    citation: Option<Citation>,
    /// It was in force when the process ended, or nothing handled it; else it may have been handled long before.
    at_end: bool,
    /// The process that raised it, where that is another one than the one that is looked at.
    other: Option<u64>,
}

impl Resource {
    fn matches(&self, raised: &Raised) -> bool {
        let name = raised.type_name.rsplit('.').next().unwrap_or_default();
        self.types.contains(&name) || self.texts.iter().any(|text| raised.message.contains(text))
    }

    fn told(&self, raised: &Raised) -> Finding {
        let statement = match raised.message {
            "" => raised.type_name.to_owned(),
            message => format!("{}: {message}", raised.type_name),
        };
        let confidence = if raised.at_end { Confidence::Strong } else { Confidence::Moderate };
        let finding = Finding::new(self.id, Severity::Error, confidence, self.title)
            .with_evidence(Evidence::new(Basis::Observed, statement).cite(raised.citation.clone()))
            .refuted_if(self.refuted_if);
        match raised.other {
            Some(pid) => finding.about(format!("process {pid}")),
            None => finding,
        }
    }
}

/// The exceptions of the core, the logs and the collectors of errors, those that were in force at the end first.
fn raised(incident: &Incident) -> Vec<Raised<'_>> {
    let threads = || incident.core.iter().flat_map(|core| &core.threads);
    let has_crashed = threads().any(|thread| thread.crashed);
    let of_core = threads().flat_map(|thread| {
        thread.exceptions.iter().map(move |exception| Raised {
            type_name: exception.type_name.as_deref().unwrap_or_default(),
            message: exception.message.as_deref().unwrap_or_default(),
            citation: exception.citation.clone(),
            at_end: thread.crashed || !has_crashed,
            other: None,
        })
    });
    let own = own_pids(incident);
    // Without a window, none of them was told from the others.
    let has_window = incident.logs.as_ref().is_some_and(|logs| logs.window.from.is_some());
    let is_near = |entry: &&LogTraceback| !has_window || entry.in_window != Some(0);
    let logged = incident.logs.iter().flat_map(|logs| &logs.tracebacks).filter(is_near);
    let of_logs = logged.map(|entry| Raised {
        type_name: entry.type_name.as_deref().unwrap_or_default(),
        message: entry.message.as_deref().unwrap_or_default(),
        citation: entry.place.citation.clone(),
        // A bare traceback is what the interpreter prints of an exception that nothing handled.
        at_end: entry.log_message.is_none(),
        other: entry.pid.filter(|pid| !own.is_empty() && !own.contains(pid)),
    });
    let reports = incident.telemetry.iter().flat_map(|telemetry| &telemetry.reports);
    let of_reports = reports.flat_map(|report| {
        report.exceptions.iter().map(|exception| Raised {
            type_name: &exception.type_name,
            message: &exception.message,
            citation: report.citation.clone(),
            at_end: false,
            other: None,
        })
    });
    let mut all: Vec<Raised<'_>> = of_core.chain(of_logs).chain(of_reports).collect();
    all.sort_by_key(|raised| !raised.at_end);
    all
}

/// The numbers of the process, in its core and in the logs.
fn own_pids(incident: &Incident) -> Vec<u64> {
    let core = incident.core.as_ref().and_then(|core| core.process.pid);
    let logged = incident.logs.as_ref().and_then(|logs| logs.process.as_ref()?.log_pid);
    core.into_iter().chain(core.and(logged)).collect()
}
