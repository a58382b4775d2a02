//! Fisher's exact test (R. A. Fisher, "The Logic of Inductive Inference", J. R. Stat. Soc. 98, 1935).

use statrs::distribution::{DiscreteCDF, Hypergeometric};

/// Two groups, and how many of each have a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) died: u64,
    pub(super) died_with: u64,
    pub(super) others: u64,
    pub(super) others_with: u64,
}

impl Table {
    /// The probability that at least as many of those that died have the value, if it has nothing to do with dying.
    ///
    /// Where the value is a bound that all those that died keep, this is the probability that all of them come among
    /// those that keep it, whatever the bound: the bound is their own extreme value, so that it is no further choice.
    pub(super) fn p_value(self) -> f64 {
        let all = self.died + self.others;
        let Some(below) = self.died_with.checked_sub(1) else { return 1.0 };
        Hypergeometric::new(all, self.died_with + self.others_with, self.died)
            .map_or(1.0, |distribution| distribution.sf(below).min(1.0))
    }

    /// One of the values that records have was chosen, the one that is most frequent among those that died: how many
    /// comparisons that stands for at most. Values that are less frequent would have been rarer in all of them, and of
    /// those that are as frequent there is no room for more.
    pub(super) fn choices(self) -> f64 {
        (self.died + self.others) as f64 / (self.died_with + self.others_with).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of R 4.3, `fisher.test(…, alternative = "greater")`.
    #[test]
    fn exact() {
        let check = |[died_with, died, others_with, others]: [u64; 4], expected: f64| {
            let value = Table { died, died_with, others, others_with }.p_value();
            assert!((value - expected).abs() <= expected * 1e-6, "{value:e} is not {expected:e}");
        };
        // The lady tasting tea: 3 of 4, and 1 of 4.
        check([3, 4, 1, 4], 0.242_857_142_9);
        check([4, 4, 0, 4], 1.0 / 70.0);
        check([10, 10, 0, 10], 1.0 / 184_756.0);
        check([0, 5, 3, 9], 1.0);
        check([5, 5, 9, 9], 1.0);
    }
}
