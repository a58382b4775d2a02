//! The interpreter found its own state to be broken.

use super::commands::command;
use super::rule::{BASE, Rule};
use super::signs::VALUE_OF_DEATHS;

pub(super) const RULE: Rule = Rule {
    id: "fatal-interpreter-error",
    statement: "The interpreter found its own state to be broken and stopped",
    needs: &[&["fatal-python-error", "interpreter-error-logged"]],
    names: &["fatal-python-error", "interpreter-error-logged"],
    raised_by: &[
        ("fatal-error-logged", "the log of the process reports a fatal error"),
        ("crash-abort", "the interpreter stops by abort()"),
        VALUE_OF_DEATHS,
    ],
    refuted_if: "the fatal message was left over from something else",
    next: "Read the fatal message; look for native extensions that run without the GIL or release objects twice.",
    commands: |_| {
        vec![command(
            "python3 -X dev -X faulthandler COMMAND",
            "the same input with the interpreter's own checks: the debug allocator and a dump at the fault",
        )]
    },
    ..BASE
};
