//! An extension of another Python was loaded.

use pycoroner_findings::Confidence;

use super::Role;
use super::commands::command;
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "foreign-extension",
    statement: "An extension that was built for another Python was loaded into the process",
    needs: &[&["foreign-extension"]],
    role: Role::ContributingFactor,
    at_most: Confidence::Moderate,
    raised_by: &[("fault-in-extension", "native code of an extension was at work where the process failed")],
    refuted_if: "the extension uses the limited API, which is the same for all versions",
    next: "Install the extension for the Python that runs it; look at PYTHONPATH and at copied site-packages.",
    commands: |_| {
        vec![command("python3 -m pip check", "run by the service's Python: distributions that do not fit it")]
    },
    ..BASE
};
