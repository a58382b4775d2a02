//! A file system had no room left.

use super::commands::command;
use super::rule::{BASE, Rule};
use super::signs::CRASHES;

pub(super) const RULE: Rule = Rule {
    id: "disk-full",
    statement: "A file system was full, so that the process could no longer write",
    needs: &[&["disk-full"]],
    contributes_to: CRASHES,
    raised_by: &[("crash-file-truncated", "a mapped file lost its pages, as happens on a full disk")],
    refuted_if: "the file system that the path is on had room and inodes left at the time",
    next: "Look at df -h and df -i of the file system that the exception names, and at what grew there.",
    commands: |_| {
        vec![
            command("df -h DIR; df -i DIR", "room and inodes of the file system that the exception names"),
            command("du -xh --max-depth=2 DIR | sort -h | tail", "what is large there"),
        ]
    },
    ..BASE
};
