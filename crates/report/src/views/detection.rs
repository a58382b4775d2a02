//! When it began, when somebody was told, and when it was over.

use pycoroner_findings::{Event, Severity, TimeBasis, UtcTime};

use crate::Incident;
use crate::views::end::ENDS;

/// The turns of an incident, as events of its timeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Detection<'a> {
    /// The first thing that was unusual, and is no alert; a warning of the log only where there is nothing else.
    pub(crate) symptom: Option<&'a Event>,
    /// The first alert that fired and was not over before the symptom.
    pub(crate) alert: Option<&'a Event>,
    /// The first sign that the service ran again after the death.
    pub(crate) restart: Option<&'a Event>,
    /// The last end of an alert.
    pub(crate) resolved: Option<&'a Event>,
    /// A deploy or another change that came last before the symptom.
    pub(crate) change: Option<&'a Event>,
}

/// Kinds of events by which a service starts again.
const STARTS: [&str; 4] = ["restart", "worker-boot", "container-started", "process-started"];
/// A symptom so long before the death may have nothing to do with it.
const RELATED_NANOS: i64 = 6 * 3_600_000_000_000;

/// Finds the turns in the timeline.
pub(crate) fn detection(incident: &Incident) -> Detection<'_> {
    let death = incident.died_at.map(|at| at.time);
    let timed = || incident.timeline.iter().filter(|event| event.at.is_some());
    let is_alert = |event: &Event| event.kind.starts_with("alert-");
    let is_change = |event: &Event| matches!(&*event.kind, "deploy" | "change" | "configuration");
    let is_related = |event: &&Event| {
        let time = event.at.map(|at| at.time);
        time.zip(death).is_none_or(|(time, death)| time.0 >= death.0.saturating_sub(RELATED_NANOS))
    };
    let begun = time(timed().find(|event| STARTS.contains(&&*event.kind))).filter(|at| Some(*at) < death);
    // What does not answer before it was first started has not failed.
    let is_begun = |event: &&Event| event.kind != "target-down" || time(Some(event)) >= begun;
    let pid = incident.core.as_ref().and_then(|core| core.process.pid);
    // What tells of the death itself is no symptom of it.
    let is_own_end = |event: &Event| {
        event.kind != "worker-timeout" && ENDS.contains(&&*event.kind) && pid.is_some() && event.pid == pid
    };
    let unusual = |is_of: &dyn Fn(&Event) -> bool| {
        timed()
            .filter(|event| event.severity >= Severity::Warning && is_of(event))
            .filter(|event| !is_alert(event) && !is_change(event) && is_begun(event))
            .filter(is_related)
            // What is known to have come first, and not what may have.
            .min_by_key(|event| order(event))
    };
    // A new start is what follows a death, however early its time is stated.
    let is_end = |event: &Event| matches!(&*event.kind, "process-died" | "restart-seen") || is_own_end(event);
    // A service may warn all day: that it did is a symptom only where nothing else but the death is known.
    let symptom = unusual(&|event| event.kind != "log-warning" && !is_end(event))
        .or_else(|| unusual(&|event| event.kind == "log-warning"))
        .or_else(|| unusual(&is_end));
    let ended = |alert: &Event| {
        let is_end = |event: &&Event| {
            event.kind == "alert-ended"
                && (&event.message, &event.producer) == (&alert.message, &alert.producer)
                && event.at.map(|at| at.time) >= alert.at.map(|at| at.time)
        };
        time(timed().find(is_end))
    };
    // An alert that was over before the first symptom fired for something else.
    let is_of_it =
        |event: &&Event| ended(event).is_none_or(|end| time(symptom).is_none_or(|from| end >= from));
    let before_symptom = |event: &&Event| {
        symptom.is_none_or(|symptom| event.at.map(|at| at.time) <= symptom.at.map(|at| at.time))
    };
    Detection {
        symptom,
        alert: timed().filter(|event| event.kind == "alert-started" && is_of_it(event)).find(is_related),
        restart: restart(incident),
        resolved: timed().rfind(|event| event.kind == "alert-ended"),
        change: timed().filter(|event| is_change(event)).rfind(before_symptom),
    }
}

/// The first start behind the death. Events are in order, so that what stands behind the line of the death came after
/// it; times tell less.
fn restart(incident: &Incident) -> Option<&Event> {
    let death = incident.died_at.map(|at| at.time);
    let line = incident.timeline.iter().position(|event| event.kind == "process-died");
    let is_behind = |event: &&Event| line.is_some() || time(Some(event)) > death;
    let behind = incident.timeline.iter().skip(line.unwrap_or(0));
    behind.filter(|event| event.at.is_some() && STARTS.contains(&&*event.kind)).find(is_behind)
}

impl Detection<'_> {
    /// Milliseconds from the first symptom to the first alert; negative when the alert came first.
    pub(crate) fn delay_ms(&self) -> Option<i64> {
        Some(time(self.alert)?.millis_since(time(self.symptom)?))
    }
}

/// The time by which events are put in order: of one whose time is that of another record or of a file, the latest that
/// it may have had.
fn order(event: &Event) -> Option<UtcTime> {
    let at = event.at?;
    let is_borrowed = matches!(at.basis, TimeBasis::InferredNeighbour | TimeBasis::FileModified);
    Some(if is_borrowed { at.latest() } else { at.time })
}

/// When an event was.
pub(crate) fn time(event: Option<&Event>) -> Option<UtcTime> {
    Some(event?.at?.time)
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::Timestamp;

    use super::*;

    /// A dump has the time of the record before it: what has a time of its own in that span came first.
    #[test]
    fn a_borrowed_time_is_no_first_symptom() {
        let event = |kind: &'static str, millis: i64, basis, uncertainty_ms| Event {
            at: Some(Timestamp { time: UtcTime(millis * 1_000_000), basis, uncertainty_ms }),
            ..Event::new(kind, Severity::Error, kind)
        };
        let dump = event("fatal-error", 25_000, TimeBasis::InferredNeighbour, 26_000);
        let critical = event("log-critical", 25_024, TimeBasis::Stated, 1);
        let down = event("target-down", 24_000, TimeBasis::Stated, 2_000);
        assert!(order(&critical) < order(&dump));
        assert!(order(&down) < order(&critical));
    }
}
