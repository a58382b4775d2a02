//! Cuts a message into the pieces of a pattern.
//!
//! A step of the masker depends on the bytes that it takes, on some in front of them and on some behind them. Where
//! all of these are literals of the pattern, the step is the same in every message with these literals, and nobody
//! asks for it. Where one of them may lie in a slot, the masker is asked. Bytes in a slot that is digits, whatever
//! digits they are, are as good as literals for what looks back at them: they are no separator, no sign and no name.

use super::word::{digits_len, hex_len};
use super::{Piece, Then};
use crate::template::mask::{
    Cursor, DATE_REACH, Key, Step, Wildcard, Word, id_len, is_separator, mask_in_steps,
    may_stand_before_sign, may_start_date, measure, outcome_reach,
};

/// Pieces of a pattern.
const MAX_PIECES: usize = 32;

/// What stands in front of a literal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// Nothing.
    Start,
    /// Digits that can be no part of a name.
    Digits,
    /// Any other slot.
    Slot,
}

/// A message that is being cut.
struct Cutter<'m> {
    text: &'m [u8],
    pieces: Vec<Piece>,
    bytes: Vec<u8>,
    /// Where the literal of the next piece starts.
    literal: usize,
    /// Where the literals behind the last slot start.
    stretch: usize,
    behind: Behind,
}

/// The pieces of a message with their bytes; `None` when there are too many.
pub(super) fn cut(text: &[u8]) -> Option<(Vec<Piece>, Vec<u8>)> {
    let mut steps = Vec::new();
    mask_in_steps(text, &mut Vec::new(), |at, step| steps.push((Cursor { text, at }, step)));
    let mut slots = Vec::new();
    let mut cutter =
        Cutter { text, pieces: Vec::new(), bytes: Vec::new(), literal: 0, stretch: 0, behind: Behind::Start };
    // From the end, as a step has to know which slot is behind it.
    let mut next = None;
    for (cursor, step) in steps.iter().rev() {
        slots.push(next);
        if is_slot(*cursor, *step) {
            next = Some((cursor.at, *step));
        }
    }
    for ((cursor, step), next) in steps.into_iter().zip(slots.into_iter().rev()) {
        if cutter.pieces.len() + 1 >= MAX_PIECES {
            return None;
        }
        if is_slot(cursor, step) {
            cutter.slot(cursor, step, next);
        } else if !cutter.is_sure(cursor, step, next.map(Next::of)) {
            // The numbers of versions are literals only where nobody has to look at them.
            match step {
                Step::Keep(len) => {
                    cutter.put(cursor.at, Then::Keep(len as u16));
                    cutter.literal = cursor.at;
                }
                _ => return None,
            }
        }
    }
    cutter.put(text.len(), Then::End);
    Some((cutter.pieces, cutter.bytes))
}

/// Whether something else may stand in place of what is taken.
fn is_slot(cursor: Cursor<'_>, step: Step) -> bool {
    match step {
        Step::Keep(_) => false,
        // Which one it is says whether a status follows.
        Step::Wildcard(Wildcard::Number, _) => !cursor.before().ends_with(b"HTTP/"),
        _ => true,
    }
}

/// The slot that comes next.
#[derive(Clone, Copy)]
struct Next {
    at: usize,
    /// It starts with a letter, a digit or `_`.
    is_word: bool,
}

impl Next {
    fn of((at, step): (usize, Step)) -> Self {
        let is_word = match step {
            Step::Wildcard(wildcard, _) => !matches!(
                wildcard,
                Wildcard::Path
                    | Wildcard::Quoted
                    | Wildcard::QuotedRequestId
                    | Wildcard::Ipv6
                    | Wildcard::Mac
            ),
            Step::Parts(_) => true,
            Step::Keep(_) | Step::Sign | Step::Email(_) => false,
        };
        Self { at, is_word }
    }
}

impl Cutter<'_> {
    /// Ends a piece with what stands at a place of the text.
    fn put(&mut self, at: usize, then: Then) {
        let literal = self.text.get(self.literal..at).unwrap_or_default();
        self.bytes.extend_from_slice(literal);
        self.pieces.push(Piece::new(literal, then));
    }

    fn slot(&mut self, cursor: Cursor<'_>, step: Step, next: Option<(usize, Step)>) {
        let Cursor { text, at } = cursor;
        let mut behind = Behind::Slot;
        let (len, then) = match step {
            Step::Wildcard(Wildcard::Number, len) if self.is_number(cursor, len, next) => {
                // Behind these, it may be the version of a protocol, which the next number depends on.
                if !matches!(cursor.previous(), b'/' | b'.') {
                    behind = Behind::Digits;
                }
                (len, Then::Digits)
            }
            Step::Wildcard(Wildcard::Duration | Wildcard::Size, len) if self.has_unit(cursor, len) => {
                behind = Behind::Digits;
                (digits_len(text.get(at..).unwrap_or_default()).unwrap_or(len), Then::Digits)
            }
            Step::Wildcard(Wildcard::Ipv4, len) if self.names_nothing(cursor) => (len, Then::Ipv4),
            Step::Parts(len) if self.is_hex(cursor, len) => (len, Then::Hex),
            Step::Wildcard(wildcard, len) => {
                let len = len.max(1);
                let last = text.get(at + len - 1).copied().unwrap_or_default();
                (len, Then::Wildcard(wildcard, is_separator(last)))
            }
            Step::Parts(len) => (len, Then::Parts(len as u16)),
            Step::Sign => (1, Then::Sign),
            Step::Email(len) => (len, Then::Email),
            Step::Keep(len) => (len, Then::Keep(len as u16)),
        };
        self.put(at, then);
        if let Then::Parts(_) = then {
            self.bytes.extend_from_slice(text.get(at..at + len).unwrap_or_default());
        }
        (self.literal, self.stretch, self.behind) = (at + len, at + len, behind);
    }

    /// Whether so many bytes in front of a place are known, or can make no difference.
    fn knows(&self, at: usize, reach: usize) -> bool {
        self.behind != Behind::Slot || at - self.stretch >= reach
    }

    /// Whether any digits in this place are a number.
    fn is_number(&self, cursor: Cursor<'_>, len: usize, next: Option<(usize, Step)>) -> bool {
        let Cursor { text, at } = cursor;
        let is_end_of_sentence = text.get(at + len) == Some(&b'.')
            && !text.get(at + len + 1).is_some_and(u8::is_ascii_digit)
            && next.is_none_or(|(next, _)| next > at + len + 1);
        let word = measure(text.get(at..).unwrap_or_default());
        word.is_digits
            && word.len == len
            && (is_end_of_sentence || ends_word(text.get(at + len).copied()))
            && self.names_nothing(cursor)
            && !cursor.states_outcome(1)
            && !cursor.states_outcome(3)
            && self.knows(at, outcome_reach(cursor.before(), 1).max(outcome_reach(cursor.before(), 3)))
    }

    /// Whether this is digits and a unit, so that other digits would have it, too.
    fn has_unit(&self, cursor: Cursor<'_>, len: usize) -> bool {
        let Cursor { text, at } = cursor;
        let word = text.get(at..at + len).unwrap_or_default();
        let unit = word.get(digits_len(word).unwrap_or(len)..).unwrap_or_default();
        unit.iter().all(u8::is_ascii_alphabetic)
            && ends_word(text.get(at + len).copied())
            && self.names_nothing(cursor)
    }

    /// Whether all hexadecimal digits in this place are.
    fn is_hex(&self, cursor: Cursor<'_>, len: usize) -> bool {
        let Cursor { text, at } = cursor;
        let word = text.get(at..at + len).unwrap_or_default();
        hex_len(word) == Some(len) && ends_word(text.get(at + len).copied()) && self.names_nothing(cursor)
    }

    /// Whether nothing in front of a place names what stands there.
    fn names_nothing(&self, cursor: Cursor<'_>) -> bool {
        let before = cursor.before();
        Key::before(before).is_none() && self.knows(cursor.at, Key::reach(before))
    }

    /// Whether a step is the same whatever is in the slots.
    fn is_sure(&self, cursor: Cursor<'_>, step: Step, next: Option<Next>) -> bool {
        let Cursor { text, at } = cursor;
        let Some(byte) = text.get(at) else { return false };
        let sees = |end: usize| next.is_none_or(|next| end <= next.at);
        let previous = cursor.previous();
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.is_sure_word(cursor, step, next),
            b'@' => false,
            b'-' if !may_stand_before_sign(previous) => self.knows(at, 1),
            b'-' => self.knows(at, 1) && sees(at + 2) && !text.get(at + 1).is_some_and(u8::is_ascii_digit),
            b':' if text.get(at + 1) == Some(&b':') => false,
            b':' => sees(at + 2) || previous.is_ascii_alphanumeric() && self.knows(at, 1),
            b'"' | b'\'' => {
                previous.is_ascii_alphanumeric()
                    && !matches!(previous, b'b' | b'r' | b'u')
                    && self.knows(at, 1)
            }
            b'/' => previous.is_ascii_alphanumeric() && self.knows(at, 1),
            _ => true,
        }
    }

    fn is_sure_word(&self, cursor: Cursor<'_>, step: Step, next: Option<Next>) -> bool {
        let Cursor { text, at } = cursor;
        let sees = |end: usize| next.is_none_or(|next| end <= next.at);
        let rest = text.get(at..).unwrap_or_default();
        let word @ Word { len, has_digit, is_hex, .. } = measure(rest);
        let end = at + len;
        let behind = text.get(end).copied().unwrap_or(b' ');
        if cursor.is_plain(word, behind) {
            // Of the byte before the blank only counts whether it is a separator, which slots are held to.
            return (self.behind == Behind::Start || at > self.stretch) && sees(end + 1);
        }
        let is_unnamed = match Key::before(cursor.before()) {
            None => self.knows(at, Key::reach(cursor.before())),
            Some(Key::Start) => sees(at + id_len(rest) + 1),
            Some(Key::Id | Key::Request) => false,
        };
        if !is_unnamed {
            return false;
        }
        if has_digit {
            return self.is_sure_number(cursor, word, step, next);
        }
        if may_start_date(rest, len) && !sees(at + DATE_REACH) {
            return false;
        }
        match behind {
            b':' if is_hex => false,
            b'-' if is_hex && len == 8 => false,
            // No `://` and no `:\`.
            b':' => {
                next.is_some_and(|next| next.at == end + 1 && next.is_word)
                    || sees(end + 2) && !matches!(text.get(end + 1), Some(b'/' | b'\\'))
            }
            _ => sees(end + 1),
        }
    }

    fn is_sure_number(&self, cursor: Cursor<'_>, word: Word, step: Step, next: Option<Next>) -> bool {
        let Cursor { text, at } = cursor;
        let rest = text.get(at..).unwrap_or_default();
        let behind = text.get(at + word.len).copied().unwrap_or(b' ');
        let may_be_time = matches!((word.len, behind), (4, b'-') | (2, b':' | b'/'));
        // All that a number, an address, an id or a link may go on with.
        let belongs = |byte: &&u8| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'_' | b'.' | b':' | b',' | b'+' | b'-' | b'/' | b'\\' | 0x80..)
        };
        let run = rest.iter().take_while(belongs).count();
        let reach = match step {
            Step::Keep(len) | Step::Wildcard(_, len) => {
                if len <= 3 {
                    outcome_reach(cursor.before(), len)
                } else {
                    0
                }
            }
            _ => return false,
        };
        rest.first().is_some_and(u8::is_ascii_digit)
            && !may_be_time
            && next.is_none_or(|next| at + run < next.at)
            && self.knows(at, reach)
    }
}

/// Whether a word of digits ends here without being more than that.
fn ends_word(next: Option<u8>) -> bool {
    next.is_none_or(|next| {
        !next.is_ascii_alphanumeric() && !matches!(next, b'_' | b'.' | b'-' | b'+' | b':' | b'/' | 0x80..)
    })
}
