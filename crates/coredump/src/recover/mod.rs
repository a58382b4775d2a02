//! Recovers what a core still tells when the roots of the interpreter are lost.
//!
//! A kernel writes memory by rising address, so a core that was cut loses libpython's data and the stacks first:
//! the runtime, the static types, the main thread's state. Heaps, most arenas and often the data stacks of
//! threads are still there. They are found by their shape, in one pass over the memory: see [`identify`] for the
//! version and the types, [`scan`] for thread states and data stacks, [`stacks`] for how stacks are put together,
//! [`builtins`] and [`builtin_types`] for the types whose memory is lost, [`instances`] for exceptions and threads.
//!
//! Nothing of this is used while the roots are there, and everything that comes of it is marked.

mod builtin_types;
mod builtins;
mod classes;
mod data_stack;
mod dumped;
mod identify;
mod instances;
mod scan;
mod shape;
mod stacks;
mod static_objects;
mod version_text;

use pycoroner_findings::Confidence;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::{Address, Ptr};
use crate::layout::Layout;
use crate::layout::columns::{SHIPPED, Shipped};
use crate::layout::debug_offsets::{self, DebugOffsets};
use crate::layout::member::{
    self, BaseExceptionObject, InterpreterState, StackChunk, ThreadState, TypeObject,
};
use crate::objects::kind::{self, Kind};
use crate::objects::types::TypeNames;
use crate::recover::data_stack::Top;
use crate::recover::identify::{Identified, identify};
use crate::recover::instances::Instances;
use crate::recover::scan::Found;
use crate::recover::shape::CoreTypes;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::code::CodeCache;
use crate::runtime::dialect::Dialect;
use crate::runtime::frames::{Stack, Stopped};
use crate::runtime::locate::{self, Area};
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
    /// Where in `threads` the thread of a thread state is.
    by_state: FxHashMap<Ptr<ThreadState>, usize>,
    /// Names that `threading.Thread` objects give to native threads.
    pub names: FxHashMap<u64, String>,
    /// Exceptions that came through a frame and that no other one names as its cause or context.
    pub exceptions: Vec<Ptr<BaseExceptionObject>>,
}

impl Recovery {
    /// The thread of a thread state.
    pub(crate) fn thread(&self, state: Ptr<ThreadState>) -> Option<&RecoveredThread> {
        self.by_state.get(&state).and_then(|&index| self.threads.get(index))
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
    let found = scan::scan(process, python, code_type.address(), None);
    let mut threads = threads(process, python, codes, &found, known);
    threads.retain(|thread| thread.state.is_none_or(|state| !known.contains(&state)));
    threads
}

/// Frames and chunks of all threads together that are looked at.
const MAX_STEPS: usize = 1 << 20;
/// What following the chunks of one data stack counts for.
const STEPS_OF_CHUNK: usize = 16;

/// Recovers what is left. Costs a pass over all memory that the core holds.
///
/// # Errors
/// Says why nothing can be recovered; no version is ever guessed.
pub(crate) fn recover<'p>(process: &'p DeadProcess<'p>) -> Result<PythonRuntime<'p>, Unrecovered> {
    if !process.core().segments().iter().any(|segment| segment.present < segment.dumped) {
        return Err(Unrecovered::Whole);
    }
    let stated = stated(process);
    let Identified { shipped, layout, types, mut because } = identify(process, stated.as_ref())?;
    note_types(process, &layout, &types);
    let dialect = Dialect::of(shipped.version, shipped.flavor).ok_or(Unrecovered::NoCode)?;
    let python = Python::new(process.space(), layout, dialect);
    let full = version_text::find(process, &python, &types, shipped.version);
    let text = full.as_deref().and_then(|full| full.split(' ').next()).map(str::to_owned);
    let text = text.or_else(|| stated.as_ref().map(|stated| debug_offsets::version_text(stated.version)));
    let version = Version {
        minor: shipped.version,
        text: text.unwrap_or_else(|| format!("{}.{}", shipped.version.0, shipped.version.1)),
        full: full.unwrap_or_default(),
    };
    let python = of_patch_level(process, python, shipped, &version);
    let found = scan::scan(process, &python, types.code, Some((&types, shipped.version.1)));
    let (names, objects) = objects(process, &python, &types, &found, &mut because);
    let codes = CodeCache::default();
    let threads = threads(process, &python, &codes, &found, &[]);
    let confidence = if because.len() > 1 { Confidence::Strong } else { Confidence::Moderate };
    let exceptions = instances::outermost(&python, &objects.exceptions);
    let states = threads.iter().enumerate();
    let by_state = states.filter_map(|(index, thread)| Some((thread.state?, index))).collect();
    let recovery = Recovery { threads, by_state, because, confidence, names: objects.names, exceptions };
    Ok(PythonRuntime::recovered(process, python, version, shipped.flavor, codes, names, recovery))
}

/// What `_Py_DebugOffsets` states (3.13+): in a static program it lies before what is lost.
fn stated(process: &DeadProcess<'_>) -> Option<DebugOffsets> {
    let places = locate::by_cookie(process, Area::Modules);
    places
        .take(MAX_COOKIES)
        .find_map(|place| debug_offsets::read(&process.space(), place.runtime.address()).ok())
}

/// Places with the cookie of `_Py_DebugOffsets` that are looked at.
const MAX_COOKIES: usize = 16;

/// Reads by the column of the very patch level, where that is known only now.
fn of_patch_level<'p>(
    process: &'p DeadProcess<'p>,
    python: Python<'p>,
    shipped: &Shipped,
    version: &Version,
) -> Python<'p> {
    let patch = version.patch();
    let holds = |other: &&Shipped| {
        (other.version, other.flavor) == (shipped.version, shipped.flavor) && other.holds_for(patch)
    };
    match SHIPPED.iter().find(holds) {
        Some(other) if patch.is_some() && !std::ptr::eq(other, shipped) => {
            let layout = Layout::new(&other.column_on(process.core().machine(), patch));
            Python::new(process.space(), layout, *python.dialect())
        }
        _ => python,
    }
}

/// The names of types whose memory is lost, and the objects that can be found by their types then.
fn objects(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    types: &CoreTypes,
    found: &Found,
    because: &mut Vec<String>,
) -> (TypeNames, Instances) {
    let interpreter = found
        .thread_states
        .iter()
        .find_map(|&(state, _)| python.read(state, member::TSTATE_INTERP).ok().flatten());
    let nowhere = Ptr::nowhere();
    let names = |type_type| TypeNames::new(python, interpreter.unwrap_or(nowhere), type_type);
    let of_types = Ptr::new(types.string).and_then(|string| python.type_of(string).ok());
    let Some(builtins) = &found.builtins else {
        return (names(of_types.unwrap_or(Ptr::nowhere())), Instances::default());
    };
    because.push(format!(
        "what has the order of builtins, with {} of its names, names the types",
        builtins.readable
    ));
    let mut inferred = builtin_types::stand_in(process, python.layout(), builtins);
    static_objects::names_of_codes(process, python, types, &found.codes);
    if python.layout().has(member::CODE_QUALNAME)
        && let Some(&int) = builtins.values.get("int")
    {
        static_objects::small_integers(process, python, int);
    }
    let type_type = of_types.or_else(|| Ptr::new(*builtins.values.get("type")?));
    let names = names(type_type.unwrap_or(Ptr::nowhere()));
    let is_exception =
        |&&of: &&Ptr<TypeObject>| kind::flags(python, of).is_ok_and(|flags| flags.kind() == Kind::Exception);
    let exceptions = inferred.keys().filter(is_exception).map(|of| of.address()).collect();
    let all = classes::find(process, python, names.type_type().address());
    static_objects::module_key(process, python, types, &all);
    let classes = classes::read(python, &names, &all, types.code);
    inferred.extend(classes.function.map(|of| (of, builtin_types::inferred("function"))));
    (names.with_inferred(inferred), instances::find(process, python, types, &classes, &exceptions))
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
    let mut left = MAX_STEPS;
    let mut owned: FxHashSet<Ptr<StackChunk>> = FxHashSet::default();
    for &state in known {
        if let Ok(Some(newest)) = python.read(state, member::TSTATE_DATASTACK_CHUNK) {
            owned.extend(data_stack::chain(python, newest).0);
        }
    }
    for &(state, tid) in &found.thread_states {
        if left == 0 {
            break;
        }
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
        left = left.saturating_sub(1 + threads.last().map_or(0, |thread| thread.stack.frames.len()));
    }
    let unowned = data_stack::newest_chunks(python, &found.chunks).into_iter();
    for newest in unowned.filter(|chunk| !owned.contains(chunk)) {
        let data = data_stack::read(python, codes, newest, Top::Unknown);
        left = left.saturating_sub(STEPS_OF_CHUNK + data.frames.len());
        if left == 0 {
            break;
        }
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
