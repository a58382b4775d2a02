use pycoroner_findings::{TimeBasis, Timestamp};

use crate::time::zoned;

/// Reads `Sun 2026-11-22 11:31:51 UTC`, as systemd writes local times; the day of the week may be missing.
pub(super) fn moment(text: &str, uncertainty_ms: u64) -> Option<Timestamp> {
    let mut words = text.split_ascii_whitespace().skip_while(|word| !word.contains('-'));
    let (date, clock, zone) = (words.next()?, words.next()?, words.next().unwrap_or_default());
    zoned(date, clock, zone, TimeBasis::StoredWithCore, uncertainty_ms)
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
