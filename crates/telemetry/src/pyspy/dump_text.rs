use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span};

use super::{MOST_FRAMES, frame};
use crate::document::{Export, StackDump, Telemetry, ThreadStack};
use crate::format::ExportFormat;
use crate::head::Head;

/// Whether a file is what `py-spy dump` prints: a process, its Python, then threads.
pub(crate) fn is_dump(head: &Head<'_>) -> bool {
    let mut lines = head.lines().filter(|line| !line.is_empty());
    let process = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    process.is_some_and(|line| process_line(line).is_some())
        && lines.next().is_some_and(|line| line.starts_with(b"Python v"))
}

/// Reads the stacks of each process; variables (`--locals`) are passed over.
pub(crate) fn read_dump(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut odd: Option<Citation> = None;
    let mut offset = 0;
    for (number, line) in (1_u64..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let text = String::from_utf8_lossy(line.trim_ascii_end());
        if let Some((pid, command)) = process_line(&text) {
            let span = Span::Lines { first: number, last: number, offset, len: 0 };
            telemetry.stacks.push(StackDump {
                at: None,
                pid: Some(pid),
                command: Some(command.to_owned()),
                threads: Vec::new(),
                citation: Citation::new(source, span),
            });
        } else if !take(telemetry.stacks.last_mut(), &text) {
            let span = Span::Lines { first: number, last: number, offset, len: line.len() as u64 };
            odd.get_or_insert_with(|| Citation::new(source, span));
        }
        offset += line.len() as u64;
        if let Some(dump) = telemetry.stacks.last_mut().filter(|_| !text.is_empty()) {
            extend(dump, number, offset);
        }
    }
    if let Some(citation) = odd {
        let why = "they are nothing that py-spy dump prints";
        telemetry.gaps.push(Gap::new(GapKind::Unknown, "lines of the dump", why).at(citation));
    }
    let threads = telemetry.stacks.iter().map(|dump| dump.threads.len()).sum();
    telemetry.exports.push(Export::of(source, ExportFormat::PySpyDump, threads, &[]));
    telemetry
}

/// Takes a line that stands below a process; false when it has no place there.
fn take(dump: Option<&mut StackDump>, text: &str) -> bool {
    let Some(dump) = dump else { return text.is_empty() };
    if let Some(thread) = thread_line(text) {
        dump.threads.push(thread);
        return true;
    }
    let content = text.trim_start();
    // Frames are indented by 4, their variables by 8 and 12.
    match (text.len() - content.len(), dump.threads.last_mut()) {
        (0, _) => content.is_empty() || content.starts_with("Python v"),
        (4, Some(thread)) => frame(content).is_some_and(|frame| {
            if thread.frames.len() < MOST_FRAMES {
                thread.frames.push(frame);
            }
            true
        }),
        (indent, Some(_)) => indent >= 8,
        (_, None) => false,
    }
}

/// Lets the citation of a dump reach to the end of a line.
fn extend(dump: &mut StackDump, number: u64, end: u64) {
    if let Span::Lines { last, offset, len, .. } = &mut dump.citation.span {
        (*last, *len) = (number, end - *offset);
    }
}

/// `Process 77: /usr/bin/python3 app.py`
fn process_line(line: &str) -> Option<(u64, &str)> {
    let (pid, command) = line.strip_prefix("Process ")?.split_once(": ")?;
    Some((pid.parse().ok()?, command))
}

/// `Thread 77 (active+gil): "MainThread"`, the name only where there is one.
fn thread_line(line: &str) -> Option<ThreadStack> {
    let (id, rest) = line.strip_prefix("Thread ")?.split_once(" (")?;
    let (status, name) = rest.split_once(')')?;
    let (active, holds_gil) = match status {
        "idle" => (false, false),
        "active" => (true, false),
        "active+gil" => (true, true),
        _ => return None,
    };
    let name = name.strip_prefix(": ").map(|name| name.trim_matches('"').to_owned());
    Some(ThreadStack {
        id: Some(id.to_owned()),
        name,
        active: Some(active),
        holds_gil: Some(holds_gil),
        samples: 1,
        ..ThreadStack::default()
    })
}
