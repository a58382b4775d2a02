//! Whether it is over: what the evidence shows of the time behind the end.

use pycoroner_findings::Event;

use super::detection::detection;
use crate::Incident;

/// What came behind the end.
#[derive(Debug, Default)]
pub(crate) struct Aftermath<'a> {
    /// The first sign of a new start.
    pub(crate) restart: Option<&'a Event>,
    /// The finding that memory rose again, by its index.
    pub(crate) rose_again: Option<usize>,
    /// The service itself was shut down later on.
    pub(crate) shutdown: Option<&'a Event>,
}

/// Finds it among the events and findings; all of it is missing where the time of the end is not known.
pub(crate) fn aftermath(incident: &Incident) -> Aftermath<'_> {
    let Some(died) = incident.died_at else { return Aftermath::default() };
    let is_later = |event: &&Event| event.at.is_some_and(|at| at.earliest() > died.time);
    Aftermath {
        restart: detection(incident).restart,
        rose_again: incident.findings.iter().position(|finding| finding.id == "memory-rose-after"),
        shutdown: incident.timeline.iter().filter(|event| event.kind == "shutdown").find(is_later),
    }
}
