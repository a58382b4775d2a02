//! How much of a mapped file stays in memory that is read here and there.
//!
//! A read of one byte makes the kernel map up to sixteen pages around it (`fault_around_bytes` in mm/memory.c of Linux), and
//! they stay. Reads of a core that holds many threads are spread over all of it: what was read is small, what stays
//! of it is not. So the pages are given back when there are too many; they are read again when they are wanted.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that the kernel maps at once, and that are counted and given back as one.
const WINDOW_SHIFT: u32 = 16;
/// Reads of more bytes are those of a caller that goes through all of them, and knows it.
const LONGEST: usize = 1 << WINDOW_SHIFT;
/// Windows whose number is known to be on the list, by the lowest bits of the number.
const KNOWN: usize = 1024;
/// After this many times of giving back, more is kept, so that in all it takes no longer than to read the file once.
const PATIENCE: u32 = 8;

/// What of a mapped file was read.
#[derive(Debug)]
pub(super) struct Residence {
    known: Vec<AtomicU64>,
    list: Mutex<List>,
}

#[derive(Debug)]
struct List {
    /// Numbers of windows, some twice.
    windows: Vec<u64>,
    most: usize,
    given_back: u32,
}

impl Residence {
    /// Keeps at most `bytes`, some 64 KiB at least; twice as many after a while if they turn out to be too few.
    pub(super) fn new(bytes: usize) -> Self {
        let list = List { windows: Vec::new(), most: (bytes >> WINDOW_SHIFT).max(1), given_back: 0 };
        Self { known: (0..KNOWN).map(|_| AtomicU64::new(u64::MAX)).collect(), list: Mutex::new(list) }
    }

    /// Notes that a range of addresses of this process, within the mapped file, is about to be read. Calls `give_back`
    /// with others when there are too many.
    pub(super) fn read(&self, range: Range<usize>, give_back: impl FnMut(Range<usize>)) {
        if range.len() > LONGEST || range.is_empty() {
            return;
        }
        let (first, last) = (range.start as u64 >> WINDOW_SHIFT, (range.end as u64 - 1) >> WINDOW_SHIFT);
        let is_known =
            |window: &u64| self.place(*window).is_some_and(|known| known.load(Ordering::Relaxed) == *window);
        if is_known(&first) && is_known(&last) {
            return;
        }
        self.note(&[first, last], give_back);
    }

    fn place(&self, window: u64) -> Option<&AtomicU64> {
        self.known.get(window as usize % KNOWN)
    }

    #[cold]
    fn note(&self, windows: &[u64], mut give_back: impl FnMut(Range<usize>)) {
        // What a thread that panicked left behind is as good as any other list.
        let mut list = self.list.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if list.windows.len() + windows.len() > list.most * 2 {
            list.windows.sort_unstable();
            list.windows.dedup();
        }
        if list.windows.len() >= list.most {
            list.windows.sort_unstable();
            list.windows.dedup();
        }
        if list.windows.len() >= list.most {
            for run in list.windows.chunk_by(|one, next| one + 1 == *next) {
                if let (Some(first), Some(last)) = (run.first(), run.last()) {
                    give_back((first << WINDOW_SHIFT) as usize..((last + 1) << WINDOW_SHIFT) as usize);
                }
            }
            list.windows.clear();
            self.known.iter().for_each(|known| known.store(u64::MAX, Ordering::Relaxed));
            list.given_back += 1;
            if list.given_back.is_multiple_of(PATIENCE) {
                list.most = list.most.saturating_mul(2);
            }
        }
        for &window in windows {
            list.windows.push(window);
            if let Some(known) = self.place(window) {
                known.store(window, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is given back when windows are read in this order and two may stay.
    fn check(reads: &[usize], expected: &[Range<usize>]) {
        let residence = Residence::new(2 << WINDOW_SHIFT);
        let mut given = Vec::new();
        for &read in reads {
            let at = read << WINDOW_SHIFT;
            residence.read(at + 8..at + 16, |pages| {
                given.push(pages.start >> WINDOW_SHIFT..pages.end >> WINDOW_SHIFT);
            });
        }
        assert_eq!(given, expected, "{reads:?}");
    }

    #[test]
    fn what_is_read_again_stays() {
        check(&[], &[]);
        check(&[5, 5, 9, 5, 9, 9], &[]);
    }

    #[test]
    fn what_is_too_much_is_given_back() {
        check(&[5, 9, 7], &[5..6, 9..10]);
        check(&[9, 8, 7, 7, 8, 9], &[8..10, 7..9]);
    }

    #[test]
    fn too_few_become_more() {
        let residence = Residence::new(1 << WINDOW_SHIFT);
        let mut times = 0;
        for window in (0..100_000).map(|read: usize| read % 50) {
            residence.read(window << WINDOW_SHIFT..(window << WINDOW_SHIFT) + 1, |_| times += 1);
        }
        assert!((50..5000).contains(&times), "{times}");
    }

    #[test]
    fn long_reads_are_the_callers_own() {
        let residence = Residence::new(1);
        for window in 0..100 {
            let start = window << WINDOW_SHIFT;
            residence.read(start..start + LONGEST + 1, |pages| panic!("{pages:?}"));
        }
    }
}
