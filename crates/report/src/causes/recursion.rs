//! Python functions called each other without an end in sight.

use pycoroner_findings::Confidence;

use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "recursion",
    statement: "Python functions called each other without an end in sight",
    needs: &[&["deep-recursion"]],
    at_most: Confidence::Moderate,
    yields_to: &["crash-stack-overflow"],
    against: &[(
        "crash-null-dereference",
        "the fault was at a null pointer, which a deep stack alone does not explain",
    )],
    refuted_if: "the recursion ends by itself on the same input",
    next: "Look at the functions that repeat on the stack, and at what ends their recursion.",
    ..BASE
};
