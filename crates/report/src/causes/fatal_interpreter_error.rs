//! The interpreter found its own state to be broken.

use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "fatal-interpreter-error",
    statement: "The interpreter found its own state to be broken and stopped",
    needs: &[&["fatal-python-error"]],
    raised_by: &[
        ("fatal-error-logged", "the log reports the same fatal error"),
        ("crash-abort", "the interpreter stops by abort()"),
    ],
    refuted_if: "the fatal message was left over from something else",
    next: "Read the fatal message; look for native extensions that run without the GIL or release objects twice.",
    ..BASE
};
