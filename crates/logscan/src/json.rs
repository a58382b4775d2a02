//! Members of JSON objects, found without building a tree, and without recursion.

use std::borrow::Cow;

/// The raw text of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Between the quotes, escapes as they stand.
    String(&'a [u8]),
    Object(&'a [u8]),
    Array(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Literal(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The text of a string or of a literal other than `null`.
    pub(crate) fn text(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::String(raw) => Some(unescape(raw)),
            Self::Literal(b"null") | Self::Object(_) => None,
            Self::Literal(raw) => Some(Cow::Borrowed(raw)),
            Self::Array(raw) => bytes(raw).map(Cow::Owned),
        }
    }

    /// The bytes as they stand, where they need no decoding.
    pub(crate) fn raw(self) -> &'a [u8] {
        match self {
            Self::String(raw) | Self::Object(raw) | Self::Array(raw) | Self::Literal(raw) => raw,
        }
    }
}

/// journald writes a field that is no text as an array of bytes.
fn bytes(raw: &[u8]) -> Option<Vec<u8>> {
    let inner = raw.strip_prefix(b"[")?.strip_suffix(b"]")?;
    inner
        .split(|byte| *byte == b',')
        .map(|item| {
            crate::ascii::whole_number(item.trim_ascii()).and_then(|number| u8::try_from(number).ok())
        })
        .collect()
}

/// Walks the members of one object. It ends early where the text is no JSON.
pub(crate) struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Members<'a> {
    /// Takes a text that starts with `{`.
    pub(crate) fn new(object: &'a [u8]) -> Option<Self> {
        (object.first() == Some(&b'{')).then_some(Self { text: object, at: 1 })
    }

    fn skip_blanks(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',') {
                return Some(byte);
            }
            self.at += 1;
        }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.skip_blanks()? != b'"' {
            return None;
        }
        let key_end = string_end(self.text, self.at + 1)?;
        let key = self.text.get(self.at + 1..key_end)?;
        self.at = key_end + 1;
        while matches!(self.text.get(self.at)?, b' ' | b'\t' | b':') {
            self.at += 1;
        }
        let (value, end) = value_at(self.text, self.at)?;
        self.at = end;
        Some((key, value))
    }
}

/// The value that starts at `at`, and where it ends. A text that is cut gives what there is of it.
pub(crate) fn value_at(text: &[u8], at: usize) -> Option<(Value<'_>, usize)> {
    match *text.get(at)? {
        b'"' => {
            let end = string_end(text, at + 1).unwrap_or(text.len());
            Some((Value::String(text.get(at + 1..end)?), end + 1))
        }
        b'{' => {
            let end = nested_end(text, at);
            Some((Value::Object(text.get(at..end)?), end))
        }
        b'[' => {
            let end = nested_end(text, at);
            Some((Value::Array(text.get(at..end)?), end))
        }
        _ => {
            let rest = text.get(at..)?;
            let len = rest
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
                .unwrap_or(rest.len());
            (len > 0).then(|| rest.get(..len).map(|raw| (Value::Literal(raw), at + len)))?
        }
    }
}

/// The items of an array; as many as there are when its text is cut.
pub(crate) fn items(array: &[u8]) -> impl Iterator<Item = Value<'_>> {
    let mut at = 1;
    std::iter::from_fn(move || {
        while matches!(array.get(at)?, b' ' | b'\n' | b'\r' | b'\t' | b',') {
            at += 1;
        }
        let (value, end) = value_at(array, at).filter(|_| array.get(at) != Some(&b']'))?;
        at = end;
        Some(value)
    })
}

/// Where the closing quote of a string stands.
#[inline]
fn string_end(text: &[u8], at: usize) -> Option<usize> {
    closing_quote(text, at).map(|closing| closing.at)
}

/// The end of a string.
#[derive(Clone, Copy)]
pub(crate) struct ClosingQuote {
    pub(crate) at: usize,
    /// The string holds escapes.
    pub(crate) is_behind_escapes: bool,
}

/// Finds the end of the string whose text starts at `at`.
#[inline]
pub(crate) fn closing_quote(text: &[u8], mut at: usize) -> Option<ClosingQuote> {
    // Names and most values are too short for a vectorised search to pay.
    for _ in 0..SHORT_WORDS {
        let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk) else { break };
        match first_of(u64::from_le_bytes(*word)) {
            None => at += 8,
            Some(index) if word.get(index) == Some(&b'"') => {
                return Some(ClosingQuote { at: at + index, is_behind_escapes: false });
            }
            Some(index) => {
                at += index;
                break;
            }
        }
    }
    closing_quote_of_long(text, at)
}

/// Words of eight bytes that are looked at one by one.
const SHORT_WORDS: usize = 2;

/// Index of the first byte that is a quote or a backslash ("Bit Twiddling Hacks": a word that has a zero byte).
#[inline]
fn first_of(word: u64) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let found = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
    (found != 0).then(|| (found.trailing_zeros() / 8) as usize)
}

fn closing_quote_of_long(text: &[u8], mut at: usize) -> Option<ClosingQuote> {
    let mut is_behind_escapes = false;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(found) == Some(&b'"') {
            return Some(ClosingQuote { at: found, is_behind_escapes });
        }
        is_behind_escapes = true;
        at = found + 2;
    }
}

/// Where an object or array ends; the text's end when it is cut.
pub(crate) fn nested_end(text: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => match string_end(text, at + 1) {
                Some(end) => at = end,
                None => return text.len(),
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Decodes the escapes of a string (RFC 8259, section 7); what is no escape stays as it is.
pub(crate) fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'\\', raw) else { return Cow::Borrowed(raw) };
    let mut out = Vec::with_capacity(raw.len());
    out.extend_from_slice(raw.get(..first).unwrap_or_default());
    let mut rest = raw.get(first..).unwrap_or_default();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        let tail = rest.get(at + 1..).unwrap_or_default();
        let len = match tail.first() {
            Some(b'u') => unescape_unicode(tail, &mut out),
            Some(byte) => {
                match byte {
                    b'n' => out.push(b'\n'),
                    b't' => out.push(b'\t'),
                    b'r' => out.push(b'\r'),
                    b'b' => out.push(8),
                    b'f' => out.push(12),
                    // `'` is no escape of JSON's, but one of Python's `repr`.
                    b'"' | b'\\' | b'/' | b'\'' => out.push(*byte),
                    other => out.extend_from_slice(&[b'\\', *other]),
                }
                1
            }
            None => {
                out.push(b'\\');
                0
            }
        };
        rest = tail.get(len..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Decodes `u00e9`, or the two halves of a surrogate pair; how many bytes behind the backslash it took.
fn unescape_unicode(tail: &[u8], out: &mut Vec<u8>) -> usize {
    let unit = |from: usize| {
        let digits = tail.get(from..from + 4)?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let (code, len) = match (unit(1), tail.get(5..7), unit(7)) {
        (Some(high @ 0xd800..=0xdbff), Some(b"\\u"), Some(low @ 0xdc00..=0xdfff)) => {
            (0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 11)
        }
        (Some(code), _, _) => (code, 5),
        (None, _, _) => {
            out.extend_from_slice(b"\\u");
            return 1;
        }
    };
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_an_object() {
        let object = br#"{"a": "x\"y", "b":{"c":[1,"}"]}, "n":null,"d":12}"#;
        let members: Vec<_> = Members::new(object).unwrap().collect();
        assert_eq!(
            members,
            [
                (&b"a"[..], Value::String(br#"x\"y"#)),
                (b"b", Value::Object(br#"{"c":[1,"}"]}"#)),
                (b"n", Value::Literal(b"null")),
                (b"d", Value::Literal(b"12")),
            ]
        );
    }

    #[test]
    fn cut_objects_give_what_there_is() {
        for (text, count) in
            [("{", 0), ("{\"a", 0), ("{\"a\"", 0), ("{\"a\":\"x", 1), ("{\"a\":{\"b", 1), ("{]}", 0)]
        {
            assert_eq!(Members::new(text.as_bytes()).unwrap().count(), count, "{text}");
        }
    }

    #[test]
    fn escapes() {
        let check = |raw: &str, expected: &str| {
            assert_eq!(String::from_utf8_lossy(&unescape(raw.as_bytes())), expected);
        };
        check(r"a\nb\t\/\\n", "a\nb\t/\\n");
        check(r"\u00e9\ud83d\ude00", "é😀");
        check(r"\ud83d x", "\u{fffd} x");
        check(r"\u12", "\\u12");
        check(r"end\", "end\\");
        assert_eq!(Value::Array(b"[72, 105]").text().unwrap().as_ref(), b"Hi");
    }
}
