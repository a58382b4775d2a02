//! The process before it died: memory over time, where memory was allocated, where threads stood earlier.

use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::{clock, count, grouped, size, span};
use super::{cite, heap};
use crate::Incident;
use crate::sections::Series;
use crate::views::earlier::{Earlier, allocation_totals, earlier};
use crate::views::trend::{self, Trend, sparkline};

/// Columns of a sparkline.
const WIDTH: usize = 48;
/// Most series that are drawn.
const MOST_SERIES: usize = 6;
/// Most allocation sites.
const MOST_SITES: usize = 10;
/// Most earlier dumps that are compared.
const MOST_DUMPS: usize = 4;
/// Metrics besides memory that tell something of a Python process before its end.
const OTHER: [&str; 5] = [
    "process_open_fds",
    "python_gc_collections",
    "python_gc_objects",
    "process_cpu_seconds",
    "process_threads",
];

pub(crate) fn render(page: &mut Page, incident: &Incident) {
    trends(page, incident);
    heap::render(page, incident);
    allocations(page, incident);
    for look in earlier(incident).iter().take(MOST_DUMPS) {
        compare(page, incident, look);
    }
}

fn trends(page: &mut Page, incident: &Incident) {
    page.heading(3, "Metrics over time");
    let Some(telemetry) = &incident.telemetry else {
        page.paragraph("No metrics were given.");
        return;
    };
    let mut series = trend::memory(telemetry);
    let has_memory = !series.is_empty();
    series.extend(trend::named(telemetry, &OTHER));
    // What a team measures itself tells most about its own service.
    series.extend(telemetry.series.iter().filter(|series| !is_generic(series)));
    let mut seen = std::collections::BTreeSet::new();
    series.retain(|series| seen.insert(std::ptr::from_ref(*series)));
    let rows: Vec<[Inert; 6]> = series
        .into_iter()
        .filter_map(|series| Some(row(incident, &Trend::of(series, telemetry)?)))
        .take(MOST_SERIES)
        .collect();
    if rows.is_empty() {
        page.paragraph("No series has two samples.");
        return;
    }
    page.table(
        ["Metric", "Curve (`·` is no sample)", "From", "Last before the end", "Least to most", "Source"],
        rows,
    );
    if !has_memory {
        page.paragraph("No metric of memory is among them.");
    }
}

fn is_generic(series: &Series) -> bool {
    ["process_", "python_", "up", "scrape_", "go_", "container_"]
        .iter()
        .any(|prefix| series.name.starts_with(prefix))
}

fn row(incident: &Incident, trend: &Trend) -> [Inert; 6] {
    let series = trend.series;
    let is_bytes = series.name.contains("bytes") || series.name.contains("memory");
    let number = |value: f64| {
        if is_bytes && value >= 0.0 { size(value as u64) } else { prose(&short(value)) }
    };
    let death = incident.died_at.map(|at| at.time);
    let first = series.points.first().map_or_else(Inert::default, |(time, _)| clock(*time));
    let life = trend.last_life(death);
    let last =
        life.map_or_else(|| "none".into(), |life| number(life.last.1).then(" at ").then(clock(life.last.0)));
    let range =
        life.map_or_else(Inert::default, |life| number(life.least).then(" to ").then(number(life.most)));
    let restarts = match trend.restarts.len() {
        0 => Inert::default(),
        times => Inert::from("; ").then(count(times, "new start", "new starts")),
    };
    let gaps = match trend.gaps.len() {
        0 => Inert::default(),
        gaps => Inert::from("; ").then(count(gaps, "gap", "gaps")),
    };
    let curve = code(&sparkline(&trend.columns(WIDTH)));
    [name(series), curve.then(restarts).then(gaps), first, last, range, cite::citations(&series.citation)]
}

fn name(series: &Series) -> Inert {
    let shown = ["instance", "pod", "container"];
    let labels = series.labels.iter().filter(|label| shown.contains(&&*label.name)).take(1);
    Inert::join([code(&series.name)].into_iter().chain(labels.map(|label| prose(&label.value))), " ")
}

fn short(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn allocations(page: &mut Page, incident: &Incident) {
    let totals = allocation_totals(incident);
    if totals.is_empty() {
        return;
    }
    page.heading(3, "Where live memory was allocated");
    let citations = incident.telemetry.iter().flat_map(|telemetry| &telemetry.allocations);
    let citations = cite::citations(citations.filter_map(|site| site.citation.as_ref()).take(2));
    page.paragraph(Inert::join(
        [Inert::from("As the profiler saw it, by the innermost frame of the program's own code."), citations],
        " ",
    ));
    page.table(
        ["Place", "Bytes", "Blocks"],
        totals
            .iter()
            .take(MOST_SITES)
            .map(|(place, bytes, blocks)| [code(place), size(*bytes), grouped(*blocks)]),
    );
}

fn compare(page: &mut Page, incident: &Incident, look: &Earlier) {
    let when = match (look.dump.at, incident.died_at) {
        (Some(at), Some(death)) if at.time <= death.time => {
            Inert::from(", ").then(span(death.time.millis_since(at.time))).then(" before the end")
        }
        (Some(at), _) => Inert::from(", at ").then(clock(at.time)),
        (None, _) => ", at an unknown time".into(),
    };
    page.heading(3, Inert::from("Earlier stacks").then(when));
    let process = look
        .dump
        .pid
        .map_or_else(|| "a process that it does not name".into(), |pid| Inert::from("process ").then(pid));
    let whose = match look.same_process {
        Some(true) => ", the one that left the core",
        Some(false) => ", which is another one than the core's: not compared",
        None => "",
    };
    page.paragraph(Inert::join(
        [Inert::from("Of ").then(process).then(whose).then("."), cite::citations(&look.dump.citation)],
        " ",
    ));
    page.table(
        ["Thread", "Stood in", "In the core"],
        look.rows.iter().map(|row| {
            let id = row.stack.id.as_deref().map_or_else(Inert::default, prose);
            let name = row.stack.name.as_deref().map_or_else(Inert::default, prose);
            let samples = match row.stack.samples {
                0 | 1 => Inert::default(),
                samples => grouped(samples).then(" samples"),
            };
            let then = row.then.as_deref().map_or_else(|| "no Python frame".into(), code);
            let none = if incident.core.is_some() { "no such thread" } else { "there is no core" };
            let now = row.at_end.as_deref().map_or_else(|| none.into(), code);
            [Inert::join([id, name, samples], " "), then, now]
        }),
    );
    if look.left_out > 0 {
        page.paragraph(count(look.left_out, "more stack is", "more stacks are").then(" not shown."));
    }
}
