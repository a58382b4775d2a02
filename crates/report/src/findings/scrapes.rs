//! What the absence of samples says, and what it does not.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity, UtcTime};

use crate::Incident;
use crate::sections::{Series, TelemetrySection};
use crate::views::trend::{self, Trend};

/// Fewer samples than this have no interval to speak of.
const FEWEST: usize = 4;

pub(super) fn findings(incident: &Incident) -> Vec<Finding> {
    let Some(telemetry) = &incident.telemetry else { return Vec::new() };
    let up: Vec<&Series> = telemetry.series.iter().filter(|series| series.name == "up").collect();
    let down = up.iter().find_map(|series| down(series));
    down.into_iter().chain(missing(&up, telemetry)).chain(descriptors(telemetry)).collect()
}

/// Samples that say that the target did not answer.
fn down(series: &Series) -> Option<Finding> {
    let mut failed = series.points.iter().filter(|(_, value)| *value == 0.0).map(|(time, _)| *time);
    let first = failed.next()?;
    let last = failed.next_back().unwrap_or(first);
    let when = if first == last { format!("at {first}") } else { format!("from {first} to {last}") };
    let title = format!("Prometheus could not scrape the target {when}");
    let statement = "up is 0 there: the scrape failed, by a refused connection, an error or a time limit";
    Some(
        Finding::new("target-down", Severity::Warning, Confidence::Certain, title)
            .about(target(series))
            .with_evidence(Evidence::new(Basis::Observed, statement).cite(series.citation.clone()))
            .refuted_if(
                "requests of users were answered in that time: a failed scrape is not a service that is down",
            ),
    )
}

/// Stretches without any sample: nobody looked.
fn missing(up: &[&Series], telemetry: &TelemetrySection) -> Option<Finding> {
    let all = telemetry.series.iter();
    let candidates: Vec<&Series> = if up.is_empty() { all.collect() } else { up.to_vec() };
    let (series, from, to) =
        candidates.into_iter().filter(|series| series.points.len() >= FEWEST).find_map(|series| {
            let trend = Trend::of(series, telemetry)?;
            let longest = |(from, to): &&(UtcTime, UtcTime)| to.0.saturating_sub(from.0);
            let (from, to) = *trend.gaps.iter().max_by_key(longest)?;
            Some((series, from, to))
        })?;
    let title = format!("No sample was taken between {from} and {to}");
    Some(
        Finding::new("scrape-missing", Severity::Info, Confidence::Strong, title)
            .about(target(series))
            .with_evidence(
                Evidence::new(Basis::Derived, format!("{} has no point there", series.name))
                    .cite(series.citation.clone()),
            )
            .with_against(Evidence::new(
                Basis::Derived,
                "a sample that is missing does not say that the service was down: the collector may have been away",
            )),
    )
}

/// Open files that came near to their limit.
fn descriptors(telemetry: &TelemetrySection) -> Option<Finding> {
    let open = trend::named(telemetry, &["process_open_fds"]);
    open.into_iter().find_map(|open| {
        let limits = trend::named(telemetry, &["process_max_fds"]);
        let limit = limits.into_iter().find(|limit| trend::same_target(open, limit))?.points.last()?.1;
        let most = open.points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        if limit < 1.0 || most < 0.9 * limit {
            return None;
        }
        let title = format!("The process had {most:.0} files open, of {limit:.0} that it may have");
        Some(
            Finding::new("files-near-limit", Severity::Warning, Confidence::Strong, title)
                .about(target(open))
                .with_evidence(
                    Evidence::new(Basis::Observed, "process_open_fds at its highest")
                        .cite(open.citation.clone()),
                ),
        )
    })
}

fn target(series: &Series) -> String {
    let instance = series.labels.iter().find(|label| label.name == "instance");
    instance.map_or_else(|| series.name.clone(), |label| label.value.clone())
}
