//! Heads of what systems and servers write: access logs, the kernel, klog, syslog, uWSGI, Apache.

use super::{Header, NumberColumn, starts_with_bracket, strip_blank};
use crate::ascii::{leading_number, number_after, trim_start, until};
use crate::format::FormatName;
use crate::level::Level;
use crate::stated_time::{self, StatedTime};
use crate::syslog::{self, SyslogLine};

/// `host ident user [22/Nov/2026:11:28:13 +0000] "request" …`
pub(super) fn access_log(line: &[u8]) -> Option<Header<'_>> {
    let head = line.get(..line.len().min(160))?;
    let bracket = memchr::memchr(b'[', head)?;
    let (time, len) = stated_time::access_log(line.get(bracket + 1..)?)?;
    let message = trim_start(line.get(bracket + 1 + len + 1..)?);
    Some(Header::new(Some(time), FormatName::AccessLog, message))
}

/// Length of `1230.508770`.
pub(super) fn uptime(text: &[u8]) -> Option<usize> {
    let (_, whole) = leading_number(text)?;
    let rest = text.get(whole..)?.strip_prefix(b".")?;
    let (_, digits) = leading_number(rest)?;
    (digits == 6).then_some(whole + 1 + digits)
}

/// `[pid: 1|app: 0|req: 1/1] addr () {…} [Sun Nov 22 11:31:59 2026] GET / => …`
pub(super) fn uwsgi_request(inner: &[u8]) -> Option<Header<'_>> {
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

/// `E0501 12:00:00.123456    77 server.go:12] message`
pub(super) fn klog(line: &[u8]) -> Option<Header<'_>> {
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

/// `kern  :warn  : 2026-11-22T11:30:35,508770+00:00 message`, from `dmesg -x`.
pub(super) fn dmesg_decoded(line: &[u8]) -> Option<Header<'_>> {
    let colon = memchr::memchr(b':', line.get(..line.len().min(12))?)?;
    let rest = line.get(colon + 1..)?;
    let second = memchr::memchr(b':', rest.get(..rest.len().min(10))?)?;
    let level = Level::from_any_case(rest.get(..second)?.trim_ascii())?;
    let rest = strip_blank(rest.get(second + 1..)?);
    let mut header = match stated_time::iso(rest) {
        Some((time, len)) => Header::new(Some(time), FormatName::Dmesg, strip_blank(rest.get(len..)?)),
        None => starts_with_bracket(rest, NumberColumn::Unknown)
            .filter(|header| header.format == FormatName::Dmesg)?,
    };
    header.level = Some(level);
    Some(header)
}

/// A line of syslog behind a priority, or one of the kernel (`dmesg --raw`).
pub(super) fn syslog_priority(line: &[u8]) -> Option<Header<'_>> {
    if let Some(SyslogLine { time, level, producer, pid, text }) = syslog::parse(line) {
        let mut header = Header::new(Some(time), FormatName::Syslog, text);
        header.level = level;
        header.logger = until(until(producer, b'['), b' ');
        header.pid = pid;
        return Some(header);
    }
    let (priority, digits) = leading_number(line.get(1..)?)?;
    let rest = line.get(1 + digits..)?.strip_prefix(b">")?;
    let mut header = starts_with_bracket(rest, NumberColumn::Unknown)
        .filter(|header| header.format == FormatName::Dmesg)?;
    header.level = Level::from_syslog(priority % 8).filter(|_| priority <= 191);
    Some(header)
}

/// `4,1123,1230508770,-;message`, as `/dev/kmsg` gives it.
pub(super) fn kmsg(line: &[u8]) -> Option<Header<'_>> {
    let semicolon = memchr::memchr(b';', line.get(..line.len().min(80))?)?;
    let mut fields = line.get(..semicolon)?.split(|byte| *byte == b',');
    let (priority, _) = leading_number(fields.next()?)?;
    for _ in 0..2 {
        let field = fields.next()?;
        if leading_number(field).is_none_or(|(_, digits)| digits != field.len()) {
            return None;
        }
    }
    fields.next().filter(|flags| matches!(*flags, b"-" | b"c" | b"+"))?;
    let message = line.get(semicolon + 1..)?;
    let mut header = Header::new(Some(StatedTime::Undated), FormatName::Dmesg, message);
    header.level = Level::from_syslog(priority % 8);
    Some(header)
}

/// `[wsgi:error] [pid 123:tid 456] [client 10.0.0.1:55] message`, behind the time: Apache's error log, where
/// `mod_wsgi` writes.
pub(super) fn apache_error(time: StatedTime, rest: &[u8]) -> Option<Header<'_>> {
    let inner = rest.strip_prefix(b"[")?;
    let module = until(inner, b']');
    let level = module.get(until(module, b':').len() + 1..)?;
    let mut header = Header::new(Some(time), FormatName::ApacheError, b"");
    header.level =
        Some(Level::from_any_case(level).or_else(|| level.starts_with(b"trace").then_some(Level::Trace))?);
    header.logger = until(module, b':');
    let mut rest = inner.get(module.len() + 1..)?;
    while let Some(inner) = rest.strip_prefix(b" [") {
        let field = until(inner, b']');
        let is_field =
            [&b"pid "[..], b"client ", b"remote ", b"tid "].iter().any(|start| field.starts_with(start));
        if !is_field {
            break;
        }
        if let Some(pid) = number_after(field, b"pid ") {
            header.pid = Some(pid);
            let tid = until(field, b':').len() + 1;
            header.thread = field.get(tid..).and_then(|tid| tid.strip_prefix(b"tid ")).unwrap_or_default();
        }
        rest = inner.get(field.len() + 1..)?;
    }
    header.message = strip_blank(rest);
    Some(header)
}
