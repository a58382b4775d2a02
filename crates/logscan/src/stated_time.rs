//! Times as log lines write them, before any zone or year is assumed.

use crate::ascii::leading_number;

/// A time as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatedTime {
    /// A calendar time.
    Civil {
        /// Seconds since 1970 as if the clock had shown UTC.
        seconds: i64,
        nanos: u32,
        /// Seconds east of UTC, where the text says so.
        offset: Option<i32>,
        uncertainty_ms: u64,
    },
    /// A calendar time that lacks its year.
    NoYear { month: u8, day: u8, second_of_day: u32, nanos: u32, uncertainty_ms: u32 },
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    Epoch { nanos: i64, uncertainty_ms: u32 },
    /// A clock that tells no date: seconds since boot, or the time of day.
    Undated,
}

const DAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

/// Milliseconds by which a time of whole seconds may be off.
const SECOND: u32 = 1_000;

/// Days since 1970-01-01 to a proleptic Gregorian date (H. Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms").
#[inline]
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Reads `2024-05-01 12:00:00`, with `T` or a blank, `-`, `/` or `.`, a fraction, and a zone; and how long it is.
#[inline]
pub(crate) fn iso(text: &[u8]) -> Option<(StatedTime, usize)> {
    let (seconds, len) = civil(text)?;
    Some(with_fraction_and_zone(text, seconds, len))
}

/// Reads `2024-05-01 12:00:00` and the other ways to write it; seconds since 1970, and how long it is.
#[inline]
fn civil(text: &[u8]) -> Option<(i64, usize)> {
    let head: &[u8; 11] = text.first_chunk()?;
    let [y1, y2, y3, y4, dash1, m1, m2, dash2, d1, d2, between] = *head;
    if !matches!(dash1, b'-' | b'/' | b'.') || dash1 != dash2 {
        return None;
    }
    let year = i64::from(two(y1, y2)?) * 100 + i64::from(two(y3, y4)?);
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let clock_at = match between {
        b' ' | b'T' | b't' | b'_' => 11,
        b',' if text.get(11) == Some(&b' ') => 12,
        _ => return None,
    };
    let (second_of_day, clock_len) = clock(text.get(clock_at..)?)?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1_700..2_200).contains(&year) {
        return None;
    }
    let seconds = days_from_civil(year, i64::from(month), i64::from(day)) * 86_400 + i64::from(second_of_day);
    Some((seconds, clock_at + clock_len))
}

/// Reads what follows the seconds of a calendar time, which are `len` bytes long.
#[inline]
fn with_fraction_and_zone(text: &[u8], seconds: i64, len: usize) -> (StatedTime, usize) {
    let (nanos, uncertainty_ms, fraction_len) = fraction(text.get(len..).unwrap_or_default());
    let len = len + fraction_len;
    let (offset, zone_len) = zone(text.get(len..).unwrap_or_default());
    let uncertainty_ms = u64::from(uncertainty_ms);
    (StatedTime::Civil { seconds, nanos, offset, uncertainty_ms }, len + zone_len)
}

/// Remembers the last second: neighbours share it.
#[derive(Debug, Default)]
pub(crate) struct Seconds {
    last: Option<([u8; SECOND_LEN], i64)>,
}

/// Bytes of `2024-05-01 12:00:00`.
const SECOND_LEN: usize = 19;

impl Seconds {
    /// The same as [`any`].
    pub(crate) fn any(&mut self, text: &[u8]) -> Option<StatedTime> {
        self.iso(text).map(|(time, _)| time).or_else(|| any(text))
    }

    /// The same as [`iso`], for times without a blank behind a comma.
    #[inline]
    fn iso(&mut self, text: &[u8]) -> Option<(StatedTime, usize)> {
        let seconds = self.seconds(text)?;
        Some(with_fraction_and_zone(text, seconds, SECOND_LEN))
    }

    /// Reads such a time that ends with a quote, into where none is yet; its length. It is not returned, as it would be
    /// copied then, and a processor waits for what it copies in other pieces than it was written in.
    pub(crate) fn quoted(&mut self, text: &[u8], into: &mut Option<StatedTime>) -> Option<usize> {
        let seconds = self.seconds(text)?;
        let (nanos, uncertainty_ms, len) = fraction(text.get(SECOND_LEN..).unwrap_or_default());
        let len = SECOND_LEN + len;
        let (offset, zone_len) = zone(text.get(len..).unwrap_or_default());
        let len = len + zone_len;
        if text.get(len) != Some(&b'"') {
            return None;
        }
        if into.is_none() {
            let uncertainty_ms = u64::from(uncertainty_ms);
            *into = Some(StatedTime::Civil { seconds, nanos, offset, uncertainty_ms });
        }
        Some(len)
    }

    #[inline]
    fn seconds(&mut self, text: &[u8]) -> Option<i64> {
        let second = text.first_chunk::<SECOND_LEN>()?;
        match &self.last {
            Some((known, seconds)) if known == second => Some(*seconds),
            _ => self.other(text),
        }
    }

    #[cold]
    #[inline(never)]
    fn other(&mut self, text: &[u8]) -> Option<i64> {
        let (seconds, SECOND_LEN) = civil(text)? else { return None };
        self.last = Some((*text.first_chunk()?, seconds));
        Some(seconds)
    }
}

/// Reads `12:00:00`; seconds of the day and how long it is.
#[inline]
pub(crate) fn clock(text: &[u8]) -> Option<(u32, usize)> {
    let [h1, h2, colon1, m1, m2, colon2, s1, s2] = *text.first_chunk::<8>()?;
    if colon1 != b':' || colon2 != b':' {
        return None;
    }
    let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
    (hour < 24 && minute < 60 && second <= 60).then_some((hour * 3600 + minute * 60 + second, 8))
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then_some(u32::from(tens) * 10 + u32::from(ones))
}

/// A fraction of a second after `.` or `,`: nanoseconds, what it leaves open, length.
#[inline]
fn fraction(text: &[u8]) -> (u32, u32, usize) {
    if !matches!(text.first(), Some(b'.' | b',')) {
        return (0, SECOND, 0);
    }
    // What most logs have.
    if let [_, d1, d2, d3, behind, ..] = text
        && !behind.is_ascii_digit()
        && let (Some(tens), Some(ones)) = (two(*d1, *d2), two(b'0', *d3))
    {
        return ((tens * 10 + ones) * 1_000_000, 1, 4);
    }
    let mut nanos = 0_u32;
    let mut digits = 0;
    for byte in text.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).take(12) {
        if digits < 9 {
            nanos = nanos * 10 + u32::from(byte - b'0');
        }
        digits += 1;
    }
    if digits == 0 {
        return (0, SECOND, 0);
    }
    for _ in digits..9 {
        nanos *= 10;
    }
    let uncertainty_ms = match digits {
        1 => 100,
        2 => 10,
        _ => 1,
    };
    (nanos, uncertainty_ms, 1 + digits)
}

/// A zone: `Z`, `+0200`, `+02:00`, `UTC`, `GMT`, each after an optional blank; seconds east of UTC, length.
#[inline]
fn zone(text: &[u8]) -> (Option<i32>, usize) {
    let blank = usize::from(text.first() == Some(&b' '));
    let rest = text.get(blank..).unwrap_or_default();
    match rest.first() {
        Some(b'Z') if blank == 0 => (Some(0), 1),
        Some(b'U' | b'G') if rest.starts_with(b"UTC") || rest.starts_with(b"GMT") => (Some(0), blank + 3),
        Some(sign @ (b'+' | b'-')) => {
            let (hours, minutes, len) = match *rest {
                [_, h1, h2, b':', m1, m2, ..] => (two(h1, h2), two(m1, m2), 6),
                [_, h1, h2, m1, m2, ..] => (two(h1, h2), two(m1, m2), 5),
                [_, h1, h2] if blank == 0 => (two(h1, h2), Some(0), 3),
                _ => (None, None, 0),
            };
            match (hours, minutes) {
                (Some(hours @ 0..=15), Some(minutes @ 0..=59)) => {
                    let seconds = (hours * 3600 + minutes * 60) as i32;
                    (Some(if *sign == b'-' { -seconds } else { seconds }), blank + len)
                }
                _ => (None, 0),
            }
        }
        _ => (None, 0),
    }
}

fn month(name: &[u8]) -> Option<u8> {
    const NAMES: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let name = name.first_chunk::<3>()?;
    NAMES.iter().position(|known| *known == name).map(|index| index as u8 + 1)
}

/// Whether a word is the short English name of a day of the week.
pub(crate) fn is_day(name: &[u8]) -> bool {
    DAYS.iter().any(|day| day.as_slice() == name)
}

/// Whether a word is the short English name of a month.
pub(crate) fn is_month(name: &[u8]) -> bool {
    name.len() == 3 && month(name).is_some()
}

/// Reads `Wed 2024-05-01 12:00:00 UTC`, as `journalctl -o short-full` writes it. Abbreviations other than `UTC` name
/// no offset: they are passed over.
pub(crate) fn weekday_iso(text: &[u8]) -> Option<(StatedTime, usize)> {
    if !DAYS.contains(&text.first_chunk::<3>()?) || text.get(3) != Some(&b' ') {
        return None;
    }
    let (time, len) = iso(text.get(4..)?)?;
    let rest = text.get(4 + len..)?;
    let abbreviation = rest.strip_prefix(b" ").map_or(0, |rest| {
        rest.iter().take(5).take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count()
    });
    let is_zone = (3..=5).contains(&abbreviation) && rest.get(1 + abbreviation) == Some(&b' ');
    Some((time, 4 + len + if is_zone { 1 + abbreviation } else { 0 }))
}

/// Reads `05-13 12:00:00`, as vLLM writes it.
pub(crate) fn month_and_day(text: &[u8]) -> Option<(StatedTime, usize)> {
    let [m1, m2, b'-', d1, d2, b' '] = *text.first_chunk::<6>()? else { return None };
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (second_of_day, clock_len) = clock(text.get(6..)?)?;
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    let (month, day) = (month as u8, day as u8);
    let time = StatedTime::NoYear { month, day, second_of_day, nanos: 0, uncertainty_ms: SECOND };
    is_date.then_some((time, 6 + clock_len))
}

/// Reads `05/13/2024 12:00:00 PM` and `13.05.2024 12:00:00`: whether the day or the month stands first is told by
/// the dots, by a number above 12, or not at all.
pub(crate) fn day_and_month(text: &[u8]) -> Option<(StatedTime, usize)> {
    let [a1, a2, dash1, b1, b2, dash2, y1, y2, y3, y4] = *text.first_chunk::<10>()?;
    if !matches!(dash1, b'/' | b'.' | b'-') || dash1 != dash2 {
        return None;
    }
    let (first, second) = (two(a1, a2)?, two(b1, b2)?);
    let year = i64::from(two(y1, y2)?) * 100 + i64::from(two(y3, y4)?);
    let blank = match text.get(10..12)? {
        [b',', b' '] => 2,
        [b' ' | b'T', _] => 1,
        _ => return None,
    };
    let (mut second_of_day, clock_len) = clock(text.get(10 + blank..)?)?;
    let mut len = 10 + blank + clock_len;
    let (nanos, uncertainty_ms, fraction_len) = fraction(text.get(len..).unwrap_or_default());
    len += fraction_len;
    if let Some(half @ ([b' ', b'A' | b'P', b'M'] | [b' ', b'a' | b'p', b'm'])) = text.get(len..len + 3) {
        let is_afternoon = matches!(half, [_, b'P' | b'p', _]);
        // Twelve o'clock starts its half of the day.
        second_of_day = second_of_day % 43_200 + if is_afternoon { 43_200 } else { 0 };
        len += 3;
    }
    let is_day_first = match (dash1, first, second) {
        (b'.', ..) | (_, 13.., _) => Some(true),
        (_, _, 13..) => Some(false),
        _ if first == second => Some(false),
        _ => None,
    };
    let at = |month: u32, day: u32| {
        days_from_civil(year, i64::from(month), i64::from(day)) * 86_400 + i64::from(second_of_day)
    };
    let (month, day) = if is_day_first == Some(true) { (second, first) } else { (first, second) };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1_700..2_200).contains(&year) {
        return None;
    }
    let seconds = at(month, day);
    // Python's own example puts the month first; the other reading is as far away as the uncertainty says.
    let apart = if is_day_first.is_none() { seconds.abs_diff(at(day, month)) * 1_000 } else { 0 };
    let uncertainty_ms = u64::from(uncertainty_ms) + apart;
    let (offset, zone_len) = zone(text.get(len..).unwrap_or_default());
    Some((StatedTime::Civil { seconds, nanos, offset, uncertainty_ms }, len + zone_len))
}

/// Reads syslog's `Nov 22 11:31:47`, without a year (RFC 3164, section 4.1.2).
pub(crate) fn syslog(text: &[u8]) -> Option<(StatedTime, usize)> {
    let month = month(text)?;
    if text.get(3) != Some(&b' ') {
        return None;
    }
    let padding = usize::from(text.get(4) == Some(&b' '));
    let (day, digits) = leading_number(text.get(4 + padding..)?)?;
    let at = 4 + padding + digits;
    if !(1..=31).contains(&day) || text.get(at) != Some(&b' ') {
        return None;
    }
    let (second_of_day, len) = clock(text.get(at + 1..)?)?;
    let (nanos, uncertainty_ms, fraction_len) = fraction(text.get(at + 1 + len..).unwrap_or_default());
    let time = StatedTime::NoYear { month, day: day as u8, second_of_day, nanos, uncertainty_ms };
    Some((time, at + 1 + len + fraction_len))
}

/// Reads `Sun Nov 22 11:32:02 2026`, as `asctime` and `dmesg -T` write it.
pub(crate) fn asctime(text: &[u8]) -> Option<(StatedTime, usize)> {
    let weekday = text.first_chunk::<3>()?;
    if !DAYS.contains(&weekday) || text.get(3) != Some(&b' ') {
        return None;
    }
    let (time, len) = syslog(text.get(4..)?)?;
    let StatedTime::NoYear { month, day, second_of_day, nanos, uncertainty_ms } = time else { return None };
    let (year, year_len) = leading_number(text.get(4 + len + 1..)?)?;
    if !(1_700..2_200).contains(&year) || text.get(4 + len) != Some(&b' ') {
        return None;
    }
    let days = days_from_civil(year as i64, i64::from(month), i64::from(day));
    let seconds = days * 86_400 + i64::from(second_of_day);
    let uncertainty_ms = u64::from(uncertainty_ms);
    Some((StatedTime::Civil { seconds, nanos, offset: None, uncertainty_ms }, 4 + len + 1 + year_len))
}

/// Reads `22/Nov/2026:11:28:13 +0000`, as access logs write it; a blank may stand before the clock.
pub(crate) fn access_log(text: &[u8]) -> Option<(StatedTime, usize)> {
    let [d1, d2, b'/', m1, m2, m3, b'/', y1, y2, y3, y4, b':' | b' '] = *text.first_chunk::<12>()? else {
        return None;
    };
    let day = two(d1, d2)?;
    let month = month(&[m1, m2, m3])?;
    let year = i64::from(two(y1, y2)?) * 100 + i64::from(two(y3, y4)?);
    let (second_of_day, len) = clock(text.get(12..)?)?;
    if !(1..=31).contains(&day) || !(1_700..2_200).contains(&year) {
        return None;
    }
    let seconds = days_from_civil(year, i64::from(month), i64::from(day)) * 86_400 + i64::from(second_of_day);
    let (offset, zone_len) = zone(text.get(12 + len..).unwrap_or_default());
    Some((
        StatedTime::Civil { seconds, nanos: 0, offset, uncertainty_ms: SECOND.into() },
        12 + len + zone_len,
    ))
}

/// Reads klog's `0501 12:00:00.123456`, which stands behind a level's letter.
pub(crate) fn klog(text: &[u8]) -> Option<(StatedTime, usize)> {
    let [m1, m2, d1, d2, b' '] = *text.first_chunk::<5>()? else { return None };
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (second_of_day, len) = clock(text.get(5..)?)?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (nanos, uncertainty_ms, fraction_len) = fraction(text.get(5 + len..).unwrap_or_default());
    let time =
        StatedTime::NoYear { month: month as u8, day: day as u8, second_of_day, nanos, uncertainty_ms };
    Some((time, 5 + len + fraction_len))
}

/// Reads a number of seconds, milliseconds, microseconds or nanoseconds since 1970; the magnitude tells which.
pub(crate) fn epoch(text: &[u8]) -> Option<StatedTime> {
    let (whole, digits) = leading_number(text)?;
    let rest = text.get(digits..).unwrap_or_default();
    let (scale, uncertainty_ms): (i64, u32) = match digits {
        9..=10 => (1_000_000_000, SECOND),
        12..=13 => (1_000_000, 1),
        15..=16 => (1_000, 1),
        18..=19 => (1, 1),
        _ => return None,
    };
    let base = i64::try_from(whole).ok()?.checked_mul(scale)?;
    if rest.is_empty() {
        return Some(StatedTime::Epoch { nanos: base, uncertainty_ms });
    }
    let (nanos, fraction_uncertainty, len) = fraction(rest);
    if scale == 1_000_000_000 && len == rest.len() {
        let nanos = base.checked_add(i64::from(nanos))?;
        return Some(StatedTime::Epoch { nanos, uncertainty_ms: fraction_uncertainty });
    }
    // A fraction of a smaller unit adds nothing that a log's reader could use.
    (len == rest.len()).then_some(StatedTime::Epoch { nanos: base, uncertainty_ms })
}

/// Reads any of the forms above, as a JSON field or a logfmt value holds it.
pub(crate) fn any(text: &[u8]) -> Option<StatedTime> {
    let first = *text.first()?;
    if first.is_ascii_digit() {
        return iso(text)
            .map(|(time, _)| time)
            .or_else(|| epoch(text))
            .or_else(|| access_log(text).or_else(|| day_and_month(text)).map(|(time, _)| time));
    }
    asctime(text).or_else(|| syslog(text)).or_else(|| weekday_iso(text)).map(|(time, _)| time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let civil = |seconds, nanos, offset, uncertainty_ms| {
            Some(StatedTime::Civil { seconds, nanos, offset, uncertainty_ms })
        };
        let noon = 1_714_564_800;
        let check = |text: &str, expected: Option<StatedTime>| {
            assert_eq!(any(text.as_bytes()), expected, "{text}");
        };
        check("2024-05-01 12:00:00,123", civil(noon, 123_000_000, None, 1));
        check("2024-05-01T12:00:00Z", civil(noon, 0, Some(0), 1000));
        check("2024-05-01T12:00:00.123456+02:00", civil(noon, 123_456_000, Some(7200), 1));
        check("2024-05-01 12:00:00 +0000", civil(noon, 0, Some(0), 1000));
        check("2024-05-01 12:00:00 -0330", civil(noon, 0, Some(-12_600), 1000));
        check("2024-05-01, 12:00:00 UTC", civil(noon, 0, Some(0), 1000));
        check("2024/05/01 12:00:00.5", civil(noon, 500_000_000, None, 100));
        check("01/May/2024:12:00:00 +0000", civil(noon, 0, Some(0), 1000));
        check("Wed May  1 12:00:00 2024", civil(noon, 0, None, 1000));
        check("2024.05.01 12:00:00", civil(noon, 0, None, 1000));
        check("Wed 2024-05-01 12:00:00 UTC", civil(noon, 0, Some(0), 1000));
        check("01.05.2024 12:00:00", civil(noon, 0, None, 1000));
        check("01.05.2024, 12:00:00,5", civil(noon, 500_000_000, None, 100));
        check("05/05/2024 12:00:00 AM", civil(noon + 4 * 86_400 - 43_200, 0, None, 1000));
        check("05/13/2024 12:00:00 PM", civil(noon + 12 * 86_400, 0, None, 1000));
        check("13/05/2024 12:00:00", civil(noon + 12 * 86_400, 0, None, 1000));
        // The fifth of January is 117 days before.
        check("05/01/2024 12:00:00", civil(noon, 0, None, 117 * 86_400_000 + 1000));
        let epoch = |nanos, uncertainty_ms| Some(StatedTime::Epoch { nanos, uncertainty_ms });
        check("1714564800", epoch(noon * 1_000_000_000, 1000));
        check("1714564800.25", epoch(noon * 1_000_000_000 + 250_000_000, 10));
        check("1714564800123", epoch(noon * 1_000_000_000 + 123_000_000, 1));
        check("1714564800123456", epoch(noon * 1_000_000_000 + 123_456_000, 1));
        check("1714564800123456789", epoch(noon * 1_000_000_000 + 123_456_789, 1));
        let no_year =
            StatedTime::NoYear { month: 5, day: 1, second_of_day: 43_200, nanos: 0, uncertainty_ms: 1000 };
        check("May  1 12:00:00", Some(no_year));
        for text in
            ["", "2024-13-01 12:00:00", "2024-05-01 25:00:00", "2024-05-01", "12", "99999999999999999999"]
        {
            check(text, None);
        }
        assert!(klog(b"0501 12:00:00.123456 1 x.go:1] m").is_some());
    }
}
