use pycoroner_findings::{TimeBasis, Timestamp};

use crate::time::rfc3339;

/// The zones of the world lie this far from UTC at most.
const ANY_ZONE_MS: u64 = 14 * 3_600_000;

/// Reads `Sun 2026-11-22 11:31:51 UTC`, as systemd writes local times; the day of the week may be missing.
///
/// What a zone's abbreviation stands for is not known, but for UTC: other times are taken as UTC, and marked.
pub(super) fn moment(text: &str, uncertainty_ms: u64) -> Option<Timestamp> {
    let mut words = text.split_ascii_whitespace().skip_while(|word| !word.contains('-'));
    let (date, clock, zone) = (words.next()?, words.next()?, words.next().unwrap_or_default());
    let time = rfc3339(&format!("{date}T{clock}Z"))?;
    let is_utc = matches!(zone, "UTC" | "GMT");
    Some(Timestamp {
        time,
        basis: if is_utc { TimeBasis::StoredWithCore } else { TimeBasis::AssumedZone },
        uncertainty_ms: if is_utc { uncertainty_ms } else { ANY_ZONE_MS },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times() {
        let check = |text: &str, expected: Option<(&str, TimeBasis)>| {
            let found = moment(text, 1000).map(|at| (at.time.to_string(), at.basis));
            assert_eq!(found, expected.map(|(time, basis)| (time.to_owned(), basis)), "{text}");
        };
        check(
            "Sun 2026-11-22 11:31:51 UTC (5s ago)",
            Some(("2026-11-22T11:31:51Z", TimeBasis::StoredWithCore)),
        );
        check("2026-11-22 11:31:51 UTC", Some(("2026-11-22T11:31:51Z", TimeBasis::StoredWithCore)));
        check("Sun 2026-11-22 12:31:51 CET", Some(("2026-11-22T12:31:51Z", TimeBasis::AssumedZone)));
        for other in ["", "Sun", "Sun 2026-11-22", "n/a", "2026-99-22 11:31:51 UTC"] {
            check(other, None);
        }
    }
}
