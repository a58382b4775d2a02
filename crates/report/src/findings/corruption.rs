//! An allocator that found its own records damaged, by what it writes before it aborts.

use pycoroner_findings::{Basis, Citation, Confidence, Evidence, Finding, Severity};

use crate::Incident;

/// Beginnings and parts of messages of glibc's `malloc/malloc.c` (2.17 to 2.42) and of CPython's debug allocator.
const WORDS: [&str; 14] = [
    "double free or corruption",
    "corrupted size vs. prev_size",
    "corrupted double-linked list",
    "invalid fastbin entry (free)",
    "break adjusted to free malloc space",
    "malloc(): ",
    "free(): ",
    "realloc(): ",
    "malloc_consolidate(): ",
    "munmap_chunk(): ",
    "mremap_chunk(): ",
    "tcache_thread_shutdown(): ",
    "bad leading pad byte",
    "bad trailing pad byte",
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
    let (message, citation) = said.into_iter().find(|(message, _)| is_of_allocator(message))?;
    let first_line = message.lines().next().unwrap_or_default();
    let title = format!("The memory allocator stopped the process: {first_line}");
    Some(
        Finding::new("heap-corrupted", Severity::Critical, Confidence::Strong, title)
            .with_evidence(Evidence::new(Basis::Observed, message).cite(citation))
            .refuted_if("the message was written by another process"),
    )
}

fn is_of_allocator(message: &str) -> bool {
    WORDS.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_allocators() {
        let check =
            |message: &str, expected: bool| assert_eq!(is_of_allocator(message), expected, "{message}");
        check("free(): double free detected in tcache 2", true);
        check("double free or corruption (fasttop)", true);
        check("malloc(): unaligned tcache chunk detected", true);
        check("free(): invalid next size (normal)", true);
        check("terminate called after throwing an instance of 'std::bad_alloc'", false);
        check("app: main.c:7: main: Assertion `p' failed.", false);
    }
}
