//! Named values inside of text: `key=value`, `key: value`, `"key": "value"`, `('key', 'value')`, `--key value`.

use std::ops::Range;

use crate::literal::{Literal, closing_quote, ends_here, literal, quote_at};
use crate::names::{LONGEST_NAME, secret_name};
use crate::rules;

/// How far back a line is followed to see whether it stands in a string, in bytes.
const LONGEST_LINE: usize = 4096;

/// What to mask in a text, and by which rule.
pub(crate) struct Secret {
    pub(crate) span: Range<usize>,
    pub(crate) rule: usize,
}

/// The named secret whose name covers the byte `hint`.
pub(crate) fn secret_pair(text: &str, hint: usize) -> Option<Secret> {
    let name = name_around(text.as_bytes(), hint);
    let rule = secret_name(text.get(name.clone())?)?;
    let found = secret_value(text, name.clone(), rule)?;
    let is_count =
        is_plural(&text[name]) && text[found.span.clone()].bytes().all(|byte| byte.is_ascii_digit());
    (!is_count).then_some(found)
}

/// `prompt_tokens=512` counts tokens.
pub(crate) fn is_plural(name: &str) -> bool {
    name.len() >= 6 && name.get(name.len() - 6..).is_some_and(|end| end.eq_ignore_ascii_case("tokens"))
}

fn secret_value(text: &str, name: Range<usize>, rule: usize) -> Option<Secret> {
    let bytes = text.as_bytes();
    if let Some(secret) = encoded(bytes, name.end, rule) {
        return Some(secret);
    }
    let before = name.start.checked_sub(1).map(|at| bytes[at]);
    let (key_quote, after_name) = match quote_at(bytes, name.end) {
        Some((quote, after)) if matches!(before, Some(b'"' | b'\'')) => (Some(quote), after),
        _ => (None, name.end),
    };
    if key_quote.is_none() && before == Some(b'/') {
        return None; // a path or URL
    }
    let is_option = bytes[..name.start].ends_with(b"--");
    let after_name =
        if key_quote.is_some() && bytes.get(after_name) == Some(&b']') { after_name + 1 } else { after_name };
    match separator(bytes, after_name)? {
        (Separator::Assign, at) => assigned(text, at, rule),
        (Separator::Colon, at) if key_quote.is_none() && is_line(rule) => {
            rest_of_line(bytes, name.start, at, rule)
        }
        (Separator::Colon, at) => annotated(text, at, rule),
        (Separator::Comma, at) => {
            let open = name.start.checked_sub(key_quote?.escapes + 1)?;
            paired(text, open, at, rule)
        }
        (Separator::Space, at) if is_option => assigned(text, at, rule),
        (Separator::Space, _) => None,
    }
}

enum Separator {
    Assign,
    Colon,
    Comma,
    Space,
}

/// The letters, digits, `_`, `-` and `.` around a byte, within [`LONGEST_NAME`].
pub(crate) fn name_around(bytes: &[u8], hint: usize) -> Range<usize> {
    let belongs = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let start = hint - bytes[..hint].iter().rev().take(LONGEST_NAME).take_while(belongs).count();
    let end = hint + bytes[hint..].iter().take(LONGEST_NAME).take_while(belongs).count();
    let start = start + escape_rest(&bytes[..start], &bytes[start..end]);
    let dashes = bytes[start..end].iter().take_while(|byte| matches!(byte, b'-' | b'.')).count();
    start + dashes..end
}

/// How much of a name's start belongs to a percent-encoded character in front of it: `%22password`, `%2522password`.
fn escape_rest(before: &[u8], name: &[u8]) -> usize {
    if before.last() != Some(&b'%') {
        return 0;
    }
    let mut at = 0;
    while name[at..].starts_with(b"25") && name.len() > at + 4 {
        at += 2;
    }
    let is_escape = name.get(at..at + 2).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    if is_escape { at + 2 } else { 0 }
}

/// `%3Dvalue`, `%22%3A%20%22value%22`: a value in percent-encoded text, which may have been encoded twice.
fn encoded(bytes: &[u8], after_name: usize, rule: usize) -> Option<Secret> {
    let skip = |at: usize, codes: &[&[u8]]| {
        codes.iter().find_map(|code| escape_len(&bytes[at..], code)).map(|len| at + len)
    };
    let quotes: [&[u8]; 2] = [b"22", b"27"];
    let at = skip(after_name, &quotes).unwrap_or(after_name);
    let mut at = skip(at, &[b"3d", b"3a"])?;
    while let Some(next) = skip(at, &[b"20"]).or_else(|| (bytes.get(at) == Some(&b'+')).then_some(at + 1)) {
        at = next;
    }
    let opening = skip(at, &quotes);
    let start = opening.unwrap_or(at);
    let ends: &[&[u8]] =
        if opening.is_some() { &quotes } else { &[b"26", b"3b", b"2c", b"22", b"27", b"0a", b"20"] };
    let mut end = start;
    while let Some(byte) = bytes.get(end) {
        let is_end = byte.is_ascii_whitespace()
            || b"&\"'<>;,".contains(byte)
            || bytes[end..].starts_with(crate::MASK.as_bytes())
            || *byte == b'%' && skip(end, ends).is_some();
        if is_end {
            break;
        }
        end += 1;
    }
    (end > start).then_some(Secret { span: start..end, rule })
}

/// Length of `%3D`, or of `%253D`, at the start.
fn escape_len(text: &[u8], code: &[u8]) -> Option<usize> {
    let mut at = 1;
    text.first().filter(|byte| **byte == b'%')?;
    while at < 9 && text.get(at..at + 2) == Some(b"25") {
        at += 2;
    }
    text.get(at..at + 2)?.eq_ignore_ascii_case(code).then_some(at + 2)
}

fn separator(bytes: &[u8], after_name: usize) -> Option<(Separator, usize)> {
    let at = skip_blanks(bytes, after_name);
    let rest = &bytes[at..];
    let (separator, len) = match rest {
        [b'=', b'=', ..] | [b':', b':', ..] => return None,
        [b'=', b'>', ..] | [b':', b'=', ..] => (Separator::Assign, 2),
        [b'=', ..] => (Separator::Assign, 1),
        [b':', ..] => (Separator::Colon, 1),
        [b',', ..] => (Separator::Comma, 1),
        [_, ..] if at > after_name => (Separator::Space, 0),
        _ => return None,
    };
    Some((separator, skip_blanks(bytes, at + len)))
}

fn skip_blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Rules whose value in a header is the whole line, blanks and commas included.
fn is_line(rule: usize) -> bool {
    matches!(rules()[rule].id, "authorization" | "cookie")
}

/// A header's value up to the end of its line, or of the string that the line stands in.
fn rest_of_line(bytes: &[u8], name_start: usize, start: usize, rule: usize) -> Option<Secret> {
    if bytes[start..].starts_with(crate::MASK.as_bytes()) {
        return None;
    }
    let line = bytes[..name_start].iter().rev().take(LONGEST_LINE).take_while(|byte| **byte != b'\n');
    let inside = |mark: u8| line.clone().filter(|byte| **byte == mark).count() % 2 == 1;
    let (inside_double, inside_single) = (inside(b'"'), inside(b'\''));
    let mut end = start;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'\n' | b'\r' => break,
            b'\\' if ends_here(bytes, end) => break,
            b'"' if inside_double => break,
            b'\'' if inside_single => break,
            _ => end += 1,
        }
    }
    (end > start).then_some(Secret { span: start..end, rule })
}

fn assigned(text: &str, at: usize, rule: usize) -> Option<Secret> {
    let Literal { span, enclosed, harmless } = literal(text, at)?;
    if harmless {
        return None;
    }
    // `authorization=Bearer abc`: the scheme is not yet the secret.
    let scheme = ["bearer", "basic", "digest", "token"]
        .iter()
        .any(|scheme| text[span.clone()].eq_ignore_ascii_case(scheme));
    if scheme
        && !enclosed
        && let Some(credentials) = literal(text, skip_blanks(text.as_bytes(), span.end))
    {
        return (!credentials.harmless).then_some(Secret { span: span.start..credentials.span.end, rule });
    }
    Some(Secret { span, rule })
}

/// A value after a colon; `token: str = 'abc'` has it after the annotation.
fn annotated(text: &str, at: usize, rule: usize) -> Option<Secret> {
    let bytes = text.as_bytes();
    if let Some(annotation) = literal(text, at)
        && !bytes[at..].starts_with(b"'")
        && !bytes[at..].starts_with(b"\"")
    {
        let equals = skip_blanks(bytes, annotation.span.end);
        if bytes.get(equals) == Some(&b'=') && bytes.get(equals + 1) != Some(&b'=') {
            return assigned(text, skip_blanks(bytes, equals + 1), rule);
        }
    }
    assigned(text, at, rule)
}

/// `('authorization', 'abc')`, as header lists have it: exactly two strings in brackets.
fn paired(text: &str, key_start: usize, at: usize, rule: usize) -> Option<Secret> {
    let bytes = text.as_bytes();
    let before_key = match bytes[..key_start] {
        [.., b'b'] => key_start - 1,
        _ => key_start,
    };
    if !matches!(bytes[..before_key], [.., b'(' | b'[']) {
        return None;
    }
    let quote_start = if bytes.get(at) == Some(&b'b') { at + 1 } else { at };
    let (quote, open) = quote_at(bytes, quote_start)?;
    let (content_end, end) = closing_quote(bytes, open, quote);
    if content_end == open
        || &text[open..content_end] == crate::MASK
        || !matches!(bytes.get(end), Some(b')' | b']'))
    {
        return None;
    }
    Some(Secret { span: at..end, rule })
}
