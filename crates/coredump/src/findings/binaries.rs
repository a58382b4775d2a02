//! Binaries of another build in the place of the process's own.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::snapshot::document::ProcessSnapshot;

/// Mismatches that are told one by one.
const MOST: usize = 10;

/// Files that stand where modules were mapped from, and are not those; what was replaced while the process ran is
/// `foreign_modules`' to tell.
pub(super) fn finding(snapshot: &ProcessSnapshot) -> Option<Finding> {
    let modules = &snapshot.process.modules;
    let there = modules.iter().filter(|module| !module.path.ends_with(" (deleted)"));
    let mismatches: Vec<_> =
        there.filter_map(|module| Some((module, module.binary_mismatch.as_ref()?))).collect();
    let (first, _) = mismatches.first()?;
    let name = first.path.rsplit('/').next().unwrap_or_default();
    let title = match mismatches.len() {
        1 => format!("the file of {name} here is not the one that the process ran"),
        count => {
            format!("the files of {name} and {} more here are not those that the process ran", count - 1)
        }
    };
    let mut finding =
        Finding::new("module-mismatch", Severity::Info, Confidence::Certain, title).about(first.path.clone());
    for (_, why) in mismatches.iter().take(MOST) {
        finding = finding.with_evidence(Evidence::new(Basis::Observed, (*why).clone()));
    }
    Some(finding)
}
