//! Exceptions that say that something of the machine ran out.

use pycoroner_findings::{Basis, Citation, Confidence, Evidence, Finding, Severity};

use crate::Incident;

/// A resource, and how its end reads in an exception (`errno.h`).
struct Resource {
    id: &'static str,
    title: &'static str,
    types: &'static [&'static str],
    texts: &'static [&'static str],
}

const RESOURCES: [Resource; 4] = [
    Resource {
        id: "files-exhausted",
        title: "The process could open no further file or socket",
        types: &[],
        texts: &["[Errno 24]", "[Errno 23]", "Too many open files"],
    },
    Resource {
        id: "disk-full",
        title: "A file system had no room left",
        types: &[],
        texts: &["[Errno 28]", "No space left on device", "[Errno 122]", "Disk quota exceeded"],
    },
    Resource {
        id: "threads-exhausted",
        title: "The process could start no further thread or process",
        types: &[],
        texts: &["can't start new thread", "[Errno 11] Resource temporarily unavailable"],
    },
    Resource {
        id: "allocation-failed",
        title: "An allocation failed inside of the process",
        types: &["MemoryError"],
        texts: &["[Errno 12]", "Cannot allocate memory"],
    },
];

pub(super) fn findings(incident: &Incident) -> Vec<Finding> {
    let raised = raised(incident);
    RESOURCES
        .iter()
        .filter_map(|resource| {
            let matching: Vec<&Raised> = raised.iter().filter(|raised| resource.matches(raised)).collect();
            let first = matching.first()?;
            let statement = format!("{}: {}", first.type_name, first.message);
            let finding = Finding::new(resource.id, Severity::Error, Confidence::Strong, resource.title)
                .with_evidence(Evidence::new(Basis::Observed, statement).cite(first.citation.clone()));
            Some(
                finding
                    .refuted_if("the limit that was met is one of a single call or user, not of the process"),
            )
        })
        .collect()
}

struct Raised<'a> {
    type_name: &'a str,
    message: &'a str,
    citation: Option<Citation>,
}

impl Resource {
    fn matches(&self, raised: &Raised) -> bool {
        let name = raised.type_name.rsplit('.').next().unwrap_or_default();
        self.types.contains(&name) || self.texts.iter().any(|text| raised.message.contains(text))
    }
}

/// The exceptions of the core, the logs and the collectors of errors.
fn raised(incident: &Incident) -> Vec<Raised<'_>> {
    let threads = incident.core.iter().flat_map(|core| &core.threads);
    let of_core = threads.flat_map(|thread| &thread.exceptions).map(|exception| Raised {
        type_name: exception.type_name.as_deref().unwrap_or_default(),
        message: exception.message.as_deref().unwrap_or_default(),
        citation: exception.citation.clone(),
    });
    let logged =
        incident.logs.iter().flat_map(|logs| &logs.tracebacks).filter(|entry| entry.in_window != Some(0));
    let of_logs = logged.map(|entry| Raised {
        type_name: entry.type_name.as_deref().unwrap_or_default(),
        message: entry.message.as_deref().unwrap_or_default(),
        citation: entry.place.citation.clone(),
    });
    let reports = incident.telemetry.iter().flat_map(|telemetry| &telemetry.reports);
    let of_reports = reports.flat_map(|report| {
        report.exceptions.iter().map(|exception| Raised {
            type_name: &exception.type_name,
            message: &exception.message,
            citation: report.citation.clone(),
        })
    });
    of_core.chain(of_logs).chain(of_reports).collect()
}
