use std::collections::BTreeMap;

use pycoroner_findings::{Basis, Citation, Confidence, Evidence, Finding, Severity, UtcTime};

use crate::document::Telemetry;

/// Most alerts that become findings, the first ones.
const MOST_FINDINGS: usize = 30;

/// One alert, as one or several exports show it.
struct Fired {
    severity: Severity,
    citations: Vec<Citation>,
    ended: Option<UtcTime>,
}

/// States each alert that fired once, whatever number of exports show it.
pub(super) fn judge(telemetry: &mut Telemetry) {
    let mut fired: BTreeMap<(i64, String, String), Fired> = BTreeMap::new();
    for event in telemetry.events.iter().filter(|event| event.kind == "alert-started") {
        let (Some(at), producer) = (event.at, event.producer.clone().unwrap_or_default()) else { continue };
        // Prometheus states nanoseconds, Alertmanager milliseconds.
        let key = (at.time.0.div_euclid(1_000_000), producer, event.message.clone());
        let known = fired.entry(key).or_insert(Fired {
            severity: event.severity,
            citations: Vec::new(),
            ended: None,
        });
        known.citations.extend(event.citation.clone());
    }
    for event in telemetry.events.iter().filter(|event| event.kind == "alert-ended") {
        let (Some(at), producer) = (event.at, event.producer.clone().unwrap_or_default()) else { continue };
        let started = fired
            .iter_mut()
            .rfind(|((_, of, message), _)| *of == producer && *message == event.message)
            .filter(|((start, ..), _)| *start <= at.time.0.div_euclid(1_000_000));
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
