use super::clock::Clock;
use super::inert::{Inert, code, path, prose};
use super::page::Page;
use super::quantity::{count, grouped, size};
use super::timeline::{HEAD, cells};
use crate::Incident;
use crate::timeline::{are_all, key_rows};
use crate::views::coverage::{Coverage, coverage};
use crate::views::kinds::given;

/// Most events of the full timeline.
const MOST_EVENTS: usize = 500;
/// Digits of a hash in the register.
const DIGITS: usize = 12;

/// The files that all of it rests on.
pub(crate) fn render_register(page: &mut Page, incident: &Incident) {
    if incident.sources.is_empty() {
        page.paragraph("No file is registered.");
        return;
    }
    let kinds =
        given(incident).into_iter().map(|(files, word)| Inert::from(files).then(" ").then(prose(&word)));
    page.paragraph(Inert::from("Given: ").then(Inert::join(kinds, ", ")).then("."));
    let clock = Clock::of(incident);
    page.table(
        ["No.", "File", "Kind", "SHA-256", "From and to (UTC)", "Understood"],
        coverage(incident).iter().map(|row| file(&clock, row)),
    );
    let masked = incident.redactions.iter().fold(0, |sum: u64, row| sum.saturating_add(row.count));
    if masked > 0 {
        let values = count(usize::try_from(masked).unwrap_or(usize::MAX), "value was", "values were");
        page.paragraph(values.then(" masked in what is told of them; by which rules stands at the end."));
    }
    let hashed = || incident.sources.iter().filter_map(|source| Some((source.id, source.sha256.as_deref()?)));
    if hashed().next().is_some() {
        page.details("The hashes in full", |page| {
            page.table(
                ["No.", "SHA-256"],
                hashed().map(|(id, digest)| [prose(&id.to_string()), code(digest)]),
            );
        });
    }
}

/// One row of the register.
fn file(clock: &Clock, row: &Coverage) -> [Inert; 6] {
    let source = row.source;
    // As many digits as a citation has of its own: to be compared at a glance.
    let digest = source.sha256.as_deref().map_or_else(
        || "not hashed".into(),
        |digest| code(&digest.chars().take(DIGITS).chain(['…']).collect::<String>()),
    );
    let span = row.span.map_or_else(Inert::default, |(first, last)| clock.range(first, last));
    let percent = row.parsed_percent.map_or_else(Inert::default, |percent| {
        // 99.96 % is not all of it.
        let shown = if percent < 100.0 { percent.min(99.9) } else { percent };
        prose(&if shown < 100.0 { format!("{shown:.1} %") } else { "all".to_owned() })
    });
    let records = row.records.map_or_else(Inert::default, |records| {
        grouped(records).then(if records == 1 { " record" } else { " records" })
    });
    let shifted = source.shifted_ms.map_or_else(Inert::default, |millis| {
        let (sign, millis) = (if millis < 0 { '-' } else { '+' }, millis.unsigned_abs());
        prose(&format!("(all times shifted by {sign}{}.{:03} s)", millis / 1000, millis % 1000))
    });
    [
        prose(&source.id.to_string()),
        path(&source.path),
        Inert::join([prose(&source.kind), size(source.bytes)], ", "),
        digest,
        Inert::join([Inert::join([span, shifted], " "), row.clock.into()], ", "),
        Inert::join([percent, records], ", "),
    ]
}

/// How it was read, and what was masked.
pub(crate) fn render_method(page: &mut Page, incident: &Incident) {
    page.paragraph(
        "Read from the files in the register alone. *Observed* stands in the evidence as it is, *derived* was computed \
         from it by fixed rules, *inferred* is a conclusion to which another reading is possible. Times are UTC.",
    );
    if let Some(python) = incident.core.as_ref().map(|core| &core.process.python) {
        let located = python.located_by.as_deref().map_or_else(Inert::default, located);
        let layout = Inert::join(python.layout_from.iter().map(|from| layout(from)), ", then ");
        let layout = if layout.is_empty() {
            layout
        } else {
            Inert::from("where its structures have their members is known from ").then(layout)
        };
        let both = Inert::join([located, layout], "; ");
        if !both.is_empty() {
            page.paragraph(both.then("."));
        }
    }
}

/// How the interpreter's state was found in the core.
fn located(by: &str) -> Inert {
    match by {
        "symbol" => "The interpreter's state was found by its symbol in the interpreter's file".into(),
        "section" => "The interpreter's state was found by its section in the interpreter's file".into(),
        "cookie" => "The interpreter's state was found by the mark with which it begins in memory".into(),
        "scan" => {
            "The interpreter's state was found by searching the core's memory for it, without the interpreter's file".into()
        }
        "recovered" => {
            "The interpreter's state is lost from the core; what is shown was recovered from what is left".into()
        }
        other => Inert::from("The interpreter's state was found by ").then(prose(other)),
    }
}

/// Where the offsets of its members come from.
fn layout(from: &str) -> Inert {
    match from {
        "debug-offsets" => "the table that the interpreter itself keeps in memory".into(),
        "dwarf" => "the debug information of the interpreter's file".into(),
        "table" => "pycoroner's own table for this version of Python, checked against the core".into(),
        other => prose(other),
    }
}

/// What was masked.
pub(crate) fn render_redactions(page: &mut Page, incident: &Incident) {
    if incident.redactions.is_empty() {
        page.paragraph("Nothing was masked. Secrets without a telling name or form are not recognised: treat this report as confidential.");
        return;
    }
    page.paragraph("What looked like a secret was masked as `<redacted>`; others may remain: treat this report as confidential. The counts are of the whole incident as its JSON has it, of which this report shows a part.");
    page.table(
        ["Rule", "Masks", "Times"],
        incident.redactions.iter().map(|redaction| {
            [code(&redaction.rule), prose(&redaction.description), grouped(redaction.count)]
        }),
    );
}

/// All events, when the timeline has not all of them one by one.
pub(crate) fn render_events(page: &mut Page, incident: &Incident) {
    if are_all(&key_rows(incident)) {
        return;
    }
    let clock = Clock::of(incident);
    page.details(count(incident.timeline.len(), "event", "events"), |page| {
        page.table(HEAD, incident.timeline.iter().take(MOST_EVENTS).map(|event| cells(&clock, event)));
    });
    if incident.timeline.len() > MOST_EVENTS {
        page.paragraph(
            count(incident.timeline.len() - MOST_EVENTS, "more event is", "more events are")
                .then(" not shown."),
        );
    }
}
