//! A check in native code failed.

use super::commands;
use super::rule::{BASE, Rule};
use super::signs::VALUE_OF_DEATHS;

pub(super) const RULE: Rule = Rule {
    id: "abort",
    statement: "The process aborted itself: a check in native code failed",
    needs: &[&["crash-abort", "native-abort-logged"]],
    yields_to: &[
        "fatal-python-error",
        "interpreter-error-logged",
        "heap-corrupted",
        "abort-called",
        "abort-in-handler",
    ],
    raised_by: &[
        ("fault-in-extension", "an extension was at work there"),
        ("fatal-error-logged", "the log reports a fatal error"),
        ("native-abort-logged", "native code wrote why it gave up"),
        VALUE_OF_DEATHS,
    ],
    against: &[("worker-timeout", "a supervisor also sends the abort signal to a worker that timed out")],
    refuted_if: "the signal was sent from outside: a supervisor, an operator",
    next: "Read the abort message and the native frames above abort().",
    commands: commands::source_line,
    ..BASE
};
