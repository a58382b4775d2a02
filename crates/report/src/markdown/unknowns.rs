use pycoroner_findings::{Finding, GapKind};

use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::count;
use super::{cite, findings};
use crate::Incident;
use crate::views::missing::{Missing, missing};

/// Most gaps in the table.
const MOST_GAPS: usize = 40;
/// Most rows of conflicts.
const MOST_CONFLICTS: usize = 12;

/// Where sources disagree, what could not be read, and what was not given, with the command that gets it.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    conflicts(page, incident);
    gaps(page, incident);
    not_given(page, incident);
}

fn conflicts(page: &mut Page, incident: &Incident) {
    page.heading(3, "Where the evidence disagrees");
    let contested = |(_, finding): &(usize, &Finding)| {
        !finding.against.is_empty() || finding.id.ends_with("-contradicted")
    };
    let rows: Vec<(usize, &Finding)> = incident.findings.iter().enumerate().filter(contested).collect();
    if rows.is_empty() {
        page.paragraph("No source contradicts another one.");
        return;
    }
    page.table(
        ["Finding", "Says", "What speaks against it", "Source"],
        rows.iter().take(MOST_CONFLICTS).map(|(index, finding)| {
            let against = Inert::join(finding.against.iter().take(3).map(|one| prose(&one.statement)), "; ");
            let cited = finding.against.iter().chain(&finding.evidence).flat_map(|one| &one.citations);
            [findings::number(*index), prose(&finding.title), against, cite::citations(cited.take(3))]
        }),
    );
}

fn gaps(page: &mut Page, incident: &Incident) {
    page.heading(3, "What could not be read, or is shown in part");
    if incident.gaps.is_empty() {
        page.paragraph("All evidence that was given was read to its end.");
        return;
    }
    page.table(
        ["Missing", "Why", "What would have got it"],
        incident.gaps.iter().take(MOST_GAPS).map(|gap| {
            let remedy = gap.remedy.as_deref().map_or_else(Inert::default, prose);
            let kind = gap_kind(gap.kind);
            let is_said = gap.kind == GapKind::Missing || gap.why.contains(kind);
            let kind = if is_said { Inert::default() } else { Inert::from("(").then(kind).then(")") };
            let why = Inert::join([prose(&gap.why), kind, cite::citations(&gap.citation)], " ");
            [prose(&gap.what), why, remedy]
        }),
    );
    if incident.gaps.len() > MOST_GAPS {
        page.paragraph(
            count(incident.gaps.len() - MOST_GAPS, "more gap is", "more gaps are").then(" not shown."),
        );
    }
}

fn not_given(page: &mut Page, incident: &Incident) {
    let missing = missing(incident);
    if missing.is_empty() {
        return;
    }
    page.heading(3, "What was not given");
    page.table(
        ["Evidence", "It would tell", "How to get it", "When"],
        missing.iter().map(|row| {
            let when = if row.still { "now, while it is kept" } else { "before the next time" };
            [row.what.into(), row.tells.into(), to_get(row), when.into()]
        }),
    );
}

/// The command in code, to be copied as it stands, with what is no part of it behind.
pub(crate) fn to_get(row: &Missing) -> Inert {
    let command = if row.command.is_empty() { Inert::default() } else { code(&row.command) };
    let comma = if row.command.is_empty() || row.note.is_empty() { "" } else { ", " };
    command.then(comma).then(row.note)
}

pub(crate) fn gap_kind(kind: GapKind) -> &'static str {
    match kind {
        GapKind::Truncated => "truncated",
        GapKind::NotDumped => "not dumped",
        GapKind::Unmapped => "unmapped",
        GapKind::Corrupt => "corrupt",
        GapKind::Unknown => "not understood",
        GapKind::Limit => "a limit of this report",
        GapKind::Missing => "not given",
    }
}
