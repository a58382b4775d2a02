//! A library's file was replaced while the process ran.

use pycoroner_findings::Confidence;

use super::Role;
use super::commands::command;
use super::rule::{BASE, Rule};

pub(super) const RULE: Rule = Rule {
    id: "module-replaced",
    statement: "A library's file was replaced or deleted while the process ran",
    needs: &[&["module-replaced"]],
    role: Role::ContributingFactor,
    at_most: Confidence::Weak,
    refuted_if: "the file was replaced by the same bytes",
    next: "Compare the time of the deployment or upgrade with the crash; restart processes after an upgrade.",
    commands: |_| vec![command("stat -c '%y %n' FILE", "when the file that is there now was written")],
    ..BASE
};
