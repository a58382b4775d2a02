//! Threads and their stacks.

use pycoroner_findings::Citation;
use schemars::JsonSchema;
use serde::Serialize;

use crate::address::Address;
use crate::recover::RecoveredBy;
use crate::snapshot::document::CpuTime;
use crate::snapshot::document::ExceptionSection;
use crate::snapshot::document::WaitSection;
use crate::snapshot::document::{MergedFrame, NativeFrameSection};
use crate::snapshot::document::{NamedValueSection, VariableSection};

/// A thread.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ThreadSection {
    /// Native id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// `threading.get_ident()`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ident: Option<Address>,
    /// Name given in `threading`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Number of its interpreter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<i64>,
    /// `_PyRuntime` of the interpreter that its Python frames belong to, when that is not the process's first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Address>,
    /// Its thread states, that with the innermost frames first; a thread that runs a subinterpreter has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thread_states: Vec<ThreadStateSection>,
    /// Python knows it, but the process has no such thread any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// The signal hit it.
    pub crashed: bool,
    /// It held the GIL; absent when that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds_gil: Option<bool>,
    /// It was inside a run of the cyclic garbage collector; absent when that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collecting_garbage: Option<bool>,
    /// Its processor time, as the kernel's timer sampled it; absent for the first thread, whose note holds that of the whole process, and where a
    /// debugger wrote the core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuTime>,
    /// What it was doing, in words; absent when that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The C function that its innermost Python frame has called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub c_call: Option<CCallSection>,
    /// What it was waiting for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_on: Option<WaitSection>,
    /// By what it was recovered, when the roots of the interpreter are lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered_by: Option<RecoveredBy>,
    /// Its native id is the only one that was left for this stack.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tid_by_elimination: bool,
    /// Python frames.
    pub python_frames: Vec<FrameSection>,
    /// Native frames, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub native_frames: Vec<NativeFrameSection>,
    /// The order of Python and native frames in each other, innermost first, when native ones were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<MergedFrame>,
    /// Why there are no more frames: `bottom`, `fault`, `cycle` or `limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_because: Option<&'static str>,
    /// Exceptions in force; the first is the innermost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionSection>,
    /// Attributes of `threading.local()` objects, when variables were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thread_locals: Vec<NamedValueSection>,
    /// Values of `contextvars` in the current context, when variables were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub context_vars: Vec<NamedValueSection>,
    /// The thread's registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
}

/// A call of C code by Python code.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CCallSection {
    /// `time.sleep`, `_thread.lock.acquire`, `bytearray`; an object without a name by its type, as `<Name object>`.
    pub name: String,
    /// `function`, `method`, `type` or `object`.
    pub kind: &'static str,
    /// What was called.
    pub object: Address,
    /// How it was found: `evaluation-stack`, the place of the frame's stack that its instruction calls.
    pub found_by: &'static str,
    /// Nothing shows that the call had not come back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub may_have_returned: bool,
}

/// A thread state of a thread.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ThreadStateSection {
    /// The `PyThreadState`.
    pub address: Address,
    /// Number of its interpreter.
    pub interpreter: i64,
    /// How many of the thread's Python frames are its own.
    pub frames: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_main(interpreter: &i64) -> bool {
    *interpreter <= 0
}

/// A Python frame.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct FrameSection {
    /// `co_name`.
    pub function: String,
    /// `co_qualname` (3.11+).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qualname: Option<String>,
    /// `co_filename`.
    pub file: String,
    /// First line of what was running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Last line (3.11+).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// First column, in bytes from 0 (3.11+).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// One past the last column (3.11+).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_column: Option<u32>,
    /// Number of the interpreter that runs it, when that is not the main one.
    #[serde(skip_serializing_if = "is_main")]
    pub interpreter: i64,
    /// By what it was recovered, when the chain of frames is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered_by: Option<RecoveredBy>,
    /// The signal that it was called for: it got the number, and the frame that was interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handles_signal: Option<u32>,
    /// The C function that it has called, which called the next inner frame; the innermost frame's stands at its thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub c_call: Option<CCallSection>,
    /// Variables, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locals: Vec<VariableSection>,
    /// The frame's structure in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
}
