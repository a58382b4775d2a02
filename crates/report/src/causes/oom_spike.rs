//! Memory jumped at once, and the kernel killed the process for want of it.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::{KILLS, NOT_OOM, OOM};

pub(super) const RULE: Rule = Rule {
    id: "oom-spike",
    statement: "Memory jumped within moments, and the kernel killed the process for want of it",
    needs: &[OOM, &["memory-jumped"]],
    raised_by: &[("allocation-failed", "an allocation failed in the same time")],
    names: &["memory-jumped"],
    leads_to: KILLS,
    against: NOT_OOM,
    refuted_if: "samples between the two show a steady rise",
    next: "Look for the request or job that ran at that moment: a large upload, a query without limit, a copy of a large object.",
    commands: commands::out_of_memory,
    ..BASE
};
