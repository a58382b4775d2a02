//! The program gave up when a signal came.

use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "abort-in-handler",
    statement: "A signal came, and the program's own handler of it called abort()",
    needs: &[&["abort-in-handler"]],
    refuted_if: "the call had returned, and native code aborted later",
    next: "Find who sent the signal and why; what the thread did before the handler ran stands under it in the stack.",
    ..BASE
};
