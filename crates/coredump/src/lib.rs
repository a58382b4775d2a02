//! Reads CPython threads, frames, objects and exceptions out of ELF core files.

mod address;
mod elf;
mod layout;
mod mapped_file;
mod memory;
mod objects;
mod runtime;

pub use address::{Address, FileOffset, LoadBias, Ptr};
pub use elf::core_file::{Compression, CoreFile, OpenError, UnpackLimits};
pub use elf::initial_stack::InitialStack;
pub use elf::notes::{FileMapping, Notes, ProcessInfo, SignalInfo, ThreadStatus};
pub use elf::parse::{Core, CoreError, Machine, Segment};
pub use layout::{Bits, Column, ColumnError, Inline, Layout, Member, ReadError, SizeOf, Value, member};
pub use mapped_file::MappedFile;
pub use memory::{Fault, FaultKind, Memory, Overlay, Space, Target};
pub use runtime::dialect::Dialect;
pub use runtime::python::Python;
