use std::collections::BTreeSet;

use pycoroner_findings::GapKind;

use super::cite;
use super::inert::{Inert, prose};
use super::page::Page;
use super::quantity::count;
use crate::Incident;

/// Most gaps in the table.
const MOST_GAPS: usize = 40;

/// What is unknown, what to talk about, and what to do.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    gaps(page, incident);
    retro(page, incident);
    actions(page, incident);
}

fn gaps(page: &mut Page, incident: &Incident) {
    page.heading(2, "Gaps and unknowns");
    if incident.gaps.is_empty() {
        page.paragraph("All evidence that was given was read to its end.");
        return;
    }
    page.table(
        ["Missing", "Why", "Kind", "What would have got it", "Source"],
        incident.gaps.iter().take(MOST_GAPS).map(|gap| {
            let remedy = gap.remedy.as_deref().map_or_else(Inert::default, prose);
            [
                prose(&gap.what),
                prose(&gap.why),
                gap_kind(gap.kind).into(),
                remedy,
                cite::citations(&gap.citation),
            ]
        }),
    );
    if incident.gaps.len() > MOST_GAPS {
        page.paragraph(
            count(incident.gaps.len() - MOST_GAPS, "more gap is", "more gaps are").then(" not shown."),
        );
    }
}

pub(crate) fn gap_kind(kind: GapKind) -> &'static str {
    match kind {
        GapKind::Truncated => "truncated",
        GapKind::NotDumped => "not dumped",
        GapKind::Unmapped => "unmapped",
        GapKind::Corrupt => "corrupt",
        GapKind::Unknown => "not understood",
        GapKind::Limit => "limit reached",
        GapKind::Missing => "missing",
    }
}

fn retro(page: &mut Page, incident: &Incident) {
    page.heading(2, "For the retrospective");
    let impact = "Impact: who noticed, for how long, and how many requests failed? ____";
    let detection = "Detection: what told us first, and how long after the first symptom? ____";
    let chain = incident.causes.first().filter(|cause| cause.id != "unknown").map_or_else(
        || Inert::from("Why did it stop? The evidence does not say; what do we know besides? ____"),
        |cause| {
            Inert::from("Consistent with the evidence: “")
                .then(prose(&cause.statement))
                .then("”. Why was that possible? And why that? ____")
        },
    );
    page.list([
        impact.into(),
        detection.into(),
        chain,
        "What surprised us? ____".into(),
        "Where were we lucky? ____".into(),
        "What made the response easier, what made it harder? ____".into(),
    ]);
}

fn actions(page: &mut Page, incident: &Incident) {
    page.heading(3, "Action items");
    let remedies: BTreeSet<&str> = incident.gaps.iter().filter_map(|gap| gap.remedy.as_deref()).collect();
    let suggested = remedies.into_iter().take(5).map(|remedy| {
        [
            "detect".into(),
            Inert::from("Get the missing evidence next time: ").then(prose(remedy)),
            "".into(),
            "".into(),
        ]
    });
    let open = ["prevent", "detect", "mitigate"].map(|kind| [kind.into(), "".into(), "".into(), "".into()]);
    page.table(["Kind", "Action", "Owner (team)", "Due"], suggested.chain(open));
}
