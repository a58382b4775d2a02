//! Targets of metrics, and which of them are shown to be other processes than the one that died.

use std::collections::BTreeSet;

use pycoroner_findings::{Citation, Span, UtcTime};

use crate::Incident;
use crate::sections::Series;

const START_TIME: &str = "process_start_time_seconds";
/// Start times that differ by less are the same: they are computed from the clock's own ticks.
const SAME_START_SECONDS: f64 = 1.0;

/// Targets whose process was the same before and after the death: they did not die.
pub(crate) fn others(incident: &Incident) -> BTreeSet<String> {
    let is_alive = incident.core.as_ref().is_some_and(crate::CoreSection::is_alive);
    let Some(died) = incident.died_at.filter(|_| !is_alive) else { return BTreeSet::new() };
    let uncertain = i64::try_from(died.uncertainty_ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    let (earliest, latest) =
        (UtcTime(died.time.0.saturating_sub(uncertain)), UtcTime(died.time.0.saturating_add(uncertain)));
    let outlived = |series: &&Series| {
        let before = series.points.iter().rfind(|(at, _)| *at < earliest);
        let after = series.points.iter().find(|(at, _)| *at > latest);
        before.zip(after).is_some_and(|((_, old), (_, new))| (old - new).abs() <= SAME_START_SECONDS)
    };
    let series = incident.telemetry.iter().flat_map(|telemetry| &telemetry.series);
    series.filter(|series| series.name == START_TIME).filter(outlived).map(target).collect()
}

/// What was measured, by the labels that tell targets apart; as findings about targets name it.
pub(crate) fn target(series: &Series) -> String {
    const TELLING: &[&str] = &["job", "instance", "namespace", "pod", "service.name", "service.instance.id"];
    let telling = series.labels.iter().filter(|label| TELLING.contains(&label.name.as_str()));
    let parts: Vec<&str> = telling.map(|label| label.value.as_str()).collect();
    if parts.is_empty() { "the target".to_owned() } else { parts.join(" ") }
}

/// Cites points of a series, where points and samples have the same numbers; else the whole series.
pub(crate) fn points(series: &Series, indexes: &[usize]) -> Vec<Citation> {
    let Some(citation) = &series.citation else { return Vec::new() };
    match &citation.span {
        Span::Pointer { pointer } if pointer.ends_with("/values") => {
            let point = |index: &usize| Span::Pointer { pointer: format!("{pointer}/{index}") };
            indexes.iter().map(|index| Citation::new(citation.source, point(index))).collect()
        }
        _ => vec![citation.clone()],
    }
}
