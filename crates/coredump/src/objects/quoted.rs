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

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected texts are those of CPython 3.12.
    #[test]
    fn texts() {
        let check = |codes: &[u32], expected: &str| {
            let mut text = String::new();
            assert!(push_codes(&mut text, codes, usize::MAX));
            assert_eq!(text, expected);
        };
        check(&[], "''");
        check(&[0x70, 0x6c, 0x61, 0x69, 0x6e], "'plain'");
        check(&[0x69, 0x74, 0x27, 0x73], r#""it's""#);
        check(&[0x69, 0x74, 0x27, 0x73, 0x20, 0x22, 0x71, 0x22], r#"'it\'s "q"'"#);
        check(&[0x22], r#"'"'"#);
        check(
            &[0x74, 0x61, 0x62, 0x9, 0x6e, 0x6c, 0xa, 0xd, 0x0, 0x1b, 0x7f, 0x85],
            r"'tab\tnl\n\r\x00\x1b\x7f\x85'",
        );
        check(&[0x61, 0x5c, 0x62], r"'a\\b'");
        check(&[0x63, 0x61, 0x66, 0xe9, 0x20, 0xa3, 0x20, 0xff, 0xa0, 0xad], r"'café £ ÿ\xa0\xad'");
        check(&[0x4f60, 0x597d, 0x20, 0x20ac], "'你好 €'");
        check(&[0x200b, 0xfeff, 0x2028, 0x3000, 0xe000], r"'\u200b\ufeff\u2028\u3000\ue000'");
        check(&[0x6f, 0x6b, 0x20, 0x1f680, 0x200d], r"'ok 🚀\u200d'");
        check(&[0x62, 0x61, 0x64, 0xdc80], r"'bad\udc80'");
        check(&[0x0010_ffff, 0x000e_0001], r"'\U0010ffff\U000e0001'");
        check(&[0x378], r"'\u0378'");
    }

    #[test]
    fn bytes() {
        let check = |bytes: &[u8], expected: &str| {
            let mut text = String::new();
            assert!(push_bytes(&mut text, bytes, true, usize::MAX));
            assert_eq!(text, expected);
        };
        check(&[], "''");
        check(&[0, 255, 97, 98, 99, 10], r"'\x00\xffabc\n'");
        check(&[105, 116, 39, 115], r#""it's""#);
        check(&[105, 116, 39, 115, 32, 34, 113, 34], r#"'it\'s "q"'"#);
        check(&[92, 9, 13, 126, 127], r"'\\\t\r~\x7f'");
    }

    #[test]
    fn text_that_does_not_fit_has_no_closing_quote() {
        let mut text = String::new();
        assert!(!push_codes(&mut text, &[0x61; 50], 10));
        assert_eq!(text, format!("'{}", "a".repeat(9)));
    }
}
