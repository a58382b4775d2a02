//! Whether something came more often or less often before a death than the log lets expect.
//!
//! Counts of `k0` in `t0` and `k1` in `t1` seconds are taken as Poisson's. If the rate is one, `k1` of all `n = k0 + k1`
//! follows a binomial distribution with `p = t1 / (t0 + t1)` (J. Przyborowski and H. Wilenski, "Homogeneity of results
//! in testing samples from Poisson series", Biometrika 31, 1940). The two-sided p-value is twice the smaller tail. As
//! all templates of a scan are tested at once, p-values are held against the false discovery rate (Y. Benjamini and
//! Y. Hochberg, J. R. Stat. Soc. B 57, 1995).
//!
//! Messages come in bursts, which Poisson's distribution does not know. So a change must also be out of the range of
//! all earlier stretches as long as the window that were counted.

use pycoroner_findings::UtcTime;
use serde::{Deserialize, Serialize};
use statrs::function::beta::beta_reg;

use crate::changes::{Change, RateTest, Rounded, Silence};
use crate::tally::{STRETCHES, Tally};
use crate::window::Comparison;

/// Part of the changes that may be there by chance.
const FALSE_DISCOVERIES: f64 = 0.01;
/// Stretches that tell what is usual.
const FEWEST_STRETCHES: usize = 3;
/// Shorter silences are none to anybody who reads a log.
const SHORTEST_SILENCE_MS: i64 = 1000;
/// Gaps that tell a pace.
const FEWEST_GAPS: u64 = 5;

/// Which way a rate changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// More often than before.
    More,
    /// Less often than before.
    Less,
}

/// When each log was written, by the bit that stands for it in a tally.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    /// None for a log without any time.
    logs: Vec<Option<(UtcTime, UtcTime)>>,
}

/// Milliseconds of log before the window, and in it before the death; summed over logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exposure {
    pub(crate) before_ms: i64,
    pub(crate) inside_ms: i64,
}

/// The bit that stands for a log; the last one stands for all further ones.
pub(crate) fn log_bit(log: usize) -> u64 {
    1 << log.min(63)
}

impl Coverage {
    pub(crate) fn new(spans: Vec<Option<(UtcTime, UtcTime)>>) -> Self {
        Self { logs: spans }
    }

    /// Of the logs whose bits are set.
    fn of(&self, logs: u64) -> impl Iterator<Item = &(UtcTime, UtcTime)> {
        let is_set = move |bit: usize| logs & log_bit(bit) != 0;
        self.logs
            .iter()
            .enumerate()
            .filter(move |(bit, _)| is_set(*bit))
            .filter_map(|(_, span)| span.as_ref())
    }

    pub(crate) fn exposure(&self, logs: u64, comparison: &Comparison) -> Exposure {
        let overlap = |from: UtcTime, to: UtcTime| to.millis_since(from).max(0);
        let mut exposure = Exposure::default();
        for (first, last) in self.of(logs) {
            exposure.before_ms += overlap(*first, comparison.from.min(*last));
            exposure.inside_ms += overlap(comparison.from.max(*first), comparison.end.min(*last));
        }
        exposure
    }

    /// At least as much of the logs lies before the window as in it.
    pub(crate) fn knows_before(&self, logs: u64, comparison: &Comparison) -> bool {
        let Exposure { before_ms, inside_ms } = self.exposure(logs, comparison);
        before_ms >= inside_ms.max(1)
    }

    /// Whole stretches before the window that a log covers.
    fn stretches(&self, logs: u64, comparison: &Comparison) -> usize {
        let first = self.of(logs).map(|(first, _)| *first).min();
        let before = first.map_or(0, |first| comparison.from.millis_since(first));
        usize::try_from(before / comparison.stretch_ms().max(1)).unwrap_or(0).min(STRETCHES)
    }

    /// When the logs ended, or the death if that was earlier.
    fn end(&self, logs: u64, comparison: &Comparison) -> Option<UtcTime> {
        self.of(logs).map(|(_, last)| *last).max().map(|last| last.min(comparison.end))
    }
}

/// The probability of at most `count` of `total`, each with `chance`.
fn at_most(count: u64, total: u64, chance: f64) -> f64 {
    if count >= total { 1.0 } else { beta_reg((total - count) as f64, (count + 1) as f64, 1.0 - chance) }
}

/// The probability of at least `count` of `total`, each with `chance`.
fn at_least(count: u64, total: u64, chance: f64) -> f64 {
    if count == 0 { 1.0 } else { beta_reg(count as f64, (total - count + 1) as f64, chance) }
}

/// What one test compares.
#[derive(Clone, Debug)]
struct Tested {
    change: Change,
    /// It is out of the range of the earlier stretches.
    is_unusual: bool,
    p_value: f64,
}

fn test(tally: &Tally, coverage: &Coverage, comparison: &Comparison) -> Option<Tested> {
    let Exposure { before_ms, inside_ms } = coverage.exposure(tally.logs, comparison);
    // Too little log before the window tells nothing about what is usual.
    if before_ms < inside_ms || inside_ms < 1000 {
        return None;
    }
    let total = tally.before + tally.inside;
    let chance = inside_ms as f64 / (before_ms + inside_ms) as f64;
    let (less, more) = (at_most(tally.inside, total, chance), at_least(tally.inside, total, chance));
    let direction = if more < less { Direction::More } else { Direction::Less };
    let known = coverage.stretches(tally.logs, comparison);
    let most = tally.stretches(known).max().unwrap_or(0);
    let fewest = tally.stretches(known).min().unwrap_or(0);
    let is_unusual = known >= FEWEST_STRETCHES
        && match direction {
            Direction::More => tally.inside > most,
            Direction::Less => tally.inside < fewest,
        };
    let p_value = (2.0 * less.min(more)).min(1.0);
    let change = Change {
        direction,
        before: tally.before,
        before_ms: before_ms.unsigned_abs(),
        inside: tally.inside,
        inside_ms: inside_ms.unsigned_abs(),
        expected: Rounded(tally.before as f64 * inside_ms as f64 / before_ms as f64),
        stretches: known as u64,
        most_in_a_stretch: most,
        fewest_in_a_stretch: fewest,
        p_value: Rounded(p_value),
    };
    Some(Tested { change, is_unusual, p_value })
}

/// A silence at the death, if the gaps before it do not lead one to expect it.
///
/// With `n` gaps that took `T` in all, and a rate that stays, the probability of a gap of at least `s` is
/// `(T / (T + s))^n`: the same test with a count of none.
fn silence(tally: &Tally, coverage: &Coverage, comparison: &Comparison) -> Option<(Silence, f64)> {
    let run = tally.pace.whole()?;
    let gaps = (tally.before + tally.inside).checked_sub(1)?;
    let span_ms = run.last.millis_since(run.first);
    let silent_ms = coverage.end(tally.logs, comparison)?.millis_since(run.last);
    if gaps < FEWEST_GAPS || span_ms <= 0 || silent_ms <= run.longest_gap_ms.max(SHORTEST_SILENCE_MS) {
        return None;
    }
    let p_value = at_most(0, gaps, silent_ms as f64 / (span_ms + silent_ms) as f64);
    let silence = Silence {
        since: run.last,
        silent_ms: silent_ms.unsigned_abs(),
        usual_interval_ms: span_ms.unsigned_abs() / gaps,
        longest_gap_ms: run.longest_gap_ms.unsigned_abs(),
        seen: gaps + 1,
        p_value: Rounded(p_value),
        place: tally.place_before_death,
        again: tally.back.map(|(time, _)| time),
        again_place: tally.back.map(|(_, place)| place),
    };
    Some((silence, p_value))
}

/// What one tally shows beyond its counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) change: Option<Change>,
    pub(crate) silence: Option<Silence>,
    /// In the window and never before it; `None` when too little of its logs lies before the window.
    pub(crate) is_new: Option<bool>,
}

/// Tests all tallies together.
pub(crate) fn judge(
    tallies: &[&Tally],
    coverage: &Coverage,
    comparison: &Comparison,
) -> (Vec<Verdict>, RateTest) {
    let mut verdicts = vec![Verdict::default(); tallies.len()];
    let mut changes = Vec::new();
    let mut silences = Vec::new();
    for (index, (tally, verdict)) in tallies.iter().zip(&mut verdicts).enumerate() {
        if coverage.knows_before(tally.logs, comparison) {
            verdict.is_new =
                Some(tally.before == 0 && tally.inside + tally.around_death + tally.after_death > 0);
        }
        changes.extend(test(tally, coverage, comparison).map(|tested| (index, tested)));
        silences.extend(silence(tally, coverage, comparison).map(|silence| (index, silence)));
    }
    // A silence is looked for wherever there is a pace.
    let paced = tallies.iter().filter(|tally| tally.before + tally.inside > FEWEST_GAPS).count();
    let change_limit = limit(changes.iter().map(|(_, tested)| tested.p_value), changes.len());
    let silence_limit = limit(silences.iter().map(|(_, (_, p_value))| *p_value), paced);
    let test = RateTest { tested: changes.len() as u64, paces: paced as u64, ..RateTest::default() };
    for (index, tested) in changes {
        if let Some(verdict) = verdicts.get_mut(index) {
            verdict.change = (tested.is_unusual && tested.p_value <= change_limit).then_some(tested.change);
        }
    }
    for (index, (silence, p_value)) in silences {
        if let Some(verdict) = verdicts.get_mut(index) {
            verdict.silence = (p_value <= silence_limit).then_some(silence);
        }
    }
    (verdicts, test)
}

/// The largest p-value that Benjamini's and Hochberg's procedure accepts among `tests`; negative when it is none.
fn limit(p_values: impl Iterator<Item = f64>, tests: usize) -> f64 {
    let mut p_values: Vec<f64> = p_values.collect();
    p_values.sort_by(f64::total_cmp);
    let is_accepted = |(rank, p_value): &(usize, &f64)| {
        **p_value <= FALSE_DISCOVERIES * (rank + 1) as f64 / tests.max(1) as f64
    };
    p_values.iter().enumerate().rfind(is_accepted).map_or(-1.0, |(_, p_value)| *p_value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of R 4.3, `pbinom`.
    #[test]
    fn tails() {
        let check = |value: f64, expected: f64| {
            assert!((value - expected).abs() <= expected * 1e-9, "{value:e} is not {expected:e}");
        };
        check(at_most(0, 10, 0.1), 0.348_678_440_1);
        check(at_most(3, 10, 0.5), 0.171_875);
        check(at_least(8, 10, 0.5), 0.054_687_5);
        check(at_least(10, 10, 0.1), 1e-10);
        check(at_most(10, 10, 0.1), 1.0);
        check(at_least(0, 10, 0.1), 1.0);
        assert!(at_least(1_000_000, 100_000_000, 0.005) < 1e-100);
    }

    /// The example of Benjamini and Hochberg (1995), section 3.2, at 0.05: four of fifteen.
    #[test]
    fn false_discoveries() {
        let p_values = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0,
        ];
        // The procedure is the same at any rate: p-values and the rate are scaled alike.
        let scaled = p_values.iter().map(|p_value| p_value * FALSE_DISCOVERIES / 0.05);
        let accepted = limit(scaled, p_values.len());
        assert!((accepted - 0.0095 / 5.0).abs() < 1e-12, "{accepted}");
        assert!(limit([0.5, 0.9].into_iter(), 2) < 0.0);
    }
}
