//! An allocator that found its own records damaged, by what it writes before it aborts.

use pycoroner_findings::{Basis, Citation, Confidence, Evidence, Finding, Severity};

use crate::Incident;

/// Beginnings and parts of messages of glibc's `malloc/malloc.c` and of CPython's debug allocator.
const WORDS: [&str; 9] = [
    "double free or corruption",
    "corrupted size vs. prev_size",
    "corrupted double-linked list",
    "corrupted top size",
    "malloc(): ",
    "free(): invalid",
    "realloc(): invalid",
    "munmap_chunk(): invalid",
    "bad leading pad byte",
];

pub(super) fn findings(incident: &Incident) -> Vec<Finding> {
    found(incident).into_iter().collect()
}

fn found(incident: &Incident) -> Option<Finding> {
    let crash = incident.core.as_ref().and_then(|core| core.crash.as_ref());
    let in_core = crash.and_then(|crash| {
        let message = crash.abort_message.as_deref().or(crash.fatal_message.as_deref())?;
        Some((message, crash.citations.first().cloned()))
    });
    let in_logs = incident.timeline.iter().filter(|event| event.kind == "native-abort");
    let said: Vec<(&str, Option<Citation>)> =
        in_core.into_iter().chain(in_logs.map(|event| (&*event.message, event.citation.clone()))).collect();
    let (message, citation) =
        said.into_iter().find(|(message, _)| WORDS.iter().any(|words| message.contains(words)))?;
    let title = "The memory allocator found its own records damaged and stopped the process";
    Some(
        Finding::new("heap-corrupted", Severity::Critical, Confidence::Strong, title)
            .with_evidence(Evidence::new(Basis::Observed, message).cite(citation))
            .refuted_if("the message was written by another process"),
    )
}
