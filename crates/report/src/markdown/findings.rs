use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use super::cite;
use super::inert::{Inert, code, prose};
use super::page::Page;
use crate::{Cause, Command, Effect, Incident, Reason, Role};

/// Most observations of one finding.
const MOST_EVIDENCE: usize = 12;

/// What was concluded, each with what speaks for and against it.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    if incident.findings.is_empty() {
        let none = if incident.gaps.is_empty() {
            "None."
        } else {
            "None; but see the gaps: what was not read may hold some."
        };
        page.paragraph(none);
    }
    for (index, finding) in incident.findings.iter().enumerate() {
        page.heading(3, number(index).then(": ").then(prose(&finding.title)));
        let refuted = finding.refuted_if.iter().map(|what| Inert::from("**refuted if:** ").then(prose(what)));
        let said: Vec<Inert> = evidence("", &finding.evidence)
            .chain(evidence("**against:** ", &finding.against))
            .chain(refuted)
            .collect();
        // What is only worth knowing is there for those who look.
        if finding.severity == Severity::Info {
            let known = Inert::from("info, confidence: ").then(confidence(finding.confidence));
            page.details(known, |page| {
                page.paragraph(strength(finding));
                page.list(said);
            });
        } else {
            page.paragraph(strength(finding));
            page.list(said);
        }
        if finding.evidence.is_empty() {
            page.paragraph("No evidence was given for it.");
        }
    }
}

fn strength(finding: &Finding) -> Inert {
    let severity = match finding.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
        Severity::Critical => "critical",
    };
    let subject = finding.subject.as_deref().map_or_else(Inert::default, code);
    let id = code(&finding.id);
    Inert::join(
        [severity.into(), Inert::from("confidence: ").then(confidence(finding.confidence)), subject, id],
        " · ",
    )
}

fn evidence<'a>(label: &'static str, all: &'a [Evidence]) -> impl Iterator<Item = Inert> + 'a {
    all.iter().take(MOST_EVIDENCE).map(move |evidence| {
        let basis = match evidence.basis {
            Basis::Observed => "Observed: ",
            Basis::Derived => "Derived: ",
            Basis::Inferred => "Inferred: ",
        };
        let statement = Inert::from(label).then(basis).then(prose(&evidence.statement));
        Inert::join([statement, cite::citations(evidence.citations.iter().take(8))], " ")
    })
}

/// At most five causes, to be accepted or rejected by people.
pub(crate) fn render_causes(page: &mut Page, incident: &Incident) {
    for (rank, cause) in incident.causes.iter().enumerate() {
        page.heading(3, Inert::from(rank + 1).then(": ").then(prose(&cause.statement)));
        let from = numbers(needed(cause));
        let from = if from.is_empty() { "no finding".into() } else { from };
        let role = match cause.role {
            Role::ProbableCause => "Probable cause",
            Role::ContributingFactor => "Contributing factor",
            Role::Consequence => "What another cause led to",
        };
        page.paragraph(
            Inert::from(role)
                .then("; confidence: ")
                .then(how_sure(cause))
                .then("; rests on ")
                .then(from)
                .then("."),
        );
        let raised = cause.raised_by.iter().map(|why| reason("more likely: ", why, cause));
        let against = cause.against.iter().map(|why| reason("**against:** ", why, cause));
        let refuted = Some(&cause.refuted_if).filter(|text| !text.is_empty());
        let refuted = refuted.map(|text| Inert::from("refuted if: ").then(prose(text)));
        let next = Inert::from("next: ").then(prose(&cause.next));
        let commands = cause.commands.iter().map(|one| Inert::from("run: ").then(command(one)));
        let boxes = ["[ ] accept".into(), "[ ] reject".into()];
        page.list(raised.chain(against).chain(refuted).chain([next]).chain(commands).chain(boxes));
    }
}

/// The findings without which it would be no cause.
fn needed(cause: &Cause) -> &[usize] {
    if cause.needs.is_empty() { &cause.findings } else { &cause.needs }
}

/// A command, and what it shows.
pub(crate) fn command(command: &Command) -> Inert {
    code(&command.command).then(" (").then(prose(&command.tells)).then(")")
}

/// A reason, with the findings that it speaks of.
fn reason(label: &'static str, why: &str, cause: &Cause) -> Inert {
    let known = cause.reasons.iter().find(|reason| reason.why == why);
    let from = known.map_or_else(Inert::default, |reason| numbers(&reason.findings));
    let said = Inert::from(label).then(prose(why));
    if from.is_empty() { said } else { said.then(" (").then(from).then(")") }
}

/// The confidence, and what made it other than that of the findings that it rests on.
fn how_sure(cause: &Cause) -> Inert {
    let sure = Inert::from(confidence(cause.confidence));
    let changed = |reason: &&Reason| reason.from.is_some();
    let bound = cause.reasons.iter().filter(changed).find(|reason| reason.effect == Effect::Bounds);
    // Where a bound holds it down, nothing else matters.
    let changes: Vec<Inert> = match bound {
        Some(reason) => vec![change(reason)],
        None => cause.reasons.iter().filter(changed).map(change).collect(),
    };
    let Some(alone) = cause.alone.filter(|_| !changes.is_empty()) else { return sure };
    let alone = numbers(needed(cause)).then(" alone: ").then(confidence(alone));
    sure.then(" (").then(Inert::join([alone].into_iter().chain(changes), "; ")).then(")")
}

/// `, from F-02, raised by F-05`.
pub(crate) fn basis(cause: &Cause) -> Inert {
    let from = numbers(needed(cause));
    let from = if from.is_empty() { from } else { Inert::from(", from ").then(from) };
    cause.reasons.iter().filter(|reason| reason.from.is_some()).fold(from, |said, reason| {
        let by = numbers(&reason.findings);
        match reason.effect {
            Effect::Raises => said.then(", raised by ").then(by),
            Effect::Lowers => said.then(", lowered by ").then(by),
            Effect::Bounds => said,
        }
    })
}

fn change(reason: &Reason) -> Inert {
    let verb = match reason.effect {
        Effect::Raises => "raised",
        Effect::Lowers => "lowered",
        Effect::Bounds => "held down",
    };
    let from = numbers(&reason.findings);
    let by = if from.is_empty() { from } else { Inert::from(" by ").then(from) };
    Inert::from(verb).then(by).then(": ").then(prose(&reason.why))
}

/// `F-01`, for the first.
pub(crate) fn number(index: usize) -> Inert {
    prose(&format!("F-{:02}", index + 1))
}

pub(crate) fn numbers(indexes: &[usize]) -> Inert {
    Inert::join(indexes.iter().map(|index| number(*index)), ", ")
}

pub(crate) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Weak => "weak",
        Confidence::Moderate => "moderate",
        Confidence::Strong => "strong",
        Confidence::Certain => "certain",
    }
}
