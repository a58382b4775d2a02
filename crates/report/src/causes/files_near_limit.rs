//! The process had nearly as many files open as it may; that it failed to open one is not shown.

use pycoroner_findings::Confidence;

use super::Role;
use super::commands::{self, command};
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "files-near-limit",
    statement: "The number of open files came near its limit",
    needs: &[&["files-near-limit"]],
    role: Role::ContributingFactor,
    at_most: Confidence::Weak,
    // Said by the rule of those that met the limit.
    yields_to: &["files-exhausted"],
    names: &["files-near-limit"],
    refuted_if: "no call failed for want of a file descriptor (errno 24)",
    next: "Look in the log for “Too many open files”; look at what is open, by kind.",
    commands: |case| {
        vec![
            commands::limits(case),
            command("ls -l /proc/PID/fd", "what a process that runs like it has open, by kind"),
        ]
    },
    ..BASE
};
