//! What a core says, as plain data: the document `pycoroner.core/1`.
//!
//! Every field may be missing; addresses are `0x…` strings; frames are innermost first, tracebacks outermost
//! first, as Python prints them.

mod crash;
mod exception;
mod lock;
mod native;
mod process;
mod signal;
mod task;
mod thread;
mod value;

use pycoroner_findings::{Finding, Gap};
use schemars::JsonSchema;
use serde::Serialize;

pub use crash::{
    CrashSection, ExtensionSection, FaulthandlerSection, FaulthandlerTimerSection, NativeExceptionSection,
    RepeatedCallSection, SignalSection, Verdict,
};
pub use exception::ExceptionSection;
pub use lock::{DeadlockSection, LockSection, TakenSection, WaitSection, WaiterSection};
pub use native::{FoundBy, MergedFrame, NativeFrameSection};
pub use process::{
    CpuTime, Distribution, Distributions, InterpreterSection, LoadedModules, MappingKind, MappingRow,
    MemoryRow, MemorySection, ModuleSection, ProcessSection, PythonSection, SysSection, WorkingDirectory,
};
pub use signal::{SignalHandlerSection, SignalHandlersSection};
pub use task::{AsyncioSection, FailedTaskSection, MemoryLogSection, SuspendedSection, TaskSection};
pub use thread::{CCallSection, FrameSection, ThreadSection, ThreadStateSection};
pub use value::{AttributeSection, NamedValueSection, VariableSection};

/// Everything that was read from one core.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ProcessSnapshot {
    /// `pycoroner.core/1`.
    pub schema: &'static str,
    /// The process.
    pub process: ProcessSection,
    /// How it ended.
    pub crash: CrashSection,
    /// Its threads, the crashed one first.
    pub threads: Vec<ThreadSection>,
    /// Locks that somebody holds or waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<LockSection>,
    /// Threads that wait for each other in a circle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deadlocks: Vec<DeadlockSection>,
    /// Tasks of the event loops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asyncio: Option<AsyncioSection>,
    /// Generators, coroutines and greenlets that were started and wait to be resumed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspended: Vec<SuspendedSection>,
    /// Log records that were in memory and perhaps in no file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub memory_logs: Vec<MemoryLogSection>,
    /// Exceptions that were found by their shape when the roots of the interpreter are lost, and that are in force in
    /// no thread that was recovered: some were, others are kept by the program.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recovered_exceptions: Vec<ExceptionSection>,
    /// Judgements.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}
