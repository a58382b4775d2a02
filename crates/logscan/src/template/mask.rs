//! Masks the variable parts of one message by the name of their kind.
//!
//! The rules look at one message at a time, so that the result depends on no other message, no order and no number
//! of threads; nothing is learnt.

mod addresses;
mod key;
mod numbers;
mod step;

use std::ops::Range;

pub(super) use addresses::ipv4_len;
pub(super) use key::{Key, is_separator};
pub(super) use numbers::{DATE_REACH, may_start_date};
pub(super) use step::{Cursor, Step, Wildcard, id_len, may_stand_before_sign, outcome_reach};

/// Bytes that are looked at for one address, path or host.
const VALUE_LIMIT: usize = 200;

/// The kinds of wildcards, for the reader of a document.
pub(crate) const RULES: &[&str] = &[
    "<uuid>, <ip> (with its port), <mac>, <url>, <email>, <path>, <time> (dates and times of day)",
    "<duration> and <size>: a number with its unit attached; <version>: numbers with two dots or more",
    "<hex>: 0x…, and seven or more hexadecimal digits with both letters and figures",
    "<id>: what a name such as request_id, or req-, says is one; sixteen or more letters and figures, or figures between letters",
    "<n>: any other number",
    "templates that differ only in <n>, <hex>, <id>, <duration>, <size>, <version> are one, named after the most frequent of them",
    "<str>: a quoted string; requests in quotes are masked inside",
    "numbers that name a kind of outcome are kept: HTTP status, signal, errno, exit code",
    "lists of one kind count as one: [<n>]",
    "of a message the first line and its first 256 bytes count; levels are told apart",
];

/// Appends the message with its variable parts replaced; where the id of a request stands in it.
pub(crate) fn mask(message: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
    mask_in_steps(message, out, |_, _| {})
}

/// The same, and tells each step and where it is taken.
#[inline]
pub(super) fn mask_in_steps(
    message: &[u8],
    out: &mut Vec<u8>,
    mut told: impl FnMut(usize, Step),
) -> Option<Range<usize>> {
    let (token, shift) = (out.len(), out.len());
    let mut masker = Masker { text: message, at: 0, copied: 0, shift, token, out };
    let mut request_id = None;
    while let Some(byte) = message.get(masker.at).copied() {
        let cursor = Cursor { text: message, at: masker.at };
        let step = cursor.step(byte);
        told(masker.at, step);
        if request_id.is_none() {
            request_id = cursor.request_id(step);
        }
        masker.take(byte, step);
    }
    masker.copy();
    request_id
}

/// What bytes may be part of.
const WORD: u8 = 1;
const DIGIT: u8 = 2;
const HEX: u8 = 4;
/// A byte with which something other than a word may start, or that a mail address may hold.
const SPECIAL: u8 = 8;
/// Not in a word, but in a path.
const IN_PATH: u8 = 16;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the index")]
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => WORD | DIGIT | HEX,
            b'a'..=b'f' | b'A'..=b'F' => WORD | HEX,
            b'g'..=b'z' | b'G'..=b'Z' | b'_' => WORD,
            b'/' | b'@' | b'-' | b'.' | b'%' | b'+' => SPECIAL | IN_PATH,
            b'"' | b'\'' | b':' => SPECIAL,
            b'~' => IN_PATH,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

#[inline]
fn class_of(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Writes what becomes of a message.
struct Masker<'m, 'o> {
    text: &'m [u8],
    at: usize,
    /// What stands in front of this is in `out`; what is literal is copied when the next wildcard is written.
    copied: usize,
    /// From a place in the text to the place in `out` where it is going to stand; may wrap around.
    shift: usize,
    out: &'o mut Vec<u8>,
    /// Where in `out` the present run of characters that a mail address may hold starts.
    token: usize,
}

impl Masker<'_, '_> {
    #[inline]
    fn take(&mut self, byte: u8, step: Step) {
        match step {
            Step::Keep(len) => {
                match byte {
                    b'.' | b'%' | b'+' | b'-' => {}
                    b'/' if len > 1 => self.token = self.place(self.at),
                    _ if class_of(byte) & WORD != 0 => {}
                    _ => self.token = self.place(self.at + 1),
                }
                self.at += len;
            }
            Step::Wildcard(wildcard, len) => {
                self.copy();
                self.name(wildcard.name());
                self.replaced(len);
            }
            Step::Parts(len) => {
                self.copy();
                self.parts(len);
                self.replaced(len);
            }
            Step::Sign => {
                self.copy();
                self.replaced(1);
            }
            Step::Email(len) => {
                self.copy();
                self.out.truncate(self.token);
                self.name(b"<email>");
                self.replaced(len);
            }
        }
    }

    /// Where in `out` a place of the text is going to stand, if all before it is literal.
    #[inline]
    fn place(&self, at: usize) -> usize {
        self.shift.wrapping_add(at)
    }

    /// Copies what is literal.
    fn copy(&mut self) {
        self.out.extend_from_slice(self.text.get(self.copied..self.at).unwrap_or_default());
        self.copied = self.at;
    }

    /// Something else stands in `out` for the next bytes of the text; an empty id takes one, too.
    fn replaced(&mut self, len: usize) {
        self.at += len.max(1);
        self.copied = self.at;
        self.shift = self.out.len().wrapping_sub(self.copied);
    }

    /// Writes a wildcard; behind the same one and a comma it is one more of a list.
    fn name(&mut self, name: &'static [u8]) {
        let is_repeated = match self.out.as_slice() {
            [list @ .., b',', b' '] | [list @ .., b','] if list.ends_with(name) => Some(list.len()),
            _ => None,
        };
        match is_repeated {
            Some(list) => {
                self.out.truncate(list);
                self.token = self.token.min(list);
            }
            None => self.out.extend_from_slice(name),
        }
    }

    /// A word with digits in it, part by part between its underscores.
    fn parts(&mut self, len: usize) {
        let word = self.text.get(self.at..self.at + len).unwrap_or_default();
        for (index, part) in word.split(|byte| *byte == b'_').enumerate() {
            if index > 0 {
                self.out.push(b'_');
            }
            match Part::of(part) {
                Part::Literal => self.out.extend_from_slice(part),
                Part::Wildcard(wildcard) => self.name(wildcard.name()),
                Part::Mixed => {
                    let mut in_number = false;
                    for byte in part {
                        if !byte.is_ascii_digit() {
                            self.out.push(*byte);
                        } else if !in_number {
                            self.out.extend_from_slice(b"<n>");
                        }
                        in_number = byte.is_ascii_digit();
                    }
                }
            }
        }
    }
}

/// What becomes of a part of a word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Literal,
    Wildcard(Wildcard),
    /// Its digits are numbers.
    Mixed,
}

impl Part {
    pub(super) fn of(part: &[u8]) -> Self {
        let Word { len, has_digit, is_digits, is_hex } = measure(part);
        if !has_digit {
            Self::Literal
        } else if is_digits {
            Self::Wildcard(Wildcard::Number)
        } else if is_hex && len >= 7 {
            Self::Wildcard(Wildcard::Hex)
        } else if len >= 16 || digit_runs(part) > 1 {
            Self::Wildcard(Wildcard::Id)
        } else {
            Self::Mixed
        }
    }
}

/// What a run of letters, digits and `_` is made of.
#[derive(Clone, Copy)]
pub(super) struct Word {
    pub(super) len: usize,
    pub(super) has_digit: bool,
    pub(super) is_digits: bool,
    pub(super) is_hex: bool,
}

#[inline]
pub(super) fn measure(text: &[u8]) -> Word {
    let (mut len, mut any, mut all) = (0, 0, DIGIT | HEX);
    for byte in text {
        let class = class_of(*byte);
        if class & WORD == 0 {
            break;
        }
        any |= class;
        all &= class;
        len += 1;
    }
    Word { len, has_digit: any & DIGIT != 0, is_digits: all & DIGIT != 0, is_hex: all & HEX != 0 }
}

fn digit_runs(text: &[u8]) -> usize {
    let starts = text.iter().zip(text.iter().skip(1));
    usize::from(text.first().is_some_and(u8::is_ascii_digit))
        + starts.filter(|(before, byte)| byte.is_ascii_digit() && !before.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests;
