//! Threads of an interpreter, joined with the threads of the core.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::Ptr;
use crate::layout::member::{self, GilState, InterpreterState, Object, ThreadState};
use crate::layout::{Member, ReadError};
use crate::objects::attributes;
use crate::objects::dict::{self, lookup_str};
use crate::objects::integer;
use crate::objects::unicode::read_string;
use crate::recover::Recovery;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::dialect::Gil;
use crate::runtime::native_threads::{NativeThreads, Stated};

/// A thread that runs, or could run, Python code.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Its thread state.
    pub state: Ptr<ThreadState>,
    /// The interpreter that it belongs to.
    pub interpreter: Ptr<InterpreterState>,
    /// Number of that interpreter; 0 is the main one.
    pub interpreter_id: i64,
    /// `threading.get_ident()`: the `pthread_t`.
    pub ident: u64,
    /// Native thread id, when the core's registers or the thread state tell it.
    pub tid: Option<u64>,
    /// The core surely has no such thread: it ended, or `fork()` did not take it along.
    pub gone: bool,
    /// Name given in `threading`.
    pub name: Option<String>,
}

/// More threads than Linux lets one process have by default.
const MAX_THREADS: usize = 100_000;
const MAX_NAME: usize = 256;

/// All threads of an interpreter in the order of its list; an error says where the list breaks off.
pub(crate) fn of_interpreter(
    runtime: &PythonRuntime<'_>,
    interpreter: Ptr<InterpreterState>,
) -> (Vec<Thread>, Option<ReadError>) {
    let python = runtime.python();
    let head = if python.layout().has(member::INTERP_THREADS_HEAD) {
        member::INTERP_THREADS_HEAD
    } else {
        member::INTERP_TSTATE_HEAD
    };
    let names = names(runtime, interpreter);
    let interpreter_id = interpreter_id(runtime, interpreter);
    let (states, broken) = states(runtime, interpreter, head);
    let stated: Vec<Stated> = states.iter().map(|&(_, stated)| stated).collect();
    let native = NativeThreads::of(runtime.process().core(), &stated);
    let thread = |&(state, stated): &(Ptr<ThreadState>, Stated)| Thread {
        state,
        interpreter,
        interpreter_id,
        ident: stated.ident,
        tid: native.tid(stated),
        gone: native.is_gone(stated),
        // The name is that of the thread that has the `pthread_t` now.
        name: names.get(&stated.ident).filter(|_| !native.is_succeeded(stated)).cloned(),
    };
    (states.iter().map(thread).collect(), broken)
}

/// Number of an interpreter; -1 where it is lost. Those of 3.6 have none: they are counted from the main one, which is
/// the oldest and stands last.
pub(crate) fn interpreter_id(runtime: &PythonRuntime<'_>, interpreter: Ptr<InterpreterState>) -> i64 {
    let python = runtime.python();
    if python.layout().has(member::INTERP_ID) {
        return python.read(interpreter, member::INTERP_ID).unwrap_or(-1);
    }
    let position = runtime.interpreters().iter().rev().position(|&other| other == interpreter);
    position.and_then(|position| i64::try_from(position).ok()).unwrap_or(-1)
}

/// The thread states of an interpreter with what they say; an error says where their list breaks off.
fn states(
    runtime: &PythonRuntime<'_>,
    interpreter: Ptr<InterpreterState>,
    head: Member<InterpreterState, Option<Ptr<ThreadState>>>,
) -> (Vec<(Ptr<ThreadState>, Stated)>, Option<ReadError>) {
    let python = runtime.python();
    let (mut states, mut seen) = (Vec::new(), FxHashSet::default());
    let mut at = python.read(interpreter, head);
    loop {
        let state = match at {
            Ok(Some(state)) => state,
            Ok(None) => return (states, None),
            Err(error) => return (states, Some(error)),
        };
        if !seen.insert(state) || states.len() >= MAX_THREADS {
            let what = "the list of thread states does not end";
            return (states, Some(ReadError::Invalid { at: state.address(), what }));
        }
        let ident = match python.read(state, member::TSTATE_THREAD_ID) {
            Ok(ident) => ident,
            Err(error) => return (states, Some(error)),
        };
        let tid = python.read(state, member::TSTATE_NATIVE_THREAD_ID).ok();
        states.push((state, Stated { ident, tid }));
        at = python.read(state, member::TSTATE_NEXT);
    }
}

/// The threads of an interpreter whose thread states were found without its list.
pub(crate) fn recovered(
    runtime: &PythonRuntime<'_>,
    recovery: &Recovery,
    interpreter: Ptr<InterpreterState>,
) -> Vec<Thread> {
    let python = runtime.python();
    let names = names(runtime, interpreter);
    let interpreter_id = interpreter_id(runtime, interpreter);
    let ours = recovery.threads.iter().filter(|thread| thread.interpreter == Some(interpreter));
    ours.filter_map(|thread| {
        let state = thread.state?;
        let ident = python.read(state, member::TSTATE_THREAD_ID).ok()?;
        let by_object = || thread.tid.and_then(|tid| recovery.names.get(&tid)).cloned();
        let name = names.get(&ident).cloned().or_else(by_object);
        Some(Thread { state, interpreter, interpreter_id, ident, tid: thread.tid, name, gone: false })
    })
    .collect()
}

/// The thread state that holds the GIL of an interpreter.
pub(crate) fn gil_holder(
    runtime: &PythonRuntime<'_>,
    interpreter: Ptr<InterpreterState>,
) -> Option<Ptr<ThreadState>> {
    let python = runtime.python();
    match python.dialect().gil {
        Gil::CurrentThreadState if python.layout().has(member::RUNTIME_TSTATE_CURRENT) => {
            python.read(runtime.address(), member::RUNTIME_TSTATE_CURRENT).ok().flatten()
        }
        // The lock itself lies before the mutexes whose size depends on the machine.
        Gil::CurrentThreadState => {
            let gil = Ptr::<GilState>::new(python.address_of(runtime.address(), member::RUNTIME_GIL).ok()?)?;
            let locked = python.read(gil, member::GIL_LOCKED).ok()?;
            python.read(gil, member::GIL_LAST_HOLDER).ok().flatten().filter(|_| locked == 1)
        }
        Gil::PerInterpreter => {
            let gil = python.read(interpreter, member::INTERP_GIL).ok().flatten()?;
            // A free-threaded build has a GIL as well, but it counts only while it is enabled.
            if gil_enabled(runtime, interpreter) == Some(false) {
                return None;
            }
            let locked = python.read(gil, member::GIL_LOCKED).ok()?;
            python.read(gil, member::GIL_LAST_HOLDER).ok().flatten().filter(|_| locked == 1)
        }
    }
}

/// The thread state that has stopped all others of an interpreter, or waits until they have stopped (free-threaded
/// builds; `stop_the_world` of Python/pystate.c at v3.13.5).
pub(crate) fn world_stopper(
    runtime: &PythonRuntime<'_>,
    interpreter: Ptr<InterpreterState>,
) -> Option<Ptr<ThreadState>> {
    let python = runtime.python();
    let requested = python.read(interpreter, member::INTERP_WORLD_REQUESTED).ok()?;
    let stopped = python.read(interpreter, member::INTERP_WORLD_STOPPED).ok()?;
    let requester = python.read(interpreter, member::INTERP_WORLD_REQUESTER).ok().flatten();
    requester.filter(|_| requested <= 1 && stopped <= 1 && requested + stopped > 0)
}

/// Whether an interpreter of a free-threaded build had its GIL enabled, as an extension or `-X gil=1` asks for;
/// `None` for builds whose GIL is always on.
pub(crate) fn gil_enabled(runtime: &PythonRuntime<'_>, interpreter: Ptr<InterpreterState>) -> Option<bool> {
    let python = runtime.python();
    if !python.layout().has(member::GIL_ENABLED) {
        return None;
    }
    let gil = python.read(interpreter, member::INTERP_GIL).ok().flatten()?;
    Some(python.read(gil, member::GIL_ENABLED).ok()? != 0)
}

/// Thread names by ident, from `threading._active`.
fn names(runtime: &PythonRuntime<'_>, interpreter: Ptr<InterpreterState>) -> FxHashMap<u64, String> {
    read_names(runtime, interpreter).unwrap_or_default()
}

fn read_names(
    runtime: &PythonRuntime<'_>,
    interpreter: Ptr<InterpreterState>,
) -> Option<FxHashMap<u64, String>> {
    let python = runtime.python();
    let modules = runtime.modules(interpreter)?;
    let threading = lookup_str(python, modules.cast(), "threading").ok()??;
    let globals = python.read(threading.cast(), member::MODULE_DICT).ok()??;
    let active = lookup_str(python, globals, "_active").ok()??;
    let entries = dict::entries(python, active.cast(), MAX_THREADS).ok()?;
    let name = |(ident, thread): (Ptr<Object>, Ptr<Object>)| {
        let ident = integer::read_u64(python, ident.cast()).ok()?;
        let name = attributes::get(python, thread, "_name").ok()??;
        Some((ident, read_string(python, name.cast(), MAX_NAME).ok()?))
    };
    Some(entries.items.into_iter().filter_map(name).collect())
}
