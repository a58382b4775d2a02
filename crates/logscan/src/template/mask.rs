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
    let mut masker = Masker { text: message, at: 0, token: out.len(), out, request_id: None };
    while let Some(byte) = message.get(masker.at).copied() {
        masker.at += match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => masker.word(),
            b'"' | b'\'' => masker.quoted(byte),
            b'/' => masker.path(),
            b'@' => masker.email(),
            b'-' => masker.dash(),
            b':' => masker.colon(),
            _ => masker.plain(byte),
        };
    }
    masker.request_id
}

struct Masker<'m, 'o> {
    text: &'m [u8],
    at: usize,
    out: &'o mut Vec<u8>,
    /// Where in `out` the present run of characters that a mail address may hold starts.
    token: usize,
    request_id: Option<Range<usize>>,
}

/// What a run of letters, digits and `_` is made of.
struct Word {
    len: usize,
    digits: usize,
    hex: usize,
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
        self.out.push(byte);
        if !matches!(byte, b'.' | b'%' | b'+') {
            self.token = self.out.len();
        }
        1
    }

    fn literal(&mut self, len: usize) -> usize {
        let taken = self.text.get(self.at..self.at + len).unwrap_or_default();
        self.out.extend_from_slice(taken);
        taken.len().max(1)
    }

    /// Writes a wildcard; behind the same one and a comma it is one more of a list.
    fn wildcard(&mut self, name: &'static [u8], len: usize) -> usize {
        let is_repeated = self
            .out
            .strip_suffix(b", ")
            .or(self.out.strip_suffix(b","))
            .and_then(|list| list.ends_with(name).then_some(list.len()));
        match is_repeated {
            Some(list) => {
                self.out.truncate(list);
                self.token = self.token.min(list);
            }
            None => self.out.extend_from_slice(name),
        }
        len.max(1)
    }

    fn word(&mut self) -> usize {
        let text = self.rest();
        let word = measure(text);
        let Word { len, digits, hex } = word;
        let next = text.get(len).copied().unwrap_or(b' ');
        if let Some(len) = self.named_id(text) {
            return self.wildcard(b"<id>", len);
        }
        if next == b':' {
            if text.get(len..).is_some_and(|rest| rest.starts_with(b"://")) && digits == 0 {
                return self.wildcard(b"<url>", url_len(text));
            }
            if len == 1 && text.get(2) == Some(&b'\\') {
                return self.wildcard(b"<path>", windows_path_len(text));
            }
            if hex == len
                && let Some((name, len)) = colon_address(text)
            {
                return self.wildcard(name, len);
            }
        }
        if len == 8 && hex == 8 && is_uuid(text) {
            return self.wildcard(b"<uuid>", 36);
        }
        if digits == 0 {
            return self.literal(len);
        }
        if text.first().is_some_and(u8::is_ascii_digit) {
            if let Some(len) = time_len(text, len) {
                return self.wildcard(b"<time>", len);
            }
            if let Some(taken) = self.number(&word) {
                return taken;
            }
        }
        if text.starts_with(b"0x") && hex + 1 == len {
            return self.wildcard(b"<hex>", len);
        }
        self.parts(len)
    }

    /// A number with its fraction, exponent and unit; `None` when the word is more than that.
    fn number(&mut self, word: &Word) -> Option<usize> {
        let text = self.rest();
        if word.digits == word.len
            && let Some(len) = ipv4_len(text)
        {
            return Some(self.wildcard(b"<ip>", len));
        }
        let number = Number::read(text);
        let taken = match number.kind {
            NumberKind::None => return None,
            NumberKind::Plain if number.len <= 3 && self.states_outcome(number.len) => {
                self.literal(number.len)
            }
            NumberKind::Plain => self.wildcard(b"<n>", number.len),
            NumberKind::Version => self.wildcard(b"<version>", number.len),
            NumberKind::Duration => self.wildcard(b"<duration>", number.len),
            NumberKind::Size => self.wildcard(b"<size>", number.len),
        };
        Some(taken)
    }

    /// The text in front of a short number says that it names an outcome.
    fn states_outcome(&self, digits: usize) -> bool {
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
        let before = self.text.get(..self.at).unwrap_or_default();
        let before = before.strip_suffix(b"-").unwrap_or(before);
        if digits == 3 && before.ends_with(b"\" ") {
            return true;
        }
        let ([key @ .., b':' | b'=', b' '] | [key @ .., b' ' | b'=' | b':']) = before else { return false };
        KEYS.iter().any(|name| {
            key.len().checked_sub(name.len()).is_some_and(|start| {
                key.get(start..).is_some_and(|tail| tail.eq_ignore_ascii_case(name))
                    && !start.checked_sub(1).and_then(|at| key.get(at)).is_some_and(u8::is_ascii_alphanumeric)
            })
        })
    }

    /// The id of a request, when the text in front of it says that it is one: how long it is.
    fn named_id(&mut self, text: &[u8]) -> Option<usize> {
        if !matches!(self.previous(), b'-' | b'=' | b':' | b' ' | b'"' | b'\'' | b'[' | b'(') {
            return None;
        }
        let before = self.text.get(..self.at).unwrap_or_default();
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
        let word = self.text.get(self.at..self.at + len).unwrap_or_default();
        for (index, part) in word.split(|byte| *byte == b'_').enumerate() {
            if index > 0 {
                self.out.push(b'_');
            }
            let Word { len, digits, hex } = measure(part);
            if digits == 0 {
                self.out.extend_from_slice(part);
            } else if digits == len {
                self.wildcard(b"<n>", len);
            } else if hex == len && len >= 7 {
                self.wildcard(b"<hex>", len);
            } else if len >= 16 || digit_runs(part) > 1 {
                self.wildcard(b"<id>", len);
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
        len.max(1)
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
            self.token = self.out.len();
            return self.literal(len);
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
        self.out.truncate(self.token);
        self.wildcard(b"<email>", host.len() + 1)
    }

    /// The sign of a number belongs to it.
    fn dash(&mut self) -> usize {
        let follows = self.rest().get(1).is_some_and(u8::is_ascii_digit);
        let is_sign = follows && matches!(self.previous(), b' ' | b'=' | b'(' | b'[' | b',' | b':' | b'_');
        if is_sign && !self.states_outcome(0) {
            return 1;
        }
        self.out.push(b'-');
        1
    }

    /// `::1`
    fn colon(&mut self) -> usize {
        let is_start = !self.previous().is_ascii_alphanumeric() && self.rest().get(1) == Some(&b':');
        match colon_address(self.rest()).filter(|_| is_start) {
            Some((name, len)) => self.wildcard(name, len),
            None => self.plain(b':'),
        }
    }
}

fn measure(text: &[u8]) -> Word {
    let mut word = Word { len: 0, digits: 0, hex: 0 };
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                word.digits += 1;
                word.hex += 1;
            }
            b'a'..=b'f' | b'A'..=b'F' => word.hex += 1,
            b'g'..=b'z' | b'G'..=b'Z' | b'_' => {}
            _ => break,
        }
        word.len += 1;
    }
    word
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
