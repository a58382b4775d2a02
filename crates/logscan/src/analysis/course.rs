//! How often, when and where something was said in a run: all that adding it line by line would tell a tally.

/// Where a line stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spot {
    /// Counted from the run's first line.
    pub(crate) line: u64,
    /// Its bytes in the block.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Some records of a run, in their order. Times are nanoseconds as [`Form::time`](crate::header::Form::time) takes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    pub(crate) count: u64,
    pub(crate) first: Spot,
    /// The last one that has the latest time.
    pub(crate) newest: Spot,
    /// The time of the first one.
    pub(crate) start: i64,
    /// The earliest and the latest time.
    pub(crate) ends: [i64; 2],
    /// The longest step from what was the latest time to a later one.
    pub(crate) gap: [i64; 2],
}

impl Course {
    pub(super) fn of(nanos: i64, spot: Spot) -> Self {
        let ends = [nanos; 2];
        Self { count: 1, first: spot, newest: spot, start: nanos, ends, gap: ends }
    }

    #[inline]
    pub(super) fn add(&mut self, nanos: i64, spot: Spot) {
        self.count += 1;
        let [least, most] = self.ends;
        if nanos >= most {
            if nanos - most > self.gap[1] - self.gap[0] {
                self.gap = [most, nanos];
            }
            self.ends[1] = nanos;
            self.newest = spot;
        } else {
            self.ends[0] = least.min(nanos);
        }
    }
}
