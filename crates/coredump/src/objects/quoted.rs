//! Quoted text of `str` and `bytes`, as `repr()` gives it.

use std::fmt::Write;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::objects::unicode::Str;

/// Most units that are searched for quotes, which decide the quote that the text begins with.
const MAX_SEARCHED: usize = 1 << 20;

/// Appends `repr()` of a `str`, at most about `room` bytes; returns whether it is whole.
///
/// Without the end there is no closing quote.
pub(crate) fn push_str(out: &mut String, text: &Str<'_>, room: usize) -> bool {
    let quote = quote_for(text.chars());
    let end = out.len().saturating_add(room);
    out.push(quote);
    for code in text.chars() {
        if out.len() >= end {
            return false;
        }
        push_code(out, code, quote);
    }
    if text.is_complete() {
        out.push(quote);
    }
    text.is_complete()
}

/// Appends `repr()` of a `str` of these code points, at most about `room` bytes; returns whether it is whole.
pub(crate) fn push_codes(out: &mut String, codes: &[u32], room: usize) -> bool {
    let quote = quote_for(codes.iter().copied());
    let end = out.len().saturating_add(room);
    out.push(quote);
    for &code in codes {
        if out.len() >= end {
            return false;
        }
        push_code(out, code, quote);
    }
    out.push(quote);
    true
}

/// Appends `repr()` of `bytes` without the `b`, at most about `room` bytes; returns whether it is whole.
pub(crate) fn push_bytes(out: &mut String, bytes: &[u8], complete: bool, room: usize) -> bool {
    let quote = quote_for(bytes.iter().map(|&byte| u32::from(byte)));
    let end = out.len().saturating_add(room);
    out.push(quote);
    for &byte in bytes {
        if out.len() >= end {
            return false;
        }
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            _ if char::from(byte) == quote => push_escaped(out, quote),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => push_code_point(out, 'x', 2, u32::from(byte)),
        }
    }
    if complete {
        out.push(quote);
    }
    complete
}

/// `"` only where that spares escapes (`unicode_repr`, `PyBytes_Repr`).
fn quote_for(codes: impl Iterator<Item = u32>) -> char {
    let mut double = false;
    let mut single = false;
    for code in codes.take(MAX_SEARCHED) {
        single |= code == u32::from('\'');
        double |= code == u32::from('"');
    }
    if single && !double { '"' } else { '\'' }
}

fn push_code(out: &mut String, code: u32, quote: char) {
    match char::from_u32(code) {
        Some('\\') => out.push_str("\\\\"),
        Some('\t') => out.push_str("\\t"),
        Some('\n') => out.push_str("\\n"),
        Some('\r') => out.push_str("\\r"),
        Some(character) if character == quote => push_escaped(out, quote),
        Some(character) if is_printable(character) => out.push(character),
        _ if code <= 0xff => push_code_point(out, 'x', 2, code),
        _ if code <= 0xffff => push_code_point(out, 'u', 4, code),
        _ => push_code_point(out, 'U', 8, code),
    }
}

fn push_escaped(out: &mut String, quote: char) {
    out.push('\\');
    out.push(quote);
}

fn push_code_point(out: &mut String, letter: char, width: usize, code: u32) {
    let _ = write!(out, "\\{letter}{code:0width$x}");
}

/// `str.isprintable` for one character: `Py_UNICODE_ISPRINTABLE`, Tools/unicode/makeunicodedata.py at v3.13.0.
///
/// The interpreter's own Unicode tables are older or newer than ours: a character that was assigned
/// in between is escaped by one and not by the other.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    !matches!(
        character.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::SpaceSeparator
    )
}
