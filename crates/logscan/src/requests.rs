//! Requests by their ids, across sources, in bounded memory.
//!
//! Those that were silent for the longest time are given up first. What is given up is never taken in again: a
//! request whose first records were forgotten would look like another one.

mod followed;
mod learn;
mod threads;

use std::cmp::Reverse;
use std::hint::black_box;

use hashbrown::HashTable;
use pycoroner_findings::UtcTime;

use crate::document::Place;
use crate::format::FormatName;
use crate::keyed::keyed_hash;
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
    /// The same for an id with `req-` in front and without; another one in each run of the program.
    hash: u64,
}

fn hash_of(id: &[u8]) -> u64 {
    keyed_hash(without_prefix(id))
}

impl<'a> RequestId<'a> {
    /// `None` for what only happens to stand where ids do.
    pub(crate) fn of(text: &'a [u8]) -> Option<Self> {
        let text = trace_id(text);
        if !is_id(text) {
            return None;
        }
        Some(Self { text, hash: hash_of(text) })
    }
}

/// Follows requests.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    /// Slots by the hashes of their ids.
    by_id: HashTable<u32>,
    /// Slots in the order in which their requests were first named.
    live: Vec<u32>,
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

impl Tracker {
    /// Mentions of which [`Self::read_ahead`] is told at a time: what it reads of their requests stays in a processor's
    /// cache.
    pub(crate) const AHEAD: usize = 32;

    /// Reads what is kept of the requests that are mentioned next, or will be: memory is waited for once for all of
    /// them, and not for each.
    pub(crate) fn read_ahead<'a>(&self, ids: impl Iterator<Item = RequestId<'a>> + Clone) {
        let mut free = self.free.iter().rev();
        let mut known = [None; Self::AHEAD];
        for (known, id) in known.iter_mut().zip(ids) {
            let slot = self.by_id.find(id.hash, |_| true).or_else(|| free.next());
            *known = slot.and_then(|slot| self.slots.get(*slot as usize));
            black_box(known.and_then(Followed::last).map(|entry| entry.template));
        }
        black_box(known.map(|known| known.and_then(|known| known.id().first().copied())));
    }

    pub(crate) fn add(&mut self, mention: &Mention<'_>) {
        let (slot, is_known) = match self.slot_of(mention.id) {
            Some(slot) => (slot as usize, true),
            None if self.given_up > 0 && mention.time <= self.given_up_until => return,
            None => (self.take_slot(mention.id) as usize, false),
        };
        if let (Some(followed), Some(last)) = (self.slots.get_mut(slot), self.last_times.get_mut(slot)) {
            *last = if is_known { followed.add(mention) } else { followed.start(mention) };
        }
    }

    fn slot_of(&self, id: RequestId<'_>) -> Option<u32> {
        let text = without_prefix(id.text);
        let is_same = |slot: &u32| {
            self.slots.get(*slot as usize).is_some_and(|known| without_prefix(known.id()) == text)
        };
        self.by_id.find(id.hash, is_same).copied()
    }

    /// A slot for one more.
    fn take_slot(&mut self, id: RequestId<'_>) -> u32 {
        if self.live.len() >= MAX_FOLLOWED * 2 {
            self.give_up();
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Followed::default());
            self.last_times.push(None);
            self.slots.len() as u32 - 1
        });
        let slots = &self.slots;
        let hash = |slot: &u32| slots.get(*slot as usize).map_or(0, |known| hash_of(known.id()));
        self.by_id.insert_unique(id.hash, slot, hash);
        self.live.push(slot);
        slot
    }

    /// Gives up those that were silent for the longest time, and of equally silent ones those that were named last; what
    /// they teach is kept.
    fn give_up(&mut self) {
        let last_of = |slot: u32| self.last_times.get(slot as usize).copied().flatten();
        let mut order: Vec<_> = (0_u32..)
            .zip(&self.live)
            .map(|(number, slot)| (Reverse(last_of(*slot)), number, *slot))
            .collect();
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
        let is_kept = |slot: &u32| is_kept.get(*slot as usize) == Some(&true);
        self.by_id.retain(|slot| is_kept(slot));
        let gone: Vec<u32> = self.live.extract_if(.., |slot| !is_kept(slot)).collect();
        for gone in gone.chunks(Self::AHEAD) {
            let gone = gone.iter().filter_map(|slot| self.slots.get(*slot as usize));
            for followed in gone.clone() {
                black_box(followed.last().map(|entry| entry.template));
            }
            gone.for_each(|followed| self.lore.add(followed));
        }
        self.given_up += gone.len() as u64;
        self.free.extend_from_slice(&gone);
    }

    /// Those that are followed, with their latest times, in the order in which they were first named.
    fn followed(&self) -> impl Iterator<Item = (&Followed, Option<UtcTime>)> + Clone {
        self.live
            .iter()
            .filter_map(|slot| Some((self.slots.get(*slot as usize)?, *self.last_times.get(*slot as usize)?)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_with_equal_hashes_are_told_apart() {
        let mut tracker = Tracker::default();
        for text in [&b"req-0001"[..], b"req-0002", b"0001"] {
            let mention = Mention {
                id: RequestId { text, hash: 7 },
                time: None,
                level: None,
                pid: None,
                template: 1,
                message: b"",
                is_access_log: false,
                place: Place::default(),
            };
            tracker.add(&mention);
        }
        let followed: Vec<_> = tracker.followed().map(|(known, _)| (known.id(), known.records)).collect();
        assert_eq!(followed, [(&b"req-0001"[..], 2), (b"req-0002", 1)]);
    }
}
