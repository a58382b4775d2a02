use std::collections::BTreeSet;

use pycoroner_findings::{Event, Severity, TimeBasis};

use super::cite;
use super::clock::Clock;
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::span;
use crate::Incident;
use crate::timeline::{Alike, Row, are_all, key_rows};

/// The key events, in order, as a picture to scale and as a table.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    if incident.timeline.is_empty() {
        page.paragraph("No event was found in the evidence.");
        return;
    }
    let clock = Clock::of(incident);
    let rows = key_rows(incident);
    page.paragraph(introduction(incident, &clock, &rows));
    page.mermaid(&super::gantt::lines(incident, &rows));
    page.table(
        HEAD,
        rows.iter().filter_map(|row| match row {
            Row::LeftOut(_) => None,
            Row::Quiet(ms) => {
                let text = Inert::from("⋯ ").then(span(*ms)).then(" in which no source tells of anything ⋯");
                Some(["".into(), "".into(), text, "".into()])
            }
            Row::Event(alike) => Some(alike_cells(&clock, alike)),
        }),
    );
}

/// Events that are alike as one row: the first, how many there were, and until when.
fn alike_cells(clock: &Clock, alike: &Alike) -> [Inert; 4] {
    let mut row = cells(clock, alike.first);
    if alike.times() > 1 {
        let times = Inert::from(alike.times()).then(if alike.is_one_text() { " times" } else { " alike" });
        let pids = alike.pids().len();
        let processes = (pids > 1).then(|| Inert::from("of ").then(pids).then(" processes"));
        let last = alike.last_at().map(|last| Inert::from("the last at ").then(clock.moment(last)));
        let more = Inert::join([Some(times), processes, last].into_iter().flatten(), ", ");
        row[2] = text(alike.first, pids < 2).then(" (").then(more).then(")");
    }
    row
}

/// What the times are, and where the rest stands.
fn introduction(incident: &Incident, clock: &Clock, rows: &[Row<'_>]) -> Inert {
    let day = clock.day();
    let dates = if day.is_empty() { day } else { Inert::from("; those without a date are of ").then(day) };
    let rest = if are_all(rows) {
        Inert::default()
    } else {
        Inert::from(" These are the key events; the appendix lists all ")
            .then(incident.timeline.len())
            .then(" one by one.")
    };
    Inert::from("Times are UTC").then(dates).then(".").then(unsure(incident)).then(rest)
}

/// Whose times rest on a zone or year that the files do not state.
fn unsure(incident: &Incident) -> Inert {
    let told = |basis: TimeBasis, what: &'static str| {
        let of_basis = incident.timeline.iter().filter(|event| event.at.is_some_and(|at| at.basis == basis));
        let sources: BTreeSet<_> =
            of_basis.filter_map(|event| Some(event.citation.as_ref()?.source)).collect();
        let named = Inert::join(sources.iter().map(|source| prose(&source.to_string())), ", ");
        if named.is_empty() {
            named
        } else {
            Inert::from(what).then(named).then(" is not stated, and assumed.")
        }
    };
    told(TimeBasis::AssumedZone, " The zone of the times of ")
        .then(told(TimeBasis::InferredYear, " The year of the times of "))
}

pub(crate) const HEAD: [&str; 4] = ["Time", "From the end", "Event", "Source"];

/// One event as a row.
pub(crate) fn cells(clock: &Clock, event: &Event) -> [Inert; 4] {
    let time = event.at.map_or_else(|| "unknown".into(), |at| clock.stamp(at));
    let from_end = event.at.map_or_else(Inert::default, |at| clock.until_end(at));
    [time, from_end, text(event, true), cite::citations(&event.citation)]
}

/// What happened, and to which process where it is asked for.
fn text(event: &Event, names_process: bool) -> Inert {
    let mark = match event.severity {
        Severity::Critical => "**",
        Severity::Info | Severity::Warning | Severity::Error => "",
    };
    let kind = Inert::from(mark).then(prose(&kind_in_words(&event.kind))).then(mark);
    // Most messages name the process already.
    let pid = event.pid.filter(|pid| names_process && !event.message.contains(&pid.to_string()));
    let pid = pid.map_or_else(Inert::default, |pid| Inert::from("(pid ").then(pid).then(")"));
    // Outside of the quotation marks: it is not what the source says.
    let detail =
        event.detail.as_deref().map_or_else(Inert::default, |detail| Inert::from("— ").then(prose(detail)));
    Inert::join([kind.then(":"), code(&event.message), detail, pid], " ")
}

/// `worker killed` for `worker-killed`, and the level for what a log said.
pub(crate) fn kind_in_words(kind: &str) -> String {
    kind.strip_prefix("log-").unwrap_or(kind).replace('-', " ")
}
