use std::collections::BTreeMap;

use pycoroner_findings::Citation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the core file says: the document `pycoroner.core/1`, as far as a report uses it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CoreSection {
    /// The process that died.
    pub process: Process,
    /// How it stopped; `None` when the core does not say.
    pub crash: Option<Crash>,
    /// Its threads.
    pub threads: Vec<Thread>,
    /// Locks that are held or waited for.
    pub locks: Vec<Lock>,
    /// Threads that wait for each other.
    pub deadlocks: Vec<Deadlock>,
    /// Coroutines that had not finished.
    pub asyncio: Asyncio,
    /// Log records found in memory.
    pub memory_logs: Vec<MemoryLog>,
}

impl CoreSection {
    /// Whether the core was taken of a process that had not crashed.
    pub(crate) fn is_alive(&self) -> bool {
        self.has_verdict("no-crash")
    }

    pub(crate) fn has_verdict(&self, id: &str) -> bool {
        let verdict = self.crash.as_ref().and_then(|crash| crash.verdict.as_ref());
        verdict.is_some_and(|verdict| verdict.id.as_deref() == Some(id))
    }
}

/// The process that died.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Process {
    pub pid: Option<u64>,
    pub argv: Vec<String>,
    pub executable: Option<String>,
    pub env: BTreeMap<String, String>,
    pub arch: Option<String>,
    pub python: Python,
}

/// The interpreter of the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Python {
    pub version: Option<String>,
    pub flavor: Option<String>,
    pub located_by: Option<String>,
    pub layout_from: Vec<String>,
}

/// How the process stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Crash {
    pub signal: Option<u32>,
    pub signal_name: Option<String>,
    pub code: Option<String>,
    pub fault_address: Option<String>,
    pub first_signal: Option<FirstSignal>,
    pub sender_pid: Option<u64>,
    pub tid: Option<u64>,
    pub citations: Vec<Citation>,
    pub abort_message: Option<String>,
    pub fatal_message: Option<String>,
    pub verdict: Option<Verdict>,
    /// Where in the code of an extension it failed.
    pub extension: Option<NativePlace>,
    /// The instruction that failed, or that the thread stood on.
    pub instruction: Option<NativePlace>,
}

/// A place in native code.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct NativePlace {
    pub module: Option<String>,
    pub build_id: Option<String>,
    pub offset: Option<String>,
    pub function: Option<String>,
}

/// The signal that a handler caught and raised again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct FirstSignal {
    pub signal_name: Option<String>,
    pub code: Option<String>,
}

/// What the core's producer concludes about the crash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Verdict {
    pub id: Option<String>,
    pub confidence: Option<String>,
    pub summary: Option<String>,
    pub because: Vec<String>,
    pub against: Vec<String>,
}

/// One thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Thread {
    pub tid: Option<u64>,
    pub name: Option<String>,
    pub crashed: bool,
    pub holds_gil: bool,
    pub collecting_garbage: bool,
    /// What it was doing, in words.
    pub state: Option<String>,
    pub waiting_on: Option<Waiting>,
    pub python_frames: Vec<PythonFrame>,
    pub native_frames: Vec<NativeFrame>,
    pub frames: Vec<FrameRef>,
    pub stopped_because: Option<String>,
    /// The chains of all exceptions in force, flattened: a link follows the one it belongs to.
    pub exceptions: Vec<Exception>,
}

/// What a thread waits for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Waiting {
    pub kind: Option<String>,
    pub object: Option<String>,
    pub path: Option<String>,
    pub owner_tid: Option<u64>,
    /// A signal's handler runs in the midst of the wait.
    pub interrupted: bool,
}

/// One Python frame, with its locals where they were read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct PythonFrame {
    pub function: Option<String>,
    pub qualname: Option<String>,
    pub file: Option<String>,
    pub line: Option<u64>,
    pub handles_signal: Option<u32>,
    pub c_call: Option<CCall>,
    pub locals: Vec<Local>,
    pub citation: Option<Citation>,
}

/// The C function that a frame has called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct CCall {
    pub name: Option<String>,
}

/// One variable of a frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Local {
    pub name: String,
    pub kind: Option<String>,
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    pub repr: Option<String>,
    pub truncated: bool,
}

/// One native frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct NativeFrame {
    pub function: Option<String>,
    pub module: Option<String>,
    pub offset: Option<String>,
    pub file: Option<String>,
    pub line: Option<u64>,
    pub found_by: Option<String>,
}

/// One place in the merged order of a stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FrameRef {
    /// Index into the Python frames.
    pub python: Option<usize>,
    /// Index into the native frames.
    pub native: Option<usize>,
}

/// One exception of a chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Exception {
    pub role: Option<String>,
    /// `cause`, `context` or `member` of the exception before it; `None` for the first of a chain.
    pub relation: Option<String>,
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    pub module: Option<String>,
    pub message: Option<String>,
    pub message_caveat: Option<String>,
    pub notes: Vec<String>,
    pub traceback: Vec<TracebackEntry>,
    pub citation: Option<Citation>,
    pub suppress_context: bool,
}

/// One line of a traceback, outermost first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct TracebackEntry {
    pub function: Option<String>,
    pub qualname: Option<String>,
    pub file: Option<String>,
    pub line: Option<u64>,
    /// The source line, where a log shows it.
    pub source: Option<String>,
    /// How often the frame repeats beyond this once.
    pub repeated: u64,
}

/// A lock with its owner and waiters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Lock {
    pub path: Option<String>,
    pub address: Option<String>,
    pub kind: Option<String>,
    pub owner_tid: Option<u64>,
    pub owner_name: Option<String>,
    pub owner_found_by: Option<String>,
    pub taken_in: Option<Taken>,
    pub waiters: Vec<Waiter>,
    pub citation: Option<Citation>,
}

/// A thread that waits for a lock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Waiter {
    pub tid: Option<u64>,
    pub name: Option<String>,
}

/// Threads that wait for each other's locks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Deadlock {
    pub tids: Vec<u64>,
    pub locks: Vec<String>,
    /// In the order of the threads, where each took what the one before it waits for, as far as that is known.
    pub taken: Vec<Option<Taken>>,
}

/// Where code took a lock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Taken {
    pub function: String,
    pub file: String,
    pub line: Option<u64>,
}

/// The event loop's part of a process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Asyncio {
    pub tasks: Vec<Task>,
}

/// One asyncio task; its stack is innermost first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Task {
    pub name: Option<String>,
    pub coroutine: Option<String>,
    pub state: Option<String>,
    pub current: bool,
    pub stack: Vec<TracebackEntry>,
    pub waits_on: Option<String>,
    pub lock_holder: Option<String>,
}

/// A log record that was still in memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct MemoryLog {
    pub logger: Option<String>,
    pub level: Option<String>,
    pub time: Option<String>,
    pub message: Option<String>,
    pub found_in: Option<String>,
}

/// Most links that are kept of one thread's exceptions.
const MOST_LINKS: usize = 100;

/// Turns the nested causes, contexts and group members of every thread's exceptions into one flat list each.
///
/// Returns whether a list had to be cut. Nested as deep as a hostile core likes, the chains never become nested
/// types.
pub(crate) fn flatten_exceptions(document: &mut Value) -> bool {
    let mut cut = false;
    let threads = document.get_mut("threads").and_then(Value::as_array_mut);
    for thread in threads.into_iter().flatten() {
        let Some(nested) = thread.get_mut("exceptions").map(Value::take) else { continue };
        let mut left: Vec<(Value, Option<&str>)> = Vec::new();
        push_members(&mut left, nested, None);
        let mut flat = Vec::new();
        while let Some((mut exception, relation)) = left.pop() {
            let Some(members) = exception.as_object_mut() else { continue };

            // An empty object stands for "none".
            let links = ["exceptions", "context", "cause"].map(|key| (key, members.remove(key)));
            if members.is_empty() {
                continue;
            }
            let suppressed = members.get("suppress_context").and_then(Value::as_bool).unwrap_or(false);
            for (key, link) in links {
                match (key, link) {
                    ("exceptions", Some(group)) => push_members(&mut left, group, Some("member")),
                    ("context", Some(_)) if suppressed => {}
                    (key, Some(link)) => left.push((link, Some(key))),
                    (_, None) => {}
                }
            }
            if let Some(relation) = relation {
                members.insert("relation".into(), relation.into());
            }
            // Going on takes the nesting apart even when nothing is kept of it.
            if flat.len() < MOST_LINKS {
                flat.push(exception);
            } else {
                cut = true;
            }
        }
        thread["exceptions"] = Value::Array(flat);
    }
    cut
}

fn push_members<'a>(left: &mut Vec<(Value, Option<&'a str>)>, group: Value, relation: Option<&'a str>) {
    if let Value::Array(members) = group {
        left.extend(members.into_iter().rev().map(|member| (member, relation)));
    }
}
