//! Which thread was inside a run of the cyclic garbage collector.
//!
//! A flag of the interpreter says that a run is on, not whose it is. A second run does not start meanwhile:
//! `gc.collect()` returns at once then (`gc_collect_main` of `Python/gc_free_threading.c` at v3.13.5).

use crate::address::Ptr;
use crate::layout::member::{self, InterpreterState};
use crate::runtime::activations;
use crate::waits::c_call::Calls;
use crate::waits::{Picture, Walked};

/// The function that a program asks for a run with.
const COLLECT: &str = "gc.collect";
/// Most runs of the interpreter's loop of one thread that are looked at.
const MAX_ACTIVATIONS: usize = 4096;

/// For each thread whether it collects, where that can be told.
pub(super) fn collecting(picture: &Picture<'_, '_>, calls: Option<&mut Calls<'_, '_>>) -> Vec<Option<bool>> {
    let mut calls = calls;
    let mut found = vec![None; picture.walked.len()];
    let is_shared = !picture.runtime.python().layout().has(member::INTERP_GC_COLLECTING);
    for &interpreter in picture.runtime.interpreters() {
        let belongs = |one: &Walked| (is_shared || one.thread.interpreter == interpreter) && !one.thread.gone;
        let indices = picture.walked.iter().enumerate().filter(|(_, one)| belongs(one));
        let threads: Vec<usize> = indices.map(|(index, _)| index).collect();
        let known = match flag(picture, interpreter) {
            Some(0) => Some(None),
            Some(1) => Run { picture, interpreter, threads: &threads }.whose(calls.as_deref_mut()).map(Some),
            _ => None,
        };
        for (index, one) in picture.walked.iter().enumerate() {
            if (is_shared || one.thread.interpreter == interpreter)
                && let (Some(known), Some(place)) = (known, found.get_mut(index))
            {
                *place = Some(known == Some(index));
            }
        }
        if is_shared {
            break;
        }
    }
    found
}

fn flag(picture: &Picture<'_, '_>, interpreter: Ptr<InterpreterState>) -> Option<i32> {
    let python = picture.runtime.python();
    if python.layout().has(member::INTERP_GC_COLLECTING) {
        python.read(interpreter, member::INTERP_GC_COLLECTING).ok()
    } else {
        python.read(picture.runtime.address(), member::RUNTIME_GC_COLLECTING).ok()
    }
}

/// A run that is on, in one of these threads.
struct Run<'r, 'p> {
    picture: &'r Picture<'r, 'p>,
    interpreter: Ptr<InterpreterState>,
    threads: &'r [usize],
}

impl Run<'_, '_> {
    /// The thread whose run it is, by what is surest first.
    fn whose(&self, calls: Option<&mut Calls<'_, '_>>) -> Option<usize> {
        if let &[only] = self.threads {
            return Some(only);
        }
        let mut asked = None;
        if let Some(calls) = calls {
            if let Some(found) = self.only(|one| has_frames_on_collect(self.picture, calls, one)) {
                return Some(found);
            }
            asked = self.only(|one| stands_on_collect(calls, one));
        }
        // Code that a run calls may let go of the GIL, and lets the others run where there is none.
        self.unless_finalizing_elsewhere(asked)
            .or_else(|| self.unless_finalizing_elsewhere(self.stopper()))
            .or_else(|| self.unless_finalizing_elsewhere(self.gil_holder()))
            .or_else(|| self.only(|one| !self.is_outside(one)))
    }

    fn walked(&self, index: usize) -> Option<&Walked> {
        self.picture.walked.get(index)
    }

    /// The one thread for which this holds.
    fn only(&self, mut holds: impl FnMut(&Walked) -> bool) -> Option<usize> {
        let mut those =
            self.threads.iter().copied().filter(|&index| self.walked(index).is_some_and(&mut holds));
        let first = those.next();
        first.filter(|_| those.next().is_none())
    }

    fn unless_finalizing_elsewhere(&self, found: Option<usize>) -> Option<usize> {
        let finalizes = |one: &Walked| one.stack.frames.iter().any(|frame| frame.code.name == "__del__");
        let mut others = self.threads.iter().filter(|&&index| Some(index) != found);
        found.filter(|_| !others.any(|&index| self.walked(index).is_some_and(finalizes)))
    }

    /// The thread that keeps all others of the interpreter from running, as a run does while it looks for garbage.
    fn stopper(&self) -> Option<usize> {
        let state = self.picture.runtime.world_stopper(self.interpreter)?;
        self.only(|one| one.thread.state == state)
    }

    fn gil_holder(&self) -> Option<usize> {
        let holder = self.picture.runtime.gil_holder(self.interpreter)?;
        self.only(|one| one.thread.state == holder)
    }

    /// Whether a thread waits inside of a C function that its Python code called, and all its Python code was called
    /// by Python code: a run calls what it calls from C.
    fn is_outside(&self, one: &Walked) -> bool {
        let python = self.picture.runtime.python();
        let index = self.picture.walked.iter().position(|other| other.thread.state == one.thread.state);
        let is_waiting = index.and_then(|index| self.picture.calls.get(index)).is_some_and(Option::is_some);
        is_waiting
            && self.picture.runtime.world_stopper(self.interpreter) != Some(one.thread.state)
            && one.stack.recovery.is_none()
            && !one.stack.frames.iter().any(|frame| frame.code.name == "__del__")
            && activations::of_thread(python, one.thread.state, &one.stack).len() == 1
    }
}

/// Whether a run that the thread asked for has called Python code, a finalizer for instance.
fn has_frames_on_collect(picture: &Picture<'_, '_>, calls: &mut Calls<'_, '_>, one: &Walked) -> bool {
    let python = picture.runtime.python();
    let mut at = 0;
    let runs = activations::of_thread(python, one.thread.state, &one.stack);
    runs.iter().take(MAX_ACTIVATIONS).any(|run| {
        at += run.frames;
        let caller = one.stack.frames.get(at).filter(|_| at > 0 && one.stack.recovery.is_none());
        caller.and_then(|frame| calls.of_frame(frame)).is_some_and(|called| called.name == COLLECT)
    })
}

fn stands_on_collect(calls: &mut Calls<'_, '_>, one: &Walked) -> bool {
    calls.of(one).is_some_and(|called| called.name == COLLECT)
}
