//! What is kept of one request: in one place, so that following many of them stays within a processor's cache.

use pycoroner_findings::UtcTime;

use super::Mention;
use crate::document::Place;
use crate::level::Level;

/// Records that are kept of each: the first ones and the last ones.
const FIRST_KEPT: usize = 2;
const LAST_KEPT: usize = 6;
pub(super) const KEPT: usize = FIRST_KEPT + LAST_KEPT;
/// Sources, and processes, that are noted of each.
const MAX_ORIGINS: usize = 8;
pub(super) const MESSAGE_LIMIT: usize = 200;

/// A record as it is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    pub(super) time: Option<UtcTime>,
    pub(super) template: u64,
    line: u64,
    offset: u64,
    source: u32,
    /// A line is cut long before it has more.
    bytes: u32,
    pub(super) level: Option<Level>,
    is_access_log: bool,
}

impl Kept {
    fn of(mention: &Mention<'_>) -> Self {
        let Mention { time, level, template, is_access_log, place, .. } = *mention;
        let Place { source, line, offset, bytes, .. } = place;
        let (source, bytes) = (source as u32, bytes as u32);
        Self { time, template, line, offset, source, bytes, level, is_access_log }
    }

    /// A line of an access log is written when all is done, whatever time it states.
    fn order(&self) -> (bool, Option<UtcTime>, u32, u64) {
        (self.is_access_log, self.time, self.source, self.line)
    }

    pub(super) fn place(&self) -> Place {
        let Self { line, offset, source, bytes, .. } = *self;
        Place { source: source as usize, line, last_line: line, offset, bytes: u64::from(bytes) }
    }
}

/// What is known of one request. What is looked at for every record of it stands in its first line of a processor's
/// cache, and the first entry in the second one.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Followed {
    /// The id in ASCII, and behind it the messages of the first and the last record.
    text: Vec<u8>,
    pub(super) records: u64,
    /// The first process and source that were named.
    pid: Option<u64>,
    source: u32,
    /// Bytes of the id, and of the first message.
    id_len: u8,
    first_len: u8,
    /// How many entries there are.
    count: u8,
    pub(super) level: Option<Level>,
    pub(super) is_access_logged: bool,
    /// Further processes and sources were named.
    has_others: bool,
    /// By time; the first ones and the last ones.
    entries: [Kept; KEPT],
    other_pids: Vec<u64>,
    other_sources: Vec<u32>,
}

impl Followed {
    /// Takes the place of another request, whose room it uses; the time of its first record.
    pub(super) fn start(&mut self, mention: &Mention<'_>) -> Option<UtcTime> {
        let (id, message) = (mention.id.text, start_of(mention.message));
        self.text.clear();
        self.text.extend_from_slice(id);
        self.text.extend_from_slice(message);
        (self.id_len, self.first_len) = (id.len() as u8, message.len() as u8);
        (self.records, self.count) = (1, 1);
        (self.level, self.is_access_logged) = (mention.level, mention.is_access_log);
        (self.pid, self.source) = (mention.pid, mention.place.source as u32);
        if std::mem::take(&mut self.has_others) {
            self.other_pids.clear();
            self.other_sources.clear();
        }
        let [first, ..] = &mut self.entries;
        *first = Kept::of(mention);
        mention.time
    }

    pub(super) fn id(&self) -> &[u8] {
        self.text.get(..usize::from(self.id_len)).unwrap_or_default()
    }

    pub(super) fn first_message(&self) -> &[u8] {
        self.text.get(usize::from(self.id_len)..self.last_message_at()).unwrap_or_default()
    }

    /// Empty when there is one record only.
    pub(super) fn last_message(&self) -> &[u8] {
        self.text.get(self.last_message_at()..).unwrap_or_default()
    }

    fn last_message_at(&self) -> usize {
        usize::from(self.id_len) + usize::from(self.first_len)
    }

    pub(super) fn entries(&self) -> &[Kept] {
        self.entries.get(..usize::from(self.count)).unwrap_or_default()
    }

    pub(super) fn entries_mut(&mut self) -> &mut [Kept] {
        self.entries.get_mut(..usize::from(self.count)).unwrap_or_default()
    }

    pub(super) fn sources(&self) -> Vec<usize> {
        std::iter::once(&self.source).chain(&self.other_sources).map(|source| *source as usize).collect()
    }

    pub(super) fn pids(&self) -> impl Iterator<Item = u64> {
        self.pid.iter().chain(&self.other_pids).copied()
    }

    pub(super) fn first(&self) -> Option<&Kept> {
        self.entries().first()
    }

    pub(super) fn last(&self) -> Option<&Kept> {
        self.entries().last()
    }

    /// Adds a further record; the latest time among those that are kept.
    pub(super) fn add(&mut self, mention: &Mention<'_>) -> Option<UtcTime> {
        self.records += 1;
        self.level = self.level.max(mention.level);
        self.is_access_logged |= mention.is_access_log;
        self.note_origin(mention.pid, mention.place.source as u32);
        let entry = Kept::of(mention);
        let at = self.entries().partition_point(|known| known.order() <= entry.order());
        self.keep_message(at, start_of(mention.message));
        self.insert(at, entry);
        self.entries().iter().filter_map(|entry| entry.time).max()
    }

    fn note_origin(&mut self, pid: Option<u64>, source: u32) {
        if source != self.source {
            self.has_others = true;
            note_other(&mut self.other_sources, source);
        }
        match (pid, self.pid) {
            (Some(pid), Some(first)) if pid != first => {
                self.has_others = true;
                note_other(&mut self.other_pids, pid);
            }
            (Some(_), None) => self.pid = pid,
            _ => {}
        }
    }

    /// Keeps a message, undecoded, when its record is to be the first or the last one: few are ever shown.
    fn keep_message(&mut self, at: usize, message: &[u8]) {
        let count = usize::from(self.count);
        if at == count {
            self.text.truncate(self.last_message_at());
            self.text.extend_from_slice(message);
        } else if at == 0 {
            // The only one was the first, and is now the last.
            let last_at = if count == 1 { usize::from(self.id_len) } else { self.last_message_at() };
            let last = self.text.get(last_at..).unwrap_or_default().to_vec();
            self.text.truncate(usize::from(self.id_len));
            self.text.extend_from_slice(message);
            self.first_len = message.len() as u8;
            self.text.extend_from_slice(&last);
        }
    }

    /// Puts an entry at its place; where there are too many then, one between the first and the last ones is dropped.
    fn insert(&mut self, at: usize, entry: Kept) {
        let count = usize::from(self.count);
        let (at, moved) = match (count < KEPT, at) {
            (true, at) => {
                self.count += 1;
                self.entries.copy_within(at..count, at + 1);
                (at, true)
            }
            (false, at) if at < FIRST_KEPT => {
                self.entries.copy_within(at..FIRST_KEPT - 1, at + 1);
                (at, true)
            }
            (false, at) if at > FIRST_KEPT => {
                self.entries.copy_within(FIRST_KEPT + 1..at, FIRST_KEPT);
                (at - 1, true)
            }
            (false, at) => (at, false),
        };
        if moved && let Some(slot) = self.entries.get_mut(at) {
            *slot = entry;
        }
    }
}

/// The part of a message that is kept.
fn start_of(message: &[u8]) -> &[u8] {
    message.get(..MESSAGE_LIMIT).unwrap_or(message)
}

fn note_other<T: PartialEq>(others: &mut Vec<T>, value: T) {
    if others.len() + 1 < MAX_ORIGINS && !others.contains(&value) {
        others.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::RequestId;
    use super::*;

    /// The same by plain lists.
    #[derive(Default)]
    struct Plain {
        entries: Vec<Kept>,
        messages: [Vec<u8>; 2],
        lists: [Vec<u64>; 2],
    }

    impl Plain {
        fn add(&mut self, mention: &Mention<'_>) -> Option<UtcTime> {
            let entry = Kept::of(mention);
            let values = [Some(mention.place.source as u64), mention.pid];
            for (list, value) in self.lists.iter_mut().zip(values) {
                if let Some(value) = value.filter(|value| list.len() < MAX_ORIGINS && !list.contains(value)) {
                    list.push(value);
                }
            }
            let at = self.entries.partition_point(|known| known.order() <= entry.order());
            self.entries.insert(at, entry);
            let [first, last] = &mut self.messages;
            let message = mention.message.iter().copied().take(MESSAGE_LIMIT).collect();
            if at == 0 {
                if self.entries.len() == 2 {
                    *last = std::mem::take(first);
                }
                *first = message;
            } else if at + 1 == self.entries.len() {
                *last = message;
            }
            if self.entries.len() > KEPT {
                self.entries.remove(FIRST_KEPT);
            }
            self.entries.iter().filter_map(|entry| entry.time).max()
        }
    }

    #[test]
    fn what_is_kept_is_what_lists_would_keep() {
        let mut sequence = pycoroner_fixtures::Sequence::new(5);
        let mut followed = Followed::default();
        for round in 0..2000 {
            let mut plain = Plain::default();
            let id = RequestId::of(b"req-4711").unwrap();
            for line in 0..sequence.below(24) as u64 {
                let time = (sequence.below(6) > 0).then(|| UtcTime(sequence.below(20) as i64));
                let message = vec![b'a' + sequence.below(26) as u8; sequence.below(300)];
                let mention = Mention {
                    id,
                    time,
                    level: None,
                    pid: (sequence.below(4) > 0).then(|| sequence.below(12) as u64),
                    template: sequence.below(5) as u64,
                    message: &message,
                    is_access_log: sequence.below(5) == 0,
                    place: Place { source: sequence.below(11), line, last_line: line, ..Place::default() },
                };
                assert_eq!(Kept::of(&mention).place(), mention.place);
                let latest = if line == 0 { followed.start(&mention) } else { followed.add(&mention) };
                assert_eq!(latest, plain.add(&mention), "{round} {line}");
                assert_eq!(format!("{:?}", followed.entries()), format!("{:?}", plain.entries));
                assert_eq!([followed.first_message(), followed.last_message()], plain.messages);
                let sources: Vec<u64> = followed.sources().into_iter().map(|source| source as u64).collect();
                assert_eq!([sources, followed.pids().collect()], plain.lists);
                assert_eq!(followed.id(), b"req-4711");
            }
        }
    }
}
