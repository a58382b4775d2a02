//! One line of a stack, as `traceback` and `faulthandler` write it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::ascii::{self, after, leading_number, lossy, trim_start};

/// A frame of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The file as the log names it.
    pub file: String,
    /// The line; `None` where the interpreter printed `???`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The function, without its class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The source line, where it was printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The part of the source line that carets and tildes stand under (3.11 and later; of a `SyntaxError`, always).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked: Option<String>,
    /// How often the frame repeats beyond this once: `[Previous line repeated N more times]`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeated: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

const FILE_LIMIT: usize = 1024;
const NAME_LIMIT: usize = 512;
const SOURCE_LIMIT: usize = 512;

impl Frame {
    /// Reads `File "f", line 1, in g` (a traceback), `File "f", line 1 in g` (a faulthandler dump), or
    /// `File "f", line 1` (where a `SyntaxError` lies).
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let rest = trim_start(line).strip_prefix(b"File ")?;
        let (file, rest) = if let Some(rest) = rest.strip_prefix(b"\"") {
            let end = memchr::memmem::find(rest, b"\", line ")?;
            (rest.get(..end)?, rest.get(end + 8..)?)
        } else {
            // faulthandler prints `???` for a name that it cannot read.
            (rest.get(..3).filter(|name| *name == b"???")?, after(rest, b", line ")?)
        };
        let (line, rest) = match leading_number(rest) {
            Some((line, digits)) => (Some(line), rest.get(digits..)?),
            None => (None, rest.strip_prefix(b"???")?),
        };
        let function = rest.strip_prefix(b", in ").or_else(|| rest.strip_prefix(b" in "));
        if function.is_none() && !rest.trim_ascii().is_empty() {
            return None;
        }
        let function = function.map(|name| lossy(name.trim_ascii(), NAME_LIMIT));
        Some(Self { file: lossy(file, FILE_LIMIT), line, function, ..Self::default() })
    }

    pub(crate) fn set_source(&mut self, line: &[u8]) {
        if self.source.is_none() {
            self.source = Some(lossy(line.trim_ascii(), SOURCE_LIMIT));
        }
    }

    /// Reads a line of carets and tildes that starts `column` columns behind the start of the source line.
    pub(crate) fn set_marked(&mut self, column: usize, marks: &[u8]) {
        let Some(source) = self.source.as_ref().filter(|source| source.len() < SOURCE_LIMIT) else { return };
        if self.marked.is_some() || !marks.iter().any(|byte| matches!(byte, b'^' | b'~')) {
            return;
        }
        let mut at = 0;
        let marked: String = source
            .chars()
            .filter(|character| {
                let start = at;
                at += width(*character);
                start >= column && start < column + marks.len()
            })
            .collect();
        self.marked = (!marked.is_empty()).then_some(marked);
    }

    pub(crate) fn weight(&self) -> usize {
        self.file.len()
            + 64
            + self.function.as_ref().map_or(0, String::len)
            + self.source.as_ref().map_or(0, String::len)
    }
}

/// Columns that `traceback` counts for a character (3.13): East Asian wide ones have two.
fn width(character: char) -> usize {
    match character {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Reads `[Previous line repeated 996 more times]`.
pub(crate) fn repeated(line: &[u8]) -> Option<u64> {
    ascii::number_after(line.trim_ascii().strip_prefix(b"[Previous line")?, b"repeated ")
}

/// A line of carets and tildes under a source line (3.11 and later), or `...<7 lines>...` (3.13).
pub(crate) fn is_marker(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.is_empty() && line.iter().all(|byte| matches!(byte, b'^' | b'~' | b' '))
        || line.starts_with(b"...<") && line.ends_with(b" lines>...")
        || line.starts_with(b"...<") && line.ends_with(b" line>...")
}

/// Frames with a bound: the first ones are kept, and the last ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frames {
    first: Vec<Frame>,
    last: VecDeque<Frame>,
    pub(crate) omitted: u64,
}

impl Frames {
    const FIRST: usize = 100;
    const LAST: usize = 300;

    /// Adds a frame; the weight of the one that had to make room.
    pub(crate) fn push(&mut self, frame: Frame) -> usize {
        if self.first.len() < Self::FIRST {
            self.first.push(frame);
            return 0;
        }
        self.last.push_back(frame);
        if self.last.len() <= Self::LAST {
            return 0;
        }
        self.omitted += 1;
        self.last.pop_front().map_or(0, |frame| frame.weight())
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut Frame> {
        if self.last.is_empty() { self.first.last_mut() } else { self.last.back_mut() }
    }

    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.last.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    pub(crate) fn into_vec(mut self) -> Vec<Frame> {
        self.first.extend(self.last);
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_lines() {
        let check = |line: &str, expected: Option<(&str, Option<u64>, Option<&str>)>| {
            let frame = Frame::parse(line.as_bytes());
            let parts =
                frame.as_ref().map(|frame| (frame.file.as_str(), frame.line, frame.function.as_deref()));
            assert_eq!(parts, expected, "{line}");
        };
        check("  File \"/srv/a.py\", line 12, in f", Some(("/srv/a.py", Some(12), Some("f"))));
        check("  File \"/srv/a.py\", line 12 in <module>", Some(("/srv/a.py", Some(12), Some("<module>"))));
        check("  File \"<string>\", line 1", Some(("<string>", Some(1), None)));
        check("File \"C:\\app\\x.py\", line 3, in g", Some(("C:\\app\\x.py", Some(3), Some("g"))));
        check("  File ???, line ??? in ???", Some(("???", None, Some("???"))));
        check("  File \"x.py\", line 3, at g", None);
        check("  FileNotFoundError", None);
    }

    #[test]
    fn what_is_marked() {
        let check = |source: &str, column: usize, marks: &str, expected: Option<&str>| {
            let mut frame = Frame { source: Some(source.to_owned()), ..Frame::default() };
            frame.set_marked(column, marks.as_bytes());
            assert_eq!(frame.marked.as_deref(), expected, "{source}");
        };
        check("return x[0] / y", 7, "~~~~~^~~", Some("x[0] / y"));
        check("g()", 0, "~^^", Some("g()"));
        check("注文 = f(1)", 7, "^^^^", Some("f(1)"));
        check("x", 5, "^", None);
        check("x", 0, "   ", None);
    }

    #[test]
    fn marks() {
        assert!(is_marker(b"    ~~^^^^^"));
        assert!(is_marker(b"    ...<7 lines>..."));
        assert!(!is_marker(b"    x = 1"));
        assert_eq!(repeated(b"  [Previous line repeated 996 more times]"), Some(996));
        assert_eq!(repeated(b"  [Previous line"), None);
    }
}
