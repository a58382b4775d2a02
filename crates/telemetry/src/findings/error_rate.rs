use std::collections::BTreeMap;

use pycoroner_findings::{Basis, Citation, Confidence, Evidence, Finding, Severity, UtcTime};

use super::statistics::fisher;
use crate::document::{Series, Telemetry};

/// Labels that hold the status of a response.
const STATUS: &[&str] = &[
    "code",
    "status",
    "status_code",
    "http_status",
    "http_status_code",
    "http.response.status_code",
    "http.status_code",
];
/// Fewer failed requests are left alone.
const LEAST_FAILED: u64 = 5;
/// A share of failures that is not at least so many times the one before is left alone.
const LEAST_FACTOR: f64 = 2.0;
/// Chance explains a difference that it brings about more often than this.
const MOST_LIKELY: f64 = 0.001;
/// More requests than this are not counted exactly.
const MOST_REQUESTS: f64 = 1e12;

/// The requests of one metric of one target.
#[derive(Default)]
struct Requests {
    /// When each was counted, how many, and whether they failed.
    counted: Vec<(UtcTime, f64, bool)>,
    citations: Vec<Citation>,
}

/// Judges whether the share of failed requests rose: the last fifth of the time against what was before.
pub(super) fn judge(telemetry: &mut Telemetry) {
    let mut all: BTreeMap<(String, String), Requests> = BTreeMap::new();
    for series in &telemetry.series {
        let Some(status) = status(series) else { continue };
        let failed = is_failure(status);
        let requests = all.entry((series.target(), series.name.clone())).or_default();
        requests.counted.extend(increases(series).map(|(time, count)| (time, count, failed)));
        if failed {
            requests.citations.push(series.citation.clone());
        }
    }
    let findings =
        all.into_iter().filter_map(|((target, metric), requests)| rose(&target, &metric, requests));
    telemetry.findings.extend(findings);
}

/// The status of the answers that a series counts.
fn status(series: &Series) -> Option<&str> {
    let counts = series.is_counter && !series.name.ends_with("_bucket");
    STATUS.iter().find_map(|label| series.label(label)).filter(|_| counts)
}

fn is_failure(status: &str) -> bool {
    status.len() == 3 && status.starts_with('5')
}

/// How many failed answers a series counted; `None` when it counts others.
pub(super) fn failed_answers(series: &Series) -> Option<u64> {
    status(series).filter(|status| is_failure(status))?;
    let sum: f64 = increases(series).map(|(_, count)| count).sum();
    (0.0..MOST_REQUESTS).contains(&sum).then_some(sum.round() as u64)
}

/// How much a counter rose up to each sample; after a fall it has begun at 0 again.
fn increases(series: &Series) -> impl Iterator<Item = (UtcTime, f64)> {
    series.points.windows(2).filter_map(|pair| {
        let ((_, old), (time, new)) = (*pair.first()?, *pair.last()?);
        Some((time, if new >= old { new - old } else { new }))
    })
}

fn rose(target: &str, metric: &str, requests: Requests) -> Option<Finding> {
    let times = || requests.counted.iter().map(|(time, ..)| *time);
    let (first, last) = (times().min()?, times().max()?);
    let span = last.0.checked_sub(first.0)?;
    let split = UtcTime(last.0 - span / 5);
    let count = |is_late: bool, only_failed: bool| {
        let chosen = requests
            .counted
            .iter()
            .filter(|(time, _, failed)| (*time > split) == is_late && (*failed || !only_failed));
        let sum: f64 = chosen.map(|(_, count, _)| count).sum();
        (0.0..MOST_REQUESTS).contains(&sum).then_some(sum.round() as u64)
    };
    let (failed_before, before) = (count(false, true)?, count(false, false)?);
    let (failed_after, after) = (count(true, true)?, count(true, false)?);
    if failed_after < LEAST_FAILED || before == 0 {
        return None;
    }
    let share_before = failed_before as f64 / before as f64;
    let share_after = failed_after as f64 / after as f64;
    let chance = fisher(failed_before, before, failed_after, after);
    if share_after < LEAST_FACTOR * share_before || chance > MOST_LIKELY {
        return None;
    }
    let title = format!(
        "Failed requests (5xx) of {target} rose from {:.1} % to {:.1} % after {split}",
        share_before * 100.0,
        share_after * 100.0
    );
    let statement = format!(
        "{metric}: {failed_before} of {before} failed between {first} and {split}, {failed_after} of {after} in the last fifth of the time, up to {last}; chance alone gives that with p = {chance:.1e} (Fisher's exact test, one-sided)"
    );
    let evidence = Evidence {
        citations: requests.citations.into_iter().take(5).collect(),
        ..Evidence::new(Basis::Derived, statement)
    };
    let confidence = if chance < 1e-6 { Confidence::Strong } else { Confidence::Moderate };
    Some(
        Finding::new("error-rate-rose", Severity::Error, confidence, title)
            .about(target)
            .with_evidence(evidence)
            .refuted_if("other clients or other paths were asked in the later time: then requests of one kind are compared with others"),
    )
}
