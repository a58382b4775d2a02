use pycoroner_findings::UtcTime;

use super::Figure;
use super::svg::{Svg, WIDTH};
use crate::Incident;
use crate::markdown::quantity::bytes_text;
use crate::sections::Series;

const NAMES: f64 = 250.0;
const VALUES: f64 = 120.0;
const ROW: f64 = 44.0;
/// Most metrics that are drawn.
const MOST_ROWS: usize = 8;
/// Metrics that say most of a process that dies, the most telling first.
const TELLING: [&str; 7] = [
    "process_resident_memory_bytes",
    "up",
    "process_open_fds",
    "process_virtual_memory_bytes",
    "process_cpu_seconds_total",
    "python_gc_objects_uncollectable_total",
    "process_start_time_seconds",
];

/// Metrics over time, one line each, with a break where nothing was scraped.
pub(super) fn draw(incident: &Incident) -> Option<Figure> {
    let telemetry = incident.telemetry.as_ref()?;
    let mut series: Vec<&Series> = telemetry.series.iter().filter(|series| series.points.len() > 2).collect();
    let weight =
        |series: &Series| TELLING.iter().position(|name| *name == series.name).unwrap_or(TELLING.len());
    series.sort_by_key(|series| weight(series));
    series.truncate(MOST_ROWS);
    let times = || series.iter().flat_map(|series| series.points.iter().map(|(time, _)| *time));
    let (from, to) = (times().min()?, times().max()?);
    let span = (to.millis_since(from) as f64).max(1.0);
    let x = |time: UtcTime| NAMES + (WIDTH - NAMES - VALUES) * (time.millis_since(from) as f64 / span);
    let height = ROW * series.len() as f64 + 6.0;
    let mut svg = Svg::new(height + 20.0, "Metrics over time");
    for (row, series) in series.iter().enumerate() {
        draw_row(&mut svg, series, ROW * row as f64 + 4.0, x);
    }
    if let Some(end) = incident.died_at.map(|at| at.time).filter(|end| (from..=to).contains(end)) {
        svg.line("end", [x(end), 0.0, x(end), height]);
    }
    svg.text("faint", NAMES, height + 14.0, 200.0, &from.to_string());
    svg.ending("faint", WIDTH - VALUES, height + 14.0, 200.0, &to.to_string());
    let caption = "Metrics as they were scraped, each between its own lowest and highest value. \
                   A break means that nothing was scraped, which is not the same as zero; the dashed line is the end."
        .to_owned();
    Some(Figure { section: "the-process-before-it-stopped", caption, svg: svg.finish() })
}

fn draw_row(svg: &mut Svg, series: &Series, y: f64, x: impl Fn(UtcTime) -> f64) {
    let values = || series.points.iter().map(|(_, value)| *value).filter(|value| value.is_finite());
    let lowest = values().fold(f64::INFINITY, f64::min);
    let highest = values().fold(f64::NEG_INFINITY, f64::max);
    let range = if highest > lowest { highest - lowest } else { 1.0 };
    let place = |value: f64| y + 30.0 - 26.0 * ((value - lowest) / range);
    svg.text("", 0.0, y + 20.0, NAMES - 14.0, &series.name);
    for part in unbroken(&series.points) {
        let points: Vec<(f64, f64)> = part
            .iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(time, value)| (x(*time), place(*value)))
            .collect();
        match points.as_slice() {
            [] => {}
            [(x, y)] => svg.rect("bar", [x - 1.5, y - 1.5, 3.0, 3.0], &series.name),
            points => svg.curve(points),
        }
    }
    let value =
        |value: f64| if series.name.ends_with("_bytes") { bytes_text(value as u64) } else { number(value) };
    svg.text("faint", WIDTH - VALUES + 10.0, y + 12.0, VALUES, &format!("max {}", value(highest)));
    svg.text("faint", WIDTH - VALUES + 10.0, y + 28.0, VALUES, &format!("min {}", value(lowest)));
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// Parts of a series between which more than two and a half usual intervals lie.
fn unbroken(points: &[(UtcTime, f64)]) -> Vec<&[(UtcTime, f64)]> {
    let mut gaps: Vec<i64> = points.windows(2).map(|pair| pair[1].0.millis_since(pair[0].0)).collect();
    gaps.sort_unstable();
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(0);
    let is_unbroken = |a: &(UtcTime, f64), b: &(UtcTime, f64)| {
        b.0.millis_since(a.0).saturating_mul(2) <= usual.saturating_mul(5)
    };
    points.chunk_by(is_unbroken).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_scrape_breaks_the_line() {
        let check = |seconds: &[i64], expected: &[usize]| {
            let points: Vec<_> =
                seconds.iter().map(|second| (UtcTime(second * 1_000_000_000), 1.0)).collect();
            let parts: Vec<usize> = unbroken(&points).iter().map(|part| part.len()).collect();
            assert_eq!(parts, expected, "{seconds:?}");
        };
        check(&[0, 5, 10, 15], &[4]);
        check(&[0, 5, 10, 35, 40, 45], &[3, 3]);
        check(&[7], &[1]);
        check(&[], &[]);
    }
}
