use pycoroner_findings::Event;

use super::cite;
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::{moment, span};
use crate::Incident;
use crate::views::detection::detection;
use crate::views::missing::has_alerts;

/// When it began against when somebody was told, and when it was over.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    let turns = detection(incident);
    let rows = [
        ("Last change before it", turns.change),
        ("First symptom", turns.symptom),
        ("First alert", turns.alert),
        ("First sign of a new start", turns.restart),
        ("Last end of an alert", turns.resolved),
    ];
    let mut shown: Vec<[Inert; 4]> = rows
        .into_iter()
        .filter_map(|(name, event)| {
            let event = event?;
            Some([name.into(), event.at.map(moment)?, what(event), cite::citations(&event.citation)])
        })
        .collect();
    if let Some(at) = incident.died_at {
        let row = ["The process stopped".into(), moment(at), "".into(), "".into()];
        let place = shown.iter().position(|other| other[1].as_str() > row[1].as_str()).unwrap_or(shown.len());
        shown.insert(place, row);
    }
    if shown.is_empty() {
        page.paragraph("No source states a time at which it began.");
    }
    page.table(["", "Time (UTC)", "What", "Source"], shown);
    let delay = match (turns.delay_ms(), turns.alert) {
        (Some(ms), _) if ms >= 0 => Inert::from("The first alert came ")
            .then(span(ms))
            .then(" after the first symptom that these files show."),
        (Some(ms), _) => Inert::from("The first alert came ")
            .then(span(-ms))
            .then(" before the first symptom that these files show."),
        (None, Some(_)) => "An alert fired; no symptom before it has a time.".into(),
        (None, None) if has_alerts(incident) => {
            "The alerts that were given list none that was pending or firing when they were exported.".into()
        }
        (None, None) => "No alert is among the evidence: whether one fired is not known.".into(),
    };
    page.paragraph(delay);
}

fn what(event: &Event) -> Inert {
    prose(&event.kind).then(": ").then(code(&event.message))
}
