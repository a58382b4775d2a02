//! Whether other processes ended in the same way around the same time.

use pycoroner_findings::Finding;

use crate::Incident;

/// Findings that count such ends, the one that tells most first.
const KINDS: [&str; 8] = [
    "worker-faulted-repeated",
    "worker-killed-repeated",
    "kernel-segfault-logged-repeated",
    "oom-kill-logged-repeated",
    "fatal-error-logged-repeated",
    "interpreter-error-logged-repeated",
    "core-dumped-logged-repeated",
    "worker-timeout-repeated",
];

/// What counts the ends that are like this one, in the time that was looked at.
pub(crate) fn repeated(incident: &Incident) -> Option<&Finding> {
    // Without a window the logs may tell of years.
    incident.logs.as_ref()?.window.from.as_ref()?;
    // Its subject names this process when it is one of those that are counted.
    let is_like = |finding: &&Finding| finding.subject.is_some();
    KINDS.iter().find_map(|kind| incident.findings.iter().filter(|finding| finding.id == *kind).find(is_like))
}
