//! The process as it was started, and its interpreter.

use std::collections::BTreeMap;

use pycoroner_findings::Confidence;
use schemars::JsonSchema;
use serde::Serialize;

use crate::address::Address;
use crate::elf::module_file::MatchedBy;
use crate::layout::flavor::Flavor;
use crate::runtime::attach::LayoutSource;
use crate::runtime::locate::LocatedBy;
use crate::runtime::phase::Phase;
use crate::snapshot::document::SignalHandlersSection;

/// The process as it was started, and its interpreter.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(default)]
pub struct ProcessSection {
    /// Process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// Process id of the parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_pid: Option<u64>,
    /// Real user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u64>,
    /// Real group id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u64>,
    /// What `ps` shows for its name: at most 15 bytes of the executable's, or what the process set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Scheduling priority, where it is not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nice: Option<i8>,
    /// Arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// The path given to `execve`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// The folder it worked in, as far as that can be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<WorkingDirectory>,
    /// Environment; raw, to be redacted by whoever shows it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Processor, as `uname -m` names it.
    pub arch: String,
    /// The kernel's word for the processor (`AT_PLATFORM`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Bytes of a page of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u64>,
    /// True when it ran with other rights than its caller (`AT_SECURE`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure: Option<bool>,
    /// Threads that the core has registers of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_count: Option<usize>,
    /// Processor time of all its threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuTime>,
    /// Whether the cyclic garbage collector was on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gc_enabled: Option<bool>,
    /// The interpreter, when one was found and verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonSection>,
    /// Further interpreters that the process had loaded; the first ran where it died.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_pythons: Vec<PythonSection>,
    /// What it had mapped, added up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemorySection>,
    /// Its executable and libraries, by address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleSection>,
}

/// A folder with where its name is from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WorkingDirectory {
    /// Its path.
    pub path: String,
    /// What says so.
    pub source: &'static str,
}

/// Processor time.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct CpuTime {
    /// Milliseconds in the program.
    pub user_ms: u64,
    /// Milliseconds in the kernel on its behalf.
    pub system_ms: u64,
}

/// An executable or shared library.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ModuleSection {
    /// Path as the process saw it; empty when nothing in the core names it.
    pub path: String,
    /// First address.
    pub start: Address,
    /// One past the last address.
    pub end: Address,
    /// What identifies the build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// Whether a file of the same build was read; only what was needed was looked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub binary_used: bool,
    /// What tells that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_matched_by: Option<MatchedBy>,
    /// What tells that the file that was found is of another build; it was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_mismatch: Option<String>,
}

/// All mappings.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MemorySection {
    /// By what they were for, the largest first.
    pub totals: Vec<MemoryRow>,
    /// The largest single ones.
    pub largest: Vec<MappingRow>,
}

/// All mappings of a kind.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct MemoryRow {
    /// What they were for.
    pub kind: MappingKind,
    /// How many.
    pub mappings: u64,
    /// Bytes of address space.
    pub bytes: u64,
    /// Bytes that the core holds.
    pub dumped_bytes: u64,
}

/// One mapping.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MappingRow {
    /// What it was for.
    pub kind: MappingKind,
    /// First address.
    pub start: Address,
    /// Bytes of address space.
    pub bytes: u64,
    /// Bytes that the core holds.
    pub dumped_bytes: u64,
    /// The file behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What a mapping was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MappingKind {
    /// An executable or library, its variables included.
    Module,
    /// Another file.
    File,
    /// `brk` memory, where `malloc` begins.
    Heap,
    /// The stack of a thread, by its stack pointer.
    Stack,
    /// Without a file: arenas of allocators, large blocks, stacks of threads that are gone.
    Anonymous,
    /// Without a file and without a right to write: guard pages, address space that was set aside.
    Reserved,
}

/// What `sys` says.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct SysSection {
    /// `sys.executable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// `sys.prefix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// `sys.base_prefix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_prefix: Option<String>,
    /// Whether it ran in a virtual environment: the two differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_venv: Option<bool>,
    /// `sys.path`.
    pub path: Vec<String>,
    /// `sys.flags` that are not zero.
    pub flags: BTreeMap<&'static str, i64>,
    /// `sys.modules`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modules: Option<LoadedModules>,
}

/// Python modules that were loaded.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct LoadedModules {
    /// Entries of `sys.modules`.
    pub count: u64,
    /// `__version__` of the top-level ones that state one.
    pub versions: BTreeMap<String, String>,
    /// Whether all top-level modules were asked.
    pub is_complete: bool,
}

/// The interpreter.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PythonSection {
    /// `3.12.1`.
    pub version: String,
    /// `sys.version`; empty when it is lost.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub full_version: String,
    /// How it was configured.
    pub flavor: Flavor,
    /// How the runtime was found.
    pub located_by: LocatedBy,
    /// Where the offsets come from, the first one first.
    pub layout_from: Vec<LayoutSource>,
    /// `_PyRuntime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_address: Option<Address>,
    /// When all of it was recovered without the runtime: how sure version and types are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// What that rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// The file in whose data it lies, as the process saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Whether it was starting, running or shutting down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// What tells the phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase_because: Option<String>,
    /// Its interpreters, the main one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interpreters: Vec<InterpreterSection>,
    /// What `sys` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sys: Option<SysSection>,
    /// What was set for signals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signals: Option<SignalHandlersSection>,
    /// The distribution packages that were installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distributions: Option<Distributions>,
}

/// Distribution packages that lay in folders of `sys.path`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Distributions {
    /// In the order of `sys.path`, by name in each folder.
    pub found: Vec<Distribution>,
    /// Folders of `sys.path` whose files the import system never listed, or whose list is not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_listed: Vec<String>,
}

/// A distribution package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Distribution {
    /// Its name as its folder of metadata spells it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The folder of `sys.path`.
    pub folder: String,
    /// `directory-listing`: the import system's own list of the folder, as it was when that was last read.
    pub found_by: &'static str,
}

/// An interpreter of a runtime.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InterpreterSection {
    /// Its number; 0 is the main one.
    pub id: i64,
    /// The `PyInterpreterState`.
    pub address: Address,
    /// How many thread states it has.
    pub thread_states: usize,
    /// Whether it has a GIL of its own; up to 3.11 all share one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_gil: Option<bool>,
    /// Whether the GIL of a free-threaded build was enabled; absent for builds whose GIL always is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gil_enabled: Option<bool>,
    /// The thread that kept all others from running, or waited until they had stopped (free-threaded builds).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_by_tid: Option<u64>,
}
