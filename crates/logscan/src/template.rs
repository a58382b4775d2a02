//! Templates of messages: what varies is replaced by the name of its kind.
//!
//! The rules look at one message at a time, so that the result depends on no other message, no order and no number of
//! threads; nothing is learnt.

use std::hash::Hasher;

use pycoroner_findings::{Timestamp, UtcTime};
use rustc_hash::{FxHashMap, FxHasher};

use crate::ascii::lossy;
use crate::document::{Place, Template};
use crate::level::Level;
use crate::window::Position;

const MAX_TEMPLATES: usize = 4096;
/// Bytes of a message that count.
const MESSAGE_LIMIT: usize = 256;
/// Bytes of a quoted string that is still taken for one value.
const QUOTED_LIMIT: usize = 200;

/// Counts messages by template, in bounded memory.
#[derive(Debug, Default)]
pub(crate) struct TemplateMiner {
    by_hash: FxHashMap<u64, u32>,
    templates: Vec<Template>,
    masked: Vec<u8>,
    /// Records whose template came after the bound was reached.
    pub(crate) uncounted: u64,
}

impl TemplateMiner {
    pub(crate) fn add(
        &mut self,
        message: &[u8],
        level: Option<Level>,
        stamp: Option<Timestamp>,
        position: Position,
        place: Place,
    ) {
        self.masked.clear();
        mask(message.get(..MESSAGE_LIMIT).unwrap_or(message), &mut self.masked);
        let mut hasher = FxHasher::default();
        hasher.write(&self.masked);
        hasher.write_u8(level.map_or(0, |level| level as u8 + 1));
        let hash = hasher.finish();
        let index = match self.by_hash.get(&hash) {
            Some(index) => *index as usize,
            None if self.templates.len() >= MAX_TEMPLATES => {
                self.uncounted += 1;
                return;
            }
            None => {
                let index = self.templates.len();
                self.by_hash.insert(hash, index as u32);
                self.templates.push(Template {
                    template: lossy(&self.masked, MESSAGE_LIMIT * 3),
                    level,
                    count: 0,
                    in_window: 0,
                    first: None,
                    last: None,
                    new_in_window: None,
                    place,
                });
                index
            }
        };
        let Some(template) = self.templates.get_mut(index) else { return };
        template.count += 1;
        template.in_window += u64::from(position == Position::Inside);
        if let Some(Timestamp { time, .. }) = stamp {
            template.first = Some(template.first.map_or(time, |first: UtcTime| first.min(time)));
            template.last = Some(template.last.map_or(time, |last: UtcTime| last.max(time)));
        }
    }

    /// The templates, the highest level and the most frequent first; what is equal keeps the order of the log.
    pub(crate) fn finish(&mut self, window_from: Option<UtcTime>, knows_before: bool) -> Vec<Template> {
        let mut templates = std::mem::take(&mut self.templates);
        for template in &mut templates {
            template.new_in_window = window_from
                .filter(|_| knows_before)
                .map(|from| template.in_window > 0 && template.first.is_some_and(|first| first >= from));
        }
        templates.sort_by(|a, b| {
            b.level
                .cmp(&a.level)
                .then(b.count.cmp(&a.count))
                .then(a.place.source.cmp(&b.place.source))
                .then(a.place.line.cmp(&b.place.line))
        });
        templates
    }
}

/// Writes the message with its variable parts replaced.
pub(crate) fn mask(message: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    let mut previous = b' ';
    while let Some(byte) = message.get(at).copied() {
        let rest = message.get(at..).unwrap_or_default();
        let taken = if byte.is_ascii_alphanumeric() || byte == b'_' {
            mask_word(rest, out)
        } else if matches!(byte, b'"' | b'\'') && !previous.is_ascii_alphanumeric() {
            mask_quoted(rest, byte, out)
        } else if byte == b'/' && is_boundary(previous) {
            mask_path(rest, out)
        } else {
            out.push(byte);
            1
        };
        at += taken;
        previous = message.get(at.wrapping_sub(1)).copied().unwrap_or(b' ');
    }
}

fn is_boundary(byte: u8) -> bool {
    matches!(byte, b' ' | b'=' | b'(' | b'[' | b',' | b'<' | b'"' | b'\'')
}

/// A run of letters, digits and `_`, with what belongs to a number.
fn mask_word(text: &[u8], out: &mut Vec<u8>) -> usize {
    let mut len = 0;
    let mut digits = 0;
    let mut hex = 0;
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                hex += 1;
            }
            b'a'..=b'f' | b'A'..=b'F' => hex += 1,
            b'g'..=b'z' | b'G'..=b'Z' | b'_' => {}
            _ => break,
        }
        len += 1;
    }
    let word = text.get(..len).unwrap_or_default();
    if digits == 0 && !(len == 8 && hex == 8) {
        out.extend_from_slice(word);
        return len;
    }
    if hex == len && len == 8 && is_uuid(text) {
        out.extend_from_slice(b"<uuid>");
        return 36;
    }
    if digits == 0 {
        out.extend_from_slice(word);
        return len;
    }
    if digits == len {
        if let Some(len) = ipv4_len(text) {
            out.extend_from_slice(b"<ip>");
            return len;
        }
        out.extend_from_slice(b"<n>");
        let fraction =
            text.get(len + 1..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
        return if text.get(len) == Some(&b'.') && fraction > 0 { len + 1 + fraction } else { len };
    }
    if word.starts_with(b"0x") && hex + 1 == len || hex == len && len >= 8 {
        out.extend_from_slice(b"<hex>");
        return len;
    }
    if len >= 16 {
        out.extend_from_slice(b"<id>");
        return len;
    }
    let mut in_number = false;
    for byte in word {
        if !byte.is_ascii_digit() {
            out.push(*byte);
        } else if !in_number {
            out.extend_from_slice(b"<n>");
        }
        in_number = byte.is_ascii_digit();
    }
    len
}

fn is_uuid(text: &[u8]) -> bool {
    text.get(..36).is_some_and(|text| {
        text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

/// Length of an IPv4 address, with its port.
fn ipv4_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for part in 0..4 {
        let digits = text.get(at..)?.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=3).contains(&digits) {
            return None;
        }
        at += digits;
        if part < 3 {
            if text.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
    }
    let port =
        text.get(at + 1..).unwrap_or_default().iter().take(6).take_while(|b| b.is_ascii_digit()).count();
    Some(if text.get(at) == Some(&b':') && port > 0 { at + 1 + port } else { at })
}

fn mask_quoted(text: &[u8], quote: u8, out: &mut Vec<u8>) -> usize {
    let body = text.get(1..).unwrap_or_default();
    if let Some(len) = memchr::memchr(quote, body.get(..QUOTED_LIMIT).unwrap_or(body)) {
        out.extend_from_slice(b"<str>");
        return len + 2;
    }
    out.push(quote);
    1
}

/// A path of at least two parts, or of one with a digit or an ending.
fn mask_path(text: &[u8], out: &mut Vec<u8>) -> usize {
    let len = text
        .iter()
        .take_while(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'%' | b'~' | b'+' | b'@')
        })
        .count();
    let path = text.get(..len).unwrap_or_default();
    let is_specific = path.iter().skip(1).any(|byte| matches!(byte, b'/' | b'.') || byte.is_ascii_digit());
    if is_specific && len > 1 {
        out.extend_from_slice(b"<path>");
    } else {
        out.extend_from_slice(path);
    }
    len.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        let check = |message: &str, expected: &str| {
            let mut out = Vec::new();
            mask(message.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check("order 499 failed: code-2", "order <n> failed: code-<n>");
        check("took 1.25s, 3 retries", "took <n>s, <n> retries");
        check("id=6f1c2b3a-4958-6776-8594-93a2b1c0df00 ok", "id=<uuid> ok");
        check("from 10.0.0.12:5432 to 10.0.0.13", "from <ip> to <ip>");
        check("at 0x7f2348907ff0 and deadbeef12", "at <hex> and <hex>");
        check("open '/srv/a b' failed, can't go on", "open <str> failed, can't go on");
        check("read /srv/shop/app.py, GET /order HTTP", "read <path>, GET /order HTTP");
        check("worker2 done", "worker<n> done");
        check("token sk_live_a1b2c3d4e5f6a7b8", "token <id>");
        check("it's \"unclosed", "it's \"unclosed");
        check("", "");
    }
}
