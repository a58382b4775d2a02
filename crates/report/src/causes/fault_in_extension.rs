//! A native extension was at work where the process failed.

use super::Role;
use super::commands;
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "fault-in-extension",
    statement: "A native extension was at work where the process failed",
    needs: &[&["fault-in-extension"]],
    role: Role::ContributingFactor,
    // Their causes name the extension.
    yields_to: &["crash-null-dereference", "crash-invalid-access", "crash-use-after-free"],
    refuted_if: "the same failure happens without the extension",
    next: "Look for reports about this version of the extension; try another version with the same input.",
    commands: commands::source_line,
    ..BASE
};
