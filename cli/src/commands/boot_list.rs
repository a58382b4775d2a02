//! What `journalctl --list-boots` says of when the machine was started.
//!
//! Source: `journalctl(1)` of systemd v255: each boot has the time of its first and of its last entry in the journal. The
//! first is written some seconds after the boot, when the journal is started.

use std::io::Read;

use pycoroner_findings::UtcTime;
use serde::Deserialize;

use crate::evidence::{Evidence, Item};
use crate::sniff::{self, Kind};

/// Lists of boots are no longer than this.
const MOST_BYTES: u64 = 1 << 20;
/// The last entry is written so long before a machine goes down that the kernel may say more, in nanoseconds.
const BEHIND_NANOS: i64 = 60_000_000_000;

/// One boot, by its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Boot {
    first: UtcTime,
    last: UtcTime,
}

/// When the machine had been up for so many nanoseconds, no later than `not_after`, where only one of the boots that are
/// listed was as long.
pub(super) fn wall_time(
    evidence: &Evidence,
    uptime_nanos: i64,
    not_after: Option<UtcTime>,
) -> Option<UtcTime> {
    let boots: Vec<Boot> = evidence.items.iter().flat_map(boots_of).collect();
    the_one(&boots, uptime_nanos, not_after)
}

fn the_one(boots: &[Boot], uptime_nanos: i64, not_after: Option<UtcTime>) -> Option<UtcTime> {
    let mut times = boots.iter().filter_map(|boot| {
        let time = UtcTime(boot.first.0.checked_add(uptime_nanos)?);
        let is_within = time.0 <= boot.last.0.saturating_add(BEHIND_NANOS);
        let is_early = not_after.is_none_or(|bound| time.0 <= bound.0.saturating_add(BEHIND_NANOS));
        (is_within && is_early).then_some(time)
    });
    times.next().filter(|_| times.next().is_none())
}

fn boots_of(item: &Item) -> Vec<Boot> {
    if !matches!(item.kind, Kind::Log | Kind::NotUnderstood(_)) || item.bytes > MOST_BYTES {
        return Vec::new();
    }
    let mut text = Vec::new();
    let read = sniff::open(&item.path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut text));
    if read.is_err() {
        return Vec::new();
    }
    boots(&String::from_utf8_lossy(&text))
}

fn boots(text: &str) -> Vec<Boot> {
    if text.trim_start().starts_with('[') {
        let rows: Vec<Row> = serde_json::from_str(text).unwrap_or_default();
        return rows.iter().filter_map(Row::boot).collect();
    }
    text.lines().filter_map(boot).collect()
}

/// A row of `--list-boots -o json`, in microseconds.
#[derive(Deserialize)]
struct Row {
    boot_id: String,
    first_entry: i64,
    last_entry: i64,
}

impl Row {
    fn boot(&self) -> Option<Boot> {
        let time = |micros: i64| micros.checked_mul(1000).map(UtcTime);
        let boot = Boot { first: time(self.first_entry)?, last: time(self.last_entry)? };
        is_id(&self.boot_id).then_some(boot)
    }
}

/// ` -1 2c6e… Tue 2026-11-24 10:01:02 UTC Tue 2026-11-24 12:00:00 UTC`; older versions join the two times by a dash.
fn boot(line: &str) -> Option<Boot> {
    let line = line.replace('—', " ");
    let words: Vec<&str> = line.split_whitespace().collect();
    let [index, id, _, day, clock, zone, _, last_day, last_clock, last_zone] = *words.as_slice() else {
        return None;
    };
    index.parse::<i32>().ok().filter(|_| is_id(id))?;
    Some(Boot { first: time(day, clock, zone)?, last: time(last_day, last_clock, last_zone)? })
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Only zones that say how far they are from UTC: abbreviations stand for several.
fn time(day: &str, clock: &str, zone: &str) -> Option<UtcTime> {
    let offset = match zone {
        "UTC" | "GMT" => 0,
        zone => {
            let (sign, digits) = zone.split_at_checked(1)?;
            let minutes = |digits: &str| digits.parse::<i64>().ok();
            let (hours, rest) = digits.split_at_checked(2).filter(|(_, rest)| matches!(rest.len(), 0 | 2))?;
            let minutes = minutes(hours)? * 60 + if rest.is_empty() { 0 } else { minutes(rest)? };
            match sign {
                "+" => minutes,
                "-" => -minutes,
                _ => return None,
            }
        }
    };
    let local: UtcTime = serde_json::from_value(format!("{day}T{clock}Z").into()).ok()?;
    local.0.checked_sub(offset * 60_000_000_000).map(UtcTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "2c6e5b1f6a1e4a9eb8c8b8de3fbd0f3f";

    fn at(text: &str) -> UtcTime {
        serde_json::from_value(text.into()).unwrap()
    }

    #[test]
    fn lists_of_boots() {
        let boot = Boot { first: at("2026-11-24T10:01:02Z"), last: at("2026-11-24T12:00:00Z") };
        let check = |text: &str, expected: &[Boot]| assert_eq!(boots(text), expected, "{text}");
        let rows = format!(
            "IDX BOOT ID                          FIRST ENTRY                 LAST ENTRY\n -1 {ID} Tue 2026-11-24 10:01:02 UTC Tue 2026-11-24 12:00:00 UTC\n"
        );
        check(&rows, &[boot]);
        check(&format!("-1 {ID} Tue 2026-11-24 11:01:02 +01—Tue 2026-11-24 13:00:00 +0100\n"), &[boot]);
        check(
            &format!(
                r#"[{{"index":-1,"boot_id":"{ID}","first_entry":1795514462000000,"last_entry":1795521600000000}}]"#
            ),
            &[boot],
        );
        // Which zone an abbreviation stands for is not known.
        check(&format!("-1 {ID} Tue 2026-11-24 11:01:02 CST Tue 2026-11-24 13:00:00 CST\n"), &[]);
        check("-1 short Tue 2026-11-24 11:01:02 UTC Tue 2026-11-24 13:00:00 UTC\n", &[]);
        check("2026-11-24 11:01:02 INFO request 1 of 2 a b c d e\n", &[]);
    }

    #[test]
    fn only_one_boot_may_fit() {
        let boot = |from: i64, to: i64| Boot {
            first: UtcTime(from * 1_000_000_000),
            last: UtcTime(to * 1_000_000_000),
        };
        let check = |boots: &[Boot], not_after: Option<i64>, expected: Option<i64>| {
            let bound = not_after.map(|seconds| UtcTime(seconds * 1_000_000_000));
            let found = the_one(boots, 500_000_000_000, bound).map(|time| time.0 / 1_000_000_000);
            assert_eq!(found, expected, "{boots:?}");
        };
        check(&[boot(1000, 9000)], None, Some(1500));
        check(&[boot(1000, 1100), boot(2000, 9000)], None, Some(2500));
        check(&[boot(1000, 1800), boot(2000, 9000)], None, None);
        check(&[boot(1000, 1800), boot(2000, 9000)], Some(1900), Some(1500));
        check(&[boot(1000, 1100)], None, None);
        check(&[], None, None);
    }
}
