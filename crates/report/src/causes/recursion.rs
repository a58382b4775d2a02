//! Python functions called each other without an end in sight.

use pycoroner_findings::Confidence;

use super::commands::command;
use super::rule::{BASE, Rule};
use super::signs::CRASHES;

pub(super) const RULE: Rule = Rule {
    id: "recursion",
    statement: "Python functions called each other without an end in sight",
    needs: &[&["deep-recursion", "recursion-limit"]],
    at_most: Confidence::Moderate,
    yields_to: &["crash-stack-overflow"],
    contributes_to: CRASHES,
    // A stack that is deep where it failed is more than a limit that was met and handled.
    causes_despite: &["deep-recursion"],
    against: &[(
        "crash-null-dereference",
        "the fault was at a null pointer, which a deep stack alone does not explain",
    )],
    refuted_if: "the recursion ends by itself on the same input",
    next: "Look at the functions that repeat on the stack, and at what ends their recursion.",
    commands: |_| vec![command("pycoroner core --all CORE", "the whole stack, nothing folded")],
    ..BASE
};
