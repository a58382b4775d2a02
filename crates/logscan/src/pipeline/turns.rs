//! Takes in what several threads looked at, in the order in which it was read.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};

use super::{Piece, lock};
use crate::analysis::Lines;
use crate::collector::Collector;
use crate::scanner::Intake;

/// A piece that a thread has looked at.
pub(super) struct Looked<'b> {
    pub(super) piece: Piece,
    pub(super) bytes: &'b [u8],
    pub(super) lines: Lines<'b>,
}

/// Lets the threads take pieces in, in the order of their numbers.
pub(super) struct Turns<'o> {
    state: Mutex<State<'o>>,
    turned: Condvar,
}

struct State<'o> {
    /// The number of the piece whose turn it is.
    next: u64,
    intake: Intake<'o>,
    /// A thread failed, and what it held is taken in by nobody: the others must not wait for it.
    has_failed: bool,
}

impl<'o> Turns<'o> {
    pub(super) fn new(collector: Collector<'o>) -> Self {
        let state = State { next: 0, intake: Intake::new(collector), has_failed: false };
        Self { state: Mutex::new(state), turned: Condvar::new() }
    }

    /// Takes in those of a thread's pieces whose turn it is.
    pub(super) fn take_next(&self, looked: &mut VecDeque<Looked<'_>>) {
        loop {
            let state = match self.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(state)) => state.into_inner(),
                // Another thread takes one in.
                Err(TryLockError::WouldBlock) => return,
            };
            let Some(next) = looked.pop_front_if(|looked| looked.piece.number == state.next) else { return };
            self.take_in(state, &next);
        }
    }

    /// Takes in all of them, in their turns; `false` when another thread failed.
    pub(super) fn take_all(&self, looked: VecDeque<Looked<'_>>) -> bool {
        for looked in looked {
            let mut state = lock(&self.state);
            while state.next != looked.piece.number && !state.has_failed {
                state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.has_failed {
                return false;
            }
            self.take_in(state, &looked);
        }
        true
    }

    /// Takes one in whose turn it is.
    fn take_in(&self, mut state: MutexGuard<'_, State<'o>>, looked: &Looked<'_>) {
        state.intake.take(&looked.piece, looked.bytes, &looked.lines);
        state.next += 1;
        drop(state);
        self.turned.notify_all();
    }

    /// Says that a thread failed.
    pub(super) fn fail(&self) {
        lock(&self.state).has_failed = true;
        self.turned.notify_all();
    }

    /// All that was found, once all pieces were taken in.
    pub(super) fn finish(self) -> Collector<'o> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).intake.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::analysis::Shape;
    use crate::scan::Options;

    fn looked(number: u64) -> Looked<'static> {
        let piece = Piece { number, start: None, shape: Shape::Document, block: None, end: None };
        Looked { piece, bytes: b"", lines: Lines::default() }
    }

    #[test]
    fn pieces_are_taken_in_one_behind_the_other() {
        let options = Options::default();
        let turns = Turns::new(Collector::new(&options));
        let mut held = VecDeque::from([looked(0), looked(2), looked(3)]);
        turns.take_next(&mut held);
        assert_eq!(held.len(), 2);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| turns.take_all(held));
            assert!(turns.take_all(VecDeque::from([looked(1), looked(4)])));
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn nobody_waits_for_a_thread_that_failed() {
        let options = Options::default();
        let turns = Turns::new(Collector::new(&options));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| turns.take_all(VecDeque::from([looked(1), looked(3)])));
            turns.fail();
            assert!(!waiting.join().unwrap());
        });
    }
}
