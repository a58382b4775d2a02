//! Tasks await each other in a circle.

use super::rule::{BASE, Rule};
use super::signs::{FAILED, FAILURES, HANGS};

pub(super) const RULE: Rule = Rule {
    id: "await-circle",
    statement: "Tasks awaited each other in a circle, so none of them could go on",
    needs: &[&["await-circle"]],
    contributes_to: FAILURES,
    // The abort is the supervisor's answer to the hang.
    causes_despite: &["worker-timeout"],
    raised_by: HANGS,
    against: FAILED,
    refuted_if: "one of the tasks is cancelled or has a time limit",
    next: "Break the circle: one of the tasks should not await another one of them.",
    ..BASE
};
