use pycoroner_findings::{Gap, GapKind, UtcTime};

use crate::document::Telemetry;

/// Most points that a series has in a document.
const MOST_POINTS: usize = 1000;
/// Most points of all series of a document; a series has at least [`LEAST_POINTS`].
const MOST_POINTS_OF_ALL: usize = 100_000;
const LEAST_POINTS: usize = 20;

/// Thins long series: of each stretch of points the lowest and the highest stay, so that no peak is lost.
pub(crate) fn thin(telemetry: &mut Telemetry) {
    let series = telemetry.series.iter().filter(|series| !series.points.is_empty()).count();
    let most = (MOST_POINTS_OF_ALL / series.max(1)).clamp(LEAST_POINTS, MOST_POINTS);
    let mut thinned = 0;
    for series in &mut telemetry.series {
        if series.points.len() > most {
            series.points = extremes(&series.points, most);
            series.is_thinned = true;
            thinned += 1;
        }
    }
    if thinned > 0 {
        let what = format!("some points of {thinned} series");
        let why = format!("of more than {most} the lowest and highest of each stretch are kept");
        telemetry.gaps.push(Gap::new(GapKind::Limit, what, why));
    }
}

fn extremes(points: &[(UtcTime, f64)], most: usize) -> Vec<(UtcTime, f64)> {
    let stretch = points.len().div_ceil((most / 2).max(1));
    let mut kept = Vec::with_capacity(most);
    for stretch in points.chunks(stretch.max(1)) {
        let indices = 0..stretch.len();
        let value = |index: &usize| stretch.get(*index).map_or(0.0, |(_, value)| *value);
        let low = indices.clone().min_by(|a, b| value(a).total_cmp(&value(b)));
        let high = indices.max_by(|a, b| value(a).total_cmp(&value(b)));
        let (low, high) = (low.min(high), low.max(high));
        kept.extend(low.and_then(|index| stretch.get(index)));
        kept.extend(high.filter(|_| low != high).and_then(|index| stretch.get(index)));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_stay() {
        let points: Vec<_> =
            (0..100_000).map(|at| (UtcTime(at), if at == 77_777 { 9.0 } else { 1.0 })).collect();
        let kept = extremes(&points, MOST_POINTS);
        assert!(kept.len() <= MOST_POINTS && kept.is_sorted_by_key(|(time, _)| *time));
        assert!(kept.contains(&(UtcTime(77_777), 9.0)));
    }
}
