//! Records in JSON: one per line, wrapped by a collector, or in a document that holds many.

use std::borrow::Cow;
use std::collections::VecDeque;

use pycoroner_findings::{Gap, GapKind};

use super::heads::{HeaderInLine, header_in};
use super::loki::producer_of;
use super::{SourceScanner, carrier_of, first_line};
use crate::ascii::{indent, lossy};
use crate::clock::own_or_collected;
use crate::document::Place;
use crate::dump::DumpBuilder;
use crate::embedded;
use crate::events;
use crate::explanation::Why;
use crate::format::FormatName;
use crate::header::Header;
use crate::json;
use crate::json_record::JsonRecord;
use crate::lines::{Block, without_ansi};
use crate::needles::{Hits, Needles};
use crate::stream::LineContext;
use crate::traceback::Exception;

impl SourceScanner<'_> {
    /// A line, or part of a document, that starts with `{`; `false` when it is no record.
    pub(super) fn json(
        &mut self,
        stream: usize,
        text: &[u8],
        context: LineContext,
        hits: Hits,
        depth: u8,
    ) -> bool {
        JsonRecord::parse(text).is_some_and(|record| self.object(stream, &record, text, context, hits, depth))
    }

    /// The same for an object that was read; `false` when it wraps no text.
    pub(super) fn object(
        &mut self,
        stream: usize,
        record: &JsonRecord<'_>,
        text: &[u8],
        mut context: LineContext,
        hits: Hits,
        depth: u8,
    ) -> bool {
        let level = record.head.level.or(context.level);
        if let Some(line) = record.line.filter(|_| record.head.message.is_none() && depth < 3) {
            let Some(inner) = line.text() else { return false };
            // Journals give texts with control characters as numbers, in which nothing can be searched.
            let hits = if let json::Value::Array(_) = line { Needles::get().in_line(&inner) } else { hits };
            let is_partial = record.format() == FormatName::DockerJson && !inner.ends_with(b"\n");
            context.stamp = record.head.time.and_then(|time| self.clock.resolve(time)).or(context.stamp);
            context.level = level;
            context.pid = record.head.pid.or(context.pid);
            if let Some(count) = self.wrapped.get_mut(record.format() as usize) {
                *count += 1;
            }
            let stream = match (record.producer, record.head.pid) {
                (b"", _) => match labels_of(text) {
                    Some(labels) => self.stream_of(&producer_of(labels)),
                    None => stream,
                },
                (producer, None) => self.stream_of(producer),
                (producer, Some(pid)) => {
                    self.stream_of(format!("{}[{pid}]", lossy(producer, 100)).as_bytes())
                }
            };
            let hits = match record.core_dump {
                Some((pid, signal)) => {
                    let fact = events::core_dump(first_line(&inner), pid, signal);
                    if let Some(state) = self.streams.get_mut(stream) {
                        state.add_fact(fact, context.stamp, &context, &mut self.collector);
                    }
                    // The message states the same.
                    hits.without(Hits::EVENT)
                }
                None => hits,
            };
            self.inner_lines(stream, &inner, is_partial, context, hits, depth);
            return true;
        }
        // The "status" of a log store's answer is no record's level.
        let says_nothing =
            record.head.time.is_none() && record.head.message.is_none() && record.exception.is_none();
        if says_nothing && self.document_line(text, context, hits) {
            return true;
        }
        self.json_record(stream, record, text, context, hits);
        true
    }

    /// The lines that a collector wrapped in JSON.
    pub(super) fn inner_lines(
        &mut self,
        stream: usize,
        inner: &[u8],
        is_partial: bool,
        context: LineContext,
        hits: Hits,
        depth: u8,
    ) {
        let inner = inner.strip_suffix(b"\n").unwrap_or(inner);
        if inner.first() == Some(&b'{') && !is_partial && self.json(stream, inner, context, hits, depth + 1) {
            return;
        }
        for (index, line) in inner.split(|byte| *byte == b'\n').enumerate() {
            let mut scratch = Vec::new();
            let line = without_ansi(line, &mut scratch);
            let hits = if hits.is_empty() { hits } else { Needles::get().in_line(line) };
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if index == 0 {
                self.join_parts(stream, line, is_partial, context, hits);
            } else {
                self.bare(stream, line, context, hits);
            }
        }
    }

    fn json_record(
        &mut self,
        stream: usize,
        record: &JsonRecord<'_>,
        text: &[u8],
        context: LineContext,
        hits: Hits,
    ) {
        let message = record.message_text();
        let header = Header {
            time: record.head.time,
            level: record.head.level,
            logger: record.head.logger,
            thread: record.head.thread,
            request_id: record.head.request_id,
            pid: record.head.pid,
            message: first_line(&message),
            format: record.format(),
        };
        let is_long = header.message.len() < message.len();
        // Each line of a stack may be a record of its own.
        let opens_stack = !is_long && record.exception.is_none() && opens_stack(header.message);
        let plain = match hits {
            hits if opens_stack => hits.without(Hits::STRUCTURED),
            hits if hits.has(Hits::EVENT) => Hits::EVENT,
            _ => Hits::default(),
        };
        self.record(stream, text, &header, context, plain);
        if is_long && let Some(state) = self.streams.get(stream) {
            // A traceback in the message is told apart from it.
            let end = memchr::memmem::find(&message, b"Traceback (most recent call last)");
            let further = message.get(header.message.len()..end.unwrap_or(message.len())).unwrap_or_default();
            for line in further.split(|byte| *byte == b'\n') {
                self.collector.further_line(state, line, &context);
            }
        }
        if opens_stack || !hits.has(Hits::TRACEBACK) && !hits.has(Hits::STRUCTURED) {
            return;
        }
        let own = record.head.time.and_then(|time| self.clock.resolve(time));
        let stamp = own_or_collected(own, context.stamp);
        let context = LineContext { stamp, level: record.head.level.or(context.level), ..context };
        let Some(state) = self.streams.get(stream) else { return };
        let carrier = carrier_of(&header, state, state.last_item(), &context);
        let trees = exception_trees(record, &message);
        for tree in trees {
            self.collector.add_tree(tree, &carrier);
        }
    }

    /// Finds the records of a document that holds many: what log stores export.
    pub(super) fn document(&mut self, block: &Block, text: &[u8]) {
        const MAX_VALUES: usize = 200_000;
        // Each depth is read again.
        const MAX_DEPTH: u8 = 16;
        // Several documents may stand one behind the other.
        let mut pending: Vec<(u8, &[u8])> = top_values(text).map(|value| (0, value)).collect();
        pending.reverse();
        let mut seen = 0;
        let newlines: Vec<usize> = memchr::memchr_iter(b'\n', text).collect();
        let source = self.source;
        let context_of = |value: &[u8]| {
            let at = value.as_ptr() as usize - text.as_ptr() as usize;
            let number = newlines.partition_point(|newline| *newline < at) as u64 + 1;
            LineContext {
                source,
                number,
                offset: block.offset + at as u64,
                len: value.len() as u64,
                stamp: None,
                pid: None,
                level: None,
            }
        };
        while let Some((depth, value)) = pending.pop() {
            seen += 1;
            if seen > MAX_VALUES || depth > MAX_DEPTH {
                let gap = Gap::new(
                    GapKind::Limit,
                    "the rest of a JSON document",
                    "it holds too many values, or too deep ones",
                );
                self.collector.add_gap(gap);
                break;
            }
            if self.loki_streams(value, &context_of) {
                continue;
            }
            let context = context_of(value);
            let hits = Needles::get().in_line(value);
            self.document_value(value, context, hits, depth, &mut pending);
        }
        let is_last_open = !block.is_cut && !text.ends_with(b"\n");
        self.lines = newlines.len() as u64 + u64::from(is_last_open);
        if self.records > 0 {
            let count = self.records;
            if let Some(slot) = self.wrapped.get_mut(FormatName::JsonDocument as usize) {
                *slot = count + 1;
            }
        } else {
            let end = self.lines;
            let place = Place {
                source: self.source,
                line: 1,
                last_line: end.max(1),
                offset: block.offset,
                bytes: text.len() as u64,
            };
            self.tally.unparsed(Why::NoRecordInDocument, first_line(text), place);
        }
    }

    /// What does not fit into one block is not read.
    pub(super) fn rest_of_document(&mut self, block: &Block, bytes: &[u8]) {
        self.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        let len = bytes.len() as u64 + block.skipped;
        let place = Place {
            source: self.source,
            line: self.lines,
            last_line: self.lines,
            offset: block.offset,
            bytes: len,
        };
        self.tally.unparsed(Why::NoRecordInDocument, first_line(bytes), place);
        let why = "the document is longer than a mebibyte; one record per line can be of any size";
        self.collector.add_gap_at(GapKind::Limit, "the rest of a JSON document", why, place);
    }

    /// An array of records, or Loki's pair of a time and a line.
    fn array<'a>(
        &mut self,
        array: &'a [u8],
        mut context: LineContext,
        hits: Hits,
        depth: u8,
        pending: &mut Vec<(u8, &'a [u8])>,
    ) {
        let items: Vec<json::Value<'_>> = json::items(array).collect();
        if let [json::Value::String(time), json::Value::String(line)] = items.as_slice()
            && let Some(time) = crate::stated_time::epoch(time)
        {
            context.stamp = self.clock.resolve(time);
            self.inner_lines(0, &json::unescape(line), false, context, hits, 0);
            return;
        }
        let inner = items.into_iter().filter_map(nested).map(|inner| (depth + 1, inner));
        if is_newest_first(array) {
            pending.extend(inner);
        } else {
            let inner: Vec<(u8, &[u8])> = inner.collect();
            pending.extend(inner.into_iter().rev());
        }
    }

    /// One line that holds many records, as OpenTelemetry's collector writes its files; `false` when there are none.
    pub(super) fn document_line(&mut self, line: &[u8], context: LineContext, hits: Hits) -> bool {
        const MAX_VALUES: usize = 20_000;
        const MAX_DEPTH: u8 = 16;
        if [&b"\"logRecords\""[..], b"\"hits\"", b"\"streams\"", b"\"values\"", b"\"entries\""]
            .iter()
            .all(|container| memchr::memmem::find(line, container).is_none())
        {
            return false;
        }
        let before = self.records;
        let mut pending: Vec<(u8, &[u8])> = vec![(0, line)];
        let mut seen = 0;
        while let Some((depth, value)) = pending.pop() {
            seen += 1;
            if seen > MAX_VALUES || depth > MAX_DEPTH {
                let what = "the rest of a JSON document in a line";
                let why = "it holds too many values, or too deep ones";
                self.collector.add_gap_at(GapKind::Limit, what, why, context.place());
                break;
            }
            if self.loki_streams(value, &|_| context) {
                continue;
            }
            self.document_value(value, context, hits, depth, &mut pending);
        }
        self.records > before
    }

    /// A value of a document: a record, or what holds some.
    fn document_value<'a>(
        &mut self,
        value: &'a [u8],
        context: LineContext,
        hits: Hits,
        depth: u8,
        pending: &mut Vec<(u8, &'a [u8])>,
    ) {
        let before = self.records;
        if value.first() == Some(&b'[') {
            self.array(value, context, hits, depth, pending);
        } else if !is_record_of_document(value)
            || !self.json(0, value, context, hits, 0)
            || self.records == before
        {
            let members = json::Members::new(value).into_iter().flatten().map(|(_, value)| value);
            let inner: Vec<&[u8]> = members.filter_map(nested).collect();
            pending.extend(inner.into_iter().rev().map(|inner| (depth + 1, inner)));
        }
    }
}

/// The labels in a line of `logcli --output=jsonl`, which begins with them.
fn labels_of(object: &[u8]) -> Option<&[u8]> {
    if !object.starts_with(b"{\"labels\"") {
        return None;
    }
    match json::Members::new(object)?.next()? {
        (b"labels", json::Value::Object(labels)) => Some(labels),
        _ => None,
    }
}

/// Loki answers with the newest line first, unless it is asked otherwise.
fn is_newest_first(array: &[u8]) -> bool {
    let time = |value: json::Value<'_>| match value {
        json::Value::Array(pair) => match json::items(pair).next()? {
            json::Value::String(time) => crate::ascii::whole_number(time),
            _ => None,
        },
        _ => None,
    };
    let first = json::items(array).next().and_then(time);
    first.is_some() && json::items(array).last().and_then(time) < first
}

/// Whether a stack stands in the records behind this one.
fn opens_stack(message: &[u8]) -> bool {
    matches!(header_in(message), Some(HeaderInLine::AtEnd(_)))
        || DumpBuilder::start_of(message).is_some_and(|at| at == indent(message))
}

/// The tracebacks that a record carries, as text or as data, in a member of its own or in its message.
pub(super) fn exception_trees(record: &JsonRecord<'_>, message: &[u8]) -> Vec<Vec<Exception>> {
    let trees = match record.exception {
        Some(json::Value::Array(raw)) => embedded::structured(raw).into_iter().collect(),
        Some(value) => {
            let text = value.text().unwrap_or(Cow::Borrowed(b""));
            let trees = embedded::trees(&text);
            if trees.is_empty() {
                embedded::frames_alone(&text, record.exception_type, record.exception_message)
                    .into_iter()
                    .collect()
            } else {
                trees
            }
        }
        None => Vec::new(),
    };
    if trees.is_empty() { embedded::trees(message) } else { trees }
}

/// The objects and arrays that a text is made of.
fn top_values(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = memchr::memchr2(b'{', b'[', rest)?;
        let end = json::nested_end(rest, start);
        let value = rest.get(start..end)?;
        rest = rest.get(end..)?;
        Some(value)
    })
}

fn nested(value: json::Value<'_>) -> Option<&[u8]> {
    match value {
        json::Value::Object(raw) | json::Value::Array(raw) => Some(raw),
        json::Value::String(_) | json::Value::Literal(_) => None,
    }
}

/// Whether the text is one JSON document over several lines, or an array.
pub(crate) fn is_document(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let first = first_line(text).trim_ascii_end();
    match text.first() {
        Some(b'[') => first == b"[" || first.starts_with(b"[{"),
        Some(b'{') => !first.ends_with(b"}") && json::nested_end(text, 0) > first.len(),
        _ => false,
    }
}

/// Whether a record, or a line of Loki's, is somewhere in the start of a document.
pub(crate) fn holds_record(head: &[u8]) -> bool {
    const MAX_VALUES: usize = 500;
    let mut pending: VecDeque<&[u8]> = top_values(head).collect();
    let mut seen = 0;
    while let Some(value) = pending.pop_front() {
        seen += 1;
        if seen > MAX_VALUES {
            return false;
        }
        if value.first() == Some(&b'[') {
            if is_loki_line(value) {
                return true;
            }
            pending.extend(json::items(value).take(MAX_VALUES).filter_map(nested));
        } else if is_record_of_document(value) {
            return true;
        } else {
            let members = json::Members::new(value).into_iter().flatten().map(|(_, value)| value);
            pending.extend(members.take(MAX_VALUES).filter_map(nested));
        }
    }
    false
}

/// `["1714564800123456789", "line"]`
fn is_loki_line(array: &[u8]) -> bool {
    let mut items = json::items(array);
    let is_time = matches!(items.next(), Some(json::Value::String(time)) if time.len() == 19 && crate::stated_time::epoch(time).is_some());
    is_time && matches!(items.next(), Some(json::Value::String(_)))
}

/// A record of an export has a message or a line, and a time.
fn is_record_of_document(object: &[u8]) -> bool {
    JsonRecord::parse(object).is_some_and(|record| {
        record.head.time.is_some() && (record.head.message.is_some() || record.line.is_some())
    })
}
