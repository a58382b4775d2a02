//! Joins thread states with the threads of the core: which `pthread_t` is which native thread.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::Address;
use crate::elf::notes::ThreadStatus;
use crate::elf::parse::{Core, Machine};

/// Native thread ids by `pthread_t`, which is what `threading.get_ident()` gives.
#[derive(Debug, Default)]
pub(crate) struct NativeThreads {
    by_ident: FxHashMap<u64, u64>,
    tids: FxHashSet<u64>,
    every_pointer_known: bool,
    /// `pthread_t`s of which a thread state names the very thread that has it now.
    confirmed: FxHashSet<u64>,
}

/// What a thread state says about its thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stated {
    /// `thread_id`: the `pthread_t`.
    pub(crate) ident: u64,
    /// `native_thread_id` (3.11+).
    pub(crate) tid: Option<u64>,
}

/// `struct pthread` takes some 2 KiB on glibc and some 200 bytes on musl.
const MAX_DISTANCE: u64 = 1 << 14;

impl NativeThreads {
    /// Joins the threads of `core` with what all thread states say.
    pub(crate) fn of(core: &Core<'_>, stated: &[Stated]) -> Self {
        let threads = &core.notes().threads;
        let tids: FxHashSet<u64> = threads.iter().map(|thread| thread.tid).collect();
        let pointers: Vec<(u64, u64)> = threads
            .iter()
            .filter_map(|thread| Some((thread_pointer(core.machine(), thread)?, thread.tid)))
            .collect();
        let distance = match core.machine() {
            // The thread control block is the first member of `struct pthread` (TLS variant II): no distance.
            Machine::X86_64 => Some(0),
            _ => distance(&pointers, stated),
        };
        let by_ident: FxHashMap<u64, u64> = match distance {
            Some(distance) => pointers.iter().map(|&(at, tid)| (at.wrapping_sub(distance), tid)).collect(),
            None => FxHashMap::default(),
        };
        let is_confirmed = |one: &&Stated| one.tid.is_some() && by_ident.get(&one.ident).copied() == one.tid;
        let confirmed = stated.iter().filter(is_confirmed).map(|one| one.ident).collect();
        let every_pointer_known = distance.is_some() && !tids.is_empty() && pointers.len() == threads.len();
        Self { by_ident, tids, every_pointer_known, confirmed }
    }

    /// The native thread of a thread state. The thread pointer decides; a stated id counts only when the core
    /// has such a thread, and no other thread state's pointer leads there.
    pub(crate) fn tid(&self, stated: Stated) -> Option<u64> {
        let by_pointer = self.by_ident.get(&stated.ident).copied();
        if self.is_succeeded(stated) {
            return None;
        }
        by_pointer.or_else(|| {
            let tid = stated.tid.filter(|tid| self.tids.contains(tid))?;
            (!self.every_pointer_known).then_some(tid)
        })
    }

    /// Whether the `pthread_t` belongs to another thread by now: a thread that is made after a `fork()` gets the place
    /// of one that stayed behind. Both thread states name it, but only one of them the thread's own id as well.
    pub(crate) fn is_succeeded(&self, stated: Stated) -> bool {
        self.confirmed.contains(&stated.ident)
            && stated.tid.is_some_and(|tid| tid != 0 && !self.tids.contains(&tid))
    }

    /// Whether the thread of a thread state is surely not in the core: it ended, or was not taken along by
    /// `fork()`.
    pub(crate) fn is_gone(&self, stated: Stated) -> bool {
        let missing_by_id = stated.tid.is_some_and(|tid| tid != 0 && !self.tids.contains(&tid));
        let missing_by_pointer = !self.by_ident.contains_key(&stated.ident);
        // A thread state that no thread has used yet names none.
        let is_missing = stated.ident != 0
            && !self.tids.is_empty()
            && missing_by_pointer
            && (self.every_pointer_known || missing_by_id);
        is_missing || self.is_succeeded(stated)
    }
}

/// How far `struct pthread` begins before the thread pointer where it lies before it (TLS variant I: aarch64).
///
/// The size of that structure depends on the C library, so it is not looked up but derived: it is the one
/// distance at which thread states and thread pointers meet. A thread state that also states its native id
/// says it alone; otherwise the distance counts that joins most thread states, each with a thread of its own.
fn distance(pointers: &[(u64, u64)], stated: &[Stated]) -> Option<u64> {
    let near = |pointer: u64, ident: u64| {
        pointer.checked_sub(ident).filter(|&distance| ident != 0 && distance <= MAX_DISTANCE)
    };
    let mut votes: FxHashMap<u64, (usize, usize)> = FxHashMap::default();
    for one in stated {
        for &(pointer, tid) in pointers {
            if let Some(distance) = near(pointer, one.ident) {
                let (sure, all) = votes.entry(distance).or_default();
                *sure += usize::from(one.tid == Some(tid));
                *all += 1;
            }
        }
    }
    let best = votes.iter().map(|(_, &votes)| votes).max()?;
    let mut with_best = votes.iter().filter(|&(_, &votes)| votes == best).map(|(&distance, _)| distance);
    // Two distances that say as much say nothing.
    with_best.next().filter(|_| with_best.next().is_none())
}

/// The thread pointer as the registers have it: on x86-64 `fs_base` (register 21 of `struct user_regs_struct`),
/// on aarch64 `tpidr_el0`, which stands in a note of its own.
pub(crate) fn thread_pointer(machine: Machine, thread: &ThreadStatus) -> Option<u64> {
    const FS_BASE: usize = 21;
    match machine {
        Machine::X86_64 => thread.registers.get(FS_BASE).copied().filter(|&base| base != 0),
        Machine::Aarch64 => thread.tpidr.filter(|&pointer| pointer != 0),
        Machine::Other(_) => None,
    }
}

/// The stack pointer as the registers have it.
pub(crate) fn stack_pointer(machine: Machine, thread: &ThreadStatus) -> Option<Address> {
    let register = match machine {
        Machine::X86_64 => 19,
        Machine::Aarch64 => 31,
        Machine::Other(_) => return None,
    };
    thread.registers.get(register).map(|&value| Address(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(ident: u64, tid: Option<u64>) -> Stated {
        Stated { ident, tid }
    }

    #[test]
    fn a_thread_made_after_a_fork_may_have_the_place_of_one_left_behind() {
        let native = NativeThreads {
            by_ident: [(0x7000, 11), (0x8000, 12)].into_iter().collect(),
            tids: [11, 12].into_iter().collect(),
            every_pointer_known: true,
            confirmed: [0x7000].into_iter().collect(),
        };
        let check = |stated: Stated, expected: (Option<u64>, bool)| {
            assert_eq!((native.tid(stated), native.is_gone(stated)), expected, "{stated:?}");
        };
        check(state(0x7000, Some(11)), (Some(11), false));
        check(state(0x7000, Some(5)), (None, true));
        // The thread that forked keeps the id of its parent's thread, and nobody else claims its place.
        check(state(0x8000, Some(4)), (Some(12), false));
        check(state(0x7000, None), (Some(11), false));
        check(state(0x9000, Some(6)), (None, true));
        check(state(0, Some(0)), (None, false));
    }

    #[test]
    fn distances_are_derived() {
        let pointers = [(0x7f00_0000_1740, 1), (0x7f00_0080_1740, 2), (0x7f00_0100_1740, 3)];
        let check =
            |stated: &[Stated], expected| assert_eq!(distance(&pointers, stated), expected, "{stated:?}");
        check(&[], None);
        // One thread state alone is near one pointer only.
        check(&[state(0x7f00_0000_1000, None)], Some(0x740));
        check(&[state(0x7f00_0000_1000, None), state(0x7f00_0080_1000, None)], Some(0x740));
        // A native id decides between two.
        let near = [(0x7f00_0000_1740, 1), (0x7f00_0000_2740, 2)];
        let states = [state(0x7f00_0000_1000, None)];
        assert_eq!(distance(&near, &states), None);
        assert_eq!(distance(&near, &[state(0x7f00_0000_1000, Some(2))]), Some(0x1740));
        check(&[state(0x1000, Some(1)), state(u64::MAX, None), state(0, Some(1))], None);
    }
}
