use pycoroner_findings::{TimeBasis, Timestamp, UtcTime};
use serde_json::{Value, from_value};

/// Reads an RFC 3339 time; `None` also for Go's zero time, `0001-01-01T00:00:00Z`, which stands for "never".
pub(crate) fn rfc3339(text: &str) -> Option<UtcTime> {
    if text.ends_with('Z') {
        return from_value(Value::from(text)).ok();
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let local: UtcTime = from_value(Value::from(format!("{local}Z"))).ok()?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let seconds =
        hours.parse::<i64>().ok()?.checked_mul(3600)? + minutes.parse::<i64>().ok()?.checked_mul(60)?;
    let nanos = seconds.checked_mul(1_000_000_000)?;
    match offset.as_bytes()[0] {
        b'+' => local.0.checked_sub(nanos).map(UtcTime),
        b'-' => local.0.checked_add(nanos).map(UtcTime),
        _ => None,
    }
}

/// The zones of the world lie this far from UTC at most.
const ANY_ZONE_MS: u64 = 14 * 3_600_000;

/// Reads date, clock and zone as systemd and Go print them: `2026-11-22`, `11:31:51`, `UTC` or `+0200`.
///
/// What a zone's abbreviation stands for is not known, but for UTC: other times are taken as UTC, and marked.
pub(crate) fn zoned(
    date: &str,
    clock: &str,
    zone: &str,
    basis: TimeBasis,
    uncertainty_ms: u64,
) -> Option<Timestamp> {
    let at = |offset: &str| rfc3339(&format!("{date}T{clock}{offset}"));
    let numeric = || {
        let digits =
            zone.strip_prefix(['+', '-']).filter(|digits| digits.bytes().all(|d| d.is_ascii_digit()))?;
        let sign = zone.get(..1)?;
        let (hours, minutes) = digits.split_at_checked(2).filter(|(_, rest)| matches!(rest.len(), 0 | 2))?;
        at(&format!("{sign}{hours}:{}", if minutes.is_empty() { "00" } else { minutes }))
    };
    let known = if matches!(zone, "UTC" | "GMT") { at("Z") } else { numeric() };
    if let Some(time) = known {
        return Some(Timestamp { time, basis, uncertainty_ms });
    }
    let (basis, uncertainty_ms) = (TimeBasis::AssumedZone, ANY_ZONE_MS);
    at("Z").map(|time| Timestamp { time, basis, uncertainty_ms })
}

/// A time that the export states with its zone, or as seconds since 1970.
pub(crate) fn stated(time: UtcTime) -> Timestamp {
    Timestamp { time, basis: TimeBasis::Stated, uncertainty_ms: 0 }
}

/// A time in seconds since 1970, to the microsecond; `None` outside the years that [`UtcTime`] has.
pub(crate) fn epoch_seconds(seconds: f64) -> Option<UtcTime> {
    let micros = (seconds * 1e6).round();
    (micros.abs() < 9.2e15).then(|| UtcTime(micros as i64 * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(rfc3339(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
        };
        check("2024-05-01T12:00:00.5Z", Some("2024-05-01T12:00:00.500Z"));
        check("2024-05-01T12:00:00+02:00", Some("2024-05-01T10:00:00Z"));
        check("2024-05-01T12:00:00-00:30", Some("2024-05-01T12:30:00Z"));
        for hostile in [
            "",
            "Z",
            "é",
            "0001-01-01T00:00:00Z",
            "2024-05-01T12:00:00",
            "2024-05-01T12:00:00+é1",
            "2024-05-01T12:00:00~01:00",
        ] {
            check(hostile, None);
        }
    }
    #[test]
    fn times_with_zones() {
        let check = |zone: &str, expected: &str| {
            let at = zoned("2026-11-22", "11:31:51", zone, TimeBasis::Stated, 1000).unwrap();
            assert_eq!(format!("{} {:?} {}", at.time, at.basis, at.uncertainty_ms), expected, "{zone}");
        };
        check("UTC", "2026-11-22T11:31:51Z Stated 1000");
        check("+0200", "2026-11-22T09:31:51Z Stated 1000");
        check("-03", "2026-11-22T14:31:51Z Stated 1000");
        for unknown in ["CET", "", "+02:00", "+é", "+1", "+020"] {
            check(unknown, "2026-11-22T11:31:51Z AssumedZone 50400000");
        }
        assert_eq!(zoned("2026-99-22", "11:31:51", "UTC", TimeBasis::Stated, 0), None);
    }
}
