//! The process could start no further thread.

use super::commands::{self, command};
use super::rule::{BASE, Rule};
use super::signs::CRASHES;

pub(super) const RULE: Rule = Rule {
    id: "threads-exhausted",
    statement: "The process could start no further thread or process: a limit of tasks or memory was met",
    needs: &[&["threads-exhausted"]],
    contributes_to: CRASHES,
    refuted_if: "the number of threads was far below pids.max and ulimit -u at the time",
    next: "Look at the number of threads in the core and at who starts them; compare pids.max of the control group.",
    commands: |case| {
        vec![
            commands::limits(case),
            command(
                "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids.current",
                "in the container: how many there may be, and are",
            ),
        ]
    },
    ..BASE
};
