use std::collections::BTreeMap;

use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span};
use serde::Deserialize;

use super::MOST_FRAMES;
use crate::document::{Export, StackDump, StackFrame, Telemetry, ThreadStack};
use crate::format::ExportFormat;
use crate::head::Head;

/// A thread as `py-spy dump --json` writes it; what else there is, variables among it, is not read.
#[derive(Deserialize)]
struct Thread {
    pid: u64,
    /// What `threading.get_ident()` gives.
    #[serde(rename = "thread_id")]
    ident: u64,
    #[serde(rename = "thread_name")]
    name: Option<String>,
    os_thread_id: Option<u64>,
    active: Option<bool>,
    owns_gil: Option<bool>,
    frames: Vec<Frame>,
    process_info: Option<ProcessInfo>,
}

#[derive(Deserialize)]
struct Frame {
    name: String,
    filename: Option<String>,
    line: Option<i64>,
}

#[derive(Deserialize)]
struct ProcessInfo {
    command_line: Option<String>,
}

/// Whether a file is what `py-spy dump --json` prints.
pub(crate) fn is_dump(head: &Head<'_>) -> bool {
    head.outline.has_all(&["*/thread_id", "*/os_thread_id", "*/owns_gil"])
}

/// Reads the stacks of each process.
pub(crate) fn read_dump(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let threads: Vec<Thread> = match serde_json::from_slice(bytes) {
        Ok(threads) => threads,
        Err(error) => {
            telemetry.gaps.push(Gap::new(GapKind::Corrupt, "all of the dump", error.to_string()));
            return telemetry;
        }
    };
    telemetry.exports.push(Export::of(source, ExportFormat::PySpyJson, threads.len(), &[]));
    let mut dumps: BTreeMap<u64, StackDump> = BTreeMap::new();
    for (index, thread) in threads.into_iter().enumerate() {
        let dump = dumps.entry(thread.pid).or_insert_with(|| StackDump {
            at: None,
            pid: Some(thread.pid),
            command: None,
            threads: Vec::new(),
            citation: Citation::new(source, Span::Pointer { pointer: format!("/{index}") }),
        });
        let command = thread.process_info.as_ref().and_then(|info| info.command_line.clone());
        dump.command = dump.command.take().or(command);
        dump.threads.push(stack(thread));
    }
    // A process's threads stand together: what all of them say is cited as the whole where there is one process.
    if let [dump] = &mut dumps.values_mut().collect::<Vec<_>>()[..] {
        dump.citation = Citation::new(source, Span::Pointer { pointer: String::new() });
    }
    telemetry.stacks.extend(dumps.into_values());
    telemetry
}

fn stack(thread: Thread) -> ThreadStack {
    let frame = |frame: Frame| StackFrame {
        function: frame.name,
        file: frame.filename,
        line: frame.line.and_then(|line| u64::try_from(line).ok()).filter(|line| *line > 0),
    };
    let ident = format!("{:#x}", thread.ident);
    ThreadStack {
        id: Some(thread.os_thread_id.map_or_else(|| ident.clone(), |id| id.to_string())),
        ident: Some(ident),
        name: thread.name,
        active: thread.active,
        holds_gil: thread.owns_gil,
        samples: 1,
        frames: thread.frames.into_iter().take(MOST_FRAMES).map(frame).collect(),
    }
}
