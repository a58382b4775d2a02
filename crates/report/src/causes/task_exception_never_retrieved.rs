//! Tasks failed and nobody asked.

use pycoroner_findings::Confidence;

use super::Role;
use super::commands::command;
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "task-exception-never-retrieved",
    statement: "Tasks ended with exceptions that nobody asked for",
    needs: &[&["task-exception-never-retrieved"]],
    role: Role::ContributingFactor,
    at_most: Confidence::Weak,
    refuted_if: "the failed tasks are of another part of the service",
    next: "Read the exceptions; await the tasks, or gather them where their failure matters.",
    commands: |_| vec![command("PYTHONASYNCIODEBUG=1 COMMAND", "where such tasks were made")],
    ..BASE
};
