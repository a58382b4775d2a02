//! What each thread was waiting for, who holds the locks, and who waits for each other in a circle.
//!
//! A thread's registers say whether it is in a system call, and in `futex` at which address. That address is a
//! lock's (its semaphore, or the byte that it is parked at), the GIL's, or a C library mutex's; the Python frames
//! say what the program calls it. Nothing here is taken from Python frames alone.

mod acquired;
mod c_call;
mod collecting;
mod exit_stack;
mod gil;
mod held;
pub(crate) mod idiom;
pub(crate) mod lock;
mod names;
mod report;
pub(crate) mod slots;
mod subject;
mod syscall;
mod taken;
mod words;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::{Address, Ptr};
use crate::elf::notes::ThreadStatus;
use crate::layout::member::{Object, ThreadState};
use crate::objects::repr::CCallable;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::Stack;
use crate::runtime::process::DeadProcess;
use crate::runtime::threads::Thread;
use crate::snapshot::document::{CCallSection, DeadlockSection, LockSection, WaitSection};
use crate::waits::lock::{Lock, LockTypes};
use crate::waits::names::{Names, Root};
use crate::waits::subject::Subject;
use crate::waits::syscall::SystemCall;

/// A thread with its Python frames.
#[derive(Debug)]
pub(crate) struct Walked {
    /// The thread.
    pub(crate) thread: Thread,
    /// Its frames.
    pub(crate) stack: Stack,
}

/// What the threads wait for.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    /// For each thread, in the order in which they were given.
    pub(crate) threads: Vec<ThreadWait>,
    /// Locks that somebody holds or waits for.
    pub(crate) locks: Vec<LockSection>,
    /// Circles.
    pub(crate) deadlocks: Vec<DeadlockSection>,
}

/// What one thread was doing.
#[derive(Clone, Debug, Default)]
pub(crate) struct ThreadWait {
    /// In words.
    pub(crate) state: Option<String>,
    /// What it waited for.
    pub(crate) waiting_on: Option<WaitSection>,
    /// The C function that its innermost Python frame has called.
    pub(crate) c_call: Option<CCallSection>,
    /// The C functions that frames further out have called, which called Python code, by the frames' places.
    pub(crate) outer_c_calls: Vec<(usize, CCallSection)>,
    /// It was inside a run of the cyclic garbage collector, where that can be told.
    pub(crate) collecting_garbage: Option<bool>,
}

/// All that is known before it is put into words.
struct Picture<'r, 'p> {
    runtime: &'r PythonRuntime<'p>,
    walked: &'r [Walked],
    places: Places,
    calls: Vec<Option<SystemCall>>,
    /// Whether a thread ran code of its own, by its registers.
    runs: Vec<bool>,
    subjects: Vec<Subject>,
    /// Whether a signal handler runs in the midst of a thread's wait for its subject.
    interrupted: Vec<bool>,
    names: Names,
    /// Locks by object, with the threads whose `with` blocks hold them.
    locks: FxHashMap<Ptr<Object>, Lock>,
    holders: held::Holders,
}

/// Where among the threads the first one stands that has an id.
#[derive(Debug, Default)]
struct Places {
    idents: FxHashMap<u64, usize>,
    tids: FxHashMap<u64, usize>,
    states: FxHashMap<Ptr<ThreadState>, usize>,
}

impl Places {
    fn of(walked: &[Walked]) -> Self {
        let mut places = Self::default();
        for (index, one) in walked.iter().enumerate() {
            places.idents.entry(one.thread.ident).or_insert(index);
            places.states.entry(one.thread.state).or_insert(index);
            if let Some(tid) = one.thread.tid {
                places.tids.entry(tid).or_insert(index);
            }
        }
        places
    }
}

/// Reads what the threads of a runtime wait for.
pub(crate) fn of_threads(runtime: &PythonRuntime<'_>, walked: &[Walked]) -> Waits {
    let types = LockTypes::of(runtime);
    let statuses: FxHashMap<u64, &ThreadStatus> =
        runtime.process().core().notes().threads.iter().map(|status| (status.tid, status)).collect();
    let status = |one: &Walked| one.thread.tid.and_then(|tid| statuses.get(&tid).copied());
    let process = runtime.process();
    let calls: Vec<_> = walked.iter().map(|one| call_of(process, status(one)?)).collect();
    let runs = walked.iter().zip(&calls).map(|(one, call)| status(one).is_some() && call.is_none()).collect();
    let mut finder = subject::Finder::new(runtime, &types, walked);
    let mut subjects: Vec<_> =
        walked.iter().zip(&calls).map(|(one, call)| finder.subject(one, *call, status(one))).collect();
    let mut made = c_call::Calls::new(runtime);
    let outer: Vec<Vec<(usize, CCallable)>> =
        walked.iter().map(|one| made.as_mut().map_or_else(Vec::new, |made| made.of_outer(one))).collect();
    let interrupted: Vec<bool> = subjects
        .iter_mut()
        .zip(&outer)
        .map(|(subject, outer)| finder.interrupted(subject, outer).map(|lock| *subject = lock).is_some())
        .collect();
    let holders = held::Holders::of(runtime, &types, walked, &subjects);
    let wanted: FxHashSet<Ptr<Object>> =
        subjects.iter().flat_map(Subject::objects).chain(holders.objects()).collect();
    let names = names::search(runtime, &types, variables(runtime, walked, &subjects, &holders), &wanted);
    finder.add_locks(names.locks());
    for ((subject, one), call) in subjects.iter_mut().zip(walked).zip(&calls) {
        if matches!(subject, Subject::Unknown { .. }) {
            *subject = finder.subject(one, *call, status(one));
        }
    }
    let locks = finder.into_locks(&subjects, &holders, names.locks());
    let places = Places::of(walked);
    let picture =
        Picture { runtime, walked, places, calls, runs, subjects, interrupted, names, locks, holders };
    let mut waits = report::waits(&picture);
    let collecting = collecting::collecting(&picture, made.as_mut());
    for (wait, collecting) in waits.threads.iter_mut().zip(collecting) {
        wait.collecting_garbage = collecting;
    }
    let Some(mut made) = made else { return waits };
    let section = |callable: CCallable, may_have_returned| CCallSection {
        name: callable.name,
        kind: callable.kind,
        object: callable.object.address(),
        found_by: "evaluation-stack",
        may_have_returned,
    };
    for (((wait, one), call), outer) in waits.threads.iter_mut().zip(walked).zip(&picture.calls).zip(outer) {
        // A thread that takes the GIL again, or is in no system call at all, may be back from what it called last.
        let is_inside = call.is_some() && wait.waiting_on.as_ref().is_none_or(|on| on.kind != "gil");
        wait.c_call = made.of(one).map(|callable| section(callable, !is_inside));
        wait.outer_c_calls =
            outer.into_iter().map(|(frame, callable)| (frame, section(callable, false))).collect();
    }
    waits
}

/// What a thread that runs no Python code was doing, in words.
pub(crate) fn state_of_native(process: &DeadProcess<'_>, status: &ThreadStatus) -> Option<String> {
    words::of_call(&call_of(process, status)?)
}

fn call_of(process: &DeadProcess<'_>, status: &ThreadStatus) -> Option<SystemCall> {
    syscall::of_thread(&process.space(), process.core().machine(), status)
}

/// Frames of a waiting thread whose variables may name what it waits for.
const NAMING_FRAMES: usize = 4;
/// Most threads whose variables are searched.
const NAMING_THREADS: usize = 200;

/// Variables of the innermost frames of threads that wait for a lock, or hold one.
fn variables(
    runtime: &PythonRuntime<'_>,
    walked: &[Walked],
    subjects: &[Subject],
    holders: &held::Holders,
) -> Vec<Root> {
    let of_interest = |index: usize, subject: &Subject| {
        subject.objects().next().is_some() || holders.threads().contains(&index)
    };
    let waiting = walked.iter().zip(subjects).enumerate();
    let waiting = waiting.filter(|&(index, (_, subject))| of_interest(index, subject));
    let mut roots = Vec::new();
    for (_, (one, _)) in waiting.take(NAMING_THREADS) {
        let thread = one.thread.name.clone().unwrap_or_else(|| format!("{:#x}", one.thread.ident));
        for frame in one.stack.frames.iter().take(NAMING_FRAMES) {
            for binding in runtime.bindings(frame) {
                if let Ok(object) = binding.object {
                    let frame = &frame.code.name;
                    let name = format!("<thread '{thread}'>.<frame {frame}>.{}", binding.variable.name);
                    roots.push(Root::variable(name, object));
                }
            }
        }
    }
    roots
}

/// Whether an address is one of a thread's own stack, near its top.
fn is_on_stack(address: Address, stack_pointer: Address) -> bool {
    const REACH: u64 = 64 << 10;
    address >= stack_pointer && address.0 - stack_pointer.0 < REACH
}
