//! Threads wait for each other in a circle.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::{FAILED, FAILURES, HANG_ENDS, HANGS};

pub(super) const RULE: Rule = Rule {
    id: "deadlock",
    statement: "A deadlock kept threads from going on",
    needs: &[&["deadlock"]],
    contributes_to: FAILURES,
    // The abort is the supervisor's answer to the hang.
    causes_despite: &["worker-timeout"],
    names: &["deadlock"],
    leads_to: HANG_ENDS,
    raised_by: HANGS,
    against: FAILED,
    refuted_if: "one of the waits has a time limit, or one of the locks is released by a thread outside of the circle",
    next: "Take the locks of the circle in one order everywhere, or give the waits a time limit.",
    commands: commands::stacks,
    ..BASE
};
