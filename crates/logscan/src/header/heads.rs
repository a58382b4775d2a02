//! Remembers heads of records: neighbours differ in their times, and in little else.
//!
//! What stands between a time's last digit and the message is its own key, so that what is remembered is right or not
//! found. Where reading on could change the head (another field might follow), the line is read as a whole.

mod key;
mod stamp;

use super::fields::next_field;
use super::{Counted, Form, Header, Names, NumberColumn, parse_in};
use crate::ascii::until;
use crate::level::Level;
use crate::needles::{Hits, Needles};
use crate::stated_time::StatedTime;
use key::{Key, MIN_KEY, START};
use stamp::{LONGEST, SECOND, Shape, Stamp};
use wide::u8x16;

/// Heads that are remembered, and those of them that start alike.
const MAX_HEADS: usize = 512;
const MAX_ALIKE: usize = 8;
const SLOTS: usize = 256;

/// Reads heads of records faster than [`parse`](super::parse), with the same result.
pub(crate) struct Heads {
    stamp: Stamp,
    known: Vec<Head>,
    column: NumberColumn,
    /// By the start of the key: one more than the index of the last head that was added.
    slots: Box<[u16; SLOTS]>,
}

/// A remembered head, without its time.
struct Head {
    key: Key,
    /// The next one that starts alike, as in the slots.
    next: u16,
    shape: Shape,
    form: Form,
    level: Level,
    logger: Part,
    thread: Part,
    request_id: Part,
    pid: Option<u64>,
    /// Bytes at the end that a needle may start with.
    reach: usize,
}

/// A part of the key.
#[derive(Clone, Copy)]
struct Part {
    start: u8,
    len: u8,
}

impl Part {
    fn of(self, key: &[u8]) -> Option<&[u8]> {
        key.get(usize::from(self.start)..)?.get(..usize::from(self.len))
    }
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            stamp: Stamp::default(),
            known: Vec::new(),
            column: NumberColumn::Unknown,
            slots: Box::new([0; SLOTS]),
        }
    }
}

/// A text that starts with a line whose head is remembered.
pub(crate) struct Known<'h, 'a> {
    head: &'h Head,
    /// Seconds since 1970 as if the clock had shown UTC.
    seconds: i64,
    nanos: u32,
    text: &'a [u8],
    pub(crate) message: &'a [u8],
}

impl<'a> Known<'_, 'a> {
    #[inline]
    pub(crate) fn level(&self) -> Level {
        self.head.level
    }

    /// What needles a record holds whose message has so many bytes, and perhaps more of the same line. None stands
    /// wholly in its head.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "measured: what is known would be written to memory for each line"
    )]
    pub(crate) fn hits(&self, needles: &Needles, message: usize) -> Hits {
        let reach = self.head.reach;
        let from = (self.text.len() - self.message.len()).saturating_sub(reach);
        needles.in_start(self.text.get(from..).unwrap_or_default(), reach + message)
    }

    /// The same, of a text that went on behind the line.
    #[inline]
    pub(crate) fn ending_at(self, line: &'a [u8]) -> Self {
        let head = self.text.len() - self.message.len();
        Self { text: line, message: line.get(head..).unwrap_or_default(), ..self }
    }

    fn key(&self) -> &'a [u8] {
        self.text.get(self.head.shape.key_at()..).unwrap_or_default()
    }

    /// All that the head says.
    pub(crate) fn header(&self) -> Option<Header<'a>> {
        let Self { head, seconds, nanos, message, .. } = *self;
        let Names { thread, logger } = self.names()?;
        Some(Header {
            time: Some(head.form.time_at(seconds, nanos)),
            level: Some(head.level),
            logger,
            thread,
            request_id: self.request_id()?,
            pid: head.pid,
            message,
            format: head.form.format,
        })
    }

    /// Who wrote the line.
    pub(crate) fn names(&self) -> Option<Names<'a>> {
        let key = self.key();
        Some(Names { thread: self.head.thread.of(key)?, logger: self.head.logger.of(key)? })
    }

    /// The request that the head names; empty when it names none.
    #[inline]
    pub(crate) fn request_id(&self) -> Option<&'a [u8]> {
        let Part { len, .. } = self.head.request_id;
        if len == 0 { Some(b"") } else { self.head.request_id.of(self.key()) }
    }

    /// What is counted of a record with this message.
    #[inline]
    pub(crate) fn counted(&self, message: &'a [u8]) -> Counted<'a> {
        let Self { head, seconds, nanos, .. } = *self;
        Counted { form: head.form, seconds, nanos, level: head.level, pid: head.pid, message }
    }
}

impl Heads {
    /// Bytes of the shortest head that is remembered: none of them is a newline.
    pub(crate) const SHORTEST: usize = SECOND + MIN_KEY;
    /// Bytes that are looked at first, of a line and what stands behind it.
    pub(crate) const START: usize = LONGEST + START;

    /// Says what a bare number is in the heads that follow.
    pub(crate) fn set_column(&mut self, column: NumberColumn) {
        if self.column != column {
            *self = Self { column, ..Self::default() };
        }
    }

    /// Reads the head of a record; `None` when the line does not start one.
    pub(crate) fn parse<'a>(&mut self, line: &'a [u8]) -> Option<Header<'a>> {
        match self.recalled(line) {
            Some(known) => known.header(),
            None => self.learn(line),
        }
    }

    /// A text that starts with a line whose head is remembered.
    #[inline(never)]
    pub(crate) fn recalled<'a>(&mut self, text: &'a [u8]) -> Option<Known<'_, 'a>> {
        match text.first_chunk() {
            Some(start) => self.recall(start, text),
            None => self.recall(&padded(text), text),
        }
    }

    /// The same of a text whose start is given twice, for the loop in which most lines are read: what is known would be
    /// written to memory for each of them otherwise.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "measured: one scan in ten more time otherwise")]
    pub(crate) fn recall<'a>(&mut self, start: &[u8; Self::START], text: &'a [u8]) -> Option<Known<'_, 'a>> {
        let time = start.first_chunk()?;
        let nanos = match self.stamp.nanos_of(time) {
            Some(nanos) => nanos,
            None => self.stamp.read(time)?,
        };
        let Stamp { shape, seconds, .. } = self.stamp;
        let key_at = shape.key_at() % LONGEST;
        let start = start.get(key_at..)?.first_chunk()?;
        let mut next = *self.slots.get(slot_of(start)?)?;
        while let Some(index) = usize::from(next).checked_sub(1) {
            let head = self.known.get(index)?;
            next = head.next;
            if head.shape == shape && head.key.starts(text.get(key_at..)?, start) {
                let message = text.get(key_at + head.key.len()..)?;
                return head.ends_before(message).then_some(Known { head, seconds, nanos, text, message });
            }
        }
        None
    }

    /// Reads the line as a whole, and remembers its head.
    #[cold]
    #[inline(never)]
    pub(crate) fn learn<'a>(&mut self, line: &'a [u8]) -> Option<Header<'a>> {
        let header = parse_in(line, self.column)?;
        if matches!(line.first()?, b'0'..=b'9' | b'[') {
            self.remember(line, &header);
        }
        Some(header)
    }

    fn remember(&mut self, line: &[u8], header: &Header<'_>) -> Option<()> {
        let StatedTime::Civil { seconds, nanos, offset, uncertainty_ms } = header.time? else { return None };
        let read = self.stamp.read(&padded(line))?;
        let shape = self.stamp.shape;
        if (self.stamp.seconds, read, shape.uncertainty_ms()) != (seconds, nanos, uncertainty_ms) {
            return None;
        }
        let rest = line.get(shape.key_at()..)?;
        let key = rest.get(..rest.len().checked_sub(header.message.len())?)?;
        // Behind a blank what follows has no say in what the key's own fields are.
        let level = header.level?;
        if !key.ends_with(b" ") || !starts_plainly(header.message) || key.len() < MIN_KEY {
            return None;
        }
        let part = |text: &[u8]| {
            let start = if text.is_empty() { 0 } else { text.as_ptr() as usize - key.as_ptr() as usize };
            (start + text.len() <= key.len()).then_some(Part { start: start as u8, len: text.len() as u8 })
        };
        let mut head = Head {
            next: 0,
            reach: Needles::get().reach(key)?,
            key: Key::new(key)?,
            shape,
            form: Form { format: header.format, offset, uncertainty_ms },
            level,
            logger: part(header.logger)?,
            thread: part(header.thread)?,
            request_id: part(header.request_id)?,
            pid: header.pid,
        };
        if self.known.len() >= MAX_HEADS {
            self.known.clear();
            *self.slots = [0; SLOTS];
        }
        let slot = slot_of(rest)?;
        let alike = std::iter::successors(self.slots.get(slot).copied(), |at| {
            usize::from(*at).checked_sub(1).and_then(|index| self.known.get(index)).map(|head| head.next)
        });
        let is_full = alike.take_while(|at| *at > 0).count() >= MAX_ALIKE;
        let slot = self.slots.get_mut(slot)?;
        head.next = if is_full { 0 } else { *slot };
        self.known.push(head);
        *slot = self.known.len() as u16;
        Some(())
    }
}

impl Head {
    /// Whether the message could not be read as one more field.
    #[inline]
    fn ends_before(&self, message: &[u8]) -> bool {
        self.is_surely_message(message) || starts_plainly(message) && self.is_no_field(message)
    }

    /// Whether it is a message by its first word alone: behind a logger, only a name and a colon are a field.
    #[inline]
    fn is_surely_message(&self, message: &[u8]) -> bool {
        let Some(start) = message.first_chunk::<16>() else { return false };
        let bits = |byte| u8x16::new(*start).simd_eq(u8x16::splat(byte)).to_bitmask();
        let blanks = bits(b' ');
        let in_front = blanks.wrapping_sub(1) & !blanks;
        blanks != 0 && bits(b':') & in_front == 0 && self.logger.len > 0 && start[0].is_ascii_alphabetic()
    }

    #[inline(never)]
    fn is_no_field(&self, message: &[u8]) -> bool {
        let message = until(message, b'\n');
        let message = message.strip_suffix(b"\r").unwrap_or(message);
        let mut header = Header::new(Some(StatedTime::Undated), self.form.format, message);
        header.level = Some(self.level);
        header.pid = self.pid;
        // Of these, only whether they are there counts.
        header.logger = message.get(..usize::from(self.logger.len.min(1))).unwrap_or_default();
        header.thread = message.get(..usize::from(self.thread.len.min(1))).unwrap_or_default();
        header.request_id = message.get(..usize::from(self.request_id.len.min(1))).unwrap_or_default();
        next_field(&mut header, message).is_none()
    }
}

/// The start of a text, or all of it and zeros.
fn padded<const LEN: usize>(text: &[u8]) -> [u8; LEN] {
    let mut start = [0; LEN];
    for (to, from) in start.iter_mut().zip(text) {
        *to = *from;
    }
    start
}

/// No bracket, dash or blank that could belong to the head.
#[inline]
fn starts_plainly(message: &[u8]) -> bool {
    message.first().is_some_and(u8::is_ascii_alphanumeric)
}

/// The slot of a key: by its first bytes, where levels and threads stand.
#[inline]
fn slot_of(rest: &[u8]) -> Option<usize> {
    let first = u64::from_le_bytes(*rest.first_chunk()?) << (8 * (8 - MIN_KEY));
    Some((first.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize)
}

#[cfg(test)]
mod tests;
