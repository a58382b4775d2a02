//! How far the clocks of two sources are apart, by what both of them saw.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pycoroner_findings::{SourceId, UtcTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::Telemetry;

/// How far times of one source are ahead of those of another for the same things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Skew {
    /// The source whose times are ahead, or behind when the offset is negative.
    pub source: SourceId,
    /// The source that it is compared with.
    pub against: SourceId,
    /// The offset in milliseconds.
    pub offset_ms: i64,
    /// The true offset lies within this many milliseconds of it, as far as the pairs tell.
    pub spread_ms: u64,
    /// How many things both sources saw.
    pub pairs: u64,
    /// What these were: `spans`, `ends of containers`, `log records within their traces`.
    pub by: Cow<'static, str>,
}

/// A log record that names the trace it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The log.
    pub source: SourceId,
    /// When it was written.
    pub time: UtcTime,
    /// The id as it stands there; it need not be one of a trace.
    pub trace_id: String,
}

/// Estimates offsets between all sources that saw the same spans, ends of containers or requests.
pub(crate) fn estimate(telemetry: &Telemetry, logged: &[LoggedRequest]) -> Vec<Skew> {
    let spans = telemetry
        .spans
        .iter()
        .map(|span| ((span.trace_id.clone(), span.span_id.clone()), span.citation.source, span.start));
    let ends = telemetry.containers.iter().filter_map(|end| {
        // Orchestrators put pod and namespace in front of the container's own name.
        let name = end.name.rsplit('/').next().unwrap_or(&end.name).to_owned();
        let code = end.exit_code.map_or_else(String::new, |code| code.to_string());
        Some(((name, code), end.citation.source, end.finished?))
    });
    let mut skews = by_pairs(spans, "spans");
    skews.extend(by_pairs(ends, "ends of containers"));
    skews.extend(by_traces(telemetry, logged));
    skews
}

/// Both sources state the same moment: the median of the differences.
fn by_pairs<K: Ord>(seen: impl Iterator<Item = (K, SourceId, UtcTime)>, by: &'static str) -> Vec<Skew> {
    // What one source saw twice under one name tells nothing.
    let mut times: BTreeMap<K, BTreeMap<SourceId, Option<UtcTime>>> = BTreeMap::new();
    for (key, source, time) in seen {
        times.entry(key).or_default().entry(source).and_modify(|known| *known = None).or_insert(Some(time));
    }
    let mut differences: BTreeMap<(SourceId, SourceId), Vec<i64>> = BTreeMap::new();
    for sources in times.values() {
        let Some((against, Some(base))) = sources.first_key_value() else { continue };
        for (source, time) in sources.iter().skip(1) {
            if let Some(time) = time {
                differences.entry((*source, *against)).or_default().push(time.millis_since(*base));
            }
        }
    }
    let skews = differences.into_iter().map(|((source, against), mut differences)| {
        differences.sort_unstable();
        let offset_ms = differences.get(differences.len() / 2).copied().unwrap_or_default();
        let spread_ms = differences.iter().map(|one| one.abs_diff(offset_ms)).max().unwrap_or_default();
        Skew { source, against, offset_ms, spread_ms, pairs: differences.len() as u64, by: by.into() }
    });
    skews.collect()
}

/// A record is written while its trace runs: each leaves a range of offsets, all together the one they share.
fn by_traces(telemetry: &Telemetry, logged: &[LoggedRequest]) -> Vec<Skew> {
    let mut traces: BTreeMap<&str, BTreeMap<SourceId, (UtcTime, UtcTime)>> = BTreeMap::new();
    for span in &telemetry.spans {
        let end = span.end.unwrap_or(span.start);
        let ranges = traces.entry(&span.trace_id).or_default();
        let range = ranges.entry(span.citation.source).or_insert((span.start, end));
        *range = (range.0.min(span.start), range.1.max(end));
    }
    let mut offsets: BTreeMap<(SourceId, SourceId), Vec<(i64, i64)>> = BTreeMap::new();
    for record in logged {
        let id = record.trace_id.trim_start_matches("0x").to_ascii_lowercase();
        for (source, (start, end)) in traces.get(id.as_str()).into_iter().flatten() {
            let range = (record.time.millis_since(*end), record.time.millis_since(*start));
            offsets.entry((record.source, *source)).or_default().push(range);
        }
    }
    let skews = offsets.into_iter().map(|((source, against), ranges)| {
        let least = ranges.iter().map(|(least, _)| *least).max().unwrap_or_default();
        let most = ranges.iter().map(|(_, most)| *most).min().unwrap_or_default();
        // Where no offset fits all records, clocks drifted or a record was late: then all between is open.
        let (least, most) = (least.min(most), least.max(most));
        Skew {
            source,
            against,
            offset_ms: least.midpoint(most),
            spread_ms: least.abs_diff(most).div_ceil(2),
            pairs: ranges.len() as u64,
            by: "log records within their traces".into(),
        }
    });
    skews.collect()
}

impl Telemetry {
    /// Moves all times by so many nanoseconds: what the user knows of a clock that was wrong.
    ///
    /// Values that are times themselves, such as `process_start_time_seconds`, stay: they are of another clock.
    pub fn shift(&mut self, nanos: i64) {
        let moved = |time: &mut UtcTime| time.0 = time.0.saturating_add(nanos);
        for export in &mut self.exports {
            export.first.iter_mut().chain(&mut export.last).for_each(moved);
        }
        for series in &mut self.series {
            series.points.iter_mut().for_each(|(time, _)| moved(time));
        }
        for span in &mut self.spans {
            moved(&mut span.start);
            span.end.iter_mut().for_each(moved);
        }
        for end in &mut self.containers {
            end.started.iter_mut().chain(&mut end.finished).for_each(moved);
        }
        for report in &mut self.reports {
            report.breadcrumbs.iter_mut().filter_map(|crumb| crumb.time.as_mut()).for_each(moved);
        }
        let changes = self.context.iter_mut().flat_map(|context| &mut context.changes);
        changes.filter_map(|change| change.time.as_mut()).for_each(moved);
        let stamps = self.events.iter_mut().map(|event| &mut event.at);
        let stamps = stamps.chain(self.stacks.iter_mut().map(|dump| &mut dump.at));
        let stamps = stamps.chain(self.processes.iter_mut().map(|process| &mut process.at));
        let stamps = stamps.chain(self.reports.iter_mut().map(|report| &mut report.at));
        stamps.flatten().for_each(|at| moved(&mut at.time));
    }
}
