//! What the metrics say of memory before the death.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity, UtcTime};

use crate::Incident;
use crate::sections::{Series, TelemetrySection};
use crate::views::trend::{self, Summary, Trend};

/// Fewer samples than this show no trend.
const FEWEST: usize = 5;
/// From this factor on memory has grown, in one life of the process.
const GROWN: f64 = 1.5;
/// A rise over this share of the steps is steady.
const STEADY: f64 = 0.6;
/// Smaller rises are not worth a word, in bytes.
const LEAST_BYTES: f64 = (32 << 20) as f64;
/// From this factor between neighbouring samples on memory has jumped.
const JUMPED: f64 = 1.8;
/// A fall to less than this share is one that a reader sees.
const FALLEN: f64 = 0.7;

pub(super) fn findings(incident: &Incident) -> Vec<Finding> {
    let Some(telemetry) = &incident.telemetry else { return Vec::new() };
    let death = incident.died_at.map(|at| at.time);
    let series = trend::memory(telemetry);
    let trends: Vec<Trend> = series.into_iter().filter_map(|series| Trend::of(series, telemetry)).collect();
    let grown = trends.iter().find_map(|trend| growth(trend, death));
    let fallen = trends.iter().find_map(fall_by_restart);
    grown.into_iter().chain(fallen).chain(restarted(telemetry)).collect()
}

/// Memory that rose up to the end, step by step or at once.
fn growth(trend: &Trend, death: Option<UtcTime>) -> Option<Finding> {
    // The life that ended: the one before the last restart, when no time of death is known.
    let until = death.or_else(|| trend.restarts.last().map(|restart| UtcTime(restart.0.saturating_sub(1))));
    let life = trend.last_life(until)?;
    let rise = life.last.1 - life.first.1;
    if life.samples < FEWEST || rise < LEAST_BYTES || life.last.1 < GROWN * life.first.1.max(1.0) {
        return None;
    }
    let jump = largest_step(trend, &life);
    let numbers = format!(
        "{} rose from {} to {} in {} s, over {} samples; {:.0} % of the steps that changed went up",
        trend.series.name,
        mebibytes(life.first.1),
        mebibytes(life.last.1),
        life.last.0.millis_since(life.first.0) / 1000,
        life.samples,
        100.0 * life.rising
    );
    let finding = match jump {
        Some((at, before, after)) => Finding::new(
            "memory-jumped",
            Severity::Warning,
            Confidence::Strong,
            format!("Memory jumped from {} to {} between two samples", mebibytes(before), mebibytes(after)),
        )
        .with_evidence(Evidence::new(Basis::Observed, format!("the samples are those up to {at}")))
        .refuted_if("samples in between show a steady rise"),
        None if life.rising >= STEADY => Finding::new(
            "memory-rising",
            Severity::Warning,
            Confidence::Strong,
            format!(
                "Memory rose from {} to {} up to the end",
                mebibytes(life.first.1),
                mebibytes(life.last.1)
            ),
        )
        .refuted_if("earlier lives of the process show the same rise without an end like this one"),
        None => return None,
    };
    let evidence = Evidence::new(Basis::Derived, numbers).cite(trend.series.citation.clone());
    Some(finding.about(label(trend.series)).with_evidence(evidence))
}

/// The step that makes up most of the rise, if there is one.
fn largest_step(trend: &Trend, life: &Summary) -> Option<(UtcTime, f64, f64)> {
    let inside =
        trend.series.points.windows(2).filter(|pair| pair[0].0 >= life.first.0 && pair[1].0 <= life.last.0);
    let step = inside.max_by(|a, b| (a[1].1 - a[0].1).total_cmp(&(b[1].1 - b[0].1)))?;
    let is_jump =
        step[1].1 >= JUMPED * step[0].1 && step[1].1 - step[0].1 >= 0.6 * (life.last.1 - life.first.1);
    is_jump.then_some((step[1].0, step[0].1, step[1].1))
}

/// Memory that fell because the process was another one: no recovery.
fn fall_by_restart(trend: &Trend) -> Option<Finding> {
    let restart = trend.series.points.windows(2).rfind(|pair| {
        pair[1].1 < FALLEN * pair[0].1
            && trend.restarts.iter().any(|restart| *restart > pair[0].0 && *restart <= pair[1].0)
    })?;
    let title = format!(
        "Memory fell from {} to {} because a new process began, which is no recovery of the old one",
        mebibytes(restart[0].1),
        mebibytes(restart[1].1)
    );
    let statement = format!(
        "the start time or a counter of the same target begins anew between {} and {}",
        restart[0].0, restart[1].0
    );
    Some(
        Finding::new("memory-fell-by-restart", Severity::Info, Confidence::Strong, title)
            .about(label(trend.series))
            .with_evidence(Evidence::new(Basis::Derived, statement).cite(trend.series.citation.clone())),
    )
}

fn restarted(telemetry: &TelemetrySection) -> Option<Finding> {
    let series = trend::named(telemetry, &["process_start_time"]).into_iter().find_map(|series| {
        let times = trend::restarts(telemetry, series);
        (!times.is_empty()).then_some((series, times))
    });
    let (series, times) = series?;
    let shown: Vec<String> = times.iter().take(5).map(UtcTime::to_string).collect();
    let title = if times.len() == 1 {
        "The process was started anew once in the time that the metrics cover".to_owned()
    } else {
        format!("The process was started anew {} times in the time that the metrics cover", times.len())
    };
    let statement = format!("a new start time is seen first at {}", shown.join(", "));
    Some(
        Finding::new("restart-seen", Severity::Info, Confidence::Strong, title)
            .about(label(series))
            .with_evidence(Evidence::new(Basis::Derived, statement).cite(series.citation.clone())),
    )
}

/// The target of a series, as its labels name it.
fn label(series: &Series) -> String {
    let names = ["instance", "pod", "container", "job"];
    let value = names.iter().find_map(|name| series.labels.iter().find(|label| label.name == *name));
    value.map_or_else(|| series.name.clone(), |label| format!("{} of {}", series.name, label.value))
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / f64::from(1 << 20))
}
