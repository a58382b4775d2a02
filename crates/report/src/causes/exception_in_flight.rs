//! An exception was being raised or handled at the end.

use pycoroner_findings::Confidence;

use super::Role;
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "exception-in-flight",
    statement: "The process stopped while an exception was being raised or handled",
    role: Role::ContributingFactor,
    needs: &[&["exception-in-flight"]],
    at_most: Confidence::Weak,
    yields_to: &["unhandled-exception", "unhandled-exception-logged", "no-crash", "allocation-failed"],
    against: &[
        ("crash-null-dereference", "the crash is explained without it"),
        ("crash-invalid-access", "the crash is explained without it"),
        ("crash-external-kill", "a signal from outside stopped the process; the exception may be unrelated"),
        ("crash-signal", "a signal stopped the process; the exception may be unrelated"),
    ],
    refuted_if: "the exception is part of the normal course, as StopIteration is",
    next: "Read the exception chain of the crash thread and compare it with the log.",
    ..BASE
};
