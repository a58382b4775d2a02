use std::ops::Range;

use pycoroner_findings::{Basis, Citation, Confidence, Evidence, Finding, Severity, UtcTime};

use super::lives::{Lives, Restart};
use super::statistics::{Trend, trend};
use crate::document::{Series, Telemetry};

/// A trend needs so many samples of one life.
const LEAST_POINTS: usize = 5;
/// Growth of less than this share of where it began is none.
const LEAST_GROWTH: f64 = 0.1;
/// Memory that grew by less is left alone.
const LEAST_BYTES: f64 = 4.0 * 1024.0 * 1024.0;
/// Most lives of one target in which memory rose that are stated, the last ones.
const MOST_RISES: usize = 5;
/// Open files that grew by less are left alone.
const LEAST_FILES: f64 = 10.0;
/// From this share of a limit on, a value is near it.
const NEAR: f64 = 0.9;

/// Judges whether memory and open files rose, and how near they came to their limits.
pub(super) fn judge(telemetry: &mut Telemetry, lives: &Lives) {
    let mut findings = Vec::new();
    let limits = limits(telemetry);
    for series in &telemetry.series {
        let restarts = lives.get(&series.target()).map_or(&[][..], Vec::as_slice);
        if is_resident(series) {
            let rises = rises(series, restarts).into_iter().filter(|rise| rise.growth() >= LEAST_BYTES);
            let mut rises: Vec<Rise> = rises.collect();
            rises.drain(..rises.len().saturating_sub(MOST_RISES));
            findings.extend(rises.iter().map(|rise| memory_rising(series, restarts, rise)));
            findings.extend(limits.iter().find_map(|limit| memory_limit_near(series, limit)));
        }
        if matches!(series.name.as_str(), "process_open_fds" | "process.open_file_descriptor.count") {
            let most = telemetry
                .series
                .iter()
                .find(|other| other.name == "process_max_fds" && other.target() == series.target());
            findings.extend(files(series, restarts, most));
        }
    }
    telemetry.findings.extend(findings);
}

/// Whether a series is memory of a process or container that counts against a limit.
fn is_resident(series: &Series) -> bool {
    match series.name.as_str() {
        "process_resident_memory_bytes"
        | "container_memory_working_set_bytes"
        | "container_memory_rss"
        | "process.memory.usage" => true,
        "process.runtime.cpython.memory" => series.label("type") == Some("rss"),
        _ => false,
    }
}

/// A stretch of one life in which a value rose.
struct Rise {
    range: Range<usize>,
    first: (UtcTime, f64),
    last: (UtcTime, f64),
    trend: Trend,
    seconds: f64,
    /// Whether it rose much slower in the second half.
    levels_off: bool,
}

impl Rise {
    fn growth(&self) -> f64 {
        self.last.1 - self.first.1
    }
}

/// The stretches without restart or pause that are long enough and in which the value rose.
fn rises(series: &Series, restarts: &[Restart]) -> Vec<Rise> {
    let stretches = series.stretches(restarts).into_iter().filter(|range| range.len() >= LEAST_POINTS);
    stretches.filter_map(|range| rise(series, range)).collect()
}

fn rise(series: &Series, range: Range<usize>) -> Option<Rise> {
    let points = series.points.get(range.clone())?;
    let (first, last) = (*points.first()?, *points.last()?);
    let seconds = |time: UtcTime| (time.0 as f64 - first.0.0 as f64) / 1e9;
    let points: Vec<(f64, f64)> = points.iter().map(|(time, value)| (seconds(*time), *value)).collect();
    let trend_of_all = trend(&points)?;
    let growth = trend_of_all.slope * seconds(last.0);
    if !trend_of_all.is_rising() || growth < LEAST_GROWTH * first.1.abs() || last.1 <= first.1 {
        return None;
    }
    let later = points.get(points.len() / 2..).and_then(trend);
    let levels_off = later.is_some_and(|later| later.slope < trend_of_all.slope / 4.0);
    Some(Rise { range, first, last, trend: trend_of_all, seconds: seconds(last.0), levels_off })
}

fn trend_evidence(series: &Series, rise: &Rise, unit: fn(f64) -> String) -> Evidence {
    let Trend { slope, rising, pairs, .. } = rise.trend;
    let statement = format!(
        "{} went from {} to {} in {} samples over {:.0} s; the median of the slopes of all pairs (Theil-Sen) is {} per minute, and {rising} of {pairs} pairs rise",
        series.name,
        unit(rise.first.1),
        unit(rise.last.1),
        rise.range.len(),
        rise.seconds,
        unit(slope * 60.0),
    );
    Evidence::new(Basis::Derived, statement)
        .cite(series.cite(rise.range.start))
        .cite(series.cite(rise.range.end.saturating_sub(1)))
}

fn memory_rising(series: &Series, restarts: &[Restart], rise: &Rise) -> Finding {
    let title = format!(
        "Resident memory of {} rose from {} to {} between {} and {}",
        series.target(),
        mebibytes(rise.first.1),
        mebibytes(rise.last.1),
        rise.first.0,
        rise.last.0
    );
    let mut finding = Finding::new("memory-rising", Severity::Warning, Confidence::Moderate, title)
        .about(series.target())
        .with_evidence(trend_evidence(series, rise, mebibytes))
        .refuted_if("the same process is later seen with less resident memory without a restart");
    if let Some(lower) = drop_behind(series, restarts, rise) {
        finding = finding.with_evidence(lower);
    }
    if rise.levels_off {
        let statement = "in the second half of that time it rose less than a quarter as fast: caches that fill up level off like this";
        finding =
            finding.with_against(Evidence::new(Basis::Derived, statement).cite(series.citation.clone()));
    }
    finding
}

/// A lower value behind the stretch: it is another process, or may be one, and so no recovery.
fn drop_behind(series: &Series, restarts: &[Restart], rise: &Rise) -> Option<Evidence> {
    let (time, value) = *series.points.get(rise.range.end).filter(|(_, value)| *value < rise.last.1)?;
    let has_restarted = restarts.iter().any(|restart| restart.after < time && rise.last.0 < restart.until);
    let why = if has_restarted {
        "the process was restarted in between"
    } else {
        "nothing was sampled in between, in which time it may have been restarted"
    };
    let statement = format!("{} at {time} is no recovery: {why}", mebibytes(value));
    Some(Evidence::new(Basis::Derived, statement).cite(series.cite(rise.range.end)))
}

/// A limit on memory, and whose it is.
struct MemoryLimit {
    bytes: f64,
    of: String,
    citation: Citation,
}

fn limits(telemetry: &Telemetry) -> Vec<MemoryLimit> {
    let of_containers = telemetry.containers.iter().filter_map(|end| {
        let bytes = end.memory_limit? as f64;
        Some(MemoryLimit { bytes, of: format!("container {}", end.name), citation: end.citation.clone() })
    });
    let of_series = telemetry.series.iter().filter_map(|series| {
        let is_limit = match series.name.as_str() {
            "container_spec_memory_limit_bytes" => true,
            "kube_pod_container_resource_limits" => series.label("resource") == Some("memory"),
            _ => false,
        };
        let bytes = series.points.last().map(|(_, value)| *value).or(series.value)?;
        (is_limit && bytes > 0.0).then(|| MemoryLimit {
            bytes,
            of: series.target(),
            citation: series.cite(series.points.len().saturating_sub(1)),
        })
    });
    of_containers.chain(of_series).collect()
}

fn memory_limit_near(series: &Series, limit: &MemoryLimit) -> Option<Finding> {
    let points = series.points.iter().enumerate();
    let (index, (time, value)) = points.max_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b))?;
    let share = value / limit.bytes;
    if share < NEAR {
        return None;
    }
    let title = format!(
        "Memory of {} was {} at {time}: {:.0} % of the limit of {}",
        series.target(),
        mebibytes(*value),
        share * 100.0,
        limit.of
    );
    let evidence = Evidence::new(
        Basis::Derived,
        format!("{} against a limit of {}", series.name, mebibytes(limit.bytes)),
    )
    .cite(series.cite(index))
    .cite(limit.citation.clone());
    let against = if share > 1.05 {
        "it is more than the limit, which the kernel does not allow: the limit is of another time or another container"
    } else {
        "no export says that these samples are of the container with this limit"
    };
    let confidence = if share > 1.05 { Confidence::Weak } else { Confidence::Moderate };
    Some(
        Finding::new("memory-limit-near", Severity::Warning, confidence, title)
            .about(series.target())
            .with_evidence(evidence)
            .with_against(Evidence::new(Basis::Derived, against))
            .refuted_if("the samples are of another container, or the limit was another one at that time"),
    )
}

/// Open files against how many may be open.
fn files(series: &Series, restarts: &[Restart], most: Option<&Series>) -> Option<Finding> {
    let rise = rises(series, restarts).pop().filter(|rise| rise.growth() >= LEAST_FILES);
    let (time, last) = match series.points.last() {
        Some((time, last)) => (format!(" at {time}"), *last),
        None => (String::new(), series.value?),
    };
    let limit = most.and_then(|most| {
        let value = most.points.last().map(|(_, value)| *value).or(most.value)?;
        Some((value, most.cite(most.points.len().saturating_sub(1)))).filter(|(value, _)| *value > 0.0)
    });
    let share = limit.as_ref().map(|(limit, _)| last / limit);
    let is_near = share.is_some_and(|share| share >= NEAR);
    if rise.is_none() && !is_near {
        return None;
    }
    let of_limit = limit.as_ref().zip(share).map_or_else(String::new, |((limit, _), share)| {
        format!(", {:.0} % of the {limit:.0} that may be", share * 100.0)
    });
    let title = format!("{last:.0} files of {} were open{time}{of_limit}", series.target());
    let severity = if is_near { Severity::Error } else { Severity::Warning };
    let mut finding = Finding::new("open-files-rising", severity, Confidence::Moderate, title)
        .about(series.target())
        .refuted_if("the number falls again in the same process when load falls");
    if let Some(rise) = rise {
        finding = finding.with_evidence(trend_evidence(series, &rise, |count| format!("{count:.1}")));
    }
    if let Some((limit, citation)) = limit {
        let statement = format!("{last:.0} of at most {limit:.0}");
        let index = series.points.len().saturating_sub(1);
        finding = finding
            .with_evidence(Evidence::new(Basis::Observed, statement).cite(series.cite(index)).cite(citation));
    }
    Some(finding)
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / 1_048_576.0)
}
