//! What those who use the service may have noticed, as far as files can say.

use std::collections::BTreeMap;

use pycoroner_findings::{Citation, UtcTime};

use crate::Incident;
use crate::sections::{LevelCount, Window};
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
    /// An alert fired; `to` is missing where no end of it is shown. With the time of the death, where that is known.
    Alert { name: String, from: UtcTime, to: Option<UtcTime>, died: Option<UtcTime> },
    /// So many spans of those at hand say that they failed.
    FailedSpans { failed: usize, of: usize },
    /// So many spans have no end.
    UnfinishedSpans { count: usize },
    /// Errors that were logged in the window, between the times where they are known, and before it; `before` is missing
    /// where no log was written before the window.
    LoggedErrors { inside: u64, before: Option<u64>, from: Option<String>, to: Option<String> },
    /// A container was started again so often.
    Restarts { name: String, count: u64 },
    /// Requests that started and have no end, or at least so many, of so many that were followed; with that of the
    /// dead process, and how many ended with other processes.
    LostRequests { count: usize, is_least: bool, of: u64, own: Option<String>, with_others: usize },
    /// A message that came every so many milliseconds stopped, and came again at a time.
    Pause { message: String, since: UtcTime, again: Option<UtcTime>, usual_ms: u64 },
    /// So many requests were answered by a status of 5xx, as something counted.
    FailedAnswers { count: u64, by: String },
    /// A target did not answer Prometheus from the first to the last of so many samples, and again at a time.
    Unanswered { target: String, from: UtcTime, to: UtcTime, samples: usize, again: Option<UtcTime> },
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
    traces.extend(super::lost::lost(incident));
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
        traces.extend(logged_errors(&logs.window));
    }
    traces
}

fn logged_errors(window: &Window) -> Option<Trace> {
    let inside = errors(&window.levels);
    let had_records = match window.records_before {
        Some(records) => records > 0,
        None => window.levels_before.iter().any(|row| row.count > 0),
    };
    let before = had_records.then(|| errors(&window.levels_before));
    let fact = Fact::LoggedErrors { inside, before, from: window.from.clone(), to: window.to.clone() };
    (inside > 0).then(|| Trace { fact, citations: Vec::new() })
}

fn errors(levels: &[LevelCount]) -> u64 {
    let is_error = |row: &&LevelCount| matches!(&*row.level, "ERROR" | "CRITICAL" | "FATAL");
    levels.iter().filter(is_error).fold(0, |sum, row| sum.saturating_add(row.count))
}

/// One time that an alert fired.
struct Firing {
    from: UtcTime,
    to: Option<UtcTime>,
    citations: Vec<Citation>,
}

/// Each alert once for each time that it fired; those that were not over before the death come first, the nearest to
/// it in front.
fn alerts(incident: &Incident) -> Vec<Trace> {
    let mut alerts: BTreeMap<(&str, Option<&str>), Vec<Firing>> = BTreeMap::new();
    for event in &incident.timeline {
        let Some(at) = event.at else { continue };
        let firings = alerts.entry((&*event.message, event.producer.as_deref())).or_default();
        match &*event.kind {
            // Several exports may show one firing; it is another one only when the last had ended.
            "alert-started" => match firings.last_mut() {
                Some(last) if last.to.is_none() => last.citations.extend(event.citation.clone()),
                _ => firings.push(Firing {
                    from: at.time,
                    to: None,
                    citations: event.citation.iter().cloned().collect(),
                }),
            },
            "alert-ended" => {
                if let Some(last) = firings.last_mut() {
                    last.to = Some(at.time);
                    last.citations.extend(event.citation.clone());
                }
            }
            _ => {}
        }
    }
    let died = incident.died_at.map(|at| at.time);
    let mut firings: Vec<(&str, Firing)> = alerts
        .into_iter()
        .flat_map(|((name, _), firings)| firings.into_iter().map(move |firing| (name, firing)))
        .collect();
    firings.sort_by_key(|(_, firing)| (distance(firing, died), firing.from));
    let traces = firings.into_iter().take(MOST_ROWS).map(|(name, firing)| Trace {
        fact: Fact::Alert { name: name.to_owned(), from: firing.from, to: firing.to, died },
        citations: firing.citations.into_iter().take(4).collect(),
    });
    traces.collect()
}

/// Whether it was over before the death, and so belongs to something else, and how many milliseconds lie between its
/// start and the death.
fn distance(firing: &Firing, died: Option<UtcTime>) -> (bool, u64) {
    died.map_or((false, 0), |died| {
        (firing.to.is_some_and(|to| to < died), firing.from.millis_since(died).unsigned_abs())
    })
}
