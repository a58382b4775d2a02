//! Spans in [Zipkin's format v2](https://github.com/openzipkin/zipkin-api/blob/1.0.0/zipkin2-api.yaml): lists of
//! spans as they are posted, one or many, and lists of such lists as the API answers.

use pycoroner_findings::{Gap, GapKind, SourceId, UtcTime};
use serde_json::Value;
use serde_json::value::RawValue;

use super::attributes::{as_text, hex_id};
use super::span_book::{Parent, SpanBook};
use crate::document::{Telemetry, TraceSpan};
use crate::documents::Documents;
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{text, whole};
use crate::place::Place;

/// Whether a file holds spans of Zipkin.
pub(crate) fn is_zipkin(head: &Head<'_>) -> bool {
    ["*", "*/*"].into_iter().any(|span| {
        let has = |member: &str| head.outline.has(&format!("{span}/{member}"));
        has("traceId") && has("id") && (has("localEndpoint") || has("timestamp")) && !has("spanId")
    })
}

/// Reads spans.
pub(crate) fn read_zipkin(export: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut book = SpanBook::default();
    let mut documents = Documents::new(export, source);
    for document in documents.by_ref() {
        let place = &document.place;
        let list: Vec<&RawValue> = match serde_json::from_str(document.text.get()) {
            Ok(list) => list,
            Err(error) => {
                let gap = Gap::new(GapKind::Corrupt, "spans of the export", error.to_string());
                telemetry.gaps.push(gap.at(place.cite("")));
                continue;
            }
        };
        for (index, item) in list.iter().enumerate() {
            let pointer = format!("/{index}");
            match serde_json::from_str::<Vec<&RawValue>>(item.get()) {
                Ok(trace) => {
                    for (index, span) in trace.iter().enumerate() {
                        add(&mut book, span, place, &format!("{pointer}/{index}"));
                    }
                }
                Err(_) => add(&mut book, item, place, &pointer),
            }
        }
    }
    telemetry.gaps.extend(documents.into_gap());
    book.finish(source, ExportFormat::Zipkin, &mut telemetry);
    telemetry
}

fn add(book: &mut SpanBook, span: &RawValue, place: &Place, pointer: &str) {
    let value: Value = serde_json::from_str(span.get()).unwrap_or_default();
    // The server's half of a shared span has the same id as the client's.
    let is_remote = matches!(text(&value, "/kind"), Some("SERVER" | "CONSUMER"));
    match span_of(&value, place, pointer) {
        Some(span) => book.add(span, if is_remote { Parent::Remote } else { Parent::Local }),
        None => book.add_without_start(),
    }
}

fn span_of(span: &Value, place: &Place, pointer: &str) -> Option<TraceSpan> {
    let micros = |key: &str| whole(span, key)?.checked_mul(1000);
    let tag = |key: &str| span.get("tags")?.get(key).map(as_text);
    let start = micros("/timestamp").filter(|start| *start > 0)?;
    // Whatever stands in the tag `error`, the span failed; OpenTelemetry writes `false` for those that did not.
    let error = tag("error").filter(|error| error != "false");
    let failed = error.is_some() || tag("otel.status_code").as_deref() == Some("ERROR");
    Some(TraceSpan {
        trace_id: hex_id(text(span, "/traceId")?)?,
        span_id: hex_id(text(span, "/id")?)?,
        parent_id: text(span, "/parentId").and_then(hex_id),
        parent_missing: false,
        name: text(span, "/name").unwrap_or("?").to_owned(),
        service: text(span, "/localEndpoint/serviceName").map(str::to_owned),
        pid: tag("process.pid").and_then(|pid| pid.parse().ok()),
        start: UtcTime(start),
        end: micros("/duration")
            .filter(|span| *span >= 0)
            .and_then(|span| start.checked_add(span))
            .map(UtcTime),
        failed,
        error: error.filter(|error| !error.is_empty() && error != "true"),
        citation: place.cite(pointer),
    })
}
