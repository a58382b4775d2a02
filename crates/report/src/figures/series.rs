use pycoroner_findings::UtcTime;

use super::Figure;
use super::svg::{Svg, WIDTH};
use crate::Incident;
use crate::markdown::clock::Clock;
use crate::views::metrics::{Curve, Scope, scopes};
use crate::views::trend;

const NAMES: f64 = 250.0;
const VALUES: f64 = 120.0;
const ROW: f64 = 50.0;
/// Height of the name of a scope.
const HEAD: f64 = 24.0;
/// Most metrics that are drawn.
const MOST_ROWS: usize = 10;

/// Metrics over time, one line each, with a break where nothing was scraped or another process began.
pub(super) fn draw(incident: &Incident) -> Option<Figure> {
    let mut scopes = scopes(incident);
    let mut room = MOST_ROWS;
    for scope in &mut scopes {
        scope.curves.truncate(room);
        room -= scope.curves.len();
    }
    scopes.retain(|scope| !scope.curves.is_empty());
    let (from, to) =
        (scopes.iter().map(|scope| scope.span.0).min()?, scopes.iter().map(|scope| scope.span.1).max()?);
    let span = (to.millis_since(from) as f64).max(1.0);
    let x = |time: UtcTime| NAMES + (WIDTH - NAMES - VALUES) * (time.millis_since(from) as f64 / span);
    let rows: usize = scopes.iter().map(|scope| scope.curves.len()).sum();
    let height = ROW * rows as f64 + HEAD * scopes.len() as f64 + 4.0;
    let mut svg = Svg::new(height + 20.0, "Metrics over time");
    let mut y = 0.0;
    for scope in &scopes {
        svg.text("strong", 0.0, y + 15.0, NAMES - 14.0, &title(scope));
        y += HEAD;
        let bottom = y + ROW * scope.curves.len() as f64 - 6.0;
        for restart in scope.restarts.iter().filter(|time| (from..=to).contains(*time)) {
            svg.line("start", [x(*restart), y, x(*restart), bottom]);
        }
        for curve in &scope.curves {
            draw_row(&mut svg, curve, &scope.restarts, y, x);
            y += ROW;
        }
    }
    let clock = Clock::of(incident);
    let end = incident.died_at.map(|at| at.time).filter(|end| (from..=to).contains(end));
    if let Some(end) = end {
        svg.line("end", [x(end), 16.0, x(end), height]);
    }
    axis(&mut svg, &clock, [from, to], end.map(|end| (end, x(end))), height);
    let caption = "Metrics as they were scraped, each between its own least and most. A break means that nothing was scraped, \
                   which is not zero; a dotted line is a new start of the process, the dashed line is the end. Times are UTC."
        .to_owned();
    Some(Figure { section: "metrics-over-time".to_owned(), caption, svg: svg.finish() })
}

/// The first and the last time, and the end where there is room for it between them.
pub(super) fn axis(
    svg: &mut Svg,
    clock: &Clock,
    [from, to]: [UtcTime; 2],
    end: Option<(UtcTime, f64)>,
    height: f64,
) {
    svg.text("faint", NAMES, height + 14.0, 200.0, &clock.plain(from));
    svg.ending("faint", WIDTH - VALUES, height + 14.0, 200.0, &clock.plain(to));
    if let Some((_, x)) = end.filter(|(_, x)| (NAMES + 110.0..WIDTH - VALUES - 110.0).contains(x)) {
        svg.centered("faint", x, height + 14.0, "end");
    }
}

/// `Process 10.0.0.7:8000 shop`.
fn title(scope: &Scope) -> String {
    let labels = scope.target.iter().map(|label| format!(" {}", label.value));
    scope.kind.to_owned() + &labels.collect::<String>()
}

fn draw_row(svg: &mut Svg, curve: &Curve, restarts: &[UtcTime], y: f64, x: impl Fn(UtcTime) -> f64) {
    let series = curve.trend.series;
    let values = || series.points.iter().map(|(_, value)| *value).filter(|value| value.is_finite());
    let lowest = values().fold(f64::INFINITY, f64::min);
    let highest = values().fold(f64::NEG_INFINITY, f64::max);
    let range = if highest > lowest { highest - lowest } else { 1.0 };
    let place = |value: f64| y + 34.0 - 28.0 * ((value - lowest) / range);
    let labels = curve.labels.iter().map(|label| format!("{}={}", label.name, label.value));
    let labels = labels.collect::<Vec<_>>().join(", ");
    svg.text(if curve.is_of_cause { "strong" } else { "" }, 0.0, y + 16.0, NAMES - 14.0, &series.name);
    svg.text("faint", 0.0, y + 32.0, NAMES - 14.0, &labels);
    svg.line("axis", [NAMES, y + 38.0, WIDTH - VALUES, y + 38.0]);
    for part in unbroken(&series.points, restarts) {
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
    let value = |value: f64| trend::value_text(series, value);
    svg.text("faint", WIDTH - VALUES + 10.0, y + 16.0, VALUES - 10.0, &format!("max {}", value(highest)));
    svg.text("faint", WIDTH - VALUES + 10.0, y + 32.0, VALUES - 10.0, &format!("min {}", value(lowest)));
}

/// Parts of a series between which more than two and a half usual intervals lie, or a new start.
fn unbroken<'a>(points: &'a [(UtcTime, f64)], restarts: &[UtcTime]) -> Vec<&'a [(UtcTime, f64)]> {
    let mut gaps: Vec<i64> = points.windows(2).map(|pair| pair[1].0.millis_since(pair[0].0)).collect();
    gaps.sort_unstable();
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(0);
    let is_unbroken = |a: &(UtcTime, f64), b: &(UtcTime, f64)| {
        b.0.millis_since(a.0).saturating_mul(2) <= usual.saturating_mul(5)
            && !restarts.iter().any(|start| a.0 < *start && *start <= b.0)
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
            let parts: Vec<usize> = unbroken(&points, &[]).iter().map(|part| part.len()).collect();
            assert_eq!(parts, expected, "{seconds:?}");
        };
        check(&[0, 5, 10, 15], &[4]);
        check(&[0, 5, 10, 35, 40, 45], &[3, 3]);
        check(&[7], &[1]);
        check(&[], &[]);
    }

    #[test]
    fn a_new_start_breaks_the_line() {
        let points = [0, 5, 10, 15].map(|second| (UtcTime(second * 1_000_000_000), 1.0));
        let parts = unbroken(&points, &[points[2].0]);
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 2]);
    }
}
