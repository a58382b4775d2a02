use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time with how it is known.
///
/// In JSON: `"time"` (RFC 3339 UTC), `"time_basis"`, `"time_uncertainty_ms"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timestamp {
    /// The time itself.
    pub time: UtcTime,
    /// Where it comes from.
    #[serde(rename = "time_basis")]
    pub basis: TimeBasis,
    /// The true time lies within this many milliseconds before or after.
    #[serde(rename = "time_uncertainty_ms")]
    pub uncertainty_ms: u64,
}

impl Timestamp {
    /// The earliest time that it may be.
    pub fn earliest(self) -> UtcTime {
        UtcTime(self.time.0.saturating_sub(self.uncertainty_nanos()))
    }

    /// The latest time that it may be.
    pub fn latest(self) -> UtcTime {
        UtcTime(self.time.0.saturating_add(self.uncertainty_nanos()))
    }

    fn uncertainty_nanos(self) -> i64 {
        i64::try_from(self.uncertainty_ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX)
    }
}

/// Where a time comes from; what the reader must know before comparing two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeBasis {
    /// The source states the time with its zone or offset.
    Stated,
    /// The source states a local time; the zone was assumed.
    AssumedZone,
    /// The source states no year; the year was inferred.
    InferredYear,
    /// The record has no time; a neighbouring record's was taken.
    InferredNeighbour,
    /// What stored the core wrote it down: in the file's name or beside its content.
    StoredWithCore,
    /// The modification time of the file.
    FileModified,
}

/// Nanoseconds since 1970-01-01T00:00:00Z, without leap seconds; from 1677 to 2262.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime(pub i64);

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

impl UtcTime {
    /// The difference `self - earlier` in milliseconds, rounded down.
    pub fn millis_since(self, earlier: Self) -> i64 {
        ((i128::from(self.0) - i128::from(earlier.0)).div_euclid(1_000_000)) as i64
    }

    /// Year, month, day, second of day, nanosecond of second.
    fn civil(self) -> (i64, i64, i64, i64, i64) {
        let seconds = self.0.div_euclid(NANOS_PER_SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        (year, month, day, seconds.rem_euclid(SECONDS_PER_DAY), self.0.rem_euclid(NANOS_PER_SECOND))
    }

    /// Parses what [`fmt::Display`] writes: `2031-05-06T07:08:09Z` with up to nine fraction digits.
    fn parse(text: &str) -> Option<Self> {
        let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
        let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
        let mut clock = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
        let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1600..=2400).contains(&year) {
            return None;
        }
        if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
            return None;
        }
        if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let nanos: i64 = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").parse().ok()? };
        let seconds =
            days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
        Some(Self(seconds.checked_mul(NANOS_PER_SECOND)?.checked_add(nanos)?))
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, second, nanos) = self.civil();
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match nanos {
            0 => f.write_str("Z"),
            n if n % 1_000_000 == 0 => write!(f, ".{:03}Z", n / 1_000_000),
            n if n % 1_000 == 0 => write!(f, ".{:06}Z", n / 1_000),
            n => write!(f, ".{n:09}Z"),
        }
    }
}

impl JsonSchema for UtcTime {
    fn schema_name() -> Cow<'static, str> {
        "UtcTime".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date-time"})
    }
}

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("not an RFC 3339 UTC time: {text:?}")))
    }
}

/// Days since 1970-01-01 to a proleptic Gregorian date (H. Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        let check = |nanos: i64, text: &str| {
            assert_eq!(UtcTime(nanos).to_string(), text);
            assert_eq!(UtcTime::parse(text), Some(UtcTime(nanos)));
        };
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_400 * NANOS_PER_SECOND, "2000-02-29T00:00:00Z");
        check(1_714_564_800_123_000_000, "2024-05-01T12:00:00.123Z");
        check(-1, "1969-12-31T23:59:59.999999999Z");
        check(1_935_817_689_123_456_000, "2031-05-06T07:08:09.123456Z");
    }

    #[test]
    fn hostile_text_is_refused() {
        for text in ["", "Z", "2024-13-01T00:00:00Z", "2024-01-01T25:00:00Z", "9999-01-01T00:00:00Z", "T:::Z"]
        {
            assert_eq!(UtcTime::parse(text), None, "{text}");
        }
    }
}
