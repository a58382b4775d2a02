//! Alerts of Prometheus (`/api/v1/alerts`) and Alertmanager (API v2, `amtool -o json`, webhook).
//!
//! The forms are those of the [Prometheus HTTP API](https://prometheus.io/docs/prometheus/3.0/querying/api/#alerts),
//! the [Alertmanager API v2](https://github.com/prometheus/alertmanager/blob/v0.27.0/api/v2/openapi.yaml) and its
//! [webhook](https://prometheus.io/docs/alerting/0.27/configuration/#webhook_config).

use pycoroner_findings::{Citation, Event, Gap, GapKind, Severity, SourceId, Span, TimeBasis, Timestamp};
use serde_json::Value;

use crate::document::{Export, Telemetry};
use crate::format::ExportFormat;
use crate::time::rfc3339;

/// Most alerts that are read of one export.
const MOST_ALERTS: usize = 10_000;
/// How much of an export is looked at to tell what it is, in bytes.
const HEAD: usize = 1 << 16;

/// Whether bytes look like an export of alerts.
pub(crate) fn is_alerts(export: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&export[..export.len().min(HEAD)]);
    head.trim_start().starts_with(['[', '{'])
        && head.contains("\"labels\"")
        && head.contains("\"alertname\"")
        && (head.contains("\"startsAt\"") || head.contains("\"activeAt\""))
}

/// Reads when alerts started and ended: events `alert-pending`, `alert-started` and `alert-ended`.
///
/// An alert has ended only where the export says so: the `endsAt` of an active alert is the time at which it would
/// end without further notice, mostly in the future.
pub(crate) fn read_alerts(export: &[u8], source: SourceId) -> Telemetry {
    let mut alerts = Telemetry::default();
    let document: Value = match serde_json::from_slice(export) {
        Ok(document) => document,
        Err(error) => {
            alerts.gaps.push(Gap::new(GapKind::Corrupt, "all alerts of the export", error.to_string()));
            return alerts;
        }
    };
    let place = ["", "/alerts", "/data/alerts", "/data"]
        .into_iter()
        .find_map(|pointer| Some((pointer, document.pointer(pointer)?.as_array()?)));
    let Some((pointer, list)) = place else {
        alerts.gaps.push(Gap::new(
            GapKind::Unknown,
            "all alerts of the export",
            "it holds no list of alerts",
        ));
        return alerts;
    };
    for (index, alert) in list.iter().take(MOST_ALERTS).enumerate() {
        add(&mut alerts, alert, &format!("{pointer}/{index}"), source);
    }
    alerts.exports.push(Export::of(source, ExportFormat::Alerts, list.len(), &alerts.events));
    if list.len() > MOST_ALERTS {
        let what = format!("{} more alerts", list.len() - MOST_ALERTS);
        alerts.gaps.push(Gap::new(GapKind::Limit, what, format!("{MOST_ALERTS} are read of one export")));
    }
    alerts
}

fn add(alerts: &mut Telemetry, alert: &Value, pointer: &str, source: SourceId) {
    let text = |path: &str| alert.pointer(path).and_then(Value::as_str);
    let began = ["startsAt", "activeAt"].into_iter().find_map(|key| Some((key, alert.get(key)?.as_str()?)));
    let (Some(name), Some((key, began))) = (text("/labels/alertname"), began) else {
        let citation = cite(source, pointer.to_owned());
        alerts.gaps.push(Gap::new(GapKind::Unknown, "an alert", "it has no name or no start").at(citation));
        return;
    };
    let summary = text("/annotations/summary").or_else(|| text("/annotations/description"));
    let message = summary.map_or_else(|| name.to_owned(), |summary| format!("{name}: {summary}"));
    let producer = text("/labels/instance").or_else(|| text("/labels/job"));
    let mut push = |kind: &'static str, severity, key: &str, time: &str| {
        let citation = cite(source, format!("{pointer}/{key}"));
        let Some(time) = rfc3339(time) else {
            let why = format!("{time:?} is not a time");
            alerts.gaps.push(Gap::new(GapKind::Unknown, format!("{key} of alert {name}"), why).at(citation));
            return;
        };
        alerts.events.push(Event {
            at: Some(Timestamp { time, basis: TimeBasis::Stated, uncertainty_ms: 0 }),
            producer: producer.map(str::to_owned),
            citation: Some(citation),
            ..Event::new(kind, severity, message.clone())
        });
    };
    let kind = if text("/state") == Some("pending") { "alert-pending" } else { "alert-started" };
    push(kind, severity(text("/labels/severity")), key, began);
    if let Some(ended) = text("/endsAt").filter(|ended| has_ended(alert, ended)) {
        push("alert-ended", Severity::Info, "endsAt", ended);
    }
}

/// Whether an alert was over when it was exported: a webhook says so, the API by an end that is not ahead.
fn has_ended(alert: &Value, ends_at: &str) -> bool {
    let updated = alert.get("updatedAt").and_then(Value::as_str).and_then(rfc3339);
    let is_past = rfc3339(ends_at).zip(updated).is_some_and(|(end, updated)| end <= updated);
    alert.get("status").and_then(Value::as_str) == Some("resolved") || is_past
}

/// The label `severity` is a team's own word; an alert alone never stopped a process.
fn severity(label: Option<&str>) -> Severity {
    match label {
        Some("critical" | "page" | "error") => Severity::Error,
        Some("info" | "none") => Severity::Info,
        _ => Severity::Warning,
    }
}

fn cite(source: SourceId, pointer: String) -> Citation {
    Citation::new(source, Span::Pointer { pointer })
}
