//! Memory piled up over time until an allocation failed inside of the process.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::{ALLOCATION_ENDS, CRASHES, OOM};

pub(super) const RULE: Rule = Rule {
    id: "allocation-leak",
    statement: "Memory piled up in the process until an allocation failed",
    needs: &[&["allocation-failed"], &["heap-grown", "memory-rising"]],
    contributes_to: CRASHES,
    // A program that aborts while it handles a MemoryError aborts for want of memory.
    causes_despite: &["abort-called"],
    yields_to: OOM,
    names: &["heap-grown", "heap-leak-suspect", "memory-rising"],
    leads_to: ALLOCATION_ENDS,
    raised_by: &[
        ("heap-grown", "an older core shows less of it"),
        ("memory-rising", "the metrics show memory rising up to the end"),
        ("heap-leak-suspect", "one place of the heap holds much of it"),
        ("address-space-level", "its address space grew no more while memory went on rising"),
        ("allocation-site-of-owner", "a profiler saw its memory allocated in the code that holds it"),
    ],
    against: &[
        ("memory-jumped", "memory jumped at once: a single request may have been too large"),
        ("heap-level", "the heap is no larger than in an older core"),
    ],
    refuted_if: "memory is level under the same load for as long, or the allocation that failed was larger than the limit by itself",
    next: "Find what adds to {place} and what should remove from it; then look at the limit (ulimit -v, the container's).",
    commands: commands::piled_up,
    ..BASE
};
