//! What is done with the next bytes of a message.
//!
//! This is decided by the message alone, and not by what was written for what stands in front.

use std::ops::Range;

use super::addresses::{
    colon_address, ipv4_len, is_path_byte, is_uuid, until_end_of_value, url_len, windows_path_len,
};
use super::key::{self, Key};
use super::numbers::{Number, NumberKind, date_len, may_start_date, time_len};
use super::{SPECIAL, VALUE_LIMIT, WORD, Word, class_of, measure};

/// Bytes of a quoted string that is still taken for one value.
const QUOTED_LIMIT: usize = 200;

/// What is done with the next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::template) enum Step {
    /// So many stay as they are.
    Keep(usize),
    /// A wildcard stands for so many; for one, where an id is empty.
    Wildcard(Wildcard, usize),
    /// So many are a word with digits, whose parts are masked one by one.
    Parts(usize),
    /// The sign of a number belongs to it.
    Sign,
    /// So many, and the part of a mail address that stands before them.
    Email(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::template) enum Wildcard {
    Number,
    Version,
    Duration,
    Size,
    Hex,
    Id,
    /// An id of a request.
    RequestId,
    Uuid,
    Ipv4,
    Ipv6,
    Mac,
    Time,
    Url,
    Path,
    Quoted,
    /// A quoted id of a request.
    QuotedRequestId,
}

impl Wildcard {
    #[inline]
    pub(in crate::template) fn name(self) -> &'static [u8] {
        match self {
            Self::Number => b"<n>",
            Self::Version => b"<version>",
            Self::Duration => b"<duration>",
            Self::Size => b"<size>",
            Self::Hex => b"<hex>",
            Self::Id | Self::RequestId => b"<id>",
            Self::Uuid => b"<uuid>",
            Self::Ipv4 | Self::Ipv6 => b"<ip>",
            Self::Mac => b"<mac>",
            Self::Time => b"<time>",
            Self::Url => b"<url>",
            Self::Path => b"<path>",
            Self::Quoted | Self::QuotedRequestId => b"<str>",
        }
    }
}

/// A place in a message.
#[derive(Clone, Copy)]
pub(in crate::template) struct Cursor<'m> {
    pub(in crate::template) text: &'m [u8],
    pub(in crate::template) at: usize,
}

impl<'m> Cursor<'m> {
    /// What is done with the byte, which stands here, and those behind it.
    #[inline]
    pub(in crate::template) fn step(self, byte: u8) -> Step {
        let class = class_of(byte);
        if class & WORD != 0 {
            return self.word();
        }
        if class & SPECIAL == 0 {
            return Step::Keep(1);
        }
        match byte {
            b'"' | b'\'' => self.quoted(byte),
            b'/' => self.path(),
            b'@' => self.email(),
            b'-' => self.dash(),
            b':' => self.colon(),
            _ => Step::Keep(1),
        }
    }

    /// Where the id of a request stands, if the step stands for one.
    #[inline]
    pub(in crate::template) fn request_id(self, step: Step) -> Option<Range<usize>> {
        match step {
            Step::Wildcard(Wildcard::RequestId, len) => {
                let prefix = if self.before().ends_with(b"req-") { 4 } else { 0 };
                Some(self.at - prefix..self.at + len)
            }
            Step::Wildcard(Wildcard::QuotedRequestId, len) => Some(self.at + 1..self.at + len - 1),
            _ => None,
        }
    }

    fn rest(self) -> &'m [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(in crate::template) fn before(self) -> &'m [u8] {
        self.text.get(..self.at).unwrap_or_default()
    }

    pub(in crate::template) fn previous(self) -> u8 {
        self.at.checked_sub(1).and_then(|at| self.text.get(at)).copied().unwrap_or(b' ')
    }

    #[inline]
    fn word(self) -> Step {
        let text = self.rest();
        let word = measure(text);
        let next = text.get(word.len).copied().unwrap_or(b' ');
        if self.is_plain(word, next) { Step::Keep(word.len) } else { self.any_word(text, word, next) }
    }

    /// What stands behind a blank and has no digit is no id, and only a colon, or being the start of a date, makes more
    /// of it than a word.
    #[inline]
    pub(in crate::template) fn is_plain(self, word: Word, next: u8) -> bool {
        let is_plain = !word.has_digit && next != b':' && !(word.len == 8 && word.is_hex);
        is_plain
            && !matches!(next, b'-' | b'.')
            && !may_start_date(self.rest(), word.len)
            && self.is_behind_blank()
    }

    /// One blank stands in front of it, and no other separator.
    #[inline]
    fn is_behind_blank(self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).and_then(|at| self.text.get(at)).copied();
        before(1) == Some(b' ') && before(2).is_some_and(|byte| !key::is_separator(byte))
    }

    fn any_word(self, text: &[u8], word: Word, next: u8) -> Step {
        let Word { len, has_digit, is_hex, .. } = word;
        if let Some(len) = self.named_id(text) {
            return Step::Wildcard(Wildcard::RequestId, len);
        }
        if next == b':' {
            if text.get(len..).is_some_and(|rest| rest.starts_with(b"://")) && !has_digit {
                return Step::Wildcard(Wildcard::Url, url_len(text));
            }
            if len == 1 && text.get(2) == Some(&b'\\') {
                return Step::Wildcard(Wildcard::Path, windows_path_len(text));
            }
            if is_hex && let Some((wildcard, len)) = colon_address(text) {
                return Step::Wildcard(wildcard, len);
            }
        }
        if len == 8 && is_hex && is_uuid(text) {
            return Step::Wildcard(Wildcard::Uuid, 36);
        }
        if !has_digit {
            let date = if may_start_date(text, len) { date_len(text) } else { None };
            return date.map_or(Step::Keep(len), |len| Step::Wildcard(Wildcard::Time, len));
        }
        if text.first().is_some_and(u8::is_ascii_digit) {
            // Most numbers are no more than that.
            let is_alone =
                word.is_digits && matches!(next, b' ' | b',' | b')' | b']' | b'"' | b'\'' | b';' | b'=');
            if !is_alone && let Some(len) = time_len(text, len) {
                return Step::Wildcard(Wildcard::Time, len);
            }
            let number = if is_alone { Some(self.plain_number(len)) } else { self.number(text, word) };
            if let Some(step) = number {
                return step;
            }
        }
        if text.starts_with(b"0x") && text.get(2..len).is_some_and(|rest| measure(rest).is_hex) {
            return Step::Wildcard(Wildcard::Hex, len);
        }
        Step::Parts(len)
    }

    fn plain_number(self, len: usize) -> Step {
        if len <= 3 && self.states_outcome(len) {
            Step::Keep(len)
        } else {
            Step::Wildcard(Wildcard::Number, len)
        }
    }

    /// A number with its fraction, exponent and unit; `None` when the word is more than that.
    fn number(self, text: &[u8], word: Word) -> Option<Step> {
        if word.is_digits
            && let Some(len) = ipv4_len(text)
        {
            return Some(Step::Wildcard(Wildcard::Ipv4, len));
        }
        let Number { kind, len } = Number::read(text);
        let wildcard = match kind {
            NumberKind::None => return None,
            NumberKind::Plain => return Some(self.plain_number(len)),
            NumberKind::Version => Wildcard::Version,
            NumberKind::Duration => Wildcard::Duration,
            NumberKind::Size => Wildcard::Size,
        };
        Some(Step::Wildcard(wildcard, len))
    }

    /// The text in front of a short number says that it names an outcome.
    #[inline]
    pub(in crate::template) fn states_outcome(self, digits: usize) -> bool {
        let before = self.before();
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
    fn named_id(self, text: &[u8]) -> Option<usize> {
        if !matches!(self.previous(), b'-' | b'=' | b':' | b' ' | b'"' | b'\'' | b'[' | b'(') {
            return None;
        }
        let before = self.before();
        if self.is_behind_blank() && !key::may_end_name(before.get(..before.len() - 1)?) {
            return None;
        }
        let key = Key::before(before)?;
        let mut value = text.get(..id_len(text))?;
        while let [head @ .., b'-' | b'.' | b'_'] = value {
            value = head;
        }
        let has_digit = value.iter().any(u8::is_ascii_digit);
        let is_id = match key {
            Key::Id => true,
            Key::Request => has_digit && value.len() >= 4,
            Key::Start => is_uuid(value) || value.len() == 32 && value.iter().all(u8::is_ascii_hexdigit),
        };
        is_id.then_some(value.len())
    }

    fn quoted(self, quote: u8) -> Step {
        let previous = self.previous();
        let before = self.at.checked_sub(2).and_then(|at| self.text.get(at)).copied().unwrap_or(b' ');
        let is_prefix = matches!(previous, b'b' | b'r' | b'u') && !before.is_ascii_alphanumeric();
        if previous.is_ascii_alphanumeric() && !is_prefix {
            return Step::Keep(1);
        }
        let body = self.rest().get(1..).unwrap_or_default();
        if is_request(body) {
            return Step::Keep(1);
        }
        let Some(len) = closing(body.get(..QUOTED_LIMIT).unwrap_or(body), quote) else {
            return Step::Keep(1);
        };
        let is_id = matches!(Key::before(self.before()), Some(Key::Id));
        Step::Wildcard(if is_id { Wildcard::QuotedRequestId } else { Wildcard::Quoted }, len + 2)
    }

    /// A path of at least two parts, or of one with a digit or an ending.
    fn path(self) -> Step {
        if !matches!(self.previous(), b' ' | b'=' | b'(' | b'[' | b',' | b'<' | b'"' | b'\'' | b'~' | b':') {
            return Step::Keep(1);
        }
        let text = self.rest();
        let text = text.get(..VALUE_LIMIT).unwrap_or(text);
        // `/10.0.0.12:5432`, as Java prints addresses.
        let address = text.get(1..).and_then(ipv4_len);
        if address.is_some_and(|len| text.get(1 + len) != Some(&b'/')) {
            return Step::Keep(1);
        }
        let (mut len, mut is_specific) = (0, false);
        for byte in text.iter().take_while(|byte| is_path_byte(**byte)) {
            is_specific |= len > 0 && matches!(byte, b'/' | b'.' | b'0'..=b'9');
            len += 1;
        }
        let path = text.get(..len).unwrap_or_default();
        if len < 2 {
            return Step::Keep(1);
        }
        if text.get(len) == Some(&b'?') {
            // The query belongs to it.
            len += text.get(len..).map_or(0, until_end_of_value);
        } else if !is_specific {
            return Step::Keep(len);
        } else if path.last() == Some(&b'.') {
            len -= 1;
        }
        Step::Wildcard(Wildcard::Path, len)
    }

    /// The `@` of a mail address.
    fn email(self) -> Step {
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
        if has_domain && self.previous().is_ascii_alphanumeric() {
            Step::Email(host.len() + 1)
        } else {
            Step::Keep(1)
        }
    }

    fn dash(self) -> Step {
        let follows = self.rest().get(1).is_some_and(u8::is_ascii_digit);
        let is_sign = follows && may_stand_before_sign(self.previous());
        if is_sign && !self.states_outcome(0) { Step::Sign } else { Step::Keep(1) }
    }

    /// `::1`
    fn colon(self) -> Step {
        let is_start = self.rest().get(1) == Some(&b':') && !self.previous().is_ascii_alphanumeric();
        match if is_start { colon_address(self.rest()) } else { None } {
            Some((wildcard, len)) => Step::Wildcard(wildcard, len),
            None => Step::Keep(1),
        }
    }
}

#[inline]
pub(in crate::template) fn may_stand_before_sign(previous: u8) -> bool {
    matches!(previous, b' ' | b'=' | b'(' | b'[' | b',' | b':' | b'_')
}

/// Bytes that an id may be made of.
pub(in crate::template) fn id_len(text: &[u8]) -> usize {
    let belongs = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.iter().take(128).take_while(belongs).count()
}

/// What outcomes are named by.
const OUTCOMES: [&[u8]; 11] = [
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

/// Whether a text ends with what outcomes are named by.
fn names_outcome(text: &[u8]) -> bool {
    OUTCOMES.iter().any(|name| ends_with_name(text, name))
}

fn ends_with_name(text: &[u8], name: &[u8]) -> bool {
    text.len().checked_sub(name.len()).is_some_and(|start| {
        text.get(start..).is_some_and(|tail| tail.eq_ignore_ascii_case(name))
            && !start.checked_sub(1).and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric)
    })
}

/// So many bytes at the end of a text say whether a number behind it, of so many digits, states an outcome; where it
/// is shorter, its start does, too.
pub(in crate::template) fn outcome_reach(before: &[u8], digits: usize) -> usize {
    let longest = OUTCOMES.iter().map(|name| name.len() + 1).max().unwrap_or_default();
    let (text, sign) = before.strip_suffix(b"-").map_or((before, 0), |text| (text, 1));
    if digits == 3 && text.ends_with(b"\" ") {
        return sign + 2;
    }
    let (key, separators) = match text {
        [key @ .., b':' | b'=', b' '] => (key, 2),
        [key @ .., b' ' | b'=' | b':'] => (key, 1),
        _ => return sign + 2,
    };
    // The last byte of a name.
    if !key.last().is_some_and(|last| b"se10h2lo".contains(&last.to_ascii_lowercase())) {
        return sign + separators + 1;
    }
    let name = OUTCOMES.iter().find(|name| ends_with_name(key, name));
    sign + separators + name.map_or(longest, |name| name.len() + 1)
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
