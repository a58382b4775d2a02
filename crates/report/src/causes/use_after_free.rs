//! Native code used memory that had been freed.

use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "use-after-free",
    statement: "Native code used memory that had been freed",
    needs: &[&["crash-use-after-free"]],
    names: &["fault-in-extension"],
    raised_by: &[
        ("fault-in-extension", "an extension was at work there"),
        ("fatal-error-logged", "the log reports the same fatal error"),
        ("kernel-segfault-logged", "the kernel logged the same kind of fault"),
    ],
    refuted_if: "an address sanitizer finds no use of freed memory on the same input",
    next: "Look for the object that native code kept without owning a reference to it; run the same input under an address sanitizer.",
    ..BASE
};
