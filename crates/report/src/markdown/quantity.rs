//! Sizes, counts and times as people read them.

use pycoroner_findings::{TimeBasis, Timestamp};

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

/// `± 1 s`, or nothing when the time is exact.
pub(crate) fn uncertainty(at: Timestamp) -> Inert {
    match at.uncertainty_ms {
        0 => Inert::default(),
        ms if ms < 100 => Inert::from("± ").then(ms).then(" ms"),
        ms if ms <= 900 => prose(&format!("± 0.{} s", ms.div_ceil(100))),
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

#[cfg(test)]
mod tests {
    use pycoroner_findings::UtcTime;

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
        let rough = |uncertainty_ms| {
            uncertainty(Timestamp { time: UtcTime(0), basis: TimeBasis::Stated, uncertainty_ms })
                .as_str()
                .to_owned()
        };
        // Never better than it is known.
        assert_eq!([rough(0), rough(99), rough(101), rough(900)], ["", "± 99 ms", "± 0.2 s", "± 0.9 s"]);
        assert_eq!([rough(901), rough(999), rough(1_001)], ["± 1 s", "± 1 s", "± 2 s"]);
        assert_eq!(span(-1_500).as_str(), "1.500 s");
        assert_eq!(span(8_000).as_str(), "8 s");
        assert_eq!(span(90_000).as_str(), "1 min 30 s");
        assert_eq!(grouped(1_234_567).as_str(), "1,234,567");
        assert_eq!(grouped(12).as_str(), "12");
    }
}
