//! A worker did not answer, and its own supervisor ended it.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::VALUE_OF_DEATHS;

pub(super) const RULE: Rule = Rule {
    id: "worker-timeout",
    statement: "The worker did not answer in time and its supervisor stopped it",
    needs: &[&["worker-timeout"]],
    leads_to: &["external-kill", "abort", "abort-called", "abort-in-handler"],
    raised_by: &[
        ("crash-external-kill", "the signal came from another process"),
        ("fatal-error-explained", "the logged abort is the one that the supervisor sends"),
        ("worker-killed", "the supervisor logged that it ended a worker"),
        VALUE_OF_DEATHS,
    ],
    against: &[
        ("all-idle", "every thread waited for work: none of them was slow when the core was taken"),
        ("crash-null-dereference", "the core records an invalid access, not a signal from outside"),
        ("crash-invalid-access", "the core records an invalid access, not a signal from outside"),
        ("crash-use-after-free", "the core records the use of freed memory, not a signal from outside"),
        ("crash-stack-overflow", "the core records an exhausted stack, not a signal from outside"),
    ],
    refuted_if: "the supervisor's log shows the timeout for another process, or after this one had ended",
    next: "Look at what the crash thread was doing: the timeout says that it was slow, the stack says where.",
    commands: commands::stacks,
    ..BASE
};
