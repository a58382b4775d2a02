//! Stretches of one life of a target in which a value rose.

use std::ops::Range;

use pycoroner_findings::{Basis, Evidence, UtcTime};

use super::lives::Restart;
use super::statistics::{Trend, trend};
use crate::document::Series;

/// A trend needs so many samples of one life.
pub(super) const LEAST_POINTS: usize = 5;
/// Growth of less than this share of where it began is none.
const LEAST_GROWTH: f64 = 0.1;

/// A stretch of one life in which a value rose.
pub(super) struct Rise {
    pub(super) range: Range<usize>,
    pub(super) first: (UtcTime, f64),
    pub(super) last: (UtcTime, f64),
    pub(super) trend: Trend,
    pub(super) seconds: f64,
    /// Whether it rose much slower in the second half.
    pub(super) levels_off: bool,
}

impl Rise {
    pub(super) fn growth(&self) -> f64 {
        self.last.1 - self.first.1
    }
}

/// The stretches without restart or pause that are long enough and in which the value rose.
pub(super) fn rises(series: &Series, restarts: &[Restart]) -> Vec<Rise> {
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

pub(super) fn trend_evidence(series: &Series, rise: &Rise, unit: fn(f64) -> String) -> Evidence {
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
