//! A thread keeps the GIL while it blocks.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::{FAILED, FAILURES, HANG_ENDS, HANGS};

pub(super) const RULE: Rule = Rule {
    id: "gil-starvation",
    statement: "One thread kept the GIL while others waited to run",
    needs: &[&["gil-starvation"]],
    contributes_to: FAILURES,
    // The abort is the supervisor's answer to the hang.
    causes_despite: &["worker-timeout"],
    names: &["gil-starvation"],
    leads_to: HANG_ENDS,
    raised_by: HANGS,
    against: FAILED,
    refuted_if: "the holder lets go of the GIL within milliseconds",
    next: "Look at the native code that the holder had called: it blocks without releasing the GIL.",
    commands: commands::native_stacks,
    ..BASE
};
