//! `key=value` pairs: logfmt, and the pairs that structlog's renderers write.

use super::{Header, identifier_len};
use crate::ascii::{trim_start, until, whole_number};
use crate::format::FormatName;
use crate::level::Level;
use crate::stated_time;

/// Pairs of one line that are read.
const MAX_PAIRS: usize = 64;

/// `time=… level=… msg="…"`: at least two pairs at the start, one of them a time or a level.
pub(super) fn logfmt(line: &[u8]) -> Option<Header<'_>> {
    let mut header = Header::new(None, FormatName::Logfmt, line);
    let mut count = 0;
    for (key, value) in pairs(line) {
        count += 1;
        match key {
            b"time" | b"ts" | b"timestamp" | b"t" | b"@timestamp" | b"asctime" | b"when" | b"date" => {
                header.time = header.time.or_else(|| stated_time::any(value));
            }
            b"level" | b"lvl" | b"severity" | b"levelname" | b"at" => {
                header.level = header.level.or_else(|| Level::from_any_case(value));
            }
            b"msg" | b"message" | b"event" => header.message = value,
            b"logger" | b"name" => header.logger = value,
            b"pid" | b"process" => header.pid = whole_number(value),
            b"thread" | b"threadName" => header.thread = value,
            b"request_id" | b"trace_id" | b"traceID" | b"req_id" if header.request_id.is_empty() => {
                header.request_id = value;
            }
            _ => {}
        }
    }
    (count >= 2 && (header.time.is_some() || header.level.is_some())).then_some(header)
}

/// The traceback that a line carries in a value; its newlines are escaped.
pub(crate) fn exception_of(line: &[u8]) -> Option<&[u8]> {
    pairs(line)
        .find(|(key, value)| {
            matches!(
                *key,
                b"exc_info" | b"exception" | b"exc_text" | b"stack_trace" | b"traceback" | b"error"
            ) && memchr::memmem::find(value, b"Traceback (most recent call last)").is_some()
        })
        .map(|(_, value)| value)
}

/// The pairs at the start of a line; values are without their quotes, escapes as they stand.
fn pairs(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let key_len = identifier_len(rest);
        if key_len == 0 || rest.get(key_len) != Some(&b'=') {
            return None;
        }
        let key = rest.get(..key_len)?;
        let (value, len) = value(rest.get(key_len + 1..)?);
        rest = trim_start(rest.get(key_len + 1 + len..)?);
        Some((key, value))
    })
    .take(MAX_PAIRS)
}

/// A bare or quoted value and how long it is with its quotes. Python's `repr` quotes with `'`, too.
fn value(text: &[u8]) -> (&[u8], usize) {
    let Some(quote @ (b'"' | b'\'')) = text.first().copied() else {
        let value = until(until(text, b' '), b'\t');
        return (value, value.len());
    };
    let body = text.get(1..).unwrap_or_default();
    let mut escaped = false;
    for (at, byte) in body.iter().enumerate() {
        match *byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            byte if byte == quote => return (body.get(..at).unwrap_or_default(), at + 2),
            _ => {}
        }
    }
    (body, text.len())
}
