//! Recovers what a core still tells when the roots of the interpreter are lost.
//!
//! A kernel writes memory by rising address, so a core that was cut loses libpython's data and the stacks first:
//! the runtime, the static types, the main thread's state. Heaps, most arenas and often the data stacks of
//! threads are still there. They are found by their shape, in one pass over the memory: see [`identify`] for the
//! version and the types, [`scan`] for thread states and data stacks, [`stacks`] for how stacks are put together.
//!
//! Nothing of this is used while the roots are there, and everything that comes of it is marked.

mod data_stack;
mod dumped;
mod identify;
mod scan;
mod shape;
mod stacks;

use pycoroner_findings::Confidence;
use rustc_hash::FxHashSet;

use crate::address::{Address, Ptr};
use crate::layout::Layout;
use crate::layout::member::{self, InterpreterState, StackChunk, ThreadState};
use crate::recover::data_stack::Top;
use crate::recover::identify::{Identified, identify};
use crate::recover::scan::Found;
use crate::recover::shape::CoreTypes;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::code::CodeCache;
use crate::runtime::dialect::Dialect;
use crate::runtime::frames::{Stack, Stopped};
use crate::runtime::process::DeadProcess;
use crate::runtime::python::Python;
use crate::runtime::verify::Version;

/// By what a thread or a frame was recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecoveredBy {
    /// A thread state that repeats the ids of a thread of the core, and the chain of frames from there.
    ThreadState,
    /// The order of frames on a data stack.
    DataStack,
}

/// What was recovered without the roots.
#[derive(Debug)]
pub struct Recovery {
    /// The threads, those of the core's notes with a thread state first.
    pub threads: Vec<RecoveredThread>,
    /// What it rests on, in words.
    pub because: Vec<String>,
    /// How well version and types are known.
    pub confidence: Confidence,
}

impl Recovery {
    /// The thread of a thread state.
    pub(crate) fn thread(&self, state: Ptr<ThreadState>) -> Option<&RecoveredThread> {
        self.threads.iter().find(|thread| thread.state == Some(state))
    }
}

/// A thread that was recovered.
#[derive(Debug)]
pub struct RecoveredThread {
    /// Its thread state, if that was found.
    pub state: Option<Ptr<ThreadState>>,
    /// Its interpreter, if its thread state was found.
    pub interpreter: Option<Ptr<InterpreterState>>,
    /// Native id; `None` where nothing tells whose the stack is.
    pub tid: Option<u64>,
    /// It is the only thread that is left for this stack.
    pub by_elimination: bool,
    /// By what it was found.
    pub by: RecoveredBy,
    /// Its frames.
    pub stack: Stack,
}

/// How a stack was put together whose chain of frames is not whole.
#[derive(Clone, Debug, Default)]
pub struct StackRecovery {
    /// By what each frame was found, in the order of the frames.
    pub by: Vec<RecoveredBy>,
    /// How often the chain of frames broke and the order on the data stack took its place. Frames of generators
    /// may be missing there.
    pub breaks: usize,
    /// Frames that are left out because neither file nor name of their code is there.
    pub nameless: usize,
}

/// Why nothing could be recovered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecovered {
    /// The core is whole, so there is nothing to recover from.
    #[error("the core is whole")]
    Whole,
    /// Nothing looks like Python code.
    #[error("no memory that is left looks like code objects of a supported version")]
    NoCode,
    /// More than one version would explain what is there.
    #[error("code objects are there, but {} explain them equally well", versions(.0))]
    Ambiguous(Vec<(u8, u8)>),
    /// The file names say one version and the objects another.
    #[error("file names say CPython {}.{}, but code objects are not laid out like that", .0.0, .0.1)]
    Contradiction((u8, u8)),
}

fn versions(versions: &[(u8, u8)]) -> String {
    let names: Vec<_> = versions.iter().map(|(major, minor)| format!("{major}.{minor}")).collect();
    if names.is_empty() { "no version does, or several".to_owned() } else { names.join(" and ") }
}

/// The stack of a thread whose chain of frames is broken, as far as the order on its data stack tells more.
pub(crate) fn continued(
    python: &Python<'_>,
    codes: &CodeCache,
    thread: Ptr<ThreadState>,
    walked: Stack,
) -> Stack {
    let is_broken = matches!(walked.stopped, Stopped::Fault(_)) && python.layout().has(member::CHUNK_BYTES);
    if !is_broken {
        return walked;
    }
    let recovered = stacks::of_state(python, codes, thread);
    if recovered.frames.len() > walked.frames.len() { recovered } else { walked }
}

/// Threads behind the place where the list of thread states breaks off. Costs a pass over all memory.
pub(crate) fn beyond_the_list(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    codes: &CodeCache,
    known: &[Ptr<ThreadState>],
) -> Vec<RecoveredThread> {
    let Some(code_type) = codes.code_type() else { return Vec::new() };
    let found = scan::scan(process, python, code_type.address());
    let mut threads = threads(process, python, codes, &found, known);
    threads.retain(|thread| thread.state.is_none_or(|state| !known.contains(&state)));
    threads
}

/// Recovers what is left. Costs a pass over all memory that the core holds.
///
/// # Errors
/// Says why nothing can be recovered; no version is ever guessed.
pub(crate) fn recover<'p>(process: &'p DeadProcess<'p>) -> Result<PythonRuntime<'p>, Unrecovered> {
    if !process.core().segments().iter().any(|segment| segment.present < segment.dumped) {
        return Err(Unrecovered::Whole);
    }
    let Identified { shipped, layout, types, because } = identify(process)?;
    let dialect = Dialect::of(shipped.version, shipped.flavor).ok_or(Unrecovered::NoCode)?;
    note_types(process, &layout, &types);
    let python = Python::new(process.space(), layout, dialect);
    let found = scan::scan(process, &python, types.code);
    let codes = CodeCache::default();
    let threads = threads(process, &python, &codes, &found, &[]);
    let version = Version {
        minor: shipped.version,
        text: format!("{}.{}", shipped.version.0, shipped.version.1),
        full: String::new(),
    };
    let confidence = if because.len() > 1 { Confidence::Strong } else { Confidence::Moderate };
    let recovery = Recovery { threads, because, confidence };
    Ok(PythonRuntime::recovered(process, python, version, shipped.flavor, codes, recovery))
}

/// `Py_TPFLAGS_…_SUBCLASS` (Include/object.h).
const TUPLE_SUBCLASS: u64 = 1 << 26;
const BYTES_SUBCLASS: u64 = 1 << 27;
const UNICODE_SUBCLASS: u64 = 1 << 28;

/// Lets readers ask the types that were told by their objects, as far as their own memory is lost.
fn note_types(process: &DeadProcess<'_>, layout: &Layout, types: &CoreTypes) {
    let code_size = layout.offset(member::CODE_CODE_ADAPTIVE).or_else(|_| layout.size_of(member::CODE_SIZE));
    let note = |of_type: Address, flags: u64, size: Option<u64>| {
        let words = [
            (layout.offset(member::TYPE_FLAGS).ok(), Some(flags)),
            (layout.offset(member::TYPE_BASICSIZE).ok(), size),
        ];
        for (offset, value) in words {
            if let (Some(offset), Some(value)) = (offset, value) {
                process.known().insert(process.core().target(), of_type.wrapping_add(offset), value);
            }
        }
    };
    note(types.code, 0, code_size.ok());
    note(types.string, UNICODE_SUBCLASS, layout.size_of(member::UNICODE_SIZE).ok());
    note(types.bytes, BYTES_SUBCLASS, None);
    note(types.tuple, TUPLE_SUBCLASS, None);
}

fn threads(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    codes: &CodeCache,
    found: &Found,
    known: &[Ptr<ThreadState>],
) -> Vec<RecoveredThread> {
    let mut threads = Vec::new();
    let mut owned: FxHashSet<Ptr<StackChunk>> = FxHashSet::default();
    for &state in known {
        if let Ok(Some(newest)) = python.read(state, member::TSTATE_DATASTACK_CHUNK) {
            owned.extend(data_stack::chain(python, newest).0);
        }
    }
    for &(state, tid) in &found.thread_states {
        if let Ok(Some(newest)) = python.read(state, member::TSTATE_DATASTACK_CHUNK) {
            owned.extend(data_stack::chain(python, newest).0);
        }
        threads.push(RecoveredThread {
            state: Some(state),
            interpreter: python.read(state, member::TSTATE_INTERP).ok().flatten(),
            tid: Some(tid),
            by_elimination: false,
            by: RecoveredBy::ThreadState,
            stack: stacks::of_state(python, codes, state),
        });
    }
    let unowned = data_stack::newest_chunks(python, &found.chunks).into_iter();
    for newest in unowned.filter(|chunk| !owned.contains(chunk)) {
        let data = data_stack::read(python, codes, newest, Top::Unknown);
        let stack = stacks::of_data_stack(python, codes, &data);
        if !stack.frames.is_empty() {
            threads.push(RecoveredThread {
                state: None,
                interpreter: None,
                tid: None,
                by_elimination: false,
                by: RecoveredBy::DataStack,
                stack,
            });
        }
    }
    name_the_last(process, &mut threads);
    threads
}

/// When one stack and one thread of the core are left, they belong together. Greenlets have data stacks of their
/// own, so nothing follows where they were in use.
fn name_the_last(process: &DeadProcess<'_>, threads: &mut [RecoveredThread]) {
    let named: FxHashSet<u64> = threads.iter().filter_map(|thread| thread.tid).collect();
    let notes = &process.core().notes().threads;
    let mut left = notes.iter().map(|thread| thread.tid).filter(|tid| !named.contains(tid));
    let (Some(tid), None) = (left.next(), left.next()) else { return };
    let mut nameless = threads.iter_mut().filter(|thread| thread.tid.is_none());
    let (Some(thread), None) = (nameless.next(), nameless.next()) else { return };
    if !process.modules().any(|module| module.name().contains("greenlet")) {
        thread.tid = Some(tid);
        thread.by_elimination = true;
    }
}
