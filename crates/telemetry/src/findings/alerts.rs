use std::collections::BTreeMap;

use pycoroner_findings::{Basis, Citation, Confidence, Event, Evidence, Finding, Severity, UtcTime};

use crate::document::Telemetry;
use crate::prometheus::ends_by_others;

/// Most alerts that become findings, the first ones.
const MOST_FINDINGS: usize = 30;

/// What times are short of that were rounded down to the second.
const ROUNDED_MS: u64 = 1000;

/// One alert, as one or several exports show it.
struct Fired {
    severity: Severity,
    citations: Vec<Citation>,
    ended: Option<UtcTime>,
}

/// Start in milliseconds, producer, message.
type Key = (i64, String, String);

/// The alert that one with a rounded start, and maybe without a producer, is the same as; its own key if there is none.
fn same(fired: &BTreeMap<Key, Fired>, own: &Key) -> Key {
    let latest = own.0.saturating_add_unsigned(ROUNDED_MS);
    let mut near = fired.range((own.0, String::new(), String::new())..(latest, String::new(), String::new()));
    let is_same =
        |(_, producer, message): &Key| *message == own.2 && (own.1.is_empty() || *producer == own.1);
    near.find(|(key, _)| is_same(key)).map_or_else(|| own.clone(), |(key, _)| key.clone())
}

/// States each alert that fired once, whatever number of exports show it.
pub(super) fn judge(telemetry: &mut Telemetry) {
    let is_told = |end: &Event| {
        telemetry.events.iter().any(|event| event.kind == end.kind && event.citation == end.citation)
    };
    let ends = ends_by_others(&telemetry.series).into_iter().filter(|end| !is_told(end)).collect::<Vec<_>>();
    telemetry.events.extend(ends);
    let mut fired: BTreeMap<Key, Fired> = BTreeMap::new();
    let is_rounded = |event: &Event| event.at.is_some_and(|at| at.uncertainty_ms == ROUNDED_MS);
    let mut started: Vec<&Event> =
        telemetry.events.iter().filter(|event| event.kind == "alert-started").collect();
    // Those that say less come last, when what they may be the same as is known.
    started.sort_by_key(|event| (is_rounded(event), is_rounded(event) && event.producer.is_none()));
    for event in started {
        let (Some(at), producer) = (event.at, event.producer.clone().unwrap_or_default()) else { continue };
        // Prometheus states nanoseconds, Alertmanager milliseconds.
        let own = (at.time.0.div_euclid(1_000_000), producer, event.message.clone());
        let key = if is_rounded(event) { same(&fired, &own) } else { own };
        let known = fired.entry(key).or_insert(Fired {
            severity: event.severity,
            citations: Vec::new(),
            ended: None,
        });
        known.citations.extend(event.citation.clone());
    }
    for event in telemetry.events.iter().filter(|event| event.kind == "alert-ended") {
        let (Some(at), producer) = (event.at, event.producer.clone().unwrap_or_default()) else { continue };
        // An alert that fires again later must not hide the firing that this is the end of.
        let started = fired.iter_mut().rfind(|((start, of, message), _)| {
            *start <= at.time.0.div_euclid(1_000_000) && *of == producer && *message == event.message
        });
        if let Some((_, fired)) = started {
            fired.ended = Some(at.time);
            fired.citations.extend(event.citation.clone());
        }
    }
    for ((millis, producer, message), fired) in fired.into_iter().take(MOST_FINDINGS) {
        let began = UtcTime(millis.saturating_mul(1_000_000));
        let until =
            fired.ended.map_or("no end of it is stated".to_owned(), |end| format!("it ended at {end}"));
        let mut finding = Finding::new(
            "alert-fired",
            fired.severity,
            Confidence::Certain,
            format!("Alert {message} fired at {began}"),
        );
        finding.subject = Some(producer).filter(|producer| !producer.is_empty());
        let evidence = Evidence {
            citations: fired.citations,
            ..Evidence::new(Basis::Observed, format!("it fired at {began}; {until}"))
        };
        telemetry.findings.push(finding.with_evidence(evidence));
    }
}
