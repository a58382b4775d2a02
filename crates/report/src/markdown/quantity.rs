//! Sizes, counts and times as people read them.

use pycoroner_findings::{TimeBasis, Timestamp, UtcTime};

use super::inert::{Inert, prose};

/// `16.0 MiB`, or `512 B`.
pub(crate) fn size(bytes: u64) -> Inert {
    prose(&bytes_text(bytes))
}

/// [`size`] where no Markdown is read.
pub(crate) fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `1 thread`, `2 threads`.
pub(crate) fn count(number: usize, one: &'static str, many: &'static str) -> Inert {
    Inert::from(number).then(" ").then(if number == 1 { one } else { many })
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> Inert {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    prose(&text)
}

/// Date and clock to the millisecond, without the zone, which is UTC throughout a report.
pub(crate) fn clock(time: UtcTime) -> Inert {
    clock_text(Some(&time.to_string()))
}

/// [`clock`] of a time that stands in a document as text.
pub(crate) fn clock_text(time: Option<&str>) -> Inert {
    time.map_or_else(Inert::default, |time| cut(time, 3))
}

/// [`clock`] of a time with no more digits than are known of it.
pub(crate) fn moment(at: Timestamp) -> Inert {
    cut(&at.time.to_string(), known_digits(at))
}

/// How many digits of a second's fraction a time is known to.
pub(crate) fn known_digits(at: Timestamp) -> usize {
    match at.uncertainty_ms {
        0..10 => 3,
        10..100 => 2,
        100..1_000 => 1,
        _ => 0,
    }
}

/// A time with so many digits of its second's fraction at most.
fn cut(time: &str, digits: usize) -> Inert {
    let time = time.trim_end_matches('Z');
    let shown = match time.split_once('.') {
        Some((whole, _)) if digits == 0 => whole,
        Some((whole, _)) => time.get(..whole.len() + 1 + digits).unwrap_or(time),
        None => time,
    };
    prose(shown).replace_date_mark()
}

/// `± 1 s`, or nothing when the time is exact.
pub(crate) fn uncertainty(at: Timestamp) -> Inert {
    match at.uncertainty_ms {
        0 => Inert::default(),
        ms if ms < 100 => Inert::from("± ").then(ms).then(" ms"),
        ms if ms < 1_000 => prose(&format!("± 0.{} s", ms.div_ceil(100).min(9))),
        ms if ms < 120_000 => Inert::from("± ").then(ms.div_ceil(1_000)).then(" s"),
        ms if ms < 7_200_000 => Inert::from("± ").then(ms.div_ceil(60_000)).then(" min"),
        ms => Inert::from("± ").then(ms.div_ceil(3_600_000)).then(" h"),
    }
}

/// How a time is known.
pub(crate) fn basis(basis: TimeBasis) -> &'static str {
    match basis {
        TimeBasis::Stated => "stated",
        TimeBasis::AssumedZone => "its zone is assumed",
        TimeBasis::InferredYear => "its year is inferred",
        TimeBasis::InferredNeighbour => "time of the record beside it",
        TimeBasis::StoredWithCore => "as stored with the core",
        TimeBasis::FileModified => "when the file was last written",
    }
}

/// A length of time, without sign.
pub(crate) fn span(ms: i64) -> Inert {
    let ms = ms.unsigned_abs();
    let (seconds, millis) = (ms / 1_000, ms % 1_000);
    let text = match seconds {
        0..60 if millis == 0 => format!("{seconds} s"),
        0..60 => format!("{seconds}.{millis:03} s"),
        60..7_200 => format!("{} min {} s", seconds / 60, seconds % 60),
        7_200..172_800 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    };
    prose(&text)
}

impl Inert {
    /// `2024-05-01T12:00:00` as `2024-05-01 12:00:00`.
    fn replace_date_mark(self) -> Self {
        match self.as_str().split_once('T') {
            Some((date, clock)) => prose(date).then(" ").then(prose(clock)),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let check = |bytes, expected: &str| assert_eq!(size(bytes).as_str(), expected);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1536, "1.5 KiB");
        check(1_048_575, "1.0 MiB");
        check(u64::MAX, "16.0 EiB");
    }

    #[test]
    fn times_and_lengths() {
        assert_eq!(clock(UtcTime(0)).as_str(), "1970-01-01 00:00:00");
        assert_eq!(clock(UtcTime(1_234_567_890)).as_str(), "1970-01-01 00:00:01.234");
        let at = |uncertainty_ms| {
            let time = UtcTime(1_234_567_890);
            moment(Timestamp { time, basis: TimeBasis::Stated, uncertainty_ms }).as_str().to_owned()
        };
        assert_eq!(at(182), "1970-01-01 00:00:01.2");
        assert_eq!(
            (at(1), at(1000)),
            ("1970-01-01 00:00:01.234".to_owned(), "1970-01-01 00:00:01".to_owned())
        );
        assert_eq!(span(-1_500).as_str(), "1.500 s");
        assert_eq!(span(8_000).as_str(), "8 s");
        assert_eq!(span(90_000).as_str(), "1 min 30 s");
        assert_eq!(grouped(1_234_567).as_str(), "1,234,567");
        assert_eq!(grouped(12).as_str(), "12");
    }
}
