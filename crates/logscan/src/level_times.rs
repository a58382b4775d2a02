//! Counts of levels over time, in a bounded number of buckets.

use std::collections::BTreeMap;

use pycoroner_findings::UtcTime;

use crate::changes::{LevelBucket, LevelsOverTime};
use crate::level::{Level, LevelCounts};

/// Buckets that hold records.
const MAX_BUCKETS: usize = 96;
/// Lengths of buckets; each is a multiple of the one before it, so that buckets can be joined.
const SECONDS: [i64; 14] =
    [1, 5, 15, 60, 300, 900, 3600, 10_800, 43_200, 86_400, 604_800, 2_419_200, 29_030_400, 290_304_000];
const NANOS: i64 = 1_000_000_000;

/// Counts by level and time. The length of the buckets depends on the times only, and not on their order.
#[derive(Debug, Default)]
pub(crate) struct LevelTimes {
    /// Index into [`SECONDS`].
    length: usize,
    buckets: BTreeMap<i64, Bucket>,
    /// The bucket of the last record, which is most often the next one's, too.
    current: Option<(i64, Bucket)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    records: u64,
    levels: LevelCounts,
}

impl Bucket {
    fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.levels.merge(other.levels);
    }
}

impl LevelTimes {
    #[inline]
    pub(crate) fn add(&mut self, level: Option<Level>, time: UtcTime) {
        let Some(bucket) = self.bucket_at(time) else { return };
        bucket.records += 1;
        if let Some(level) = level {
            bucket.levels.add(level);
        }
    }

    /// Counts records of one second, by level.
    pub(crate) fn add_all(&mut self, levels: &[u32; Level::ALL.len()], time: UtcTime) {
        let Some(bucket) = self.bucket_at(time) else { return };
        bucket.records += levels.iter().map(|count| u64::from(*count)).sum::<u64>();
        bucket.levels.add_all(levels);
    }

    /// Whether two times lie in one bucket, however long the buckets are.
    pub(crate) fn are_together(a: UtcTime, b: UtcTime) -> bool {
        a.0.div_euclid(NANOS) == b.0.div_euclid(NANOS)
    }

    #[inline]
    fn bucket_at(&mut self, time: UtcTime) -> Option<&mut Bucket> {
        let nanos = self.nanos();
        let is_current = |start: i64| time.0 >= start && time.0 - start < nanos;
        if !self.current.as_ref().is_some_and(|(start, _)| is_current(*start)) {
            self.flush();
            self.current = Some((start_of(time.0, self.nanos()), Bucket::default()));
        }
        self.current.as_mut().map(|(_, bucket)| bucket)
    }

    fn nanos(&self) -> i64 {
        SECONDS.get(self.length).or(SECONDS.last()).map_or(NANOS, |seconds| seconds * NANOS)
    }

    fn flush(&mut self) {
        let Some((start, bucket)) = self.current.take() else { return };
        self.buckets.entry(start).or_default().add(&bucket);
        while self.buckets.len() > MAX_BUCKETS && self.length + 1 < SECONDS.len() {
            self.length += 1;
            let nanos = self.nanos();
            for (start, bucket) in std::mem::take(&mut self.buckets) {
                self.buckets.entry(start_of(start, nanos)).or_default().add(&bucket);
            }
        }
    }

    pub(crate) fn finish(&mut self) -> LevelsOverTime {
        self.flush();
        let buckets = std::mem::take(&mut self.buckets).into_iter().map(|(start, bucket)| LevelBucket {
            from: UtcTime(start),
            records: bucket.records,
            levels: bucket.levels.by_name(),
        });
        LevelsOverTime { bucket_ms: (self.nanos() / 1_000_000).unsigned_abs(), buckets: buckets.collect() }
    }
}

fn start_of(time: i64, nanos: i64) -> i64 {
    time.div_euclid(nanos).saturating_mul(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_buckets_are_few() {
        let check = |seconds: &[i64], expected_length: u64| {
            let count = |seconds: &mut dyn Iterator<Item = &i64>| {
                let mut times = LevelTimes::default();
                for second in seconds {
                    times.add(Some(Level::Info), UtcTime(second * NANOS));
                }
                times.finish()
            };
            let forward = count(&mut seconds.iter());
            assert_eq!(forward, count(&mut seconds.iter().rev()));
            assert_eq!(forward.bucket_ms, expected_length * 1000);
            assert!(forward.buckets.len() <= MAX_BUCKETS);
            let records: u64 = forward.buckets.iter().map(|bucket| bucket.records).sum();
            assert_eq!(records, seconds.len() as u64);
        };
        check(&[], 1);
        check(&[5, 5, 7, -3], 1);
        check(&(0..97).collect::<Vec<_>>(), 5);
        check(&(0..100_000).step_by(7).collect::<Vec<_>>(), 3600);
        // A broken clock costs one bucket and no resolution.
        check(&[0, 1_714_521_600, 1_714_521_601, 9_000_000_000], 1);
        check(&(0..97).map(|year| year * 31_536_000).collect::<Vec<_>>(), 290_304_000);
    }
}
