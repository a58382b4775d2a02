//! Addresses that belong to somebody: sets of ranges, and who comes first.

/// Ranges of addresses, by rising address and without overlap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(Vec<(u64, u64)>);

impl FromIterator<(u64, u64)> for Claims {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(ranges: I) -> Self {
        let mut ranges: Vec<(u64, u64)> = ranges.into_iter().filter(|(start, end)| start < end).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (start, end) in ranges {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        Self(merged)
    }
}

impl Claims {
    /// The parts of `self` that `others` do not claim.
    pub(crate) fn without(&self, others: &Self) -> Self {
        let mut left = Vec::new();
        let mut next = 0;
        for &(mut start, end) in &self.0 {
            while others.0.get(next).is_some_and(|other| other.1 <= start) {
                next += 1;
            }
            for other in others.0[next..].iter().take_while(|other| other.0 < end) {
                if other.0 > start {
                    left.push((start, other.0));
                }
                start = start.max(other.1);
            }
            if start < end {
                left.push((start, end));
            }
        }
        Self(left)
    }

    /// The parts of `self` that `others` claim as well.
    pub(crate) fn within(&self, others: &Self) -> Self {
        self.without(&self.without(others))
    }

    /// Adds the ranges of `others`.
    pub(crate) fn join(&mut self, others: &Self) {
        *self = self.0.iter().chain(&others.0).copied().collect();
    }

    /// Number of bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_merge_and_are_cut() {
        let some: Claims = [(10, 20), (0, 5), (15, 30), (30, 31), (7, 7)].into_iter().collect();
        assert_eq!(some.0, [(0, 5), (10, 31)]);
        let others: Claims = [(4, 12), (14, 15), (20, 25), (40, 50)].into_iter().collect();
        assert_eq!(some.without(&others).0, [(0, 4), (12, 14), (15, 20), (25, 31)]);
        assert_eq!(some.within(&others).0, [(4, 5), (10, 12), (14, 15), (20, 25)]);
        assert_eq!((some.bytes(), some.without(&others).bytes()), (26, 17));
    }
}
