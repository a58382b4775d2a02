//! A signal stopped the process, and nothing says why.

use pycoroner_findings::Confidence;

use super::commands::command;
use super::rule::{BASE, Rule};
use super::signs::CRASHES;

pub(super) const RULE: Rule = Rule {
    id: "signal",
    statement: "A signal stopped the process, and the evidence does not say why it was raised",
    needs: &[&["crash-signal"]],
    at_most: Confidence::Moderate,
    yields_to: CRASHES,
    refuted_if: "a source that says why the signal was raised",
    next: "Look at the crash thread's stack, and at who may send this signal.",
    commands: |case| {
        vec![command(
            format!("journalctl {}", case.journal_span()),
            "all of the machine's log around the end",
        )]
    },
    ..BASE
};
