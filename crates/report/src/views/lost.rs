//! What did not get an answer: requests without an end, answers of 5xx, scrapes in vain; as counts.

use std::collections::BTreeMap;

use pycoroner_findings::{Citation, UtcTime};

use super::impact::{Fact, Trace};
use crate::Incident;
use crate::sections::RequestThread;

/// Most citations of one count.
const MOST_CITED: usize = 5;
/// Most targets and metrics that are listed.
const MOST_ROWS: usize = 5;
/// All that was lost, as far as the evidence counts it.
pub(super) fn lost(incident: &Incident) -> Vec<Trace> {
    let mut traces: Vec<Trace> = requests(incident).into_iter().collect();
    traces.extend(pause(incident));
    traces.extend(logged_failures(incident));
    traces.extend(counted_failures(incident));
    traces.extend(unanswered(incident));
    traces
}

/// Requests that started and have no end in the logs.
fn requests(incident: &Incident) -> Option<Trace> {
    let requests = incident.logs.as_ref()?.requests.as_ref()?;
    let is_lost = |thread: &&RequestThread| {
        thread.state.as_deref() == Some("unfinished") && (thread.open_at_death || thread.ended_with.is_some())
    };
    let mut lost: Vec<&RequestThread> = requests.threads.iter().filter(is_lost).collect();
    let listed = requests.threads.iter().filter(|thread| thread.state.as_deref() == Some("unfinished"));
    let is_least = (listed.count() as u64) < requests.unfinished;
    lost.sort_by_key(|thread| !thread.same_process);
    let first = lost.first()?;
    let citations = lost.iter().filter_map(|thread| thread.entries.last()?.place.citation.clone());
    let fact = Fact::LostRequests {
        count: lost.len(),
        is_least,
        of: requests.followed,
        with_others: lost.iter().filter(|thread| thread.ended_with.is_some()).count(),
        own: first.same_process.then(|| first.id.clone()),
    };
    Some(Trace { fact, citations: citations.take(MOST_CITED).collect() })
}

/// The message that stopped first, of those that came often: while it is missing, something was not done.
fn pause(incident: &Incident) -> Option<Trace> {
    let templates = || incident.logs.iter().flat_map(|logs| &logs.templates);
    let silent = || templates().filter_map(|row| Some((row, row.silence.as_ref()?)));
    let most = silent().filter_map(|(_, silence)| silence.seen).max()?;
    let often = silent().filter(|(_, silence)| silence.seen.is_some_and(|seen| seen >= most / 2));
    let (row, silence) = often.min_by_key(|(row, silence)| (silence.since, &row.template))?;
    let citations = [silence.place.as_ref().unwrap_or(&row.place)].into_iter().chain(&silence.again_place);
    let fact = Fact::Pause {
        message: row.template.clone(),
        since: silence.since?,
        again: silence.again,
        usual_ms: silence.usual_interval_ms?,
    };
    Some(Trace { fact, citations: citations.filter_map(|place| place.citation.clone()).collect() })
}

/// Answers of 5xx in access logs.
fn logged_failures(incident: &Incident) -> Option<Trace> {
    let logs = incident.logs.as_ref()?;
    let failed: Vec<_> = logs.templates.iter().filter(|row| answers_failure(&row.template)).collect();
    let count =
        failed.iter().map(|row| row.in_window.or(row.count).unwrap_or(0)).fold(0, u64::saturating_add);
    let places = failed.iter().map(|row| row.place_in_window.as_ref().unwrap_or(&row.place));
    let citations = places.filter_map(|place| place.citation.clone()).take(MOST_CITED).collect();
    (count > 0)
        .then(|| Trace { fact: Fact::FailedAnswers { count, by: "the access log".to_owned() }, citations })
}

/// Whether a line of an access log states a status of 5xx: behind the quoted request.
fn answers_failure(template: &str) -> bool {
    let status =
        template.split(" HTTP/").nth(1).and_then(|rest| rest.split_once("\" ")).map(|(_, rest)| rest);
    status.and_then(|rest| rest.split(' ').next()).is_some_and(is_failure)
}

fn is_failure(status: &str) -> bool {
    status.len() == 3 && status.starts_with('5') && status.bytes().all(|byte| byte.is_ascii_digit())
}

/// Failed answers that counters of the service counted.
fn counted_failures(incident: &Incident) -> Vec<Trace> {
    let mut all: BTreeMap<(&str, &str), (u64, Vec<Citation>)> = BTreeMap::new();
    for series in incident.telemetry.iter().flat_map(|telemetry| &telemetry.series) {
        if let Some(failed) = series.failed_answers.filter(|failed| *failed > 0) {
            let row = all.entry((&series.target, &series.name)).or_default();
            row.0 = row.0.saturating_add(failed);
            row.1.extend(series.citation.clone());
        }
    }
    let traces = all.into_iter().take(MOST_ROWS).map(|((target, metric), (count, citations))| Trace {
        fact: Fact::FailedAnswers { count, by: format!("{metric} of {target}") },
        citations: citations.into_iter().take(MOST_CITED).collect(),
    });
    traces.collect()
}

/// Times in which a target did not answer Prometheus.
fn unanswered(incident: &Incident) -> Vec<Trace> {
    let all = incident.telemetry.iter().flat_map(|telemetry| &telemetry.series);
    let mut traces = Vec::new();
    for series in all.filter(|series| series.name == "up").take(MOST_ROWS) {
        let spans = down(&series.points);
        // Those nearest to the death tell of it.
        let first = spans.len().saturating_sub(MOST_ROWS);
        for Down { first, last, again } in spans.into_iter().skip(first) {
            let time = |index: usize| series.points.get(index).map(|(time, _)| *time);
            let Some((from, to)) = time(first).zip(time(last)) else { continue };
            let again = again.and_then(time);
            let fact = Fact::Unanswered {
                target: series.target.clone(),
                from,
                to,
                samples: last - first + 1,
                again,
            };
            let citations = super::targets::points(series, &[first, last]);
            traces.push(Trace { fact, citations: hashed(incident, citations) });
        }
    }
    traces
}

/// Citations as findings have them, with the hash of what they cite.
fn hashed(incident: &Incident, citations: Vec<Citation>) -> Vec<Citation> {
    let of_findings = || {
        let down = incident.findings.iter().filter(|finding| finding.id == "target-down");
        down.flat_map(|finding| &finding.evidence).flat_map(|evidence| &evidence.citations)
    };
    let known = |citation: Citation| {
        let same =
            of_findings().find(|known| (known.source, &known.span) == (citation.source, &citation.span));
        same.cloned().unwrap_or(citation)
    };
    citations.into_iter().map(known).collect()
}

struct Down {
    first: usize,
    last: usize,
    again: Option<usize>,
}

fn down(points: &[(UtcTime, f64)]) -> Vec<Down> {
    let mut spans: Vec<Down> = Vec::new();
    for (index, (_, value)) in points.iter().enumerate() {
        match spans.last_mut().filter(|span| span.again.is_none()) {
            Some(span) if *value == 0.0 => span.last = index,
            Some(span) => span.again = Some(index),
            None if *value == 0.0 => spans.push(Down { first: index, last: index, again: None }),
            None => {}
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_access_logs() {
        let check =
            |template: &str, expected: bool| assert_eq!(answers_failure(template), expected, "{template}");
        check("<ip> - - [<time>] \"GET /price?sku=<n> HTTP/1.1\" 502 <n> \"-\"", true);
        check("<ip> - - [<time>] \"GET / HTTP/2.0\" 200 500", false);
        check("GET /500 HTTP/1.1\" 404 <n>", false);
        check("error 500 of the gateway", false);
    }

    #[test]
    fn spans_without_an_answer() {
        let points = |values: &[f64]| -> Vec<_> {
            values.iter().zip(0..).map(|(value, second)| (UtcTime(second), *value)).collect()
        };
        let check = |values: &[f64], expected: &[(usize, usize, Option<usize>)]| {
            let spans: Vec<_> =
                down(&points(values)).into_iter().map(|span| (span.first, span.last, span.again)).collect();
            assert_eq!(spans, expected, "{values:?}");
        };
        check(&[1.0, 1.0], &[]);
        check(&[1.0, 0.0, 0.0, 1.0, 0.0], &[(1, 2, Some(3)), (4, 4, None)]);
        check(&[0.0], &[(0, 0, None)]);
        check(&[], &[]);
    }
}
