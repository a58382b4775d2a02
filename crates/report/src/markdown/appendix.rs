use super::inert::{Inert, code, path, prose};
use super::page::Page;
use super::quantity::{clock, count, grouped, size};
use super::timeline::{HEAD, cells};
use crate::Incident;
use crate::timeline::MOST_KEY_EVENTS;
use crate::views::coverage::coverage;

/// Most events of the full timeline.
const MOST_EVENTS: usize = 500;

/// The files that all of it rests on.
pub(crate) fn render_register(page: &mut Page, incident: &Incident) {
    if incident.sources.is_empty() {
        page.paragraph("No file is registered.");
    }
    page.table(
        ["No.", "File", "Kind", "Size", "SHA-256", "Span (UTC)", "Clock", "Understood"],
        coverage(incident).into_iter().map(|row| {
            let source = row.source;
            let digest = source.sha256.as_deref().map_or_else(|| "not hashed".into(), code);
            let span = row.span.map_or_else(Inert::default, |(first, last)| {
                Inert::join([clock(first), clock(last)], " to ")
            });
            let percent = row.parsed_percent.map_or_else(Inert::default, |percent| {
                // 99.96 % is not all of it.
                let shown = if percent < 100.0 { percent.min(99.9) } else { percent };
                prose(&format!("{shown:.1} %"))
            });
            let records = row.records.map_or_else(Inert::default, |records| {
                grouped(records).then(if records == 1 { " record" } else { " records" })
            });
            let shifted = source.shifted_ms.map(|millis| {
                let (sign, millis) = (if millis < 0 { '-' } else { '+' }, millis.unsigned_abs());
                prose(&format!("(all times shifted by {sign}{}.{:03} s)", millis / 1000, millis % 1000))
            });
            let span = shifted.map_or(span.clone(), |shifted| Inert::join([span, shifted], " "));
            [
                prose(&source.id.to_string()),
                path(&source.path),
                prose(&source.kind),
                size(source.bytes),
                digest,
                span,
                row.clock.into(),
                Inert::join([percent, records], ", "),
            ]
        }),
    );
}

/// How it was read, and what was masked.
pub(crate) fn render_method(page: &mut Page, incident: &Incident) {
    page.paragraph(
        "Read from the files in the register alone. *Observed* stands in the evidence as it is, *derived* was computed \
         from it by fixed rules, *inferred* is a conclusion to which another reading is possible. Times are UTC.",
    );
    if let Some(python) = incident.core.as_ref().map(|core| &core.process.python) {
        let located = python
            .located_by
            .as_deref()
            .map_or_else(Inert::default, |by| Inert::from("The interpreter was located by ").then(prose(by)));
        let layout = Inert::join(python.layout_from.iter().map(|from| prose(from)), ", ");
        let layout = if layout.is_empty() {
            layout
        } else {
            Inert::from("its structures are known from ").then(layout)
        };
        let both = Inert::join([located, layout], "; ");
        if !both.is_empty() {
            page.paragraph(both.then("."));
        }
    }
}

/// What was masked.
pub(crate) fn render_redactions(page: &mut Page, incident: &Incident) {
    if incident.redactions.is_empty() {
        page.paragraph("Nothing was masked. Secrets without a telling name or form are not recognised: treat this report as confidential.");
        return;
    }
    page.paragraph("What looked like a secret was masked as `<redacted>`; others may remain: treat this report as confidential.");
    page.table(
        ["Rule", "Masks", "Times"],
        incident.redactions.iter().map(|redaction| {
            [code(&redaction.rule), prose(&redaction.description), grouped(redaction.count)]
        }),
    );
}

/// All events, when the timeline has not all of them.
pub(crate) fn render_events(page: &mut Page, incident: &Incident) {
    if incident.timeline.len() <= MOST_KEY_EVENTS {
        return;
    }
    page.details(count(incident.timeline.len(), "event", "events"), |page| {
        page.table(
            HEAD,
            incident.timeline.iter().take(MOST_EVENTS).map(|event| cells(event, incident.died_at)),
        );
    });
    if incident.timeline.len() > MOST_EVENTS {
        page.paragraph(
            count(incident.timeline.len() - MOST_EVENTS, "more event is", "more events are")
                .then(" not shown."),
        );
    }
}
