//! Which task holds an `asyncio.Lock`, which does not say so itself: the one that is in an `async with` block of it.
//!
//! `Lib/asyncio/locks.py` from 3.8 to 3.15: a task waits for a lock in `Lock.acquire`, and `_locked` says whether
//! somebody has it.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::Ptr;
use crate::layout::member::Object;
use crate::objects::{attributes, integer};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::Frame;
use crate::tasks::await_chain::AwaitChain;
use crate::waits::idiom::{is_instance, variable};
use crate::waits::slots;

const LOCK: &str = "asyncio.locks.Lock";
/// Frames of one task that are looked at.
const MAX_FRAMES: usize = 10_000;

/// The locks of tasks, by the tasks' numbers.
#[derive(Debug, Default)]
pub(crate) struct TaskLocks {
    wanted: FxHashMap<usize, Ptr<Object>>,
    holders: FxHashMap<Ptr<Object>, FxHashSet<usize>>,
}

impl TaskLocks {
    /// Looks at what a task awaits.
    pub(crate) fn add(&mut self, runtime: &PythonRuntime<'_>, task: usize, chain: &AwaitChain) {
        if chain.is_running {
            return;
        }
        if let Some(lock) = chain.frames.last().and_then(|frame| wanted(runtime, frame)) {
            self.wanted.insert(task, lock);
        }
        let inner = chain.frames.iter().skip(1).map(Some).chain([None]);
        for (frame, inner) in chain.frames.iter().zip(inner).take(MAX_FRAMES) {
            // What is being entered is not held for that.
            let entering = inner.and_then(|inner| entered(runtime, inner));
            for lock in slots::entered_async(runtime, frame) {
                if Some(lock) != entering && is_instance(runtime, lock, LOCK) && is_locked(runtime, lock) {
                    self.holders.entry(lock).or_default().insert(task);
                }
            }
        }
    }

    /// The task that holds the lock which a task waits for; `None` when that is not known, or there seem to be several.
    pub(crate) fn holder(&self, task: usize) -> Option<usize> {
        let holders = self.holders.get(self.wanted.get(&task)?)?;
        holders.iter().copied().next().filter(|_| holders.len() == 1)
    }
}

/// The lock that a frame of `asyncio` waits for.
fn wanted(runtime: &PythonRuntime<'_>, frame: &Frame) -> Option<Ptr<Object>> {
    of_asyncio(runtime, frame, "acquire")
}

/// The lock that a frame of `asyncio` enters.
fn entered(runtime: &PythonRuntime<'_>, frame: &Frame) -> Option<Ptr<Object>> {
    of_asyncio(runtime, frame, "__aenter__")
}

fn of_asyncio(runtime: &PythonRuntime<'_>, frame: &Frame, function: &str) -> Option<Ptr<Object>> {
    if frame.code.name != function || !frame.code.file.ends_with("asyncio/locks.py") {
        return None;
    }
    variable(runtime, frame, "self").filter(|&lock| is_instance(runtime, lock, LOCK))
}

fn is_locked(runtime: &PythonRuntime<'_>, lock: Ptr<Object>) -> bool {
    let python = runtime.python();
    let value = attributes::get(python, lock, "_locked").ok().flatten();
    value.is_some_and(|value| integer::read_i128(python, value.cast()).is_ok_and(|value| value != 0))
}
