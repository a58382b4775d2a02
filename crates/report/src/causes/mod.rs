//! The reasoner: from findings to probable causes, by the rules in one table.
//!
//! A rule needs one of some findings, is raised by others and lowered by those that speak against it. No cause is
//! ever certain: the bytes can say what happened, and people agree on why.

mod abort;
mod abort_called;
mod abort_in_handler;
mod allocation_failed;
mod allocation_leak;
mod allocation_pile;
mod apply;
mod await_circle;
mod case;
mod commands;
mod deadlock;
mod disk_full;
mod divide_by_zero;
mod exception_in_flight;
mod external_kill;
mod fatal_interpreter_error;
mod fault_in_extension;
mod fault_logged;
mod file_truncated;
mod files_exhausted;
mod files_near_limit;
mod foreign_extension;
mod gil_starvation;
mod heap_corruption;
mod illegal_instruction;
mod invalid_access;
mod lock_abandoned;
mod memory_growth;
mod module_replaced;
mod no_crash;
mod null_dereference;
mod oom_kill;
mod oom_leak;
mod oom_spike;
mod own_signal;
mod recent_change;
mod recursion;
mod resource_limit;
mod rule;
mod signal;
mod signs;
mod stack_overflow;
mod task_exception_never_retrieved;
mod thread_exception;
mod threads_exhausted;
mod unhandled_exception;
mod use_after_free;
mod worker_timeout;

use pycoroner_findings::Confidence;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use case::Case;
pub use commands::Command;
use rule::Rule;

/// All rules; of equally likely causes the one that stands first is named first.
const RULES: [&Rule; 43] = [
    &null_dereference::RULE,
    &use_after_free::RULE,
    &invalid_access::RULE,
    &heap_corruption::RULE,
    &stack_overflow::RULE,
    &recursion::RULE,
    &deadlock::RULE,
    &lock_abandoned::RULE,
    &await_circle::RULE,
    &gil_starvation::RULE,
    &worker_timeout::RULE,
    &oom_leak::RULE,
    &oom_spike::RULE,
    &oom_kill::RULE,
    &allocation_leak::RULE,
    &allocation_pile::RULE,
    &allocation_failed::RULE,
    &files_exhausted::RULE,
    &disk_full::RULE,
    &files_near_limit::RULE,
    &threads_exhausted::RULE,
    &file_truncated::RULE,
    &divide_by_zero::RULE,
    &illegal_instruction::RULE,
    &own_signal::RULE,
    &resource_limit::RULE,
    &fatal_interpreter_error::RULE,
    &abort_called::RULE,
    &abort_in_handler::RULE,
    &abort::RULE,
    &fault_logged::RULE,
    &external_kill::RULE,
    &unhandled_exception::RULE,
    &fault_in_extension::RULE,
    &foreign_extension::RULE,
    &module_replaced::RULE,
    &memory_growth::RULE,
    &exception_in_flight::RULE,
    &thread_exception::RULE,
    &task_exception_never_retrieved::RULE,
    &recent_change::RULE,
    &signal::RULE,
    &no_crash::RULE,
];

/// Most causes of a report.
const MOST_CAUSES: usize = 5;

/// A probable cause, with the findings that it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// Stable kebab-case name of the rule.
    pub id: String,
    /// One sentence that stands alone.
    pub statement: String,
    /// Whether it may have stopped the process by itself.
    #[serde(default)]
    pub role: Role,
    /// How well the findings carry it; at most strong.
    pub confidence: Confidence,
    /// The findings for it, as indexes into the incident's list.
    pub findings: Vec<usize>,
    /// What makes it more likely.
    pub raised_by: Vec<String>,
    /// What speaks against it.
    pub against: Vec<String>,
    /// What observation would show it to be wrong.
    #[serde(default)]
    pub refuted_if: String,
    /// What to look at next.
    pub next: String,
    /// Of the findings, those without which it would be no cause.
    #[serde(default)]
    pub needs: Vec<usize>,
    /// How well those carry it alone, before anything raised or lowered that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<Confidence>,
    /// What raised or lowered it, and by which findings.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// Commands for what to look at next.
    #[serde(default)]
    pub commands: Vec<Command>,
}

/// Why a cause is more or less likely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Which way it points.
    pub effect: Effect,
    /// Why.
    pub why: String,
    /// The findings that it speaks of, as indexes into the incident's list.
    #[serde(default)]
    pub findings: Vec<usize>,
    /// The confidence before, where this changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Confidence>,
    /// The confidence after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Confidence>,
}

/// What a reason does to a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It makes it more likely.
    Raises,
    /// It speaks against it.
    Lowers,
    /// However sure the findings are, they carry no more.
    Bounds,
}

/// What a cause may have been to the end of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It may have stopped the process by itself.
    #[default]
    ProbableCause,
    /// It may have had a part in it, next to what stopped the process.
    ContributingFactor,
    /// Another cause led to it: it says how the process ended, and that one why.
    Consequence,
}

/// The probable causes of a case, the likeliest first; never none.
pub(crate) fn rank(case: &Case<'_>) -> Vec<Cause> {
    let mut causes: Vec<Cause> = RULES.iter().filter_map(|rule| rule.apply(case)).collect();
    mark_consequences(&mut causes);
    causes.sort_by_key(|cause| (cause.role, std::cmp::Reverse(cause.confidence)));
    causes.truncate(MOST_CAUSES);
    if causes.is_empty() {
        causes.push(unknown());
    }
    causes
}

/// What a cause led to is no cause of its own, unless that cause is only a weak sign.
fn mark_consequences(causes: &mut [Cause]) {
    let leads: Vec<&str> = causes
        .iter()
        .filter(|cause| cause.role == Role::ProbableCause && cause.confidence > Confidence::Weak)
        .filter_map(|cause| RULES.iter().find(|rule| rule.id == cause.id))
        .flat_map(|rule| rule.leads_to)
        .copied()
        .collect();
    for cause in causes.iter_mut().filter(|cause| leads.contains(&&*cause.id)) {
        cause.role = Role::Consequence;
    }
}

/// What the first cause led to, the last effect in front, and that cause behind them: each is why the one before it came.
pub(crate) fn chain(causes: &[Cause]) -> Vec<&Cause> {
    let Some(first) = causes.first() else { return Vec::new() };
    let leads_to = |id: &str| RULES.iter().find(|rule| rule.id == id).map_or(&[][..], |rule| rule.leads_to);
    let mut led = leads_to(&first.id).to_vec();
    let mut next = 0;
    // Each of the rules is added once.
    while let Some(id) = led.get(next).copied() {
        let new: Vec<&str> = leads_to(id).iter().copied().filter(|id| !led.contains(id)).collect();
        led.extend(new);
        next += 1;
    }
    let mut chain: Vec<&Cause> = causes
        .iter()
        .filter(|cause| cause.role == Role::Consequence && cause.confidence > Confidence::Weak)
        .filter(|cause| led.contains(&&*cause.id))
        .collect();
    // The table has what ends a process behind what leads to it.
    chain.sort_by_key(|cause| std::cmp::Reverse(RULES.iter().position(|rule| rule.id == cause.id)));
    chain.push(first);
    chain
}

/// A sentence as it goes on behind a colon; names and abbreviations stay as they are.
pub(crate) fn uncapitalized(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        _ if text.starts_with("Python ") => text.to_owned(),
        (Some(first), Some(second)) if first.is_ascii_uppercase() && !second.is_ascii_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

fn unknown() -> Cause {
    Cause {
        id: "unknown".to_owned(),
        statement: "The evidence does not show why the process stopped".to_owned(),
        role: Role::ProbableCause,
        confidence: Confidence::Weak,
        findings: Vec::new(),
        raised_by: Vec::new(),
        against: Vec::new(),
        refuted_if: String::new(),
        next: "Read the gaps: each names the evidence that is missing and how to get it.".to_owned(),
        needs: Vec::new(),
        alone: None,
        reasons: Vec::new(),
        commands: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
