//! Finds the CPython runtime in a dead process and chooses layout and dialect for it.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::column::Column;
use crate::layout::columns::{self, SHIPPED, Shipped};
use crate::layout::debug_offsets::{self, DebugOffsets};
use crate::layout::flavor::Flavor;
use crate::layout::member::{
    self, BaseExceptionObject, CodeObject, InterpreterState, Object, RuntimeState, ThreadState,
    TracebackObject, TypeObject,
};
use crate::layout::{Layout, dwarf};
use crate::objects::dict::lookup_str;
use crate::objects::types::TypeNames;
use crate::recover::{self, RecoveredThread, Recovery};
use crate::runtime::beside::{Search, beside};
use crate::runtime::code::{Code, CodeCache};
use crate::runtime::dialect::{Dialect, Gil, Roots};
use crate::runtime::exceptions::{self, InForce, Links, TracebackEntry};
use crate::runtime::frames::{self, Binding, Frame, FramePlace, Stack, Stopped};
use crate::runtime::generators::GeneratorTypes;
use crate::runtime::link_scan::LinkScan;
use crate::runtime::locate::{self, Area, Candidate, LocatedBy};
use crate::runtime::module_data::ModuleData;
use crate::runtime::moved;
use crate::runtime::process::DeadProcess;
use crate::runtime::python::Python;
use crate::runtime::threads::{self, Thread};
use crate::runtime::variables;
use crate::runtime::verify::{self, Refusal, Verified, Version};

/// The CPython runtime of a dead process, verified against its own objects.
#[derive(Debug)]
pub struct PythonRuntime<'p> {
    process: &'p DeadProcess<'p>,
    python: Python<'p>,
    address: Ptr<RuntimeState>,
    located_by: LocatedBy,
    layout_from: Vec<LayoutSource>,
    version: Version,
    flavor: Flavor,
    tried: bool,
    interpreters: Vec<Ptr<InterpreterState>>,
    types: TypeNames,
    codes: CodeCache,
    recovery: Option<Recovery>,
    generator_types: GeneratorTypes,
    frames_left: Cell<usize>,
    module_data: OnceCell<ModuleData>,
}

/// Where the offsets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LayoutSource {
    /// `_Py_DebugOffsets` in the core.
    DebugOffsets,
    /// DWARF of the module's file.
    Dwarf,
    /// The column generated for the minor version.
    Table,
}

/// Why no runtime could be attached to.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AttachError {
    /// No place looked like a runtime.
    #[error(
        "no CPython runtime of a supported version ({}) was found; is this the core of a Python process, and is it whole?",
        columns::supported()
    )]
    NotFound,
    /// The core holds nothing that the process could write to.
    #[error(
        "the core holds none of the memory that the process could write to, where CPython keeps everything: its filter left it out (core(5), /proc/PID/coredump_filter; 0x33 is usual)"
    )]
    NotDumped,
    /// A place was found, but nothing fitted it.
    #[error("the CPython runtime at {place} was refused: {refusal}")]
    Refused {
        /// Where it was found.
        place: String,
        /// Why the most promising reading was refused.
        refusal: Refusal,
    },
}

/// Frames that are walked of all stacks, each as often as it is asked for.
const MAX_WALKED: usize = 3_000_000;
/// Threads that are counted to tell which runtime was busiest.
const MAX_RANKED: usize = 10_000;

impl<'p> PythonRuntime<'p> {
    /// Finds the runtime of `process`.
    ///
    /// # Errors
    /// When no runtime is found, or none that passes verification; nothing unverified is ever used.
    pub fn attach(process: &'p DeadProcess<'p>) -> Result<Self, AttachError> {
        let mut refused = None;
        let searched = [Area::Modules, Area::Unnamed].into_iter().flat_map(|area| {
            let scanned = std::iter::once_with(move || {
                LinkScan::new(process).candidates(&locate::writable_memory(process, area))
            });
            locate::by_cookie(process, area).chain(scanned.flatten())
        });
        let named = locate::by_symbol(process).chain(locate::by_section(process));
        let candidates = named.chain(locate::by_list_symbol(process)).chain(searched);
        for candidate in candidates {
            match Self::attach_at(process, candidate) {
                Ok(runtime) => return Ok(Self::busiest(process, runtime)),
                Err(refusal) => refused = refused.or(Some((candidate, refusal))),
            }
        }
        let mut writable = process.core().segments().iter().filter(|segment| segment.writable).peekable();
        if writable.peek().is_some() && writable.all(|segment| segment.dumped == 0) {
            return Err(AttachError::NotDumped);
        }
        Err(refused.map_or(AttachError::NotFound, |(candidate, refusal)| AttachError::Refused {
            place: candidate.runtime.address().to_string(),
            refusal,
        }))
    }

    /// The one that says most about the end, where the process had several.
    fn busiest(process: &'p DeadProcess<'p>, first: Self) -> Self {
        let rank = first.rank();
        // All modules are searched only for one that ran where this one did not.
        let search = if rank.0 { Search::NamedModules } else { Search::AllModules };
        let others = beside(process, &[first.address.address()], search).into_iter();
        let best = others.map(|other| (other.rank(), other)).max_by_key(|&(rank, _)| rank);
        best.filter(|&(other, _)| other > rank).map_or(first, |(_, other)| other)
    }

    /// Whether it ran Python code in the thread that the core puts first, which is the one that died, and in how
    /// many threads at all.
    fn rank(&self) -> (bool, usize) {
        let first = self.process.core().notes().threads.first().map(|thread| thread.tid);
        let threads = self.interpreters.iter().flat_map(|&interpreter| self.threads(interpreter).0);
        let running = threads.filter(|thread| !thread.gone && frames::has_frames(&self.python, thread.state));
        let (mut died, mut count) = (false, 0);
        for thread in running.take(MAX_RANKED) {
            died |= first.is_some() && thread.tid == first;
            count += 1;
        }
        (died, count)
    }

    /// Further runtimes of the process.
    pub(crate) fn beside(&self, search: Search) -> Vec<Self> {
        beside(self.process, &[self.address.address()], search)
    }

    pub(crate) fn attach_at(process: &'p DeadProcess<'p>, candidate: Candidate) -> Result<Self, Refusal> {
        let stated = debug_offsets_at(process, candidate)?;
        let stated = stated.as_ref();
        let fits = |shipped: &&Shipped| stated.is_none_or(|stated| stated.is_of(shipped));
        let mut first_refusal = None;
        for shipped in SHIPPED.iter().filter(fits) {
            let column = shipped.column_on(process.core().machine(), stated.map(DebugOffsets::patch));
            let reading = Reading {
                version: shipped.version,
                flavor: shipped.flavor,
                stated,
                source: LayoutSource::Table,
            };
            match Self::try_column(process, candidate, &column, &reading) {
                Ok(runtime) if shipped.holds_for(runtime.version.patch()) => {
                    return Ok(Self { tried: shipped.tried, ..runtime });
                }
                // Without debug offsets, the patch level is known only now.
                Ok(_) => {}
                // The version's own column says most about what is wrong.
                Err((refusal, version_read)) => {
                    if version_read || first_refusal.is_none() {
                        first_refusal = Some(refusal);
                    }
                }
            }
        }
        Self::try_dwarf(process, candidate, stated)
            .ok_or_else(|| first_refusal.unwrap_or_else(|| unknown_version(stated)))
    }

    /// Builds that no column fits are read by the DWARF of their own binary.
    fn try_dwarf(
        process: &'p DeadProcess<'p>,
        candidate: Candidate,
        stated: Option<&DebugOffsets>,
    ) -> Option<Self> {
        let place = candidate.runtime.address();
        let file = process.module_files().iter().find(|file| file.module.contains(place))?;
        let column = dwarf::column_from_dwarf(file.bytes(process.core().target())?).ok()?;
        let free_threaded = stated.is_some_and(|stated| stated.free_threaded);
        let flavor = if free_threaded { Flavor::FreeThreaded } else { Flavor::Release };
        columns::versions().find_map(|version| {
            let reading = Reading { version, flavor, stated, source: LayoutSource::Dwarf };
            Self::try_column(process, candidate, &column, &reading).ok()
        })
    }

    /// Tries one column; a refusal comes with whether the version was right at least.
    fn try_column(
        process: &'p DeadProcess<'p>,
        candidate: Candidate,
        column: &Column,
        reading: &Reading<'_>,
    ) -> Result<Self, (Refusal, bool)> {
        let Reading { version: minor, flavor, stated, source } = *reading;
        let Some(dialect) = Dialect::of(minor, flavor) else {
            return Err((Refusal::UnknownVersion(format!("{}.{}", minor.0, minor.1)), true));
        };
        let mut layout = Layout::new(column);
        let mut layout_from = vec![source];
        if let Some(stated) = stated {
            stated.apply(&mut layout);
            layout_from.insert(0, LayoutSource::DebugOffsets);
        }
        if dialect.roots == Roots::Variables {
            variables::begin(&mut layout);
        }
        let mut python = Python::new(process.space(), layout, dialect);
        let verified = verify::verify(&python, candidate.runtime, minor).map_err(|refusal| {
            let version_read =
                matches!(&refusal, Refusal::Contradiction(why) if !why.starts_with("sys.version"));
            (refusal, version_read)
        })?;
        let flavor = flavor_of(reading, &verified).map_err(|refusal| (refusal, true))?;
        if dialect.roots == Roots::Variables {
            let layout = variables::placed(process, &python, candidate.runtime, &verified.interpreters);
            python = Python::new(process.space(), layout, dialect);
        }
        let python = with_moved(process, python, &verified, minor, flavor);
        Ok(Self::assemble(process, python, candidate, layout_from, verified, flavor))
    }

    fn assemble(
        process: &'p DeadProcess<'p>,
        python: Python<'p>,
        candidate: Candidate,
        layout_from: Vec<LayoutSource>,
        verified: Verified,
        flavor: Flavor,
    ) -> Self {
        let types = TypeNames::new(&python, verified.interpreter, verified.type_type);
        Self {
            process,
            python,
            address: candidate.runtime,
            located_by: candidate.located_by,
            layout_from,
            version: verified.version,
            flavor,
            tried: true,
            interpreters: verified.interpreters,
            types,
            codes: CodeCache::default(),
            recovery: None,
            generator_types: GeneratorTypes::default(),
            module_data: OnceCell::new(),
            frames_left: Cell::new(MAX_WALKED),
        }
    }

    /// A runtime whose roots are lost, with what was recovered of it.
    pub(crate) fn recovered(
        process: &'p DeadProcess<'p>,
        python: Python<'p>,
        version: Version,
        flavor: Flavor,
        codes: CodeCache,
        types: TypeNames,
        recovery: Recovery,
    ) -> Self {
        let mut interpreters: Vec<_> =
            recovery.threads.iter().filter_map(|thread| thread.interpreter).collect();
        interpreters.sort_unstable();
        interpreters.dedup();
        Self {
            process,
            python,
            address: Ptr::nowhere(),
            located_by: LocatedBy::Recovered,
            layout_from: vec![LayoutSource::Table],
            version,
            flavor,
            tried: true,
            interpreters,
            types,
            codes,
            generator_types: GeneratorTypes::default(),
            module_data: OnceCell::new(),
            frames_left: Cell::new(MAX_WALKED),
            recovery: Some(recovery),
        }
    }

    /// What was recovered, when the roots of the interpreter are lost.
    pub fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref()
    }

    /// The process that it lived in.
    pub fn process(&self) -> &'p DeadProcess<'p> {
        self.process
    }

    /// Memory, layout and dialect.
    pub fn python(&self) -> &Python<'p> {
        &self.python
    }

    /// `_PyRuntime`; an address at which nothing can be when it was [recovered](Self::recovery).
    pub fn address(&self) -> Ptr<RuntimeState> {
        self.address
    }

    /// How it was found.
    pub fn located_by(&self) -> LocatedBy {
        self.located_by
    }

    /// Where the offsets come from; earlier ones go before later ones.
    pub fn layout_from(&self) -> &[LayoutSource] {
        &self.layout_from
    }

    /// The interpreter's version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// How the interpreter was configured.
    pub fn flavor(&self) -> Flavor {
        self.flavor
    }

    /// Whether this version and flavor was ever tried on a core; if not, its layout was verified only by this one.
    pub fn is_tried(&self) -> bool {
        self.tried
    }

    /// Interpreter states, the main one last.
    pub fn interpreters(&self) -> &[Ptr<InterpreterState>] {
        &self.interpreters
    }

    /// Names of types.
    pub fn types(&self) -> &TypeNames {
        &self.types
    }

    /// `sys.modules` of an interpreter, where it can be read.
    pub fn modules(&self, interpreter: Ptr<InterpreterState>) -> Option<Ptr<Object>> {
        verify::modules_dict(&self.python, interpreter).ok()
    }

    /// Threads of an interpreter, newest first. An error says where their list breaks off.
    pub fn threads(&self, interpreter: Ptr<InterpreterState>) -> (Vec<Thread>, Option<ReadError>) {
        match &self.recovery {
            Some(recovery) => (threads::recovered(self, recovery, interpreter), None),
            None => threads::of_interpreter(self, interpreter),
        }
    }

    /// The thread that holds the GIL of an interpreter.
    pub fn gil_holder(&self, interpreter: Ptr<InterpreterState>) -> Option<Ptr<ThreadState>> {
        threads::gil_holder(self, interpreter)
    }

    /// The thread state that keeps all others of an interpreter from running, in a free-threaded build.
    pub(crate) fn world_stopper(&self, interpreter: Ptr<InterpreterState>) -> Option<Ptr<ThreadState>> {
        threads::world_stopper(self, interpreter)
    }

    /// Python frames of a thread, innermost first.
    ///
    /// Of all stacks together, some millions of frames are walked; what is asked for later is empty, with
    /// [`Stopped::Limit`] as its end.
    pub fn stack(&self, thread: Ptr<ThreadState>) -> Stack {
        if self.frames_left.get() == 0 {
            return Stack { frames: Vec::new(), stopped: Stopped::Limit, recovery: None };
        }
        let recovered = self.recovery.as_ref().and_then(|recovery| recovery.thread(thread));
        let stack = recovered.map_or_else(
            || {
                let walked = frames::walk(&self.python, &self.codes, thread);
                recover::continued(&self.python, &self.codes, thread, walked)
            },
            |recovered| recovered.stack.clone(),
        );
        self.frames_left.set(self.frames_left.get().saturating_sub(stack.frames.len()));
        stack
    }

    /// Threads that no list names any more, when the list of thread states breaks off behind those in `known`.
    pub fn lost_threads(&self, known: &[Ptr<ThreadState>]) -> Vec<RecoveredThread> {
        recover::beyond_the_list(self.process, &self.python, &self.codes, known)
    }

    /// The frames from a place on, innermost first, in memory that may differ from the process's own.
    pub(crate) fn frames_from(&self, python: &Python<'_>, place: FramePlace) -> Stack {
        frames::walk_from(python, &self.codes, Some(place))
    }

    /// The frame at a place; `None` for one that runs no Python code.
    ///
    /// # Errors
    /// When the frame or its code object cannot be read.
    pub fn frame_at(&self, place: FramePlace) -> Result<Option<Frame>, ReadError> {
        frames::read_frame(&self.python, &self.codes, place)
    }

    /// A code object, read once.
    pub(crate) fn code(&self, at: Ptr<CodeObject>) -> Result<Rc<Code>, ReadError> {
        self.codes.get(&self.python, at)
    }

    /// Variables of the module that the runtime lies in.
    pub(crate) fn module_data(&self) -> &ModuleData {
        self.module_data.get_or_init(|| ModuleData::of(self))
    }

    pub(crate) fn generator_types(&self) -> &GeneratorTypes {
        &self.generator_types
    }

    /// Variables of a frame that are bound.
    pub fn bindings(&self, frame: &Frame) -> Vec<Binding> {
        frames::bindings(&self.python, frame)
    }

    /// Exceptions that a thread is raising or handling, innermost first.
    pub fn exceptions(&self, thread: Ptr<ThreadState>) -> (Vec<InForce>, Option<ReadError>) {
        exceptions::in_force(&self.python, thread)
    }

    /// Cause, context, traceback and members of an exception.
    ///
    /// # Errors
    /// When the exception object is not there.
    pub fn exception_links(&self, at: Ptr<BaseExceptionObject>) -> Result<Links, ReadError> {
        exceptions::links(&self.python, self.group_type(), at)
    }

    /// Entries of a traceback, outermost first. An error says where the chain breaks off.
    pub fn traceback(&self, head: Option<Ptr<TracebackObject>>) -> (Vec<TracebackEntry>, Option<ReadError>) {
        exceptions::traceback(&self.python, &self.codes, head)
    }

    /// `builtins.BaseExceptionGroup` (3.11+).
    fn group_type(&self) -> Option<Ptr<TypeObject>> {
        if self.recovery.is_some() {
            return self.types.inferred("BaseExceptionGroup");
        }
        let main = *self.interpreters.last()?;
        let builtins = self.python.read(main, member::INTERP_BUILTINS).ok()??;
        lookup_str(&self.python, builtins.cast(), "BaseExceptionGroup").ok()?.map(Ptr::cast)
    }
}

/// How a candidate is read.
#[derive(Clone, Copy)]
struct Reading<'s> {
    version: (u8, u8),
    flavor: Flavor,
    stated: Option<&'s DebugOffsets>,
    source: LayoutSource,
}

/// The flavor that the core states. A shipped column is for one flavor only, DWARF is for that of its binary.
fn flavor_of(reading: &Reading<'_>, verified: &Verified) -> Result<Flavor, Refusal> {
    let stated = if verified.debug_build { Flavor::Debug } else { Flavor::Release };
    match (reading.source, reading.flavor) {
        (LayoutSource::Table, flavor) if flavor == stated => Ok(flavor),
        (_, Flavor::FreeThreaded) if stated == Flavor::Release => Ok(Flavor::FreeThreaded),
        (LayoutSource::Dwarf, Flavor::Release | Flavor::Debug) => Ok(stated),
        (LayoutSource::Dwarf, Flavor::FreeThreaded) => Ok(Flavor::FreeThreaded),
        (_, flavor) => {
            Err(Refusal::Flavor { version: verified.version.text.clone(), stated, read_as: flavor })
        }
    }
}

fn debug_offsets_at(
    process: &DeadProcess<'_>,
    candidate: Candidate,
) -> Result<Option<DebugOffsets>, Refusal> {
    let place = candidate.runtime.address();
    match process.space().bytes(place, debug_offsets::COOKIE.len() as u64) {
        Ok(head) if *head == *debug_offsets::COOKIE => {}
        _ => return Ok(None),
    }
    debug_offsets::read(&process.space(), place).map(Some).map_err(|error| match error {
        debug_offsets::DebugOffsetsError::UnknownVersion(version) => {
            Refusal::UnknownVersion(debug_offsets::version_text(version))
        }
        other => Refusal::Contradiction(other.to_string()),
    })
}

fn unknown_version(stated: Option<&DebugOffsets>) -> Refusal {
    let name = |stated: &DebugOffsets| {
        let flavor = if stated.free_threaded { " free-threaded" } else { "" };
        debug_offsets::version_text(stated.version) + flavor
    };
    Refusal::UnknownVersion(stated.map_or_else(|| "of an unknown version".to_owned(), name))
}

/// Adds the members that lie elsewhere than in the shipped column, where they can be found.
fn with_moved<'p>(
    process: &'p DeadProcess<'p>,
    python: Python<'p>,
    verified: &Verified,
    version: (u8, u8),
    flavor: Flavor,
) -> Python<'p> {
    let layout = python.layout();
    let nothing_moved = layout.has(member::INTERP_STATIC_TYPES) || layout.has(member::INTERP_MANAGED_TYPES);
    // Interpreters keep static types of their own since each has a GIL.
    let (false, Gil::PerInterpreter) = (nothing_moved, python.dialect().gil) else { return python };
    let patch = verified.version.patch();
    let of_it = |shipped: &&Shipped| {
        (shipped.version, shipped.flavor) == (version, flavor) && shipped.holds_for(patch)
    };
    let Some(shipped) = SHIPPED.iter().find(of_it) else { return python };
    let found = moved::find(&python, verified.interpreter, python.layout(), &shipped.column());
    if found.is_empty() {
        return python;
    }
    let (mut layout, dialect) = (python.layout().clone(), *python.dialect());
    for (path, offset) in found {
        layout.set_offset(path, offset);
    }
    Python::new(process.space(), layout, dialect)
}
