//! The process went over a limit of processor time or file size.

use super::commands::{self, command};
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "resource-limit",
    statement: "The process went over a limit that was set for it",
    needs: &[&["crash-resource-limit"]],
    refuted_if: "the limit was not set for this process",
    next: "Compare the limit (ulimit, setrlimit, the unit file) with what the process needs.",
    commands: |case| {
        vec![
            commands::limits(case),
            command("systemctl show UNIT -p LimitCPU -p LimitFSIZE", "the limits that the unit sets"),
        ]
    },
    ..BASE
};
