//! Requests by their ids, across sources, in bounded memory.
//!
//! Those that were silent for the longest time are given up first. What is given up is never taken in again: a
//! request whose first records were forgotten would look like another one.

mod learn;
mod threads;

use std::hash::Hasher;

use pycoroner_findings::UtcTime;
use rustc_hash::{FxHashMap, FxHasher};

use crate::document::Place;
use crate::level::Level;
pub(crate) use learn::Death;
use learn::Lore;
pub use threads::{RequestEnd, RequestRecord, RequestState, RequestThread, Requests, UnfinishedRule};

/// Requests that are followed at a time, at most twice this.
const MAX_FOLLOWED: usize = 8192;
/// Records that are kept of each: the first ones and the last ones.
const FIRST_KEPT: usize = 2;
const LAST_KEPT: usize = 6;
const KEPT: usize = FIRST_KEPT + LAST_KEPT;
const MAX_SOURCES: usize = 8;
const MESSAGE_LIMIT: usize = 200;
const ID_LENGTHS: std::ops::RangeInclusive<usize> = 4..=128;

/// How requests are told, for the reader of a document.
pub(crate) const RULES: &[&str] = &[
    "ids: fields named request_id, trace_id, correlation_id and the like; request_id=…, req-…, traceparent in messages; an id in brackets before the message",
    "an end is a line of an access log, or a template that is the last record of at least 95 % of the requests that have it, and of at least 10",
    "a start is a template that is the first record of at least 95 % of the requests that have it, and of at least 10",
    "unfinished: it begins with a start, has no end, and stops at a template behind which at least 95 % of the other requests that have it, and at least 10, go on; and at least 90 % of these finish",
    "cut off, and unfinished, too: it has no end, and its last record is the last one of the thread that crashed, or of the dead process where no thread is known",
    "open at the death: unfinished, started before it, and nothing is said of it after it",
];

/// One record that names a request.
pub(crate) struct Mention<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) time: Option<UtcTime>,
    pub(crate) level: Option<Level>,
    pub(crate) pid: Option<u64>,
    pub(crate) template: u64,
    pub(crate) message: &'a [u8],
    pub(crate) is_access_log: bool,
    pub(crate) place: Place,
}

/// A record as it is kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    time: Option<UtcTime>,
    level: Option<Level>,
    template: u64,
    is_access_log: bool,
    place: Place,
}

impl Kept {
    /// A line of an access log is written when all is done, whatever time it states.
    fn order(&self) -> (bool, Option<UtcTime>, usize, u64) {
        (self.is_access_log, self.time, self.place.source, self.place.line)
    }
}

/// What is known of one request.
#[derive(Debug, Default)]
struct Followed {
    /// Of its id.
    hash: u64,
    /// In ASCII.
    id: Vec<u8>,
    records: u64,
    level: Option<Level>,
    is_access_logged: bool,
    sources: Vec<usize>,
    pids: Vec<u64>,
    /// By time; the first ones and the last ones.
    entries: Vec<Kept>,
    /// Of those.
    last_time: Option<UtcTime>,
    first_message: Vec<u8>,
    /// Set when there is more than one record.
    last_message: Vec<u8>,
}

impl Followed {
    /// Takes the place of another request, whose room it uses.
    fn start(&mut self, hash: u64, id: &[u8]) {
        self.hash = hash;
        (self.records, self.level, self.is_access_logged) = (0, None, false);
        self.id.clear();
        self.id.extend_from_slice(id);
        self.sources.clear();
        self.pids.clear();
        self.entries.clear();
        self.first_message.clear();
        self.last_message.clear();
    }

    fn first(&self) -> Option<&Kept> {
        self.entries.first()
    }

    fn last(&self) -> Option<&Kept> {
        self.entries.last()
    }

    fn add(&mut self, mention: &Mention<'_>) {
        self.records += 1;
        self.level = self.level.max(mention.level);
        self.is_access_logged |= mention.is_access_log;
        if self.sources.len() < MAX_SOURCES && !self.sources.contains(&mention.place.source) {
            self.sources.push(mention.place.source);
        }
        if let Some(pid) = mention.pid
            && self.pids.len() < MAX_SOURCES
            && !self.pids.contains(&pid)
        {
            self.pids.push(pid);
        }
        let Mention { time, level, template, is_access_log, place, .. } = *mention;
        let entry = Kept { time, level, template, is_access_log, place };
        let at = self.entries.partition_point(|known| known.order() <= entry.order());
        self.entries.insert(at, entry);
        if at == 0 {
            if self.entries.len() == 2 {
                self.last_message = std::mem::take(&mut self.first_message);
            }
            keep(&mut self.first_message, mention.message);
        } else if at + 1 == self.entries.len() {
            keep(&mut self.last_message, mention.message);
        }
        if self.entries.len() > KEPT {
            self.entries.remove(FIRST_KEPT);
        }
        self.last_time = self.entries.iter().filter_map(|entry| entry.time).max();
    }
}

/// Keeps the start of a message, undecoded: few are ever shown.
fn keep(kept: &mut Vec<u8>, message: &[u8]) {
    kept.clear();
    kept.extend_from_slice(message.get(..MESSAGE_LIMIT).unwrap_or(message));
}

/// Follows requests.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    by_id: FxHashMap<u64, u32>,
    /// Those that are followed, and behind them those that were given up, whose room is used again.
    slots: Vec<Followed>,
    followed: usize,
    lore: Lore,
    /// Nothing that was last seen at or before this time is taken in any more, once something was given up.
    given_up_until: Option<UtcTime>,
    pub(crate) given_up: u64,
}

impl Tracker {
    pub(crate) fn add(&mut self, mention: &Mention<'_>) {
        let id = trace_id(mention.id);
        if !is_id(id) {
            return;
        }
        let mut hasher = FxHasher::default();
        hasher.write(without_prefix(id));
        let hash = hasher.finish();
        if let Some(index) = self.by_id.get(&hash) {
            if let Some(followed) = self.slots.get_mut(*index as usize) {
                followed.add(mention);
            }
            return;
        }
        if self.given_up > 0 && mention.time <= self.given_up_until {
            return;
        }
        if self.followed >= MAX_FOLLOWED * 2 {
            self.give_up();
        }
        if self.followed >= self.slots.len() {
            self.slots.push(Followed::default());
        }
        let Some(followed) = self.slots.get_mut(self.followed) else { return };
        followed.start(hash, id);
        followed.add(mention);
        self.by_id.insert(hash, self.followed as u32);
        self.followed += 1;
    }

    /// Gives up those that were silent for the longest time; what they teach is kept.
    fn give_up(&mut self) {
        let followed = self.slots.iter().take(self.followed).enumerate();
        let mut order: Vec<_> = followed
            .map(|(at, followed)| (std::cmp::Reverse(followed.last_time), followed.hash, at))
            .collect();
        if order.len() <= MAX_FOLLOWED {
            return;
        }
        let (kept, latest, _) = order.select_nth_unstable(MAX_FOLLOWED);
        let mut is_kept = vec![false; self.followed];
        for (_, _, at) in kept {
            if let Some(is_kept) = is_kept.get_mut(*at) {
                *is_kept = true;
            }
        }
        self.given_up_until = self.given_up_until.max(latest.0.0);
        self.by_id.clear();
        self.followed = 0;
        for (at, is_kept) in is_kept.into_iter().enumerate() {
            let Some(followed) = self.slots.get(at) else { break };
            if is_kept {
                self.by_id.insert(followed.hash, self.followed as u32);
                self.slots.swap(self.followed, at);
                self.followed += 1;
            } else {
                self.given_up += 1;
                self.lore.add(followed);
            }
        }
    }
}

/// Not a placeholder, and no text that only happens to stand there.
fn is_id(id: &[u8]) -> bool {
    ID_LENGTHS.contains(&id.len())
        && id.iter().all(u8::is_ascii_graphic)
        && !id.iter().all(|byte| matches!(byte, b'0' | b'-'))
        && !matches!(id, b"None" | b"null" | b"none" | b"unknown" | b"undefined")
}

/// The trace's own part of a `traceparent` (W3C Trace Context, section 3.2).
fn trace_id(id: &[u8]) -> &[u8] {
    match (id.len(), id.get(2), id.get(35)) {
        (55, Some(b'-'), Some(b'-')) => id.get(3..35).unwrap_or(id),
        _ => id,
    }
}

/// `req-` stands in front of the id where `OpenStack` and others write it, and not in a field of its own.
fn without_prefix(id: &[u8]) -> &[u8] {
    id.strip_prefix(b"req-").unwrap_or(id)
}
