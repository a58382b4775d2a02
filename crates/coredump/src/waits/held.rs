//! Which thread holds a lock that does not say so itself: the one that is in a `with` block of it, or has an exit stack
//! that will let go of it.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::Ptr;
use crate::layout::member::Object;
use crate::runtime::attach::PythonRuntime;
use crate::waits::acquired::Acquires;
use crate::waits::exit_stack::ExitStacks;
use crate::waits::lock::{LockKind, LockTypes};
use crate::waits::report::{ACQUIRE_CALL, EXIT_STACK, WITH_STATEMENT};
use crate::waits::subject::{Subject, inner_lock};
use crate::waits::taken::{By, Taken};
use crate::waits::{Walked, slots};

/// Frames of one thread that are looked at.
const MAX_FRAMES: usize = 20_000;

/// Threads by the locks whose `with` blocks they are in.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    by_lock: FxHashMap<Ptr<Object>, FxHashSet<usize>>,
    /// Locks that some thread is in a `with` block of; the others are in exit stacks only.
    by_block: FxHashSet<Ptr<Object>>,
    /// Threads by the locks that they have taken by a bare call, of which nothing else tells.
    by_call: FxHashMap<Ptr<Object>, FxHashSet<usize>>,
    threads: FxHashSet<usize>,
    /// Where the code of a thread took a lock; of several frames, in the outermost one.
    taken: FxHashMap<(Ptr<Object>, usize), Taken>,
}

impl Holders {
    /// Looks at all frames of all threads.
    pub(crate) fn of(
        runtime: &PythonRuntime<'_>,
        types: &LockTypes,
        walked: &[Walked],
        subjects: &[Subject],
    ) -> Self {
        let mut by_lock: FxHashMap<_, FxHashSet<_>> = FxHashMap::default();
        let mut by_block = FxHashSet::default();
        let mut by_call: FxHashMap<_, FxHashSet<_>> = FxHashMap::default();
        let mut places = FxHashMap::default();
        let mut acquires = Acquires::new(runtime);
        let exit_stacks = ExitStacks::of(runtime);
        for (index, (one, subject)) in walked.iter().zip(subjects).enumerate() {
            // `Condition.wait` has let go of the condition's lock, inside the `with` block that took it.
            let released = match subject {
                Subject::Idiom(idiom) => idiom.condition.and_then(|condition| inner_lock(runtime, condition)),
                _ => None,
            };
            for (place, frame) in one.stack.frames.iter().enumerate().take(MAX_FRAMES) {
                // What `threading` itself takes so are signals: the lock that `Condition.wait` makes for each wait.
                let is_own = frame.code.file.rsplit('/').next() == Some("threading.py");
                let acquires = acquires.as_mut().filter(|_| !is_own);
                let taken = acquires.map(|acquires| acquires.of_frame(frame)).unwrap_or_default();
                for (object, unit) in taken {
                    let lock = inner_lock(runtime, object).unwrap_or(object);
                    let found = types.read(runtime.python(), lock).filter(|lock| lock.held);
                    // A lock that one takes to wait for it is a signal that somebody else will give.
                    let is_signal = matches!(subject, Subject::Lock(wanted) if *wanted == lock);
                    let is_plain = found.is_some_and(|lock| lock.kind == LockKind::Plain);
                    if is_plain && !is_signal && Some(lock) != released {
                        by_call.entry(lock).or_default().insert(index);
                        places.insert((lock, index), Taken { frame: place, by: By::Call(unit) });
                    }
                }
                let blocks = slots::entered(runtime, frame).into_iter();
                let blocks = blocks.map(|entered| (entered.object, By::Block(entered.level)));
                let stacks =
                    exit_stacks.entered(runtime, frame).into_iter().map(|object| (object, By::Stack));
                for (object, by) in blocks.chain(stacks) {
                    let lock = inner_lock(runtime, object).unwrap_or(object);
                    let is_held = types.read(runtime.python(), lock).is_some_and(|lock| lock.held);
                    if is_held && Some(lock) != released {
                        by_lock.entry(lock).or_default().insert(index);
                        places.insert((lock, index), Taken { frame: place, by });
                        if matches!(by, By::Block(_)) {
                            by_block.insert(lock);
                        }
                    }
                }
            }
        }
        by_call.retain(|lock, _| !by_lock.contains_key(lock));
        let threads = by_lock.values().chain(by_call.values()).flatten().copied().collect();
        Self { by_lock, by_block, by_call, threads, taken: places }
    }

    /// The locks.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Ptr<Object>> + '_ {
        let mut objects: Vec<_> = self.by_lock.keys().chain(self.by_call.keys()).copied().collect();
        objects.sort_unstable();
        objects.into_iter()
    }

    /// The threads that are in a `with` block of some lock.
    pub(crate) fn threads(&self) -> &FxHashSet<usize> {
        &self.threads
    }

    /// Whether some thread is in a `with` block of the lock.
    pub(crate) fn holds(&self, lock: Ptr<Object>) -> bool {
        self.by_lock.contains_key(&lock) || self.by_call.contains_key(&lock)
    }

    /// Where the code of a thread took a lock that it holds.
    pub(super) fn taken(&self, lock: Ptr<Object>, thread: usize) -> Option<Taken> {
        self.taken.get(&(lock, thread)).copied()
    }

    /// The one thread that is in a `with` block of the lock, or has the exit stack that it is in, and which of the two;
    /// `None` when there are several.
    pub(crate) fn holder(&self, lock: Ptr<Object>) -> Option<(usize, &'static str)> {
        let by_call = || self.by_call.get(&lock).map(|threads| (threads, ACQUIRE_CALL));
        let (threads, found_by) =
            self.by_lock.get(&lock).map(|threads| (threads, EXIT_STACK)).or_else(by_call)?;
        let found_by = if self.by_block.contains(&lock) { WITH_STATEMENT } else { found_by };
        threads.iter().copied().next().filter(|_| threads.len() == 1).map(|index| (index, found_by))
    }
}
