//! Which samples of a target may be of the process that died: by when it was started, and by the start time that
//! whoever answered stated beside them.

use std::collections::BTreeSet;

use pycoroner_findings::{Timestamp, UtcTime};

use super::targets::START_TIME;
use crate::Incident;

/// A start time that metrics state and the line that tells of the start may lie this far apart: metrics count from the
/// boot of the machine, which is known in whole seconds, and the line is written when a process has begun.
const SAME_START_NANOS: u64 = 2_000_000_000;

/// The process that died, as a target of metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answering {
    /// When logs say that it was started, from and to.
    boots: Vec<(UtcTime, UtcTime)>,
    /// The start times that were stated as this target, in nanoseconds since 1970, and when.
    starts: Vec<(UtcTime, i64)>,
}

impl Answering {
    /// The process as a target of an incident's metrics.
    pub(crate) fn of(incident: &Incident, target: &str) -> Self {
        let series = incident.telemetry.iter().flat_map(|telemetry| &telemetry.series);
        let starts = series
            .filter(|series| series.name == START_TIME && series.target == target)
            .flat_map(|series| &series.points)
            .map(|(at, seconds)| (*at, (seconds * 1e9) as i64));
        Self { boots: boots(incident), starts: starts.collect() }
    }

    /// Whether what was sampled at a time may be of the process.
    pub(crate) fn may_be_at(&self, time: UtcTime) -> bool {
        if self.boots.is_empty() {
            return true;
        }
        let had_begun = self.boots.iter().any(|(from, _)| *from <= time);
        let stated = self.starts.iter().rfind(|(at, _)| *at <= time);
        had_begun && stated.is_none_or(|(_, start)| self.own_starts().contains(start))
    }

    /// Whether samples are known to be its own, and those of no other process that was started with it.
    pub(crate) fn is_told_apart(&self) -> bool {
        self.own_starts().len() == 1
    }

    /// When it last answered up to a time, by the start time that it alone stated then.
    pub(crate) fn last_answer(&self, until: UtcTime) -> Option<UtcTime> {
        let own = self.own_starts();
        let is_own = |(at, start): &&(UtcTime, i64)| *at <= until && own.contains(start);
        let (at, _) = self.starts.iter().rfind(is_own).filter(|_| own.len() == 1)?;
        Some(*at)
    }

    /// Of the start times that were stated those that agree best with a line of the logs.
    fn own_starts(&self) -> BTreeSet<i64> {
        let apart = |start: i64| {
            let from_boot = |(from, to): &(UtcTime, UtcTime)| match start {
                early if early < from.0 => from.0.abs_diff(early),
                late if late > to.0 => late.abs_diff(to.0),
                _ => 0,
            };
            self.boots.iter().map(from_boot).min()
        };
        let all = || self.starts.iter().filter_map(|(_, start)| Some((apart(*start)?, *start)));
        let Some((least, _)) = all().min().filter(|(apart, _)| *apart <= SAME_START_NANOS) else {
            return BTreeSet::new();
        };
        all().filter(|(apart, _)| *apart == least).map(|(_, start)| start).collect()
    }
}

/// When lines of the logs say that the process was started.
fn boots(incident: &Incident) -> Vec<(UtcTime, UtcTime)> {
    let Some(pid) = incident.core.as_ref().and_then(|core| core.process.pid) else { return Vec::new() };
    let own = incident.timeline.iter().filter(|event| event.kind == "worker-boot" && event.pid == Some(pid));
    own.filter_map(|event| event.at).map(span).collect()
}

/// From when to when a line's time may be. Logs cut fractions of a second off: nothing is earlier than a whole second.
fn span(boot: Timestamp) -> (UtcTime, UtcTime) {
    let is_cut = boot.uncertainty_ms <= 1000;
    (if is_cut { boot.time } else { boot.earliest() }, boot.latest())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> UtcTime {
        UtcTime(second * 1_000_000_000)
    }

    fn boot(at: i64) -> (UtcTime, UtcTime) {
        (second(at), second(at + 1))
    }

    #[test]
    fn samples_of_others() {
        let starts = [(20, 5_000), (30, 28_500), (36, 30_200), (40, 5_000)]
            .map(|(at, millis)| (second(at), millis * 1_000_000))
            .to_vec();
        let check = |answering: &Answering, at, expected| {
            assert_eq!(answering.may_be_at(second(at)), expected, "{answering:?} {at}");
        };
        let unknown = Answering { boots: Vec::new(), starts: starts.clone() };
        check(&unknown, 20, true);
        let by_log = Answering { boots: vec![boot(28)], starts: Vec::new() };
        check(&by_log, 27, false);
        check(&by_log, 28, true);
        // Of two start times that may be its own, the nearer one is.
        let by_both = Answering { boots: vec![boot(28)], starts: starts.clone() };
        check(&by_both, 20, false);
        check(&by_both, 29, false);
        check(&by_both, 31, true);
        check(&by_both, 37, false);
        assert_eq!(by_both.last_answer(second(35)), Some(second(30)));
        assert!(by_both.is_told_apart());
        // Two that were started in the same second are not told apart.
        let mut starts_of_two = starts.clone();
        starts_of_two.push((second(42), 28_700_000_000));
        let of_two = Answering { boots: vec![boot(28)], starts: starts_of_two };
        check(&of_two, 31, true);
        check(&of_two, 43, true);
        assert!(!of_two.is_told_apart());
        assert_eq!(of_two.last_answer(second(60)), None);
        let never_asked = Answering { boots: vec![boot(50)], starts };
        check(&never_asked, 51, false);
        assert_eq!(never_asked.last_answer(second(60)), None);
    }
}
