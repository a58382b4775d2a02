//! Whether other processes ended around the same time, in the same way or in another one.

use pycoroner_findings::Finding;

use crate::Incident;
use crate::causes::Case;

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

/// Findings that tell of the end of one process.
const ENDS: [&str; 5] =
    ["worker-faulted", "worker-killed", "kernel-segfault-logged", "oom-kill-logged", "worker-timeout"];

/// What ended otherwise, where nothing ended like this process: the logs may tell of more than one incident.
pub(crate) fn others(incident: &Incident) -> Vec<&Finding> {
    if repeated(incident).is_some() {
        return Vec::new();
    }
    let case = Case::of(incident);
    let is_end = |finding: &Finding| ENDS.contains(&&*finding.id);
    let all = incident.findings.iter().enumerate();
    all.filter(|(index, finding)| is_end(finding) && case.is_others(*index))
        .map(|(_, finding)| finding)
        .collect()
}
