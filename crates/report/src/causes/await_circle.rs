//! Tasks await each other in a circle.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::{FAILED, FAILURES, HANG_ENDS, HANGS};

pub(super) const RULE: Rule = Rule {
    id: "await-circle",
    statement: "A circle of tasks that await each other kept them from going on",
    needs: &[&["await-circle"]],
    contributes_to: FAILURES,
    // The abort is the supervisor's answer to the hang.
    causes_despite: &["worker-timeout"],
    names: &["await-circle"],
    leads_to: HANG_ENDS,
    raised_by: HANGS,
    against: FAILED,
    refuted_if: "one of the tasks is cancelled or has a time limit",
    next: "Break the circle: one of the tasks should not await another one of them.",
    commands: commands::stacks,
    ..BASE
};
