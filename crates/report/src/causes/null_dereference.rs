//! Native code followed a null pointer.

use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "null-dereference",
    statement: "Native code that the innermost Python frame called used a null pointer",
    needs: &[&["crash-null-dereference"]],
    names: &["fault-in-extension"],
    raised_by: &[
        ("foreign-extension", "an extension that was built for another Python was loaded"),
        ("fault-in-extension", "an extension was at work there"),
        ("fatal-error-logged", "the log reports the same fatal error"),
        ("kernel-segfault-logged", "the kernel logged the same kind of fault"),
    ],
    against: &[("deep-recursion", "the stack was deep, which is also consistent with an exhausted stack")],
    refuted_if: "the instruction that failed does not use the fault address",
    next: "Look at the native function that the innermost Python line calls, and at the arguments it was given.",
    ..BASE
};
