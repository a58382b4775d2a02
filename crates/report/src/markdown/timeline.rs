use pycoroner_findings::{Event, Severity, Timestamp};

use super::cite;
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::{basis, clock, count, offset, span, uncertainty};
use crate::Incident;
use crate::timeline::{MOST_KEY_EVENTS, Row, key_rows};

/// The key events, in order, as a picture to scale and as a table.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    if incident.timeline.is_empty() {
        page.paragraph("No event was found in the evidence.");
        return;
    }
    let rows = key_rows(&incident.timeline, incident.died_at);
    if incident.timeline.len() > MOST_KEY_EVENTS {
        page.paragraph(
            Inert::from("The key events out of ")
                .then(incident.timeline.len())
                .then("; all are in the appendix."),
        );
    }
    page.mermaid(&super::gantt::lines(incident, &rows));
    page.table(
        HEAD,
        rows.iter().map(|row| match row {
            Row::LeftOut(events) => {
                let text = Inert::from("… ")
                    .then(count(*events, "more event", "more events"))
                    .then(" in the appendix");
                ["".into(), "".into(), "".into(), text, "".into()]
            }
            Row::Quiet(ms) => {
                let text = Inert::from("⋯ ").then(span(*ms)).then(" in which no source tells of anything ⋯");
                ["".into(), "".into(), "".into(), text, "".into()]
            }
            Row::Event { event, times, last } => {
                let mut cells = cells(event, incident.died_at);
                if *times > 1 {
                    let until = last
                        .map_or_else(Inert::default, |last| Inert::from(", last at ").then(clock(last.time)));
                    cells[3] = cells[3].clone().then(" (").then(*times).then(" times").then(until).then(")");
                }
                cells
            }
        }),
    );
}

pub(crate) const HEAD: [&str; 5] = ["Time (UTC)", "From the end", "Known by", "Event", "Source"];

/// One event as a row.
pub(crate) fn cells(event: &Event, died_at: Option<Timestamp>) -> [Inert; 5] {
    let time = event.at.map_or_else(|| "unknown".into(), |at| clock(at.time));
    let from_end = match (event.at, died_at) {
        (Some(at), Some(death)) => offset(at.time, death.time),
        _ => Inert::default(),
    };
    let known = event
        .at
        .map_or_else(Inert::default, |at| Inert::join([basis(at.basis).into(), uncertainty(at)], " "));
    let mark = match event.severity {
        Severity::Critical => "**",
        Severity::Info | Severity::Warning | Severity::Error => "",
    };
    let kind = Inert::from(mark).then(prose(&event.kind)).then(mark);
    let pid = event.pid.map_or_else(Inert::default, |pid| Inert::from("(pid ").then(pid).then(")"));
    let what = Inert::join([kind.then(":"), code(&event.message), pid], " ");
    [time, from_end, known, what, cite::citations(&event.citation)]
}
