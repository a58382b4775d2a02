//! Assembles a traceback, with its chain and its groups, out of lines.
//!
//! The grammar is that of `traceback.TracebackException.format` (CPython `Lib/traceback.py` at v3.14.0), and what
//! loggers do to its lines: prefixes, lost indentation, escapes.

use crate::ascii::{indent, lossy, trim_start};
use crate::document::Relation;
use crate::exception_line::{ends_like_exception, exception_line, unescape_html};
use crate::frame::{Frame, Frames, is_marker, repeated};

const CAUSE: &[u8] = b"The above exception was the direct cause of the following exception:";
const CONTEXT: &[u8] = b"During handling of the above exception, another exception occurred:";
const HEADER: &[u8] = b"Traceback (most recent call last):";

const MAX_EXCEPTIONS: usize = 256;
const MAX_WEIGHT: usize = 1 << 20;
const MESSAGE_LIMIT: usize = 16 << 10;
const MESSAGE_LINES: usize = 200;

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
    pub(crate) message_lines: usize,
    pub(crate) blank_lines: usize,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// The line is part of a stack.
    Stack,
    /// The line names an exception, or goes on with its message.
    Message,
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
    /// Bare lines among records: a message goes on until the next record.
    Bare,
    /// Bare lines of a source without records: a message ends at an empty line.
    Headless,
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
    /// The lines lost their indentation.
    flat: bool,
    /// Bytes that are held, roughly.
    pub(crate) weight: usize,
    pub(crate) hit_limit: bool,
}

impl TracebackBuilder {
    /// Starts at a header line; `line` is what the header's own line holds from its indentation on.
    pub(crate) fn open(line: &[u8], quoted: bool) -> Self {
        let is_group = opening(line) == Some(Opening::Group);
        let mut builder = Self {
            exceptions: Vec::new(),
            levels: vec![Level::new(None)],
            base_indent: indent(line),
            group_indent: is_group.then(|| indent(line)),
            quoted,
            html: false,
            flat: false,
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

    /// Gives the tree, in the order of the text. What lacks its end is marked.
    pub(crate) fn finish(mut self) -> Vec<Exception> {
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
        self.exceptions
    }

    /// Offers the next line of the same producer.
    pub(crate) fn feed(&mut self, line: &[u8], delivery: Delivery) -> Fed {
        if self.html || (line.contains(&b'&') && line.starts_with(b"  File &quot;")) {
            self.html = true;
            let unescaped = unescape_html(line);
            return self.feed_line(&unescaped, delivery);
        }
        self.feed_line(line, delivery)
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
        match self.expect(0) {
            Expect::Start if self.levels.len() == 1 => self.feed_start(0, line),
            Expect::Message if self.levels.len() == 1 && (is_blank || separator(line).is_some()) => {
                self.feed_message(0, line, delivery)
            }
            _ if is_blank => Fed::Stack,
            _ => self.rejected(),
        }
    }

    /// A line behind the margin of an exception group, such as `    | ValueError: a`.
    fn feed_margin(&mut self, line: &[u8], delivery: Delivery) -> Option<Fed> {
        let margin = indent(line);
        let depth = margin.checked_sub(self.group_indent?)? / 2;
        let rest = line.get(margin..)?;
        if let Some(content) = rest.strip_prefix(b"|") {
            if depth >= self.levels.len() {
                return Some(self.rejected());
            }
            self.levels.truncate(depth + 1);
            let content = content.strip_prefix(b" ").unwrap_or(content);
            return Some(self.feed_level(depth, content, 0, delivery));
        }
        let branch = rest.strip_prefix(b"+-")?;
        let (depth, dashes) = match branch.strip_prefix(b"+") {
            Some(dashes) => (depth + 1, dashes),
            None => (depth, branch),
        };
        if depth == 0 || depth > self.levels.len() || !dashes.starts_with(b"---") {
            return Some(self.rejected());
        }
        let group = self.levels.get(depth - 1)?.current;
        self.levels.truncate(depth);
        let label = dashes.iter().filter(|byte| !matches!(byte, b'-' | b' ')).count();
        if label == 0 {
            if depth == 1
                && let Some(top) = self.levels.first_mut()
            {
                top.expect = Expect::Message;
            }
        } else if self.exceptions.len() < MAX_EXCEPTIONS && depth < 64 {
            self.levels.push(Level::new(group));
            if dashes.windows(3).any(|window| window == b"...")
                && let Some(level) = self.levels.last_mut()
            {
                level.expect = Expect::Closed;
            }
        } else {
            self.hit_limit = true;
            return Some(Fed::Done);
        }
        Some(Fed::Stack)
    }

    fn feed_level(&mut self, depth: usize, line: &[u8], base: usize, delivery: Delivery) -> Fed {
        if self.weight > MAX_WEIGHT || self.exceptions.len() > MAX_EXCEPTIONS {
            self.hit_limit = true;
            return Fed::Done;
        }
        match self.expect(depth) {
            Expect::Start => self.feed_start(depth, line),
            Expect::Frames => self.feed_frames(depth, line, base),
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
            self.name_exception(depth, type_name, message);
            return Fed::Message;
        }
        self.rejected()
    }

    fn feed_frames(&mut self, depth: usize, line: &[u8], base: usize) -> Fed {
        let content = trim_start(line).trim_ascii_end();
        if content.is_empty() {
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
            self.name_exception(depth, type_name, message);
            return Fed::Message;
        }
        if indent(line) > base || (flat && (self.lacks_source(depth) || is_marker(content))) {
            self.take_source(depth, content);
            return Fed::Stack;
        }
        if let Some(count) = repeated(content) {
            self.repeat_last(depth, count);
            return Fed::Stack;
        }
        self.rejected()
    }

    /// A source line, or what is printed between two frames.
    fn take_source(&mut self, depth: usize, content: &[u8]) {
        if let Some(count) = repeated(content) {
            self.repeat_last(depth, count);
            return;
        }
        if is_marker(content) {
            return;
        }
        let Some(exception) = self.current(depth) else { return };
        let frame = match exception.location.as_mut() {
            Some(location) => Some(location),
            None => exception.frames.last_mut(),
        };
        let Some(frame) = frame.filter(|frame| frame.source.is_none()) else { return };
        frame.set_source(content);
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

    fn feed_message(&mut self, depth: usize, line: &[u8], delivery: Delivery) -> Fed {
        let content = line.trim_ascii();
        if let Some(level) = self.levels.get_mut(depth)
            && let (Some(relation), Some(current)) = (separator(content), level.current)
        {
            level.pending = Some((current, relation));
            level.expect = Expect::Start;
            return Fed::Stack;
        }
        match content {
            b"\"\"\"" if self.quoted => {
                self.quoted = false;
                return Fed::Stack;
            }
            b"Call stack:" => {
                self.set_expect(depth, Expect::CallStack);
                return Fed::Stack;
            }
            _ => {}
        }
        match opening(line) {
            Some(Opening::Carried) => return self.start_carried(depth),
            Some(_) => return Fed::Done,
            None => {}
        }
        if content.is_empty() {
            return self.feed_blank(depth, delivery);
        }
        let in_group = depth > 0 || self.group_indent.is_some();
        if delivery == Delivery::Prefixed && !in_group {
            return Fed::Done;
        }
        let ended = self.current(depth).is_none_or(|exception| {
            exception.blank_lines > 0 && delivery == Delivery::Headless
                || exception.message_lines >= MESSAGE_LINES
        });
        if ended || is_runner_remark(content) && delivery == Delivery::Headless {
            return Fed::Done;
        }
        self.extend_message(depth, line);
        Fed::Message
    }

    fn feed_blank(&mut self, depth: usize, delivery: Delivery) -> Fed {
        let Some(exception) = self.current(depth) else { return Fed::Done };
        exception.blank_lines += 1;
        // Two empty lines end a message that nothing else ends; a separator stands behind one.
        if delivery != Delivery::Embedded && exception.blank_lines > 2 { Fed::Done } else { Fed::Stack }
    }

    fn extend_message(&mut self, depth: usize, line: &[u8]) {
        let mut grown = 0;
        let mut full = false;
        if let Some(exception) = self.current(depth) {
            let room = MESSAGE_LIMIT.saturating_sub(exception.message.len());
            let text = lossy(line.trim_ascii_end(), room);
            full = room <= line.len();
            for _ in 0..=exception.blank_lines {
                exception.message.push('\n');
            }
            exception.blank_lines = 0;
            exception.message_lines += if full { MESSAGE_LINES } else { 1 };
            exception.message.push_str(&text);
            grown = text.len() + 1;
        }
        self.weight += grown;
        self.hit_limit |= full;
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

    fn name_exception(&mut self, depth: usize, type_name: &[u8], message: &[u8]) {
        if let Some(exception) = self.current(depth) {
            exception.type_name = Some(lossy(type_name, 256));
            exception.message = lossy(message, MESSAGE_LIMIT);
            exception.message_lines = 1;
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

/// What a shell's runner writes behind its child's output.
fn is_runner_remark(content: &[u8]) -> bool {
    content.starts_with(b"[exit ") && content.ends_with(b"]")
}

/// The sentence between two exceptions of a chain.
fn separator(line: &[u8]) -> Option<Relation> {
    match line.trim_ascii() {
        CAUSE => Some(Relation::Cause),
        CONTEXT => Some(Relation::Context),
        _ => None,
    }
}

/// Whether a line is the header of a traceback and nothing else.
pub(crate) fn is_header(line: &[u8]) -> bool {
    opening(line).is_some()
}
