use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity, Timestamp, UtcTime};

use super::lives::Lives;
use super::memory::{LEAST_BYTES, mebibytes};
use crate::document::{Series, Telemetry};

const VIRTUAL: &str = "process_virtual_memory_bytes";
const RESIDENT: &str = "process_resident_memory_bytes";
/// A value stands still when so many samples show the same.
const LEAST_LEVEL: usize = 4;

/// Judges whether the address space stopped growing at one size while the process used more and more of it, as it does
/// when it has met a limit (`ulimit -v`, `RLIMIT_AS`): allocators then fill what they had reserved.
pub(super) fn judge(telemetry: &mut Telemetry, lives: &Lives, died_at: Option<Timestamp>) {
    let mut findings = Vec::new();
    for series in telemetry.series.iter().filter(|series| series.name == VIRTUAL) {
        let target = series.target();
        if lives.is_mixed(&target) {
            continue;
        }
        let restarts = lives.restarts_of(&target);
        let of_target = |other: &&Series| other.name == RESIDENT && other.target() == target;
        let Some(resident) = telemetry.series.iter().find(of_target) else { continue };
        let stretches = series.stretches(restarts).into_iter();
        let mut ended = stretches.filter_map(|range| Level::at_the_end_of(series, range));
        let died = died_at.map_or(UtcTime(i64::MAX), Timestamp::latest);
        let Some(level) = ended.rfind(|level| level.from.0 < died) else { continue };
        findings.extend(level.finding(series, resident));
    }
    telemetry.findings.extend(findings);
}

/// The end of a stretch of samples, where the value stands still.
struct Level {
    first: usize,
    last: usize,
    from: (UtcTime, f64),
    to: UtcTime,
    /// What it was just before.
    before: f64,
}

impl Level {
    fn at_the_end_of(series: &Series, range: std::ops::Range<usize>) -> Option<Self> {
        let points = series.points.get(range.clone())?;
        let (to, value) = *points.last()?;
        let same = points.iter().rev().take_while(|(_, other)| other.total_cmp(&value).is_eq()).count();
        // That it had another size before tells it from memory that is all taken at the start.
        let start = points.len().checked_sub(same).filter(|start| *start > 0 && same >= LEAST_LEVEL)?;
        let (from, before) = (*points.get(start)?, points.get(start - 1)?.1);
        (before < value).then_some(Self { first: range.start + start, last: range.end - 1, from, to, before })
    }

    fn finding(&self, series: &Series, resident: &Series) -> Option<Finding> {
        let at = |time: UtcTime| resident.points.iter().position(|(at, _)| *at == time);
        let (start, end) = (at(self.from.0)?, at(self.to)?);
        let (used, later) = (resident.points.get(start)?.1, resident.points.get(end)?.1);
        if later - used < LEAST_BYTES {
            return None;
        }
        let (target, size) = (series.target(), mebibytes(self.from.1));
        let title = format!(
            "The address space of {target} stood still at {size} while resident memory rose from {} to {}",
            mebibytes(used),
            mebibytes(later)
        );
        let level = format!(
            "{VIRTUAL} rose from {} to {size} and was the same in the {} samples from {} to {}",
            mebibytes(self.before),
            self.last - self.first + 1,
            self.from.0,
            self.to
        );
        let level =
            Evidence::new(Basis::Observed, level).cite(series.cite(self.first)).cite(series.cite(self.last));
        let rise = Evidence::new(Basis::Observed, "resident memory at the first and the last of them")
            .cite(resident.cite(start))
            .cite(resident.cite(end));
        let meaning =
            "a limit of the address space is met like this: allocators fill what they have, and get no more";
        Some(
            Finding::new("address-space-level", Severity::Info, Confidence::Weak, title)
                .about(target)
                .with_evidence(level)
                .with_evidence(rise)
                .with_evidence(Evidence::new(Basis::Inferred, meaning))
                .refuted_if("the process has no such limit (/proc/PID/limits), and had reserved as much before it used it"),
        )
    }
}
