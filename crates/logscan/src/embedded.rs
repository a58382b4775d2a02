//! Tracebacks inside strings: the `exc_info` of JSON records, escaped newlines in plain text, exceptions as data.

use std::collections::VecDeque;

use crate::ascii::{lossy, whole_number};
use crate::before::Before;
use crate::document::Relation;
use crate::frame::Frame;
use crate::json::{self, Members, Value};
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

/// Undoes what put a text of several lines onto one.
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    const HEADER_END: &[u8] = b"call last):";
    let end = memchr::memmem::find(text, HEADER_END).map_or(0, |at| at + HEADER_END.len());
    let rest = text.get(end..).unwrap_or_default();
    if rest.starts_with(b"#012") {
        return replace(text, b"#012", b"\n");
    }
    if rest.starts_with(b"\r") {
        return replace(&replace(text, b"\r", b"\n"), "\u{a0}".as_bytes(), b" ");
    }
    json::unescape(text).into_owned()
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut start = 0;
    for at in memchr::memmem::find_iter(text, from) {
        out.extend_from_slice(text.get(start..at).unwrap_or_default());
        out.extend_from_slice(to);
        start = at + from.len();
    }
    out.extend_from_slice(text.get(start..).unwrap_or_default());
    out
}

fn lines_to_trees(text: &[u8]) -> Vec<Vec<Exception>> {
    let mut trees = Vec::new();
    let mut open: Option<TracebackBuilder> = None;
    let mut before = Before::default();
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(builder) = &mut open {
            if matches!(builder.feed(line, Delivery::Embedded), Fed::Stack | Fed::Message | Fed::Trailing) {
                continue;
            }
            trees.extend(open.take().filter(TracebackBuilder::has_content).map(TracebackBuilder::finish));
            if trees.len() >= MAX_TREES {
                return trees;
            }
        }
        if is_header(line) {
            let builder = open.insert(TracebackBuilder::open(line, before.is_quote));
            if let Some(inner) = before.never_raised() {
                builder.put_before(&inner);
            }
            before.clear();
        } else {
            before.note(line);
        }
    }
    trees.extend(open.filter(TracebackBuilder::has_content).map(TracebackBuilder::finish));
    trees
}

/// Reads frames without a header in front and an exception behind, as ECS has them: the type and the message are
/// members of their own.
pub(crate) fn frames_alone(
    text: &[u8],
    type_name: &[u8],
    message: Option<Value<'_>>,
) -> Option<Vec<Exception>> {
    let first = text.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty())?;
    if type_name.is_empty() || Frame::parse(first).is_none() {
        return None;
    }
    let message = message.and_then(Value::text).unwrap_or_default();
    let mut whole = b"Traceback (most recent call last):\n".to_vec();
    whole.extend_from_slice(text.trim_ascii_end());
    whole.push(b'\n');
    whole.extend_from_slice(&json::unescape(type_name));
    if !message.is_empty() {
        whole.extend_from_slice(b": ");
        whole.extend_from_slice(&message);
    }
    lines_to_trees(&whole).into_iter().next()
}

/// Exceptions of one record that are read as data.
const MAX_EXCEPTIONS: usize = 256;
const MAX_FRAMES: usize = 2_000;

/// Reads an exception that a formatter wrote as data: structlog's `dict_tracebacks`, the outermost exception first,
/// what caused it behind it, the members of a group in lists of their own. Locals are left out.
pub(crate) fn structured(raw: &[u8]) -> Option<Vec<Exception>> {
    let mut exceptions: Vec<Exception> = Vec::new();
    // Chains that are still to be read, with the group that they are members of.
    let mut chains: VecDeque<(&[u8], Option<usize>)> = VecDeque::from([(raw, None)]);
    while let Some((chain, group)) = chains.pop_front() {
        let mut parent = group;
        let mut is_first = true;
        for item in json::items(chain) {
            let Value::Object(object) = item else { continue };
            if exceptions.len() >= MAX_EXCEPTIONS {
                if let Some(last) = exceptions.last_mut() {
                    last.truncated = true;
                }
                return Some(exceptions);
            }
            let Some((mut exception, is_cause, members)) = stack_of(object) else { continue };
            exception.parent = parent;
            exception.relation = parent.map(|_| match (is_first && group.is_some(), is_cause) {
                (true, _) => Relation::GroupMember,
                (false, true) => Relation::Cause,
                (false, false) => Relation::Context,
            });
            let index = exceptions.len();
            chains.extend(members.into_iter().map(|member| (member, Some(index))));
            exceptions.push(exception);
            parent = Some(index);
            is_first = false;
        }
    }
    (!exceptions.is_empty()).then_some(exceptions)
}

/// One exception as data; whether it caused the one in front of it; the chains of a group's members.
fn stack_of(object: &[u8]) -> Option<(Exception, bool, Vec<&[u8]>)> {
    let mut exception = Exception::default();
    let mut notes = Vec::new();
    let mut is_cause = false;
    let mut members = Vec::new();
    for (key, value) in Members::new(object)? {
        match (key, value) {
            (b"exc_type", Value::String(name)) => exception.type_name = Some(text(name)),
            (b"exc_value", Value::String(message)) => exception.message = text(message),
            (b"exc_notes", Value::Array(list)) => {
                notes.extend(json::items(list).take(64).filter_map(Value::text));
            }
            (b"is_cause", value) => is_cause = value == Value::Literal(b"true"),
            (b"frames", Value::Array(list)) => {
                for item in json::items(list).take(MAX_FRAMES) {
                    if let Value::Object(frame) = item
                        && let Some(frame) = frame_of(frame)
                    {
                        exception.frames.push(frame);
                    }
                }
            }
            (b"exceptions", Value::Array(list)) => {
                members.extend(json::items(list).filter_map(|item| match item {
                    Value::Array(chain) => Some(chain),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    for note in notes {
        exception.message.push('\n');
        exception.message.push_str(&String::from_utf8_lossy(&note));
    }
    exception.type_name.is_some().then_some((exception, is_cause, members))
}

fn frame_of(object: &[u8]) -> Option<Frame> {
    let mut frame = Frame::default();
    for (key, value) in Members::new(object)? {
        match (key, value) {
            (b"filename", Value::String(file)) => frame.file = text(file),
            (b"lineno", value) => frame.line = whole_number(value.raw()),
            (b"name", Value::String(name)) => frame.function = Some(text(name)),
            (b"line", Value::String(source)) if !source.is_empty() => frame.source = Some(text(source)),
            _ => {}
        }
    }
    (!frame.file.is_empty()).then_some(frame)
}

fn text(raw: &[u8]) -> String {
    const LIMIT: usize = 16 << 10;
    lossy(&json::unescape(raw), LIMIT)
}
