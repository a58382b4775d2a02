//! Targets of metrics, and which of them are shown to be other processes than the one that died.

use std::collections::BTreeSet;

use pycoroner_findings::{Citation, Span};

use crate::Incident;
use crate::sections::Series;

/// When the process behind a target started.
pub(crate) const START_TIME: &str = "process_start_time_seconds";
/// Start times that differ by less are the same: they are computed from the clock's own ticks.
const SAME_START_SECONDS: f64 = 1.0;

/// Targets whose process was the same before and after the death: they did not die.
pub(crate) fn others(incident: &Incident) -> BTreeSet<String> {
    let is_alive = incident.core.as_ref().is_some_and(crate::CoreSection::is_alive);
    let Some(died) = incident.died_at.filter(|_| !is_alive) else { return BTreeSet::new() };
    let outlived = |series: &&Series| {
        let before = series.points.iter().rfind(|(at, _)| *at < died.earliest());
        let after = series.points.iter().find(|(at, _)| *at > died.latest());
        before.zip(after).is_some_and(|((_, old), (_, new))| (old - new).abs() <= SAME_START_SECONDS)
    };
    let series = incident.telemetry.iter().flat_map(|telemetry| &telemetry.series);
    series
        .filter(|series| series.name == START_TIME)
        .filter(outlived)
        .map(|series| series.target.clone())
        .collect()
}

/// Cites points of a series, where points and samples have the same numbers; else the whole series.
pub(crate) fn points(series: &Series, indexes: &[usize]) -> Vec<Citation> {
    let Some(citation) = &series.citation else { return Vec::new() };
    match &citation.span {
        Span::Pointer { pointer } if pointer.ends_with("/values") && !series.is_thinned => {
            let point = |index: &usize| Span::Pointer { pointer: format!("{pointer}/{index}") };
            indexes.iter().map(|index| Citation::new(citation.source, point(index))).collect()
        }
        _ => vec![citation.clone()],
    }
}

#[cfg(test)]
mod tests {
    use pycoroner_findings::SourceId;

    use super::*;

    #[test]
    fn points_have_numbers_until_some_are_left_out() {
        let whole = Citation::new(SourceId(1), Span::Pointer { pointer: "/data/result/0/values".into() });
        let series = |is_thinned| Series { citation: Some(whole.clone()), is_thinned, ..Series::default() };
        let cited = |series: &Series| points(series, &[2])[0].to_string();
        assert_eq!(cited(&series(false)), "[E1#/data/result/0/values/2]");
        assert_eq!(cited(&series(true)), "[E1#/data/result/0/values]");
    }
}
