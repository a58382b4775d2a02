use pycoroner_findings::{Basis, Citation, Confidence, Evidence, Finding, Severity, Timestamp, UtcTime};

use super::lives::{Lives, Restart};
use super::rise::{LEAST_POINTS, Rise, rises, trend_evidence};
use crate::document::{Series, Telemetry};

/// Memory that grew by less is left alone.
pub(super) const LEAST_BYTES: f64 = 4.0 * 1024.0 * 1024.0;
/// From this growth and this factor on, a rise is beyond doubt.
const MUCH_BYTES: f64 = 32.0 * 1024.0 * 1024.0;
const MUCH: f64 = 1.5;
/// From this factor between neighbouring samples on memory has jumped, if that makes up most of its rise.
const JUMPED: f64 = 1.8;
const MOST_OF_RISE: f64 = 0.6;
/// Most lives of one target in which memory rose that are stated, the last ones.
const MOST_RISES: usize = 5;
/// From this share of a limit on, a value is near it.
const NEAR: f64 = 0.9;
/// Samples reach up to the end when it came no later than so many intervals, and so many nanoseconds.
const LATE_INTERVALS: i64 = 3;
const LATE_NANOS: i64 = 60_000_000_000;

/// Judges whether memory rose or jumped up to the end, and how near it came to its limits.
pub(super) fn judge(telemetry: &mut Telemetry, lives: &Lives, died_at: Option<Timestamp>) {
    let mut findings = Vec::new();
    let limits = limits(telemetry);
    let resident = || telemetry.series.iter().filter(|series| is_resident(series));
    let targets: std::collections::BTreeSet<String> = resident().map(Series::target).collect();
    for series in resident() {
        let is_mixed = lives.is_mixed(&series.target());
        // What answers behind the death is not what died, whoever it is.
        let end = died_at.filter(|_| is_mixed).map(|died| Restart::at(died.time));
        let restarts = if is_mixed { end.as_slice() } else { lives.restarts_of(&series.target()) };
        let others = targets.len().saturating_sub(1);
        let life = Life { series, restarts, died_at, others, is_mixed };
        // Several processes that answer in turn jump from one to the other.
        let jump = if is_mixed { None } else { life.jump() };
        let jumped = jump.as_ref().map(|jump| jump.time);
        findings.extend(jump.map(|jump| life.jumped(&jump)));
        let rises = rises(series, life.restarts).into_iter().filter(|rise| rise.growth() >= LEAST_BYTES);
        let is_jump = |rise: &Rise| jumped.is_some_and(|time| rise.first.0 < time && time <= rise.last.0);
        let mut rises: Vec<Rise> = rises.filter(|rise| !is_jump(rise)).collect();
        rises.drain(..rises.len().saturating_sub(MOST_RISES));
        findings.extend(rises.iter().map(|rise| life.rose(rise)));
        findings.extend(limits.iter().find_map(|limit| memory_limit_near(series, limit)));
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

/// Memory of one target, with what is known of its lives.
struct Life<'t> {
    series: &'t Series,
    restarts: &'t [Restart],
    died_at: Option<Timestamp>,
    /// Other targets whose memory was measured.
    others: usize,
    /// Several processes answer in turn.
    is_mixed: bool,
}

/// A sample that is much higher than the one before it.
struct Jump {
    index: usize,
    time: UtcTime,
    from: f64,
    to: f64,
}

impl Life<'_> {
    /// Whether what was sampled between two times was of the life that ended; always when no death is known.
    fn reaches_the_end(&self, first: UtcTime, last: UtcTime) -> bool {
        let Some(died) = self.died_at else { return true };
        let late = self.series.interval().unwrap_or(0).saturating_mul(LATE_INTERVALS).max(LATE_NANOS);
        // A process that began behind it, and before the death for certain, is the one that died.
        let began = |restart: &Restart| restart.started.unwrap_or(restart.until);
        let is_earlier =
            self.restarts.iter().any(|restart| restart.until > last && began(restart) < died.earliest());
        !is_earlier && first < died.time && died.time.0.saturating_sub(last.0) <= late
    }

    /// Whether a rise began behind the death, in a life that began there.
    fn is_later(&self, rise: &Rise, died: Timestamp) -> bool {
        let is_of_next = |restart: &Restart| restart.until <= rise.first.0 && restart.until >= died.time;
        rise.first.0 >= died.time && self.restarts.iter().any(is_of_next)
    }

    fn rose(&self, rise: &Rise) -> Finding {
        let target = self.series.target();
        let numbers = format!(
            "Resident memory of {target} rose from {} to {}",
            mebibytes(rise.first.1),
            mebibytes(rise.last.1)
        );
        let is_much = rise.growth() >= MUCH_BYTES && rise.last.1 >= MUCH * rise.first.1;
        let ends = self.reaches_the_end(rise.first.0, rise.last.0);
        let is_sure = ends && self.died_at.is_some() && is_much && !rise.levels_off && self.others == 0;
        let confidence = match is_sure {
            _ if self.is_mixed => Confidence::Weak,
            true => Confidence::Strong,
            false => Confidence::Moderate,
        };
        let between = format!("{numbers} between {} and {}", rise.first.0, rise.last.0);
        let (id, severity, title) = match self.died_at {
            Some(_) if ends => (
                "memory-rising",
                Severity::Warning,
                format!("{numbers} in {:.0} s, up to the end", rise.seconds),
            ),
            Some(died) if self.is_later(rise, died) => (
                "memory-rose-after",
                Severity::Info,
                format!("{between}, after the death: not of the process that died"),
            ),
            Some(_) => ("memory-rose-before", Severity::Info, between),
            None => ("memory-rising", Severity::Warning, between),
        };
        let mut finding = Finding::new(id, severity, confidence, title)
            .about(target)
            .with_evidence(trend_evidence(self.series, rise, mebibytes))
            .refuted_if("the same process is later seen with less resident memory without a restart");
        let lower = drop_behind(self.series, self.restarts, rise);
        if let Some(lower) = lower.filter(|_| !self.is_mixed) {
            finding = finding.with_evidence(lower);
        }
        if rise.levels_off {
            let statement = "in the second half of that time it rose less than a quarter as fast: caches that fill up level off like this";
            let evidence = Evidence::new(Basis::Derived, statement).cite(self.series.citation.clone());
            finding = finding.with_against(evidence);
        }
        self.doubted(finding)
    }

    /// The step that makes up most of the rise of the life that ended.
    fn jump(&self) -> Option<Jump> {
        let mut stretches = self.series.stretches(self.restarts);
        stretches.retain(|range| range.len() >= LEAST_POINTS);
        stretches.into_iter().rev().find_map(|range| {
            let points = self.series.points.get(range.clone())?;
            let (first, last) = (points.first()?, points.last()?);
            let steps = points.windows(2).enumerate().filter_map(|(index, pair)| match pair {
                [(_, from), (time, to)] => {
                    Some(Jump { index: range.start + index, time: *time, from: *from, to: *to })
                }
                _ => None,
            });
            let jump = steps.max_by(|a, b| (a.to - a.from).total_cmp(&(b.to - b.from)))?;
            let size = jump.to - jump.from;
            let is_jump = size >= MUCH_BYTES
                && jump.to >= JUMPED * jump.from
                && size >= MOST_OF_RISE * (last.1 - first.1)
                && last.1 >= MUCH * first.1
                && self.reaches_the_end(first.0, last.0);
            is_jump.then_some(jump)
        })
    }

    fn jumped(&self, jump: &Jump) -> Finding {
        let title = format!(
            "Resident memory of {} jumped from {} to {} between two samples",
            self.series.target(),
            mebibytes(jump.from),
            mebibytes(jump.to)
        );
        let evidence = Evidence::new(Basis::Observed, format!("the second of them is that of {}", jump.time))
            .cite(self.series.cite(jump.index))
            .cite(self.series.cite(jump.index + 1));
        let finding = Finding::new("memory-jumped", Severity::Warning, Confidence::Strong, title)
            .about(self.series.target())
            .with_evidence(evidence)
            .refuted_if("samples in between show a steady rise");
        self.doubted(finding)
    }

    /// With several targets, nothing says which of them is the process that died.
    fn doubted(&self, finding: Finding) -> Finding {
        if self.is_mixed {
            let statement = "its samples are of several processes that answered in turn";
            let evidence = Evidence::new(Basis::Derived, statement).cite(self.series.citation.clone());
            return finding.with_against(evidence);
        }
        if self.others == 0 {
            return finding;
        }
        let statement = format!(
            "memory of {} other targets was measured as well, and nothing says which of them died",
            self.others
        );
        finding.with_against(Evidence::new(Basis::Inferred, statement))
    }
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

pub(super) fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / 1_048_576.0)
}
