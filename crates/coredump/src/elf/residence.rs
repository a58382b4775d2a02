//! How much of a mapped file stays in memory that is read here and there.
//!
//! A read of one byte makes the kernel map up to sixteen pages around it (`fault_around_bytes` in mm/memory.c of Linux), and
//! they stay. Reads of a core that holds many threads are spread over all of it: what was read is small, what stays
//! of it is not. So the pages that nobody read are given back now and then; those that were read stay, as they are read
//! again soon.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

/// Bytes that the kernel maps at once.
const WINDOW_SHIFT: u32 = 16;
/// Bytes of a page. Where pages are larger than that, some are given back that were read; they are read again then.
const PAGE_SHIFT: u32 = 12;
/// Reads of more bytes are those of a caller that goes through all of them, and knows it.
const LONGEST: usize = 1 << WINDOW_SHIFT;
/// Windows whose pages are remembered where no lock is needed, by the lowest bits of their number.
const KNOWN: usize = 1024;
/// Who reads from more windows reads everything.
const MOST_WINDOWS: usize = 1 << 16;

/// What of a mapped file was read.
#[derive(Debug)]
pub(super) struct Residence {
    /// The number of a window, and a bit for each of its pages that was read, in the lowest bits.
    known: Vec<AtomicU64>,
    is_over: AtomicBool,
    windows: Mutex<Windows>,
}

#[derive(Debug)]
struct Windows {
    /// By number.
    read: FxHashMap<u64, Window>,
    /// Those of which pages are mapped that were not read.
    whole: Vec<u64>,
    /// How many there may be of these.
    most: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    /// A bit for each page that was read.
    pages: u16,
    is_whole: bool,
}

impl Residence {
    /// Keeps some `bytes` that were not read, 64 KiB at least.
    pub(super) fn new(bytes: usize) -> Self {
        let most = (bytes >> WINDOW_SHIFT).max(1);
        Self {
            known: (0..KNOWN).map(|_| AtomicU64::new(0)).collect(),
            is_over: AtomicBool::new(false),
            windows: Mutex::new(Windows { read: FxHashMap::default(), whole: Vec::new(), most }),
        }
    }

    /// Notes that `len` bytes at an address of this process, within the mapped file, are about to be read. Calls
    /// `give_back` with addresses of others when there are too many.
    pub(super) fn read(&self, address: usize, len: usize, mut give_back: impl FnMut(Range<usize>)) {
        let (1..=LONGEST, Some(last)) = (len, address.checked_add(len.saturating_sub(1))) else { return };
        let (first, last) = (address as u64 >> PAGE_SHIFT, last as u64 >> PAGE_SHIFT);
        for page in first..=last {
            self.read_page(page, &mut give_back);
        }
    }

    fn read_page(&self, page: u64, give_back: &mut impl FnMut(Range<usize>)) {
        const PAGES: u32 = WINDOW_SHIFT - PAGE_SHIFT;
        let (window, bit) = (page >> PAGES, 1_u16 << (page & ((1 << PAGES) - 1)));
        let Some(known) = self.known.get(window as usize % KNOWN) else { return };
        let noted = known.load(Ordering::Relaxed);
        if noted >> u16::BITS == window && noted as u16 & bit != 0 || self.is_over.load(Ordering::Relaxed) {
            return;
        }
        // What a thread that panicked left behind is as good as any other list.
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let pages = windows.note(window, bit, give_back);
        known.store(window << u16::BITS | u64::from(pages), Ordering::Relaxed);
        self.is_over.store(windows.read.len() > MOST_WINDOWS, Ordering::Relaxed);
    }
}

impl Windows {
    /// Adds a page to those of its window, which are returned.
    fn note(&mut self, number: u64, bit: u16, give_back: &mut impl FnMut(Range<usize>)) -> u16 {
        let window = self.read.entry(number).or_default();
        if window.pages & bit == 0 {
            window.pages |= bit;
            if !std::mem::replace(&mut window.is_whole, true) {
                self.whole.push(number);
            }
        }
        let pages = window.pages;
        if self.whole.len() > self.most {
            // The page that is about to be read brings its window in again.
            let kept = self.whole.pop();
            for number in self.whole.drain(..) {
                if let Some(window) = self.read.get_mut(&number) {
                    window.is_whole = false;
                    unread(number, window.pages).for_each(&mut *give_back);
                }
            }
            self.whole.extend(kept);
        }
        pages
    }
}

/// The addresses of the pages of a window that were not read.
fn unread(window: u64, pages: u16) -> impl Iterator<Item = Range<usize>> {
    let start = (window << WINDOW_SHIFT) as usize;
    let at = move |page: u32| start + ((page as usize) << PAGE_SHIFT);
    let mut page = 0;
    std::iter::from_fn(move || {
        page += pages.checked_shr(page)?.trailing_ones();
        let free = pages.checked_shr(page)?.trailing_zeros().min(u16::BITS - page);
        let run = at(page)..at(page + free);
        page += free;
        (free > 0).then_some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages that are given back when pages are read in this order and two windows may stay whole.
    fn check(reads: &[usize], expected: &[Range<usize>]) {
        let residence = Residence::new(2 << WINDOW_SHIFT);
        let mut given = Vec::new();
        for &page in reads {
            residence.read((page << PAGE_SHIFT) + 8, 8, |pages| {
                given.push(pages.start >> PAGE_SHIFT..pages.end >> PAGE_SHIFT);
            });
        }
        assert_eq!(given, expected, "{reads:?}");
    }

    #[test]
    fn few_windows_stay_whole() {
        check(&[], &[]);
        check(&[16, 17, 32, 16, 47, 31], &[]);
    }

    #[test]
    fn what_nobody_read_is_given_back() {
        check(&[16, 35, 64], &[17..32, 32..35, 36..48]);
        check(&[31, 0, 15, 64], &[16..31, 1..15]);
        check(&[16, 35, 64, 16, 35, 64, 16], &[17..32, 32..35, 36..48]);
        let all: Vec<usize> = (0..16).chain([16, 32]).collect();
        check(&all, std::slice::from_ref(&(17..32)));
    }

    #[test]
    fn another_page_brings_the_window_in_again() {
        check(&[16, 32, 48, 17, 64], &[17..32, 33..48, 49..64, 18..32]);
    }

    #[test]
    fn a_read_may_be_of_several_pages() {
        let residence = Residence::new(1);
        let mut given = Vec::new();
        residence.read((2 << PAGE_SHIFT) - 1, (1 << PAGE_SHIFT) + 2, |pages| given.push(pages));
        residence.read(20 << PAGE_SHIFT, 1, |pages| given.push(pages));
        assert_eq!(given, [0..1 << PAGE_SHIFT, 4 << PAGE_SHIFT..16 << PAGE_SHIFT]);
    }

    #[test]
    fn long_reads_are_the_callers_own() {
        let residence = Residence::new(1);
        for window in 0..100 {
            residence.read(window << WINDOW_SHIFT, LONGEST + 1, |pages| panic!("{pages:?}"));
            residence.read(window << WINDOW_SHIFT, 0, |pages| panic!("{pages:?}"));
        }
        residence.read(usize::MAX, 8, |pages| panic!("{pages:?}"));
    }

    #[test]
    fn who_reads_everything_is_let_be() {
        let residence = Residence::new(1);
        let mut last = 0;
        for window in 0..MOST_WINDOWS * 2 {
            residence.read(window << WINDOW_SHIFT, 1, |_| last = window);
        }
        assert!((MOST_WINDOWS - 1..=MOST_WINDOWS + 1).contains(&last), "{last}");
    }
}
