//! Lines of syslog and of `journalctl`: `time host ident[pid]: text`, with or without a priority.

use crate::ascii::{behind_blank, is_of_name, leading_number, until, whole_number};
use crate::level::Level;
use crate::stated_time::{self, StatedTime};

/// What stands in front of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SyslogLine<'a> {
    pub(crate) time: StatedTime,
    pub(crate) level: Option<Level>,
    /// `ident[pid]`, or the application's name with the process's, where that has one.
    pub(crate) producer: &'a [u8],
    pub(crate) pid: Option<u64>,
    pub(crate) text: &'a [u8],
}

/// Reads a line of RFC 3164 or RFC 5424, or of journalctl's `short`, `short-iso`, `short-full`, `short-unix` and
/// `short-monotonic`.
///
/// Without a priority, something must tell it from the line of a program that names itself: a process id, or a
/// producer that has none.
pub(crate) fn parse(line: &[u8]) -> Option<SyslogLine<'_>> {
    let (level, rest) = match priority(line) {
        Some((severity, rest)) => (Level::from_syslog(severity), rest),
        None => (None, line),
    };
    if let Some(versioned) = rest.strip_prefix(b"1 ").filter(|_| level.is_some()) {
        return rfc5424(versioned, level);
    }
    let (_, line) = behind_host(rest, level)?;
    let is_told = line.pid.is_some() || level.is_some() || matches!(line.producer, b"kernel" | b"systemd");
    is_told.then_some(line)
}

/// Reads a line whose producer is a name alone, where others tell that the source is a syslog.
pub(crate) fn parse_named(line: &[u8]) -> Option<SyslogLine<'_>> {
    let (host, line) = behind_host(line, None)?;
    let is_of_path = |byte: &u8| is_of_name(*byte) || *byte == b'/';
    let is_name = |name: &[u8]| name.iter().all(is_of_path) && Level::from_any_case(name).is_none();
    (is_name(host) && is_name(line.producer)).then_some(line)
}

/// `time host producer: text`: the host, and the rest.
fn behind_host(line: &[u8], level: Option<Level>) -> Option<(&[u8], SyslogLine<'_>)> {
    let (time, len) = time(line)?;
    let rest = line.get(len..)?.strip_prefix(b" ")?;
    let first = until(rest, b' ');
    // `journalctl --no-hostname`; behind other times, the kernel names processes so.
    let lacks_host = first.ends_with(b"]:") && line.first().is_some_and(u8::is_ascii_alphabetic);
    let host = if lacks_host { b"" } else { first };
    let after_host = if host.is_empty() { rest } else { rest.get(host.len() + 1..)? };
    let head = after_host.get(..after_host.len().min(120))?;
    let colon = memchr::memchr(b':', head)?;
    let producer = head.get(..colon)?;
    if first.is_empty() || producer.is_empty() || producer.contains(&b' ') {
        return None;
    }
    let pid = memchr::memchr(b'[', producer)
        .and_then(|at| leading_number(producer.get(at + 1..)?))
        .map(|(pid, _)| pid);
    let text = behind_blank(after_host.get(colon + 1..)?);
    Some((host, SyslogLine { time, level, producer, pid, text }))
}

/// `<34>`: the severity and what stands behind it.
fn priority(line: &[u8]) -> Option<(u64, &[u8])> {
    let inner = line.strip_prefix(b"<")?;
    let (priority, digits) = leading_number(inner)?;
    let rest = inner.get(digits..)?.strip_prefix(b">")?;
    (priority <= 191).then_some((priority % 8, rest))
}

/// `time host app procid msgid [data] text`, behind the priority and the version (RFC 5424, section 6).
fn rfc5424(line: &[u8], level: Option<Level>) -> Option<SyslogLine<'_>> {
    let (time, len) = stated_time::iso(line)?;
    let behind = line.get(len..)?.strip_prefix(b" ")?;
    let names = behind.get(until(behind, b' ').len() + 1..)?;
    let app = until(names, b' ');
    let rest = names.get(app.len() + 1..)?;
    let procid = until(rest, b' ');
    let rest = rest.get(procid.len() + 1..)?;
    let text = rest.get(until(rest, b' ').len() + 1..)?;
    let producer = if procid == b"-" { app } else { names.get(..app.len() + 1 + procid.len())? };
    let pid = whole_number(procid);
    // Heroku's drains leave the data out, and their priorities say nothing.
    if !matches!(text.first(), Some(b'[' | b'-')) {
        return Some(SyslogLine { time, level: None, producer, pid, text });
    }
    let text = behind_structured_data(text)?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    Some(SyslogLine { time, level, producer, pid, text })
}

/// The text behind `-` or behind elements such as `[id@1 key="a \"quoted\" ] value"]`.
fn behind_structured_data(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return Some(behind_blank(rest));
    }
    let (mut is_quoted, mut is_escaped, mut is_open) = (false, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'[' if !is_open => is_open = true,
            b']' if is_open => is_open = false,
            b' ' if !is_open => return text.get(at + 1..),
            _ if !is_open => return None,
            _ => {}
        }
    }
    (!is_open && !is_quoted).then_some(b"")
}

/// The forms of `journalctl -o short*`, and RFC 3164's; how long it is.
fn time(text: &[u8]) -> Option<(StatedTime, usize)> {
    match text.first()? {
        b'[' => {
            let close = memchr::memchr(b']', text.get(..text.len().min(24))?)?;
            let content = text.get(1..close)?.trim_ascii();
            let (_, whole) = leading_number(content)?;
            let digits = whole_number(content.get(whole..)?.strip_prefix(b".")?)?;
            (digits < 1_000_000).then_some((StatedTime::Undated, close + 1))
        }
        b'0'..=b'9' if text.get(10) == Some(&b'T') => stated_time::iso(text),
        b'0'..=b'9' => {
            let len = until(text, b' ').len();
            let seconds = text.get(..len).filter(|seconds| seconds.get(10) == Some(&b'.'))?;
            stated_time::epoch(seconds).map(|time| (time, len))
        }
        _ => stated_time::syslog(text).or_else(|| stated_time::weekday_iso(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let check = |line: &str, expected: &str| {
            let shown = parse(line.as_bytes()).map_or("none".to_owned(), |line| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let level = line.level.map_or("-", Level::name);
                let pid = line.pid.map_or("-".to_owned(), |pid| pid.to_string());
                format!("{level} {} {pid} |{}", text(line.producer), text(line.text))
            });
            assert_eq!(shown, expected, "{line}");
        };
        check("May  1 12:00:00 h shop[7]: m: n", "- shop[7] 7 |m: n");
        check("<27>May  1 12:00:00 h shop: m", "ERROR shop - |m");
        check("May  1 12:00:00 h shop: m", "none");
        check("May  1 12:00:00 h kernel: m", "- kernel - |m");
        check("2024-05-01T12:00:00+0200 h shop[7]: m", "- shop[7] 7 |m");
        check("2024-05-01T12:00:00.123456+02:00 h shop[7]: m", "- shop[7] 7 |m");
        check("Wed 2024-05-01 12:00:00 UTC h shop[7]: m", "- shop[7] 7 |m");
        check("Wed 2024-05-01 12:00:00.5 CEST h shop[7]: m", "- shop[7] 7 |m");
        check("1714564800.123456 h shop[7]: m", "- shop[7] 7 |m");
        check("[  682.392401] h shop[7]: m", "- shop[7] 7 |m");
        check("May  1 12:00:00 shop[7]: m: n", "- shop[7] 7 |m: n");
        check("May  1 12:00:00 shop[web]: m: n", "none");
        check("[  682.392401] shop[7]: segfault at 0", "none");
        check("<165>1 2024-05-01T12:00:00.003Z h shop 8710 ID47 - m", "NOTICE shop 8710 8710 |m");
        check("<190>1 2024-05-01T12:00:00+00:00 host app web.1 - {m}", "- app web.1 - |{m}");
        check(
            "<11>1 2024-05-01T12:00:00Z h shop - - [a@1 k=\"x ] \\\" y\"][b@2] \u{feff}m [n]",
            "ERROR shop - |m [n]",
        );
        check("<11>1 2024-05-01T12:00:00Z h shop 7 - -", "ERROR shop 7 7 |");
        check("<999>1 2024-05-01T12:00:00Z h shop 7 - - m", "none");
    }
}
