//! Native code used memory that had been freed.

use super::commands::{self, command};
use super::rule::{BASE, Rule};
use super::signs::VALUE_OF_DEATHS;

pub(super) const RULE: Rule = Rule {
    id: "use-after-free",
    statement: "Native code used memory that had been freed",
    needs: &[&["crash-use-after-free"]],
    names: &["fault-in-extension"],
    raised_by: &[
        ("fault-in-extension", "an extension was at work there"),
        ("kernel-segfault-logged", "the kernel logged a fault of the process"),
        VALUE_OF_DEATHS,
    ],
    refuted_if: "an address sanitizer finds no use of freed memory on the same input",
    next: "Look for the object that native code kept without owning a reference to it; run the same input under an address sanitizer.",
    commands: |case| {
        let mut commands = commands::source_line(case);
        commands.push(command(
            "PYTHONMALLOC=debug COMMAND",
            "the same input: freed memory is filled with 0xdd, so that its use shows at once",
        ));
        commands
    },
    ..BASE
};
