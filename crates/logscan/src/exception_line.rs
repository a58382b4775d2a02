//! The line that names an exception, and the escapes it may stand in.

use crate::ascii::until;

/// Splits `package.Type: message`; `None` when the line names no exception.
pub(crate) fn exception_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(rest) = line.strip_prefix(b"<class '") {
        // Python 2 and `str(sys.exc_info())`.
        let end = memchr::memmem::find(rest, b"'>")?;
        let message = rest.get(end + 2..)?.strip_prefix(b":")?;
        return Some((rest.get(..end)?, message.trim_ascii()));
    }
    let len = line
        .iter()
        .take(256)
        .take_while(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'<' | b'>') || **byte >= 0x80
        })
        .count();
    let len = len + derived_len(line.get(len..)?);
    let name = line.get(..len)?;
    let plain = until(name, b'(');
    let last = plain.rsplit(|byte| *byte == b'.').next()?;
    let starts_well =
        name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80);
    if !starts_well || last.is_empty() || last.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let is_likely =
        last.first().is_some_and(|byte| byte.is_ascii_uppercase() || *byte == b'_' || *byte >= 0x80)
            || plain.contains(&b'.')
            || ends_like_exception(plain);
    match line.get(len..)? {
        [] | [b':'] if is_likely => Some((name, b"")),
        [b':', b' ', message @ ..] if is_likely => Some((name, message)),
        _ => None,
    }
}

/// Length of what ray and others add to a name: `RayTaskError(KeyError)`.
fn derived_len(text: &[u8]) -> usize {
    if text.first() != Some(&b'(') {
        return 0;
    }
    let inner = text
        .iter()
        .skip(1)
        .take(128)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    let end = 1 + inner.count();
    if end > 1 && text.get(end) == Some(&b')') { end + 1 } else { 0 }
}

pub(crate) fn ends_like_exception(name: &[u8]) -> bool {
    const ENDS: [&[u8]; 10] = [
        b"rror",
        b"xception",
        b"arning",
        b"xit",
        b"nterrupt",
        b"imeout",
        b"Iteration",
        b"Group",
        b"Cancelled",
        b"Lost",
    ];
    ENDS.iter().any(|end| name.ends_with(end))
}

/// Undoes what a page's template did to a line.
pub(crate) fn unescape_html(line: &[u8]) -> Vec<u8> {
    const ENTITIES: [(&[u8], u8); 6] = [
        (b"&quot;", b'"'),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&#x27;", b'\''),
        (b"&#39;", b'\''),
        (b"&amp;", b'&'),
    ];
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        let tail = rest.get(at..).unwrap_or_default();
        let (byte, len) = ENTITIES
            .iter()
            .find(|(entity, _)| tail.starts_with(entity))
            .map_or((b'&', 1), |(entity, byte)| (*byte, entity.len()));
        out.push(byte);
        rest = tail.get(len..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}
