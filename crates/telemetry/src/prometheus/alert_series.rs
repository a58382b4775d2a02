//! Alerts that Prometheus keeps as a metric: `ALERTS{alertstate="firing"}` is 1 for as long as an alert fires
//! ([alerting rules](https://prometheus.io/docs/prometheus/3.0/configuration/alerting_rules/#inspecting-alerts-during-runtime)).

use pycoroner_findings::{Citation, Event, Severity, Span, TimeBasis, Timestamp, UtcTime};

use crate::alerts::severity;
use crate::document::Series;

/// `alert-started` and `alert-ended` of the alerts among series; each lies within one step before the time it has.
///
/// An end is told only where later samples of the same answer show that the alert fired no more.
pub(super) fn events(series: &[Series]) -> Vec<Event> {
    let firing = |series: &&Series| series.name == "ALERTS" && label(series, "alertstate") == Some("firing");
    let last = series.iter().filter_map(|series| Some(series.points.last()?.0)).max();
    let mut events = Vec::new();
    for series in series.iter().filter(firing) {
        let step = usual_step(series);
        let is_unbroken =
            |a: &(UtcTime, f64), b: &(UtcTime, f64)| b.0.millis_since(a.0) <= step.saturating_mul(3) / 2;
        let mut from = 0;
        for run in series.points.chunk_by(is_unbroken) {
            let place = |index| sample(&series.citation, index);
            if let (Some(first), Some(end)) = (run.first(), run.last()) {
                events.push(event(series, "alert-started", first.0, step, place(from)));
                if step > 0 && last.is_some_and(|last| last.millis_since(end.0) > step) {
                    events.push(event(series, "alert-ended", end.0, step, place(from + run.len() - 1)));
                }
            }
            from += run.len();
        }
    }
    events
}

/// The ends of alerts that samples of other answers show: those go on, and the alert's own do not.
pub(crate) fn ends_by_others(series: &[Series]) -> Vec<Event> {
    let firing = |series: &&Series| series.name == "ALERTS" && label(series, "alertstate") == Some("firing");
    let others = series.iter().filter(|series| series.name != "ALERTS");
    let Some(last) = others.filter_map(|series| Some(series.points.last()?.0)).max() else {
        return Vec::new();
    };
    let ended = series.iter().filter(firing).filter_map(|series| {
        let (step, (end, _)) = (usual_step(series), series.points.last()?);
        let has_ended = step > 0 && last.millis_since(*end) > step.saturating_mul(2);
        let place = sample(&series.citation, series.points.len() - 1);
        has_ended.then(|| event(series, "alert-ended", *end, step, place))
    });
    ended.collect()
}

fn label<'a>(series: &'a Series, name: &str) -> Option<&'a str> {
    series.labels.iter().find(|label| label.name == name).map(|label| label.value.as_str())
}

/// Milliseconds between samples; 0 for a single one.
fn usual_step(series: &Series) -> i64 {
    series.points.windows(2).map(|pair| pair[1].0.millis_since(pair[0].0)).min().unwrap_or(0)
}

fn event(series: &Series, kind: &'static str, time: UtcTime, step: i64, citation: Citation) -> Event {
    let severity = if kind == "alert-ended" { Severity::Info } else { severity(label(series, "severity")) };
    Event {
        at: Some(Timestamp { time, basis: TimeBasis::Stated, uncertainty_ms: step.unsigned_abs() }),
        producer: label(series, "instance").or_else(|| label(series, "job")).map(str::to_owned),
        citation: Some(citation),
        ..Event::new(
            kind,
            severity,
            label(series, "alertname").unwrap_or("an alert without a name").to_owned(),
        )
    }
}

/// The sample itself, where the series' place leads to its samples.
fn sample(series: &Citation, index: usize) -> Citation {
    match &series.span {
        Span::Pointer { pointer } if pointer.ends_with("/values") => {
            Citation::new(series.source, Span::Pointer { pointer: format!("{pointer}/{index}") })
        }
        _ => series.clone(),
    }
}
