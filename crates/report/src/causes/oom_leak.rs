//! Memory piled up over time until the kernel killed the process for want of it.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::{KILLS, NOT_OOM, OOM};

pub(super) const RULE: Rule = Rule {
    id: "oom-leak",
    statement: "Memory piled up in the process until the kernel killed it for want of memory",
    needs: &[OOM, &["memory-rising", "heap-leak-suspect", "heap-grown"]],
    names: &["heap-grown", "heap-leak-suspect", "memory-rising"],
    leads_to: KILLS,
    yields_to: &["memory-jumped"],
    raised_by: &[
        ("heap-leak-suspect", "one place of the heap holds much of it"),
        ("heap-grown", "an older core shows less of it"),
        ("allocation-site-of-owner", "a profiler saw its memory allocated in the code that holds it"),
    ],
    against: NOT_OOM,
    refuted_if: "memory is level under the same load for as long, or another process filled the same limit",
    next: "Find what adds to {place} and what should remove from it; compare an earlier core.",
    commands: |case| {
        let mut commands = commands::heap(case);
        commands.extend(commands::memory_group(case));
        commands.extend(commands::allocations(case));
        commands
    },
    ..BASE
};
