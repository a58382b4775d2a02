//! What the process itself shows last: it lived then, so that its death came no earlier.

use pycoroner_findings::{Citation, TimeBasis, Timestamp, UtcTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Incident;
use crate::sections::Series;
use crate::views::answering::Answering;
use crate::views::targets::{START_TIME, points};

/// The last sign of life that bounds the time of death.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastSign {
    /// When it was.
    pub time: UtcTime,
    /// What it is: `its last log record`.
    pub what: String,
    /// The latest time that the death may have had, as it was stated.
    pub not_after: UtcTime,
    /// The bytes that show it.
    pub citations: Vec<Citation>,
}

/// Narrows the interval of the death to what lies behind the process's own last sign of life in it.
pub(crate) fn narrow(incident: &mut Incident) {
    let Some(died) = incident.died_at else { return };
    if incident.core.as_ref().is_none_or(crate::CoreSection::is_alive) {
        return;
    }
    let Some((earliest, latest)) = bounds(died) else { return };
    let signs = logged(incident, died).into_iter().chain(measured(incident, latest));
    let within = signs.filter(|(time, ..)| *time > earliest && *time <= latest);
    let Some((time, what, citations)) = within.max_by_key(|(time, ..)| *time) else { return };
    let half_ms = latest.millis_since(time) / 2;
    let narrowed = Timestamp {
        time: UtcTime(time.0.saturating_add(half_ms.saturating_mul(1_000_000))),
        basis: died.basis,
        uncertainty_ms: u64::try_from(half_ms).unwrap_or(0).saturating_add(1),
    };
    for event in incident.timeline.iter_mut().filter(|event| event.kind == "process-died") {
        if event.at == Some(died) {
            event.at = Some(narrowed);
        }
    }
    incident.died_at = Some(narrowed);
    incident.last_sign = Some(LastSign { time, what: what.to_owned(), not_after: latest, citations });
}

/// Between which times the death lies, where its source bounds it on both sides.
fn bounds(died: Timestamp) -> Option<(UtcTime, UtcTime)> {
    let latest = match died.basis {
        TimeBasis::Stated | TimeBasis::StoredWithCore | TimeBasis::AssumedZone | TimeBasis::InferredYear => {
            died.latest()
        }
        // A core is written after the death.
        TimeBasis::FileModified => died.time,
        TimeBasis::InferredNeighbour => return None,
    };
    Some((died.earliest(), latest))
}

type Sign = (UtcTime, &'static str, Vec<Citation>);

/// The last record of the process, when its lines were told by its number and its clock is read like that of the death.
fn logged(incident: &Incident, died: Timestamp) -> Option<Sign> {
    let process = incident.logs.as_ref()?.process.as_ref()?;
    let is_sure = |how: &String| matches!(how.as_str(), "pid" | "thread-ident");
    let record = process.last_records.last().filter(|_| process.joined_by.iter().any(is_sure))?;
    let at = Timestamp {
        time: record.time?,
        basis: record.time_basis.unwrap_or(TimeBasis::Stated),
        uncertainty_ms: record.time_uncertainty_ms.unwrap_or(0),
    };
    if at.basis != TimeBasis::Stated && at.basis != died.basis {
        return None;
    }
    // Logs cut off what is below their precision: no record is earlier than it says.
    let earliest = if at.uncertainty_ms <= 1 { at.time } else { at.earliest() };
    Some((earliest, "its last log record", record.place.citation.iter().cloned().collect()))
}

/// The last change of a metric of the process: the sample that brought it is newer than the point before it.
///
/// A point of a range query repeats the last sample, so that the time of a point alone shows no life.
fn measured(incident: &Incident, latest: UtcTime) -> Option<Sign> {
    let series = &incident.telemetry.as_ref()?.series;
    let (target_name, until) = series.iter().find_map(|starts| life(incident, starts, latest))?;
    let of_target = series.iter().filter(|series| series.target == target_name);
    let changes = of_target.filter_map(|series| {
        let mut pairs = series.points.windows(2).enumerate();
        // Equal to the last bit is what a repeated sample is.
        let changed = |(_, pair): &(usize, &[(UtcTime, f64)])| {
            pair[0].1.total_cmp(&pair[1].1).is_ne() && pair[1].0 <= until
        };
        let (index, pair) = pairs.rfind(changed)?;
        Some((pair[0].0, "the last change of its metrics", points(series, &[index, index + 1])))
    });
    changes.max_by_key(|(time, ..)| *time)
}

/// The target that the process was, and the last point of its life: by a start time that agrees with its boot line.
fn life<'a>(incident: &Incident, series: &'a Series, latest: UtcTime) -> Option<(&'a str, UtcTime)> {
    if series.name != START_TIME {
        return None;
    }
    let last = Answering::of(incident, &series.target).last_answer(latest)?;
    Some((&series.target, last))
}
