//! A lock whose owner has ended is waited for.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::{FAILED, FAILURES, HANG_ENDS, HANGS};

pub(super) const RULE: Rule = Rule {
    id: "lock-abandoned",
    statement: "Threads waited for a lock whose owner had ended without releasing it",
    needs: &[&["lock-abandoned"]],
    contributes_to: FAILURES,
    // The abort is the supervisor's answer to the hang.
    causes_despite: &["worker-timeout"],
    names: &["lock-abandoned"],
    leads_to: HANG_ENDS,
    raised_by: HANGS,
    against: FAILED,
    refuted_if: "the lock is released by another thread than its owner, as a plain Lock may be",
    next: "Find where the lock is taken without a with statement or finally, or where the process forks while it is held.",
    commands: commands::stacks,
    ..BASE
};
