//! [OTLP JSON](https://github.com/open-telemetry/opentelemetry-proto/blob/v1.5.0/docs/specification.md#json-protobuf-encoding):
//! one request, or one per line as [file exporters](https://github.com/open-telemetry/opentelemetry-specification/blob/v1.40.0/specification/protocol/file-exporter.md) write them.

use pycoroner_findings::{Gap, GapKind, SourceId};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::attributes::{as_text, attribute, hex_id};
use super::otlp_metrics::Metrics;
use super::span_book::{Parent, SpanBook};
use crate::document::{Export, Telemetry, TraceSpan};
use crate::documents::{Document, Documents};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{items, text, whole};
use crate::place::Place;
use pycoroner_findings::UtcTime;

/// Bits of `flags`: whether it is known where the parent ran, and whether that was elsewhere.
const HAS_IS_REMOTE: i64 = 0x100;
const IS_REMOTE: i64 = 0x200;

/// Whether a file holds spans or metrics; one with logs only is a log.
pub(crate) fn is_otlp(head: &Head<'_>) -> bool {
    ["resourceSpans", "resource_spans", "resourceMetrics", "resource_metrics"]
        .into_iter()
        .any(|member| head.outline.has(member))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request<'a> {
    #[serde(borrow, rename = "resourceSpans", alias = "resource_spans")]
    spans: Vec<&'a RawValue>,
    #[serde(borrow, rename = "resourceMetrics", alias = "resource_metrics")]
    metrics: Vec<&'a RawValue>,
    #[serde(borrow, rename = "resourceLogs", alias = "resource_logs")]
    logs: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceSpans<'a> {
    resource: Value,
    #[serde(borrow, rename = "scopeSpans", alias = "scope_spans", alias = "instrumentationLibrarySpans")]
    scopes: Vec<ScopeSpans<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ScopeSpans<'a> {
    #[serde(borrow)]
    spans: Vec<&'a RawValue>,
}

/// Reads spans and metrics.
pub(crate) fn read_otlp(export: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut reader = Reader::default();
    let mut documents = Documents::new(export, source);
    for document in documents.by_ref() {
        match serde_json::from_str(document.text.get()) {
            Ok(request) => reader.request(&request, &document),
            Err(error) => reader.break_at(&error, &document.place, ""),
        }
    }
    telemetry.gaps.extend(documents.into_gap());
    let Reader { book, metrics, logs, broken, first_break, has_spans } = reader;
    if let Some(gap) = first_break {
        let what = format!("{broken} parts of the export");
        telemetry.gaps.push(Gap { what, ..gap });
    }
    if logs > 0 {
        let what = format!("the log records of {logs} resources");
        let gap = Gap::new(GapKind::Unknown, what, "they stand in a file with spans or metrics");
        telemetry.gaps.push(gap.remedy("give the lines with resourceLogs as a file of their own"));
    }
    let samples = metrics.finish(&mut telemetry);
    if has_spans {
        book.finish(source, ExportFormat::Otlp, &mut telemetry);
    }
    if samples > 0 || !has_spans {
        let export = Export::of_series(source, ExportFormat::Otlp, samples, &telemetry.series);
        telemetry.exports.push(export);
    }
    telemetry
}

#[derive(Default)]
struct Reader {
    book: SpanBook,
    metrics: Metrics,
    logs: usize,
    broken: usize,
    first_break: Option<Gap>,
    has_spans: bool,
}

impl Reader {
    fn break_at(&mut self, error: &serde_json::Error, place: &Place, pointer: &str) {
        self.broken += 1;
        self.first_break.get_or_insert_with(|| {
            Gap::new(GapKind::Corrupt, "a part of the export", error.to_string()).at(place.cite(pointer))
        });
    }

    fn request(&mut self, request: &Request<'_>, document: &Document<'_>) {
        self.logs += request.logs.len();
        self.has_spans |= !request.spans.is_empty();
        for (index, resource) in request.spans.iter().enumerate() {
            let pointer = format!("/resourceSpans/{index}");
            match serde_json::from_str::<ResourceSpans>(resource.get()) {
                Ok(resource) => self.resource(&resource, &document.place, &pointer),
                Err(error) => self.break_at(&error, &document.place, &pointer),
            }
        }
        for (index, resource) in request.metrics.iter().enumerate() {
            let pointer = format!("/resourceMetrics/{index}");
            match serde_json::from_str::<Value>(resource.get()) {
                Ok(resource) => self.metrics.resource(&resource, &document.place, &pointer),
                Err(error) => self.break_at(&error, &document.place, &pointer),
            }
        }
    }

    fn resource(&mut self, resource: &ResourceSpans<'_>, place: &Place, pointer: &str) {
        let attributes = resource.resource.get("attributes").unwrap_or(&Value::Null);
        let service = attribute(attributes, "service.name").map(as_text);
        let pid = attribute(attributes, "process.pid").and_then(|pid| as_text(pid).parse().ok());
        for (scope_index, scope) in resource.scopes.iter().enumerate() {
            for (index, span) in scope.spans.iter().enumerate() {
                let pointer = format!("{pointer}/scopeSpans/{scope_index}/spans/{index}");
                let value: Value = match serde_json::from_str(span.get()) {
                    Ok(value) => value,
                    Err(error) => {
                        self.break_at(&error, place, &pointer);
                        continue;
                    }
                };
                match span_of(&value, place, &pointer) {
                    Some(span) => {
                        let parent = parent_of(&value);
                        self.book.add(TraceSpan { service: service.clone(), pid, ..span }, parent);
                    }
                    None => self.book.add_without_start(),
                }
            }
        }
    }
}

fn span_of(span: &Value, place: &Place, pointer: &str) -> Option<TraceSpan> {
    let id = |key: &str, other: &str| text(span, key).or_else(|| text(span, other)).and_then(hex_id);
    let nanos = |key: &str, other: &str| {
        whole(span, key).or_else(|| whole(span, other)).filter(|nanos| *nanos > 0).map(UtcTime)
    };
    let code = span.pointer("/status/code");
    let failed = code.is_some_and(|code| matches!(as_text(code).as_str(), "2" | "STATUS_CODE_ERROR"));
    Some(TraceSpan {
        trace_id: id("/traceId", "/trace_id")?,
        span_id: id("/spanId", "/span_id")?,
        parent_id: id("/parentSpanId", "/parent_span_id"),
        parent_missing: false,
        name: text(span, "/name").unwrap_or("?").to_owned(),
        service: None,
        pid: None,
        start: nanos("/startTimeUnixNano", "/start_time_unix_nano")?,
        end: nanos("/endTimeUnixNano", "/end_time_unix_nano"),
        failed,
        error: failed.then(|| error_of(span)).flatten(),
        citation: place.cite(pointer),
    })
}

/// What a failed span says: its status, or else the exception it recorded.
fn error_of(span: &Value) -> Option<String> {
    if let Some(message) = text(span, "/status/message") {
        return Some(message.to_owned());
    }
    let exception = items(span, "/events").iter().rfind(|event| text(event, "/name") == Some("exception"))?;
    let attributes = exception.get("attributes")?;
    let kind = as_text(attribute(attributes, "exception.type")?);
    match attribute(attributes, "exception.message") {
        Some(message) => Some(format!("{kind}: {}", as_text(message))),
        None => Some(kind),
    }
}

/// The flags say where the parent ran; before they did, spans of servers and consumers were begun by others.
fn parent_of(span: &Value) -> Parent {
    let flags = whole(span, "/flags").unwrap_or(0);
    if flags & HAS_IS_REMOTE != 0 {
        return if flags & IS_REMOTE != 0 { Parent::Remote } else { Parent::Local };
    }
    match span.get("kind").map(as_text).as_deref() {
        Some("2" | "5" | "SPAN_KIND_SERVER" | "SPAN_KIND_CONSUMER") => Parent::Remote,
        _ => Parent::Local,
    }
}
