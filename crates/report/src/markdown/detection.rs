use pycoroner_findings::{Event, UtcTime};

use super::cite;
use super::clock::Clock;
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::span;
use super::timeline::kind_in_words;
use crate::Incident;
use crate::views::detection::detection;
use crate::views::missing::has_alerts;

/// When it began against when somebody was told, and when it was over.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    let turns = detection(incident);
    let clock = Clock::of(incident);
    let rows = [
        ("Last change before it", turns.change),
        ("First symptom", turns.symptom),
        ("First alert", turns.alert),
        ("First sign of a new start", turns.restart),
        ("Last end of an alert", turns.resolved),
    ];
    let mut turned: Vec<(UtcTime, [Inert; 4])> = rows
        .into_iter()
        .filter_map(|(name, event)| {
            let event = event?;
            let at = event.at?;
            Some((at.time, [name.into(), clock.stamp(at), what(event), cite::citations(&event.citation)]))
        })
        .collect();
    if let Some(at) = incident.died_at {
        let row = ["The process stopped".into(), clock.stamp(at), "".into(), "".into()];
        turned.push((at.time, row));
    }
    turned.sort_by_key(|(time, _)| *time);
    let shown: Vec<[Inert; 4]> = turned.into_iter().map(|(_, row)| row).collect();
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
    prose(&kind_in_words(&event.kind)).then(": ").then(code(&event.message))
}
