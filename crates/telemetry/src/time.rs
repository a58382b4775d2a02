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
}
