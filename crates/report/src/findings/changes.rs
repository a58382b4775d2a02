//! Deploys and other changes before the first symptom.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::Incident;
use crate::views::detection::{detection, time};

/// A change longer ago is no longer named.
const RECENT_MS: i64 = 24 * 3_600_000;

pub(super) fn findings(incident: &Incident) -> Vec<Finding> {
    recent(incident).into_iter().collect()
}

fn recent(incident: &Incident) -> Option<Finding> {
    let turns = detection(incident);
    let (change, symptom) = (turns.change?, turns.symptom?);
    let before_ms = time(Some(symptom))?.millis_since(time(Some(change))?);
    if !(0..=RECENT_MS).contains(&before_ms) {
        return None;
    }
    let minutes = before_ms / 60_000;
    let title =
        format!("The first symptom was preceded by a change, {minutes} min earlier: {}", change.message);
    let symptom_seen = Evidence::new(Basis::Observed, format!("first symptom: {}", symptom.message));
    Some(
        Finding::new("change-before-symptom", Severity::Info, Confidence::Weak, title)
            .with_evidence(
                Evidence::new(Basis::Observed, change.message.clone()).cite(change.citation.clone()),
            )
            .with_evidence(symptom_seen.cite(symptom.citation.clone()))
            .with_against(Evidence::new(Basis::Inferred, "what comes after a change need not come from it"))
            .refuted_if("the same symptom was there before the change"),
    )
}
