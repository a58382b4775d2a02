use std::collections::BTreeSet;

use pycoroner_findings::{Confidence, Gap, GapKind};

use super::inert::{Inert, prose};
use super::page::Page;
use super::unknowns::to_get;
use crate::causes::{self, Role};
use crate::views::missing::missing;
use crate::{Cause, Incident};

/// How often the chain of whys is asked.
const WHYS: usize = 5;
/// Most suggestions.
const MOST_ACTIONS: usize = 8;

/// The chain of whys, seeded from the causes.
pub(crate) fn render_whys(page: &mut Page, incident: &Incident) {
    page.numbered(whys(incident));
}

/// From the effect back to the cause, as far as the evidence carries it; the rest is for people.
fn whys(incident: &Incident) -> Vec<Inert> {
    let known: Vec<Cause> = incident.causes.iter().filter(|cause| cause.id != "unknown").cloned().collect();
    let said = |question: &'static str, cause: &Cause, end: &'static str| {
        Inert::from(question).then(prose(&cause.statement)).then(end)
    };
    let mut chain: Vec<Inert> = causes::chain(&known)
        .into_iter()
        .zip(["Why did it stop?"].into_iter().chain(std::iter::repeat("Why was that?")))
        .map(|(cause, question)| {
            Inert::from(question).then(said(" Consistent with the evidence: “", cause, "”."))
        })
        .collect();
    if chain.is_empty() {
        chain.push("Why did it stop? Not explained by the evidence. What do we know besides? ____".into());
    }
    // A weak sign is no link of a chain, and neither is what the cause itself rests on.
    let adds = |cause: &&Cause| {
        cause.role == Role::ContributingFactor
            && cause.confidence > Confidence::Weak
            && known
                .first()
                .is_some_and(|first| !cause.findings.iter().all(|one| first.findings.contains(one)))
    };
    let rest = (WHYS - 1).saturating_sub(chain.len());
    let factors = known.iter().skip(1).filter(adds).take(rest);
    chain.extend(
        factors.map(|cause| said("Why was that possible? It may have to do with: “", cause, "”. ____")),
    );
    while chain.len() < WHYS {
        chain.push("And why was that? ____".into());
    }
    chain
}

/// Suggestions only for evidence that was missing; what to change is for people.
pub(crate) fn render_actions(page: &mut Page, incident: &Incident) {
    // What was not given is told below; and how much of it was looked at is no matter of the service.
    let is_of_service = |gap: &&Gap| !matches!(gap.kind, GapKind::Missing | GapKind::Limit);
    let remedies: BTreeSet<&str> =
        incident.gaps.iter().filter(is_of_service).filter_map(|gap| gap.remedy.as_deref()).collect();
    let of_gaps = remedies
        .into_iter()
        .map(|remedy| Inert::from("Suggested, to have the evidence next time: ").then(prose(remedy)));
    let not_given = missing(incident);
    let of_missing = not_given
        .iter()
        .filter(|row| !row.still)
        .map(|row| Inert::from("Suggested, to have ").then(row.what).then(" next time: ").then(to_get(row)));
    let suggested = of_missing
        .chain(of_gaps)
        .take(MOST_ACTIONS)
        .map(|action| ["detect".into(), action, "".into(), "".into()]);
    let open = ["prevent", "detect", "mitigate"].map(|kind| [kind.into(), "".into(), "".into(), "".into()]);
    page.table(["Kind", "Action", "Owner (team)", "Due"], open.into_iter().chain(suggested));
}
