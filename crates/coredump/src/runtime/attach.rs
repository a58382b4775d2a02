//! Finds the CPython runtime in a dead process and chooses layout and dialect for it.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::column::Column;
use crate::layout::columns::SHIPPED;
use crate::layout::debug_offsets::{self, DebugOffsets};
use crate::layout::member::{
    self, BaseExceptionObject, InterpreterState, Object, RuntimeState, ThreadState, TracebackObject,
    TypeObject,
};
use crate::layout::{Layout, dwarf};
use crate::objects::dict::lookup_str;
use crate::objects::types::TypeNames;
use crate::runtime::code::CodeCache;
use crate::runtime::dialect::Dialect;
use crate::runtime::exceptions::{self, InForce, Links, TracebackEntry};
use crate::runtime::frames::{self, Binding, Frame, Stack};
use crate::runtime::locate::{self, Candidate, LocatedBy};
use crate::runtime::process::DeadProcess;
use crate::runtime::python::Python;
use crate::runtime::threads::{self, Thread};
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
    interpreters: Vec<Ptr<InterpreterState>>,
    types: TypeNames,
    codes: CodeCache,
}

/// How the interpreter was configured, as far as its structures depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavor {
    /// As distributed.
    Release,
    /// `--with-pydebug`.
    Debug,
    /// `--disable-gil` (3.13+).
    FreeThreaded,
}

/// Where the offsets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
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
        "no CPython runtime of a supported version (3.8 to 3.13) was found; is this the core of a Python process, and is it whole?"
    )]
    NotFound,
    /// A place was found, but nothing fitted it.
    #[error("the CPython runtime at {place} was refused: {refusal}")]
    Refused {
        /// Where it was found.
        place: String,
        /// Why the most promising reading was refused.
        refusal: Refusal,
    },
}

const MAX_INTERPRETERS: usize = 4096;

impl<'p> PythonRuntime<'p> {
    /// Finds the runtime of `process`.
    ///
    /// # Errors
    /// When no runtime is found, or none that passes verification; nothing unverified is ever used.
    pub fn attach(process: &'p DeadProcess<'p>) -> Result<Self, AttachError> {
        let mut refused = None;
        // Scanning by the wrong column finds nothing, but takes its time: begin with what paths hint at.
        let mut likely: Vec<_> = SHIPPED.iter().collect();
        likely.sort_by_key(|shipped| !locate::paths_mention(process, shipped.version));
        let scans = likely.into_iter().flat_map(|shipped| {
            let layout = Layout::new(&shipped.column_on(process.core().machine()));
            locate::by_scan(process, &layout).take(16).collect::<Vec<_>>()
        });
        let candidates = locate::by_symbol(process).chain(locate::by_cookie(process)).chain(scans);
        for candidate in candidates {
            match Self::attach_at(process, candidate) {
                Ok(runtime) => return Ok(runtime),
                Err(refusal) => refused = refused.or(Some((candidate, refusal))),
            }
        }
        Err(refused.map_or(AttachError::NotFound, |(candidate, refusal)| AttachError::Refused {
            place: candidate.runtime.address().to_string(),
            refusal,
        }))
    }

    fn attach_at(process: &'p DeadProcess<'p>, candidate: Candidate) -> Result<Self, Refusal> {
        let stated = debug_offsets_at(process, candidate)?;
        let stated_minor = stated.as_ref().map(|stated| minor_of(stated.version));
        let mut first_refusal = None;
        for shipped in
            SHIPPED.iter().filter(|shipped| stated_minor.is_none_or(|minor| minor == shipped.version))
        {
            match Self::try_column(
                process,
                candidate,
                &shipped.column_on(process.core().machine()),
                shipped.version,
                stated.as_ref(),
                LayoutSource::Table,
            ) {
                Ok(runtime) => return Ok(runtime),
                // The version's own column says most about what is wrong.
                Err((refusal, version_read)) => {
                    if version_read || first_refusal.is_none() {
                        first_refusal = Some((refusal, shipped.version));
                    }
                }
            }
        }
        let (refusal, _) = first_refusal.ok_or_else(|| unknown_version(stated.as_ref()))?;
        Self::try_dwarf(process, candidate, stated.as_ref()).ok_or(refusal)
    }

    /// Builds that no column fits, such as debug builds, are read by the DWARF of their own binary.
    fn try_dwarf(
        process: &'p DeadProcess<'p>,
        candidate: Candidate,
        stated: Option<&DebugOffsets>,
    ) -> Option<Self> {
        let place = candidate.runtime.address();
        let file = process.module_files().iter().find(|file| file.module.contains(place))?;
        let column = dwarf::column_from_dwarf(file.bytes(process.core().target())?).ok()?;
        SHIPPED.iter().find_map(|shipped| {
            Self::try_column(process, candidate, &column, shipped.version, stated, LayoutSource::Dwarf).ok()
        })
    }

    /// Tries one column; a refusal comes with whether the version was right at least.
    fn try_column(
        process: &'p DeadProcess<'p>,
        candidate: Candidate,
        column: &Column,
        minor: (u8, u8),
        stated: Option<&DebugOffsets>,
        source: LayoutSource,
    ) -> Result<Self, (Refusal, bool)> {
        let Some(dialect) = Dialect::of(minor) else {
            return Err((Refusal::UnknownVersion(format!("{}.{}", minor.0, minor.1)), true));
        };
        let mut layout = Layout::new(column);
        let mut layout_from = vec![source];
        if let Some(stated) = stated {
            stated.apply(&mut layout);
            layout_from.insert(0, LayoutSource::DebugOffsets);
        }
        let python = Python::new(process.space(), layout, dialect);
        let verified = verify::verify(&python, candidate.runtime, minor).map_err(|refusal| {
            let version_read =
                matches!(&refusal, Refusal::Contradiction(why) if !why.starts_with("sys.version"));
            (refusal, version_read)
        })?;
        Ok(Self::assemble(process, python, candidate, layout_from, verified, stated))
    }

    fn assemble(
        process: &'p DeadProcess<'p>,
        python: Python<'p>,
        candidate: Candidate,
        layout_from: Vec<LayoutSource>,
        verified: Verified,
        stated: Option<&DebugOffsets>,
    ) -> Self {
        let flavor = match stated {
            Some(stated) if stated.free_threaded => Flavor::FreeThreaded,
            _ if verified.debug_build => Flavor::Debug,
            _ => Flavor::Release,
        };
        let interpreters = interpreters(&python, verified.interpreter);
        let types = TypeNames::new(&python, verified.interpreter, verified.type_type);
        Self {
            process,
            python,
            address: candidate.runtime,
            located_by: candidate.located_by,
            layout_from,
            version: verified.version,
            flavor,
            interpreters,
            types,
            codes: CodeCache::default(),
        }
    }

    /// The process that it lived in.
    pub fn process(&self) -> &'p DeadProcess<'p> {
        self.process
    }

    /// Memory, layout and dialect.
    pub fn python(&self) -> &Python<'p> {
        &self.python
    }

    /// `_PyRuntime`.
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
        threads::of_interpreter(self, interpreter)
    }

    /// The thread that holds the GIL of an interpreter.
    pub fn gil_holder(&self, interpreter: Ptr<InterpreterState>) -> Option<Ptr<ThreadState>> {
        threads::gil_holder(self, interpreter)
    }

    /// Python frames of a thread, innermost first.
    pub fn stack(&self, thread: Ptr<ThreadState>) -> Stack {
        frames::walk(&self.python, &self.codes, thread)
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
        let main = *self.interpreters.last()?;
        let builtins = self.python.read(main, member::INTERP_BUILTINS).ok()??;
        lookup_str(&self.python, builtins.cast(), "BaseExceptionGroup").ok()?.map(Ptr::cast)
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
            Refusal::UnknownVersion(version_text(version))
        }
        other => Refusal::Contradiction(other.to_string()),
    })
}

fn unknown_version(stated: Option<&DebugOffsets>) -> Refusal {
    Refusal::UnknownVersion(
        stated.map_or_else(|| "of an unknown version".to_owned(), |stated| version_text(stated.version)),
    )
}

/// Major and minor of a `PY_VERSION_HEX`.
fn minor_of(hex: u32) -> (u8, u8) {
    ((hex >> 24) as u8, (hex >> 16) as u8)
}

fn version_text(hex: u32) -> String {
    let (major, minor) = minor_of(hex);
    format!("{major}.{minor}.{}", (hex >> 8) as u8)
}

fn interpreters(python: &Python<'_>, head: Ptr<InterpreterState>) -> Vec<Ptr<InterpreterState>> {
    let mut found = vec![head];
    let mut at = head;
    while let Ok(Some(next)) = python.read(at, member::INTERP_NEXT) {
        if found.contains(&next) || found.len() >= MAX_INTERPRETERS {
            break;
        }
        found.push(next);
        at = next;
    }
    found
}
