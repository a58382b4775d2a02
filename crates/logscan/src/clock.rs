use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use pycoroner_findings::{SourceId, TimeBasis, Timestamp, UtcTime};

use crate::scan::Options;
use crate::stated_time::{StatedTime, days_from_civil};

/// The zone in which times without a zone are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time, the default.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Takes a zone that the caller found.
    pub fn new(zone: TimeZone) -> Self {
        Self(zone)
    }

    /// Its IANA name, or its offset.
    pub fn name(&self) -> String {
        match (self.0.iana_name(), self.0.to_fixed_offset()) {
            (Some(name), _) => name.to_owned(),
            (None, Ok(offset)) => offset.to_string(),
            (None, Err(_)) => "a zone without a name".to_owned(),
        }
    }

    /// Reads `UTC`, `+02:00` or an IANA name; names are looked up in the database that jiff finds.
    ///
    /// # Errors
    /// When the name is neither an offset nor in the database.
    pub fn named(name: &str) -> Result<Self, jiff::Error> {
        if name.eq_ignore_ascii_case("utc") || name == "Z" {
            return Ok(Self::UTC);
        }
        let written: Result<jiff::fmt::temporal::PiecesOffset, _> =
            jiff::fmt::temporal::Pieces::parse(&format!("2000-01-01T00:00:00{name}"))
                .map(|pieces| pieces.offset().unwrap_or_else(|| jiff::tz::Offset::UTC.into()));
        match written {
            Ok(offset) if name.starts_with(['+', '-']) => Ok(Self(offset.to_numeric_offset().to_time_zone())),
            _ => TimeZone::get(name).map(Self),
        }
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

/// Turns the times of one source into UTC.
pub(crate) struct Clock {
    zone: Option<TimeZone>,
    /// The offset in force in one civil quarter of an hour: almost all neighbours share it.
    quarter: Option<(i64, i64, u64)>,
    /// Civil day before which records without a year must lie, as days since 1970.
    not_after: Option<i64>,
    /// Nanoseconds that are added to each time.
    shift: i64,
    /// A record lacked its year and nothing told which it was.
    pub(crate) met_unknown_year: bool,
    /// A record's zone was assumed.
    pub(crate) assumed_zone: bool,
    /// A record's clock tells no date.
    pub(crate) met_undated: bool,
}

const NANOS: i64 = 1_000_000_000;

/// The time of a record that states one, and whose collector does, too.
///
/// The collector's time has a zone where the record's own may lack it.
#[inline]
pub(crate) fn own_or_collected(own: Option<Timestamp>, collected: Option<Timestamp>) -> Option<Timestamp> {
    match (own, collected) {
        (Some(own), Some(collected))
            if own.basis != TimeBasis::Stated && collected.basis == TimeBasis::Stated =>
        {
            Some(collected)
        }
        (own, collected) => own.or(collected),
    }
}

impl Clock {
    /// `not_after` is a time that no record without a year can lie much behind: when the file was last changed.
    pub(crate) fn new(zone: &Zone, not_after: Option<UtcTime>) -> Self {
        Self {
            zone: (zone.0 != TimeZone::UTC).then(|| zone.0.clone()),
            quarter: None,
            not_after: not_after.map(|time| time.0.div_euclid(86_400 * NANOS) + 1),
            met_unknown_year: false,
            assumed_zone: false,
            met_undated: false,
            shift: 0,
        }
    }

    /// The clock of one source.
    pub(crate) fn of_source(options: &Options, id: SourceId, modified: Option<UtcTime>) -> Self {
        let shift = options.shifts.get(&id).copied().unwrap_or_default();
        Self::new(&options.assumed_zone, modified).shifted(shift)
    }

    /// Adds so many nanoseconds to each time.
    pub(crate) fn shifted(self, nanos: i64) -> Self {
        Self { shift: nanos, ..self }
    }

    #[inline]
    pub(crate) fn resolve(&mut self, stated: StatedTime) -> Option<Timestamp> {
        let at = self.as_stated(stated)?;
        Some(Timestamp { time: UtcTime(at.time.0.saturating_add(self.shift)), ..at })
    }

    #[inline]
    fn as_stated(&mut self, stated: StatedTime) -> Option<Timestamp> {
        match stated {
            StatedTime::Civil { seconds, nanos, offset: Some(offset), uncertainty_ms } => {
                stamp(seconds - i64::from(offset), nanos, TimeBasis::Stated, uncertainty_ms)
            }
            StatedTime::Civil { seconds, nanos, offset: None, uncertainty_ms } => {
                self.assumed_zone = true;
                let (offset, fold_ms) = self.offset_at(seconds);
                let uncertainty = uncertainty_ms + fold_ms;
                stamp(seconds - offset, nanos, TimeBasis::AssumedZone, uncertainty)
            }
            StatedTime::NoYear { month, day, second_of_day, nanos, uncertainty_ms } => {
                let Some(days) = self.infer_day(month, day) else {
                    self.met_unknown_year = true;
                    return None;
                };
                let seconds = days * 86_400 + i64::from(second_of_day);
                let (offset, fold_ms) = self.offset_at(seconds);
                let uncertainty = u64::from(uncertainty_ms) + fold_ms;
                stamp(seconds - offset, nanos, TimeBasis::InferredYear, uncertainty)
            }
            StatedTime::Epoch { nanos, uncertainty_ms } => Some(Timestamp {
                time: UtcTime(nanos),
                basis: TimeBasis::Stated,
                uncertainty_ms: u64::from(uncertainty_ms),
            }),
            StatedTime::Undated => {
                self.met_undated = true;
                None
            }
        }
    }

    /// The last year in which the day does not lie after the file's last change.
    fn infer_day(&self, month: u8, day: u8) -> Option<i64> {
        let not_after = self.not_after?;
        // The year of `not_after` is one of these; 366 days are more than any year has.
        let year = 1970 + not_after.div_euclid(366);
        (year - 1..=year + 2)
            .filter(|year| day < 29 || month != 2 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)))
            .map(|year| days_from_civil(year, i64::from(month), i64::from(day)))
            .filter(|days| *days <= not_after)
            .max()
    }

    /// Seconds east of UTC at a civil time of the assumed zone, and the milliseconds that a repeated or skipped
    /// hour leaves open.
    fn offset_at(&mut self, seconds: i64) -> (i64, u64) {
        let Some(zone) = &self.zone else { return (0, 0) };
        // Transitions may lie at any quarter of an hour, so only whole quarters are remembered.
        let quarter = seconds.div_euclid(900);
        if let Some((known, offset, fold_ms)) = self.quarter
            && known == quarter
        {
            return (offset, fold_ms);
        }
        let Some(civil) = civil_of(quarter * 900) else { return (0, 0) };
        let (offset, fold_ms) = match zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => (i64::from(offset.seconds()), 0),
            AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
                let (before, after) = (i64::from(before.seconds()), i64::from(after.seconds()));
                (before, before.abs_diff(after) * 1000)
            }
        };
        self.quarter = Some((quarter, offset, fold_ms));
        (offset, fold_ms)
    }
}

fn civil_of(seconds: i64) -> Option<DateTime> {
    let timestamp = jiff::Timestamp::from_second(seconds).ok()?;
    Some(jiff::tz::Offset::UTC.to_datetime(timestamp))
}

fn stamp(seconds: i64, nanos: u32, basis: TimeBasis, uncertainty_ms: u64) -> Option<Timestamp> {
    let nanos = seconds.checked_mul(NANOS)?.checked_add(i64::from(nanos))?;
    Some(Timestamp { time: UtcTime(nanos), basis, uncertainty_ms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stated_time::any;

    fn resolve(zone: &Zone, not_after: Option<&str>, text: &str) -> Option<String> {
        let not_after = not_after.and_then(|text| serde_json::from_str(&format!("\"{text}\"")).ok());
        let mut clock = Clock::new(zone, not_after);
        clock.resolve(any(text.as_bytes())?).map(|stamp| format!("{} {:?}", stamp.time, stamp.basis))
    }

    #[test]
    fn a_wrong_clock_is_set_right() {
        let check = |nanos: i64, expected: &str| {
            let mut clock = Clock::new(&Zone::UTC, None).shifted(nanos);
            let at = clock.resolve(any(b"2024-05-01T12:00:00Z").unwrap()).unwrap();
            assert_eq!((at.time.to_string().as_str(), at.basis), (expected, TimeBasis::Stated));
        };
        check(0, "2024-05-01T12:00:00Z");
        check(-90_500_000_000, "2024-05-01T11:58:29.500Z");
        check(i64::MAX, "2262-04-11T23:47:16.854775807Z");
    }

    #[test]
    fn zones() {
        let berlin = Zone::new(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        let check = |zone: &Zone, text: &str, expected: &str| {
            assert_eq!(resolve(zone, None, text).as_deref(), Some(expected), "{text}");
        };
        check(&Zone::UTC, "2024-05-01 12:00:00", "2024-05-01T12:00:00Z AssumedZone");
        check(&berlin, "2024-05-01 12:00:00", "2024-05-01T10:00:00Z AssumedZone");
        check(&berlin, "2024-01-01 12:00:00", "2024-01-01T11:00:00Z AssumedZone");
        check(&berlin, "2024-05-01T12:00:00+00:00", "2024-05-01T12:00:00Z Stated");
        check(&Zone::named("+02:00").unwrap(), "2024-05-01 12:00:00", "2024-05-01T10:00:00Z AssumedZone");
        assert!(Zone::named("Nowhere/Nothing").is_err());
    }

    #[test]
    fn years() {
        let check = |not_after: Option<&str>, text: &str, expected: Option<&str>| {
            let expected = expected.map(|time| format!("{time} InferredYear"));
            assert_eq!(resolve(&Zone::UTC, not_after, text), expected, "{text}");
        };
        check(None, "May  1 12:00:00", None);
        check(Some("2024-05-03T00:00:00Z"), "May  1 12:00:00", Some("2024-05-01T12:00:00Z"));
        check(Some("2024-01-02T00:00:00Z"), "Dec 31 23:59:59", Some("2023-12-31T23:59:59Z"));
        check(Some("2025-05-03T00:00:00Z"), "Feb 29 00:00:00", Some("2024-02-29T00:00:00Z"));
        check(Some("2026-05-03T00:00:00Z"), "Feb 29 00:00:00", None);
        check(Some("2024-02-29T00:00:00Z"), "Feb 29 00:00:00", Some("2024-02-29T00:00:00Z"));
    }

    #[test]
    fn a_repeated_hour_is_uncertain() {
        let berlin = Zone::new(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        let stamp = Clock::new(&berlin, None).resolve(any(b"2024-10-27 02:30:00,000").unwrap()).unwrap();
        assert_eq!(stamp.uncertainty_ms, 3_600_001);
    }
}
