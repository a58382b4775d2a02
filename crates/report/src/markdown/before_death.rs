//! The process before it died: memory over time, where memory was allocated, where threads stood earlier.

use super::clock::Clock;
use super::clock::dated;
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::{count, grouped, size, span};
use super::{cite, heap};
use crate::Incident;
use crate::sections::Series;
use crate::views::answering::Answering;
use crate::views::earlier::{Earlier, allocation_totals, earlier};
use crate::views::metrics::{Curve, Scope, scopes};
use crate::views::trend::{self, LastLife, Summary};

/// Columns of a sparkline.
const WIDTH: usize = 24;
/// Most new starts that are named.
const MOST_STARTS: usize = 4;
/// Most metrics of one value that are named.
const MOST_LEVEL: usize = 8;
/// Most allocation sites.
const MOST_SITES: usize = 10;
/// Most earlier dumps that are compared.
const MOST_DUMPS: usize = 4;
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
    let scopes = scopes(incident);
    if scopes.is_empty() {
        page.paragraph("No series has two samples.");
        return;
    }
    let clock = Clock::of(incident);
    for scope in &scopes {
        page.paragraph(of_scope(&clock, scope));
        page.table(
            ["Metric", "Curve", "Last of the process", "Least to most", "Source"],
            scope.curves.iter().map(|curve| row(incident, &clock, curve)),
        );
        if !scope.level.is_empty() {
            page.paragraph(level(scope));
        }
        if scope.left_out > 0 {
            page.paragraph(count(scope.left_out, "more metric is", "more metrics are").then(" not shown."));
        }
    }
    if trend::memory(telemetry).is_empty() {
        page.paragraph("No metric of memory is among them.");
    }
}

/// Whose metrics they are, of which time, and when it was started anew.
fn of_scope(clock: &Clock, scope: &Scope) -> Inert {
    let labels = scope.target.iter().map(|label| {
        let name = if label.name == "instance" { Inert::default() } else { prose(&label.name) };
        Inert::join([name, code(&label.value)], " ")
    });
    let whose = Inert::join([scope.kind.into(), Inert::join(labels, ", ")], " ");
    let when = if scope.curves.is_empty() {
        Inert::default()
    } else {
        Inert::from(", ").then(clock.range(scope.span.0, scope.span.1)).then(", `·` where there is no sample")
    };
    let starts = match scope.restarts.len() {
        0 => "; no new start is seen".into(),
        times => {
            let seen = scope.restarts.iter().take(MOST_STARTS).map(|time| clock.show(*time));
            let more = if times > MOST_STARTS { " and later" } else { "" };
            Inert::from("; ")
                .then(count(times, "new start (`│`), first seen at ", "new starts (`│`), first seen at "))
                .then(Inert::join(seen, ", "))
                .then(more)
        }
    };
    Inert::from("**").then(whose).then("**").then(when).then(starts).then(".")
}

/// What had one value all the time.
fn level(scope: &Scope) -> Inert {
    let shown = scope.level.iter().take(MOST_LEVEL).map(|curve| {
        let value = curve.trend.series.points.first().map_or(f64::NAN, |(_, value)| *value);
        name(curve).then(" ").then(number(curve.trend.series, value))
    });
    let more = scope.level.len().saturating_sub(MOST_LEVEL);
    let more = if more == 0 { Inert::default() } else { Inert::from(more).then(" more") };
    Inert::from("The same all the time: ").then(Inert::join(shown.chain([more]), ", ")).then(".")
}

fn row(incident: &Incident, clock: &Clock, curve: &Curve) -> [Inert; 5] {
    let (trend, series) = (&curve.trend, curve.trend.series);
    let death = incident.died_at.map(|at| at.time);
    let process = Answering::of(incident, &series.target);
    let shown = |life: Summary| number(series, life.last.1).then(" at ").then(clock.show(life.last.0));
    let of = |life: Summary| number(series, life.least).then(" to ").then(number(series, life.most));
    let (last, range) = match trend.last_life(death, &process) {
        LastLife::Of(life) => (shown(life), of(life)),
        LastLife::OfOneOf(life) => (shown(life).then(", of one of several processes"), of(life)),
        LastLife::OfOthers(last) => {
            let last = Inert::from("not of this process: others answered, last at ").then(clock.show(last));
            (last, Inert::default())
        }
        LastLife::Unmeasured => ("no sample".into(), Inert::default()),
    };
    let gaps = match trend.gaps.len() {
        0 => Inert::default(),
        gaps => Inert::from(" ").then(count(gaps, "gap", "gaps")),
    };
    let drawn = code(&trend.curve(WIDTH)).then(gaps);
    let cause = if curve.is_of_cause { " (the cause rests on it)" } else { "" };
    [name(curve).then(cause), drawn, last, range, cite::citations(&series.citation)]
}

/// `shop_requests_total` with the labels that tell it from others.
fn name(curve: &Curve) -> Inert {
    let labels = curve.labels.iter().map(|label| format!("{}={}", label.name, label.value));
    let labels = labels.collect::<Vec<_>>().join(", ");
    let labels = if labels.is_empty() { Inert::default() } else { code(&labels) };
    Inert::join([code(&curve.trend.series.name), labels], " ")
}

fn number(series: &Series, value: f64) -> Inert {
    prose(&trend::value_text(series, value))
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
        (Some(at), _) => Inert::from(", at ").then(dated(at.time)),
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
