//! The processor did not know an instruction.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::VALUE_OF_DEATHS;

pub(super) const RULE: Rule = Rule {
    id: "illegal-instruction",
    statement: "The processor came to an instruction that it does not know",
    needs: &[&["crash-illegal-instruction"]],
    raised_by: &[
        ("fault-in-extension", "an extension was at work there"),
        ("foreign-extension", "an extension that was built for another Python was loaded"),
        VALUE_OF_DEATHS,
    ],
    refuted_if: "the same build runs the same code on the same processor",
    next: "Compare the processor of the host with the one that the native library was built for; else look for a compiler's trap.",
    commands: commands::source_line,
    ..BASE
};
