use pycoroner_findings::Confidence;

use super::Role;
use super::case::Case;
use super::commands::{Command, none};

/// One rule of the reasoner. Findings are named by their ids.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) statement: &'static str,
    /// Applies when of each group one was found; it is as strong as the weakest group.
    pub(super) needs: &'static [&'static [&'static str]],
    /// What it is where nothing else stopped the process.
    pub(super) role: Role,
    /// Only a contributing factor when one of these was found.
    pub(super) contributes_to: &'static [&'static str],
    /// A probable cause all the same when one of these was found.
    pub(super) causes_despite: &'static [&'static str],
    /// However strong the findings are, the cause is no stronger than this.
    pub(super) at_most: Confidence,
    /// The first finding of these that was found says what the statement is about in this process.
    pub(super) names: &'static [&'static str],
    /// Rules whose causes this one led to, where both apply: they say how it ended, and this one why.
    pub(super) leads_to: &'static [&'static str],
    /// What speaks against it wherever it applies, because of what it does not need.
    pub(super) caveats: &'static [&'static str],
    /// Does not apply when one of these was found: another rule explains more.
    pub(super) yields_to: &'static [&'static str],
    /// Makes it more likely, and why.
    pub(super) raised_by: &'static [(&'static str, &'static str)],
    /// Makes it less likely, and why.
    pub(super) against: &'static [(&'static str, &'static str)],
    /// Whether what speaks against a finding that it needs speaks against the cause as well.
    pub(super) inherits_against: bool,
    /// What observation would show it to be wrong.
    pub(super) refuted_if: &'static str,
    /// What to look at next; `{place}` stands for the place of the heap that was found.
    pub(super) next: &'static str,
    /// Commands for that.
    pub(super) commands: fn(&Case<'_>) -> Vec<Command>,
}

/// What a rule leaves unsaid.
pub(super) const BASE: Rule = Rule {
    id: "",
    statement: "",
    needs: &[],
    role: Role::ProbableCause,
    contributes_to: &[],
    causes_despite: &[],
    at_most: Confidence::Strong,
    names: &[],
    leads_to: &[],
    caveats: &[],
    yields_to: &[],
    raised_by: &[],
    against: &[],
    inherits_against: true,
    refuted_if: "",
    next: "",
    commands: none,
};
