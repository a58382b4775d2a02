//! Tracebacks inside strings: the `exc_info` of JSON records, escaped newlines in plain text, exceptions as data.

use serde::Deserialize;

use crate::document::Relation;
use crate::frame::{Frame, Frames};
use crate::json;
use crate::traceback::{Delivery, Exception, Fed, TracebackBuilder, is_header};

const MAX_TREES: usize = 16;

/// Reads all tracebacks of a text of its own.
pub(crate) fn trees(text: &[u8]) -> Vec<Vec<Exception>> {
    if !text.contains(&b'\n') && memchr::memmem::find(text, b"call last):\\n").is_some() {
        // Escaped twice.
        return lines_to_trees(&json::unescape(text));
    }
    lines_to_trees(text)
}

fn lines_to_trees(text: &[u8]) -> Vec<Vec<Exception>> {
    let mut trees = Vec::new();
    let mut open: Option<TracebackBuilder> = None;
    let mut after_quote = false;
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(builder) = &mut open {
            if matches!(builder.feed(line, Delivery::Embedded), Fed::Stack | Fed::Message) {
                continue;
            }
            trees.extend(open.take().filter(TracebackBuilder::has_content).map(TracebackBuilder::finish));
            if trees.len() >= MAX_TREES {
                return trees;
            }
        }
        if is_header(line) {
            open = Some(TracebackBuilder::open(line, after_quote));
        }
        after_quote = line.trim_ascii() == b"\"\"\"";
    }
    trees.extend(open.filter(TracebackBuilder::has_content).map(TracebackBuilder::finish));
    trees
}

/// structlog's `dict_tracebacks`: the outermost exception first, what caused it behind it.
#[derive(Deserialize)]
struct Stack {
    exc_type: String,
    #[serde(default)]
    exc_value: String,
    #[serde(default)]
    exc_notes: Vec<String>,
    #[serde(default)]
    is_cause: bool,
    #[serde(default)]
    frames: Vec<StackFrame>,
    /// The members of a group, kept as text: their depth is the writer's.
    #[serde(default)]
    exceptions: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct StackFrame {
    filename: String,
    #[serde(default)]
    lineno: Option<u64>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    line: Option<String>,
}

/// Reads an exception that a formatter wrote as data. Locals are left out.
///
/// The members of groups are not followed: the group is marked as truncated then.
pub(crate) fn structured(raw: &[u8]) -> Option<Vec<Exception>> {
    let stacks: Vec<Stack> = serde_json::from_slice(raw).ok()?;
    let mut exceptions: Vec<Exception> = Vec::new();
    for stack in stacks.into_iter().take(64) {
        let relation = if stack.is_cause { Relation::Cause } else { Relation::Context };
        let mut frames = Frames::default();
        for frame in stack.frames {
            let source = frame.line.filter(|line| !line.is_empty());
            frames.push(Frame {
                file: frame.filename,
                line: frame.lineno,
                function: frame.name,
                source,
                repeated: 0,
            });
        }
        let mut message = stack.exc_value;
        for note in stack.exc_notes {
            message.push('\n');
            message.push_str(&note);
        }
        let parent = exceptions.len().checked_sub(1);
        exceptions.push(Exception {
            type_name: Some(stack.exc_type),
            message,
            frames,
            relation: parent.map(|_| relation),
            parent,
            truncated: !stack.exceptions.is_empty(),
            ..Exception::default()
        });
    }
    (!exceptions.is_empty()).then_some(exceptions)
}
