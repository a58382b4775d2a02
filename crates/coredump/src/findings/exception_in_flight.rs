//! The exception that was in force where the process ended.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::findings::place;
use crate::snapshot::document::{ExceptionSection, FrameSection, ThreadSection};

/// The exception that was in force where the process ended; it need not have to do with the end.
pub(super) fn finding(thread: &ThreadSection) -> Option<Finding> {
    let exception = thread.exceptions.first().filter(|exception| exception.role != Some("last"))?;
    let raised = exception.role == Some("raised");
    let name = exception.type_name.as_deref().unwrap_or("an exception");
    let doing = match exception.role {
        Some("raised") => "was on its way up",
        Some("reported") => "was being reported by a hook",
        _ => "was being handled",
    };
    let title = match exception.message.as_deref().filter(|message| !message.is_empty()) {
        Some(message) => format!("{name} ({message}) {doing} in the thread that crashed"),
        None => format!("{name} {doing} in the thread that crashed"),
    };
    let statement = match raised_at(exception) {
        Some(frame) => format!("{name} was raised in {}", place(frame)),
        None => format!("the thread state names {name}"),
    };
    let confidence = if raised { Confidence::Moderate } else { Confidence::Weak };
    Some(
        Finding::new("exception-in-flight", Severity::Warning, confidence, title)
            .about(name)
            .with_evidence(Evidence::new(Basis::Observed, statement).cite(exception.citation.clone()))
            .refuted_if("the same exception is handled often without a crash"),
    )
}

fn raised_at(exception: &ExceptionSection) -> Option<&FrameSection> {
    exception.traceback.last()
}
