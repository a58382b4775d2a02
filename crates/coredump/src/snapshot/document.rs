//! What a core says, as plain data: the document `pycoroner.core/1`.
//!
//! Every field may be missing; addresses are `0x…` strings; frames are innermost first, tracebacks outermost
//! first, as Python prints them.

use std::collections::BTreeMap;

use pycoroner_findings::{Citation, Finding, Gap};
use serde::Serialize;

use crate::address::Address;
use crate::runtime::attach::{Flavor, LayoutSource};
use crate::runtime::code::VariableKind;
use crate::runtime::locate::LocatedBy;

/// Everything that was read from one core.
#[derive(Clone, Debug, Serialize)]
pub struct ProcessSnapshot {
    /// `pycoroner.core/1`.
    pub schema: &'static str,
    /// The process.
    pub process: ProcessSection,
    /// How it ended.
    pub crash: CrashSection,
    /// Its threads, the crashed one first.
    pub threads: Vec<ThreadSection>,
    /// Judgements.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// The process as it was started, and its interpreter.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(default)]
pub struct ProcessSection {
    /// Process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// Real user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u64>,
    /// Arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// The path given to `execve`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// Environment; raw, to be redacted by whoever shows it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Processor, as `uname -m` names it.
    pub arch: String,
    /// Whether the cyclic garbage collector was on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gc_enabled: Option<bool>,
    /// The interpreter, when one was found and verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonSection>,
}

/// The interpreter.
#[derive(Clone, Debug, Serialize)]
pub struct PythonSection {
    /// `3.12.1`.
    pub version: String,
    /// `sys.version`.
    pub full_version: String,
    /// How it was configured.
    pub flavor: Flavor,
    /// How the runtime was found.
    pub located_by: LocatedBy,
    /// Where the offsets come from, the first one first.
    pub layout_from: Vec<LayoutSource>,
    /// `_PyRuntime`.
    pub runtime_address: Address,
}

/// How the process ended.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CrashSection {
    /// Signal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<u32>,
    /// `SIGSEGV`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_name: Option<&'static str>,
    /// `SEGV_MAPERR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `si_addr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_address: Option<Address>,
    /// What the C library left in memory before it aborted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_message: Option<String>,
    /// Where that message stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_message_citation: Option<Citation>,
    /// Process id of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_pid: Option<u64>,
    /// Native id of the thread that the signal hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// What the facts add up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The notes that say so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
}

/// What the facts about the end add up to.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Stable kebab-case name.
    pub id: &'static str,
    /// How well the facts carry it.
    pub confidence: pycoroner_findings::Confidence,
    /// One sentence.
    pub summary: String,
    /// What speaks for it.
    pub because: Vec<String>,
    /// What speaks against it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<String>,
}

/// A thread.
#[derive(Clone, Debug, Default, Serialize)]
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
    /// The signal hit it.
    pub crashed: bool,
    /// It held the GIL; absent when that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds_gil: Option<bool>,
    /// Python frames.
    pub python_frames: Vec<FrameSection>,
    /// Why there are no more frames: `bottom`, `fault`, `cycle` or `limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_because: Option<&'static str>,
    /// Exceptions in force; the first is the innermost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionSection>,
    /// The thread's registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
}

/// A Python frame.
#[derive(Clone, Debug, Default, Serialize)]
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
    /// Variables, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locals: Vec<VariableSection>,
    /// The frame's structure in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
}

/// A variable of a frame.
#[derive(Clone, Debug, Serialize)]
pub struct VariableSection {
    /// Its name.
    pub name: String,
    /// How it is bound.
    pub kind: VariableKind,
    /// Type with module.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// What `repr()` would print; raw, to be redacted by whoever shows it.
    pub repr: String,
    /// The text is shorter than what `repr()` would print.
    pub truncated: bool,
    /// The object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Attributes of an instance.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeSection>,
}

/// An attribute of an instance.
#[derive(Clone, Debug, Serialize)]
pub struct AttributeSection {
    /// Its name.
    pub name: String,
    /// Type with module.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// What `repr()` would print.
    pub repr: String,
}

/// An exception with all that it came from.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ExceptionSection {
    /// `raised` or `handled`, for the outermost of a chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// Qualified name of its type, without module.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Module of its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// What `str()` would print, as far as it can be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why the message may differ from `str()`, when it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_caveat: Option<String>,
    /// `__notes__` (3.11+).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Where it was raised, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traceback: Vec<FrameSection>,
    /// `__cause__`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<ExceptionSection>>,
    /// `__context__`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Box<ExceptionSection>>,
    /// `__suppress_context__`.
    pub suppress_context: bool,
    /// Members of an exception group (3.11+).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionSection>,
    /// The object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
}
