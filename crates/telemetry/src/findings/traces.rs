use std::collections::BTreeMap;

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity, UtcTime};

use crate::document::{SpanTotals, Telemetry, TraceSpan};

/// Most observations that are listed.
const MOST_LISTED: usize = 10;

/// Judges which spans failed, and which requests no end was exported of.
pub(super) fn judge(telemetry: &mut Telemetry) {
    let mut findings = Vec::new();
    for totals in &telemetry.span_totals {
        let spans: Vec<&TraceSpan> =
            telemetry.spans.iter().filter(|span| span.citation.source == totals.source).collect();
        findings.extend(failed(totals, &spans));
        findings.extend(without_end(totals, &spans));
    }
    telemetry.findings.extend(findings);
}

fn failed(totals: &SpanTotals, spans: &[&TraceSpan]) -> Option<Finding> {
    let mut by_error: BTreeMap<&str, Vec<&TraceSpan>> = BTreeMap::new();
    for span in spans.iter().filter(|span| span.failed) {
        // Messages carry numbers; what stands before the first colon is mostly the exception's type.
        let error = span
            .error
            .as_deref()
            .map_or("no error is stated", |error| error.split(':').next().unwrap_or(error));
        by_error.entry(error).or_default().push(span);
    }
    let mut by_error: Vec<_> = by_error.into_iter().collect();
    by_error.sort_by_key(|(error, spans)| (std::cmp::Reverse(spans.len()), *error));
    let first = by_error.first()?;
    let title = format!(
        "{} of {} exported spans failed, most of those kept with {:?}",
        totals.failed, totals.spans, first.0
    );
    let finding = Finding::new("failed-spans", Severity::Warning, Confidence::Certain, title);
    Some(
        by_error
            .iter()
            .take(MOST_LISTED)
            .filter_map(|(error, spans)| {
                let (first, last) = (spans.first()?, spans.last()?);
                let statement = format!(
                    "{} with {error:?}, from {} to {}; the last is `{}` of trace {}",
                    spans.len(),
                    first.start,
                    last.start,
                    last.name,
                    last.trace_id
                );
                Some(
                    Evidence::new(Basis::Observed, statement)
                        .cite(first.citation.clone())
                        .cite(last.citation.clone()),
                )
            })
            .fold(finding, Finding::with_evidence),
    )
}

fn without_end(totals: &SpanTotals, spans: &[&TraceSpan]) -> Option<Finding> {
    let mut listed: BTreeMap<(std::cmp::Reverse<UtcTime>, &str), Evidence> = BTreeMap::new();
    for span in spans {
        let statement = if span.end.is_none() {
            format!(
                "`{}` of trace {} began at {}; no end of it was exported",
                span.name, span.trace_id, span.start
            )
        } else if let Some(parent) = span.parent_id.as_deref().filter(|_| span.parent_missing) {
            let ended = span.end.unwrap_or(span.start);
            format!(
                "`{}` of trace {} ended at {ended}; the span {parent} around it was not exported",
                span.name, span.trace_id
            )
        } else {
            continue;
        };
        // One row for each request: the last that is known of it.
        let key = (std::cmp::Reverse(span.end.unwrap_or(span.start)), span.trace_id.as_str());
        listed
            .entry(key)
            .or_insert_with(|| Evidence::new(Basis::Observed, statement).cite(span.citation.clone()));
    }
    let mut traces: Vec<&str> = Vec::new();
    listed.retain(|(_, trace), _| {
        let is_new = !traces.contains(trace) && traces.len() < MOST_LISTED;
        if is_new {
            traces.push(trace);
        }
        is_new
    });
    let ((std::cmp::Reverse(last), _), _) = listed.first_key_value()?;
    let title = format!(
        "No end was exported of spans of {}, the last of them at {last}",
        match listed.len() {
            1 => "1 request".to_owned(),
            MOST_LISTED => format!("{MOST_LISTED} or more requests"),
            count => format!("{count} requests"),
        }
    );
    let batches = "exporters send spans in batches, seconds after they ended: what ended just before a sudden death is lost as well";
    let mut finding = Finding::new("span-without-end", Severity::Warning, Confidence::Moderate, title)
        .with_against(Evidence::new(Basis::Inferred, batches))
        .refuted_if("an access log shows that these requests were answered, or another export has the spans");
    let unfinished = totals.without_end + totals.parent_missing;
    finding.subject = Some(format!("{unfinished} of {} spans of {}", totals.spans, totals.source));
    Some(listed.into_values().fold(finding, Finding::with_evidence))
}
