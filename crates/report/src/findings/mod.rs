//! What follows from several sources together, or from what the exports state without judging it.
//!
//! A producer that states a finding of the same id has said it already; then nothing is added.

mod changes;
mod containers;
mod corruption;
mod exhaustion;
mod memory;
mod scrapes;

use pycoroner_findings::Finding;

use crate::Incident;

/// Adds what the sources say together.
pub(crate) fn add(incident: &mut Incident) {
    let found: Vec<Finding> = [
        containers::findings(incident),
        memory::findings(incident),
        scrapes::findings(incident),
        exhaustion::findings(incident),
        corruption::findings(incident),
        changes::findings(incident),
    ]
    .into_iter()
    .flatten()
    .filter(|finding| incident.findings.iter().all(|said| said.id != finding.id))
    .collect();
    incident.findings.extend(found);
}

/// Most findings of one kind.
const MOST_EACH: usize = 5;
