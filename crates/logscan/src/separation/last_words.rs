//! The first reading: the last records of those that died.

use std::collections::BTreeMap;

use pycoroner_findings::UtcTime;
use rustc_hash::FxHashMap;

use super::deaths::Deaths;
use super::sides::Sides;
use super::values::{Kept, Key, values_of};
use super::{FEWEST_DEATHS, Spoken};
use crate::document::Place;
use crate::level::Level;
use crate::template::shape_of;

/// Last records of a process that are looked at.
const LAST: usize = 4;
/// Messages that are compared.
const MAX_MESSAGES: usize = 16;
/// Bytes of a line that are kept.
const LINE_LIMIT: usize = 4096;

/// The last records of each process that died.
pub(crate) struct LastWords {
    deaths: Deaths,
    last: FxHashMap<u64, Vec<Word>>,
}

struct Word {
    time: UtcTime,
    level: Option<Level>,
    message: Vec<u8>,
    line: Vec<u8>,
    place: Place,
}

/// A record of a message that was among the last of a process that died.
pub(super) struct LastRecord {
    pub(super) time: UtcTime,
    pub(super) place: Place,
    pub(super) is_last: bool,
    pub(super) values: BTreeMap<Key, Kept>,
}

/// The same message as the last word of several.
pub(super) struct Message {
    pub(super) template: String,
    pub(super) level: Option<Level>,
    pub(super) records: Vec<LastRecord>,
}

impl LastWords {
    pub(super) fn new(deaths: Deaths) -> Self {
        Self { deaths, last: FxHashMap::default() }
    }

    pub(super) fn take(&mut self, spoken: &Spoken<'_>) {
        let Some(pid) = spoken.context.pid else { return };
        let Some(until) = self.deaths.until.get(&pid) else { return };
        // What has no time cannot be told from what simply changes with time.
        let Some(time) = spoken.context.stamp.map(|stamp| stamp.time) else { return };
        if until.is_some_and(|until| time > until) {
            return;
        }
        let cut = |text: &[u8]| text.get(..LINE_LIMIT).unwrap_or(text).to_vec();
        let words = self.last.entry(pid).or_default();
        // Sources come one behind the other, and each is nearly in order.
        let at = words.iter().rposition(|known| known.time <= time).map_or(0, |at| at + 1);
        if at == 0 && words.len() == LAST {
            return;
        }
        let (message, line) = (cut(spoken.header.message), cut(spoken.line));
        let (level, place) = (spoken.context.level, spoken.context.place());
        words.insert(at, Word { time, level, message, line, place });
        if words.len() > LAST {
            words.remove(0);
        }
    }

    /// What they said last, and several of them alike; `None` when that is nothing.
    pub(super) fn finish(mut self) -> Option<Sides> {
        let with_records = self.last.len();
        let mut messages: BTreeMap<(Option<Level>, String), Vec<LastRecord>> = BTreeMap::new();
        for pid in self.deaths.until.keys() {
            let words = self.last.remove(pid).unwrap_or_default();
            // Of each message the last one counts.
            let mut latest: BTreeMap<(Option<Level>, String), LastRecord> = BTreeMap::new();
            let count = words.len();
            for (index, word) in words.into_iter().enumerate() {
                let record = LastRecord {
                    time: word.time,
                    place: word.place,
                    is_last: index + 1 == count,
                    values: values_of(&word.line, &word.message, Some(*pid)),
                };
                latest.insert((word.level, shape_of(&word.message)), record);
            }
            for (message, record) in latest {
                messages.entry(message).or_default().push(record);
            }
        }
        let fewest = FEWEST_DEATHS.max(with_records.div_ceil(2));
        let mut messages: Vec<Message> = messages
            .into_iter()
            .filter(|(_, records)| records.len() >= fewest)
            .map(|((level, template), records)| Message { template, level, records })
            .collect();
        messages.sort_by_key(|message| std::cmp::Reverse(message.records.len()));
        messages.truncate(MAX_MESSAGES);
        let deaths = self.deaths.len() as u64;
        (!messages.is_empty()).then(|| Sides::new(self.deaths.end, [deaths, with_records as u64], messages))
    }
}
