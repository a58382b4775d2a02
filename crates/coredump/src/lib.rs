//! Reads CPython threads, frames, objects and exceptions out of ELF core files.

mod address;
mod elf;
mod findings;
mod layout;
mod line_table;
mod mapped_file;
mod memory;
mod objects;
mod runtime;
mod snapshot;

pub use address::{Address, FileOffset, LoadBias, Ptr};
pub use elf::core_file::{Compression, CoreFile, OpenError, UnpackLimits};
pub use elf::initial_stack::InitialStack;
pub use elf::modules::{BuildId, Module, ModuleFinder};
pub use elf::notes::{FileMapping, Notes, ProcessInfo, SignalInfo, ThreadStatus};
pub use elf::parse::{Core, CoreError, Machine, Segment};
pub use layout::{
    Bits, Column, ColumnError, DwarfError, Inline, Layout, Member, ReadError, SizeOf, Value,
    column_from_dwarf, member,
};
pub use line_table::Position;
pub use mapped_file::MappedFile;
pub use memory::{Fault, FaultKind, Memory, Overlay, Space, Target};
pub use runtime::attach::{AttachError, Flavor, LayoutSource, PythonRuntime};
pub use runtime::code::{Code, Variable, VariableKind};
pub use runtime::dialect::{Dialect, DictKeysFormat, InstanceDict, IntFormat};
pub use runtime::exceptions::{InForce, Links, Role, TracebackEntry};
pub use runtime::frames::{Binding, Frame, FramePlace, MAX_FRAMES, Stack, Stopped};
pub use runtime::locate::LocatedBy;
pub use runtime::process::DeadProcess;
pub use runtime::python::Python;
pub use runtime::threads::Thread;
pub use runtime::verify::{Refusal, Version};
pub use snapshot::capture::{CaptureOptions, LocalsOf, capture};
pub use snapshot::document::{
    AttributeSection, CrashSection, ExceptionSection, FrameSection, ProcessSection, ProcessSnapshot, PythonSection,
    ThreadSection, VariableSection, Verdict,
};
