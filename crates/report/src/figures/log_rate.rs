use pycoroner_findings::UtcTime;

use super::Figure;
use super::svg::{Svg, WIDTH};
use crate::Incident;
use crate::markdown::clock::Clock;
use crate::sections::{LevelBucket, LevelsOverTime};

const NAMES: f64 = 110.0;
const VALUES: f64 = 90.0;
const ROW: f64 = 44.0;
/// Height of the highest bar.
const BAR: f64 = 32.0;
/// Fewer buckets show no rate.
const FEWEST: usize = 3;
/// Most bars of a row: more are narrower than a line.
const MOST_BARS: usize = 600;

/// Which records a row counts, and how it is drawn.
type Lane = (&'static str, &'static [&'static str], &'static str);

const LANES: [Lane; 3] = [
    ("warnings", &["WARNING", "WARN"], "warning"),
    ("errors", &["ERROR"], "error"),
    ("critical", &["CRITICAL", "FATAL", "ALERT", "EMERGENCY"], "critical"),
];

/// Log records over time by level, with the end.
pub(super) fn draw(incident: &Incident) -> Option<Figure> {
    let logs = incident.logs.as_ref()?;
    let near = &logs.window.levels_over_time;
    let rates = if near.buckets.len() >= FEWEST { near } else { &logs.levels_over_time };
    let bars = bars(rates)?;
    let (from, to) = (bars.first()?.0, bars.last()?.0);
    let step = i64::try_from(rates.bucket_ms).ok()?.max(1);
    let span = to.millis_since(from).saturating_add(step).max(1) as f64;
    let room = WIDTH - NAMES - VALUES;
    let x = |time: UtcTime| NAMES + room * (time.millis_since(from) as f64 / span);
    let width = (room * step as f64 / span - 0.5).max(0.8);
    let mut rows: Vec<(&str, &str, Vec<u64>)> =
        vec![("all records", "info", bars.iter().map(|(_, bucket)| bucket.records).collect())];
    for (name, levels, class) in LANES {
        let counts: Vec<u64> = bars.iter().map(|(_, bucket)| count(bucket, levels)).collect();
        if counts.iter().any(|count| *count > 0) {
            rows.push((name, class, counts));
        }
    }
    let height = ROW * rows.len() as f64 + 6.0;
    let mut svg = Svg::new(height + 20.0, "Log records over time by level");
    for (row, (name, class, counts)) in rows.iter().enumerate() {
        let floor = ROW * row as f64 + 40.0;
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        svg.text("", 0.0, floor - 10.0, NAMES - 14.0, name);
        svg.line("axis", [NAMES, floor, WIDTH - VALUES, floor]);
        for ((time, _), count) in bars.iter().zip(counts).filter(|(_, count)| **count > 0) {
            let tall = (BAR * *count as f64 / most as f64).max(1.0);
            svg.rect(class, [x(*time), floor - tall, width, tall], &format!("{time}: {count} {name}"));
        }
        svg.text("faint", WIDTH - VALUES + 10.0, floor - 10.0, VALUES, &format!("max {most}"));
    }
    let last = UtcTime(to.0.saturating_add(step.saturating_mul(1_000_000)));
    if let Some(end) = incident.died_at.map(|at| at.time).filter(|end| (from..=last).contains(end)) {
        svg.line("end", [x(end), 0.0, x(end), height]);
        if (NAMES + 110.0..WIDTH - VALUES - 110.0).contains(&x(end)) {
            svg.centered("faint", x(end), height + 14.0, "end");
        }
    }
    let clock = Clock::of(incident);
    svg.text("faint", NAMES, height + 14.0, 200.0, &clock.plain(from));
    svg.ending("faint", WIDTH - VALUES, height + 14.0, 200.0, &clock.plain(last));
    let caption = format!(
        "Log records by level, in steps of {}, each row up to its own highest; the dashed line is the end. \
         Where there is no bar, nothing was logged. Times are UTC.",
        length(rates.bucket_ms)
    );
    Some(Figure { section: "what-it-was-saying".to_owned(), caption, svg: svg.finish() })
}

/// The buckets that have a time, by time; the last ones when there are too many.
fn bars(rates: &LevelsOverTime) -> Option<Vec<(UtcTime, &LevelBucket)>> {
    let mut bars: Vec<_> = rates.buckets.iter().filter_map(|bucket| Some((bucket.from?, bucket))).collect();
    bars.sort_by_key(|(time, _)| *time);
    bars.drain(..bars.len().saturating_sub(MOST_BARS));
    (bars.len() >= FEWEST).then_some(bars)
}

fn count(bucket: &LevelBucket, levels: &[&str]) -> u64 {
    let counted =
        bucket.levels.iter().filter(|row| levels.iter().any(|level| level.eq_ignore_ascii_case(&row.level)));
    counted.map(|row| row.count).fold(0, u64::saturating_add)
}

/// `10 s`, `500 ms`.
fn length(millis: u64) -> String {
    if millis.is_multiple_of(1000) { format!("{} s", millis / 1000) } else { format!("{millis} ms") }
}
