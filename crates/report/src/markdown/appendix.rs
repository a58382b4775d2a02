use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::{clock_text, count, grouped, size};
use super::timeline::{HEAD, cells};
use crate::Incident;
use crate::timeline::MOST_KEY_EVENTS;

/// Most events of the full timeline.
const MOST_EVENTS: usize = 500;

/// What all of it rests on.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    register(page, incident);
    method(page, incident);
    all_events(page, incident);
}

fn register(page: &mut Page, incident: &Incident) {
    page.heading(2, "Evidence register");
    if incident.sources.is_empty() {
        page.paragraph("No file is registered.");
    }
    page.table(
        ["No.", "File", "Kind", "Size", "SHA-256", "Span (UTC)"],
        incident.sources.iter().map(|source| {
            let digest = source.sha256.as_deref().map_or_else(|| "not hashed".into(), code);
            let log = incident.logs.iter().flat_map(|logs| &logs.sources).find(|log| log.path == source.path);
            let span = log.map_or_else(Inert::default, |log| {
                Inert::join([clock_text(log.first.as_deref()), clock_text(log.last.as_deref())], " to ")
            });
            [
                prose(&source.id.to_string()),
                code(&source.path),
                prose(&source.kind),
                size(source.bytes),
                digest,
                span,
            ]
        }),
    );
}

fn method(page: &mut Page, incident: &Incident) {
    page.heading(2, "Method and redactions");
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

fn all_events(page: &mut Page, incident: &Incident) {
    if incident.timeline.len() <= MOST_KEY_EVENTS {
        return;
    }
    page.heading(2, "Appendix: all events");
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
