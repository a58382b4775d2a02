//! Memory piled up in one place of the heap.

use pycoroner_findings::Confidence;

use super::Role;
use super::rule::{BASE, Rule};
use super::signs::OOM;

pub(super) const RULE: Rule = Rule {
    id: "memory-growth",
    statement: "Memory piled up in the process and contributed",
    role: Role::ContributingFactor,
    needs: &[&["heap-leak-suspect", "memory-rising"]],
    // Said by the rule of the leak that ended in a kill.
    yields_to: OOM,
    at_most: Confidence::Moderate,
    raised_by: &[("memory-rising", "the metrics show memory rising up to the end")],
    against: &[
        ("crash-null-dereference", "the crash is explained without it"),
        ("crash-stack-overflow", "the crash is explained without it"),
    ],
    refuted_if: "the place is as large by design, and was as large long before",
    next: "Compare the suspect's size with an earlier core or with the metrics of resident memory.",
    ..BASE
};
