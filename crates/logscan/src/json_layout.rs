//! Remembers how records in JSON are laid out: those of one call differ in their values, and in little else.
//!
//! What stands between two values (keys, colons, commas, braces) is compared as a whole with what stood there before,
//! so that no key is looked up and no object is searched for its end. What is remembered is a tree: records that begin
//! alike share their beginnings. A line that is laid out in no remembered way is left to [`JsonRecord::parse`], which
//! reads a line that is laid out in one to the same head.

mod lead;
mod learn;

use crate::format::FormatName;
use crate::header::Header;
use crate::json::{Value, closing_quote};
use crate::json_record::{Field, Head, JsonRecord};
use crate::stated_time::Seconds;
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
}

/// A place before a value, or before the end.
#[derive(Debug, Default)]
struct Node {
    edges: Vec<Edge>,
}

/// A way to go on.
#[derive(Debug)]
struct Edge {
    lead: Lead,
    then: Then,
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

/// A record of a known layout.
pub(crate) struct Known<'a> {
    /// Its message is still escaped.
    pub(crate) header: Header<'a>,
    pub(crate) is_escaped: bool,
}

impl Default for Layouts {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], seconds: Seconds::default(), known: 0, unknown: 0 }
    }
}

impl Layouts {
    /// Reads a line whose layout is known.
    #[inline]
    pub(crate) fn read<'a>(&mut self, line: &'a [u8]) -> Option<Known<'a>> {
        let mut head = Head::default();
        let mut is_escaped = false;
        let mut node = self.nodes.first()?;
        let mut at = 0;
        loop {
            let edge = node.edges.iter().find(|edge| edge.goes_on(line, at))?;
            let start = at + edge.lead.len();
            let (value, end, field, next) = match edge.then {
                Then::String(field, next) => {
                    let closing = closing_quote(line, start)?;
                    let value = Value::String(line.get(start..closing.at)?);
                    is_escaped |=
                        closing.is_behind_escapes && matches!(field, Some(Field::Message | Field::Body));
                    (value, closing.at + 1, field, next)
                }
                Then::Literal(field, next) => {
                    let end = start + literal_len(line, start);
                    (Value::Literal(line.get(start..end)?), end, field, next)
                }
                Then::End(format) => {
                    self.known += 1;
                    return Some(Known { header: header_of(&head, format), is_escaped });
                }
            };
            if let Some(field) = field {
                head.set(field, value, |text| self.seconds.any(text));
            }
            at = end;
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
            if next >= MAX_NODES || node.edges.len() >= MAX_EDGES {
                return None;
            }
            let then = match behind {
                learn::Behind::String(field) => Then::String(field, next),
                learn::Behind::Literal(field) => Then::Literal(field, next),
                learn::Behind::End => Then::End(format),
            };
            node.edges.push(Edge { lead: Lead::new(lead), then });
            if then.next().is_some() {
                self.nodes.push(Node::default());
                at = next;
            }
        }
        Some(())
    }
}

impl Edge {
    #[inline]
    fn goes_on(&self, line: &[u8], at: usize) -> bool {
        let end = at + self.lead.len();
        self.lead.stands_at(line, at)
            && match self.then {
                Then::String(..) => true,
                Then::Literal(..) => line.get(end).is_some_and(|byte| is_of_literal(*byte)),
                Then::End(_) => end == line.len(),
            }
    }
}

impl Then {
    fn next(self) -> Option<usize> {
        match self {
            Self::String(_, next) | Self::Literal(_, next) => Some(next),
            Self::End(_) => None,
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
}

fn header_of<'a>(head: &Head<'a>, format: FormatName) -> Header<'a> {
    let message = match head.message {
        None | Some(Value::Literal(b"null")) => b"",
        Some(value) => value.raw(),
    };
    let Head { time, level, logger, pid, thread, request_id, .. } = *head;
    Header { time, level, logger, thread, request_id, pid, message, format }
}

/// The bytes of numbers, `true`, `false` and `null`. What else a text that is no JSON may hold is not remembered.
#[inline]
fn is_of_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+')
}

#[inline]
fn literal_len(text: &[u8], start: usize) -> usize {
    text.get(start..).unwrap_or_default().iter().take_while(|byte| is_of_literal(**byte)).count()
}

#[cfg(test)]
mod tests;
