//! How much of a mapped file stays in memory that is read here and there.
//!
//! A read of one byte makes the kernel map up to sixteen pages around it (`fault_around_bytes` in mm/memory.c of Linux), and
//! they stay. Reads of a core that holds many threads are spread over all of it: what was read is small, what stays
//! of it is not. So the pages are given back when there are too many; they are read again when they are wanted.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Bytes that the kernel maps at once, and that are counted as one.
const WINDOW_SHIFT: u32 = 16;
/// Reads of more bytes are those of a caller that goes through all of them, and knows it.
const LONGEST: usize = 1 << WINDOW_SHIFT;
/// Windows that are remembered to be counted once, by the lowest bits of their number.
const KNOWN: usize = 1024;
/// After this many times of giving back, twice as much is kept: what is read all over again costs a bounded time.
const PATIENCE: u32 = 32;

/// How much of a mapped file was read since pages were given back the last time.
///
/// Threads that read at once may miscount by a few; that does no harm.
#[derive(Debug)]
pub(super) struct Residence {
    known: Vec<AtomicU64>,
    windows: AtomicUsize,
    most: AtomicUsize,
    given_back: AtomicU32,
}

impl Residence {
    /// Keeps some `bytes`, 64 KiB at least; twice as many after a while if they turn out to be too few.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            known: (0..KNOWN).map(|_| AtomicU64::new(u64::MAX)).collect(),
            windows: AtomicUsize::new(0),
            most: AtomicUsize::new((bytes >> WINDOW_SHIFT).max(1)),
            given_back: AtomicU32::new(0),
        }
    }

    /// Notes that `len` bytes at an address of this process, within the mapped file, are about to be read. Calls
    /// `give_back` when there are too many.
    pub(super) fn read(&self, address: usize, len: usize, give_back: impl FnOnce()) {
        let (1..=LONGEST, Some(last)) = (len, address.checked_add(len.saturating_sub(1))) else { return };
        let (first, last) = (address as u64 >> WINDOW_SHIFT, last as u64 >> WINDOW_SHIFT);
        let is_new = self.note(first) | (last != first && self.note(last));
        if is_new && self.windows.load(Ordering::Relaxed) > self.most.load(Ordering::Relaxed) {
            self.start_over(give_back);
            self.note(first);
            self.note(last);
        }
    }

    /// Counts a window unless it is known; says whether it was not.
    fn note(&self, window: u64) -> bool {
        let Some(known) = self.known.get(window as usize % KNOWN) else { return false };
        let is_new = known.load(Ordering::Relaxed) != window;
        if is_new {
            known.store(window, Ordering::Relaxed);
            self.windows.fetch_add(1, Ordering::Relaxed);
        }
        is_new
    }

    #[cold]
    fn start_over(&self, give_back: impl FnOnce()) {
        give_back();
        self.known.iter().for_each(|known| known.store(u64::MAX, Ordering::Relaxed));
        self.windows.store(0, Ordering::Relaxed);
        let times = self.given_back.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if times.is_multiple_of(PATIENCE) {
            let most = self.most.load(Ordering::Relaxed);
            self.most.store(most.saturating_mul(2), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often pages are given back when windows are read in this order and two may stay.
    fn check(reads: &[usize], expected: usize) {
        let residence = Residence::new(2 << WINDOW_SHIFT);
        let mut times = 0;
        for &window in reads {
            residence.read((window << WINDOW_SHIFT) + 8, 8, || times += 1);
        }
        assert_eq!(times, expected, "{reads:?}");
    }

    #[test]
    fn what_is_read_again_stays() {
        check(&[], 0);
        check(&[5, 5, 9, 5, 9, 9], 0);
    }

    #[test]
    fn what_is_too_much_is_given_back() {
        check(&[5, 9, 7], 1);
        check(&[5, 9, 7, 7, 5], 1);
        check(&[5, 9, 7, 9, 5], 2);
    }

    #[test]
    fn a_read_over_a_border_is_in_two_windows() {
        let residence = Residence::new(2 << WINDOW_SHIFT);
        let mut times = 0;
        residence.read((1 << WINDOW_SHIFT) - 1, 2, || times += 1);
        residence.read(7 << WINDOW_SHIFT, 1, || times += 1);
        assert_eq!(times, 1);
    }

    #[test]
    fn too_few_become_more() {
        let residence = Residence::new(1 << WINDOW_SHIFT);
        let mut times = 0;
        for read in 0..100_000 {
            residence.read((read % 50) << WINDOW_SHIFT, 1, || times += 1);
        }
        assert!((50..1000).contains(&times), "{times}");
    }

    #[test]
    fn long_reads_are_the_callers_own() {
        let residence = Residence::new(1);
        for window in 0..100 {
            residence.read(window << WINDOW_SHIFT, LONGEST + 1, || panic!("{window}"));
            residence.read(window << WINDOW_SHIFT, 0, || panic!("{window}"));
        }
        residence.read(usize::MAX, 8, || panic!("no such address"));
    }
}
