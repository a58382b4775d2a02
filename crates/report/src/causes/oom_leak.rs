//! Memory piled up over time until the kernel killed the process for want of it.

use super::rule::{BASE, Rule};
use super::signs::{NOT_OOM, OOM};

pub(super) const RULE: Rule = Rule {
    id: "oom-leak",
    statement: "Memory piled up in the process until the kernel killed it for want of memory",
    needs: &[OOM, &["memory-rising", "heap-leak-suspect"]],
    yields_to: &["memory-jumped"],
    raised_by: &[("heap-leak-suspect", "one place of the heap holds much of it")],
    against: NOT_OOM,
    refuted_if: "memory is level under the same load for as long, or another process filled the same limit",
    next: "Look at who adds to the place that the heap names, and at what takes away from it; compare an earlier core.",
    ..BASE
};
