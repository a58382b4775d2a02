//! Answers of Loki: streams told apart by their labels, lines put into the order of their times.
//!
//! Loki splits what one process writes into streams of different levels, and answers with the newest line first unless
//! it is asked otherwise. So streams that differ in their level only are one producer here.

use super::SourceScanner;
use crate::ascii::whole_number;
use crate::json::{self, Members, Value};
use crate::needles::Needles;
use crate::stated_time::epoch;
use crate::stream::LineContext;

/// Lines of one answer.
const MAX_LINES: usize = 200_000;
/// Labels that do not tell writers apart.
const LEVELS: [&[u8]; 5] = [b"level", b"detected_level", b"severity", b"lvl", b"filename"];

/// One line of an answer.
struct Entry<'a> {
    /// Nanoseconds, as the answer has them.
    time: u64,
    producer: usize,
    pair: &'a [u8],
    stated: &'a [u8],
    line: &'a [u8],
}

/// The labels that tell writers apart, `app=shop,pod=web-1`, of an object of labels.
pub(super) fn producer_of(labels: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    for (key, value) in Members::new(labels).into_iter().flatten() {
        if LEVELS.contains(&key) {
            continue;
        }
        if !name.is_empty() {
            name.push(b',');
        }
        name.extend_from_slice(key);
        name.push(b'=');
        name.extend_from_slice(&value.text().unwrap_or_default());
    }
    name
}

impl SourceScanner<'_> {
    /// Takes in all streams that an object holds in its member `result` or `streams`; `false` when it has none.
    pub(super) fn loki_streams(&mut self, object: &[u8], context_of: &impl Fn(&[u8]) -> LineContext) -> bool {
        let Some(members) = Members::new(object).filter(|_| object.first() == Some(&b'{')) else {
            return false;
        };
        let list =
            members.filter(|(key, _)| matches!(*key, b"result" | b"streams")).find_map(|(_, value)| {
                match value {
                    Value::Array(raw) => Some(raw),
                    _ => None,
                }
            });
        let Some(list) = list else { return false };
        let mut producers: Vec<Vec<u8>> = Vec::new();
        let mut entries: Vec<Entry<'_>> = Vec::new();
        for stream in json::items(list) {
            let Some((labels, values)) = stream_of_answer(stream) else { return false };
            let name = producer_of(labels);
            let producer = producers.iter().position(|known| *known == name).unwrap_or_else(|| {
                producers.push(name);
                producers.len() - 1
            });
            let start = entries.len();
            let room = MAX_LINES.saturating_sub(start);
            entries.extend(json::items(values).take(room).filter_map(|pair| entry_of(pair, producer)));
            let own = entries.get_mut(start..).unwrap_or_default();
            if own.first().map(|entry| entry.time) > own.last().map(|entry| entry.time) {
                // Lines of the same time are the wrong way round, too.
                own.reverse();
            }
        }
        entries.sort_by_key(|entry| entry.time);
        for entry in &entries {
            let name = producers.get(entry.producer).map(Vec::as_slice).unwrap_or_default();
            let stream = self.stream_of(name);
            let mut context = context_of(entry.pair);
            context.stamp = epoch(entry.stated).and_then(|time| self.clock.resolve(time));
            let hits = Needles::get().in_line(entry.line);
            self.inner_lines(stream, &json::unescape(entry.line), false, context, hits, 0);
        }
        !entries.is_empty()
    }
}

/// The labels and the lines of `{"stream": {…}, "values": […]}`.
fn stream_of_answer(stream: Value<'_>) -> Option<(&[u8], &[u8])> {
    let Value::Object(object) = stream else { return None };
    let (mut labels, mut values) = (None, None);
    for (key, value) in Members::new(object)? {
        match (key, value) {
            (b"stream", Value::Object(raw)) => labels = Some(raw),
            (b"values", Value::Array(raw)) => values = Some(raw),
            _ => {}
        }
    }
    labels.zip(values)
}

/// `["1714564800123456789", "line"]`, perhaps with metadata as a third one.
fn entry_of(pair: Value<'_>, producer: usize) -> Option<Entry<'_>> {
    let Value::Array(pair) = pair else { return None };
    let mut items = json::items(pair);
    let (Some(Value::String(stated)), Some(Value::String(line))) = (items.next(), items.next()) else {
        return None;
    };
    Some(Entry { time: whole_number(stated)?, producer, pair, stated, line })
}
