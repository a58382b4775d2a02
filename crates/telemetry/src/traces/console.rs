//! What the console exporter of OpenTelemetry's Python SDK prints of spans: JSON objects, one after the other.

use pycoroner_findings::{Gap, GapKind, SourceId};
use serde_json::Value;

use super::attributes::{as_text, hex_id};
use super::span_book::{Parent, SpanBook};
use crate::document::{Telemetry, TraceSpan};
use crate::documents::Documents;
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{items, text, time};
use crate::place::Place;

/// Whether a file starts with such a span.
pub(crate) fn is_console(head: &Head<'_>) -> bool {
    head.outline.has_all(&["context/trace_id", "context/span_id", "start_time"])
}

/// Reads spans.
pub(crate) fn read_console(export: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut book = SpanBook::default();
    let mut broken = 0;
    let mut documents = Documents::new(export, source);
    for document in documents.by_ref() {
        match serde_json::from_str::<Value>(document.text.get()) {
            Ok(value) => match span_of(&value, &document.place) {
                Some(span) => book.add(span, parent_of(&value)),
                None => book.add_without_start(),
            },
            Err(_) => broken += 1,
        }
    }
    telemetry.gaps.extend(documents.into_gap());
    if broken > 0 {
        let what = format!("{broken} objects of the export");
        telemetry.gaps.push(Gap::new(GapKind::Corrupt, what, "they cannot be parsed"));
    }
    book.finish(source, ExportFormat::OtelConsole, &mut telemetry);
    telemetry
}

fn span_of(span: &Value, place: &Place) -> Option<TraceSpan> {
    let failed = text(span, "/status/status_code") == Some("ERROR");
    let exception = items(span, "/events").iter().rfind(|event| text(event, "/name") == Some("exception"));
    let exception = exception.and_then(|event| {
        let attributes = event.get("attributes")?;
        let kind = as_text(attributes.get("exception.type")?);
        Some(match attributes.get("exception.message") {
            Some(message) => format!("{kind}: {}", as_text(message)),
            None => kind,
        })
    });
    let resource = span.pointer("/resource/attributes");
    let of_resource = |key: &str| resource?.get(key).map(as_text);
    Some(TraceSpan {
        trace_id: hex_id(text(span, "/context/trace_id")?)?,
        span_id: hex_id(text(span, "/context/span_id")?)?,
        parent_id: text(span, "/parent_id").and_then(hex_id),
        parent_missing: false,
        name: text(span, "/name").unwrap_or("?").to_owned(),
        service: of_resource("service.name"),
        pid: of_resource("process.pid").and_then(|pid| pid.parse().ok()),
        start: time(span, "/start_time")?,
        end: time(span, "/end_time"),
        failed,
        error: text(span, "/status/description").map(str::to_owned).or(exception).filter(|_| failed),
        citation: place.cite(""),
    })
}

/// The exporter does not say where the parent ran; spans of servers and consumers are begun by others.
fn parent_of(span: &Value) -> Parent {
    match text(span, "/kind") {
        Some("SpanKind.SERVER" | "SpanKind.CONSUMER") => Parent::Remote,
        _ => Parent::Local,
    }
}
