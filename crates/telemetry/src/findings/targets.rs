use std::collections::{BTreeMap, BTreeSet};

use pycoroner_findings::{
    Basis, Citation, Confidence, Event, Evidence, Finding, Gap, GapKind, Severity, TimeBasis, Timestamp,
    UtcTime,
};

use super::lives::{Lives, Restart, is_pause, usual_interval};
use crate::document::{Series, Telemetry};
use crate::time::{epoch_seconds, stated};

/// From so many restarts of one target on, they are one finding.
const MANY_RESTARTS: usize = 4;
/// Restarts of it that are cited.
const MOST_CITED: usize = 3;
/// What would show restarts to be none.
const OTHERS_ANSWER: &str =
    "several processes answer behind one address, so that each scrape may meet another one";
/// Most rows of one kind for one target.
const MOST_ROWS: usize = 20;

/// Judges which targets did not answer, which were not scraped, and which restarted.
pub(super) fn judge(telemetry: &mut Telemetry, lives: &Lives) {
    let mut findings = Vec::new();
    let mut events = Vec::new();
    for series in telemetry.series.iter().filter(|series| series.name == "up") {
        down(series, &mut findings, &mut events);
    }
    missing(&telemetry.series, &mut findings, &mut events);
    for series in telemetry.series.iter().filter(|series| series.name == "process_start_time_seconds") {
        events.extend(first_start(series));
    }
    for target in lives.mixed() {
        let why =
            "its counters or its start time go up and down: several processes answer in turn under one name";
        let gap = Gap::new(GapKind::Unknown, format!("restarts of {target}"), why);
        telemetry.gaps.push(gap.remedy("set PROMETHEUS_MULTIPROC_DIR for services with several workers"));
    }
    for (target, restarts) in lives.restarted() {
        let mut seen: Vec<Finding> = Vec::new();
        for restart in restarts.iter().take(MOST_ROWS) {
            let (finding, event) = restarted(target, restart);
            seen.push(finding);
            events.push(event);
        }
        findings.extend(if restarts.len() < MANY_RESTARTS {
            seen
        } else {
            vec![again_and_again(target, restarts, seen)]
        });
    }
    last_scrapes(&telemetry.events, &mut findings);
    telemetry.findings.extend(findings);
    telemetry.events.extend(events);
}

/// A time that lies behind one sample and not behind the next.
fn between(after: UtcTime, until: UtcTime) -> Timestamp {
    let half = (i128::from(until.0) - i128::from(after.0)).max(0) / 2;
    let time = UtcTime((i128::from(after.0) + half) as i64);
    let uncertainty_ms = u64::try_from(half / 1_000_000).unwrap_or(u64::MAX).saturating_add(1);
    Timestamp { time, basis: TimeBasis::Stated, uncertainty_ms }
}

/// Start times count from the boot of the machine, which `/proc/stat` has in whole seconds (`btime`): so well are they known.
const START_TIME_MS: u64 = 1000;

/// A time that `process_start_time_seconds` states.
fn start_time(time: UtcTime) -> Timestamp {
    Timestamp { uncertainty_ms: START_TIME_MS, ..stated(time) }
}

/// A start time as well as it is known.
fn second(time: UtcTime) -> UtcTime {
    UtcTime(time.0.div_euclid(1_000_000_000).saturating_mul(1_000_000_000))
}

/// The start of the first process; those of later ones are restarts.
fn first_start(series: &Series) -> Option<Event> {
    let value = series.points.first().map(|(_, value)| *value).or(series.value)?;
    let target = series.target();
    Some(Event {
        at: Some(start_time(epoch_seconds(value)?)),
        citation: Some(series.cite(0)),
        producer: Some(target.clone()),
        ..Event::new("process-started", Severity::Info, format!("{target} was started, as its metrics state"))
    })
}

/// `up` is 0 where a scrape failed; where nothing was scraped it has no value.
fn down(series: &Series, findings: &mut Vec<Finding>, events: &mut Vec<Event>) {
    let target = series.target();
    let mut rows = Vec::new();
    let mut begun: Option<usize> = None;
    for (index, (_, value)) in series.points.iter().enumerate() {
        match (begun, *value == 0.0) {
            (None, true) => begun = Some(index),
            (Some(first), false) => {
                rows.push((first, index - 1, Some(index)));
                begun = None;
            }
            _ => {}
        }
    }
    if let Some(first) = begun {
        rows.push((first, series.points.len() - 1, None));
    }
    let time = |index: usize| series.points.get(index).map_or(UtcTime(0), |(time, _)| *time);
    for (first, last, up_again) in rows.into_iter().take(MOST_ROWS) {
        let began = match first.checked_sub(1) {
            Some(before) => format!("it was 1 at {}", time(before)),
            None => "it was 0 from the first sample on".to_owned(),
        };
        let ended = match up_again {
            Some(again) => format!("it was 1 again at {}", time(again)),
            None => "it was 0 up to the last sample".to_owned(),
        };
        let at =
            first.checked_sub(1).map_or(stated(time(first)), |before| between(time(before), time(first)));
        let (when, samples) = match last - first {
            0 => (format!("at {}", time(first)), "one sample".to_owned()),
            more => {
                (format!("from {} to {}", time(first), time(last)), format!("{} samples in a row", more + 1))
            }
        };
        let title = format!("{target} did not answer scrapes {when}");
        let statement = format!("up is 0 in {samples}; {began}; {ended}");
        events.push(Event {
            at: Some(at),
            producer: Some(target.clone()),
            citation: Some(series.cite(first)),
            ..Event::new("target-down", Severity::Error, format!("up of {target} became 0"))
        });
        if let Some(again) = up_again {
            events.push(Event {
                at: Some(between(time(last), time(again))),
                producer: Some(target.clone()),
                citation: Some(series.cite(again)),
                ..Event::new("target-up", Severity::Info, format!("up of {target} became 1"))
            });
        }
        let evidence =
            Evidence::new(Basis::Observed, statement).cite(series.cite(first)).cite(series.cite(last));
        findings.push(
            Finding::new("target-down", Severity::Error, Confidence::Strong, title)
                .about(target.clone())
                .with_evidence(evidence)
                .refuted_if("others were answered by it at that time: then only the way from Prometheus was cut, or it was too slow"),
        );
    }
}

/// Pauses in which nothing was stored; they do not say that the target was down.
///
/// The answer to a range query shows only those of more than five minutes: up to then Prometheus repeats the last
/// sample. The answer to `up[1h]` has the samples as they are.
fn missing(all: &[Series], findings: &mut Vec<Finding>, events: &mut Vec<Event>) {
    let mut times: BTreeMap<String, BTreeSet<UtcTime>> = BTreeMap::new();
    let mut citations: BTreeMap<String, Citation> = BTreeMap::new();
    let has_up: BTreeSet<String> =
        all.iter().filter(|series| series.name == "up").map(Series::target).collect();
    for series in all {
        // With `up` known, it alone says what was scraped.
        let target = series.target();
        if !has_up.contains(&target) || series.name == "up" {
            times.entry(target).or_default().extend(series.points.iter().map(|(time, _)| *time));
            citations.entry(series.target()).or_insert_with(|| series.citation.clone());
        }
    }
    for (target, times) in times {
        let times: Vec<UtcTime> = times.into_iter().collect();
        let Some(interval) = usual_interval(times.iter().copied()) else { continue };
        let pauses = times.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
        for (last, next) in pauses.filter(|(last, next)| is_pause(*last, *next, interval)).take(MOST_ROWS) {
            let lost = (next.0 as f64 - last.0 as f64) / interval as f64 - 1.0;
            let citation = citations.get(&target).cloned();
            let title = format!("Nothing is stored of {target} between {last} and {next}");
            events.push(Event {
                at: Some(stated(last)),
                producer: Some(target.clone()),
                citation: citation.clone(),
                ..Event::new("scrape-missing", Severity::Info, format!("no sample of {target} until {next}"))
            });
            let statement = format!(
                "samples come every {} s, and about {lost:.0} are missing; a target that was scraped in vain would have up = 0",
                interval as f64 / 1e9
            );
            findings.push(
                Finding::new("scrape-missing", Severity::Info, Confidence::Strong, title)
                    .about(target.clone())
                    .with_evidence(Evidence::new(Basis::Derived, statement).cite(citation))
                    .refuted_if("samples of that time are found in another Prometheus, or in a query with a shorter step"),
            );
        }
    }
}

/// Many restarts of one target, as one finding.
fn again_and_again(target: &str, restarts: &[Restart], seen: Vec<Finding>) -> Finding {
    let time = |restart: &Restart| second(restart.started.unwrap_or(restart.until));
    let between = restarts
        .first()
        .zip(restarts.last())
        .map_or_else(String::new, |(first, last)| format!(", from {} to {}", time(first), time(last)));
    let title =
        format!("{} other processes answered as {target}, one after the other{between}", restarts.len());
    let confidence = seen.iter().map(|finding| finding.confidence).min().unwrap_or(Confidence::Moderate);
    let finding = Finding::new("restart-seen", Severity::Warning, confidence, title)
        .about(target)
        .refuted_if(OTHERS_ANSWER);
    let left = restarts.len() - seen.len().min(MOST_CITED);
    let evidence = seen.into_iter().take(MOST_CITED).flat_map(|finding| finding.evidence);
    let finding = evidence.fold(finding, Finding::with_evidence);
    let more =
        (left > 0).then(|| Evidence::new(Basis::Derived, format!("{left} more are told in the timeline")));
    more.into_iter().fold(finding, Finding::with_evidence)
}

fn restarted(target: &str, restart: &Restart) -> (Finding, Event) {
    let (after, until) = (restart.after, restart.until);
    let cited = |basis, statement: String| Evidence {
        citations: restart.citations.clone(),
        ..Evidence::new(basis, statement)
    };
    let (confidence, evidence, at) = if let Some(started) = restart.started {
        let statement = format!(
            "process_start_time_seconds changed between {after} and {until}; the new process started at {} ± 1 s",
            second(started)
        );
        (Confidence::Certain, cited(Basis::Observed, statement), start_time(started))
    } else {
        let names: Vec<&str> = restart.counters.iter().take(3).map(String::as_str).collect();
        let statement = format!(
            "{} counters fell between {after} and {until} ({}); a counter never falls in one process",
            restart.counters.len(),
            names.join(", ")
        );
        let is_many = restart.counters.len() > 1;
        let confidence = if is_many { Confidence::Strong } else { Confidence::Moderate };
        (confidence, cited(Basis::Derived, statement), between(after, until))
    };
    let title = match restart.started {
        Some(started) => {
            format!("Another process answers as {target}: it started at {} ± 1 s", second(started))
        }
        None => format!("{target} was restarted between {after} and {until}"),
    };
    let event = Event {
        at: Some(at),
        producer: Some(target.to_owned()),
        // The new value: it says when.
        citation: restart.citations.last().cloned(),
        ..Event::new("restart-seen", Severity::Warning, title.clone())
    };
    let finding = Finding::new("restart-seen", Severity::Warning, confidence, title)
        .about(target)
        .with_evidence(evidence)
        .refuted_if(OTHERS_ANSWER);
    (finding, event)
}

/// What the list of targets says of the last scrape of each.
fn last_scrapes(events: &[Event], findings: &mut Vec<Finding>) {
    for event in events.iter().filter(|event| event.kind == "target-down").take(MOST_ROWS) {
        let Some(target) = &event.producer else { continue };
        let at = event.at.map_or_else(String::new, |at| format!(" ({})", at.time));
        let finding = Finding::new(
            "target-down",
            Severity::Error,
            Confidence::Certain,
            format!("{}{at}", event.message),
        )
        .about(target.clone())
        .with_evidence(Evidence::new(Basis::Observed, event.message.clone()).cite(event.citation.clone()));
        // A refused connection means that nothing listened; a deadline says only that no answer came in time.
        findings.push(if event.message.contains("deadline exceeded") || event.message.contains("timeout") {
            finding.refuted_if("the process answered others at that time: it was slow or busy, not dead")
        } else {
            finding
        });
    }
}
