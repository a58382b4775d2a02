//! The fields between the time and the message, each told by its own form.

use super::{Header, identifier_len, strip_blank};
use crate::ascii::{after, leading_number, number_after, trim_start, until, whole_number};
use crate::format::FormatName;
use crate::level::Level;
use crate::stated_time::{self, StatedTime};

/// `I 12:00:00.123`: a level's first letter in front of a time.
pub(super) fn level_letter(line: &[u8]) -> Option<(Level, &[u8])> {
    let [letter, b' ', rest @ ..] = line else { return None };
    let level = match letter {
        b'D' => Level::Debug,
        b'I' => Level::Info,
        b'W' => Level::Warning,
        b'E' => Level::Error,
        b'C' | b'F' => Level::Critical,
        _ => return None,
    };
    rest.first()?.is_ascii_digit().then_some((level, rest))
}

/// A time behind the level, as Django's own example of a format has it.
fn late_time<'a>(header: &mut Header<'a>, text: &'a [u8]) -> Option<&'a [u8]> {
    let date = stated_time::iso(text).or_else(|| stated_time::day_and_month(text));
    if let Some((time, len)) = date.or_else(|| stated_time::month_and_day(text)) {
        header.time = Some(time);
        let rest = text.get(len..)?;
        return Some(rest.strip_prefix(b":").unwrap_or(rest));
    }
    let (_, len) = stated_time::clock(text)?;
    let rest = text.get(len..)?;
    let fraction = match rest.first() {
        Some(b',' | b'.') => 1 + leading_number(rest.get(1..)?).map_or(0, |(_, digits)| digits),
        _ => 0,
    };
    header.time = Some(StatedTime::Undated);
    rest.get(fraction..)
}

/// `{process} {thread} message`, as Django's own example of a format has it: the thread's identifier is an address.
/// Or `{process} {threadName} message`, where the name is one that Python gives.
fn process_and_thread<'a>(header: &mut Header<'a>, text: &'a [u8]) -> Option<&'a [u8]> {
    let (pid, digits) = leading_number(text)?;
    let rest = text.get(digits..)?.strip_prefix(b" ")?;
    if digits <= 10 && is_thread_name(rest) {
        let name = rest.get(..identifier_len(rest))?;
        let behind = rest.get(name.len()..).filter(|behind| behind.first() == Some(&b' '))?;
        (header.pid, header.thread) = (Some(pid), name);
        return Some(behind);
    }
    let (_, ident_digits) = leading_number(rest)?;
    let behind = rest.get(ident_digits..)?;
    if digits > 10 || !(12..=19).contains(&ident_digits) || behind.first() != Some(&b' ') {
        return None;
    }
    header.pid = Some(pid);
    header.thread = rest.get(..ident_digits)?;
    Some(behind)
}

/// `function:34 | ` and `function:34 - `: where the record was made.
fn call_site(text: &[u8]) -> Option<&[u8]> {
    let name = identifier_len(text);
    let rest = text.get(name..)?.strip_prefix(b":")?;
    let (_, digits) = leading_number(rest)?;
    let behind = rest.get(digits..)?;
    (name > 0 && (behind.starts_with(b" | ") || behind.starts_with(b" - "))).then_some(behind)
}

/// A level in capitals at the start; the level and the text behind it.
#[inline]
pub(super) fn level_word(text: &[u8]) -> Option<(Level, &[u8])> {
    let len = text.iter().take(10).take_while(|byte| byte.is_ascii_uppercase()).count();
    let rest = text.get(len..)?;
    if !(4..=9).contains(&len)
        || !matches!(rest.first(), None | Some(b' ' | b':' | b',' | b'|' | b']' | b'\t' | b'[' | b'(' | b'-'))
    {
        return None;
    }
    Level::from_upper(text.get(..len)?).map(|level| (level, rest))
}

/// The text behind the field that `rest` starts with, a level in capitals aside; `None` when it starts with none.
#[inline]
pub(super) fn next_field<'a>(header: &mut Header<'a>, rest: &'a [u8]) -> Option<&'a [u8]> {
    match rest.first() {
        Some(b'[') => bracketed(header, rest, b']'),
        Some(b'(') => bracketed(header, rest, b')'),
        Some(b'{') if header.level.is_none() => airflow_location(header, rest),
        Some(byte) if header.time.is_none() && byte.is_ascii_digit() => late_time(header, rest),
        Some(byte) if header.level.is_some() && header.pid.is_none() && byte.is_ascii_digit() => {
            process_and_thread(header, rest)
        }
        // Behind the level one name may stand, and where the record was made.
        Some(_) if header.level.is_some() && !header.logger.is_empty() => call_site(rest),
        Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' => word(header, rest),
        Some(byte) if byte.is_ascii_digit() && header.level.is_none() => pid_word(header, rest),
        _ => None,
    }
}

/// Whether a name, or a process behind a time, may stand here.
fn starts_name(rest: &[u8], has_time: bool) -> bool {
    rest.first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_' || has_time && byte.is_ascii_digit())
}

/// Reads the fields between the time and the message.
#[inline]
pub(super) fn fields(mut header: Header<'_>) -> Header<'_> {
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
            let behind_colon = behind.strip_prefix(b":");
            header.message = behind_colon.unwrap_or(behind);
            // `%(levelname)s:%(name)s:%(message)s`
            if let Some((name, message)) = behind_colon.and_then(until_colon)
                && header.logger.is_empty()
                && is_logger(name)
            {
                header.logger = name;
                header.message = message;
                break;
            }
            continue;
        }
        if header.level.is_none() && before_names.is_none() && starts_name(rest, header.time.is_some()) {
            before_names = Some(header);
        }
        let taken = next_field(&mut header, rest);
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
    if header.format == FormatName::Structlog && header.request_id.is_empty() {
        header.request_id = structlog_request(header.message);
    }
    let is_late = header.format == FormatName::LevelFirst && header.time.is_some();
    if header.level.is_some() && (header.format == FormatName::Timestamped || is_late) {
        header.format = FormatName::PythonLogging;
    }
    header.message = message_start(header.message);
    header
}

/// The value of structlog's pair `request_id=…` behind the event.
fn structlog_request(message: &[u8]) -> &[u8] {
    [&b" request_id="[..], b" trace_id=", b" correlation_id="]
        .into_iter()
        .find_map(|key| after(message, key))
        .map_or(b"", |rest| until(rest, b' '))
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
        // structlog pads the level's name inside of the brackets.
        let is_padded = text.get(close - 1) == Some(&b' ');
        if is_padded && header.format == FormatName::Timestamped {
            header.format = FormatName::Structlog;
        }
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
    } else if content == b"-" || closing == b']' && is_source_place(content) {
        true
    } else if closing == b']' && content.starts_with(b"dd.") {
        // What ddtrace adds to a format.
        header.request_id = after(content, b"dd.trace_id=")
            .map(|rest| until(rest, b' '))
            .filter(|id| *id != b"0")
            .unwrap_or_default();
        true
    } else if closing == b']' && header.logger.is_empty() && is_logger(content) {
        header.logger = until(content, b':');
        true
    } else {
        false
    };
    is_field.then_some(rest)
}

/// `views.py:34`
fn is_source_place(content: &[u8]) -> bool {
    let colon = memchr::memrchr(b':', content).unwrap_or(0);
    content.get(..colon).is_some_and(|name| name.ends_with(b".py"))
        && content.get(colon + 1..).and_then(whole_number).is_some()
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
        // Jupyter's `[I 12:00:00.123 NotebookApp]` tells no date.
        _ => stated_time::iso(rest)
            .map(|(time, _)| time)
            .or_else(|| stated_time::clock(rest).map(|_| StatedTime::Undated)),
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
    // Airflow 1 doubles the braces.
    let braces = if text.get(1) == Some(&b'{') { 2 } else { 1 };
    let close = memchr::memchr(b'}', text.get(..text.len().min(120))?)?;
    let content = text.get(braces..close)?;
    let name = until(content, b':');
    if !name.ends_with(b".py") {
        return None;
    }
    header.logger = name.get(..name.len() - 3)?;
    header.format = FormatName::Airflow;
    text.get(close + braces..)
}

/// A word that is a logger, a thread, or where the record was made.
#[inline]
fn word<'a>(header: &mut Header<'a>, text: &'a [u8]) -> Option<&'a [u8]> {
    let len = identifier_len(text);
    let name = text.get(..len)?;
    let rest = text.get(len..)?;
    if rest.first() == Some(&b':')
        && header.logger.is_empty()
        && header.level.is_some()
        && let Some(behind) = loguru_place(rest)
    {
        header.format = FormatName::Loguru;
        header.logger = name;
        return Some(behind);
    }
    if header.level.is_some()
        && header.logger.is_empty()
        && name == b"in"
        && let Some(module) = rest.strip_prefix(b" ")
        && let Some((module, behind)) = until_colon(module)
    {
        // Flask's `[time] LEVEL in module: message`.
        header.logger = module;
        return Some(behind);
    }
    if rest.first() == Some(&b'(')
        && header.pid.is_none()
        && is_thread_name(name)
        && let Some((pid, digits)) = rest.get(1..).and_then(leading_number)
        && rest.get(1 + digits) == Some(&b')')
    {
        header.thread = name;
        header.pid = Some(pid);
        return rest.get(2 + digits..);
    }
    // `shop.orders:34`
    let line_number = rest.strip_prefix(b":").and_then(leading_number).map_or(0, |(_, digits)| 1 + digits);
    let rest = rest.get(line_number..)?;
    let separated = rest.starts_with(b": ")
        || rest.starts_with(b" - ")
        || rest.starts_with(b" | ")
        || rest.starts_with(b" [")
        || rest.starts_with(b"] ")
        || (rest.first() == Some(&b' ') && (header.level.is_none() || name.contains(&b'.')))
        || strip_blank(rest).first().is_some_and(u8::is_ascii_digit)
            && process_and_thread(&mut header.clone(), strip_blank(rest)).is_some();
    if is_thread_name(name) && header.thread.is_empty() && separated {
        header.thread = name;
        return Some(rest);
    }
    if !header.logger.is_empty() || !separated || !is_logger(name) {
        return None;
    }
    header.logger = name;
    // A bracket that nothing opened ends a head, too.
    Some(rest.strip_prefix(b"]").unwrap_or(rest))
}

/// `:function:line - `, what stands behind loguru's module.
fn loguru_place(text: &[u8]) -> Option<&[u8]> {
    let place = until(text.get(..text.len().min(200))?, b' ');
    let end = place.len();
    let place = place.get(1..).filter(|_| text.get(end..).is_some_and(|rest| rest.starts_with(b" - ")))?;
    let colon = memchr::memrchr(b':', place)?;
    whole_number(place.get(colon + 1..)?)?;
    text.get(end..)
}

/// A name and what stands behind the colon that ends it.
fn until_colon(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = identifier_len(text);
    let behind = text.get(len..)?.strip_prefix(b":")?;
    (len > 0).then_some((text.get(..len)?, behind))
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

pub(super) fn is_logger(name: &[u8]) -> bool {
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
pub(super) fn is_thread_name(name: &[u8]) -> bool {
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
