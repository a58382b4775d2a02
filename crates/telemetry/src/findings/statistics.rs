//! Slopes and tests that few outliers do not move.

/// Points that are taken of a longer series, evenly: all pairs of them are looked at.
const MOST_POINTS: usize = 300;

/// How a series of points moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trend {
    /// The median of the slopes of all pairs, per second.
    ///
    /// H. Theil (1950), P. K. Sen (1968), "Estimates of the regression coefficient based on Kendall's tau".
    pub(super) slope: f64,
    /// Pairs that rise.
    pub(super) rising: usize,
    /// Pairs that fall.
    pub(super) falling: usize,
    /// All pairs.
    pub(super) pairs: usize,
}

impl Trend {
    /// Whether it clearly goes up: rising pairs outnumber falling ones by half of all pairs (Kendall's tau).
    pub(super) fn is_rising(&self) -> bool {
        self.slope > 0.0 && 2 * self.rising.saturating_sub(self.falling) >= self.pairs
    }
}

/// The trend of points of seconds and values; `None` for less than three, or when all are of one time.
pub(super) fn trend(points: &[(f64, f64)]) -> Option<Trend> {
    let step = points.len().div_ceil(MOST_POINTS).max(1);
    let points: Vec<_> = points.iter().step_by(step).copied().collect();
    if points.len() < 3 {
        return None;
    }
    let (mut slopes, mut rising, mut falling, mut pairs) = (Vec::new(), 0, 0, 0);
    for (index, (x, y)) in points.iter().enumerate() {
        for (later_x, later_y) in points.iter().skip(index + 1) {
            pairs += 1;
            rising += usize::from(later_y > y);
            falling += usize::from(later_y < y);
            let slope = (later_y - y) / (later_x - x);
            if slope.is_finite() {
                slopes.push(slope);
            }
        }
    }
    if slopes.is_empty() {
        return None;
    }
    let middle = slopes.len() / 2;
    let (_, slope, _) = slopes.select_nth_unstable_by(middle, f64::total_cmp);
    Some(Trend { slope: *slope, rising, falling, pairs })
}

/// One-sided p-value of Fisher's exact test: how likely at least `hits_after` of `after` are hits by chance alone, when
/// hits were as likely before as after.
pub(super) fn fisher(hits_before: u64, before: u64, hits_after: u64, after: u64) -> f64 {
    let (hits, total) = (hits_before + hits_after, before + after);
    let all = ln_choose(total, after);
    let most = hits.min(after);
    let mut sum = 0.0;
    // Terms fall off quickly; what lies further out adds nothing that is shown.
    for count in hits_after..=most.min(hits_after.saturating_add(10_000)) {
        let misses = after - count;
        if total - hits < misses {
            continue;
        }
        sum += (ln_choose(hits, count) + ln_choose(total - hits, misses) - all).exp();
    }
    sum.min(1.0)
}

fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n.saturating_sub(k))
}

/// Stirling's series; its error is below 1e-8 from 10 on.
fn ln_factorial(n: u64) -> f64 {
    if n < 10 {
        return (2..=n).map(|factor| (factor as f64).ln()).sum();
    }
    let n = n as f64;
    let series = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trends() {
        let check = |values: &[f64], slope: Option<f64>, is_rising: bool| {
            let points: Vec<_> = values.iter().enumerate().map(|(at, value)| (at as f64, *value)).collect();
            let trend = trend(&points);
            assert_eq!(trend.map(|trend| trend.slope), slope, "{values:?}");
            assert_eq!(trend.is_some_and(|trend| trend.is_rising()), is_rising, "{values:?}");
        };
        check(&[1.0, 2.0, 3.0, 4.0], Some(1.0), true);
        check(&[1.0, 2.0, 900.0, 4.0, 5.0], Some(1.0), true);
        check(&[4.0, 3.0, 2.0], Some(-1.0), false);
        check(&[5.0, 5.0, 5.0], Some(0.0), false);
        check(&[1.0, 3.0, 1.0, 3.0, 1.0, 3.0], Some(0.0), false);
        check(&[1.0, 2.0], None, false);
        assert_eq!(trend(&[(1.0, 1.0); 5]), None);
    }

    /// Expected values are those of R's `fisher.test(…, alternative = "less")`.
    #[test]
    fn exact_tests() {
        let check = |table: [u64; 4], expected: f64| {
            let p = fisher(table[0], table[1], table[2], table[3]);
            assert!((p - expected).abs() <= expected * 1e-4, "{table:?}: {p}");
        };
        check([1, 10, 8, 10], 0.002_738_5);
        check([0, 5, 0, 5], 1.0);
        check([5, 5, 5, 5], 1.0);
        check([0, 3, 3, 3], 0.05);
    }
}
