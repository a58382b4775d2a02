//! Remembers what messages have in common, so that most of them need not be masked.
//!
//! A pattern is a message cut into literals and slots. In a message with the same literals the masker is asked only
//! at the slots, and at the few other places where what it does may depend on a slot; where it would do the same at
//! each of them, it would do the same everywhere, and the mask is the same. [`cut`] tells those places.
//!
//! What is remembered makes naming faster, and changes no name.

mod cut;
mod word;

use std::ops::Range;

use super::mask::{Cursor, Step, Wildcard, ipv4_len, is_separator};
use cut::cut;
use word::{digits_len, hex_len, is_word_like};

/// Patterns that are remembered, and those of them that start alike.
const MAX_PATTERNS: usize = 1024;
const MAX_ALIKE: usize = 8;
const SLOTS: usize = 256;
/// Messages for which one more may be remembered, and those that are remembered without.
const EFFORT: u32 = 32;
const MAX_CREDIT: u32 = EFFORT << 11;

/// Remembered messages.
pub(super) struct Memo {
    patterns: Vec<Pattern>,
    /// By the start of the message: one more than the index of the last pattern that was added.
    slots: Box<[u16; SLOTS]>,
    /// Hashes of the masks of messages that were masked lately: what is seen but once is not remembered.
    lately: Box<[u64; SLOTS]>,
    credit: u32,
}

/// Messages with the same mask.
struct Pattern {
    /// The next one that starts alike, as in the slots.
    next: u16,
    /// At how many places the masker is asked.
    questions: usize,
    /// The hash of the mask.
    mask: u64,
    pieces: Box<[Piece]>,
    /// The literals of the pieces, and words that their slots are held to.
    bytes: Box<[u8]>,
}

/// A literal and what stands behind it.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// The first eight bytes of the literal, and how many it has.
    start: u64,
    len: u16,
    then: Then,
}

#[derive(Clone, Copy, Debug)]
enum Then {
    /// Digits that are a number, however many they are, or that have a unit.
    Digits,
    Ipv4,
    /// A word of seven or more hexadecimal digits, with letters.
    Hex,
    /// Other bytes of a message: what the masker makes of them, and whether they end with a separator.
    Wildcard(Wildcard, bool),
    /// A word whose parts are masked like those of another one, of so many bytes.
    Parts(u16),
    Sign,
    Email,
    /// A literal, so many bytes of which stay as they are.
    Keep(u16),
    /// Nothing.
    End,
}

/// What is remembered of a message.
pub(super) struct Recalled {
    /// The hash of its mask.
    pub(super) mask: u64,
    /// Where the id of a request stands in it.
    pub(super) request_id: Option<Range<usize>>,
}

impl Default for Memo {
    fn default() -> Self {
        Self {
            patterns: Vec::new(),
            slots: Box::new([0; SLOTS]),
            lately: Box::new([0; SLOTS]),
            credit: MAX_CREDIT,
        }
    }
}

impl Memo {
    #[inline]
    pub(super) fn recall(&mut self, message: &[u8]) -> Option<Recalled> {
        let mut next = *self.slots.get(slot_of(message))?;
        while let Some(index) = usize::from(next).checked_sub(1) {
            let pattern = self.patterns.get(index)?;
            next = pattern.next;
            if let Some(recalled) = pattern.fits(message) {
                self.credit = self.credit.saturating_add(1).min(MAX_CREDIT);
                return Some(recalled);
            }
        }
        None
    }

    /// Remembers a message that was masked, when another one with the same mask was masked lately.
    pub(super) fn learn(&mut self, message: &[u8], mask: u64) {
        self.credit = self.credit.saturating_add(1).min(MAX_CREDIT);
        let Some(lately) = self.lately.get_mut((mask >> 56) as usize) else { return };
        if std::mem::replace(lately, mask) == mask && self.credit >= EFFORT {
            self.credit -= EFFORT;
            self.remember(message, mask);
        }
    }

    fn remember(&mut self, message: &[u8], mask: u64) -> Option<()> {
        let (pieces, bytes) = cut(message)?;
        if self.patterns.len() >= MAX_PATTERNS {
            self.patterns.clear();
            *self.slots = [0; SLOTS];
        }
        let questions = pieces.iter().filter(|piece| piece.then.asks()).count();
        let slot = slot_of(message);
        let first = *self.slots.get(slot)?;
        let is_full = self.alike(first).count() >= MAX_ALIKE;
        // Those that ask less come first: they are tried in vain at less cost.
        let cheaper = self.alike(first).take_while(|known| known.1.questions < questions).last();
        let (before, next) = match cheaper.filter(|_| !is_full) {
            Some((index, known)) => (Some(index), known.next),
            None => (None, if is_full { 0 } else { first }),
        };
        let (pieces, bytes) = (pieces.into(), bytes.into());
        self.patterns.push(Pattern { next, questions, mask, pieces, bytes });
        let added = self.patterns.len() as u16;
        match before {
            Some(index) => self.patterns.get_mut(index)?.next = added,
            None => *self.slots.get_mut(slot)? = added,
        }
        Some(())
    }

    /// The patterns from one on that start alike, with their indexes.
    fn alike(&self, first: u16) -> impl Iterator<Item = (usize, &Pattern)> {
        let at = |next: u16| {
            let index = usize::from(next).checked_sub(1)?;
            Some((index, self.patterns.get(index)?))
        };
        std::iter::successors(at(first), move |(_, known)| at(known.next))
    }
}

impl Pattern {
    /// What is remembered of a message that surely has the same mask.
    #[inline]
    fn fits(&self, text: &[u8]) -> Option<Recalled> {
        let (mut at, mut request_id) = (0, None);
        let mut bytes: &[u8] = &self.bytes;
        for piece in &self.pieces {
            let rest = text.get(at..)?;
            let len = usize::from(piece.len);
            if !piece.stands_at_start(rest, bytes) {
                return None;
            }
            bytes = bytes.get(len..)?;
            let rest = rest.get(len..)?;
            at += len;
            at += match piece.then {
                Then::Digits => digits_len(rest)?,
                Then::Ipv4 => ipv4_len(rest)?,
                Then::Hex => hex_len(rest)?,
                Then::End => {
                    return rest.is_empty().then_some(Recalled { mask: self.mask, request_id });
                }
                other => {
                    let cursor = Cursor { text, at };
                    let step = cursor.step(*rest.first()?);
                    request_id = request_id.or_else(|| cursor.request_id(step));
                    let len = other.taken(step, rest, bytes)?;
                    if let Then::Parts(known) = other {
                        bytes = bytes.get(usize::from(known)..)?;
                    }
                    len
                }
            };
        }
        None
    }
}

impl Piece {
    fn new(literal: &[u8], then: Then) -> Self {
        let start = literal.iter().take(8).rev().fold(0, |start, byte| start << 8 | u64::from(*byte));
        Self { start, len: literal.len() as u16, then }
    }

    /// Whether a text starts with the literal, which `bytes` start with.
    #[inline]
    fn stands_at_start(&self, text: &[u8], bytes: &[u8]) -> bool {
        let len = usize::from(self.len);
        let Some(first) = text.first_chunk() else {
            return bytes.get(..len).is_some_and(|literal| text.starts_with(literal));
        };
        let different = u64::from_le_bytes(*first) ^ self.start;
        if len < 8 {
            return different & ((1 << (8 * len)) - 1) == 0;
        }
        different == 0 && (len == 8 || bytes.get(8..len).is_some_and(|tail| text.get(8..len) == Some(tail)))
    }
}

impl Then {
    /// Whether the masker is asked what it takes.
    fn asks(self) -> bool {
        !matches!(self, Self::Digits | Self::Ipv4 | Self::Hex | Self::End)
    }

    /// How many bytes a slot takes in which the masker takes a step; `None` when that is another one.
    #[inline]
    fn taken(self, step: Step, rest: &[u8], bytes: &[u8]) -> Option<usize> {
        match (self, step) {
            (Self::Wildcard(wildcard, ends), Step::Wildcard(found, len)) => {
                let len = len.max(1);
                let last = *rest.get(len - 1)?;
                (found == wildcard && is_separator(last) == ends).then_some(len)
            }
            (Self::Parts(known), Step::Parts(len)) => {
                is_word_like(rest.get(..len)?, bytes.get(..usize::from(known))?).then_some(len)
            }
            (Self::Sign, Step::Sign) => Some(1),
            (Self::Email, Step::Email(len)) => Some(len),
            // It stands in the next literal.
            (Self::Keep(known), Step::Keep(len)) if len == usize::from(known) => Some(0),
            _ => None,
        }
    }
}

/// The slot of a message: by its first letters, as far as they are among the first eight bytes.
#[inline]
fn slot_of(message: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let first = match message.first_chunk() {
        Some(first) => u64::from_le_bytes(*first),
        None => message.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    // The lowest bit that is set belongs to the first byte below `A`.
    let others = first.wrapping_sub(ONES * u64::from(b'A')) & !first & (ONES << 7);
    let letters = if others == 0 { first } else { first & (others.wrapping_sub(1) & !others) >> 7 };
    (letters.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

#[cfg(test)]
mod tests;
