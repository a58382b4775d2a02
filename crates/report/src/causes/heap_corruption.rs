//! The allocator found its own records damaged.

use super::commands::{self, command};
use super::rule::{BASE, Rule};
use super::signs::VALUE_OF_DEATHS;

pub(super) const RULE: Rule = Rule {
    id: "heap-corruption",
    statement: "Native code misused the heap: it wrote where it must not, or freed what was free",
    needs: &[&["heap-corrupted"]],
    names: &["heap-corrupted"],
    raised_by: &[
        ("fault-in-extension", "an extension was at work there"),
        ("foreign-extension", "an extension that was built for another Python was loaded"),
        ("crash-abort", "the allocator stops the process by abort()"),
        VALUE_OF_DEATHS,
    ],
    refuted_if: "an address sanitizer finds no invalid write on the same input",
    next: "The place of the abort is where the damage was found, not where it was done: run the same input with PYTHONMALLOC=debug, then under an address sanitizer.",
    commands: |case| {
        let mut commands = vec![command(
            "PYTHONMALLOC=debug COMMAND",
            "the same input: what was written behind a block is found when the block is freed",
        )];
        commands.extend(commands::source_line(case).into_iter().filter(|_| case.found("fault-in-extension")));
        commands
    },
    ..BASE
};
