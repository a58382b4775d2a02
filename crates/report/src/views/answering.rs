//! Which samples of a target may be of the process that died: by when it was started, and by the start time that
//! whoever answered stated beside them.

use pycoroner_findings::{Timestamp, UtcTime};

use super::targets::START_TIME;
use crate::Incident;
use crate::sections::{Series, TelemetrySection};

/// A start time that metrics state and the line that tells of the start may lie this far apart: metrics count from the
/// boot of the machine, which is known in whole seconds.
const SAME_START_NANOS: u64 = 2_000_000_000;

/// The process that died, as a target of metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answering<'a> {
    /// When logs say that it was started.
    boots: Vec<Timestamp>,
    /// The start times that were stated as this target.
    starts: Option<&'a Series>,
}

impl<'a> Answering<'a> {
    /// The process as a target of an incident's metrics.
    pub(crate) fn of(incident: &Incident, telemetry: &'a TelemetrySection, target: &str) -> Self {
        let is_of_target = |series: &&Series| series.name == START_TIME && series.target == target;
        Self { boots: boots(incident), starts: telemetry.series.iter().find(is_of_target) }
    }

    /// Whether what was sampled at a time may be of the process.
    pub(crate) fn may_be_at(&self, time: UtcTime) -> bool {
        if self.boots.is_empty() {
            return true;
        }
        let had_begun = self.boots.iter().any(|boot| begin(*boot) <= time);
        let stated = self.starts.and_then(|series| series.points.iter().rfind(|(at, _)| *at <= time));
        had_begun && stated.is_none_or(|(_, start)| self.is_started_at(*start))
    }

    /// Whether a start time, in seconds since 1970, is that of the process.
    pub(crate) fn is_started_at(&self, seconds: f64) -> bool {
        self.boots.iter().any(|boot| {
            let slack = SAME_START_NANOS.saturating_add(boot.uncertainty_ms.saturating_mul(1_000_000));
            boot.time.0.abs_diff((seconds * 1e9) as i64) <= slack
        })
    }
}

/// When lines of the logs say that the process was started.
fn boots(incident: &Incident) -> Vec<Timestamp> {
    let Some(pid) = incident.core.as_ref().and_then(|core| core.process.pid) else { return Vec::new() };
    let own = incident.timeline.iter().filter(|event| event.kind == "worker-boot" && event.pid == Some(pid));
    own.filter_map(|event| event.at).collect()
}

/// The earliest time that a line's may be. Logs cut fractions of a second off: nothing is earlier than a whole second.
fn begin(boot: Timestamp) -> UtcTime {
    if boot.uncertainty_ms <= 1000 { boot.time } else { boot.earliest() }
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::TimeBasis;

    use super::*;

    fn second(second: i64) -> UtcTime {
        UtcTime(second * 1_000_000_000)
    }

    fn boot(at: i64) -> Timestamp {
        Timestamp { time: second(at), basis: TimeBasis::Stated, uncertainty_ms: 1000 }
    }

    #[test]
    fn samples_of_others() {
        let points = [(20, 5.0), (30, 29.0), (40, 5.0)].map(|(at, start)| (second(at), start)).to_vec();
        let starts = Series { name: START_TIME.into(), points, ..Series::default() };
        let check = |answering: &Answering, at, expected| {
            assert_eq!(answering.may_be_at(second(at)), expected, "{answering:?} {at}");
        };
        let unknown = Answering { boots: Vec::new(), starts: Some(&starts) };
        check(&unknown, 20, true);
        let by_log = Answering { boots: vec![boot(28)], starts: None };
        check(&by_log, 27, false);
        check(&by_log, 28, true);
        let by_both = Answering { boots: vec![boot(28)], starts: Some(&starts) };
        check(&by_both, 20, false);
        check(&by_both, 29, false);
        check(&by_both, 31, true);
        check(&by_both, 41, false);
    }
}
