//! Native code divided an integer by zero.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::VALUE_OF_DEATHS;

pub(super) const RULE: Rule = Rule {
    id: "divide-by-zero",
    statement: "Native code divided an integer by zero",
    needs: &[&["crash-divide-by-zero"]],
    raised_by: &[("fault-in-extension", "an extension was at work there"), VALUE_OF_DEATHS],
    refuted_if: "the divisor that native code was given was not zero",
    next: "Look at the arguments that the innermost Python line gave to native code.",
    commands: commands::source_line,
    ..BASE
};
