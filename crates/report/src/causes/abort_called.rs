//! The program gave up by itself.

use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "abort-called",
    statement: "The program itself called abort()",
    needs: &[&["abort-called"]],
    against: &[("worker-timeout", "a supervisor had timed it out: the call may be the answer to that")],
    refuted_if: "the call had returned, and native code aborted later",
    next: "Read the code at the innermost Python frame: what it does before it aborts says why it gives up.",
    ..BASE
};
