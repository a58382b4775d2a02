//! An exception that nothing handled.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::findings::place;
use crate::snapshot::document::{ExceptionSection, ProcessSnapshot};

/// The exception that the interpreter kept when it reached the outermost frame.
pub(super) fn finding(snapshot: &ProcessSnapshot) -> Option<Finding> {
    let exceptions = snapshot.threads.iter().flat_map(|thread| &thread.exceptions);
    let exception = exceptions.into_iter().find(|exception| exception.role == Some("last"))?;
    let name = exception.type_name.as_deref().unwrap_or("an exception");
    let message = exception.message.as_deref().filter(|message| !message.is_empty());
    let title = match message {
        Some(message) => format!("{name} ({message}) reached the outermost frame: nothing handled it"),
        None => format!("{name} reached the outermost frame: nothing handled it"),
    };
    let statement = "the interpreter keeps it in sys.last_exc or sys.last_value, which it sets before sys.excepthook is called";
    let mut finding = Finding::new("unhandled-exception", Severity::Error, Confidence::Strong, title)
        .about(name)
        .with_evidence(Evidence::new(Basis::Observed, statement).cite(exception.citation.clone()));
    if let Some(statement) = raised_in(exception) {
        finding = finding.with_evidence(Evidence::new(Basis::Observed, statement));
    }
    Some(finding.refuted_if("an interactive session went on after it"))
}

fn raised_in(exception: &ExceptionSection) -> Option<String> {
    exception.traceback.last().map(|frame| format!("it was raised in {}", place(frame)))
}
