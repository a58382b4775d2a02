//! Recursion ran over the end of a thread's stack.

use super::commands::{self, command};
use super::rule::{BASE, Rule};
use super::signs::VALUE_OF_DEATHS;

pub(super) const RULE: Rule = Rule {
    id: "stack-overflow",
    statement: "Recursion exhausted the thread's stack",
    needs: &[&["crash-stack-overflow"]],
    raised_by: &[
        ("native-recursion", "the same native function repeats on the stack"),
        ("deep-recursion", "the same Python functions repeat on the stack"),
        VALUE_OF_DEATHS,
    ],
    refuted_if: "the stack had room left: its limit is far above what was in use",
    next: "Look at the functions that repeat on the stack, and at what ends their recursion; compare the stack's size limit.",
    commands: |case| {
        vec![command("pycoroner core --all CORE", "the whole stack, nothing folded"), commands::limits(case)]
    },
    ..BASE
};
