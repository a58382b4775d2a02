//! The process could open no further file or socket.

use super::commands::{self, command};
use super::rule::{BASE, Rule};
use super::signs::FAILURES;

pub(super) const RULE: Rule = Rule {
    id: "files-exhausted",
    statement: "The process ran out of file descriptors, so that files and connections could no longer be opened",
    needs: &[&["files-exhausted"]],
    contributes_to: FAILURES,
    // A service that takes no connection is given up on.
    leads_to: &["external-kill", "worker-timeout"],
    names: &["heap-open-descriptors"],
    raised_by: &[
        ("files-near-limit", "the metric of open files was near its limit"),
        ("heap-open-descriptors", "the core shows what holds most of the open files or sockets"),
    ],
    against: &[("crash-external-kill", "no source says that it was stopped for this reason")],
    refuted_if: "the number of open files was far below the limit (/proc/PID/limits) at the time",
    next: "Look at what is open (ls -l /proc/PID/fd) by kind: sockets without an end, files opened in a loop without a with statement.",
    commands: |case| {
        vec![
            commands::limits(case),
            command("ls -l /proc/PID/fd", "what a process that runs like it has open, by kind"),
        ]
    },
    ..BASE
};
