//! Something was changed shortly before it began.

use pycoroner_findings::Confidence;

use super::Role;
use super::commands::command;
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "recent-change",
    statement: "The first symptom was preceded by a change of the service",
    needs: &[&["change-before-symptom"]],
    role: Role::ContributingFactor,
    at_most: Confidence::Weak,
    refuted_if: "the same symptom was there before the change, or is there without it",
    next: "Compare what was changed with the code on the crash stack; look for the same symptom before the change.",
    commands: |_| vec![command("git diff OLD NEW", "what was changed, between the two versions")],
    ..BASE
};
