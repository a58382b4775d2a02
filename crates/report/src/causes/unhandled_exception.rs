//! An exception that nothing handled ended the process.

use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "unhandled-exception",
    statement: "An exception ended the process",
    needs: &[&["unhandled-exception", "unhandled-exception-logged"]],
    names: &["unhandled-exception", "unhandled-exception-logged"],
    raised_by: &[("exception-in-flight", "the core shows an exception being raised or handled")],
    against: &[
        ("crash-null-dereference", "a signal stopped the process, which an exception does not do"),
        ("crash-invalid-access", "a signal stopped the process, which an exception does not do"),
        ("crash-use-after-free", "a signal stopped the process, which an exception does not do"),
        ("crash-stack-overflow", "a signal stopped the process, which an exception does not do"),
        ("crash-external-kill", "a signal stopped the process, which an exception does not do"),
        ("no-crash", "the process was still there when the core was taken"),
    ],
    refuted_if: "the process went on after the traceback was written",
    next: "Read the traceback, from its last line upwards.",
    ..BASE
};
