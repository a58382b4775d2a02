//! A mapped file was cut.

use super::commands;
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "file-truncated",
    statement: "A file was cut, or its disk failed, while the process had it mapped",
    needs: &[&["crash-file-truncated"]],
    raised_by: &[("kernel-segfault-logged", "the kernel logged a fault")],
    refuted_if: "the file had its full length at the time, and its disk reports no error",
    next: "Find who writes to the file that the verdict names: replace files by renaming, never cut them in place; check the disk's space.",
    commands: |case| {
        vec![commands::kernel_log(case, "I/O error|EXT4-fs error|XFS", "whether the disk failed")]
    },
    ..BASE
};
