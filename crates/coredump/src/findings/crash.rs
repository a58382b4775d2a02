//! The end itself, as a finding.

use pycoroner_findings::{Basis, Evidence, Finding, Severity};

use crate::findings::place;
use crate::snapshot::document::{ProcessSnapshot, ThreadSection};

/// The verdict with what it rests on.
pub(super) fn finding(snapshot: &ProcessSnapshot, crashed: Option<&ThreadSection>) -> Option<Finding> {
    let verdict = snapshot.crash.verdict.as_ref()?;
    let (id, severity) = match verdict.id {
        "null-dereference" => ("crash-null-dereference", Severity::Critical),
        "stack-overflow" => ("crash-stack-overflow", Severity::Critical),
        "invalid-access" | "use-after-free" => ("crash-invalid-access", Severity::Critical),
        "abort" => ("crash-abort", Severity::Critical),
        "external-signal" => ("crash-external-kill", Severity::Error),
        "no-crash" => ("no-crash", Severity::Info),
        _ => ("crash-signal", Severity::Critical),
    };
    let signal = snapshot.crash.signal_name.unwrap_or("no signal");
    let title = format!("{}: {}", signal, verdict.summary);
    let mut finding = Finding::new(id, severity, verdict.confidence, title);
    let citations = &snapshot.crash.citations;
    for (index, because) in verdict.because.iter().enumerate() {
        let evidence =
            Evidence::new(if index == 0 { Basis::Observed } else { Basis::Derived }, because.clone());
        finding = finding.with_evidence(evidence.cite(citations.first().cloned()));
    }
    if let Some(message) = &snapshot.crash.abort_message {
        let statement = format!("before it aborted, the C library wrote: {message}");
        let citation = snapshot.crash.abort_message_citation.clone();
        finding = finding.with_evidence(Evidence::new(Basis::Observed, statement).cite(citation));
    }
    if let (Some(message), Some(found_by)) =
        (&snapshot.crash.fatal_message, &snapshot.crash.fatal_message_found_by)
    {
        let statement = format!("the interpreter stopped itself by a fatal error: {message} ({found_by})");
        let citation = snapshot.crash.fatal_message_citation.clone();
        finding = finding.with_evidence(Evidence::new(Basis::Derived, statement).cite(citation));
    }
    if let Some(frame) = crashed.and_then(|thread| thread.python_frames.first()) {
        finding = finding.about(place(frame)).with_evidence(
            Evidence::new(
                Basis::Observed,
                format!("the thread's innermost Python frame was {}", place(frame)),
            )
            .cite(frame.citation.clone()),
        );
    }
    for against in &verdict.against {
        finding = finding.with_against(Evidence::new(Basis::Derived, against.clone()));
    }
    Some(finding)
}
