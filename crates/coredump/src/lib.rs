//! Reads CPython threads, frames, objects and exceptions out of ELF core files.
//!
//! The caller provides the bytes of a core file, plain or unpacked by [`CoreFile`], and says with a [`ModuleFinder`] where
//! the binaries of the dead process may be; none is needed. The crate finds the interpreter ([`PythonRuntime`]),
//! verifies the layout of its structures against the core's own objects, and reads on from there. [`capture`] turns
//! all of it into plain data, the document `pycoroner.core/1`.
//!
//! It will not guess: a version or layout that fails verification is refused by name, and what is not in the core
//! is a [`Fault`], a mark in a text, or a gap. It prints nothing, runs no code of the dead process, needs no debugger,
//! and opens no file but the core and the binaries that the finder names.
//!
//! ```
//! use pycoroner_coredump::{
//!     CaptureOptions, Core, CoreFile, DeadProcess, ModuleFinder, PythonRuntime, UnpackLimits, capture,
//! };
//! use pycoroner_findings::SourceId;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = pycoroner_fixtures::path("incidents/checkout-segfault/core.zst");
//! let file = CoreFile::open(&path, UnpackLimits::default())?;
//! let core = Core::of_file(&file, SourceId(1))?;
//! let process = DeadProcess::new(core, &ModuleFinder::default());
//! let runtime = PythonRuntime::attach(&process);
//! let snapshot = capture(&process, runtime.as_ref(), &CaptureOptions::default());
//!
//! let innermost = &snapshot.threads[0].python_frames[0];
//! assert_eq!((innermost.function.as_str(), innermost.line), ("string_at", Some(525)));
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

mod address;
mod bytecode;
mod crash;
mod elf;
mod findings;
#[doc(hidden)]
pub mod fuzzing;
mod layout;
mod line_table;
mod mapped_file;
mod memory;
pub mod native;
pub mod objects;
mod packed;
mod recover;
mod runtime;
mod snapshot;
mod tasks;
mod waits;

pub use address::{Address, FileOffset, LoadBias, Ptr};
pub use elf::core_file::{CoreFile, OpenError, UnpackLimits};
pub use elf::finder::{Download, FileKind, ModuleFinder};
pub use elf::initial_stack::InitialStack;
pub use elf::module_file::MatchedBy;
pub use elf::modules::{BuildId, Module};
pub use elf::notes::{FileMapping, Notes, ProcessInfo, SignalInfo, ThreadStatus};
pub use elf::parse::{Core, CoreError, Machine, Segment};
pub use elf::stored::StoredCore;
pub use layout::flavor::Flavor;
pub use layout::{
    Bits, Column, ColumnError, DwarfError, Inline, Layout, Member, ReadError, SizeOf, Value,
    column_from_dwarf, member,
};
pub use line_table::Position;
pub use mapped_file::MappedFile;
pub use memory::{Fault, FaultKind, Memory, Overlay, Space, Target};
pub use packed::{Compression, Unpacker};
pub use recover::{RecoveredBy, RecoveredThread, Recovery, StackRecovery, Unrecovered};
pub use runtime::attach::{AttachError, LayoutSource, PythonRuntime};
pub use runtime::code::{Code, Variable, VariableKind};
pub use runtime::dialect::{
    Dialect, DictKeysFormat, InstanceDict, IntFormat, Refcount, References, Suspension,
};
pub use runtime::exceptions::{InForce, Links, Role, TracebackEntry};
pub use runtime::frames::{Binding, Frame, FramePlace, MAX_FRAMES, Stack, Stopped};
pub use runtime::generators::{Generator, GeneratorKind, GeneratorState};
pub use runtime::locate::LocatedBy;
pub use runtime::phase::Phase;
pub use runtime::process::DeadProcess;
pub use runtime::python::Python;
pub use runtime::threads::Thread;
pub use runtime::tracked::{Walk, for_each as for_each_tracked};
pub use runtime::verify::{Refusal, Version};
pub use snapshot::capture::{CaptureOptions, LocalsOf, capture};
pub use snapshot::document::{
    AsyncioSection, AttributeSection, CCallSection, CpuTime, CrashSection, DeadlockSection, Distribution,
    Distributions, ExceptionSection, ExtensionSection, FailedTaskSection, FaulthandlerSection,
    FaulthandlerTimerSection, FoundBy, FrameSection, InterpreterSection, LoadedModules, LockSection,
    MappingKind, MappingRow, MemoryLogSection, MemoryRow, MemorySection, MergedFrame, ModuleSection,
    NamedValueSection, NativeExceptionSection, NativeFrameSection, ProcessSection, ProcessSnapshot,
    PythonSection, RepeatedCallSection, SignalHandlerSection, SignalHandlersSection, SignalSection,
    SuspendedSection, SysSection, TakenSection, TaskSection, ThreadSection, ThreadStateSection,
    VariableSection, Verdict, WaitSection, WaiterSection, WorkingDirectory,
};
pub use tasks::futures::Futures;
