//! An allocation failed, and one place of the heap holds much; nothing shows that it grew.

use pycoroner_findings::Confidence;

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::{ALLOCATION_ENDS, CRASHES};

pub(super) const RULE: Rule = Rule {
    id: "allocation-pile",
    statement: "An allocation failed, and one place of the heap had taken much of the memory",
    needs: &[&["allocation-failed"], &["heap-leak-suspect"]],
    contributes_to: CRASHES,
    // A program that aborts while it handles a MemoryError aborts for want of memory.
    causes_despite: &["abort-called"],
    yields_to: &["oom-kill-logged", "container-oom-killed", "heap-grown", "memory-rising", "heap-level"],
    names: &["heap-leak-suspect"],
    leads_to: ALLOCATION_ENDS,
    at_most: Confidence::Moderate,
    raised_by: &[(
        "allocation-site-of-owner",
        "a profiler saw its memory allocated in the code that holds it",
    )],
    caveats: &["nothing that was given shows that it grew: a single request may have been too large"],
    refuted_if: "the place is as large by design, or the allocation that failed was larger than the limit by itself",
    next: "Compare an older core (--older) or memory over time; find what adds to {place} and what should remove from it; look at the limit (ulimit -v).",
    commands: commands::piled_up,
    ..BASE
};
