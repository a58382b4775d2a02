//! Deaths that the kernel's log states by the seconds since boot: what else says when that was.

use std::io::Read;

use pycoroner_coredump::ProcessSnapshot;
use pycoroner_findings::{TimeBasis, Timestamp, UtcTime};
use pycoroner_logscan::{LogEvent, Scan};
use pycoroner_telemetry::Telemetry;

use super::{boot_list, journal_clock};
use crate::cited;
use crate::evidence::{Evidence, Item};
use crate::sniff;

/// Kinds of events that the kernel writes.
const OF_KERNEL: [&str; 2] = ["kernel-segfault", "oom-kill"];
/// The kernel's clock of seconds since boot runs freely: it is this far off the wall clock, or less, in most cases.
const DRIFT_MS: u64 = 10_000;
/// So long after the boot, or less, the journal has its first entry.
const JOURNAL_START_MS: u64 = 20_000;
/// Kernel logs that are longer are not read to their end.
const MOST_BYTES: u64 = 64 << 20;
/// The metric of `node_exporter` that says when the machine was started.
const BOOT_TIME: &str = "node_boot_time_seconds";

/// What the seconds since boot at a death amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Uptime {
    /// The time of death, where something says when the machine was started.
    pub(super) at: Option<Timestamp>,
    /// The death was not later: the kernel wrote more behind it, and the log was kept after that.
    pub(super) not_after: Option<UtcTime>,
}

/// Reads them of the last event of the kernel that names this process and has no time of its own.
pub(super) fn of_death(
    scan: &Scan,
    snapshot: &ProcessSnapshot,
    evidence: &Evidence,
    telemetry: &Telemetry,
) -> Uptime {
    let Some((event, item)) = event(scan, snapshot, evidence) else { return Uptime::default() };
    let Some(of_event) = line(scan, event, item).as_deref().and_then(seconds) else {
        return Uptime::default();
    };
    let of_journal = journal_clock::wall_time(evidence, of_event);
    let boot = telemetry.series.iter().find(|series| series.name == BOOT_TIME);
    let boot = boot.and_then(|series| series.points.last().map(|(_, value)| *value).or(series.value));
    // Apart, as both in one number would be rounded to fractions of a microsecond.
    let of_metrics = boot.and_then(|boot| nanos(boot)?.checked_add(nanos(of_event)?)).map(UtcTime);
    let behind = last_seconds(item).and_then(|last| nanos(last - of_event)).filter(|behind| *behind >= 0);
    let not_after = item.modified.map(|kept| UtcTime(kept.0.saturating_sub(behind.unwrap_or(0))));
    let of_boots = || boot_list::wall_time(evidence, nanos(of_event)?, not_after);
    let known = of_journal.or(of_metrics).map(|time| (time, DRIFT_MS));
    let known = known.or_else(|| Some((of_boots()?, DRIFT_MS + JOURNAL_START_MS)));
    let at = known.map(|(time, uncertainty_ms)| Timestamp {
        time,
        basis: TimeBasis::InferredNeighbour,
        uncertainty_ms,
    });
    Uptime { at, not_after }
}

/// Whether a time is no more than when the log was kept.
pub(super) fn is_undated(at: Timestamp) -> bool {
    at.basis == TimeBasis::FileModified
}

fn event<'s, 'e>(
    scan: &'s Scan,
    snapshot: &ProcessSnapshot,
    evidence: &'e Evidence,
) -> Option<(&'s LogEvent, &'e Item)> {
    let pid = snapshot.process.pid?;
    let is_ours = |event: &&LogEvent| {
        OF_KERNEL.contains(&event.kind.as_ref())
            && event.pid == Some(pid)
            && event.at.is_none_or(is_undated)
            && (event.signal.is_none() || event.signal == snapshot.crash.signal)
    };
    let event = scan.events.iter().rfind(is_ours)?;
    let id = scan.sources.get(event.place.source)?.id;
    Some((event, evidence.items.iter().find(|item| item.id == id)?))
}

fn line(scan: &Scan, event: &LogEvent, item: &Item) -> Option<String> {
    let citation = event.place.citation(&scan.sources)?;
    let (bytes, _) = cited::bytes(&item.path, &citation, 256).ok()??;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The seconds since boot of the last line that states them.
fn last_seconds(item: &Item) -> Option<f64> {
    let mut text = Vec::new();
    sniff::open(&item.path).ok()?.take(MOST_BYTES).read_to_end(&mut text).ok()?;
    text.rsplit(|byte| *byte == b'\n')
        .find_map(|line| seconds(&String::from_utf8_lossy(line.get(..64).unwrap_or(line))))
}

/// `[  682.136503] python[11515]: segfault` as 682.136503.
fn seconds(line: &str) -> Option<f64> {
    let (number, _) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    let (whole, part) = number.trim_start().split_once('.')?;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_digits(whole) && part.len() == 6 && is_digits(part)).then(|| number.trim_start().parse().ok())?
}

/// Nanoseconds of seconds that a clock can show.
fn nanos(seconds: f64) -> Option<i64> {
    let nanos = seconds * 1e9;
    (nanos.abs() < i64::MAX as f64).then_some(nanos.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_since_boot() {
        let check = |line: &str, expected: Option<f64>| assert_eq!(seconds(line), expected, "{line}");
        check("[  682.136503] python[11515]: segfault at 0", Some(682.136_503));
        check("[1123.191203] x", Some(1_123.191_203));
        check("[Sun Nov 22 11:30:35 2026] python[11515]: segfault at 0", None);
        check("[12.5] x", None);
        check("no kernel", None);
    }
}
