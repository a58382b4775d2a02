//! Where a value that stands in text ends: quoted, bracketed or bare.

use std::ops::Range;

/// Longest value that is followed to its end, in bytes; a longer one is masked up to here and on to the line's end.
const LONGEST_VALUE: usize = 1 << 16;

/// The value that starts at `start`: what to mask of it and where the text goes on.
pub(crate) struct Literal {
    /// Bytes that hold the value, its quotes included.
    pub(crate) span: Range<usize>,
    /// Whether it was written with quotes or brackets.
    pub(crate) enclosed: bool,
    /// Whether it says that there is no secret: `None`, `''`, or a mask.
    pub(crate) harmless: bool,
}

/// An opening or closing quote: the character and how many backslashes stand before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quote {
    pub(crate) mark: u8,
    pub(crate) escapes: usize,
}

/// Reads the quote at `at`, with the backslashes before it.
pub(crate) fn quote_at(text: &[u8], at: usize) -> Option<(Quote, usize)> {
    let escapes = text.get(at..)?.iter().take(64).take_while(|byte| **byte == b'\\').count();
    let mark = *text.get(at + escapes)?;
    matches!(mark, b'"' | b'\'').then_some((Quote { mark, escapes }, at + escapes + 1))
}

/// Reads the value that starts at `start`, if there is one.
pub(crate) fn literal(text: &str, start: usize) -> Option<Literal> {
    let bytes = text.as_bytes();
    if text[start..].starts_with(crate::MASK) {
        return Some(Literal { span: start..start + crate::MASK.len(), enclosed: false, harmless: true });
    }
    let prefix = bytes[start..].iter().take(2).take_while(|byte| b"bBrRuUfF".contains(byte)).count();
    for skipped in [prefix, 0] {
        if let Some((quote, open)) = quote_at(bytes, start + skipped) {
            return Some(quoted(text, start, quote, open));
        }
    }
    let word = bare(bytes, start);
    let end = match bytes.get(word) {
        Some(b'(' | b'[' | b'{' | b'<') => closing(bytes, word),
        _ => word,
    };
    if end == start {
        return None;
    }
    let harmless = matches!(
        &text[start..end],
        "None" | "null" | "True" | "False" | "true" | "false" | "()" | "[]" | "{}"
    );
    Some(Literal { span: start..end, enclosed: end > word, harmless })
}

fn quoted(text: &str, start: usize, quote: Quote, open: usize) -> Literal {
    let bytes = text.as_bytes();
    let triple = bytes[open..].starts_with(&[quote.mark; 2]) && quote.escapes == 0;
    let (content_end, end) = if triple {
        let mut end = open + 2;
        while end < bytes.len() && !bytes[end..].starts_with(&[quote.mark; 3]) {
            end += 1;
        }
        (end, (end + 3).min(bytes.len()))
    } else {
        closing_quote(bytes, open, quote)
    };
    let content = &text[open..content_end];
    Literal { span: start..end, enclosed: true, harmless: content.is_empty() || content == crate::MASK }
}

/// End of the content and end of the quote; both the line's end when the quote is never closed.
pub(crate) fn closing_quote(bytes: &[u8], open: usize, quote: Quote) -> (usize, usize) {
    let mut run = 0;
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        match byte {
            b'\\' => run += 1,
            b'\n' => return (at, at),
            mark if *mark == quote.mark && closes(run, quote.escapes) => return (at - run, at + 1),
            _ => run = 0,
        }
    }
    (bytes.len(), bytes.len())
}

/// Whether a quote after `run` backslashes closes a string whose opening quote has `escapes` before it.
///
/// A string that was escaped `n` times opens with `2^n - 1` backslashes; undoing one escape turns `2r + 1` into
/// `r`. An even number on the way closes an outer string, which ends the inner one too.
fn closes(mut run: usize, escapes: usize) -> bool {
    for _ in 0..(escapes + 1).ilog2() {
        if run.is_multiple_of(2) {
            return true;
        }
        run /= 2;
    }
    run.is_multiple_of(2)
}

/// End of a word without quotes.
fn bare(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_whitespace()
            || b",;&'\"()[]{}<>".contains(byte)
            || (*byte == b'\\' && ends_here(bytes, at))
        {
            break;
        }
        at += 1;
    }
    at
}

/// Whether the backslash at `at` begins an escaped line end, tab or quote rather than being a part of the value.
pub(crate) fn ends_here(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't' | b'"' | b'\'' | b'\\'))
}

/// End of a bracketed value; the line's end beyond [`LONGEST_VALUE`], or the text's when it is never closed.
fn closing(bytes: &[u8], open: usize) -> usize {
    let brackets: &[u8] = if bytes[open] == b'<' { b"<>" } else { b"([{)]}" };
    let (openers, closers) = brackets.split_at(brackets.len() / 2);
    let mut depth = 0_usize;
    let mut at = open;
    while at < bytes.len() {
        if at - open > LONGEST_VALUE {
            return at + bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at);
        }
        match bytes[at] {
            byte if openers.contains(&byte) => depth += 1,
            byte if closers.contains(&byte) => depth = depth.saturating_sub(1),
            b'"' | b'\'' | b'\\' => {
                if let Some((quote, inner)) = quote_at(bytes, at) {
                    at = closing_quote(bytes, inner, quote).1.max(inner);
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}
