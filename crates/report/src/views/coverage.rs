//! Which evidence covers which time, and how much of it was understood.

use pycoroner_findings::{Source, UtcTime};

use crate::Incident;

/// One row of the register, with what its producer says of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Coverage<'a> {
    pub(crate) source: &'a Source,
    /// The earliest and the latest time in it.
    pub(crate) span: Option<(UtcTime, UtcTime)>,
    /// How its times are known, in words; empty where it has none.
    pub(crate) clock: &'static str,
    /// Share of its bytes that was understood, in percent, where that is counted.
    pub(crate) parsed_percent: Option<f64>,
    /// What was found in it, in words.
    pub(crate) records: Option<u64>,
}

/// The evidence, in the order of the register.
pub(crate) fn coverage(incident: &Incident) -> Vec<Coverage<'_>> {
    incident.sources.iter().map(|source| of(incident, source)).collect()
}

fn of<'a>(incident: &Incident, source: &'a Source) -> Coverage<'a> {
    let mut row = Coverage { source, span: None, clock: "", parsed_percent: None, records: None };
    let mut logs = incident.logs.iter().flat_map(|logs| &logs.sources);
    if let Some(log) =
        logs.find(|log| log.id == Some(source.id) || log.id.is_none() && log.path == source.path)
    {
        row.span = time(log.first.as_deref()).zip(time(log.last.as_deref()));
        row.records = log.records;
        row.parsed_percent = log.bytes.filter(|bytes| *bytes > 0).map(|bytes| {
            let unparsed = log.unparsed_bytes.unwrap_or(0).min(bytes);
            100.0 * (bytes - unparsed) as f64 / bytes as f64
        });
    }
    let mut exports = incident.telemetry.iter().flat_map(|telemetry| &telemetry.exports);
    if let Some(export) = exports.find(|export| export.id == Some(source.id)) {
        row.span = export.first.zip(export.last);
        row.records = export.records;
        row.clock = "UTC";
    }
    // Without an event, nothing says how the times of a log are known.
    let by_events = clock(incident, source);
    row.clock = match row.span {
        Some(_) if row.clock.is_empty() => by_events,
        Some(_) => row.clock,
        None => "",
    };
    row
}

fn time(text: Option<&str>) -> Option<UtcTime> {
    serde_json::from_value(text?.into()).ok()
}

/// How the times of a source are known, by the events that it gave.
fn clock(incident: &Incident, source: &Source) -> &'static str {
    use pycoroner_findings::TimeBasis::{AssumedZone, InferredNeighbour, InferredYear, Stated};
    let of_source = |event: &&pycoroner_findings::Event| {
        event.citation.as_ref().is_some_and(|citation| citation.source == source.id)
    };
    let bases: Vec<_> =
        incident.timeline.iter().filter(of_source).filter_map(|event| Some(event.at?.basis)).collect();
    if bases.contains(&InferredYear) {
        "year inferred"
    } else if bases.contains(&AssumedZone) {
        "zone assumed"
    } else if bases.contains(&Stated) || bases.contains(&InferredNeighbour) {
        "zone stated"
    } else {
        ""
    }
}
