//! What the heap's answers amount to: the only place where they are judged.

use pycoroner_coredump::Core;
use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::document::Suspect;

/// Every suspect as a finding.
pub(crate) fn judge(core: &Core<'_>, suspects: &[Suspect]) -> Vec<Finding> {
    suspects.iter().map(|suspect| leak_suspect(core, suspect)).collect()
}

fn leak_suspect(core: &Core<'_>, suspect: &Suspect) -> Finding {
    // A third of the heap in one place is unusual; half of it leaves room for little else.
    let confidence = match suspect.percent {
        percent if percent >= 50.0 => Confidence::Strong,
        percent if percent >= 30.0 => Confidence::Moderate,
        _ => Confidence::Weak,
    };
    let title = format!(
        "Leak suspect: {} retains {} bytes in {} objects, {:.1} % of all live objects",
        suspect.path, suspect.retained_bytes, suspect.retained_objects, suspect.percent
    );
    let evidence = Evidence::new(Basis::Derived, suspect.why.clone()).cite(core.cite(suspect.address, 64));
    Finding::new("heap-leak-suspect", Severity::Warning, confidence, title)
        .about(suspect.path.clone())
        .with_evidence(evidence)
        .refuted_if(suspect.refuted_if.clone())
}
