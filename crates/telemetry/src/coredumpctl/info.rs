use pycoroner_findings::{Citation, SourceId, Span};

use super::time::moment;
use super::{MOST_CORES, add, signal};
use crate::document::{Export, ProcessRecord, StackDump, StackFrame, Telemetry, ThreadStack};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::place::cite_line;

/// Most frames and threads of one message.
const MOST_FRAMES: usize = 512;
const MOST_THREADS: usize = 1024;

/// Whether a file is what `coredumpctl info` prints.
pub(crate) fn is_info(head: &Head<'_>) -> bool {
    let mut lines = head.lines().map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.next().is_some_and(|line| line.starts_with(b"PID: "))
        && lines.take(8).any(|line| line.starts_with(b"Signal: ") || line.starts_with(b"Timestamp: "))
}

/// One core under assembly.
struct Core {
    record: ProcessRecord,
    threads: Vec<ThreadStack>,
    /// Number and offset of the first line.
    first: (u64, usize),
    /// Number of the last line that is not empty, and the offset behind it.
    last: (u64, usize),
}

/// Reads the cores, with the native stacks that systemd found.
pub(crate) fn read_info(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut core: Option<Core> = None;
    let mut offset = 0;
    for (number, line) in (1_u64..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim();
        if text.starts_with("PID: ") {
            finish(&mut telemetry, core.take(), source);
            if telemetry.processes.len() < MOST_CORES {
                let record = ProcessRecord::new(cite_line(source, number, offset, line));
                core = Some(Core {
                    record,
                    threads: Vec::new(),
                    first: (number, offset),
                    last: (number, offset),
                });
            }
        }
        offset += line.len();
        if let Some(core) = core.as_mut().filter(|_| !text.is_empty()) {
            core.take(text);
            core.last = (number, offset);
        }
    }
    finish(&mut telemetry, core, source);
    let export =
        Export::of(source, ExportFormat::CoredumpctlInfo, telemetry.processes.len(), &telemetry.events);
    telemetry.exports.push(export);
    telemetry
}

fn finish(telemetry: &mut Telemetry, core: Option<Core>, source: SourceId) {
    let Some(Core { mut record, threads, first, last }) = core else { return };
    let span =
        Span::Lines { first: first.0, last: last.0, offset: first.1 as u64, len: (last.1 - first.1) as u64 };
    record.citation = Citation::new(source, span);
    if !threads.is_empty() {
        telemetry.stacks.push(StackDump {
            at: record.at,
            pid: record.pid,
            command: record.command.clone(),
            threads,
            citation: record.citation.clone(),
        });
    }
    add(telemetry, record);
}

impl Core {
    fn take(&mut self, line: &str) {
        let record = &mut self.record;
        let owned = |value: &str| Some(value.to_owned());
        let first_word = |value: &str| value.split(' ').next().unwrap_or_default().to_owned();
        let (key, value) = line.split_once(": ").unwrap_or((line, ""));
        match key {
            "PID" => record.pid = first_word(value).parse().ok(),
            "Signal" => record.signal = signal(&first_word(value)),
            // To the second, rounded down.
            "Timestamp" => record.at = moment(value, 1000),
            "Command Line" => record.command = owned(value),
            "Executable" => record.executable = owned(value),
            "Control Group" if record.unit.is_none() => {
                record.unit = owned(value).filter(|group| group != "/");
            }
            "Unit" => record.unit = owned(value),
            "Storage" => record.core_file = owned(value),
            _ => self.take_stack(line),
        }
    }

    /// `Stack trace of thread 77:` and `#0  0x00007fe29908f545 clock_nanosleep (libc.so.6 + 0xcf545)`
    fn take_stack(&mut self, line: &str) {
        if let Some(id) = line.strip_prefix("Stack trace of thread ").and_then(|rest| rest.strip_suffix(':'))
        {
            if self.threads.len() < MOST_THREADS {
                self.threads.push(ThreadStack {
                    id: Some(id.to_owned()),
                    samples: 1,
                    ..ThreadStack::default()
                });
            }
            return;
        }
        let frame = || {
            let (_, rest) = line.strip_prefix('#')?.split_once("0x")?;
            let (_, rest) = rest.split_once(' ')?;
            let (function, place) = rest.strip_suffix(')')?.rsplit_once(" (")?;
            Some(StackFrame { function: function.to_owned(), file: Some(place.to_owned()), line: None })
        };
        if let (Some(thread), Some(frame)) = (self.threads.last_mut(), frame())
            && thread.frames.len() < MOST_FRAMES
        {
            thread.frames.push(frame);
        }
    }
}
