//! Events as the [event payload](https://develop.sentry.dev/sdk/data-model/event-payloads/) is documented.

use pycoroner_findings::{Event, Severity, SourceId, UtcTime};
use serde_json::Value;

use crate::document::{Breadcrumb, ErrorReport, Export, Label, ReportedException, StackFrame, Telemetry};
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{items, text, time};
use crate::place::Place;
use crate::time::{epoch_seconds, stated};
use crate::tree::Tree;

/// Most breadcrumbs of one event, the last ones; sentry-sdk keeps 100.
const MOST_BREADCRUMBS: usize = 100;
const MOST_EXCEPTIONS: usize = 100;
const MOST_FRAMES: usize = 500;
const MOST_TAGS: usize = 100;

/// Whether a file is one event.
pub(crate) fn is_event(head: &Head<'_>) -> bool {
    let has = |member: &str| head.outline.has(member);
    let is_exception =
        has("exception/values/*/stacktrace/frames") || has("exception/values/*/mechanism/handled");
    let is_message = has("event_id") && (has("sdk/name") || has("contexts/trace/trace_id"));
    // OpenTelemetry and others have neither.
    (is_exception && has("exception/values/*/type")) || is_message && !has("resourceSpans")
}

/// Reads a file that is one event.
pub(crate) fn read_event(bytes: &[u8], source: SourceId) -> Telemetry {
    let mut telemetry = Telemetry::default();
    match Tree::json(bytes, source) {
        Ok(tree) => add_event(&mut telemetry, &tree.value, &Place::Whole(source)),
        Err(gap) => telemetry.gaps.push(*gap),
    }
    let export = Export::of(source, ExportFormat::SentryEvent, telemetry.reports.len(), &telemetry.events);
    telemetry.exports.push(export);
    telemetry
}

/// Adds what an event says.
pub(super) fn add_event(telemetry: &mut Telemetry, event: &Value, place: &Place) {
    let at = moment(event, "/timestamp").map(stated);
    let mut exceptions: Vec<_> =
        list(event, "/exception").iter().rev().take(MOST_EXCEPTIONS).map(exception).collect();
    if let Some(message) = message(event).filter(|_| exceptions.is_empty()) {
        exceptions.push(ReportedException { message, ..ReportedException::default() });
    }
    let what = exceptions.first().map_or("an event without an exception".to_owned(), |exception| {
        let handled = match exception.handled {
            Some(true) => " (handled)",
            Some(false) => " (not handled)",
            None => "",
        };
        let separator =
            if exception.type_name.is_empty() || exception.message.is_empty() { "" } else { ": " };
        format!("{}{separator}{}{handled}", exception.type_name, exception.message)
    });
    let severity = match text(event, "/level") {
        Some("fatal") => Severity::Critical,
        Some("warning") => Severity::Warning,
        Some("info" | "debug") => Severity::Info,
        _ => Severity::Error,
    };
    telemetry.events.push(Event {
        at,
        producer: text(event, "/logger").map(str::to_owned),
        citation: Some(place.cite("")),
        ..Event::new("error-reported", severity, what)
    });
    let crumbs = list(event, "/breadcrumbs");
    telemetry.reports.push(ErrorReport {
        at,
        exceptions,
        tags: tags(event),
        breadcrumbs: crumbs
            .iter()
            .skip(crumbs.len().saturating_sub(MOST_BREADCRUMBS))
            .map(breadcrumb)
            .collect(),
        citation: place.cite(""),
    });
}

/// Lists stand alone or as `values`.
fn list<'a>(event: &'a Value, pointer: &str) -> &'a [Value] {
    match items(event, pointer) {
        [] => items(event, &format!("{pointer}/values")),
        items => items,
    }
}

/// A time as RFC 3339, with or without its zone (it is UTC), or as seconds since 1970.
fn moment(value: &Value, pointer: &str) -> Option<UtcTime> {
    let seconds = || epoch_seconds(value.pointer(pointer)?.as_f64()?);
    let without_zone = || crate::time::rfc3339(&format!("{}Z", text(value, pointer)?));
    time(value, pointer).or_else(without_zone).or_else(seconds)
}

fn message(event: &Value) -> Option<String> {
    let paths = ["/logentry/formatted", "/logentry/message", "/message/formatted", "/message"];
    paths.iter().find_map(|path| text(event, path)).map(str::to_owned)
}

fn exception(value: &Value) -> ReportedException {
    let name = text(value, "/type").unwrap_or_default();
    let module = text(value, "/module").filter(|module| !matches!(*module, "builtins" | "__main__"));
    let frames = items(value, "/stacktrace/frames");
    ReportedException {
        type_name: module.map_or(name.to_owned(), |module| format!("{module}.{name}")),
        message: text(value, "/value").unwrap_or_default().to_owned(),
        handled: value.pointer("/mechanism/handled").and_then(Value::as_bool),
        frames: frames.iter().rev().take(MOST_FRAMES).map(frame).collect(),
    }
}

fn frame(value: &Value) -> StackFrame {
    let file = text(value, "/abs_path").or_else(|| text(value, "/filename"));
    StackFrame {
        function: text(value, "/function").unwrap_or_default().to_owned(),
        file: file.map(str::to_owned),
        line: value.pointer("/lineno").and_then(Value::as_u64),
    }
}

/// Tags, and what else tells reports apart; nothing about users.
fn tags(event: &Value) -> Vec<Label> {
    let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
    let own = [
        ("environment", "/environment"),
        ("release", "/release"),
        ("trace_id", "/contexts/trace/trace_id"),
        ("transaction", "/transaction"),
    ];
    let own = own.iter().filter_map(|(name, path)| Some(label(name, text(event, path)?)));
    let tags: Vec<Label> = match event.get("tags") {
        Some(Value::Object(members)) => {
            members.iter().filter_map(|(name, value)| Some(label(name, value.as_str()?))).collect()
        }
        Some(Value::Array(pairs)) => {
            pairs.iter().filter_map(|pair| Some(label(text(pair, "/0")?, text(pair, "/1")?))).collect()
        }
        _ => Vec::new(),
    };
    let is_of_user = |label: &Label| label.name == "user" || label.name.starts_with("user.");
    own.chain(tags.into_iter().filter(|label| !is_of_user(label))).take(MOST_TAGS).collect()
}

fn breadcrumb(value: &Value) -> Breadcrumb {
    let data = |name: &str| match value.pointer(&format!("/data/{name}"))? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let request = || {
        let url = data("url")?;
        // Behind the path stand values of users.
        let path = url.split(['?', '#']).next().unwrap_or_default().to_owned();
        let parts = [data("method").or_else(|| data("http.method")), Some(path), data("status_code")];
        Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    };
    Breadcrumb {
        time: moment(value, "/timestamp"),
        category: text(value, "/category").map(str::to_owned),
        level: text(value, "/level").map(str::to_owned),
        message: text(value, "/message").map(str::to_owned).or_else(request).unwrap_or_default(),
    }
}
