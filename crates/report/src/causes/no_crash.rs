//! The process had not crashed.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::CRASHES;

pub(super) const RULE: Rule = Rule {
    id: "no-crash",
    statement: "The process had not crashed: the core was taken while it ran",
    needs: &[&["no-crash"]],
    yields_to: CRASHES,
    against: &[
        ("fatal-error-logged", "the log reports a fatal error"),
        ("deadlock", "some of its threads could not go on"),
        ("gil-starvation", "some of its threads could not go on"),
        ("lock-abandoned", "some of its threads could not go on"),
        ("await-circle", "some of its tasks could not go on"),
    ],
    raised_by: &[("all-idle", "every thread waited for work")],
    refuted_if: "the process ended by a signal or an exception before the core was taken",
    next: "Ask who took the core, and why; look at the threads that wait.",
    commands: commands::stacks,
    ..BASE
};
