//! An allocation failed inside of the process.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::CRASHES;

pub(super) const RULE: Rule = Rule {
    id: "allocation-failed",
    statement: "An allocation failed inside of the process: a limit of its address space was met, or one request was very large",
    needs: &[&["allocation-failed"]],
    contributes_to: CRASHES,
    // A program that aborts while it handles a MemoryError aborts for want of memory.
    causes_despite: &["abort-called"],
    yields_to: &["oom-kill-logged"],
    raised_by: &[
        ("memory-rising", "memory had risen up to the end"),
        ("address-space-level", "its address space grew no more while memory went on rising"),
    ],
    refuted_if: "the exception is of a size that can never be had, as a wrong length makes it",
    next: "Look at ulimit -v, at the size that was asked for, and at memory over time.",
    commands: |case| [commands::limits(case)].into_iter().chain(commands::memory_group(case)).collect(),
    ..BASE
};
