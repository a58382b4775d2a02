use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use super::cite;
use super::inert::{Inert, prose};
use super::page::Page;
use crate::{Incident, Role};

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
    let subject = finding.subject.as_deref().map_or_else(Inert::default, super::inert::code);
    let id = super::inert::code(&finding.id);
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
        let from = numbers(&cause.findings);
        let from = if from.is_empty() { "no finding".into() } else { from };
        let role = match cause.role {
            Role::ProbableCause => "Probable cause",
            Role::ContributingFactor => "Contributing factor",
            Role::Consequence => "What another cause led to",
        };
        page.paragraph(
            Inert::from(role)
                .then("; confidence: ")
                .then(confidence(cause.confidence))
                .then("; rests on ")
                .then(from)
                .then("."),
        );
        let raised = cause.raised_by.iter().map(|why| Inert::from("more likely: ").then(prose(why)));
        let against = cause.against.iter().map(|why| Inert::from("**against:** ").then(prose(why)));
        let refuted = Some(&cause.refuted_if).filter(|text| !text.is_empty());
        let refuted = refuted.map(|text| Inert::from("refuted if: ").then(prose(text)));
        let next = Inert::from("next: ").then(prose(&cause.next));
        let boxes = ["[ ] accept".into(), "[ ] reject".into()];
        page.list(raised.chain(against).chain(refuted).chain([next]).chain(boxes));
    }
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
