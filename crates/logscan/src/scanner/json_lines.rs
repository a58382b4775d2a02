//! Records in JSON: one per line, wrapped by a collector, or in a document that holds many.

use std::borrow::Cow;

use pycoroner_findings::{Gap, GapKind};

use super::{SourceScanner, carrier_of, first_line};
use crate::ascii::lossy;
use crate::document::Place;
use crate::embedded;
use crate::format::FormatName;
use crate::header::Header;
use crate::json;
use crate::json_record::JsonRecord;
use crate::lines::{Block, strip_ansi};
use crate::needles::{Hits, Needles};
use crate::stream::LineContext;

impl SourceScanner<'_, '_> {
    /// A line, or part of a document, that starts with `{`; `false` when it is no record.
    pub(super) fn json(
        &mut self,
        stream: usize,
        text: &[u8],
        mut context: LineContext,
        hits: Hits,
        depth: u8,
    ) -> bool {
        let Some(record) = JsonRecord::parse(text) else { return false };
        let level = record.level.or(context.level);
        if let Some(line) = record.line.filter(|_| record.message.is_none() && depth < 3) {
            let Some(inner) = line.text() else { return false };
            let is_partial = record.format == FormatName::DockerJson && !inner.ends_with(b"\n");
            context.stamp = record.time.and_then(|time| self.clock.resolve(time)).or(context.stamp);
            context.level = level;
            context.pid = record.pid.or(context.pid);
            if let Some(count) = self.formats.get_mut(record.format as usize) {
                *count += 1;
            }
            let stream = match (record.producer, record.pid) {
                (b"", _) => stream,
                (producer, None) => self.stream_of(producer),
                (producer, Some(pid)) => {
                    self.stream_of(format!("{}[{pid}]", lossy(producer, 100)).as_bytes())
                }
            };
            self.inner_lines(stream, &inner, is_partial, context, hits, depth);
            return true;
        }
        self.json_record(stream, &record, text, context, hits);
        true
    }

    /// The lines that a collector wrapped in JSON.
    fn inner_lines(
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
            let line = if memchr::memchr(0x1b, line).is_some() {
                strip_ansi(line, &mut scratch);
                &scratch
            } else {
                line
            };
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
            time: record.time,
            level: record.level,
            logger: record.logger,
            thread: record.thread,
            request_id: record.request_id,
            pid: record.pid,
            message: first_line(&message),
            format: record.format,
        };
        let plain = if hits.has(Hits::EVENT) { Hits::EVENT } else { Hits::default() };
        self.record(stream, text, &header, context, plain);
        if !hits.has(Hits::TRACEBACK) && !hits.has(Hits::STRUCTURED) {
            return;
        }
        let stamp = record.time.and_then(|time| self.clock.resolve(time)).or(context.stamp);
        let context = LineContext { stamp, level: record.level.or(context.level), ..context };
        let producer = self.streams.get(stream).and_then(|state| state.producer.clone());
        let carrier = carrier_of(&header, producer, &context);
        let trees = match record.exception {
            Some(json::Value::Array(raw)) => embedded::structured(raw).into_iter().collect(),
            Some(value) => embedded::trees(&value.text().unwrap_or(Cow::Borrowed(b""))),
            None => Vec::new(),
        };
        let trees = if trees.is_empty() { embedded::trees(&message) } else { trees };
        for tree in trees {
            self.collector.add_tree(tree, &carrier);
        }
    }

    /// Finds the records of a document that holds many: what log stores export.
    pub(super) fn document(&mut self, block: &Block<'_>) {
        const MAX_VALUES: usize = 200_000;
        // Each depth is read again.
        const MAX_DEPTH: u8 = 16;
        let text = block.bytes;
        let mut pending: Vec<(u8, &[u8])> = vec![(0, text.trim_ascii())];
        let mut seen = 0;
        let mut line = 1;
        let mut counted = 0;
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
            let at = value.as_ptr() as usize - text.as_ptr() as usize;
            line += memchr::memchr_iter(b'\n', text.get(counted..at).unwrap_or_default()).count() as u64;
            counted = counted.max(at);
            let context = LineContext {
                source: self.source,
                number: line,
                offset: block.offset + at as u64,
                len: value.len() as u64,
                stamp: None,
                pid: None,
                level: None,
            };
            let hits = Needles::get().in_line(value);
            let before = self.records;
            if value.first() == Some(&b'[') {
                self.array(value, context, hits, depth, &mut pending);
            } else if !is_record_of_document(value)
                || !self.json(0, value, context, hits, 0)
                || self.records == before
            {
                let members = json::Members::new(value).into_iter().flatten().map(|(_, value)| value);
                let inner: Vec<&[u8]> = members.filter_map(nested).collect();
                pending.extend(inner.into_iter().rev().map(|inner| (depth + 1, inner)));
            }
        }
        self.lines = memchr::memchr_iter(b'\n', text).count() as u64;
        if self.records > 0 {
            let count = self.records;
            if let Some(slot) = self.formats.get_mut(FormatName::JsonDocument as usize) {
                *slot = count + 1;
            }
        } else {
            self.unparsed_bytes += text.len() as u64;
        }
    }

    /// What does not fit into one block is not read.
    pub(super) fn rest_of_document(&mut self, block: &Block<'_>) {
        self.lines += memchr::memchr_iter(b'\n', block.bytes).count() as u64;
        let len = block.bytes.len() as u64 + block.skipped;
        self.unparsed_bytes += len;
        let place = Place {
            source: self.source,
            line: self.lines,
            last_line: self.lines,
            offset: block.offset,
            bytes: len,
        };
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
        let items = json_items(array);
        if let [json::Value::String(time), json::Value::String(line)] = items.as_slice()
            && let Some(time) = crate::stated_time::epoch(time)
        {
            context.stamp = self.clock.resolve(time);
            self.inner_lines(0, &json::unescape(line), false, context, hits, 0);
            return;
        }
        let inner: Vec<&[u8]> = items.into_iter().filter_map(nested).collect();
        pending.extend(inner.into_iter().rev().map(|inner| (depth + 1, inner)));
    }
}

fn nested(value: json::Value<'_>) -> Option<&[u8]> {
    match value {
        json::Value::Object(raw) | json::Value::Array(raw) => Some(raw),
        json::Value::String(_) | json::Value::Literal(_) => None,
    }
}

fn json_items(array: &[u8]) -> Vec<json::Value<'_>> {
    let mut items = Vec::new();
    let mut at = 1;
    while let Some(byte) = array.get(at) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' | b',' => at += 1,
            b']' => break,
            _ => match json::value_at(array, at) {
                Some((value, end)) => {
                    items.push(value);
                    at = end;
                }
                None => break,
            },
        }
    }
    items
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

/// A record of an export has a message or a line, and a time.
fn is_record_of_document(object: &[u8]) -> bool {
    JsonRecord::parse(object)
        .is_some_and(|record| record.time.is_some() && (record.message.is_some() || record.line.is_some()))
}
