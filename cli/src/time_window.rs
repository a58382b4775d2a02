//! Times and durations as the user writes them.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pycoroner_findings::UtcTime;

/// Reads `2026-11-23T09:25:56Z`, with any offset, or `2026-11-23 09:25:56` in the zone given.
pub(crate) fn time(text: &str, zone: &TimeZone) -> Result<UtcTime> {
    let instant = match text.parse::<jiff::Timestamp>() {
        Ok(instant) => instant,
        Err(_) => text
            .parse::<DateTime>()
            .and_then(|civil| civil.to_zoned(zone.clone()))
            .map(|zoned| zoned.timestamp())
            .with_context(|| {
                format!("{text:?} is no time; write 2026-11-23T09:25:56Z or '2026-11-23 09:25:56'")
            })?,
    };
    let nanos = i64::try_from(instant.as_nanosecond());
    nanos.map(UtcTime).map_err(|_| anyhow!("{text:?} lies outside of the years 1678 to 2261"))
}

/// Reads `90s`, `5m`, `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration> {
    let duration = text
        .parse::<jiff::SignedDuration>()
        .with_context(|| format!("{text:?} is no duration; write 90s, 5m or 1h30m"))?;
    if duration.is_negative() {
        bail!("{text:?} is negative; a window reaches as far before its time as behind it");
    }
    Ok(duration.unsigned_abs())
}

/// Reads `UTC`, `+02:00` or a name of the zone database.
pub(crate) fn zone(name: &str) -> Result<TimeZone> {
    if name.eq_ignore_ascii_case("utc") || name == "Z" {
        return Ok(TimeZone::UTC);
    }
    if name.starts_with(['+', '-']) {
        let probe = format!("2000-01-01T00:00:00{name}");
        let pieces = jiff::fmt::temporal::Pieces::parse(&probe);
        if let Some(offset) = pieces.ok().and_then(|pieces| pieces.offset()) {
            return Ok(offset.to_numeric_offset().to_time_zone());
        }
    }
    TimeZone::get(name)
        .with_context(|| format!("{name:?} is no known zone; write UTC, +02:00 or Europe/Berlin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let check = |text: &str, name: &str, expected: &str| {
            assert_eq!(time(text, &zone(name).unwrap()).unwrap().to_string(), expected);
        };
        check("2026-11-23T09:25:56Z", "+02:00", "2026-11-23T09:25:56Z");
        check("2026-11-23T09:25:56.5+01:00", "UTC", "2026-11-23T08:25:56.500Z");
        check("2026-11-23 09:25:56", "+02:00", "2026-11-23T07:25:56Z");
        check("2026-11-23T09:25", "utc", "2026-11-23T09:25:00Z");
        for text in ["yesterday", "", "2026-13-01", "25:00", "9999-01-01T00:00:00Z"] {
            assert!(time(text, &TimeZone::UTC).is_err(), "{text}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("1h30m").unwrap(), Duration::from_mins(90));
        assert_eq!(duration("90s").unwrap(), Duration::from_secs(90));
        for text in ["", "5", "-5m", "soon"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
