//! Tracebacks in a box, as `rich` draws them (structlog's console, typer, `RichHandler`).
//!
//! Each of their lines is turned into the line that Python itself would have printed, or dropped. `rich` wraps what is
//! wider than the box or the console, between words (a blank stays at the end of the line) or, where a word alone is too
//! wide, within it; what is wrapped is joined again.

use super::{CAUSE, CONTEXT, separator};
use crate::ascii::{indent, until, whole_number};

const HEADER: &[u8] = b"Traceback (most recent call last)";
const SHORTEST_TITLE: usize = "Traceback (most recent".len();
/// What stands before a note of an exception.
const NOTE: &[u8] = b"[NOTE] ";
const SIDE: &[u8] = "│".as_bytes();
const MOST_BOXES: usize = 64;
const LONGEST_PLACE: usize = 4096;
const LONGEST_TEXT: usize = 16 << 10;
/// The width that a box has in a console that is as wide, or wider.
const USUAL_WIDTH: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Traceback,
    /// A member of an exception group, with a traceback of its own inside.
    Member,
    /// Variables, or the source of a `SyntaxError`.
    Other,
}

/// What a line of `rich` is among the lines of a classic traceback.
#[derive(Debug)]
pub(super) enum Classic {
    /// A line, and in how many members of groups it stands.
    Line(usize, Vec<u8>),
    /// A member of a group begins, in so many others.
    Member(usize),
    /// So many frames are left out, in so many members of groups.
    Hidden(usize, u64),
    /// Only `rich` has it.
    Nothing,
    /// It stands outside of the column that the boxes are in.
    Outside,
}

/// The boxes that are open, the outermost one first.
#[derive(Clone, Debug, Default)]
pub(super) struct Boxed {
    indent: usize,
    /// Each with its width.
    boxes: Vec<(Kind, usize)>,
    /// The width of the last box of a traceback.
    width: usize,
    /// The start of a frame's line, and whether what follows goes on within a word.
    place: Vec<u8>,
    is_folded: bool,
    /// The start of an exception's line, or of the sentence between two of them.
    held: Option<Held>,
    /// A box was closed, and the exception's own line follows.
    is_behind_box: bool,
}

/// `╭─── Traceback (most recent call last) ───╮`
pub(crate) fn is_box(line: &[u8]) -> bool {
    opened(line.trim_ascii()) == Some(Kind::Traceback)
}

/// The box whose upper border a line is.
fn opened(line: &[u8]) -> Option<Kind> {
    let title = line.strip_prefix("╭─".as_bytes())?.strip_suffix("─╮".as_bytes())?;
    let title = String::from_utf8_lossy(title);
    let title = title.trim_matches(['─', ' ', '…']);
    // A narrow box cuts its title.
    let is_traceback = title.len() >= SHORTEST_TITLE && HEADER.starts_with(title.as_bytes());
    Some(match title {
        _ if is_traceback => Kind::Traceback,
        _ if title.starts_with("Sub-exception #") => Kind::Member,
        _ => Kind::Other,
    })
}

/// How many characters a text has; most are one column wide.
fn width(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

impl Boxed {
    pub(super) fn open(line: &[u8]) -> Self {
        let width = width(line.trim_ascii());
        let boxes = vec![(Kind::Traceback, width)];
        Self { indent: indent(line), boxes, width, ..Self::default() }
    }

    /// What Python would have printed.
    pub(super) fn classic(&mut self, line: &[u8]) -> Vec<Classic> {
        let skipped = indent(line).min(self.indent);
        let mut content = line.get(skipped..).unwrap_or_default();
        for _ in 1..self.boxes.len() {
            match within(content) {
                Some(inner) => content = inner,
                None => return self.cut(line),
            }
        }
        if !self.boxes.is_empty() {
            let bare = content.trim_ascii();
            if bare.starts_with("╰─".as_bytes()) && bare.ends_with("─╯".as_bytes()) {
                return self.close();
            }
            match within(content) {
                Some(inner) => content = inner,
                None => return self.cut(line),
            }
        }
        let bare = content.trim_ascii();
        if self.boxes.is_empty() && skipped < self.indent && !bare.is_empty() {
            return self.flushed().into_iter().chain([Classic::Outside]).collect();
        }
        if let Some(kind) = opened(bare).filter(|_| self.boxes.len() < MOST_BOXES) {
            return self.enter(kind, width(bare));
        }
        match self.boxes.last() {
            Some((Kind::Other, _)) => vec![Classic::Nothing],
            Some((Kind::Traceback, width)) => self.inside(content.trim_ascii_end(), width.saturating_sub(4)),
            Some((Kind::Member, width)) => self.between(content.trim_ascii_end(), width.saturating_sub(4)),
            // What Python printed as a record's line may follow, so that nothing may be added.
            None => self.between(content, self.width),
        }
    }

    /// What was held and is not complete.
    pub(super) fn rest(&mut self) -> Option<Classic> {
        let depth = self.depth();
        self.held.take().map(|held| Classic::Line(depth, held.classic()))
    }

    fn depth(&self) -> usize {
        self.boxes.iter().filter(|(kind, _)| *kind == Kind::Member).count()
    }

    /// No line of a box: whatever it is, the box is cut.
    fn cut(&mut self, line: &[u8]) -> Vec<Classic> {
        self.boxes.clear();
        self.place.clear();
        vec![Classic::Line(0, line.to_vec())]
    }

    fn enter(&mut self, kind: Kind, width: usize) -> Vec<Classic> {
        let mut lines = self.flushed();
        match kind {
            Kind::Traceback => {
                self.width = width;
                lines.push(Classic::Line(self.depth(), [HEADER, b":"].concat()));
            }
            Kind::Member => lines.push(Classic::Member(self.depth())),
            Kind::Other => lines.push(Classic::Nothing),
        }
        self.boxes.push((kind, width));
        lines
    }

    fn close(&mut self) -> Vec<Classic> {
        let lines = self.flushed();
        self.is_behind_box = self.boxes.pop().is_some_and(|(kind, _)| kind != Kind::Member);
        lines
    }

    /// A frame and a text that were held.
    fn flushed(&mut self) -> Vec<Classic> {
        let mut lines: Vec<Classic> = self.rest().into_iter().collect();
        lines.extend(self.frame());
        lines
    }

    /// A line outside of a box with frames. That of an exception waits for the next one, which may go on with it.
    fn between(&mut self, line: &[u8], room: usize) -> Vec<Classic> {
        let text = line.trim_ascii_end();
        let is_first = std::mem::take(&mut self.is_behind_box);
        let is_held = is_first || is_start_of_sentence(text) || text.starts_with(NOTE);
        let mut lines = Vec::new();
        if let Some(held) = self.held.take() {
            if held.goes_on_with(text) {
                return self.hold(held.joined(text), line, room);
            }
            lines.push(Classic::Line(self.depth(), held.classic()));
        }
        if is_held && !text.is_empty() {
            lines.extend(self.hold(text.to_vec(), line, room));
        } else {
            lines.push(Classic::Line(self.depth(), text.to_vec()));
        }
        lines
    }

    fn hold(&mut self, text: Vec<u8>, line: &[u8], room: usize) -> Vec<Classic> {
        if text.len() > LONGEST_TEXT {
            return vec![Classic::Line(self.depth(), text)];
        }
        self.held = Some(Held { text, last: Last::of(line, room) });
        vec![Classic::Nothing]
    }

    fn inside(&mut self, inner: &[u8], width_of_box: usize) -> Vec<Classic> {
        if let Some(source) = inner.strip_prefix("❱".as_bytes()) {
            let source = source.trim_ascii_start();
            let digits = source.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let mut source = source.get(digits..).unwrap_or_default().trim_ascii_start();
            // Guides stand where the indentation is.
            while let Some(rest) = source.strip_prefix(SIDE) {
                source = rest.trim_ascii_start();
            }
            let line = Classic::Line(self.depth(), [b"    ", source].concat());
            return self.frame().into_iter().chain([line]).collect();
        }
        if let Some(hidden) = hidden(inner) {
            let hidden = Classic::Hidden(self.depth(), hidden);
            return self.frame().into_iter().chain([hidden]).collect();
        }
        let is_place = inner.first().is_some_and(|byte| !byte.is_ascii_whitespace());
        if !is_place {
            return self.frame().map_or_else(|| vec![Classic::Nothing], |frame| vec![frame]);
        }
        // Frames without a file follow each other without an empty line.
        let before = if inner.starts_with(b"in ") && is_whole(&self.place) { self.frame() } else { None };
        if self.place.len() < LONGEST_PLACE {
            if !self.place.is_empty() && (!self.is_folded || inner.starts_with(b"in ")) {
                self.place.push(b' ');
            }
            self.place.extend_from_slice(inner);
            self.is_folded = width(inner) >= width_of_box && !inner.contains(&b' ');
        }
        vec![before.unwrap_or(Classic::Nothing)]
    }

    /// The frame whose place is complete.
    fn frame(&mut self) -> Option<Classic> {
        let place = std::mem::take(&mut self.place);
        // Where a path was masked, a line that was folded in it no longer fills the box.
        let folded = || String::from_utf8_lossy(&place).replace(": ", ":");
        let line = frame_line(&place)
            .or_else(|| frame_without_file(&place))
            .or_else(|| frame_line(folded().as_bytes()))?;
        Some(Classic::Line(self.depth(), line))
    }
}

/// What stands within the borders of a box.
fn within(line: &[u8]) -> Option<&[u8]> {
    let inner = line.trim_ascii().strip_prefix(SIDE)?;
    let inner = inner.strip_suffix(SIDE).unwrap_or(inner);
    let inner = inner.strip_prefix(b" ").unwrap_or(inner);
    Some(inner.strip_suffix(b" ").unwrap_or(inner))
}

/// A text that may go on in the next line.
#[derive(Clone, Debug)]
struct Held {
    text: Vec<u8>,
    last: Last,
}

/// What the last line of a held text says about the next one.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// Columns of its text, without blanks at its end.
    width: usize,
    /// Columns that a line may have, where that is known.
    room: Option<usize>,
    is_one_word: bool,
    /// A blank is at its end: that between two words.
    is_wrapped: bool,
}

impl Last {
    fn of(line: &[u8], room: usize) -> Self {
        let text = line.trim_ascii_end();
        Self {
            width: width(text),
            room: Some(room).filter(|room| *room != USUAL_WIDTH),
            is_one_word: !text.contains(&b' '),
            is_wrapped: line.len() == text.len() + 1,
        }
    }
}

impl Held {
    fn classic(self) -> Vec<u8> {
        self.text.strip_prefix(NOTE).map_or_else(|| self.text.clone(), <[u8]>::to_vec)
    }

    /// Whether a line is no line of its own: its first word had no room in the one before.
    fn goes_on_with(&self, next: &[u8]) -> bool {
        if next.is_empty() {
            return false;
        }
        let whole = [self.text.as_slice(), b" ", next].concat();
        let first = width(until(next, b' '));
        let Last { width, room, is_one_word, is_wrapped } = self.last;
        is_wrapped
            || is_start_of_sentence(&self.text)
                && (is_start_of_sentence(&whole) || separator(&whole).is_some())
            || room.map_or(is_one_word && width >= USUAL_WIDTH, |room| width + 1 + first > room)
    }

    fn joined(self, next: &[u8]) -> Vec<u8> {
        let Last { width, room, is_one_word, is_wrapped } = self.last;
        let is_folded = is_one_word && !is_wrapped && room.is_none_or(|room| width >= room);
        let separator: &[u8] = if is_folded { b"" } else { b" " };
        [self.text.as_slice(), separator, next].concat()
    }
}

/// The sentence between two exceptions, cut.
fn is_start_of_sentence(text: &[u8]) -> bool {
    text.len() > 12
        && [CAUSE, CONTEXT].iter().any(|whole| whole.len() > text.len() && whole.starts_with(text))
}

/// `... 52 frames hidden ...`
fn hidden(text: &[u8]) -> Option<u64> {
    whole_number(text.trim_ascii().strip_prefix(b"... ")?.strip_suffix(b" frames hidden ...")?)
}

/// `/srv/shop/app.py:12 in charge`
fn frame_line(text: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::rfind(text, b" in ")?;
    let (place, function) = (text.get(..at)?, text.get(at + 4..)?.trim_ascii());
    let colon = memchr::memrchr(b':', place)?;
    let (file, line) = (place.get(..colon)?.trim_ascii(), place.get(colon + 1..)?);
    if file.is_empty() || function.is_empty() || !is_number(line) {
        return None;
    }
    Some([b"  File \"", file, b"\", line ", line, b", in ", function].concat())
}

/// `in charge:12`, where the file is no file that could be read.
fn frame_without_file(text: &[u8]) -> Option<Vec<u8>> {
    let (function, line) = text.strip_prefix(b"in ")?.split_at_checked(memchr::memrchr(b':', text)? - 3)?;
    let line = line.strip_prefix(b":").filter(|line| is_number(line))?;
    Some([b"  File ???, line ", line, b", in ", function.trim_ascii()].concat())
}

fn is_whole(place: &[u8]) -> bool {
    frame_without_file(place).is_some()
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}
