//! What follows from several sources together; what one of them says alone, its producer judges.

mod allocations;
mod changes;
mod containers;
mod corruption;
mod exhaustion;
mod handled;
mod recorded;

use pycoroner_findings::Finding;

use crate::Incident;

/// Adds what the sources say together.
pub(crate) fn add(incident: &mut Incident) {
    let found: Vec<Finding> = [
        allocations::findings(incident),
        containers::findings(incident),
        exhaustion::findings(incident),
        corruption::findings(incident),
        changes::findings(incident),
        recorded::findings(incident),
    ]
    .into_iter()
    .flatten()
    .collect();
    incident.findings.extend(found);
    handled::weigh(incident);
}

/// Most findings of one kind.
const MOST_EACH: usize = 5;
