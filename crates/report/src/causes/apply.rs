//! How a rule is applied: what it rests on, what raised or lowered it, and by which finding.

use pycoroner_findings::{Confidence, Finding};

use super::case::Case;
use super::rule::Rule;
use super::signs::{FAILURES, KILLS, OOM, VALUE_OF_DEATHS};
use super::{Cause, Effect, Reason, Role, uncapitalized};

/// Whether the kernel's log names this process as one that it killed for want of memory, and no core says otherwise.
fn is_killed_for_memory(case: &Case<'_>) -> bool {
    case.found("oom-kill-logged") && !FAILURES.iter().any(|id| case.found(id))
}

/// Said of a finding about another process.
const ANOTHER: &str =
    "it names another process than the one of the core, unless a container numbers them anew";
/// Said of a finding about metrics of another process.
const ANOTHER_TARGET: &str = "its metrics are of a process that was the same before and after the death";
/// Said of a rule whose signs carry no more, however sure they are.
const NO_MORE: &str = "it shows what was there, and not that it stopped the process";

impl Rule {
    /// The cause, where the rule applies.
    pub(super) fn apply(&self, case: &Case<'_>) -> Option<Cause> {
        if self.yields_to.iter().any(|id| case.found(id)) {
            return None;
        }
        let groups: Vec<Vec<usize>> = self.needs.iter().map(|group| needed(case, group)).collect();
        let leading: Vec<usize> = groups.iter().map(|group| strongest(case, group)).collect::<Option<_>>()?;
        let confidence_of = |index: &usize| case.finding(*index).map(|finding| finding.confidence);
        let alone = leading.iter().filter_map(confidence_of).min()?;
        let mut raising = reasons(case, self.raised_by, Effect::Raises);
        let mut against = reasons(case, self.against, Effect::Lowers);
        let mut confidence = alone;
        // What the rule rests on already does not count a second time.
        let is_more = |reason: &Reason| reason.findings.iter().any(|index| !leading.contains(index));
        if let Some(reason) = raising.iter_mut().find(|reason| is_more(reason)) {
            confidence = reason.change(confidence, raised(confidence));
        }
        if let Some(reason) = against.first_mut() {
            confidence = reason.change(confidence, lowered(confidence));
        }
        if confidence.min(self.at_most) < confidence.min(Confidence::Strong) {
            let mut reason = Reason::new(Effect::Bounds, NO_MORE);
            confidence = reason.change(confidence, self.at_most);
            against.push(reason);
        }
        confidence = confidence.min(self.at_most);
        if groups.iter().any(|group| group.iter().all(|index| case.is_others(*index))) {
            let others: Vec<usize> = leading.iter().copied().filter(|index| case.is_others(*index)).collect();
            let is_target = others.iter().all(|index| case.is_of_other_target(*index));
            let mut reason = Reason::new(Effect::Lowers, if is_target { ANOTHER_TARGET } else { ANOTHER });
            reason.findings = others;
            confidence = reason.change(confidence, Confidence::Weak);
            against.push(reason);
        }
        let needs = sorted(groups.iter().flatten().copied());
        let supporting = raising.iter().flat_map(|reason| reason.findings.iter().copied());
        Some(Cause {
            id: self.id.to_owned(),
            statement: self.said_of(case),
            role: self.role_in(case),
            confidence,
            findings: sorted(needs.iter().copied().chain(supporting)),
            raised_by: raising.iter().map(|reason| reason.why.clone()).collect(),
            against: self.objections(case, &against, &needs),
            refuted_if: self.refuted_by(case),
            next: self.next_step(case),
            alone: Some(alone),
            reasons: raising.into_iter().chain(against).collect(),
            needs,
            commands: (self.commands)(case),
        })
    }

    /// All that speaks against it, in words.
    fn objections(&self, case: &Case<'_>, against: &[Reason], needs: &[usize]) -> Vec<String> {
        let reasons = against.iter().filter(|reason| reason.effect == Effect::Lowers);
        let caveats = self.caveats.iter().map(|why| (*why).to_owned());
        let mut said: Vec<String> = reasons.map(|reason| reason.why.clone()).chain(caveats).collect();
        if self.inherits_against {
            let needed = needs.iter().filter_map(|index| case.finding(*index));
            said.extend(needed.flat_map(|finding| &finding.against).map(|one| one.statement.clone()));
        }
        said
    }

    fn role_in(&self, case: &Case<'_>) -> Role {
        let contributes = self.contributes_to.iter().any(|id| case.found(id))
            && !self.causes_despite.iter().any(|id| case.found(id));
        let ended_otherwise = is_killed_for_memory(case) && !self.explains_a_kill();
        if contributes || ended_otherwise { Role::ContributingFactor } else { self.role }
    }

    /// Whether it says why a process was killed for want of memory, or by whom.
    fn explains_a_kill(&self) -> bool {
        KILLS.contains(&self.id) || self.needs.iter().copied().flatten().any(|id| OOM.contains(id))
    }

    /// The finding that says what the statement is about in this process.
    fn named<'a>(&self, case: &Case<'a>) -> Option<&'a Finding> {
        self.names.iter().find_map(|id| case.first(id))
    }

    /// The statement, with what it is about in this process.
    fn said_of(&self, case: &Case<'_>) -> String {
        self.named(case).map_or_else(
            || self.statement.to_owned(),
            |found| format!("{}: {}", self.statement, uncapitalized(&found.title)),
        )
    }

    /// What would refute it, or what is said about this process without being needed for the cause.
    fn refuted_by(&self, case: &Case<'_>) -> String {
        let is_needed = |finding: &&Finding| self.needs.iter().any(|group| group.contains(&&*finding.id));
        let also = self.named(case).filter(|finding| !is_needed(finding));
        also.and_then(|finding| finding.refuted_if.as_deref())
            .map_or_else(|| self.refuted_if.to_owned(), |also| format!("{}, or if {also}", self.refuted_if))
    }

    /// What to do next, with the place of the heap and where it is added to.
    fn next_step(&self, case: &Case<'_>) -> String {
        let place = case.heap_place().unwrap_or("the place that holds the memory").to_owned();
        let site = case.adding_site().filter(|_| self.next.contains("{place}"));
        let place = site.map_or_else(|| place.clone(), |site| format!("{place} ({site})"));
        let next = self.next.replace("{place}", &place);
        match self.value_of_deaths(case) {
            Some(value) => format!("Those that ended so had {value}: look at what is special there. {next}"),
            None => next,
        }
    }

    /// The value that goes with deaths like this one.
    fn value_of_deaths<'a>(&self, case: &Case<'a>) -> Option<&'a str> {
        let finding = case.first(VALUE_OF_DEATHS.0).filter(|_| self.raised_by.contains(&VALUE_OF_DEATHS))?;
        finding.subject.as_deref()
    }
}

/// The rows of a table that apply, each with the findings of this process that it speaks of.
fn reasons(case: &Case<'_>, table: &[(&str, &str)], effect: Effect) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for (id, why) in table {
        let found = case.own(id);
        if found.is_empty() {
            continue;
        }
        match reasons.iter_mut().find(|reason| reason.why == *why) {
            Some(reason) => reason.findings.extend(found),
            None => reasons.push(Reason { findings: found, ..Reason::new(effect, why) }),
        }
    }
    reasons
}

/// What a group of kinds has: findings about this process, or, where there are none, about others.
fn needed(case: &Case<'_>, group: &[&str]) -> Vec<usize> {
    let own = sorted(group.iter().flat_map(|id| case.own(id)));
    if own.is_empty() { sorted(group.iter().flat_map(|id| case.of_kind(id))) } else { own }
}

/// The first of the most confident.
fn strongest(case: &Case<'_>, group: &[usize]) -> Option<usize> {
    let confidence = |index: usize| case.finding(index).map(|finding| finding.confidence);
    let most = group.iter().map(|index| confidence(*index)).max()?;
    group.iter().copied().find(|index| confidence(*index) == most)
}

fn sorted(indexes: impl Iterator<Item = usize>) -> Vec<usize> {
    indexes.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

impl Reason {
    fn new(effect: Effect, why: &str) -> Self {
        Self { effect, why: why.to_owned(), findings: Vec::new(), from: None, to: None }
    }

    /// Notes a change of the confidence, where it is one, and gives the new one.
    fn change(&mut self, from: Confidence, to: Confidence) -> Confidence {
        if from != to {
            (self.from, self.to) = (Some(from), Some(to));
        }
        to
    }
}

fn raised(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::Weak => Confidence::Moderate,
        Confidence::Moderate | Confidence::Strong => Confidence::Strong,
        Confidence::Certain => Confidence::Certain,
    }
}

fn lowered(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::Weak | Confidence::Moderate => Confidence::Weak,
        Confidence::Strong | Confidence::Certain => Confidence::Moderate,
    }
}
