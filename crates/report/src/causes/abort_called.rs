//! The program gave up by itself.

use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "abort-called",
    statement: "The program itself called abort(): the code calls it here on purpose",
    needs: &[&["abort-called"]],
    against: &[(
        "worker-timeout",
        "it was in a handler for the signal of a supervisor, which is the cause to look into",
    )],
    refuted_if: "the call had returned, and native code aborted later",
    next: "Read the code at the innermost Python frame: what it does before it aborts says why it gives up.",
    ..BASE
};
