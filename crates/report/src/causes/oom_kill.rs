//! The kernel killed the process for want of memory; nothing says what filled it.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::{KILLS, NOT_OOM, OOM};

pub(super) const RULE: Rule = Rule {
    id: "oom-kill",
    statement: "The kernel killed the process because memory ran out",
    needs: &[OOM],
    yields_to: &["heap-leak-suspect", "heap-grown", "memory-rising", "memory-jumped"],
    leads_to: KILLS,
    against: NOT_OOM,
    refuted_if: "the kernel's log of that time names another process, or none",
    next: "Look at the memory limit, at what else used the same limit, and at memory over time before the end.",
    commands: commands::out_of_memory,
    ..BASE
};
