//! What those who use the service may have noticed, as far as files can say.

use std::collections::BTreeMap;

use pycoroner_findings::{Citation, UtcTime};

use crate::Incident;
use crate::sections::LevelCount;
use crate::views::repeated::repeated;

/// One measured trace of the incident outside of the process.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trace {
    pub(crate) fact: Fact,
    pub(crate) citations: Vec<Citation>,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fact {
    /// An alert fired; `to` is missing when it had not ended.
    Alert { name: String, from: UtcTime, to: Option<UtcTime> },
    /// So many spans of those at hand say that they failed.
    FailedSpans { failed: usize, of: usize },
    /// So many spans have no end.
    UnfinishedSpans { count: usize },
    /// Errors that were logged in the window, and before it.
    LoggedErrors { inside: u64, before: u64 },
    /// A container was started again so often.
    Restarts { name: String, count: u64 },
    /// Several processes ended in the same way.
    Repeated { title: String },
    /// What people wrote down.
    Stated { text: String },
}

/// Most alerts and containers that are listed.
const MOST_ROWS: usize = 10;

/// What the evidence says of an incident's impact.
pub(crate) fn impact(incident: &Incident) -> Vec<Trace> {
    let mut traces = Vec::new();
    let telemetry = incident.telemetry.as_ref();
    if let Some((context, text)) = telemetry.and_then(|telemetry| {
        let context = telemetry.context.as_ref()?;
        Some((context, context.impact.clone()?))
    }) {
        traces.push(Trace {
            fact: Fact::Stated { text },
            citations: context.citation.iter().cloned().collect(),
        });
    }
    if let Some(finding) = repeated(incident) {
        let cited = finding.evidence.iter().flat_map(|evidence| &evidence.citations);
        let fact = Fact::Repeated { title: finding.title.clone() };
        traces.push(Trace { fact, citations: cited.cloned().collect() });
    }
    traces.extend(alerts(incident));
    if let Some(telemetry) = telemetry {
        let cited = |spans: &[&crate::sections::TraceSpan]| {
            spans.iter().take(5).filter_map(|span| span.citation.clone()).collect()
        };
        let failed: Vec<_> = telemetry.spans.iter().filter(|span| span.failed).collect();
        let unfinished: Vec<_> = telemetry.spans.iter().filter(|span| span.end.is_none()).collect();
        if !failed.is_empty() {
            let fact = Fact::FailedSpans { failed: failed.len(), of: telemetry.spans.len() };
            traces.push(Trace { fact, citations: cited(&failed) });
        }
        if !unfinished.is_empty() {
            let fact = Fact::UnfinishedSpans { count: unfinished.len() };
            traces.push(Trace { fact, citations: cited(&unfinished) });
        }
        for container in telemetry.containers.iter().take(MOST_ROWS) {
            if let Some(count) = container.restarts.filter(|count| *count > 0) {
                let fact = Fact::Restarts { name: container.name.clone(), count };
                traces.push(Trace { fact, citations: container.citation.iter().cloned().collect() });
            }
        }
    }
    if let Some(logs) = &incident.logs {
        let (inside, before) = (errors(&logs.window.levels), errors(&logs.window.levels_before));
        if inside > 0 {
            traces.push(Trace { fact: Fact::LoggedErrors { inside, before }, citations: Vec::new() });
        }
    }
    traces
}

fn errors(levels: &[LevelCount]) -> u64 {
    let is_error = |row: &&LevelCount| matches!(&*row.level, "ERROR" | "CRITICAL" | "FATAL");
    levels.iter().filter(is_error).fold(0, |sum, row| sum.saturating_add(row.count))
}

/// Each alert once, from its first start to its last end.
fn alerts(incident: &Incident) -> Vec<Trace> {
    type Row = (UtcTime, Option<UtcTime>, Vec<Citation>);
    let mut rows: BTreeMap<(&str, Option<&str>), Row> = BTreeMap::new();
    for event in &incident.timeline {
        let Some(at) = event.at else { continue };
        let key = (&*event.message, event.producer.as_deref());
        match &*event.kind {
            "alert-started" => {
                let row = rows.entry(key).or_insert((at.time, None, Vec::new()));
                row.2.extend(event.citation.clone());
            }
            "alert-ended" => {
                if let Some(row) = rows.get_mut(&key) {
                    row.1 = Some(at.time);
                    row.2.extend(event.citation.clone());
                }
            }
            _ => {}
        }
    }
    let mut traces: Vec<Trace> = rows
        .into_iter()
        .map(|((name, _), (from, to, citations))| Trace {
            fact: Fact::Alert { name: name.to_owned(), from, to: to.filter(|to| *to >= from) },
            citations: citations.into_iter().take(4).collect(),
        })
        .collect();
    traces.sort_by_key(|trace| match &trace.fact {
        Fact::Alert { from, .. } => *from,
        _ => UtcTime(i64::MAX),
    });
    traces.truncate(MOST_ROWS);
    traces
}
