use std::collections::BTreeMap;

use pycoroner_findings::{Gap, GapKind, SourceId, UtcTime};

use crate::document::{Export, SpanTotals, Telemetry, TraceSpan};
use crate::format::ExportFormat;

/// The latest spans, among which those are looked for whose parent never arrived.
const RECENT: usize = 5000;
/// Most spans that are kept of each kind that is worth showing.
const KEPT: usize = 200;
/// Of those that failed, so many are the first ones.
const FIRST_FAILED: usize = 50;

/// Whether the parent of a span ran in another process, as far as the export says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// It ran in the same process, or nothing says otherwise.
    Local,
    /// It is another process's, or likely so: then it need not be in this export.
    Remote,
}

/// Spans by time and number, as two may start at once.
type ByTime = BTreeMap<(UtcTime, usize), TraceSpan>;

/// Takes all spans of an export and keeps those worth showing: the failed, the unfinished, the last; bounded in
/// memory but for two numbers of each span.
#[derive(Default)]
pub(super) struct SpanBook {
    /// Trace and span of all that arrived.
    arrived: Vec<(u128, u64)>,
    recent: BTreeMap<(UtcTime, usize), (TraceSpan, Parent)>,
    first_failed: ByTime,
    last_failed: ByTime,
    endless: ByTime,
    failed: u64,
    without_end: u64,
    without_start: u64,
    first: Option<UtcTime>,
    last: Option<UtcTime>,
}

impl SpanBook {
    /// A span that states no start cannot be put on a timeline.
    pub(super) fn add_without_start(&mut self) {
        self.without_start += 1;
    }

    pub(super) fn add(&mut self, span: TraceSpan, parent: Parent) {
        let number = self.arrived.len();
        self.arrived.push((number_of(&span.trace_id), number_of(&span.span_id) as u64));
        let end = span.end.unwrap_or(span.start);
        self.first = self.first.min(Some(span.start)).or(Some(span.start));
        self.last = self.last.max(Some(end));
        if span.failed {
            self.failed += 1;
            keep_first(&mut self.first_failed, (span.start, number), &span, FIRST_FAILED);
            keep_last(&mut self.last_failed, (span.start, number), span.clone(), KEPT - FIRST_FAILED);
        }
        if span.end.is_none() {
            self.without_end += 1;
            keep_last(&mut self.endless, (span.start, number), span.clone(), KEPT);
        }
        keep_last(&mut self.recent, (end, number), (span, parent), RECENT);
    }

    pub(super) fn finish(mut self, source: SourceId, format: ExportFormat, telemetry: &mut Telemetry) {
        self.arrived.sort_unstable();
        let mut kept: ByTime = BTreeMap::new();
        let mut orphans = 0;
        let latest = self.recent.len().saturating_sub(KEPT / 2);
        for (index, ((_, number), (mut span, parent))) in self.recent.into_iter().enumerate() {
            let parent_key =
                span.parent_id.as_deref().map(|id| (number_of(&span.trace_id), number_of(id) as u64));
            span.parent_missing = parent == Parent::Local
                && parent_key.is_some_and(|key| self.arrived.binary_search(&key).is_err());
            orphans += u64::from(span.parent_missing);
            if span.parent_missing || index >= latest {
                kept.insert((span.start, number), span);
            }
        }
        let mut surplus = kept.values().filter(|span| span.parent_missing).count().saturating_sub(KEPT);
        kept.retain(|_, span| {
            let is_surplus = span.parent_missing && surplus > 0;
            surplus -= usize::from(is_surplus);
            !is_surplus
        });
        for (key, span) in [self.first_failed, self.last_failed, self.endless].into_iter().flatten() {
            kept.entry(key).or_insert(span);
        }
        let total = self.arrived.len() as u64;
        if self.without_start > 0 {
            let what = format!("{} spans", self.without_start);
            telemetry.gaps.push(Gap::new(GapKind::Unknown, what, "they state no valid ids or no start"));
        }
        if total > kept.len() as u64 {
            let what = format!("{} of {total} spans", total - kept.len() as u64);
            let why = "only the last, the failed and the unfinished are kept";
            telemetry.gaps.push(Gap::new(GapKind::Limit, what, why));
        }
        telemetry.spans.extend(kept.into_values());
        telemetry.span_totals.push(SpanTotals {
            source,
            spans: total,
            failed: self.failed,
            without_end: self.without_end,
            parent_missing: orphans,
        });
        let (first, last) = (self.first, self.last);
        telemetry.exports.push(Export { id: source, format, records: total, first, last });
    }
}

fn keep_last<T>(kept: &mut BTreeMap<(UtcTime, usize), T>, key: (UtcTime, usize), value: T, most: usize) {
    kept.insert(key, value);
    if kept.len() > most {
        kept.pop_first();
    }
}

fn keep_first(kept: &mut ByTime, key: (UtcTime, usize), span: &TraceSpan, most: usize) {
    if kept.len() < most || kept.last_key_value().is_some_and(|(last, _)| key < *last) {
        kept.insert(key, span.clone());
        if kept.len() > most {
            kept.pop_last();
        }
    }
}

/// The number that an id in hex is; ids are normalised before.
fn number_of(id: &str) -> u128 {
    u128::from_str_radix(id, 16).unwrap_or_default()
}
