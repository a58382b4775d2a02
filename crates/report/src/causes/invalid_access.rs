//! Native code used a stale or damaged pointer.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::VALUE_OF_DEATHS;

pub(super) const RULE: Rule = Rule {
    id: "invalid-access",
    statement: "Native code used an address that was not valid: a stale or damaged pointer",
    needs: &[&["crash-invalid-access"]],
    names: &["fault-in-extension"],
    raised_by: &[
        ("foreign-extension", "an extension that was built for another Python was loaded"),
        ("fault-in-extension", "an extension was at work there"),
        ("kernel-segfault-logged", "the kernel logged a fault of the process"),
        VALUE_OF_DEATHS,
    ],
    against: &[("deep-recursion", "the stack was deep, which is also consistent with an exhausted stack")],
    refuted_if: "the address was valid at the time, and its mapping was taken away by something else",
    next: "Look at the native frames and their library; run the same input under an address sanitizer.",
    commands: commands::source_line,
    ..BASE
};
