//! The process could open no further file or socket.

use super::rule::{BASE, Rule};
use super::signs::CRASHES;

pub(super) const RULE: Rule = Rule {
    id: "files-exhausted",
    statement: "The process ran out of file descriptors, so that files and connections could no longer be opened",
    needs: &[&["files-exhausted", "files-near-limit"]],
    contributes_to: CRASHES,
    raised_by: &[("files-near-limit", "the metric of open files was near its limit")],
    refuted_if: "the number of open files was far below the limit (/proc/PID/limits) at the time",
    next: "Look at what is open (ls -l /proc/PID/fd) by kind: sockets without an end, files opened in a loop without `with`.",
    ..BASE
};
