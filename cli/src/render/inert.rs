//! Text of evidence that cannot act: no terminal control, no reordering, no forged lines.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes what is not plainly visible, line ends included, as Python would write it.
pub(crate) fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if !acts(character) => shown.push(character),
            _ => escape(character, &mut shown),
        }
    }
    Cow::Owned(shown)
}

/// Escapes each line by itself and puts `margin` before all but the first, so that no line can pose as ours.
pub(crate) fn inert_lines(text: &str, margin: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| inert(line.strip_suffix('\r').unwrap_or(line))).collect();
    lines.join(&format!("\n{margin}"))
}

/// At most `limit` characters of a text, and how many were left out.
pub(super) fn cut(text: &str, limit: usize) -> (&str, usize) {
    match text.char_indices().nth(limit) {
        None => (text, 0),
        Some((end, _)) => (&text[..end], text[end..].chars().count()),
    }
}

fn escape(character: char, shown: &mut String) {
    // Writing to a string cannot fail.
    let _ = match u32::from(character) {
        code @ ..=0xff => write!(shown, "\\x{code:02x}"),
        code @ ..=0xffff => write!(shown, "\\u{code:04x}"),
        code => write!(shown, "\\U{code:08x}"),
    };
}

/// Control characters, line separators, bidirectional controls (UAX #9), invisible format characters and tags.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_escaped() {
        let check = |text: &str, expected: &str| assert_eq!(inert(text), expected);
        check("plain ü 漢 🎉", "plain ü 漢 🎉");
        check("\x1b[31mred\x07", "\\x1b[31mred\\x07");
        check("a\nb\tc\r", "a\\nb\\tc\\r");
        check("\u{9b}31m", "\\x9b31m");
        check("abc\u{202e}cba", "abc\\u202ecba");
        check("\u{e0041}", "\\U000e0041");
    }

    #[test]
    fn further_lines_stand_behind_the_margin() {
        assert_eq!(inert_lines("a\r\nThread 1\x1b", "  | "), "a\n  | Thread 1\\x1b");
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("äöü", 2), ("äö", 1));
        assert_eq!(cut("äö", 2), ("äö", 0));
    }
}
