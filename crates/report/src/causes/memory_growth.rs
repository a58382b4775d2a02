//! Memory piled up in one place of the heap.

use pycoroner_findings::Confidence;

use super::Role;
use super::commands;
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "memory-growth",
    statement: "Memory piled up in the process",
    role: Role::ContributingFactor,
    needs: &[&["heap-leak-suspect", "memory-rising", "heap-grown"]],
    // Said by the rules of leaks that ended in a kill or in a failed allocation.
    yields_to: &["oom-kill-logged", "container-oom-killed", "allocation-failed"],
    names: &["heap-grown", "heap-leak-suspect", "memory-rising"],
    at_most: Confidence::Moderate,
    raised_by: &[
        ("memory-rising", "the metrics show memory rising up to the end"),
        ("heap-grown", "an older core shows less of it"),
        ("allocation-site-of-owner", "a profiler saw its memory allocated in the code that holds it"),
    ],
    against: &[
        ("heap-level", "the heap is no larger than in an older core"),
        ("crash-null-dereference", "the crash is explained without it"),
        ("crash-stack-overflow", "the crash is explained without it"),
    ],
    refuted_if: "the end has nothing to do with memory; or the place is as large by design, and was as large long before",
    next: "Compare the suspect's size with an earlier core or with the metrics of resident memory.",
    commands: |case| {
        let mut commands = commands::heap(case);
        commands.extend(commands::allocations(case));
        commands
    },
    ..BASE
};
