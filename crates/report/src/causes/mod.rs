//! The reasoner: from findings to probable causes, by the rules in one table.
//!
//! A rule needs one of some findings, is raised by others and lowered by those that speak against it. No cause is
//! ever certain: the bytes can say what happened, and people agree on why.

mod abort;
mod abort_called;
mod allocation_failed;
mod allocation_leak;
mod allocation_pile;
mod await_circle;
mod deadlock;
mod disk_full;
mod divide_by_zero;
mod exception_in_flight;
mod external_kill;
mod fatal_interpreter_error;
mod fault_in_extension;
mod file_truncated;
mod files_exhausted;
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

use pycoroner_findings::{Confidence, Finding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use rule::Rule;

/// All rules; of equally likely causes the one that stands first is named first.
const RULES: [&Rule; 40] = [
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
    &threads_exhausted::RULE,
    &file_truncated::RULE,
    &divide_by_zero::RULE,
    &illegal_instruction::RULE,
    &own_signal::RULE,
    &resource_limit::RULE,
    &fatal_interpreter_error::RULE,
    &abort_called::RULE,
    &abort::RULE,
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

/// The probable causes of what was found about the process `pid`, the likeliest first; never none.
pub(crate) fn rank(findings: &[Finding], pid: Option<u64>) -> Vec<Cause> {
    let mut causes: Vec<Cause> = RULES.iter().filter_map(|rule| rule.apply(findings, pid)).collect();
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

impl Rule {
    fn apply(&self, findings: &[Finding], pid: Option<u64>) -> Option<Cause> {
        let found = |id: &str| findings.iter().any(|finding| finding.id == id);
        if self.yields_to.iter().any(|id| found(id)) {
            return None;
        }
        let groups: Vec<Vec<&Finding>> = self
            .needs
            .iter()
            .map(|group| findings.iter().filter(|finding| group.contains(&&*finding.id)).collect())
            .collect();
        let strongest = |group: &Vec<&Finding>| group.iter().map(|finding| finding.confidence).max();
        let weakest: Option<Vec<Confidence>> = groups.iter().map(strongest).collect();
        let mut confidence = weakest?.into_iter().min()?;
        let reasons = |table: &[(&str, &str)]| -> Vec<String> {
            table.iter().filter(|(id, _)| found(id)).map(|(_, why)| (*why).to_owned()).collect()
        };
        let raised_by = reasons(self.raised_by);
        let mut against = reasons(self.against);
        against.dedup();
        let caveats = self.caveats.iter().map(|why| (*why).to_owned());
        if !raised_by.is_empty() {
            confidence = raised(confidence);
        }
        if !against.is_empty() {
            confidence = lowered(confidence);
        }
        confidence = confidence.min(self.at_most);
        let needed = || groups.iter().flatten();
        if groups.iter().any(|group| group.iter().all(|finding| names_another(finding, pid))) {
            against.push(ANOTHER.to_owned());
            confidence = Confidence::Weak;
        }
        against.extend(caveats);
        if self.inherits_against {
            against.extend(
                needed().flat_map(|finding| &finding.against).map(|evidence| evidence.statement.clone()),
            );
        }
        let is_used = |finding: &Finding| {
            needed().any(|needed| needed.id == finding.id)
                || self.raised_by.iter().any(|(id, _)| *id == finding.id)
        };
        let indexes = findings.iter().enumerate().filter(|(_, finding)| is_used(finding));
        let contributes =
            self.contributes_to.iter().any(|id| found(id)) && !self.causes_despite.iter().any(|id| found(id));
        Some(Cause {
            id: self.id.to_owned(),
            statement: self.said_of(findings),
            role: if contributes { Role::ContributingFactor } else { self.role },
            confidence,
            findings: indexes.map(|(index, _)| index).collect(),
            raised_by,
            against,
            refuted_if: self.refuted_by(findings),
            next: self.next.replace("{place}", heap_place(findings)),
        })
    }
}

impl Rule {
    /// The statement, with what it is about in this process.
    fn said_of(&self, findings: &[Finding]) -> String {
        let named = self.names.iter().find_map(|id| findings.iter().find(|finding| finding.id == *id));
        named.map_or_else(
            || self.statement.to_owned(),
            |found| format!("{}: {}", self.statement, uncapitalized(&found.title)),
        )
    }
}

impl Rule {
    /// What would refute it, or what is said about this process without being needed for the cause.
    fn refuted_by(&self, findings: &[Finding]) -> String {
        let named = self.names.iter().find_map(|id| findings.iter().find(|finding| finding.id == *id));
        let is_needed = |finding: &&Finding| self.needs.iter().any(|group| group.contains(&&*finding.id));
        let also =
            named.filter(|finding| !is_needed(finding)).and_then(|finding| finding.refuted_if.as_deref());
        also.map_or_else(|| self.refuted_if.to_owned(), |also| format!("{}, or if {also}", self.refuted_if))
    }
}

/// The place of the heap that holds most, as its findings name it.
fn heap_place(findings: &[Finding]) -> &str {
    ["heap-grown", "heap-leak-suspect"]
        .iter()
        .find_map(|id| findings.iter().find(|finding| finding.id == *id)?.subject.as_deref())
        .unwrap_or("the place that holds the memory")
}

/// A sentence as it goes on behind a colon; names and abbreviations stay as they are.
pub(crate) fn uncapitalized(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if first.is_ascii_uppercase() && !second.is_ascii_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// Said of a finding about another process.
const ANOTHER: &str =
    "it names another process than the one of the core, unless a container numbers them anew";

/// Whether a finding is about a process, and not about this one.
fn names_another(finding: &Finding, pid: Option<u64>) -> bool {
    let subject =
        finding.subject.as_deref().and_then(|subject| subject.strip_prefix("process ")?.parse::<u64>().ok());
    subject.zip(pid).is_some_and(|(subject, pid)| subject != pid)
}

fn raised(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::Weak => Confidence::Moderate,
        Confidence::Moderate | Confidence::Strong | Confidence::Certain => Confidence::Strong,
    }
}

fn lowered(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::Weak | Confidence::Moderate => Confidence::Weak,
        Confidence::Strong | Confidence::Certain => Confidence::Moderate,
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
    }
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::Severity;

    use super::*;

    /// Checks the ids and confidences of the causes of findings that are all strong.
    fn check(ids: &[&'static str], expected: &[(&str, Confidence)]) {
        let findings: Vec<Finding> =
            ids.iter().map(|id| Finding::new(*id, Severity::Critical, Confidence::Strong, *id)).collect();
        let causes = rank(&findings, None);
        let ranked: Vec<_> = causes.iter().map(|cause| (cause.id.as_str(), cause.confidence)).collect();
        assert_eq!(ranked, expected, "of {ids:?}");
    }

    #[test]
    fn causes() {
        use Confidence::{Moderate, Strong, Weak};
        check(&[], &[("unknown", Weak)]);
        check(&["error-burst"], &[("unknown", Weak)]);
        check(&["crash-null-dereference"], &[("null-dereference", Strong)]);
        check(
            &["crash-null-dereference", "deep-recursion"],
            &[("null-dereference", Moderate), ("recursion", Moderate)],
        );
        check(&["crash-stack-overflow", "deep-recursion"], &[("stack-overflow", Strong)]);
        check(&["crash-abort", "fatal-python-error"], &[("fatal-interpreter-error", Strong)]);
        check(&["crash-abort", "worker-timeout"], &[("worker-timeout", Strong), ("abort", Moderate)]);
        check(
            &["crash-external-kill", "heap-leak-suspect"],
            &[("external-kill", Strong), ("memory-growth", Moderate)],
        );
        check(
            &["crash-signal", "exception-in-flight"],
            &[("signal", Moderate), ("exception-in-flight", Weak)],
        );
        check(&["oom-kill-logged", "heap-leak-suspect"], &[("oom-leak", Strong)]);
        check(&["unhandled-exception-logged"], &[("unhandled-exception", Strong)]);
        check(
            &["unhandled-exception-logged", "thread-exception-logged"],
            &[("unhandled-exception", Strong), ("thread-exception", Moderate)],
        );
        check(
            &["files-exhausted", "heap-open-descriptors", "crash-external-kill"],
            &[("files-exhausted", Moderate), ("external-kill", Moderate)],
        );
        check(
            &["files-exhausted", "crash-null-dereference"],
            &[("null-dereference", Strong), ("files-exhausted", Strong)],
        );
        check(&["no-crash", "exception-in-flight"], &[("no-crash", Strong)]);
        check(&["crash-use-after-free"], &[("use-after-free", Strong)]);
        check(&["crash-file-truncated"], &[("file-truncated", Strong)]);
        check(&["crash-divide-by-zero"], &[("divide-by-zero", Strong)]);
        check(&["crash-illegal-instruction"], &[("illegal-instruction", Strong)]);
        check(&["crash-own-signal"], &[("own-signal", Strong)]);
        check(&["crash-resource-limit"], &[("resource-limit", Strong)]);
        check(&["unhandled-exception", "exception-in-flight"], &[("unhandled-exception", Strong)]);
        check(&["no-crash", "deadlock"], &[("deadlock", Strong), ("no-crash", Moderate)]);
        check(&["no-crash", "gil-starvation"], &[("gil-starvation", Strong), ("no-crash", Moderate)]);
        check(&["no-crash", "lock-abandoned"], &[("lock-abandoned", Strong), ("no-crash", Moderate)]);
        check(&["no-crash", "await-circle"], &[("await-circle", Strong), ("no-crash", Moderate)]);
        check(&["no-crash", "all-idle"], &[("no-crash", Strong)]);
        check(
            &["crash-external-kill", "worker-timeout", "deadlock"],
            &[("deadlock", Strong), ("worker-timeout", Strong), ("external-kill", Moderate)],
        );
        check(
            &["abort-called", "allocation-failed", "heap-leak-suspect", "memory-rising"],
            &[("allocation-leak", Strong), ("allocation-failed", Strong), ("abort-called", Strong)],
        );
        check(
            &["abort-called", "allocation-failed", "heap-leak-suspect"],
            &[("allocation-pile", Moderate), ("allocation-failed", Strong), ("abort-called", Strong)],
        );
        check(&["allocation-failed", "heap-leak-suspect", "heap-level"], &[("allocation-failed", Strong)]);
        check(
            &["crash-external-kill", "worker-timeout", "all-idle"],
            &[("worker-timeout", Moderate), ("external-kill", Moderate)],
        );
        check(&["oom-kill-logged"], &[("oom-kill", Strong)]);
        check(&["container-oom-killed", "oom-flag-contradicted"], &[("oom-kill", Moderate)]);
        check(&["oom-kill-logged", "memory-jumped"], &[("oom-spike", Strong)]);
        check(&["memory-rising"], &[("memory-growth", Moderate)]);
        check(&["exit-code-137"], &[("external-kill", Strong)]);
        check(&["crash-abort", "heap-corrupted"], &[("heap-corruption", Strong)]);
        check(&["files-exhausted"], &[("files-exhausted", Strong)]);
        check(&["disk-full"], &[("disk-full", Strong)]);
        check(
            &["allocation-failed", "threads-exhausted"],
            &[("allocation-failed", Strong), ("threads-exhausted", Strong)],
        );
        check(&["change-before-symptom", "deadlock"], &[("deadlock", Strong), ("recent-change", Weak)]);
        check(
            &["no-crash", "task-exception-never-retrieved"],
            &[("no-crash", Strong), ("task-exception-never-retrieved", Weak)],
        );
        check(
            &["crash-illegal-instruction", "module-replaced"],
            &[("illegal-instruction", Strong), ("module-replaced", Weak)],
        );
    }

    #[test]
    fn what_only_contributes() {
        let check = |ids: &[&'static str], id: &str, expected: Role| {
            let findings: Vec<Finding> =
                ids.iter().map(|id| Finding::new(*id, Severity::Error, Confidence::Strong, *id)).collect();
            let causes = rank(&findings, None);
            let found = causes.iter().find(|cause| cause.id == id).map(|cause| cause.role);
            assert_eq!(found, Some(expected), "{id} of {ids:?}");
            assert_eq!(causes.first().map(|cause| cause.role), Some(Role::ProbableCause), "of {ids:?}");
        };
        check(&["no-crash", "deadlock"], "deadlock", Role::ProbableCause);
        check(&["crash-null-dereference", "deadlock"], "deadlock", Role::ContributingFactor);
        check(
            &["crash-null-dereference", "fault-in-extension"],
            "fault-in-extension",
            Role::ContributingFactor,
        );
        check(&["crash-use-after-free", "foreign-extension"], "foreign-extension", Role::ContributingFactor);
        check(&["crash-external-kill", "heap-leak-suspect"], "memory-growth", Role::ContributingFactor);
        check(&["crash-external-kill", "worker-timeout", "deadlock"], "worker-timeout", Role::Consequence);
        check(&["allocation-failed", "memory-rising"], "allocation-failed", Role::Consequence);
        check(&["allocation-failed"], "allocation-failed", Role::ProbableCause);
        check(
            &["crash-null-dereference", "allocation-failed", "heap-grown"],
            "allocation-leak",
            Role::ContributingFactor,
        );
    }

    #[test]
    fn another_process_is_no_strong_cause() {
        let check = |pid, expected| {
            let finding = Finding::new("oom-kill-logged", Severity::Critical, Confidence::Certain, "x");
            assert_eq!(rank(&[finding.about("process 8")], pid)[0].confidence, expected);
        };
        check(Some(8), Confidence::Strong);
        check(None, Confidence::Strong);
        check(Some(7), Confidence::Weak);
    }

    #[test]
    fn nothing_is_certain() {
        let certain = Finding::new("crash-null-dereference", Severity::Critical, Confidence::Certain, "x");
        assert_eq!(rank(&[certain], None)[0].confidence, Confidence::Strong);
    }

    /// Rules speak of findings by their ids; an id that no producer states is a rule that never applies.
    #[test]
    fn every_id_is_stated_by_a_producer() {
        let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut sources = String::new();
        let mut left: Vec<std::path::PathBuf> = ["coredump", "heap", "logscan", "telemetry"]
            .iter()
            .map(|name| crates.join(name).join("src"))
            .collect();
        left.push(crates.join("report/src/findings"));
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                sources.push_str(&std::fs::read_to_string(path).unwrap_or_default());
            }
        }
        for rule in RULES {
            let reasons = rule.raised_by.iter().chain(rule.against).map(|(id, _)| *id);
            let ids = rule.needs.iter().copied().flatten().chain(rule.yields_to).chain(rule.contributes_to);
            for id in ids.copied().chain(reasons) {
                assert!(sources.contains(&format!("\"{id}\"")), "{id}, of rule {}", rule.id);
            }
            assert!(
                !rule.needs.is_empty() && !rule.refuted_if.is_empty() && !rule.next.is_empty(),
                "{}",
                rule.id
            );
        }
    }
}
