//! Which processes died, and how.

use std::collections::BTreeMap;

use pycoroner_findings::{Severity, UtcTime, signals};

use crate::document::LogEvent;
use crate::scan::Scan;

/// Processes of one kind of death that are compared.
const MAX_DEATHS: usize = 512;
/// A record so long behind the time of a death, beyond what that is uncertain, is another process's.
const SLACK_MS: u64 = 1000;

/// Processes that died alike.
#[derive(Debug, Default)]
pub(super) struct Deaths {
    pub(super) end: String,
    /// Until when each process may have written; `None` when that is not known.
    pub(super) until: BTreeMap<u64, Option<UtcTime>>,
}

/// How a process ended, as far as lines about it say.
#[derive(Debug, Default)]
struct End {
    signal: Option<u32>,
    timed_out: bool,
    at: Option<UtcTime>,
}

impl Deaths {
    pub(super) fn of(scan: &Scan) -> Option<Self> {
        let mut ends: BTreeMap<u64, End> = BTreeMap::new();
        for event in scan.events.iter().filter(|event| is_death(event)) {
            let Some(pid) = event.pid else { continue };
            let end = ends.entry(pid).or_default();
            end.timed_out |= event.kind == "worker-timeout";
            end.signal = end.signal.or(event.signal);
            let until = event.at.map(|at| later(at.time, at.uncertainty_ms.saturating_add(SLACK_MS)));
            end.at = end.at.max(until);
        }
        let mut alike: BTreeMap<(bool, Option<u32>), Self> = BTreeMap::new();
        for (pid, End { signal, timed_out, at }) in ends {
            let kind = (timed_out, signal.filter(|_| !timed_out));
            let deaths = alike.entry(kind).or_insert_with(|| Self { end: told(kind), ..Self::default() });
            if deaths.until.len() < MAX_DEATHS {
                deaths.until.insert(pid, at);
            }
        }
        let own = scan.anchor.as_ref().and_then(|anchor| {
            let end = scan.process.as_ref().and_then(|process| process.log_pid).or(anchor.pid);
            let is_own = |deaths: &&Self| end.is_some_and(|pid| deaths.until.contains_key(&pid));
            let by_pid = alike.iter().find(|(_, deaths)| is_own(deaths)).map(|(kind, _)| *kind);
            by_pid.or(anchor.signal.map(|signal| (false, Some(signal))))
        });
        match own {
            Some(kind) => alike.remove(&kind),
            None => alike.into_values().rev().max_by_key(Self::len),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.until.len()
    }
}

/// A line that says that a process ended, and not because it was asked to.
fn is_death(event: &LogEvent) -> bool {
    match event.kind.as_ref() {
        "worker-timeout" | "kernel-segfault" | "oom-kill" | "core-dumped" => true,
        "worker-killed" | "worker-exit" => event.severity >= Severity::Error,
        "signal" => event.severity >= Severity::Error && event.signal.is_some(),
        _ => false,
    }
}

fn told((timed_out, signal): (bool, Option<u32>)) -> String {
    match signal {
        _ if timed_out => "timeout".to_owned(),
        Some(signal) => signals::name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned),
        None => "failure".to_owned(),
    }
}

fn later(time: UtcTime, millis: u64) -> UtcTime {
    let nanos = i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    UtcTime(time.0.saturating_add(nanos))
}
