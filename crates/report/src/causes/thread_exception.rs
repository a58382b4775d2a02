//! A thread ended by an exception, and the process went on without it.

use pycoroner_findings::Confidence;

use super::Role;
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "thread-exception",
    statement: "A thread was missing: an exception had ended it, and the process went on",
    needs: &[&["thread-exception-logged"]],
    role: Role::ContributingFactor,
    at_most: Confidence::Moderate,
    names: &["thread-exception-logged"],
    refuted_if: "the thread had done all its work, or another one took its place",
    next: "Read the thread's traceback; look at what waited for its work (queues, joins), and whether anybody watches that it lives.",
    ..BASE
};
