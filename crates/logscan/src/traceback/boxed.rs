//! Tracebacks in a box, as `rich` draws them (structlog's console, typer, `RichHandler`).
//!
//! Each of their lines is turned into the line that Python itself would have printed, or dropped.

use super::{CAUSE, CONTEXT};
use crate::ascii::{contains, indent};

const HEADER: &[u8] = b"Traceback (most recent call last)";

/// Where the lines of a box stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Boxed {
    indent: usize,
    is_inside: bool,
    /// The start of a frame's line that was wrapped.
    place: Vec<u8>,
    /// The start of the sentence between two exceptions, where that was wrapped.
    sentence: Vec<u8>,
}

/// `╭─── Traceback (most recent call last) ───╮`
pub(crate) fn is_box(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.starts_with("╭─".as_bytes()) && line.ends_with("─╮".as_bytes()) && contains(line, HEADER)
}

impl Boxed {
    pub(super) fn open(line: &[u8]) -> Self {
        Self { indent: indent(line), is_inside: true, ..Self::default() }
    }

    /// What Python would have printed; `None` for lines that only `rich` has.
    pub(super) fn classic(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        let content = line.trim_ascii();
        if is_box(content) {
            self.is_inside = true;
            return Some([HEADER, b":"].concat());
        }
        if !self.is_inside {
            let skipped = indent(line).min(self.indent);
            return self.between(line.get(skipped..).unwrap_or_default().trim_ascii_end());
        }
        if content.starts_with("╰─".as_bytes()) {
            self.is_inside = false;
            return None;
        }
        let Some(inner) = content.strip_prefix("│".as_bytes()) else {
            // No line of a box: whatever it is, the box is cut.
            return Some(line.to_vec());
        };
        let inner = inner.strip_suffix("│".as_bytes()).unwrap_or(inner);
        let inner = inner.strip_prefix(b" ").unwrap_or(inner).trim_ascii_end();
        self.inside(inner)
    }

    /// A line below a box; `None` for the start of a sentence that goes on in the next line.
    fn between(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        const SHORTEST: usize = 12;
        let separator: &[u8] = if self.sentence.is_empty() { b"" } else { b" " };
        let text = [std::mem::take(&mut self.sentence).as_slice(), separator, line].concat();
        let is_start = text.len() >= SHORTEST
            && [CAUSE, CONTEXT].iter().any(|whole| whole.len() > text.len() && whole.starts_with(&text));
        if is_start {
            self.sentence = text;
            return None;
        }
        Some(text)
    }

    fn inside(&mut self, inner: &[u8]) -> Option<Vec<u8>> {
        if let Some(source) = inner.strip_prefix("❱".as_bytes()) {
            let source = source.trim_ascii_start();
            let digits = source.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let source = source.get(digits..)?.trim_ascii_start();
            let source = source.strip_prefix("│".as_bytes()).unwrap_or(source);
            return Some([b"    ", source.trim_ascii_start()].concat());
        }
        let is_place = inner.first().is_some_and(|byte| !byte.is_ascii_whitespace() && byte.is_ascii());
        if !is_place {
            self.place.clear();
            return None;
        }
        for separator in [&b""[..], b" "] {
            if let Some(frame) = frame_line(&[self.place.as_slice(), separator, inner].concat()) {
                self.place.clear();
                return Some(frame);
            }
        }
        if self.place.len() < 2048 {
            self.place.extend_from_slice(inner);
        }
        None
    }
}

/// `/srv/shop/app.py:12 in charge`
fn frame_line(text: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::rfind(text, b" in ")?;
    let (place, function) = (text.get(..at)?, text.get(at + 4..)?.trim_ascii());
    let colon = memchr::memrchr(b':', place)?;
    let (file, line) = (place.get(..colon)?.trim_ascii(), place.get(colon + 1..)?);
    if file.is_empty() || line.is_empty() || function.is_empty() || !line.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some([b"  File \"", file, b"\", line ", line, b", in ", function].concat())
}
