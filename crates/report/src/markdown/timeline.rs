use pycoroner_findings::{Event, Severity, Timestamp};

use super::cite;
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::{basis, count, moment, offset, span, uncertainty};
use crate::Incident;
use crate::timeline::{Alike, MOST_KEY_EVENTS, Row, key_rows};

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
            Row::Event(alike) => alike_cells(alike, incident.died_at),
        }),
    );
}

pub(crate) const HEAD: [&str; 5] = ["Time (UTC)", "From the end", "Known by", "Event", "Source"];

/// Events that are alike as one row: the first, how many there were, and until when.
fn alike_cells(alike: &Alike, died_at: Option<Timestamp>) -> [Inert; 5] {
    let pids = alike.pids();
    let [time, from_end, known, _, source] = cells(alike.first, died_at);
    let pid = pids.first().filter(|_| pids.len() == 1);
    let mut what = text(alike.first, pid.copied());
    if alike.times() > 1 {
        let times = Inert::from(alike.times()).then(if alike.is_one_text() { " times" } else { " alike" });
        let processes = (pids.len() > 1).then(|| Inert::from("of ").then(pids.len()).then(" processes"));
        let last = alike.last_at().map(|last| Inert::from("last at ").then(moment(last)));
        let more = Inert::join([Some(times), processes, last].into_iter().flatten(), ", ");
        what = what.then(" (").then(more).then(")");
    }
    [time, from_end, known, what, source]
}

/// One event as a row.
pub(crate) fn cells(event: &Event, died_at: Option<Timestamp>) -> [Inert; 5] {
    let time = event.at.map_or_else(|| "unknown".into(), moment);
    let from_end = match (event.at, died_at) {
        (Some(at), Some(death)) => offset(at.time, death.time),
        _ => Inert::default(),
    };
    let known = event
        .at
        .map_or_else(Inert::default, |at| Inert::join([basis(at.basis).into(), uncertainty(at)], " "));
    [time, from_end, known, text(event, event.pid), cite::citations(&event.citation)]
}

/// What happened, and to which process where that is one.
fn text(event: &Event, pid: Option<u64>) -> Inert {
    let mark = match event.severity {
        Severity::Critical => "**",
        Severity::Info | Severity::Warning | Severity::Error => "",
    };
    let kind = Inert::from(mark).then(prose(&event.kind)).then(mark);
    let pid = pid.map_or_else(Inert::default, |pid| Inert::from("(pid ").then(pid).then(")"));
    Inert::join([kind.then(":"), code(&event.message), pid], " ")
}
