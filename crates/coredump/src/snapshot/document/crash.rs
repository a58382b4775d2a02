//! How the process ended.

use std::collections::BTreeMap;

use pycoroner_findings::Citation;
use schemars::JsonSchema;
use serde::Serialize;

use crate::address::Address;
use crate::snapshot::document::{FoundBy, NativeFrameSection};

/// How the process ended.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
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
    /// `si_addr` of the first signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_address: Option<Address>,
    /// The signal that came first, when a handler such as `faulthandler`'s caught it and raised it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_signal: Option<SignalSection>,
    /// What the C library left in memory before it aborted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_message: Option<String>,
    /// How it was found: `symbol`, or `shape` where the C library's file is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_message_found_by: Option<&'static str>,
    /// Where that message stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_message_citation: Option<Citation>,
    /// The text of `Fatal Python error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fatal_message: Option<String>,
    /// How it was found, in words: it is evidence, and no proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fatal_message_found_by: Option<String>,
    /// Where that text stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fatal_message_citation: Option<Citation>,
    /// A C++ exception or a Rust panic that nothing caught.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_exception: Option<NativeExceptionSection>,
    /// Whether `faulthandler` was on; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faulthandler: Option<FaulthandlerSection>,
    /// The extension in whose code, or on whose behalf, the process failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<ExtensionSection>,
    /// The call that stands over and over on a stack that ran over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeated_call: Option<RepeatedCallSection>,
    /// Process id of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_pid: Option<u64>,
    /// User id of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_uid: Option<u64>,
    /// Native id of the thread that the signal hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// The instruction that failed, or that the thread stood on when the signal came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction: Option<NativeFrameSection>,
    /// General registers there, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub registers: BTreeMap<&'static str, Address>,
    /// What the facts add up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The notes that say so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// The table of all mappings, which findings cite that speak of it.
    #[serde(skip)]
    pub mappings_citation: Option<Citation>,
}

/// An exception of another language.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NativeExceptionSection {
    /// `c++` or `rust`.
    pub language: &'static str,
    /// Its type; absent when the file of the module that defines it is not there.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How it was found, in words.
    pub found_by: &'static str,
    /// The exception in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
}

/// `faulthandler`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FaulthandlerSection {
    /// `faulthandler.is_enabled()`.
    pub enabled: bool,
    /// `field` of `_PyRuntime` (3.12+), or the `shape` of its variables.
    pub found_by: &'static str,
    /// Whether it writes of all threads, when it is enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_threads: Option<bool>,
    /// What `dump_traceback_later` had set; it may have come to pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<FaulthandlerTimerSection>,
    /// The file that it writes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_descriptor: Option<i32>,
}

/// `faulthandler.dump_traceback_later`.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct FaulthandlerTimerSection {
    /// The time that was to pass.
    pub timeout_us: u64,
    /// Whether it starts anew each time.
    pub repeat: bool,
    /// Whether it ends the process.
    pub exit: bool,
    /// The file that it writes to.
    pub file_descriptor: i32,
}

/// The extension that failed, or that had called what failed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ExtensionSection {
    /// Path as the process saw it.
    pub module: String,
    /// The module's build ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// Link-time address within the module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Address>,
    /// The function, by symbols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Name in `sys.modules` of it or of its package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python_module: Option<String>,
    /// `__version__` of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Frames of the C library and the interpreter within it: 0 when its own instruction failed.
    pub frames_within: usize,
    /// How its frame was found.
    pub found_by: FoundBy,
}

/// A return address that repeats on a stack.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RepeatedCallSection {
    /// The place behind the call.
    pub call: NativeFrameSection,
    /// How often it stands there.
    pub times: usize,
    /// Bytes of the stack, from its end on, that were searched.
    pub stack_bytes: u64,
    /// Bytes from one to the next, mostly.
    pub turn_bytes: u64,
    /// Whether the instruction before it is a call; absent where the code is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_after_call: Option<bool>,
}

/// A signal.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SignalSection {
    /// Its number.
    pub signal: u32,
    /// `SIGSEGV`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_name: Option<&'static str>,
    /// `SEGV_MAPERR`.
    pub code: String,
    /// `si_addr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_address: Option<Address>,
    /// Process id of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_pid: Option<u64>,
    /// The `siginfo_t` on the stack.
    pub citation: Citation,
}

/// What the facts about the end add up to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
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
