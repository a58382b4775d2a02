//! Where an exception's message ends that is printed among other lines.
//!
//! Nothing marks the end, so what goes on with a message must show it. Also where a record carries the traceback, all
//! sorts of things are printed behind it (`Done.`, `Retrying in 2 seconds`, a shell's `Killed`), so that the next record
//! does not tell; what may belong to the message is kept apart.

use super::{
    Delivery, Exception, Expect, Fed, MESSAGE_LIMIT, MESSAGE_LINES, Opening, TRAILING_LIMIT, TRAILING_LINES,
    TracebackBuilder, opening, separator,
};
use crate::ascii::{contains, indent, lossy, trim_start};
use crate::document::Relation;
use crate::exception_line::{ends_like_exception, exception_line};
use crate::header;

/// What databases, pydantic, jsonschema, clients of Kubernetes, httpx, protobuf, selenium, playwright and torch begin a
/// message's further lines with.
const STARTS: [&[u8]; 26] = [
    b"[SQL: ",
    b"[parameters: ",
    b"(Background on this error at: ",
    b"[generated in ",
    b"LINE ",
    b"HINT: ",
    b"DETAIL: ",
    b"CONTEXT: ",
    b"QUERY: ",
    b"STATEMENT: ",
    b"Did you mean",
    b"For further information visit",
    b"stdout:",
    b"stderr:",
    b"Failed validating ",
    b"On instance",
    b"HTTP response headers: ",
    b"HTTP response body: ",
    b"For more information check: http",
    b"If this call came from a _pb2.py file",
    b"Stacktrace:",
    b"Call log:",
    b"CUDA kernel errors might be asynchronously reported",
    b"For debugging consider passing ",
    b"Compile with `TORCH_USE_CUDA_DSA`",
    b"Device-side assertion tracking was not enabled",
];

/// Dashes that `socketserver` puts around what it prints.
const RULE: &[u8] = b"----------------------------------------";

impl TracebackBuilder {
    /// A line behind the exception's own.
    pub(super) fn feed_message(&mut self, depth: usize, line: &[u8], delivery: Delivery) -> Fed {
        let content = line.trim_ascii();
        if let Some(relation) = separator(content) {
            return self.feed_separator(depth, relation);
        }
        match content {
            b"\"\"\"" => return self.feed_quotation_marks(depth),
            b"Call stack:" => {
                self.set_expect(depth, Expect::CallStack);
                return Fed::Stack;
            }
            _ => {}
        }
        match opening(line) {
            Some(Opening::Carried) => return self.start_carried(depth),
            Some(_) if self.carries(depth) => return self.start_carried(depth),
            Some(_) => {
                self.mark_quotation(depth, line);
                return Fed::Done;
            }
            None => {}
        }
        if content.is_empty() {
            return self.feed_blank(depth, delivery);
        }
        // What `logging` prints of `stack_info` is where the call stood; behind what a broken `sys.excepthook` raised
        // stands what it was to print.
        if matches!(content, b"Stack (most recent call last):" | b"Original exception was:") {
            return Fed::Done;
        }
        let in_group = depth > 0 || self.group_indent.is_some();
        let is_inside = self.base_indent > 1 && indent(line) >= self.base_indent;
        self.feed_message_line(depth, line, in_group || is_inside || self.quoted, delivery)
    }

    /// The sentence that says how the next exception is related to the last one.
    fn feed_separator(&mut self, depth: usize, relation: Relation) -> Fed {
        let trails_records = self.trails_records;
        let Some(level) = self.levels.get_mut(depth) else { return Fed::Done };
        let Some((current, last)) = level.current.and_then(|at| Some((at, self.exceptions.get_mut(at)?)))
        else {
            return Fed::Done;
        };
        if trails_records && ends_with_exception(last) {
            return Fed::Done;
        }
        // Whatever stood in between was printed with the exception.
        last.take_trailing();
        level.pending = Some((current, relation));
        level.expect = Expect::Start;
        Fed::Stack
    }

    /// What `multiprocessing` puts around a traceback that another process carried over.
    fn feed_quotation_marks(&mut self, depth: usize) -> Fed {
        let is_prefixed = self.trails_records;
        if self.quoted {
            self.quoted = false;
            return Fed::Stack;
        }
        if self.current(depth).is_some_and(|exception| exception.message.is_empty()) {
            self.quoted = true;
            return Fed::Stack;
        }
        // Behind times, the opening ones were a record of their own.
        self.exceptions.iter_mut().for_each(|exception| exception.remote = true);
        if let Some(exception) = self.current(depth).filter(|_| !is_prefixed) {
            exception.take_trailing();
        }
        Fed::Stack
    }

    /// A line behind the exception's own, in which only the message can go on.
    fn feed_message_line(&mut self, depth: usize, line: &[u8], is_framed: bool, delivery: Delivery) -> Fed {
        let Some(exception) = self.current(depth) else { return Fed::Done };
        // gunicorn prints the message once more.
        let is_anothers = exception.message_lines >= MESSAGE_LINES
            || !is_framed && delivery == Delivery::Bare && is_drawn(line)
            || !is_framed && delivery != Delivery::Embedded && exception.message.as_bytes() == line;
        if is_anothers {
            return Fed::Done;
        }
        let is_sure = is_framed
            || match delivery {
                Delivery::Embedded => true,
                Delivery::Bare => goes_on(exception, line),
                // Here records have the same prefix, so nothing but their own form tells them.
                Delivery::Prefixed => {
                    let is_field = exception.blank_lines == 0 && is_validation(exception.message.as_bytes());
                    (is_field || goes_on(exception, line)) && header::parse(line).is_none()
                }
            };
        if confirms(exception, line) {
            exception.take_trailing();
        }
        if is_sure && exception.trailing.is_empty() {
            self.extend_message(depth, line);
            return Fed::Message;
        }
        // Behind an empty line, a record that has a prefix is another one.
        if exception.blank_lines > 0 && delivery == Delivery::Prefixed {
            return Fed::Done;
        }
        self.push_trailing(depth, line, delivery)
    }

    /// Keeps a line that may belong to the message, with the empty ones in front of it.
    pub(super) fn push_trailing(&mut self, depth: usize, line: &[u8], delivery: Delivery) -> Fed {
        let Some(exception) = self.current(depth) else { return Fed::Done };
        let blank_lines = exception.blank_lines;
        if exception.trailing.len() + blank_lines >= TRAILING_LINES {
            return Fed::Done;
        }
        exception.trailing.extend(std::iter::repeat_n(String::new(), blank_lines));
        exception.blank_lines = 0;
        exception.trailing.push(lossy(line.trim_ascii_end(), TRAILING_LIMIT));
        self.trails_records |= delivery == Delivery::Prefixed;
        self.weight += line.len().min(TRAILING_LIMIT) + blank_lines;
        Fed::Trailing
    }

    /// The message says that the traceback behind it is what the exception carries.
    fn carries(&mut self, depth: usize) -> bool {
        let quoted = self.quoted;
        self.current(depth).is_some_and(|exception| {
            quoted && exception.message.is_empty()
                || exception.message.trim_end().ends_with(" terminated with the following error:")
        })
    }

    /// A message that ends with a colon may quote the traceback behind it.
    fn mark_quotation(&mut self, depth: usize, header: &[u8]) {
        if let Some(exception) = self.current(depth)
            && exception.trailing.is_empty()
            && exception.message.trim_end().ends_with(':')
        {
            exception.trailing.push(lossy(header.trim_ascii_end(), TRAILING_LIMIT));
        }
    }

    fn feed_blank(&mut self, depth: usize, delivery: Delivery) -> Fed {
        let Some(exception) = self.current(depth) else { return Fed::Done };
        exception.blank_lines += 1;
        let blank_lines = exception.blank_lines;
        // Two empty lines end a message that nothing else ends; a separator stands behind one.
        let most = if self.quoted { MESSAGE_LINES } else { 2 };
        if delivery != Delivery::Embedded && blank_lines > most { Fed::Done } else { Fed::Stack }
    }

    fn extend_message(&mut self, depth: usize, line: &[u8]) {
        // A formatter that indents the traceback indents all of it.
        let line = line.get(self.base_indent.min(indent(line))..).unwrap_or_default();
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
            exception.open_brackets += brackets(line);
            exception.message_lines += if full { MESSAGE_LINES } else { 1 };
            exception.message.push_str(&text);
            grown = text.len() + 1;
        }
        self.weight += grown;
        self.hit_limit |= full;
    }
}

impl Exception {
    /// Something says that the lines behind the message belong to it.
    pub(super) fn take_trailing(&mut self) {
        for line in std::mem::take(&mut self.trailing) {
            self.message.push('\n');
            self.message.push_str(&line);
        }
    }

    /// Leaves so many of the lines that may belong to the message.
    pub(super) fn keep_trailing(&mut self, most: usize) {
        self.trailing.truncate(most);
        let filled = self.trailing.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        self.trailing.truncate(filled);
    }
}

/// The last record behind the exception names one that was never raised: the separator is that one's.
fn ends_with_exception(exception: &Exception) -> bool {
    let last = exception.trailing.last().and_then(|line| exception_line(line.trim().as_bytes()));
    last.is_some_and(|(type_name, _)| ends_like_exception(type_name))
}

/// Whether the line shows that those in front of it, which might not belong to the message, do.
fn confirms(exception: &Exception, line: &[u8]) -> bool {
    if exception.trailing.is_empty() {
        return false;
    }
    let content = trim_start(line);
    if is_validation(exception.message.as_bytes()) {
        // The field's name stands in front of what is wrong with it.
        let is_below_field = exception.blank_lines == 0 && content.len() < line.len();
        return is_below_field || ends_field(line);
    }
    [b"[SQL: ".as_slice(), b"(Background on this error at: ", b"HTTP response headers: "]
        .iter()
        .any(|start| content.starts_with(start))
}

/// Nobody's message: a progress bar, which is drawn over and over on one line, or a rule.
fn is_drawn(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    line.contains(&b'\r') || line == RULE
}

/// What pydantic ends with what is wrong with a field.
fn ends_field(line: &[u8]) -> bool {
    contains(line, b"[type=") || contains(line, b"(type=")
}

/// Whether the line is sure to go on with the message.
fn goes_on(exception: &Exception, line: &[u8]) -> bool {
    let Some(first) = line.first() else { return false };
    let message = exception.message.as_bytes();
    // Only of a statement it is known that it ends with its bracket: messages quote text that is cut, or sad faces.
    let in_statement = exception.open_brackets > 0
        && [b"[SQL: ".as_slice(), b"[parameters: "].iter().any(|start| contains(message, start));
    // grpc's errors are in angle brackets.
    let is_end = line == b">" && message.starts_with(b"<");
    if in_statement || is_end || STARTS.iter().any(|start| line.starts_with(start)) {
        return true;
    }
    // Flask's banner is indented by one blank.
    if exception.is_announced && message.is_empty() {
        return true;
    }
    let is_inner = indent(line) > 1
        || matches!(first, b'\t' | b')' | b']' | b'}')
        || line.iter().all(|byte| matches!(byte, b'^' | b'~' | b' '));
    if is_validation(message) && ends_field(line) {
        return true;
    }
    if is_inner || exception.is_announced {
        return exception.blank_lines == 0;
    }
    let message = message.trim_ascii_end();
    matches!(message.last(), Some(b':' | b',' | b'\\' | b'(' | b'[' | b'{')) && !message.ends_with(b":(")
}

/// `2 validation errors for Order`: the fields stand on lines of their own.
fn is_validation(message: &[u8]) -> bool {
    let digits = message.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = message.get(digits..).unwrap_or_default();
    digits > 0
        && (rest.starts_with(b" validation error for ") || rest.starts_with(b" validation errors for "))
}

/// Opened brackets less closed ones; those in quotation marks do not count.
pub(super) fn brackets(line: &[u8]) -> i32 {
    let mut open = 0;
    let mut quote = None;
    let mut before = b' ';
    for byte in line.iter().take(4096).copied() {
        match (quote, byte) {
            (Some(own), _) if own == byte && before != b'\\' => quote = None,
            (None, b'"' | b'`') => quote = Some(byte),
            // Within a word it is an apostrophe; `b'` begins bytes.
            (None, b'\'') if !before.is_ascii_alphanumeric() || before == b'b' => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => open += 1,
            (None, b')' | b']' | b'}') => open -= 1,
            _ => {}
        }
        before = byte;
    }
    // Behind an unclosed quotation nothing can be told.
    if quote.is_some() { 0 } else { open }
}
