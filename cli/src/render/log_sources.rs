//! How logs were read, as text: what was taken for what, and what was left over.

use std::fmt::Write as _;

use pycoroner_logscan::{Document, Explanation, FormatUse, LineOrder, LogSource, TimeUse, Unparsed};

use super::inert::{cut, inert};
use super::logs::format_name;
use super::quantity::{bytes, count, counted};
use super::style::{FAINT, NAME, STRONG, WARN};

const MOST_PRODUCERS: usize = 12;
const MOST_CHARACTERS: usize = 160;

/// Writes the section, when sources say how they were read.
pub(super) fn write(out: &mut String, scan: &Document) {
    let explained: Vec<(&LogSource, &Explanation)> =
        scan.sources.iter().filter_map(|source| Some((source, source.explanation.as_deref()?))).collect();
    if explained.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{STRONG}How it was read{STRONG:#}");
    for (source, explanation) in explained {
        let goes_on = if source.continues_previous { ", goes on from the file before it" } else { "" };
        let _ = writeln!(out, "  {NAME}{}{NAME:#}  {}{goes_on}", inert(&source.path), format_name(source));
        write_formats(out, &explanation.formats);
        write_lines(out, explanation);
        write_times(out, explanation);
        if let Some(skew) = explanation.skew {
            let _ = writeln!(
                out,
                "    skew      the collector's times are {} to {} ms behind the records' own",
                skew.least_ms, skew.most_ms
            );
        }
        if let Some(because) = &explanation.whole_because {
            let _ = writeln!(out, "    whole     all of it was read: {}", inert(because));
        }
        match explanation.order {
            Some(LineOrder::TurnedRound) => {
                out.push_str("    order     newest line first: read from the last line to the first\n");
            }
            Some(LineOrder::NewestFirst) => {
                out.push_str("    order     newest line first, and too long to be turned round\n");
            }
            None => {}
        }
        for unparsed in &explanation.unparsed {
            write_unparsed(out, unparsed);
        }
    }
}

/// One line per producer.
fn write_formats(out: &mut String, formats: &[FormatUse]) {
    let mut rows: Vec<(Option<&str>, Vec<String>)> = Vec::new();
    for used in formats {
        let name = used.format.map_or("lines without a form of their own", |format| format.name());
        let text = format!("{} {name}", count(used.records));
        match rows.last_mut() {
            Some((producer, texts)) if *producer == used.producer.as_deref() => texts.push(text),
            _ => rows.push((used.producer.as_deref(), vec![text])),
        }
    }
    for (producer, texts) in rows.iter().take(MOST_PRODUCERS) {
        let by = producer.map_or(String::new(), |producer| format!("{}: ", inert(producer)));
        let _ = writeln!(out, "    records   {by}{}", texts.join(", "));
    }
    if let Some(more) = rows.len().checked_sub(MOST_PRODUCERS).filter(|more| *more > 0) {
        let _ = writeln!(
            out,
            "    {FAINT}and {} more producers; --format json lists all{FAINT:#}",
            count(more as u64)
        );
    }
}

fn write_lines(out: &mut String, explanation: &Explanation) {
    let lines = explanation.lines;
    let parts: Vec<String> = [
        (lines.records, "start a record"),
        (lines.continuations, "go on with one"),
        (lines.stacks, "belong to tracebacks and dumps"),
        (lines.facts, "state a fact outside of records"),
        (lines.empty, "are empty"),
        (lines.unparsed, "are none of these"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{} {what}", count(number)))
    .collect();
    let _ = writeln!(out, "    lines     {}", parts.join(", "));
}

fn write_times(out: &mut String, explanation: &Explanation) {
    let zone = explanation.assumed_zone.as_deref().unwrap_or("UTC");
    let words = |known: &TimeUse| {
        let how = match known.basis.and_then(|basis| serde_json::to_value(basis).ok()) {
            None => return format!("{} without a time", counted(known.records, "record")),
            Some(basis) => match basis.as_str() {
                Some("stated") => "with their zone".to_owned(),
                Some("assumed-zone") => format!("without a zone, read as {}", inert(zone)),
                Some("inferred-year") => format!("without a year and a zone, read as {}", inert(zone)),
                _ => "taken from elsewhere".to_owned(),
            },
        };
        format!("{} {how}, off by {} ms at most", count(known.records), count(known.uncertainty_ms))
    };
    let times: Vec<String> = explanation.times.iter().map(words).collect();
    if !times.is_empty() {
        let _ = writeln!(out, "    times     {}", times.join("; "));
    }
}

fn write_unparsed(out: &mut String, unparsed: &Unparsed) {
    let (example, left_out) = cut(&unparsed.example, MOST_CHARACTERS);
    let more = if left_out > 0 { "…" } else { "" };
    let place = match unparsed.place.line {
        0 => format!("byte {}", unparsed.place.offset),
        line => format!("line {line}"),
    };
    let first = if example.is_empty() {
        format!("the first is {place}")
    } else {
        format!("the first, {place}, is \"{}{more}\"", inert(example))
    };
    let _ = writeln!(
        out,
        "    {WARN}unparsed{WARN:#}  {}, {}: {}; {first}",
        counted(unparsed.lines, "line"),
        bytes(unparsed.place.bytes),
        unparsed.why.reason()
    );
}
