//! Traces as Jaeger's query API and its UI's "Trace JSON" give them.
//!
//! The form is that of [`model/json`](https://github.com/jaegertracing/jaeger/blob/v1.62.0/model/json/model.go).

use std::collections::BTreeMap;

use pycoroner_findings::{Gap, GapKind, SourceId, UtcTime};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::attributes::{as_text, hex_id};
use super::span_book::{Parent, SpanBook};
use crate::document::{Telemetry, TraceSpan};
use crate::documents::{Document, Documents};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{items, text, whole};
use crate::place::Place;

/// Whether a file holds traces of Jaeger: an answer of its API, a list of traces, or one.
pub(crate) fn is_jaeger(head: &Head<'_>) -> bool {
    ["data/*/", "*/", ""].into_iter().any(|root| {
        let has = |member: &str| head.outline.has(&format!("{root}spans/*/{member}"));
        has("traceID") && has("spanID") && has("operationName")
    })
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Trace<'a> {
    #[serde(borrow)]
    spans: Vec<&'a RawValue>,
    processes: BTreeMap<String, Value>,
}

/// Reads spans.
pub(crate) fn read_jaeger(export: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut book = SpanBook::default();
    let mut documents = Documents::new(export, source);
    for document in documents.by_ref() {
        for (pointer, trace) in traces(&document) {
            read_trace(trace, &document.place, &pointer, &mut book, &mut telemetry);
        }
    }
    telemetry.gaps.extend(documents.into_gap());
    book.finish(source, ExportFormat::Jaeger, &mut telemetry);
    telemetry
}

/// The traces of a document, each with its pointer.
fn traces<'a>(document: &Document<'a>) -> Vec<(String, &'a str)> {
    let text = document.text.get();
    let listed = |root: &str, traces: Vec<&'a RawValue>| {
        traces
            .into_iter()
            .enumerate()
            .map(|(index, trace)| (format!("{root}/{index}"), trace.get()))
            .collect()
    };
    if let Ok(answer) = serde_json::from_str::<Answer<'a>>(text) {
        return listed("/data", answer.data);
    }
    match serde_json::from_str::<Vec<&'a RawValue>>(text) {
        Ok(traces) => listed("", traces),
        Err(_) => vec![(String::new(), text)],
    }
}

fn read_trace(trace: &str, place: &Place, pointer: &str, book: &mut SpanBook, telemetry: &mut Telemetry) {
    let trace: Trace = match serde_json::from_str(trace) {
        Ok(trace) => trace,
        Err(error) => {
            let gap = Gap::new(GapKind::Corrupt, "a trace", error.to_string());
            telemetry.gaps.push(gap.at(place.cite(pointer)));
            return;
        }
    };
    for (index, span) in trace.spans.iter().enumerate() {
        let pointer = format!("{pointer}/spans/{index}");
        let value: Value = serde_json::from_str(span.get()).unwrap_or_default();
        match span_of(&value, &trace.processes, place, &pointer) {
            Some(span) => book.add(span, parent_of(&value)),
            None => book.add_without_start(),
        }
    }
}

fn span_of(
    span: &Value,
    processes: &BTreeMap<String, Value>,
    place: &Place,
    pointer: &str,
) -> Option<TraceSpan> {
    let trace_id = hex_id(text(span, "/traceID")?)?;
    let process = text(span, "/processID").and_then(|id| processes.get(id)).or_else(|| span.get("process"));
    let pid = process.and_then(|process| tag(process, "process.pid").or_else(|| tag(process, "pid")));
    let parent = items(span, "/references").iter().find(|reference| {
        let is_same_trace = text(reference, "/traceID").and_then(hex_id).is_none_or(|id| id == trace_id);
        text(reference, "/refType") == Some("CHILD_OF") && is_same_trace
    });
    let parent_id = parent.and_then(|parent| text(parent, "/spanID")).or_else(|| text(span, "/parentSpanID"));
    let micros = |key: &str| whole(span, key)?.checked_mul(1000);
    let start = micros("/startTime").filter(|start| *start > 0)?;
    let failed = tag(span, "error").as_deref() == Some("true")
        || tag(span, "otel.status_code").as_deref() == Some("ERROR");
    Some(TraceSpan {
        span_id: hex_id(text(span, "/spanID")?)?,
        parent_id: parent_id.and_then(hex_id),
        parent_missing: false,
        name: text(span, "/operationName").unwrap_or("?").to_owned(),
        service: process.and_then(|process| text(process, "/serviceName")).map(str::to_owned),
        pid: pid.and_then(|pid| pid.parse().ok()),
        start: UtcTime(start),
        end: micros("/duration")
            .filter(|span| *span >= 0)
            .and_then(|span| start.checked_add(span))
            .map(UtcTime),
        failed,
        error: failed.then(|| error_of(span)).flatten(),
        citation: place.cite(pointer),
        trace_id,
    })
}

/// The value of a tag of a span or process, as text.
fn tag(tagged: &Value, key: &str) -> Option<String> {
    field(items(tagged, "/tags"), key)
}

fn field(fields: &[Value], key: &str) -> Option<String> {
    fields.iter().find(|field| text(field, "/key") == Some(key))?.get("value").map(as_text)
}

fn error_of(span: &Value) -> Option<String> {
    if let Some(description) = tag(span, "otel.status_description") {
        return Some(description);
    }
    items(span, "/logs").iter().rev().find_map(|log| {
        let fields = items(log, "/fields");
        let kind = field(fields, "exception.type").or_else(|| field(fields, "error.kind"))?;
        let message = field(fields, "exception.message").or_else(|| field(fields, "message"));
        Some(message.map_or(kind.clone(), |message| format!("{kind}: {message}")))
    })
}

/// Jaeger does not say where the parent ran; spans of servers and consumers are begun by others.
fn parent_of(span: &Value) -> Parent {
    match tag(span, "span.kind").as_deref() {
        Some("server" | "consumer") => Parent::Remote,
        _ => Parent::Local,
    }
}
