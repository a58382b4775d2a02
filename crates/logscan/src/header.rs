//! The head of a record in plain text: time, level, logger, process, thread.
//!
//! Python's `logging` has no fixed layout, so the head is read field by field: each field is recognised by its own
//! form, in any order, until something is no field; the message starts there.

use crate::ascii::{leading_number, number_after, trim_start, until, whole_number};
use crate::format::FormatName;
use crate::level::Level;
use crate::stated_time::{self, StatedTime};

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
}

/// Reads the head of a record; `None` when the line does not start one.
#[inline]
pub(crate) fn parse(line: &[u8]) -> Option<Header<'_>> {
    match *line.first()? {
        b'0'..=b'9' => starts_with_digit(line),
        b'[' => starts_with_bracket(line),
        b'A'..=b'Z' => starts_with_capital(line),
        b'a'..=b'z' => dmesg_decoded(line).or_else(|| logfmt(line)),
        b'<' => syslog_priority(line),
        _ => None,
    }
}

#[inline]
fn starts_with_digit(line: &[u8]) -> Option<Header<'_>> {
    if let Some((time, len)) = stated_time::iso(line) {
        let rest = line.get(len..).unwrap_or_default();
        let rest = if rest.first() == Some(&b':') { rest.get(1..).unwrap_or_default() } else { rest };
        return Some(fields(Header::new(Some(time), FormatName::Timestamped, rest)));
    }
    if let Some((time, len)) = stated_time::access_log(line) {
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
    access_log(line)
}

/// `host ident user [22/Nov/2026:11:28:13 +0000] "request" …`
fn access_log(line: &[u8]) -> Option<Header<'_>> {
    let head = line.get(..line.len().min(160))?;
    let bracket = memchr::memchr(b'[', head)?;
    let (time, len) = stated_time::access_log(line.get(bracket + 1..)?)?;
    let message = trim_start(line.get(bracket + 1 + len + 1..)?);
    Some(Header::new(Some(time), FormatName::AccessLog, message))
}

fn starts_with_bracket(line: &[u8]) -> Option<Header<'_>> {
    let inner = line.get(1..)?;
    if let Some((time, len)) = stated_time::iso(inner) {
        return bracketed_iso(time, inner.get(len..)?);
    }
    if let Some((time, len)) = stated_time::asctime(inner).or_else(|| stated_time::access_log(inner)) {
        let rest = inner.get(len..)?.strip_prefix(b"]")?;
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
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
fn bracketed_iso(time: StatedTime, rest: &[u8]) -> Option<Header<'_>> {
    if let Some(rest) = rest.strip_prefix(b": ") {
        let close = memchr::memchr(b']', rest.get(..rest.len().min(120))?)?;
        let label = rest.get(..close)?;
        let level = Level::from_any_case(until(label, b'/'))?;
        let mut header = Header::new(Some(time), FormatName::Celery, strip_blank(rest.get(close + 1..)?));
        header.level = Some(level);
        header.thread = label.get(until(label, b'/').len() + 1..).unwrap_or_default();
        return Some(header);
    }
    let close = memchr::memchr(b']', rest.get(..rest.len().min(24))?)?;
    let format = match time {
        StatedTime::Civil { offset: Some(_), .. } => FormatName::Gunicorn,
        _ => FormatName::Timestamped,
    };
    let header = fields(Header::new(Some(time), format, rest.get(close + 1..)?));
    Some(header)
}

/// Length of `1230.508770`.
fn uptime(text: &[u8]) -> Option<usize> {
    let (_, whole) = leading_number(text)?;
    let rest = text.get(whole..)?.strip_prefix(b".")?;
    let (_, digits) = leading_number(rest)?;
    (digits == 6).then_some(whole + 1 + digits)
}

/// `[pid: 1|app: 0|req: 1/1] addr () {…} [Sun Nov 22 11:31:59 2026] GET / => …`
fn uwsgi_request(inner: &[u8]) -> Option<Header<'_>> {
    let close = memchr::memchr(b']', inner)?;
    let rest = inner.get(close + 1..)?;
    let mut header = Header::new(None, FormatName::Uwsgi, strip_blank(rest));
    header.pid = number_after(inner.get(..close)?, b"pid: ");
    header.time = memchr::memchr_iter(b'[', rest)
        .take(4)
        .find_map(|at| stated_time::asctime(rest.get(at + 1..)?))
        .map(|(time, _)| time);
    Some(header)
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
    if let Some(header) = klog(line) {
        return Some(header);
    }
    level_first(line)
}

fn klog(line: &[u8]) -> Option<Header<'_>> {
    let level = match line.first()? {
        b'I' => Level::Info,
        b'W' => Level::Warning,
        b'E' => Level::Error,
        b'F' => Level::Critical,
        _ => return None,
    };
    let (time, len) = stated_time::klog(line.get(1..)?)?;
    let rest = trim_start(line.get(1 + len..)?);
    let close = memchr::memchr(b']', rest.get(..rest.len().min(120))?)?;
    let mut header = Header::new(Some(time), FormatName::Klog, strip_blank(rest.get(close + 1..)?));
    header.level = Some(level);
    header.pid = leading_number(rest).map(|(pid, _)| pid);
    Some(header)
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

/// `kern  :warn  : 2026-11-22T11:30:35,508770+00:00 message`, from `dmesg -x`.
fn dmesg_decoded(line: &[u8]) -> Option<Header<'_>> {
    let colon = memchr::memchr(b':', line.get(..line.len().min(12))?)?;
    let rest = line.get(colon + 1..)?;
    let second = memchr::memchr(b':', rest.get(..rest.len().min(10))?)?;
    let level = Level::from_any_case(rest.get(..second)?.trim_ascii())?;
    let rest = strip_blank(rest.get(second + 1..)?);
    let mut header = match stated_time::iso(rest) {
        Some((time, len)) => Header::new(Some(time), FormatName::Dmesg, strip_blank(rest.get(len..)?)),
        None => starts_with_bracket(rest).filter(|header| header.format == FormatName::Dmesg)?,
    };
    header.level = Some(level);
    Some(header)
}

/// `<34>1 2003-10-11T22:14:15.003Z host app pid msgid - message` (RFC 5424), or RFC 3164 behind a priority.
fn syslog_priority(line: &[u8]) -> Option<Header<'_>> {
    let (priority, digits) = leading_number(line.get(1..)?)?;
    let rest = line.get(1 + digits..)?.strip_prefix(b">")?;
    let rest = rest.strip_prefix(b"1 ").unwrap_or(rest);
    if priority > 191 || rest.first() == Some(&b'<') {
        return None;
    }
    let mut header = parse(rest)?;
    header.level = header.level.or(Level::from_syslog(priority % 8));
    header.format = FormatName::Syslog;
    Some(header)
}

/// `time=… level=… msg="…"`: at least two pairs at the start, one of them a time or a level.
fn logfmt(line: &[u8]) -> Option<Header<'_>> {
    let first_key = identifier_len(line.get(..line.len().min(40))?);
    if line.get(first_key) != Some(&b'=') {
        return None;
    }
    let mut header = Header::new(None, FormatName::Logfmt, line);
    let mut rest = line;
    let mut pairs = 0;
    while pairs < 64 {
        let key_len = identifier_len(rest);
        if key_len == 0 || rest.get(key_len) != Some(&b'=') {
            break;
        }
        let key = rest.get(..key_len)?;
        let (value, len) = logfmt_value(rest.get(key_len + 1..)?);
        match key {
            b"time" | b"ts" | b"timestamp" | b"t" | b"@timestamp" | b"asctime" => {
                header.time = stated_time::any(value);
            }
            b"level" | b"lvl" | b"severity" | b"levelname" => header.level = Level::from_any_case(value),
            b"msg" | b"message" | b"event" => header.message = value,
            b"logger" | b"name" => header.logger = value,
            b"pid" | b"process" => header.pid = whole_number(value),
            b"thread" | b"threadName" => header.thread = value,
            b"request_id" | b"trace_id" | b"traceID" | b"req_id" => header.request_id = value,
            _ => {}
        }
        pairs += 1;
        rest = trim_start(rest.get(key_len + 1 + len..)?);
    }
    (pairs >= 2 && (header.time.is_some() || header.level.is_some())).then_some(header)
}

/// A bare or quoted value and how long it is with its quotes.
fn logfmt_value(text: &[u8]) -> (&[u8], usize) {
    if text.first() != Some(&b'"') {
        let value = until(until(text, b' '), b'\t');
        return (value, value.len());
    }
    let body = text.get(1..).unwrap_or_default();
    let mut escaped = false;
    for (at, byte) in body.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (body.get(..at).unwrap_or_default(), at + 2),
            _ => {}
        }
    }
    (body, text.len())
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

/// A level in capitals at the start; the level and the text behind it.
#[inline]
fn level_word(text: &[u8]) -> Option<(Level, &[u8])> {
    let len = text.iter().take(10).take_while(|byte| byte.is_ascii_uppercase()).count();
    let rest = text.get(len..)?;
    if !(4..=9).contains(&len)
        || !matches!(rest.first(), None | Some(b' ' | b':' | b',' | b'|' | b']' | b'\t' | b'[' | b'(' | b'-'))
    {
        return None;
    }
    Level::from_upper(text.get(..len)?).map(|level| (level, rest))
}

/// Reads the fields between the time and the message.
#[inline]
fn fields(mut header: Header<'_>) -> Header<'_> {
    // Where the message starts when a name in front of the level turns out to be no logger.
    let mut before_names: Option<Header<'_>> = None;
    for _ in 0..8 {
        let mut rest = trim_start(header.message);
        if let [b'-' | b'|', b' ', ..] = rest {
            rest = trim_start(rest.get(1..).unwrap_or_default());
        }
        if header.level.is_none()
            && let Some((level, behind)) = level_word(rest)
        {
            header.level = Some(level);
            if header.format == FormatName::Timestamped && trim_start(behind).starts_with(b"| ") {
                header.format = FormatName::Loguru;
            }
            header.message = behind.strip_prefix(b":").unwrap_or(behind);
            continue;
        }
        let taken = match rest.first() {
            Some(b'[') => bracketed(&mut header, rest, b']'),
            Some(b'(') => bracketed(&mut header, rest, b')'),
            Some(b'{') if header.level.is_none() => airflow_location(&mut header, rest),
            // Behind the level one name may stand.
            Some(_) if header.level.is_some() && !header.logger.is_empty() => None,
            Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' => {
                if header.level.is_none() && before_names.is_none() {
                    before_names = Some(header);
                }
                word(&mut header, rest)
            }
            Some(byte) if byte.is_ascii_digit() && header.level.is_none() => {
                before_names = before_names.or(Some(header));
                pid_word(&mut header, rest)
            }
            _ => None,
        };
        match taken {
            Some(remaining) => header.message = remaining,
            None => break,
        }
    }
    if header.level.is_none()
        && let Some(before) = before_names
    {
        header = before;
    }
    if header.level.is_some() && header.format == FormatName::Timestamped {
        header.format = FormatName::PythonLogging;
    }
    header.message = message_start(header.message);
    header
}

/// Drops the separator in front of the message, and one blank.
fn message_start(text: &[u8]) -> &[u8] {
    let rest = text.strip_prefix(b":").unwrap_or(text);
    let unspaced = trim_start(rest);
    match unspaced {
        [b'-' | b'|', b' ', message @ ..] => message,
        [b'-' | b'|'] => b"",
        _ => strip_blank(rest),
    }
}

/// A field in brackets or parentheses; the text behind it when it was one.
fn bracketed<'a>(header: &mut Header<'a>, text: &'a [u8], closing: u8) -> Option<&'a [u8]> {
    let close = memchr::memchr(closing, text.get(..text.len().min(160))?)?;
    let content = text.get(1..close)?.trim_ascii();
    let rest = text.get(close + 1..)?;
    let is_field = if let (None, Some(level)) = (header.level, Level::from_any_case(content)) {
        header.level = Some(level);
        true
    } else if let (None, Some(level)) = (header.level, Level::from_any_case(until(content, b'/'))) {
        header.level = Some(level);
        header.thread = content.get(until(content, b'/').len() + 1..).unwrap_or_default();
        true
    } else if header.level.is_none() && tornado(header, content) {
        true
    } else if let (None, Some(pid)) = (header.pid, whole_number(content)) {
        header.pid = Some(pid);
        true
    } else if content.starts_with(b"pid") && number_after(content, b"pid").is_some() {
        header.pid = number_after(content, b"pid");
        true
    } else if is_thread_name(content) && header.thread.is_empty() {
        header.thread = content;
        true
    } else if content.starts_with(b"req-") || is_request_id(content) {
        header.request_id = until(content, b' ');
        true
    } else if content.starts_with(b"0x") {
        header.request_id = content;
        true
    } else if content == b"-" {
        true
    } else if closing == b']' && header.logger.is_empty() && is_logger(content) {
        header.logger = until(content, b':');
        true
    } else {
        false
    };
    is_field.then_some(rest)
}

/// `I 240501 12:00:00 web:2271`: a level's letter, a date without its century.
fn tornado(header: &mut Header<'_>, content: &[u8]) -> bool {
    let level = match content {
        [b'I', b' ', ..] => Level::Info,
        [b'W', b' ', ..] => Level::Warning,
        [b'E', b' ', ..] => Level::Error,
        [b'D', b' ', ..] => Level::Debug,
        [b'C', b' ', ..] => Level::Critical,
        _ => return false,
    };
    let Some(rest) = content.get(2..) else { return false };
    let time = match rest {
        [y1, y2, m1, m2, d1, d2, b' ', clock @ ..] => {
            let mut long =
                [b'2', b'0', *y1, *y2, b'-', *m1, *m2, b'-', *d1, *d2, b' ', 0, 0, 0, 0, 0, 0, 0, 0];
            if let (Some(slot), Some(clock)) = (long.get_mut(11..), clock.get(..8)) {
                slot.copy_from_slice(clock);
            }
            stated_time::iso(&long).map(|(time, _)| time)
        }
        _ => stated_time::iso(rest).map(|(time, _)| time),
    };
    if time.is_none() {
        return false;
    }
    header.level = Some(level);
    header.time = header.time.or(time);
    header.format = FormatName::PythonLogging;
    true
}

/// `{taskinstance.py:1851}`
fn airflow_location<'a>(header: &mut Header<'a>, text: &'a [u8]) -> Option<&'a [u8]> {
    let close = memchr::memchr(b'}', text.get(..text.len().min(120))?)?;
    let content = text.get(1..close)?;
    let name = until(content, b':');
    if !name.ends_with(b".py") {
        return None;
    }
    header.logger = name.get(..name.len() - 3)?;
    header.format = FormatName::Airflow;
    text.get(close + 1..)
}

/// A word that is a logger, a thread, or where the record was made.
#[inline]
fn word<'a>(header: &mut Header<'a>, text: &'a [u8]) -> Option<&'a [u8]> {
    let len = identifier_len(text);
    let name = text.get(..len)?;
    let rest = text.get(len..)?;
    if header.format == FormatName::Loguru && header.logger.is_empty() {
        // `module:function:line - message`
        let end = memchr::memmem::find(rest.get(..rest.len().min(160))?, b" - ")?;
        if rest.first() == Some(&b':') && !rest.get(..end)?.contains(&b' ') {
            header.logger = name;
            return rest.get(end..);
        }
    }
    let separated = rest.starts_with(b": ")
        || rest.starts_with(b" - ")
        || rest.starts_with(b" | ")
        || rest.starts_with(b" [")
        || (rest.first() == Some(&b' ') && (header.level.is_none() || name.contains(&b'.')));
    if is_thread_name(name) && header.thread.is_empty() && separated {
        header.thread = name;
        return Some(rest);
    }
    if !header.logger.is_empty() || !separated || !is_logger(name) {
        return None;
    }
    header.logger = name;
    Some(rest)
}

/// A bare process id, as oslo writes it in front of the level.
fn pid_word<'a>(header: &mut Header<'a>, text: &'a [u8]) -> Option<&'a [u8]> {
    let (pid, digits) = leading_number(text)?;
    let rest = text.get(digits..)?;
    if header.pid.is_some() || digits > 10 || rest.first() != Some(&b' ') {
        return None;
    }
    header.pid = Some(pid);
    Some(rest)
}

fn is_logger(name: &[u8]) -> bool {
    let base = until(name, b':');
    base.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && base.len() <= 100
        && base.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/'))
        && base.last() != Some(&b'.')
        && name
            .get(base.len()..)
            .unwrap_or_default()
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'<' | b'>'))
}

/// Names that `threading`, `concurrent.futures`, `multiprocessing` and servers give.
fn is_thread_name(name: &[u8]) -> bool {
    const STARTS: [&[u8]; 9] = [
        b"MainThread",
        b"Thread-",
        b"ThreadPoolExecutor-",
        b"Dummy-",
        b"MainProcess",
        b"SpawnProcess-",
        b"ForkPoolWorker-",
        b"waitress-",
        b"SyncWorker",
    ];
    name.first().is_some_and(u8::is_ascii_uppercase) && STARTS.iter().any(|start| name.starts_with(start))
        || name.starts_with(b"waitress-")
        || name.starts_with(b"asyncio_")
}

/// A UUID or a long hexadecimal number.
fn is_request_id(content: &[u8]) -> bool {
    let hex = content.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    let dashes = memchr::memchr_iter(b'-', content).count();
    hex + dashes == content.len() && (content.len() == 36 && dashes == 4 || hex == 32 && dashes == 0)
}

#[cfg(test)]
mod tests;
