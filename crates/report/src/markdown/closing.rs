use std::collections::BTreeSet;

use pycoroner_findings::Confidence;

use super::inert::{Inert, code, prose};
use super::page::Page;
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

/// The chain as far as the evidence carries it; the rest is for people.
fn whys(incident: &Incident) -> Vec<Inert> {
    let known: Vec<&Cause> = incident.causes.iter().filter(|cause| cause.id != "unknown").collect();
    let mut chain = vec![match known.first() {
        Some(cause) => Inert::from("Why did it stop? Consistent with the evidence: “")
            .then(prose(&cause.statement))
            .then("”."),
        None => "Why did it stop? Not explained by the evidence. What do we know besides? ____".into(),
    }];
    // A weak sign is no link of a chain.
    let links = known.iter().skip(1).filter(|cause| cause.confidence > Confidence::Weak);
    for cause in links.take(WHYS - 2) {
        chain.push(
            Inert::from("Why was that possible? It may have to do with: “")
                .then(prose(&cause.statement))
                .then("”. ____"),
        );
    }
    while chain.len() < WHYS {
        chain.push("And why was that? ____".into());
    }
    chain
}

/// Suggestions only for evidence that was missing; what to change is for people.
pub(crate) fn render_actions(page: &mut Page, incident: &Incident) {
    let remedies: BTreeSet<&str> = incident.gaps.iter().filter_map(|gap| gap.remedy.as_deref()).collect();
    let of_gaps = remedies
        .into_iter()
        .map(|remedy| Inert::from("Suggested, to have the evidence next time: ").then(prose(remedy)));
    let not_given = missing(incident);
    let of_missing = not_given.iter().filter(|row| !row.still).map(|row| {
        Inert::from("Suggested, to have ").then(row.what).then(" next time: ").then(code(&row.command))
    });
    let suggested = of_missing
        .chain(of_gaps)
        .take(MOST_ACTIONS)
        .map(|action| ["detect".into(), action, "".into(), "".into()]);
    let open = ["prevent", "detect", "mitigate"].map(|kind| [kind.into(), "".into(), "".into(), "".into()]);
    page.table(["Kind", "Action", "Owner (team)", "Due"], open.into_iter().chain(suggested));
}
