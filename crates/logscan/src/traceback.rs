//! Assembles a traceback, with its chain and its groups, out of lines.
//!
//! The grammar is that of `traceback.TracebackException.format` (CPython `Lib/traceback.py` at v3.14.0), and what
//! loggers do to its lines: prefixes, lost indentation, escapes.

mod boxed;
mod groups;
mod message;

pub(crate) use self::boxed::is_box;
use self::boxed::{Boxed, Classic};
use crate::ascii::{indent, lossy, trim_start};
use crate::before::NeverRaised;
use crate::document::Relation;
use crate::exception_line::{ends_like_exception, exception_line, unescape_html};
use crate::frame::{Frame, Frames, is_marker, repeated};

const CAUSE: &[u8] = b"The above exception was the direct cause of the following exception:";
const CONTEXT: &[u8] = b"During handling of the above exception, another exception occurred:";
const HEADER: &[u8] = b"Traceback (most recent call last):";
/// What twisted's `Failure` prints between the frames above it and those below.
const FAILURE_MARK: &[u8] = b"--- <exception caught here> ---";

const MAX_EXCEPTIONS: usize = 256;
const MAX_WEIGHT: usize = 1 << 20;
const MESSAGE_LIMIT: usize = 16 << 10;
const MESSAGE_LINES: usize = 200;
/// Lines that are kept behind a message, which may belong to it.
const TRAILING_LINES: usize = 12;
const TRAILING_LIMIT: usize = 512;

/// One exception of a tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exception {
    pub(crate) type_name: Option<String>,
    pub(crate) message: String,
    pub(crate) frames: Frames,
    pub(crate) relation: Option<Relation>,
    /// Index of the exception it belongs to, in the same tree.
    pub(crate) parent: Option<usize>,
    /// Where a `SyntaxError` lies.
    pub(crate) location: Option<Frame>,
    /// It was raised in another process and carried over as text.
    pub(crate) remote: bool,
    pub(crate) truncated: bool,
    /// Lines right behind the message that may belong to it; with the empty ones in between.
    pub(crate) trailing: Vec<String>,
    pub(crate) message_lines: usize,
    pub(crate) blank_lines: usize,
    pub(crate) open_brackets: i32,
    /// Its line ends with a colon: the message stands on the next ones.
    pub(crate) is_announced: bool,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// The line is part of a stack.
    Stack,
    /// The line names an exception, or goes on with its message.
    Message,
    /// The line may go on with the message, or may not.
    Trailing,
    /// The line is not part of the traceback, which was complete.
    Done,
    /// The line is not part of the traceback, which was not complete.
    Torn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// A header, or an exception without one.
    Start,
    Frames,
    /// More of the message, or a separator.
    Message,
    /// The frames after `Call stack:`, which are where the log call stood.
    CallStack,
    /// The level's exceptions are all read.
    Closed,
}

/// One depth of exception groups.
#[derive(Clone, Debug)]
struct Level {
    expect: Expect,
    current: Option<usize>,
    /// The exception above a separator, and how the next one is related to it.
    pending: Option<(usize, Relation)>,
    group: Option<usize>,
}

impl Level {
    fn new(group: Option<usize>) -> Self {
        Self { expect: Expect::Start, current: None, pending: None, group }
    }
}

/// How the lines reach the builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Bare lines among others: a message goes on where its lines say so.
    Bare,
    /// Every line is a record's message: an exception's message is one line.
    Prefixed,
    /// A text of its own that holds nothing else.
    Embedded,
}

/// What a line says that may open a traceback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    Plain,
    Group,
    /// `Original Traceback`, as torch carries it in a message.
    Carried,
}

fn opening(content: &[u8]) -> Option<Opening> {
    let content = content.trim_ascii();
    match content.strip_suffix(HEADER)? {
        b"" => Some(Opening::Plain),
        b"+ Exception Group " | b"Exception Group " => Some(Opening::Group),
        b"Original " => Some(Opening::Carried),
        _ => None,
    }
}

/// A traceback under assembly.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent marks of how the lines came")]
pub(crate) struct TracebackBuilder {
    exceptions: Vec<Exception>,
    levels: Vec<Level>,
    base_indent: usize,
    group_indent: Option<usize>,
    /// The traceback stands between `"""` lines.
    quoted: bool,
    html: bool,
    boxed: Option<Boxed>,
    /// Lines behind a message are records of their own, unless a separator shows that they were none.
    trails_records: bool,
    /// The lines lost their indentation.
    flat: bool,
    /// Indentation of the last source line.
    source_indent: usize,
    /// The line in front of the header, where that may name the exception.
    pub(crate) name_in_front: Option<Vec<u8>>,
    /// Bytes that are held, roughly.
    pub(crate) weight: usize,
    pub(crate) hit_limit: bool,
}

impl TracebackBuilder {
    /// Starts at a header line; `line` is what the header's own line holds from its indentation on.
    pub(crate) fn open(line: &[u8], quoted: bool) -> Self {
        let is_group = opening(line) == Some(Opening::Group);
        let is_boxed = boxed::is_box(line);
        let mut builder = Self {
            exceptions: Vec::new(),
            levels: vec![Level::new(None)],
            base_indent: if is_boxed { 0 } else { indent(line) },
            group_indent: is_group.then(|| indent(line)),
            quoted,
            html: false,
            boxed: is_boxed.then(|| Boxed::open(line)),
            trails_records: false,
            flat: false,
            source_indent: 0,
            name_in_front: None,
            weight: 0,
            hit_limit: false,
        };
        builder.start_exception(0);
        builder
    }

    /// Starts in the middle: the header and the first frames are lost.
    pub(crate) fn open_torn(line: &[u8]) -> Self {
        let mut builder = Self::open(b"", false);
        builder.base_indent = indent(line).saturating_sub(2);
        if let Some(exception) = builder.exceptions.first_mut() {
            exception.truncated = true;
        }
        builder
    }

    /// Puts an exception in front that was never raised, so that nothing but its line is printed.
    pub(crate) fn put_before(&mut self, inner: &NeverRaised<'_>) {
        let index = self.exceptions.len();
        self.exceptions.insert(
            0,
            Exception {
                type_name: Some(lossy(inner.type_name, 256)),
                message: lossy(inner.message, MESSAGE_LIMIT),
                relation: Some(inner.relation),
                parent: Some(index),
                message_lines: 1,
                ..Exception::default()
            },
        );
        for level in &mut self.levels {
            level.current = level.current.map(|current| current + 1);
        }
    }

    /// A type was read and no stack is open.
    pub(crate) fn is_complete(&self) -> bool {
        self.levels.iter().all(|level| match level.expect {
            Expect::Frames | Expect::Start => false,
            Expect::Message | Expect::CallStack | Expect::Closed => true,
        })
    }

    /// Something beyond the header was read.
    pub(crate) fn has_content(&self) -> bool {
        self.exceptions.iter().any(|exception| exception.type_name.is_some() || !exception.frames.is_empty())
    }

    /// Names the exception that lacks a name, when AWS Lambda has named it in front of the traceback.
    pub(crate) fn take_name_in_front(&mut self) {
        let Some(line) = self.name_in_front.take() else { return };
        let is_open = self.expect(0) == Expect::Frames && self.levels.len() == 1;
        let has_frames = self.current(0).is_some_and(|exception| !exception.frames.is_empty());
        if is_open
            && has_frames
            && let Some((type_name, message)) = exception_line(line.trim_ascii())
        {
            self.name_exception(0, type_name, message, b"");
        }
    }

    /// Takes what a box had held back.
    fn feed_rest(&mut self) {
        if let Some(rest) = self.boxed.as_mut().and_then(Boxed::rest) {
            self.feed_classic(rest, Delivery::Bare);
        }
    }

    /// Gives the tree, in the order of the text. What lacks its end is marked.
    pub(crate) fn finish(mut self) -> Vec<Exception> {
        self.feed_rest();
        for level in &self.levels {
            let unfinished = match level.expect {
                Expect::Frames => level.current,
                Expect::Start => level.pending.map(|(index, _)| index).or(level.group),
                _ => None,
            };
            if let Some(exception) = unfinished.and_then(|index| self.exceptions.get_mut(index)) {
                exception.truncated = true;
            }
        }
        let kept = if self.trails_records { 0 } else { TRAILING_LINES };
        self.exceptions.iter_mut().for_each(|exception| exception.keep_trailing(kept));
        self.exceptions
    }

    /// Offers the next line of the same producer.
    pub(crate) fn feed(&mut self, line: &[u8], delivery: Delivery) -> Fed {
        if let Some(boxed) = &mut self.boxed {
            let lines = boxed.classic(line);
            return lines.into_iter().fold(Fed::Stack, |fed, line| match fed {
                Fed::Stack | Fed::Message => self.feed_classic(line, delivery),
                _ => fed,
            });
        }
        if self.html || is_html_frame(line) {
            self.html = true;
            let unescaped = unescape_html(line);
            return self.feed_line(&unescaped, delivery);
        }
        self.feed_line(line, delivery)
    }

    /// A line of `rich`.
    fn feed_classic(&mut self, line: Classic, delivery: Delivery) -> Fed {
        match line {
            Classic::Nothing => Fed::Stack,
            Classic::Outside => self.rejected(),
            // An empty line stands behind each member of a group.
            Classic::Line(0, line) if line.is_empty() && self.levels.len() > 1 => Fed::Stack,
            Classic::Line(0, line) => {
                if self.levels.len() > 1 {
                    self.end_members();
                }
                self.feed_line(&line, delivery)
            }
            Classic::Line(depth, line) => self.feed_level(depth, &line, 0, delivery),
            Classic::Member(depth) => self.start_member(depth),
            Classic::Hidden(depth, frames) => {
                if let Some(exception) = self.current(depth) {
                    exception.frames.omitted = exception.frames.omitted.saturating_add(frames);
                }
                Fed::Stack
            }
        }
    }

    fn feed_line(&mut self, line: &[u8], delivery: Delivery) -> Fed {
        if self.group_indent.is_some()
            && let Some(fed) = self.feed_margin(line, delivery)
        {
            return fed;
        }
        if self.group_indent.is_none() {
            return self.feed_level(0, line, self.base_indent, delivery);
        }
        // All lines of a group carry its margin; what stands without it is blank, a separator, or no part of it.
        let is_blank = line.trim_ascii().is_empty();
        if !is_blank && (self.levels.len() > 1 || self.lacks_members() && separator(line).is_none()) {
            return self.feed_without_margin(line, delivery);
        }
        match self.expect(0) {
            Expect::Start if self.levels.len() == 1 => self.feed_start(0, line),
            Expect::Message if self.levels.len() == 1 && (is_blank || ends_group(line)) => {
                self.feed_message(0, line, delivery)
            }
            _ if is_blank => {
                self.pass_blank_of_member();
                Fed::Stack
            }
            _ => self.rejected(),
        }
    }

    fn feed_level(&mut self, depth: usize, line: &[u8], base: usize, delivery: Delivery) -> Fed {
        if self.weight > MAX_WEIGHT || self.exceptions.len() > MAX_EXCEPTIONS {
            self.hit_limit = true;
            return Fed::Done;
        }
        match self.expect(depth) {
            Expect::Start => self.feed_start(depth, line),
            Expect::Frames => self.feed_frames(depth, line, base, delivery),
            Expect::Message => self.feed_message(depth, line, delivery),
            Expect::CallStack => self.feed_call_stack(depth, line),
            Expect::Closed => Fed::Stack,
        }
    }

    fn feed_start(&mut self, depth: usize, line: &[u8]) -> Fed {
        let content = line.trim_ascii();
        if content.is_empty() {
            return Fed::Stack;
        }
        if let Some(kind) = opening(line) {
            if depth == 0 {
                self.group_indent = (kind == Opening::Group).then(|| indent(line));
            }
            self.start_exception(depth);
            return Fed::Stack;
        }
        if content == b"\"\"\"" {
            return Fed::Stack;
        }
        // Without a traceback of its own, only the exception is printed.
        if let Some((type_name, message)) = exception_line(content) {
            self.start_exception(depth);
            self.name_exception(depth, type_name, message, content);
            return Fed::Message;
        }
        self.rejected()
    }

    fn feed_frames(&mut self, depth: usize, line: &[u8], base: usize, delivery: Delivery) -> Fed {
        let content = trim_start(line).trim_ascii_end();
        if content.is_empty() {
            return Fed::Stack;
        }
        if content == FAILURE_MARK {
            return Fed::Stack;
        }
        // loguru marks the frame that caught the exception.
        let unmarked = content.strip_prefix(b"> ").unwrap_or(content);
        if let Some(frame) = Frame::parse(unmarked) {
            if self.current(depth).is_some_and(|exception| exception.frames.is_empty())
                && indent(line) <= base
            {
                self.flat = true;
            }
            let added = frame.weight();
            let mut removed = 0;
            if let Some(exception) = self.current(depth) {
                if frame.function.is_some() {
                    removed = exception.frames.push(frame);
                    exception.location = None;
                } else {
                    exception.location = Some(frame);
                }
            }
            self.weight = (self.weight + added).saturating_sub(removed);
            return Fed::Stack;
        }
        let flat = self.flat;
        let exception = match exception_line(content) {
            Some(parts) if indent(line) <= base => Some(parts),
            _ => None,
        };
        if let Some((type_name, message)) = exception
            && !(flat && self.lacks_source(depth) && !ends_like_exception(type_name))
        {
            if is_header(message) {
                // torch before 1.0: the worker's traceback is the whole message.
                self.name_exception(depth, type_name, b"", b"");
                return self.start_carried(depth);
            }
            self.name_exception(depth, type_name, message, content);
            return Fed::Message;
        }
        if indent(line) > base || (flat && (self.lacks_source(depth) || is_marker(content))) {
            self.take_source(depth, content, indent(line));
            return Fed::Stack;
        }
        if let Some(count) = repeated(content) {
            self.repeat_last(depth, count);
            return Fed::Stack;
        }
        // Where `\n` was undone, a source line that has one in a literal became several lines.
        if delivery == Delivery::Embedded && opening(line).is_none() {
            return Fed::Stack;
        }
        self.rejected()
    }

    /// A source line, or what is printed between two frames.
    fn take_source(&mut self, depth: usize, content: &[u8], indent: usize) {
        if let Some(count) = repeated(content) {
            self.repeat_last(depth, count);
            return;
        }
        let column = if self.flat { None } else { indent.checked_sub(self.source_indent) };
        let Some(exception) = self.current(depth) else { return };
        let frame = match exception.location.as_mut() {
            Some(location) => Some(location),
            None => exception.frames.last_mut(),
        };
        let Some(frame) = frame else { return };
        if is_marker(content) {
            if let Some(column) = column {
                frame.set_marked(column, content);
            }
            return;
        }
        if frame.source.is_some() {
            return;
        }
        frame.set_source(content);
        self.source_indent = indent;
        self.weight += content.len().min(512);
    }

    fn repeat_last(&mut self, depth: usize, count: u64) {
        if let Some(frame) = self.current(depth).and_then(|exception| exception.frames.last_mut()) {
            frame.repeated = count;
        }
    }

    fn lacks_source(&mut self, depth: usize) -> bool {
        self.current(depth)
            .and_then(|exception| exception.frames.last_mut())
            .is_some_and(|frame| frame.source.is_none())
    }

    fn feed_call_stack(&mut self, depth: usize, line: &[u8]) -> Fed {
        if line.starts_with(b"Arguments: ") {
            self.set_expect(depth, Expect::Closed);
            return Fed::Stack;
        }
        let is_part = indent(line) >= 2 || line.starts_with(b"Message: ") || line.trim_ascii().is_empty();
        if is_part || Frame::parse(line).is_some() { Fed::Stack } else { Fed::Done }
    }

    /// torch's `DataLoader` puts the worker's traceback into the message.
    fn start_carried(&mut self, depth: usize) -> Fed {
        let Some(carrier) = self.levels.get(depth).and_then(|level| level.current) else { return Fed::Done };
        let index = self.exceptions.len();
        self.exceptions.push(Exception {
            relation: Some(Relation::Cause),
            parent: Some(carrier),
            remote: true,
            ..Exception::default()
        });
        if let Some(level) = self.levels.get_mut(depth) {
            level.current = Some(index);
            level.expect = Expect::Frames;
        }
        Fed::Stack
    }

    fn start_exception(&mut self, depth: usize) {
        let index = self.exceptions.len();
        let quoted = self.quoted;
        let Some(level) = self.levels.get_mut(depth) else { return };
        let mut exception = Exception { remote: quoted, ..Exception::default() };
        let pending = level.pending.take();
        if let Some((inner, relation)) = pending
            && let Some(inner) = self.exceptions.get_mut(inner)
        {
            // The outer exception takes the place that the inner one had.
            exception.parent = inner.parent.replace(index);
            exception.relation = inner.relation.replace(relation);
        } else {
            exception.parent = level.group;
            exception.relation = level.group.map(|_| Relation::GroupMember);
        }
        level.current = Some(index);
        level.expect = Expect::Frames;
        self.exceptions.push(exception);
    }

    fn name_exception(&mut self, depth: usize, type_name: &[u8], message: &[u8], line: &[u8]) {
        let is_announced = message.is_empty() && line.ends_with(b":");
        if let Some(exception) = self.current(depth) {
            exception.type_name = Some(lossy(type_name, 256));
            exception.message = lossy(message, MESSAGE_LIMIT);
            exception.message_lines = 1;
            exception.is_announced = is_announced;
            exception.open_brackets = message::brackets(message);
        }
        self.weight += message.len().min(MESSAGE_LIMIT);
        self.set_expect(depth, Expect::Message);
    }

    fn rejected(&self) -> Fed {
        if self.is_complete() { Fed::Done } else { Fed::Torn }
    }

    fn expect(&self, depth: usize) -> Expect {
        self.levels.get(depth).map_or(Expect::Closed, |level| level.expect)
    }

    fn set_expect(&mut self, depth: usize, expect: Expect) {
        if let Some(level) = self.levels.get_mut(depth) {
            level.expect = expect;
        }
    }

    fn current(&mut self, depth: usize) -> Option<&mut Exception> {
        let index = self.levels.get(depth)?.current?;
        self.exceptions.get_mut(index)
    }
}

/// A frame's line as a page's template writes it, which may stand behind a group's margin.
fn is_html_frame(line: &[u8]) -> bool {
    line.contains(&b'&')
        && memchr::memmem::find(line, b"File &quot;").is_some_and(|at| {
            at > 0 && line.get(..at).is_some_and(|head| head.iter().all(|byte| matches!(byte, b' ' | b'|')))
        })
}

/// The sentence between two exceptions of a chain.
pub(crate) fn separator(line: &[u8]) -> Option<Relation> {
    match line.trim_ascii() {
        CAUSE => Some(Relation::Cause),
        CONTEXT => Some(Relation::Context),
        _ => None,
    }
}

/// What stands without a margin behind a group, and is part of the tree.
fn ends_group(line: &[u8]) -> bool {
    separator(line).is_some() || line.trim_ascii() == b"\"\"\""
}

/// Whether a line is the header of a traceback and nothing else.
pub(crate) fn is_header(line: &[u8]) -> bool {
    opening(line).is_some()
}
