//! Native code followed a null pointer.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::VALUE_OF_DEATHS;

pub(super) const RULE: Rule = Rule {
    id: "null-dereference",
    statement: "Native code used a null pointer",
    needs: &[&["crash-null-dereference"]],
    names: &["fault-in-extension"],
    raised_by: &[
        ("foreign-extension", "an extension that was built for another Python was loaded"),
        ("fault-in-extension", "an extension was at work there"),
        ("kernel-segfault-logged", "the kernel logged a fault of the process"),
        VALUE_OF_DEATHS,
    ],
    against: &[("deep-recursion", "the stack was deep, which is also consistent with an exhausted stack")],
    refuted_if: "the instruction that failed does not use the fault address",
    next: "Look at the native function that the innermost Python line calls, and at the arguments it was given.",
    commands: commands::source_line,
    ..BASE
};
