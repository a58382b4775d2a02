//! Finds runtimes by how runtime, interpreters and threads point at each other, in one pass for all versions.

use crate::address::{Address, Ptr};
use crate::elf::words::DumpedWords;
use crate::layout::Layout;
use crate::layout::columns::SHIPPED;
use crate::layout::member;
use crate::runtime::locate::{Candidate, LocatedBy};
use crate::runtime::process::DeadProcess;

/// Candidates of one kind that are tried in one search.
const MAX_CANDIDATES: usize = 16;
/// Beginnings of lists that are compared.
const MAX_LISTS: usize = 64;
/// Interpreters that one list may have.
const MAX_INTERPRETERS: usize = 4096;
/// Words that are remembered to be no interpreter, a power of two.
const REMEMBERED: usize = 1 << 14;

/// Where the pointers stand by which a runtime is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Links {
    /// `interpreters.head` in the runtime; `interpreters.main` follows. None where there is no runtime: 3.6 has a
    /// variable that begins the list, and nothing of use behind it.
    head: Option<u64>,
    /// The next interpreter, in an interpreter.
    next: u64,
    /// The first thread state, in an interpreter.
    first_thread: u64,
    /// The interpreter, in a thread state.
    owner: u64,
}

impl Links {
    fn of(layout: &Layout) -> Option<Self> {
        let first_thread =
            layout.offset(member::INTERP_THREADS_HEAD).or_else(|_| layout.offset(member::INTERP_TSTATE_HEAD));
        Some(Self {
            head: layout.offset(member::RUNTIME_INTERPRETERS_HEAD).ok(),
            next: layout.offset(member::INTERP_NEXT).ok()?,
            first_thread: first_thread.ok()?,
            owner: layout.offset(member::TSTATE_INTERP).ok()?,
        })
    }

    /// Whether the first thread of the interpreter at `place` points back at it.
    fn points_back(&self, words: &DumpedWords<'_>, place: u64) -> bool {
        let thread = words.word(Address(place).wrapping_add(self.first_thread));
        let thread = thread.filter(|&thread| words.may_point(thread));
        thread.and_then(|thread| words.word(Address(thread).wrapping_add(self.owner))) == Some(place)
    }

    /// The last interpreter of the list that begins with `head`, and how many there are.
    fn last_of_list(&self, words: &DumpedWords<'_>, head: u64) -> Option<(u64, usize)> {
        let mut at = head;
        for length in 1..=MAX_INTERPRETERS {
            match words.word(Address(at).wrapping_add(self.next))? {
                0 => return Some((at, length)),
                next => at = next,
            }
        }
        None
    }
}

/// A search for runtimes of all versions that are known.
pub(crate) struct LinkScan<'d> {
    kinds: Vec<Links>,
    words: DumpedWords<'d>,
}

impl<'d> LinkScan<'d> {
    pub(crate) fn new(process: &DeadProcess<'d>) -> Self {
        let machine = process.core().machine();
        let mut kinds: Vec<Links> = Vec::new();
        for shipped in SHIPPED {
            let links = Links::of(&Layout::new(&shipped.column_on(machine, None)));
            kinds.extend(links.filter(|links| !kinds.contains(links)));
        }
        Self { kinds, words: DumpedWords::of(process.core()) }
    }

    /// Places at which `interpreters.head` would begin a list of interpreters, and `interpreters.main`, right behind,
    /// point at the last one of that list, whose first thread points back at it; then those that only begin such a
    /// list, the longest first.
    ///
    /// Of the other interpreters nothing is asked: one that runs nothing has no thread (3.13+).
    pub(crate) fn candidates(&self, parts: &[(Address, &[u8])]) -> Vec<Candidate> {
        let mut rejected = vec![0_u64; REMEMBERED];
        let mut found = Found { counts: vec![0; self.kinds.len()], ..Found::default() };
        for &(start, bytes) in parts {
            let mut before = 0;
            for (index, word) in self.words.target().words(bytes).enumerate() {
                let head = std::mem::replace(&mut before, word);
                if !self.words.may_point(word) {
                    continue;
                }
                let slot = (word >> 4) as usize % REMEMBERED;
                if rejected.get(slot) == Some(&word) {
                    continue;
                }
                let place = start.wrapping_add(index as u64 * 8);
                if !self.take(place, (head, word), &mut found)
                    && let Some(slot) = rejected.get_mut(slot)
                {
                    *slot = word;
                }
            }
        }
        found.lists.sort_by_key(|&(length, _)| std::cmp::Reverse(length));
        let lists = found.lists.into_iter().map(|(_, candidate)| candidate).take(MAX_CANDIDATES);
        found.pairs.into_iter().chain(lists).collect()
    }

    /// Takes the word at `place`, with the one before it, for each kind that it fits; tells whether it may point at
    /// an interpreter.
    fn take(&self, place: Address, (head, main): (u64, u64), found: &mut Found) -> bool {
        let mut is_interpreter = false;
        let candidate =
            |place| Ptr::new(place).map(|runtime| Candidate { runtime, located_by: LocatedBy::Scan });
        for (links, count) in self.kinds.iter().zip(&mut found.counts) {
            if !links.points_back(&self.words, main) {
                continue;
            }
            is_interpreter = true;
            match links.head {
                Some(offset) => {
                    let ends = self.words.may_point(head)
                        && links.last_of_list(&self.words, head).is_some_and(|(last, _)| last == main);
                    if ends && *count < MAX_CANDIDATES {
                        *count += 1;
                        found.pairs.extend(candidate(place.wrapping_sub(8).wrapping_sub(offset)));
                    }
                }
                None if found.lists.len() < MAX_LISTS => {
                    let list = links.last_of_list(&self.words, main);
                    found.lists.extend(list.and_then(|(_, length)| Some((length, candidate(place)?))));
                }
                None => {}
            }
        }
        is_interpreter
    }
}

/// What one search found.
#[derive(Default)]
struct Found {
    counts: Vec<usize>,
    pairs: Vec<Candidate>,
    lists: Vec<(usize, Candidate)>,
}
