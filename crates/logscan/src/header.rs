//! The head of a record in plain text: time, level, logger, process, thread.
//!
//! Python's `logging` has no fixed layout, so the head is read field by field: each field is recognised by its own
//! form, in any order, until something is no field; the message starts there.

mod counted;
mod fields;
mod heads;
mod logfmt;
mod process_column;
mod systems;

use std::borrow::Cow;

use crate::ascii::{leading_number, number_after, trim_start, until};
use crate::format::FormatName;
use crate::json;
use crate::level::Level;
use crate::stated_time::{self, StatedTime};
pub(crate) use counted::{Counted, Form, Names};
use fields::{fields, level_letter};
pub(crate) use heads::{Heads, Known};
pub(crate) use logfmt::exception_of;
use logfmt::logfmt;
pub(crate) use process_column::NumberColumn;
use process_column::numbered_fields;
use systems::{access_log, apache_error, dmesg_decoded, klog, kmsg, syslog_priority, uptime, uwsgi_request};

/// What the head of a record says; texts borrow from the line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) time: Option<StatedTime>,
    pub(crate) level: Option<Level>,
    pub(crate) logger: &'a [u8],
    pub(crate) thread: &'a [u8],
    pub(crate) request_id: &'a [u8],
    pub(crate) pid: Option<u64>,
    /// Everything behind the head; its indentation is kept.
    pub(crate) message: &'a [u8],
    pub(crate) format: FormatName,
}

impl<'a> Header<'a> {
    pub(crate) fn new(time: Option<StatedTime>, format: FormatName, message: &'a [u8]) -> Self {
        Self { time, level: None, logger: b"", thread: b"", request_id: b"", pid: None, message, format }
    }

    /// The message as it was meant, without what its format escapes.
    pub(crate) fn message_text(&self) -> Cow<'a, [u8]> {
        match self.format {
            FormatName::Logfmt => json::unescape(self.message),
            _ => Cow::Borrowed(self.message.trim_ascii_end()),
        }
    }
}

/// Reads the head of a record; `None` when the line does not start one.
#[inline]
pub(crate) fn parse(line: &[u8]) -> Option<Header<'_>> {
    parse_in(line, NumberColumn::Unknown)
}

/// The same of a source in whose heads a bare number is known for what it is.
#[inline]
pub(crate) fn parse_in(line: &[u8], column: NumberColumn) -> Option<Header<'_>> {
    match *line.first()? {
        b'0'..=b'9' => starts_with_digit(line, column),
        b'[' => starts_with_bracket(line, column),
        b'A'..=b'Z' => starts_with_capital(line),
        b'a'..=b'z' => dmesg_decoded(line).or_else(|| logfmt(line)),
        b'<' => syslog_priority(line),
        b'(' => behind_process(line),
        _ => None,
    }
}

/// `(EngineCore pid=77) LEVEL …`, as ray and vLLM tell the lines of their processes apart.
fn behind_process(line: &[u8]) -> Option<Header<'_>> {
    let (mut rest, mut pid) = (line, None);
    for _ in 0..3 {
        let Some(inner) = rest.strip_prefix(b"(") else { break };
        let close = memchr::memchr(b')', inner.get(..inner.len().min(100))?)?;
        pid = Some(number_after(inner.get(..close)?, b"pid=")?);
        rest = inner.get(close + 1..)?.strip_prefix(b" ")?;
    }
    let header = match *rest.first()? {
        b'0'..=b'9' => starts_with_digit(rest, NumberColumn::Unknown),
        b'[' => starts_with_bracket(rest, NumberColumn::Unknown),
        b'A'..=b'Z' => starts_with_capital(rest),
        _ => None,
    }?;
    Some(Header { pid: header.pid.or(pid), ..header })
}

#[inline]
fn starts_with_digit(line: &[u8], column: NumberColumn) -> Option<Header<'_>> {
    if let Some((time, len)) = stated_time::iso(line) {
        let rest = line.get(len..).unwrap_or_default();
        let rest = if rest.first() == Some(&b':') { rest.get(1..).unwrap_or_default() } else { rest };
        let header = Header::new(Some(time), FormatName::Timestamped, rest);
        return Some(numbered_fields(&header, column).unwrap_or_else(|| fields(header)));
    }
    if let Some((time, len)) = stated_time::access_log(line).or_else(|| stated_time::day_and_month(line)) {
        return Some(fields(Header::new(Some(time), FormatName::Timestamped, line.get(len..)?)));
    }
    if let Some((_, len)) = stated_time::clock(line) {
        // A time of day: `rq` and `logging` with `%H:%M:%S`.
        let rest = line.get(len..)?;
        let fraction = match rest.first() {
            Some(b',' | b'.') => 1 + leading_number(rest.get(1..)?).map_or(0, |(_, digits)| digits),
            _ => 0,
        };
        let rest = rest.get(fraction..)?;
        return matches!(rest.first(), Some(b' '))
            .then(|| fields(Header::new(Some(StatedTime::Undated), FormatName::Timestamped, rest)));
    }
    access_log(line).or_else(|| number_first(line)).or_else(|| kmsg(line))
}

/// `%(created)f %(levelname)s …` or `%(process)d %(asctime)s …`.
fn number_first(line: &[u8]) -> Option<Header<'_>> {
    let word = until(line, b' ');
    let rest = line.get(word.len() + 1..)?;
    let (number, digits) = leading_number(word)?;
    if let Some(time) = stated_time::epoch(word) {
        // So many things start with a number: a level must follow.
        let header = fields(Header::new(Some(time), FormatName::Timestamped, rest));
        return header.level.is_some().then_some(header);
    }
    let (time, len) = stated_time::iso(rest).filter(|_| digits == word.len() && digits <= 7)?;
    let mut header = Header::new(Some(time), FormatName::Timestamped, rest.get(len..)?);
    header.pid = Some(number);
    let header = fields(header);
    header.level.is_some().then_some(header)
}

fn starts_with_bracket(line: &[u8], column: NumberColumn) -> Option<Header<'_>> {
    let inner = line.get(1..)?;
    if let Some((time, len)) = stated_time::iso(inner) {
        return bracketed_iso(time, inner.get(len..)?, column);
    }
    if let Some((time, len)) = stated_time::asctime(inner).or_else(|| stated_time::access_log(inner)) {
        let rest = inner.get(len..)?.strip_prefix(b"]")?;
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        if let Some(header) = apache_error(time, rest) {
            return Some(header);
        }
        let is_kernel = matches!(inner.first(), Some(b'A'..=b'Z'));
        let header =
            Header::new(Some(time), if is_kernel { FormatName::Dmesg } else { FormatName::AccessLog }, rest);
        return Some(header);
    }
    if let Some(seconds) = trim_start(inner).get(..).and_then(uptime) {
        let rest = trim_start(inner).get(seconds..)?.strip_prefix(b"]")?;
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        return Some(Header::new(Some(StatedTime::Undated), FormatName::Dmesg, rest));
    }
    if inner.starts_with(b"pid: ") {
        return uwsgi_request(inner);
    }
    // tornado: `[I 240501 12:00:00 web:2271] message`; multiprocessing: `[INFO/MainProcess] message`.
    let header = fields(Header::new(None, FormatName::LevelFirst, line));
    header.level.is_some().then_some(header)
}

/// What follows `[2024-05-01 12:00:00` : gunicorn, celery, airflow, or any layout with its time in brackets.
fn bracketed_iso(time: StatedTime, rest: &[u8], column: NumberColumn) -> Option<Header<'_>> {
    if let Some(rest) = rest.strip_prefix(b": ") {
        let close = memchr::memchr(b']', rest.get(..rest.len().min(120))?)?;
        let label = rest.get(..close)?;
        let level = Level::from_any_case(until(label, b'/'))?;
        let mut header = Header::new(Some(time), FormatName::Celery, strip_blank(rest.get(close + 1..)?));
        header.level = Some(level);
        header.thread = label.get(until(label, b'/').len() + 1..).unwrap_or_default();
        return Some(header);
    }
    let close = memchr::memchr(b']', rest.get(..rest.len().min(200))?)?;
    let label = rest.get(..close)?;
    let behind = rest.get(close + 1..)?;
    if let Some(header) = labelled(time, label, behind) {
        return Some(header);
    }
    let format = match time {
        StatedTime::Civil { offset: Some(_), .. } => FormatName::Gunicorn,
        _ => FormatName::Timestamped,
    };
    let header = Header::new(Some(time), format, behind);
    (close < 24).then(|| numbered_fields(&header, column).unwrap_or_else(|| fields(header)))
}

/// `[%(asctime)s %(levelname)s %(filename)s line %(lineno)d] %(message)s`: the whole head stands in one bracket.
fn labelled<'a>(time: StatedTime, label: &'a [u8], behind: &'a [u8]) -> Option<Header<'a>> {
    if !label.starts_with(b" ") || label.trim_ascii().is_empty() {
        return None;
    }
    let header = fields(Header::new(Some(time), FormatName::Timestamped, label));
    header.level?;
    let name = header.message.trim_ascii();
    let logger = if header.logger.is_empty() && fields::is_logger(name) { name } else { header.logger };
    let header = Header { logger, ..header };
    let behind = behind.strip_prefix(b":").unwrap_or(behind);
    let is_level_alone = header.logger.is_empty() && header.thread.is_empty() && header.pid.is_none();
    if is_level_alone {
        return Some(fields(Header { message: behind, ..header }));
    }
    Some(Header { message: strip_blank(behind), ..header })
}

fn starts_with_capital(line: &[u8]) -> Option<Header<'_>> {
    if let Some((time, len)) = stated_time::asctime(line) {
        let rest = strip_blank(line.get(len..)?);
        let message = rest.strip_prefix(b"- ").unwrap_or(rest);
        let is_uwsgi = message.len() != rest.len();
        return Some(if is_uwsgi {
            Header::new(Some(time), FormatName::Uwsgi, message)
        } else {
            fields(Header::new(Some(time), FormatName::Timestamped, rest))
        });
    }
    if let Some((time, len)) = stated_time::syslog(line) {
        return Some(fields(Header::new(Some(time), FormatName::Syslog, line.get(len..)?)));
    }
    if let Some((level, rest)) = level_letter(line) {
        let mut header = Header::new(None, FormatName::LevelFirst, rest);
        header.level = Some(level);
        let header = fields(header);
        return header.time.is_some().then_some(header);
    }
    if let Some(header) = klog(line) {
        return Some(header);
    }
    level_first(line)
}

/// `LEVEL:logger:message`, `LEVEL:     message`, `LEVEL message`.
fn level_first(line: &[u8]) -> Option<Header<'_>> {
    let word_len = line.iter().take(10).take_while(|byte| byte.is_ascii_uppercase()).count();
    let level = Level::from_upper(line.get(..word_len)?)?;
    let rest = line.get(word_len..)?;
    let mut header = Header::new(None, FormatName::LevelFirst, rest);
    header.level = Some(level);
    match rest.first() {
        Some(b':') => {
            let after = rest.get(1..)?;
            if stated_time::iso(trim_start(after)).is_some() {
                header.message = after;
                return Some(fields(header));
            }
            if after.starts_with(b"  ") {
                header.format = FormatName::Uvicorn;
                header.message = trim_start(after);
                return Some(header);
            }
            let name_len = identifier_len(after);
            if name_len > 0 && after.get(name_len) == Some(&b':') {
                header.logger = after.get(..name_len)?;
                header.message = after.get(name_len + 1..)?;
            } else {
                header.message = strip_blank(after);
            }
            Some(header)
        }
        Some(b' ' | b'\t') => {
            header.level = None;
            header.message = line;
            let header = fields(header);
            header.level.is_some().then_some(header)
        }
        _ => None,
    }
}

/// Takes one blank off, and leaves further indentation to the message.
fn strip_blank(text: &[u8]) -> &[u8] {
    match text.first() {
        Some(b' ' | b'\t') => text.get(1..).unwrap_or_default(),
        _ => text,
    }
}

/// The bytes that names of loggers, modules and keys are made of.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the index")]
const IDENTIFIER: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] =
            (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'_' | b'.' | b'-' | b'/' | b'@');
        byte += 1;
    }
    table
};

/// Length of a name as loggers, modules and keys have it.
fn identifier_len(text: &[u8]) -> usize {
    text.iter()
        .take(128)
        .position(|byte| !IDENTIFIER.get(usize::from(*byte)).copied().unwrap_or(false))
        .unwrap_or(text.len().min(128))
}

#[cfg(test)]
mod tests;
