//! Remembers how records in JSON are laid out: those of one call differ in a few values, and in nothing else.
//!
//! What stands between two values (keys, colons, commas, braces) is compared as a whole with what stood there before,
//! so that no key is looked up and no object is searched for its end. What is remembered is a tree: records that begin
//! alike share their beginnings. Where values are the same in most records, too (levels, loggers, hosts), they are
//! compared with what stands around them in one go.
//!
//! A line that is laid out in no remembered way is left to [`JsonRecord::parse`], which reads a line that is laid out
//! in one to the same head. Needles are looked for in values only: where none is in what is remembered, none can be
//! there.

mod constant;
mod lead;
mod learn;

use crate::format::FormatName;
use crate::header::{Counted, Header};
use crate::json::{Value, closing_quote};
use crate::json_record::{Field, Head, JsonRecord};
use crate::needles::Needles;
use crate::stated_time::Seconds;
use constant::Constant;
use lead::Lead;

/// Places between values that are remembered.
const MAX_NODES: usize = 512;
/// Ways in which a record may go on at one place.
const MAX_EDGES: usize = 16;
/// Lines of unknown layout after which as many known ones must come, before further ones are remembered.
const PATIENCE: u64 = 1 << 12;

/// Reads records of known layouts.
pub(crate) struct Layouts {
    /// The first one stands before a record's first value.
    nodes: Vec<Node>,
    seconds: Seconds,
    known: u64,
    unknown: u64,
    /// Records in which values were looked at that may be the same in many.
    compared: u64,
}

/// A place before a value, or before the end.
#[derive(Debug, Default)]
struct Node {
    edges: Vec<Edge>,
    constants: Vec<Constant>,
}

/// A way to go on.
#[derive(Debug)]
struct Edge {
    lead: Lead,
    then: Then,
    /// Values that were seen here, as long as they are few.
    values: Option<Vec<Box<[u8]>>>,
}

/// What stands behind a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The lead's last byte is the opening quote; behind the closing one is the next node.
    String(Option<Field>, usize),
    /// A number, `true`, `false` or `null`.
    Literal(Option<Field>, usize),
    End(FormatName),
}

/// What is known of a record besides its head: that it is laid out in a known way, and holds no needle.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) format: FormatName,
    /// Its message is still escaped.
    pub(crate) is_escaped: bool,
}

impl Default for Layouts {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], seconds: Seconds::default(), known: 0, unknown: 0, compared: 0 }
    }
}

impl Layouts {
    /// Reads the head of a line whose layout is known and that holds no needle. It is filled where it stands: a copy of
    /// what was just written would cost as much as the rest.
    #[inline]
    pub(crate) fn read<'a>(
        &mut self,
        line: &'a [u8],
        needles: &Needles,
        head: &mut Head<'a>,
    ) -> Option<Known> {
        *head = Head::default();
        let mut is_escaped = false;
        let mut has_few = false;
        let mut node = self.nodes.first()?;
        let mut at = 0;
        loop {
            let (start, then) = if let Some(constant) =
                node.constants.iter().find(|known| known.stands_at(line, at))
            {
                constant.set(head, line, at);
                (at + constant.lead.len(), constant.then)
            } else {
                let edge = node.edges.iter().find(|edge| edge.then.stands_behind(&edge.lead, line, at))?;
                has_few |= edge.values.is_some();
                (at + edge.lead.len(), edge.then)
            };
            let next = match then {
                Then::String(Some(Field::Time), next)
                    if let Some(rest) = line.get(start..)
                        && let Some(len) = self.seconds.quoted(rest, &mut head.time) =>
                {
                    // Digits and what stands between them: no needle, no escape.
                    at = start + len + 1;
                    next
                }
                Then::String(field, next) => {
                    let closing = closing_quote(line, start)?;
                    // With the opening quote, which a needle may start with.
                    if needles.may_be_in(line, start - 1, closing.at) {
                        return None;
                    }
                    is_escaped |=
                        closing.is_behind_escapes && matches!(field, Some(Field::Message | Field::Body));
                    if let Some(field) = field {
                        let value = Value::String(line.get(start..closing.at)?);
                        head.set(field, value, |text| self.seconds.any(text));
                    }
                    at = closing.at + 1;
                    next
                }
                Then::Literal(field, next) => {
                    at = start + literal_len(line, start);
                    if let Some(field) = field {
                        let value = Value::Literal(line.get(start..at)?);
                        head.set(field, value, |text| self.seconds.any(text));
                    }
                    next
                }
                Then::End(format) => {
                    self.known += 1;
                    if has_few {
                        self.compare(line);
                    }
                    return Some(Known { format, is_escaped });
                }
            };
            node = self.nodes.get(next)?;
        }
    }

    /// Remembers the layout of a line that was read as a whole.
    pub(crate) fn learn(&mut self, line: &[u8], record: &JsonRecord<'_>) {
        self.unknown += 1;
        if self.unknown > PATIENCE + self.known {
            return;
        }
        if let Some(layout) = learn::layout_of(line) {
            self.remember(layout, record.format());
        }
    }

    fn remember(&mut self, layout: Vec<(&[u8], learn::Behind)>, format: FormatName) -> Option<()> {
        let mut at = 0;
        for (lead, behind) in layout {
            let next = self.nodes.len();
            let node = self.nodes.get_mut(at)?;
            let known = node.edges.iter().find(|edge| edge.lead.is(lead) && edge.then.is_like(behind));
            if let Some(edge) = known {
                at = edge.then.next().unwrap_or(0);
                continue;
            }
            if next >= MAX_NODES || node.edges.len() >= MAX_EDGES || !Needles::get().in_line(lead).is_empty()
            {
                return None;
            }
            let then = match behind {
                learn::Behind::String(field) => Then::String(field, next),
                learn::Behind::Literal(field) => Then::Literal(field, next),
                learn::Behind::End => Then::End(format),
            };
            let values = then.may_have_few_values().then(Vec::new);
            node.edges.push(Edge { lead: Lead::new(lead), then, values });
            if then.next().is_some() {
                self.nodes.push(Node::default());
                at = next;
            }
        }
        Some(())
    }
}

impl Then {
    fn next(self) -> Option<usize> {
        match self {
            Self::String(_, next) | Self::Literal(_, next) => Some(next),
            Self::End(_) => None,
        }
    }

    /// Whether the line goes on with the lead, and then like this.
    #[inline]
    fn stands_behind(self, lead: &Lead, line: &[u8], at: usize) -> bool {
        let end = at + lead.len();
        lead.stands_at(line, at)
            && match self {
                Self::String(..) => true,
                Self::Literal(..) => literal_len(line, end) > 0,
                Self::End(_) => end == line.len(),
            }
    }

    fn is_like(self, behind: learn::Behind) -> bool {
        matches!(
            (self, behind),
            (Self::String(..), learn::Behind::String(_))
                | (Self::Literal(..), learn::Behind::Literal(_))
                | (Self::End(_), learn::Behind::End)
        )
    }

    /// Times, messages and requests differ from record to record.
    fn may_have_few_values(self) -> bool {
        match self {
            Self::String(field, _) | Self::Literal(field, _) => !matches!(
                field,
                Some(Field::Time | Field::Message | Field::Body | Field::RequestId | Field::TraceId)
            ),
            Self::End(_) => false,
        }
    }
}

impl Known {
    /// The whole head of a record.
    pub(crate) fn header<'a>(self, head: &Head<'a>) -> Header<'a> {
        let message = message_of(head);
        let Head { time, level, logger, pid, thread, request_id, .. } = *head;
        Header { time, level, logger, thread, request_id, pid, message, format: self.format }
    }

    /// What is counted of a record.
    #[inline]
    pub(crate) fn counted<'a>(self, head: &Head<'a>) -> Option<Counted<'a>> {
        Counted::new(head.time.as_ref(), head.level, head.pid, message_of(head), self.format)
    }
}

/// The message, escapes as they stand.
#[inline]
fn message_of<'a>(head: &Head<'a>) -> &'a [u8] {
    match head.message {
        None | Some(Value::Literal(b"null")) => b"",
        Some(value) => value.raw(),
    }
}

/// Words that stand without quotes; the last ones as Python's `json` writes them.
const WORDS: [&[u8]; 5] = [b"true", b"false", b"null", b"NaN", b"Infinity"];

/// Length of a number or word. What else a text that is no JSON may hold is not remembered.
#[inline]
fn literal_len(text: &[u8], start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    match rest.first() {
        Some(b'0'..=b'9' | b'-') => rest.iter().take_while(|byte| is_of_number(**byte)).count(),
        Some(_) => WORDS.iter().find(|word| rest.starts_with(word)).map_or(0, |word| word.len()),
        None => 0,
    }
}

#[inline]
fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E')
}

#[cfg(test)]
mod tests;
