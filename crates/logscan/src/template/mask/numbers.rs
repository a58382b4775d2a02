//! Numbers with their units, dates and times of day.

use crate::stated_time;

pub(super) fn digits_at(text: &[u8], at: usize) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}

pub(super) enum NumberKind {
    /// More than a number.
    None,
    Plain,
    Version,
    Duration,
    Size,
}

pub(super) struct Number {
    pub(super) kind: NumberKind,
    pub(super) len: usize,
}

impl Number {
    pub(super) fn read(text: &[u8]) -> Self {
        let mut len = digits_at(text, 0);
        let mut dots = 0;
        while text.get(len) == Some(&b'.') && digits_at(text, len + 1) > 0 {
            len += 1 + digits_at(text, len + 1);
            dots += 1;
        }
        if let Some(exponent) = exponent_len(text.get(len..).unwrap_or_default()) {
            return Self { kind: NumberKind::Plain, len: len + exponent };
        }
        if dots > 1 {
            return Self { kind: NumberKind::Version, len };
        }
        let letters = letters_at(text, len);
        let ends =
            |at: usize| !text.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let unit = text.get(len..len + letters).unwrap_or_default();
        if letters == 0 {
            let kind = if ends(len) { NumberKind::Plain } else { NumberKind::None };
            return Self { kind, len };
        }
        if is_duration(unit) {
            return Self::duration(text, len + letters);
        }
        if is_size(unit) && ends(len + letters) {
            return Self { kind: NumberKind::Size, len: len + letters };
        }
        // `1.5x`: what stands behind a fraction is not part of its word.
        let kind = if dots > 0 { NumberKind::Plain } else { NumberKind::None };
        Self { kind, len }
    }

    /// `1h2m3.5s` behind its first unit.
    fn duration(text: &[u8], mut len: usize) -> Self {
        loop {
            let mut next = len + digits_at(text, len);
            if text.get(next) == Some(&b'.') {
                next += 1 + digits_at(text, next + 1);
            }
            let letters = letters_at(text, next);
            if digits_at(text, len) == 0 || !is_duration(text.get(next..next + letters).unwrap_or_default()) {
                break;
            }
            len = next + letters;
        }
        let ends = !text.get(len).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        Self { kind: if ends { NumberKind::Duration } else { NumberKind::None }, len }
    }
}

/// Letters, and the micro sign in both of its spellings.
fn letters_at(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let micro = if rest.starts_with("µ".as_bytes()) || rest.starts_with("μ".as_bytes()) { 2 } else { 0 };
    micro + rest.iter().skip(micro).take_while(|byte| byte.is_ascii_alphabetic()).count()
}

/// `e-07`
fn exponent_len(text: &[u8]) -> Option<usize> {
    let sign = match text {
        [b'e' | b'E', b'+' | b'-', ..] => 2,
        [b'e' | b'E', ..] => 1,
        _ => return None,
    };
    let digits = digits_at(text, sign);
    let ends = !text.get(sign + digits).is_some_and(u8::is_ascii_alphanumeric);
    (digits > 0 && digits < 4 && ends).then_some(sign + digits)
}

fn is_duration(unit: &[u8]) -> bool {
    matches!(
        unit,
        b"ns"
            | b"us"
            | b"ms"
            | b"msec"
            | b"s"
            | b"sec"
            | b"secs"
            | b"seconds"
            | b"m"
            | b"min"
            | b"mins"
            | b"h"
            | b"hr"
            | b"hrs"
            | b"d"
    ) || unit == "µs".as_bytes()
        || unit == "μs".as_bytes()
}

fn is_size(unit: &[u8]) -> bool {
    matches!(
        unit,
        b"B" | b"bytes"
            | b"K"
            | b"k"
            | b"M"
            | b"G"
            | b"T"
            | b"KB"
            | b"kB"
            | b"kb"
            | b"MB"
            | b"mb"
            | b"GB"
            | b"gb"
            | b"TB"
            | b"KiB"
            | b"MiB"
            | b"GiB"
            | b"TiB"
            | b"Ki"
            | b"Mi"
            | b"Gi"
    )
}

/// A date with or without its time, or a time of day.
pub(super) fn time_len(text: &[u8], word_len: usize) -> Option<usize> {
    let next = text.get(word_len).copied()?;
    match (word_len, next) {
        (4, b'-') => {
            let date = text.get(..10).filter(|date| is_shaped(date, b"dddd-dd-dd"))?;
            Some(stated_time::iso(text).map_or(date.len(), |(_, len)| len))
        }
        (2, b':') => {
            let clock = text.get(..8).filter(|clock| is_shaped(clock, b"dd:dd:dd"))?;
            let fraction = match text.get(8) {
                Some(b'.' | b',') if digits_at(text, 9) > 0 => 1 + digits_at(text, 9),
                _ => 0,
            };
            Some(clock.len() + fraction)
        }
        (2, b'/') => stated_time::access_log(text).map(|(_, len)| len),
        _ => None,
    }
}

/// Bytes that say whether a date starts with the name of a day or a month, and how long it is.
pub(in crate::template) const DATE_REACH: usize = 48;

/// Whether a word may be the first of a date: `Sun`, `Dec`.
#[inline]
pub(in crate::template) fn may_start_date(text: &[u8], word_len: usize) -> bool {
    word_len == 3
        && text.first().is_some_and(u8::is_ascii_uppercase)
        && text.get(..3).is_some_and(|name| stated_time::is_day(name) || stated_time::is_month(name))
}

/// Dates that start with a name, the longer before the shorter. `D` is a day of the week, `M` a month, `n` a day with
/// or without its padding, `d` a digit, `Z` a zone.
const DATES: [&[u8]; 7] = [
    b"D M n dd:dd:dd Z dddd",
    b"D M n dd:dd:dd dddd",
    b"D, n M dddd dd:dd:dd Z",
    b"D, n M dddd dd:dd:dd",
    b"D M n dd:dd:dd",
    b"M n dd:dd:dd dddd",
    b"M n dd:dd:dd",
];

/// `Sun Dec 04 04:47:44 2005`, `Dec  4 04:47:44`, `Sun, 04 Dec 2005 04:47:44 GMT`.
pub(super) fn date_len(text: &[u8]) -> Option<usize> {
    let text = text.get(..DATE_REACH).unwrap_or(text);
    let ends =
        |len: &usize| !text.get(*len).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    DATES.iter().filter_map(|date| dated_len(text, date)).find(ends)
}

fn dated_len(text: &[u8], date: &[u8]) -> Option<usize> {
    let mut at = 0;
    for form in date {
        let rest = text.get(at..)?;
        at += match form {
            b'D' if rest.get(..3).is_some_and(stated_time::is_day) => 3,
            b'M' if rest.get(..3).is_some_and(stated_time::is_month) => 3,
            b'n' => {
                let padding = usize::from(rest.first() == Some(&b' '));
                padding + Some(digits_at(rest, padding)).filter(|digits| matches!(digits, 1 | 2))?
            }
            b'Z' => {
                let letters = rest.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
                Some(letters).filter(|letters| matches!(letters, 3..=5))?
            }
            b'd' if rest.first().is_some_and(u8::is_ascii_digit) => 1,
            literal if !b"DMd".contains(literal) && rest.first() == Some(literal) => 1,
            _ => return None,
        };
    }
    Some(at)
}

/// Compares with a shape, in which `d` stands for a digit.
fn is_shaped(text: &[u8], shape: &[u8]) -> bool {
    text.len() == shape.len()
        && text
            .iter()
            .zip(shape)
            .all(|(byte, form)| if *form == b'd' { byte.is_ascii_digit() } else { byte == form })
}
