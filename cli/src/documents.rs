//! Documents as they are read back after redaction, for rendering; every member may be missing.

pub(crate) mod heap;
pub(crate) mod heap_details;

use std::collections::BTreeMap;

use pycoroner_findings::{Confidence, Finding, Gap};
use serde::Deserialize;

use crate::redaction::Redaction;

/// `pycoroner.core/1`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CoreDocument {
    pub(crate) process: Process,
    pub(crate) crash: Crash,
    pub(crate) threads: Vec<Thread>,
    pub(crate) locks: Vec<Lock>,
    pub(crate) asyncio: Option<AsyncioTasks>,
    pub(crate) suspended: Vec<Suspended>,
    pub(crate) memory_logs: Vec<MemoryLog>,
    pub(crate) recovered_exceptions: Vec<Exception>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) redactions: Vec<Redaction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Process {
    pub(crate) pid: Option<u64>,
    pub(crate) parent_pid: Option<u64>,
    pub(crate) uid: Option<u64>,
    pub(crate) gid: Option<u64>,
    pub(crate) name: Option<String>,
    pub(crate) nice: Option<i64>,
    pub(crate) argv: Vec<String>,
    pub(crate) executable: Option<String>,
    pub(crate) working_directory: Option<WorkingDirectory>,
    pub(crate) arch: String,
    pub(crate) platform: Option<String>,
    pub(crate) page_size: Option<u64>,
    pub(crate) secure: Option<bool>,
    pub(crate) thread_count: Option<u64>,
    pub(crate) cpu: Option<CpuTime>,
    pub(crate) gc_enabled: Option<bool>,
    pub(crate) python: Option<Python>,
    pub(crate) other_pythons: Vec<Python>,
    pub(crate) memory: Option<Memory>,
    pub(crate) modules: Vec<Module>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorkingDirectory {
    pub(crate) path: String,
    pub(crate) source: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CpuTime {
    pub(crate) user_ms: u64,
    pub(crate) system_ms: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Module {
    pub(crate) path: String,
    pub(crate) start: String,
    pub(crate) build_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    pub(crate) totals: Vec<MemoryRow>,
    pub(crate) largest: Vec<MappingRow>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MemoryRow {
    pub(crate) kind: String,
    pub(crate) mappings: u64,
    pub(crate) bytes: u64,
    pub(crate) dumped_bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MappingRow {
    pub(crate) kind: String,
    pub(crate) start: String,
    pub(crate) bytes: u64,
    pub(crate) path: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sys {
    pub(crate) executable: Option<String>,
    pub(crate) prefix: Option<String>,
    pub(crate) base_prefix: Option<String>,
    pub(crate) is_venv: Option<bool>,
    pub(crate) path: Vec<String>,
    pub(crate) flags: BTreeMap<String, i64>,
    pub(crate) modules: Option<LoadedModules>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LoadedModules {
    pub(crate) count: u64,
    pub(crate) versions: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Python {
    pub(crate) version: String,
    pub(crate) flavor: String,
    pub(crate) located_by: String,
    pub(crate) layout_from: Vec<String>,
    pub(crate) confidence: Option<Confidence>,
    pub(crate) module: Option<String>,
    pub(crate) phase: Option<String>,
    pub(crate) phase_because: Option<String>,
    pub(crate) interpreters: Vec<Interpreter>,
    pub(crate) sys: Option<Sys>,
    pub(crate) signals: Option<SignalHandlers>,
    pub(crate) distributions: Option<Distributions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Interpreter {
    pub(crate) id: i64,
    pub(crate) gil_enabled: Option<bool>,
    pub(crate) stopped_by_tid: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignalHandlers {
    pub(crate) handlers: Vec<SignalHandler>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SignalHandler {
    pub(crate) signal: u32,
    pub(crate) signal_name: Option<String>,
    pub(crate) action: String,
    pub(crate) function: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u64>,
    pub(crate) pending: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Distributions {
    pub(crate) found: Vec<Distribution>,
    pub(crate) not_listed: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Distribution {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) folder: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Crash {
    pub(crate) signal: Option<u32>,
    pub(crate) signal_name: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) fault_address: Option<String>,
    pub(crate) sender_pid: Option<u64>,
    pub(crate) instruction: Option<Instruction>,
    pub(crate) abort_message: Option<String>,
    pub(crate) fatal_message: Option<String>,
    pub(crate) fatal_message_found_by: Option<String>,
    pub(crate) native_exception: Option<NativeException>,
    pub(crate) faulthandler: Option<Faulthandler>,
    pub(crate) verdict: Option<Verdict>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Faulthandler {
    pub(crate) enabled: bool,
    pub(crate) file_descriptor: Option<i32>,
    pub(crate) all_threads: Option<bool>,
    pub(crate) timer: Option<FaulthandlerTimer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FaulthandlerTimer {
    pub(crate) timeout_us: u64,
    pub(crate) repeat: bool,
    pub(crate) exit: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NativeException {
    pub(crate) language: String,
    #[serde(rename = "type")]
    pub(crate) type_name: Option<String>,
    pub(crate) message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Instruction {
    pub(crate) function: Option<String>,
    pub(crate) module: Option<String>,
    pub(crate) build_id: Option<String>,
    pub(crate) offset: Option<String>,
    pub(crate) address: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) id: String,
    pub(crate) confidence: Confidence,
    pub(crate) summary: String,
    #[serde(default)]
    pub(crate) because: Vec<String>,
    #[serde(default)]
    pub(crate) against: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the document's own names")]
pub(crate) struct Thread {
    pub(crate) tid: Option<u64>,
    pub(crate) ident: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) interpreter: Option<i64>,
    pub(crate) crashed: bool,
    pub(crate) holds_gil: Option<bool>,
    pub(crate) collecting_garbage: bool,
    pub(crate) cpu: Option<CpuTime>,
    pub(crate) state: Option<String>,
    pub(crate) c_call: Option<CCall>,
    pub(crate) recovered_by: Option<String>,
    pub(crate) tid_by_elimination: bool,
    pub(crate) python_frames: Vec<Frame>,
    pub(crate) native_frames: Vec<NativeFrame>,
    pub(crate) frames: Vec<MergedFrame>,
    pub(crate) stopped_because: Option<String>,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) thread_locals: Vec<Attribute>,
    pub(crate) context_vars: Vec<Attribute>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct CCall {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) may_have_returned: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AsyncioTasks {
    pub(crate) tasks: Vec<Task>,
    pub(crate) never_retrieved: Vec<FailedTask>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FailedTask {
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) type_name: Option<String>,
    pub(crate) message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Task {
    pub(crate) name: Option<String>,
    pub(crate) coroutine: Option<String>,
    pub(crate) current: bool,
    pub(crate) stack: Vec<Frame>,
    pub(crate) waits_on: Option<String>,
    pub(crate) lock_holder: Option<String>,
    pub(crate) awaited_by: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Suspended {
    pub(crate) kind: String,
    pub(crate) name: Option<String>,
    pub(crate) stack: Vec<Frame>,
    pub(crate) exceptions: Vec<Exception>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MemoryLog {
    pub(crate) logger: Option<String>,
    pub(crate) level: Option<String>,
    pub(crate) time: Option<String>,
    pub(crate) message: String,
    pub(crate) found_in: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Frame {
    pub(crate) function: String,
    pub(crate) qualname: Option<String>,
    pub(crate) file: String,
    pub(crate) line: Option<u64>,
    pub(crate) end_line: Option<u64>,
    pub(crate) column: Option<usize>,
    pub(crate) end_column: Option<usize>,
    pub(crate) recovered_by: Option<String>,
    pub(crate) interpreter: i64,
    pub(crate) handles_signal: Option<u32>,
    pub(crate) c_call: Option<CCall>,
    pub(crate) locals: Vec<Variable>,
}

impl Frame {
    /// The name that says most.
    pub(crate) fn name(&self) -> &str {
        self.qualname.as_deref().unwrap_or(&self.function)
    }

    /// Whether both stand at the same place of the source.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        (&self.file, self.line, self.name(), &self.recovered_by)
            == (&other.file, other.line, other.name(), &other.recovered_by)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NativeFrame {
    pub(crate) function: Option<String>,
    pub(crate) module: Option<String>,
    pub(crate) offset: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u64>,
    pub(crate) inlined: bool,
    pub(crate) found_by: String,
}

impl NativeFrame {
    /// Whether both stand at the same place of the same module.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        (&self.module, &self.offset, &self.function) == (&other.module, &other.offset, &other.function)
    }
}

/// A frame of the merged stack: an index into one of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MergedFrame {
    Python(usize),
    Native(usize),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) kind: String,
    #[serde(rename = "type")]
    pub(crate) type_name: Option<String>,
    pub(crate) found_by: Option<String>,
    pub(crate) repr: String,
    pub(crate) truncated: bool,
    pub(crate) attributes: Vec<Attribute>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) repr: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Exception {
    pub(crate) role: Option<String>,
    #[serde(rename = "type")]
    pub(crate) type_name: Option<String>,
    pub(crate) module: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) message_caveat: Option<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) traceback: Vec<Frame>,
    pub(crate) cause: Option<Box<Exception>>,
    pub(crate) context: Option<Box<Exception>>,
    pub(crate) suppress_context: bool,
    pub(crate) exceptions: Vec<Exception>,
}

impl Exception {
    /// The type as a traceback prints it: with its module unless that goes without saying.
    pub(crate) fn full_type(&self) -> String {
        let name = self.type_name.as_deref().unwrap_or("<unknown type>");
        match self.module.as_deref() {
            None | Some("builtins" | "__main__") => name.to_owned(),
            Some(module) => format!("{module}.{name}"),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Lock {
    pub(crate) path: Option<String>,
    pub(crate) address: String,
    pub(crate) kind: String,
    pub(crate) count: Option<u64>,
    pub(crate) owner_tid: Option<u64>,
    pub(crate) owner_name: Option<String>,
    pub(crate) owner_found_by: Option<String>,
    pub(crate) taken_in: Option<Taken>,
    pub(crate) waiters: Vec<Waiter>,
}

/// Where code took a lock.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Taken {
    pub(crate) function: String,
    pub(crate) file: String,
    pub(crate) line: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Waiter {
    pub(crate) tid: Option<u64>,
    pub(crate) name: Option<String>,
}

/// `pycoroner.logs/1`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct LogsDocument {
    #[serde(flatten)]
    pub(crate) scan: pycoroner_logscan::Document,
    #[serde(default)]
    pub(crate) redactions: Vec<Redaction>,
}
