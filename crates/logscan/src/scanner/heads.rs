//! What begins a traceback or dump, and what stands in front of one.

use crate::ascii::{after, contains, indent, lossy};
use crate::document::Introduction;
use crate::dump::DumpBuilder;
use crate::events;
use crate::needles::Hits;
use crate::stream::Stream;
use crate::traceback::{is_box, is_header};

const HEADER: &[u8] = b"Traceback (most recent call last)";

/// What a header ends with whose stack follows on the same line: escaped once or twice, as rsyslog writes control
/// characters, or as AWS Lambda does.
const ESCAPED_ENDS: [&[u8]; 5] = [b":\\n", b":\\\\n", b":\\r\\n", b":#012", b":\r"];

/// A traceback's header inside a line.
pub(super) enum HeaderInLine<'a> {
    /// It ends the line; its stack stands on the next ones.
    AtEnd(&'a [u8]),
    /// Its stack follows behind escaped newlines.
    Escaped(&'a [u8]),
}

/// Looks for a header that is no quotation.
pub(super) fn header_in(message: &[u8]) -> Option<HeaderInLine<'_>> {
    if is_header(message) || is_box(message) {
        return Some(HeaderInLine::AtEnd(message));
    }
    let at = memchr::memmem::find(message, HEADER)?;
    let rest = message.get(at + HEADER.len()..)?;
    if matches!(message.get(..at)?.trim_ascii_end().last(), Some(b'"' | b'\'' | b'`')) {
        return None;
    }
    let text = message.get(group_start(message.get(..at)?)..)?;
    if rest.trim_ascii() == b":" {
        return Some(HeaderInLine::AtEnd(text));
    }
    ESCAPED_ENDS.iter().any(|end| rest.starts_with(end)).then_some(HeaderInLine::Escaped(text))
}

/// Where a header starts whose own words end a text: at those of a group and its margin, where they stand in front.
fn group_start(before: &[u8]) -> usize {
    let Some(head) = before.strip_suffix(b"+ Exception Group ") else { return before.len() };
    head.strip_suffix(b"  ").unwrap_or(head).len()
}

/// Whether a line can be no part of an exception's message.
pub(super) fn says_something_else(line: &[u8], hits: Hits) -> bool {
    hits.has(Hits::DUMP) && DumpBuilder::start_of(line).is_some_and(|at| at == indent(line))
        || hits.has(Hits::INTRODUCTION)
            && (INTRODUCTIONS.iter().any(|start| line.starts_with(start)) || contains(line, NEVER_RETRIEVED))
        || hits.has(Hits::EVENT) && events::recognise(line).is_some()
}

const NEVER_RETRIEVED: &[u8] = b"exception was never retrieved";

const INTRODUCTIONS: [&[u8]; 4] =
    [b"Exception in thread ", b"Exception ignored ", b"--- Logging error ---", b"Exception in callback "];

/// Remembers what introduces the next traceback.
pub(super) fn introduce(stream: &mut Stream, line: &[u8]) {
    if let Some(rest) = after(line, b"Exception in thread ") {
        let name = memchr::memrchr(b':', rest).and_then(|at| rest.get(..at)).unwrap_or(rest);
        stream.introduce(Introduction::ExceptionInThread, Some(lossy(name.trim_ascii(), 128)));
    } else if line.starts_with(b"Exception ignored ") {
        stream.introduce(Introduction::ExceptionIgnored, None);
    } else if line.starts_with(b"Exception in callback ") {
        stream.introduce(Introduction::ExceptionInCallback, None);
    } else if contains(line, NEVER_RETRIEVED) {
        stream.introduce(Introduction::NeverRetrieved, None);
    } else if line.starts_with(b"--- Logging error ---") {
        stream.introduce(Introduction::LoggingError, None);
    }
}
