//! Requests by their ids, across sources, in bounded memory.
//!
//! Those that were silent for the longest time are given up first. What is given up is never taken in again: a
//! request whose first records were forgotten would look like another one.

mod followed;
mod learn;
mod threads;

use std::cmp::Reverse;
use std::hash::Hasher;

use pycoroner_findings::UtcTime;
use rustc_hash::{FxHashMap, FxHasher};

use crate::document::Place;
use crate::format::FormatName;
use crate::level::Level;
use followed::{Followed, KEPT, Kept, MESSAGE_LIMIT};
pub(crate) use learn::Death;
use learn::Lore;
pub use threads::{RequestEnd, RequestRecord, RequestState, RequestThread, Requests, UnfinishedRule};

/// Requests that are followed at a time, at most twice this.
const MAX_FOLLOWED: usize = 8192;
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
    pub(crate) id: RequestId<'a>,
    pub(crate) time: Option<UtcTime>,
    pub(crate) level: Option<Level>,
    pub(crate) pid: Option<u64>,
    pub(crate) template: u64,
    pub(crate) message: &'a [u8],
    pub(crate) is_access_log: bool,
    pub(crate) place: Place,
}

/// The id of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestId<'a> {
    /// In ASCII.
    text: &'a [u8],
    /// The same for an id with `req-` in front and without.
    hash: u64,
}

impl<'a> RequestId<'a> {
    /// `None` for what only happens to stand where ids do.
    pub(crate) fn of(text: &'a [u8]) -> Option<Self> {
        let text = trace_id(text);
        if !is_id(text) {
            return None;
        }
        let mut hasher = FxHasher::default();
        hasher.write(without_prefix(text));
        Some(Self { text, hash: hasher.finish() })
    }
}

/// Follows requests.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    by_id: FxHashMap<u64, u32>,
    /// In the order in which they were first named.
    live: Vec<Live>,
    /// By their slots: the latest times of those that are followed, and what else is known of them.
    last_times: Vec<Option<UtcTime>>,
    slots: Vec<Followed>,
    /// Slots of those that were given up, whose room is used again.
    free: Vec<u32>,
    lore: Lore,
    /// Nothing that was last seen at or before this time is taken in any more, once something was given up.
    given_up_until: Option<UtcTime>,
    pub(crate) given_up: u64,
}

/// A request that is followed.
#[derive(Clone, Copy, Debug)]
struct Live {
    /// Of its id.
    hash: u64,
    slot: u32,
}

impl Tracker {
    pub(crate) fn add(&mut self, mention: &Mention<'_>) {
        let RequestId { text, hash } = mention.id;
        let slot = match self.by_id.get(&hash) {
            Some(slot) => *slot as usize,
            None if self.given_up > 0 && mention.time <= self.given_up_until => return,
            None => self.start(text, hash),
        };
        if let (Some(followed), Some(last)) = (self.slots.get_mut(slot), self.last_times.get_mut(slot)) {
            *last = followed.add(mention);
        }
    }

    /// Follows one more; its slot.
    fn start(&mut self, id: &[u8], hash: u64) -> usize {
        if self.live.len() >= MAX_FOLLOWED * 2 {
            self.give_up();
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Followed::default());
            self.last_times.push(None);
            self.slots.len() as u32 - 1
        });
        self.by_id.insert(hash, slot);
        self.live.push(Live { hash, slot });
        if let Some(followed) = self.slots.get_mut(slot as usize) {
            followed.start(id);
        }
        slot as usize
    }

    /// Gives up those that were silent for the longest time; what they teach is kept.
    fn give_up(&mut self) {
        let last_of = |live: &Live| self.last_times.get(live.slot as usize).copied().flatten();
        let mut order: Vec<_> =
            self.live.iter().map(|live| (Reverse(last_of(live)), live.hash, live.slot)).collect();
        if order.len() <= MAX_FOLLOWED {
            return;
        }
        let (kept, latest, _) = order.select_nth_unstable(MAX_FOLLOWED);
        let mut is_kept = vec![false; self.slots.len()];
        for (_, _, slot) in kept {
            if let Some(is_kept) = is_kept.get_mut(*slot as usize) {
                *is_kept = true;
            }
        }
        self.given_up_until = self.given_up_until.max(latest.0.0);
        self.by_id.clear();
        let Self { by_id, live, slots, free, lore, given_up, .. } = self;
        live.retain(|Live { hash, slot }| {
            let is_kept = is_kept.get(*slot as usize) == Some(&true);
            if is_kept {
                by_id.insert(*hash, *slot);
            } else {
                *given_up += 1;
                slots.get(*slot as usize).into_iter().for_each(|followed| lore.add(followed));
                free.push(*slot);
            }
            is_kept
        });
    }

    /// Those that are followed, with their latest times, in the order in which they were first named.
    fn followed(&self) -> impl Iterator<Item = (&Followed, Option<UtcTime>)> + Clone {
        self.live.iter().filter_map(|live| {
            Some((self.slots.get(live.slot as usize)?, *self.last_times.get(live.slot as usize)?))
        })
    }
}

/// Not a placeholder, and no text that only happens to stand there.
fn is_id(id: &[u8]) -> bool {
    ID_LENGTHS.contains(&id.len())
        && are_all(id, u8::is_ascii_graphic)
        && !are_all(id, |byte| matches!(byte, b'0' | b'-'))
        && !matches!(id, b"None" | b"null" | b"none" | b"unknown" | b"undefined")
}

/// Looks at all bytes even so: the compiler takes many at once where none of them ends the loop.
fn are_all(text: &[u8], is: impl Fn(&u8) -> bool) -> bool {
    text.iter().fold(true, |all, byte| all & is(byte))
}

/// Whether a record with this message is a line of an access log: of such a format, or with a request's line in quotes.
pub(crate) fn is_access_log(format: FormatName, message: &[u8]) -> bool {
    matches!(format, FormatName::AccessLog | FormatName::Uwsgi)
        || memchr::memchr_iter(b'"', message).any(|quote| {
            let before = message.get(..quote).unwrap_or_default();
            message.get(quote + 1) == Some(&b' ')
                && (before.ends_with(b" HTTP/1.1") || before.ends_with(b" HTTP/1.0"))
        })
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
