//! Masks the variable parts of one message by the name of their kind.
//!
//! The rules look at one message at a time, so that the result depends on no other message, no order and no number
//! of threads; nothing is learnt.

mod addresses;
mod key;
mod numbers;

use std::ops::Range;

use addresses::{
    colon_address, ipv4_len, is_path_byte, is_uuid, until_end_of_value, url_len, windows_path_len,
};
use key::Key;
use numbers::{Number, NumberKind, time_len};

/// Bytes of a quoted string that is still taken for one value.
const QUOTED_LIMIT: usize = 200;
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
    let (token, shift) = (out.len(), out.len());
    let mut masker = Masker { text: message, at: 0, copied: 0, shift, token, out, request_id: None };
    while let Some(byte) = message.get(masker.at).copied() {
        let class = class_of(byte);
        masker.at += if class & WORD != 0 {
            masker.word()
        } else if class & SPECIAL == 0 {
            masker.token = masker.place(masker.at + 1);
            1
        } else {
            match byte {
                b'"' | b'\'' => masker.quoted(byte),
                b'/' => masker.path(),
                b'@' => masker.email(),
                b'-' => masker.dash(),
                b':' => masker.colon(),
                _ => masker.plain(byte),
            }
        };
    }
    masker.copy();
    masker.request_id
}

/// What bytes may be part of.
const WORD: u8 = 1;
const DIGIT: u8 = 2;
const HEX: u8 = 4;
/// A byte with which something other than a word may start, or that a mail address may hold.
const SPECIAL: u8 = 8;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the index")]
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => WORD | DIGIT | HEX,
            b'a'..=b'f' | b'A'..=b'F' => WORD | HEX,
            b'g'..=b'z' | b'G'..=b'Z' | b'_' => WORD,
            b'"' | b'\'' | b'/' | b'@' | b'-' | b':' | b'.' | b'%' | b'+' => SPECIAL,
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
    request_id: Option<Range<usize>>,
}

/// What a run of letters, digits and `_` is made of.
#[derive(Clone, Copy)]
struct Word {
    len: usize,
    has_digit: bool,
    is_digits: bool,
    is_hex: bool,
}

/// Each function gives how many bytes of the text it has taken, at least one.
impl<'m> Masker<'m, '_> {
    fn rest(&self) -> &'m [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn previous(&self) -> u8 {
        self.at.checked_sub(1).and_then(|at| self.text.get(at)).copied().unwrap_or(b' ')
    }

    fn plain(&mut self, byte: u8) -> usize {
        if !matches!(byte, b'.' | b'%' | b'+') {
            self.token = self.place(self.at + 1);
        }
        1
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

    /// Something else stands in `out` for the next bytes of the text.
    fn replaced(&mut self, len: usize) -> usize {
        self.copied = self.at + len.max(1);
        self.shift = self.out.len().wrapping_sub(self.copied);
        len.max(1)
    }

    /// Writes a wildcard; behind the same one and a comma it is one more of a list.
    fn wildcard(&mut self, name: &'static [u8], len: usize) -> usize {
        self.copy();
        self.name(name);
        self.replaced(len)
    }

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

    #[inline]
    fn word(&mut self) -> usize {
        let text = self.rest();
        let word = measure(text);
        let next = text.get(word.len).copied().unwrap_or(b' ');
        // What stands behind a blank and has no digit is no id, and only a colon makes more of it than a word.
        let is_plain = !word.has_digit && next != b':' && !(word.len == 8 && word.is_hex);
        if is_plain && !matches!(next, b'-' | b'.') && self.is_behind_blank() {
            return word.len;
        }
        self.any_word(text, word, next)
    }

    /// One blank stands in front of it, and no other separator.
    #[inline]
    fn is_behind_blank(&self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).and_then(|at| self.text.get(at)).copied();
        before(1) == Some(b' ') && before(2).is_some_and(|byte| !key::is_separator(byte))
    }

    fn any_word(&mut self, text: &'m [u8], word: Word, next: u8) -> usize {
        let Word { len, has_digit, is_hex, .. } = word;
        if let Some(len) = self.named_id(text) {
            return self.wildcard(b"<id>", len);
        }
        if next == b':' {
            if text.get(len..).is_some_and(|rest| rest.starts_with(b"://")) && !has_digit {
                return self.wildcard(b"<url>", url_len(text));
            }
            if len == 1 && text.get(2) == Some(&b'\\') {
                return self.wildcard(b"<path>", windows_path_len(text));
            }
            if is_hex && let Some((name, len)) = colon_address(text) {
                return self.wildcard(name, len);
            }
        }
        if len == 8 && is_hex && is_uuid(text) {
            return self.wildcard(b"<uuid>", 36);
        }
        if !has_digit {
            return len;
        }
        if text.first().is_some_and(u8::is_ascii_digit) {
            // Most numbers are no more than that.
            let is_alone =
                word.is_digits && matches!(next, b' ' | b',' | b')' | b']' | b'"' | b'\'' | b';' | b'=');
            if !is_alone && let Some(len) = time_len(text, len) {
                return self.wildcard(b"<time>", len);
            }
            let number = if is_alone { Some(self.plain_number(len)) } else { self.number(&word) };
            if let Some(taken) = number {
                return taken;
            }
        }
        if text.starts_with(b"0x") && text.get(2..len).is_some_and(|rest| measure(rest).is_hex) {
            return self.wildcard(b"<hex>", len);
        }
        self.parts(len)
    }

    fn plain_number(&mut self, len: usize) -> usize {
        if len <= 3 && self.states_outcome(len) { len } else { self.wildcard(b"<n>", len) }
    }

    /// A number with its fraction, exponent and unit; `None` when the word is more than that.
    fn number(&mut self, word: &Word) -> Option<usize> {
        let text = self.rest();
        if word.is_digits
            && let Some(len) = ipv4_len(text)
        {
            return Some(self.wildcard(b"<ip>", len));
        }
        let number = Number::read(text);
        let taken = match number.kind {
            NumberKind::None => return None,
            NumberKind::Plain => self.plain_number(number.len),
            NumberKind::Version => self.wildcard(b"<version>", number.len),
            NumberKind::Duration => self.wildcard(b"<duration>", number.len),
            NumberKind::Size => self.wildcard(b"<size>", number.len),
        };
        Some(taken)
    }

    /// The text in front of a short number says that it names an outcome.
    #[inline]
    fn states_outcome(&self, digits: usize) -> bool {
        let before = self.text.get(..self.at).unwrap_or_default();
        let before = before.strip_suffix(b"-").unwrap_or(before);
        if digits == 3 && before.ends_with(b"\" ") {
            return true;
        }
        let ([key @ .., b':' | b'=', b' '] | [key @ .., b' ' | b'=' | b':']) = before else { return false };
        // Most words end otherwise.
        let [.., a, b] = key else { return false };
        let end = [a.to_ascii_lowercase(), b.to_ascii_lowercase()];
        matches!(&end, b"us" | b"de" | b".1" | b".0" | b"/2" | b"al" | b"no" | b"th") && names_outcome(key)
    }

    /// The id of a request, when the text in front of it says that it is one: how long it is.
    fn named_id(&mut self, text: &[u8]) -> Option<usize> {
        if !matches!(self.previous(), b'-' | b'=' | b':' | b' ' | b'"' | b'\'' | b'[' | b'(') {
            return None;
        }
        let before = self.text.get(..self.at).unwrap_or_default();
        if self.is_behind_blank() && !key::may_end_name(before.get(..before.len() - 1)?) {
            return None;
        }
        let key = Key::before(before)?;
        let belongs = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let len = text.iter().take(128).take_while(belongs).count();
        let mut value = text.get(..len)?;
        while let [head @ .., b'-' | b'.' | b'_'] = value {
            value = head;
        }
        let has_digit = value.iter().any(u8::is_ascii_digit);
        let is_id = match key {
            Key::Id => true,
            Key::Request => has_digit && value.len() >= 4,
            Key::Start => is_uuid(value) || value.len() == 32 && value.iter().all(u8::is_ascii_hexdigit),
        };
        if !is_id {
            return None;
        }
        if self.request_id.is_none() {
            let prefix = if before.ends_with(b"req-") { 4 } else { 0 };
            self.request_id = Some(self.at - prefix..self.at + value.len());
        }
        Some(value.len())
    }

    /// A word with digits in it, part by part between its underscores.
    fn parts(&mut self, len: usize) -> usize {
        self.copy();
        let word = self.text.get(self.at..self.at + len).unwrap_or_default();
        for (index, part) in word.split(|byte| *byte == b'_').enumerate() {
            if index > 0 {
                self.out.push(b'_');
            }
            let Word { len, has_digit, is_digits, is_hex } = measure(part);
            if !has_digit {
                self.out.extend_from_slice(part);
            } else if is_digits {
                self.name(b"<n>");
            } else if is_hex && len >= 7 {
                self.name(b"<hex>");
            } else if len >= 16 || digit_runs(part) > 1 {
                self.name(b"<id>");
            } else {
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
        self.replaced(len)
    }

    fn quoted(&mut self, quote: u8) -> usize {
        let previous = self.previous();
        let before = self.at.checked_sub(2).and_then(|at| self.text.get(at)).copied().unwrap_or(b' ');
        let is_prefix = matches!(previous, b'b' | b'r' | b'u') && !before.is_ascii_alphanumeric();
        if previous.is_ascii_alphanumeric() && !is_prefix {
            return self.plain(quote);
        }
        let body = self.rest().get(1..).unwrap_or_default();
        if is_request(body) {
            return self.plain(quote);
        }
        match closing(body.get(..QUOTED_LIMIT).unwrap_or(body), quote) {
            Some(len) => {
                let before = self.text.get(..self.at).unwrap_or_default();
                if self.request_id.is_none() && matches!(Key::before(before), Some(Key::Id)) {
                    self.request_id = Some(self.at + 1..self.at + 1 + len);
                }
                self.wildcard(b"<str>", len + 2)
            }
            None => self.plain(quote),
        }
    }

    /// A path of at least two parts, or of one with a digit or an ending.
    fn path(&mut self) -> usize {
        if !matches!(self.previous(), b' ' | b'=' | b'(' | b'[' | b',' | b'<' | b'"' | b'\'' | b'~' | b':') {
            return self.plain(b'/');
        }
        let text = self.rest();
        let text = text.get(..VALUE_LIMIT).unwrap_or(text);
        // `/10.0.0.12:5432`, as Java prints addresses.
        let address = text.get(1..).and_then(ipv4_len);
        if address.is_some_and(|len| text.get(1 + len) != Some(&b'/')) {
            return self.plain(b'/');
        }
        let mut len = text.iter().take_while(|byte| is_path_byte(**byte)).count();
        let path = text.get(..len).unwrap_or_default();
        let is_specific =
            path.iter().skip(1).any(|byte| matches!(byte, b'/' | b'.') || byte.is_ascii_digit());
        if len < 2 {
            return self.plain(b'/');
        }
        if text.get(len) == Some(&b'?') {
            // The query belongs to it.
            len += text.get(len..).map_or(0, until_end_of_value);
        } else if !is_specific {
            self.token = self.place(self.at);
            return len;
        } else if path.last() == Some(&b'.') {
            len -= 1;
        }
        self.wildcard(b"<path>", len)
    }

    /// The `@` of a mail address; the part before it is in `out` already.
    fn email(&mut self) -> usize {
        let host = self.rest().get(1..).unwrap_or_default();
        let len = host
            .iter()
            .take(VALUE_LIMIT)
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
            .count();
        let host = host.get(..len).unwrap_or_default();
        let host = host.strip_suffix(b".").unwrap_or(host);
        let has_domain = memchr::memrchr(b'.', host)
            .and_then(|dot| host.get(dot + 1..))
            .is_some_and(|end| end.len() >= 2 && end.iter().all(u8::is_ascii_alphabetic));
        if !has_domain || !self.previous().is_ascii_alphanumeric() {
            return self.plain(b'@');
        }
        self.copy();
        self.out.truncate(self.token);
        self.wildcard(b"<email>", host.len() + 1)
    }

    /// The sign of a number belongs to it.
    fn dash(&mut self) -> usize {
        let follows = self.rest().get(1).is_some_and(u8::is_ascii_digit);
        let is_sign = follows && matches!(self.previous(), b' ' | b'=' | b'(' | b'[' | b',' | b':' | b'_');
        if is_sign && !self.states_outcome(0) {
            self.copy();
            self.replaced(1);
        }
        1
    }

    /// `::1`
    fn colon(&mut self) -> usize {
        let is_start = self.rest().get(1) == Some(&b':') && !self.previous().is_ascii_alphanumeric();
        match if is_start { colon_address(self.rest()) } else { None } {
            Some((name, len)) => self.wildcard(name, len),
            None => self.plain(b':'),
        }
    }
}

/// Whether a text ends with what outcomes are named by.
fn names_outcome(text: &[u8]) -> bool {
    const KEYS: [&[u8]; 11] = [
        b"status",
        b"status_code",
        b"http/1.1",
        b"http/1.0",
        b"http/2",
        b"http/2.0",
        b"signal",
        b"errno",
        b"code",
        b"returncode",
        b"exited with",
    ];
    KEYS.iter().any(|name| {
        text.len().checked_sub(name.len()).is_some_and(|start| {
            text.get(start..).is_some_and(|tail| tail.eq_ignore_ascii_case(name))
                && !start.checked_sub(1).and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric)
        })
    })
}

#[inline]
fn measure(text: &[u8]) -> Word {
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

/// `GET /orders HTTP/1.1`, `HTTP/1.1 200 OK`: what an access log has in quotes.
fn is_request(text: &[u8]) -> bool {
    let method = text.iter().take(8).take_while(|byte| byte.is_ascii_uppercase()).count();
    let rest = text.get(method..).unwrap_or_default();
    method >= 3 && (rest.starts_with(b" /") || rest.starts_with(b" http")) || text.starts_with(b"HTTP/")
}

/// Length of a quoted string's content; a quote behind a backslash does not end it.
fn closing(body: &[u8], quote: u8) -> Option<usize> {
    memchr::memchr_iter(quote, body).find(|at| {
        let escapes = body.get(..*at).unwrap_or_default().iter().rev().take_while(|byte| **byte == b'\\');
        escapes.count().is_multiple_of(2)
    })
}

#[cfg(test)]
mod tests;
