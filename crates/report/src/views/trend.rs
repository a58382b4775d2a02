//! Metrics around a death: what was measured, where nothing was, and of which process.

use pycoroner_findings::UtcTime;

use super::answering::Answering;
use crate::markdown::quantity::bytes_text;
use crate::sections::{Series, TelemetrySection};

/// Names of metrics that say how much memory a process or container had, by the part that tells them.
const MEMORY: [&str; 6] = [
    "resident_memory_bytes",
    "memory_working_set_bytes",
    "memory_rss",
    "memory_usage_bytes",
    "process.memory.usage",
    "process_runtime_memory_bytes",
];
/// A pause this many times as long as the usual one is a gap: some samples are missing.
const GAP_INTERVALS: f64 = 2.5;

/// One series, read as a curve.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trend<'a> {
    pub(crate) series: &'a Series,
    /// Time between two samples, as most of them have it.
    pub(crate) interval_nanos: i64,
    /// Times between which no sample was taken.
    pub(crate) gaps: Vec<(UtcTime, UtcTime)>,
}

/// What was last measured before a death, and of which process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LastLife {
    /// Of the process that answered up to the death.
    Of(Summary),
    /// Of one of several processes that answered in turn.
    OfOneOf(Summary),
    /// All that was measured is of processes before it, the last of them then.
    OfOthers(UtcTime),
    /// Nothing was measured before it.
    Unmeasured,
}

/// What the samples of one life of a process add up to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) first: (UtcTime, f64),
    pub(crate) last: (UtcTime, f64),
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) samples: usize,
    /// Share of the steps that rise, among those that change.
    pub(crate) rising: f64,
}

impl<'a> Trend<'a> {
    /// Reads a series; `None` for one without two samples.
    pub(crate) fn of(series: &'a Series) -> Option<Self> {
        let mut steps: Vec<i64> =
            series.points.windows(2).map(|pair| pair[1].0.0.saturating_sub(pair[0].0.0)).collect();
        steps.sort_unstable();
        let interval_nanos = *steps.get(steps.len() / 2)?;
        let longest = interval_nanos as f64 * GAP_INTERVALS;
        let gaps = series
            .points
            .windows(2)
            .filter(|pair| (pair[1].0.0.saturating_sub(pair[0].0.0)) as f64 > longest);
        let gaps = gaps.map(|pair| (pair[0].0, pair[1].0)).collect();
        Some(Self { series, interval_nanos, gaps })
    }

    /// What the samples up to a death say of the process that died.
    pub(crate) fn last_life(&self, died: Option<UtcTime>, process: &Answering) -> LastLife {
        let restarts = &self.series.restarts;
        let next = died.and_then(|died| restarts.iter().copied().filter(|restart| *restart > died).min());
        // The answer to a range query has each sample at the query's next step: where the next process is known, what
        // is stamped a step behind the death is still of the one that died.
        let slack = if next.is_some() { self.interval_nanos } else { 0 };
        let end = died.map_or(UtcTime(i64::MAX), |died| UtcTime(died.0.saturating_add(slack)));
        let is_before = |time: UtcTime| time <= end && next.is_none_or(|next| time < next);
        let before: Vec<(UtcTime, f64)> =
            self.series.points.iter().copied().filter(|(time, _)| is_before(*time)).collect();
        let begin = restarts.iter().copied().filter(|restart| is_before(*restart)).max();
        let is_own = |(time, _): &&(UtcTime, f64)| {
            begin.is_none_or(|begin| *time >= begin) && process.may_be_at(*time)
        };
        let own: Vec<(UtcTime, f64)> = before.iter().filter(is_own).copied().collect();
        match (Summary::of(&own), before.last()) {
            (Some(life), _) if self.series.takes_turns && !process.is_told_apart() => LastLife::OfOneOf(life),
            (Some(life), _) => LastLife::Of(life),
            (None, Some((last, _))) => LastLife::OfOthers(*last),
            (None, None) => LastLife::Unmeasured,
        }
    }

    /// The curve in so many columns of equal time; `None` where there is no sample.
    pub(crate) fn columns(&self, width: usize) -> Vec<Option<f64>> {
        let points = &self.series.points;
        let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else { return Vec::new() };
        let span = last.0.saturating_sub(first.0).max(1);
        // No column is shorter than the interval: a column without a sample is then a gap and no accident.
        let possible = (span / self.interval_nanos.max(1)).saturating_add(1);
        let width = width.min(usize::try_from(possible).unwrap_or(width)).max(1);
        let mut columns = vec![None; width];
        for (time, value) in points {
            let column = column(*first, *last, *time, width);
            // Of `up` the times that it was not are what counts.
            let telling = if self.series.name == "up" { f64::min } else { f64::max };
            columns[column] = Some(columns[column].map_or(*value, |before: f64| telling(before, *value)));
        }
        columns
    }
}

impl Trend<'_> {
    /// The curve as text, with `│` where the process began anew.
    pub(crate) fn curve(&self, width: usize) -> String {
        let columns = self.columns(width);
        let blocks = sparkline(&columns);
        let points = &self.series.points;
        let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else { return blocks };
        let begins: std::collections::BTreeSet<usize> = self
            .series
            .restarts
            .iter()
            .filter(|time| (*first..=*last).contains(time))
            .map(|time| column(*first, *last, *time, columns.len()))
            .collect();
        let mut curve = String::new();
        for (index, block) in blocks.chars().enumerate() {
            if index > 0 && begins.contains(&index) {
                curve.push('│');
            }
            curve.push(block);
        }
        curve
    }
}

/// In which of so many columns a time lies.
fn column(first: UtcTime, last: UtcTime, time: UtcTime, width: usize) -> usize {
    let span = last.0.saturating_sub(first.0).max(1);
    let passed = i128::from(time.0.saturating_sub(first.0)) * width as i128 / (i128::from(span) + 1);
    usize::try_from(passed).unwrap_or(0).min(width.saturating_sub(1))
}

impl Summary {
    fn of(points: &[(UtcTime, f64)]) -> Option<Self> {
        let (first, last) = (*points.first()?, *points.last()?);
        let values = || points.iter().map(|(_, value)| *value);
        let steps: Vec<f64> = points.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
        let changes = steps.iter().filter(|step| **step != 0.0).count();
        let rises = steps.iter().filter(|step| **step > 0.0).count();
        Some(Self {
            first,
            last,
            least: values().fold(f64::INFINITY, f64::min),
            most: values().fold(f64::NEG_INFINITY, f64::max),
            samples: points.len(),
            rising: if changes == 0 { 0.0 } else { rises as f64 / changes as f64 },
        })
    }
}

/// The series that say how much memory was used, the longest first.
pub(crate) fn memory(telemetry: &TelemetrySection) -> Vec<&Series> {
    named(telemetry, &MEMORY)
}

/// The series whose names hold one of these, the one with the most samples first.
pub(crate) fn named<'a>(telemetry: &'a TelemetrySection, names: &[&str]) -> Vec<&'a Series> {
    let is_named = |series: &&Series| names.iter().any(|name| series.name.contains(name));
    let mut found: Vec<&Series> = telemetry.series.iter().filter(is_named).collect();
    found.sort_by_key(|series| std::cmp::Reverse(series.points.len()));
    found
}

/// A value of a series as people read it.
pub(crate) fn value_text(series: &Series, value: f64) -> String {
    let is_bytes = series.name.contains("bytes") || series.name.contains("memory");
    if is_bytes && value >= 0.0 {
        bytes_text(value as u64)
    } else if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

/// `▁▂▅█·█`: each column from the least to the most, `·` where nothing was measured.
pub(crate) fn sparkline(columns: &[Option<f64>]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values = || columns.iter().flatten().copied().filter(|value| value.is_finite());
    let least = values().fold(f64::INFINITY, f64::min);
    let most = values().fold(f64::NEG_INFINITY, f64::max);
    let block = |value: &Option<f64>| match value {
        Some(value) if value.is_finite() => {
            let share = if most > least { (value - least) / (most - least) } else { 0.0 };
            BLOCKS[((share * 7.0).round() as usize).min(7)]
        }
        _ => '·',
    };
    columns.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, points: &[(i64, f64)]) -> Series {
        let points = points.iter().map(|(second, value)| (UtcTime(second * 1_000_000_000), *value)).collect();
        Series { name: name.into(), points, ..Series::default() }
    }

    #[test]
    fn gaps_are_drawn_as_gaps() {
        let check = |points: &[(i64, f64)], expected: &str, gaps: usize| {
            let telemetry = TelemetrySection { series: vec![series("rss", points)], ..Default::default() };
            let trend = Trend::of(&telemetry.series[0]).unwrap();
            assert_eq!(sparkline(&trend.columns(8)), expected, "{points:?}");
            assert_eq!(trend.gaps.len(), gaps, "{points:?}");
        };
        check(&[(0, 1.0), (5, 2.0), (10, 3.0)], "▁▅█", 0);
        check(&[(0, 1.0), (5, 8.0), (20, 8.0), (25, 8.0), (30, 8.0)], "▁█··███", 1);
        check(&[(0, 7.0), (5, 7.0)], "▁▁", 0);
        check(&[(0, f64::NAN), (5, 7.0)], "·▁", 0);
    }

    #[test]
    fn a_life_begins_at_a_restart() {
        let second = |second: i64| UtcTime(second * 1_000_000_000);
        let points = [(0, 10.0), (5, 90.0), (10, 20.0), (15, 30.0)];
        let series =
            Series { restarts: vec![second(10)], ..series("process_resident_memory_bytes", &points) };
        let trend = Trend::of(&series).unwrap();
        assert_eq!(trend.curve(8), "▁█│▂▃");
        for died in [4, 7] {
            let life = trend.last_life(Some(second(died)), &Answering::default());
            let LastLife::Of(before) = life else { panic!("{life:?}") };
            assert_eq!((before.first.1, before.last.1, before.rising), (10.0, 90.0, 1.0));
        }
        let LastLife::Of(after) = trend.last_life(None, &Answering::default()) else { panic!() };
        assert_eq!((after.first.1, after.last.1), (20.0, 30.0));
    }

    #[test]
    fn samples_of_several_processes_are_of_one_of_them() {
        let check = |series: &Series, died: i64, expected: fn(LastLife) -> bool| {
            let died = Some(UtcTime(died * 1_000_000_000));
            let life = Trend::of(series).unwrap().last_life(died, &Answering::default());
            assert!(expected(life), "{life:?}");
        };
        let of_one = series("rss", &[(0, 10.0), (5, 11.0)]);
        check(&of_one, 7, |life| matches!(life, LastLife::Of(life) if life.samples == 2));
        check(&of_one, -1, |life| life == LastLife::Unmeasured);
        let in_turn = Series { takes_turns: true, ..of_one };
        check(&in_turn, 7, |life| matches!(life, LastLife::OfOneOf(life) if life.samples == 2));
    }

    #[test]
    fn extreme_times_are_no_panic() {
        let extreme = series("rss", &[]);
        let points = vec![(UtcTime(i64::MIN / 2), 1.0), (UtcTime(i64::MAX / 2), f64::INFINITY)];
        let telemetry = TelemetrySection { series: vec![Series { points, ..extreme }], ..Default::default() };
        let trend = Trend::of(&telemetry.series[0]).unwrap();
        assert_eq!(sparkline(&trend.columns(4)).chars().count(), 2);
    }
}
