//! Alerts of Prometheus (`/api/v1/alerts`, `/api/v1/rules`) and Alertmanager (API v2 with its groups, webhook,
//! `amtool -o json`; its tables are read in `amtool.rs`).
//!
//! The forms are those of the [Prometheus HTTP API](https://prometheus.io/docs/prometheus/3.0/querying/api/#alerts),
//! the [Alertmanager API v2](https://github.com/prometheus/alertmanager/blob/v0.27.0/api/v2/openapi.yaml) and its
//! [webhook](https://prometheus.io/docs/alerting/0.27/configuration/#webhook_config).

use pycoroner_findings::{Event, Gap, GapKind, Severity, SourceId};
use serde_json::Value;

use crate::amtool;
use crate::document::{Export, Telemetry};
use crate::documents::Documents;
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::items;
use crate::place::Place;
use crate::time::{rfc3339, stated};

/// Most alerts that are read of one export.
pub(crate) const MOST_ALERTS: usize = 10_000;

/// Whether a file is an export of alerts.
pub(crate) fn is_alerts(head: &Head<'_>) -> bool {
    ["*", "*/alerts/*", "alerts/*", "data/alerts/*", "data/*"].into_iter().any(|alert| {
        let has = |member: &str| head.outline.has(&format!("{alert}/{member}"));
        has("labels/alertname") && (has("startsAt") || has("activeAt"))
    }) || is_empty(head)
        || head.outline.has_all(&["data/groups/*/rules/*/name", "data/groups/*/rules/*/health"])
        || amtool::is_table(head.bytes)
}

/// Whether Prometheus answered that there is no alert.
fn is_empty(head: &Head<'_>) -> bool {
    head.outline.has_all(&["status", "data/alerts"]) && !head.outline.has("data/alerts/*")
}

/// Reads when alerts started and ended: events `alert-pending`, `alert-started` and `alert-ended`.
///
/// An alert has ended only where the export says so: the `endsAt` of an active alert is the time at which it would
/// end without further notice, mostly in the future.
pub(crate) fn read_alerts(export: &[u8], source: SourceId) -> Telemetry {
    if amtool::is_table(export) {
        return amtool::read_tables(export, source);
    }
    let mut alerts = Telemetry::default();
    let mut count = 0;
    let mut documents = Documents::new(export, source);
    for document in documents.by_ref() {
        let value: Value = match serde_json::from_str(document.text.get()) {
            Ok(value) => value,
            Err(error) => {
                let gap = Gap::new(GapKind::Corrupt, "alerts of the export", error.to_string());
                alerts.gaps.push(gap.at(document.place.cite("")));
                continue;
            }
        };
        let lists = lists(&value);
        if lists.is_empty() {
            let gap = Gap::new(GapKind::Unknown, "alerts of the export", "it holds no list of alerts");
            alerts.gaps.push(gap.at(document.place.cite("")));
        }
        for pointer in lists {
            for (index, alert) in items(&value, &pointer).iter().enumerate() {
                count += 1;
                if count <= MOST_ALERTS {
                    add(&mut alerts, alert, &format!("{pointer}/{index}"), &document.place);
                }
            }
        }
    }
    alerts.gaps.extend(documents.into_gap());
    alerts.exports.push(Export::of(source, ExportFormat::Alerts, count, &alerts.events));
    if count > MOST_ALERTS {
        let what = format!("{} more alerts", count - MOST_ALERTS);
        alerts.gaps.push(Gap::new(GapKind::Limit, what, format!("{MOST_ALERTS} are read of one export")));
    }
    alerts
}

/// Where the lists of alerts stand: one, or one for each rule.
fn lists(document: &Value) -> Vec<String> {
    let groups = items(document, "/data/groups");
    let is_grouped = |group: &Value| group.get("alerts").is_some_and(Value::is_array);
    if let Some(groups) = document.as_array().filter(|groups| groups.iter().any(is_grouped)) {
        return (0..groups.len()).map(|group| format!("/{group}/alerts")).collect();
    }
    if groups.is_empty() {
        let is_list = |pointer: &&str| document.pointer(pointer).is_some_and(Value::is_array);
        let list = ["", "/alerts", "/data/alerts", "/data"].into_iter().find(is_list);
        return list.map(str::to_owned).into_iter().collect();
    }
    let rules = groups.iter().enumerate().flat_map(|(group, value)| {
        (0..items(value, "/rules").len()).map(move |rule| format!("/data/groups/{group}/rules/{rule}/alerts"))
    });
    rules.collect()
}

fn add(alerts: &mut Telemetry, alert: &Value, pointer: &str, place: &Place) {
    let text = |path: &str| alert.pointer(path).and_then(Value::as_str);
    let began = ["startsAt", "activeAt"].into_iter().find_map(|key| Some((key, alert.get(key)?.as_str()?)));
    let (Some(name), Some((key, began))) = (text("/labels/alertname"), began) else {
        let citation = place.cite(pointer);
        alerts.gaps.push(Gap::new(GapKind::Unknown, "an alert", "it has no name or no start").at(citation));
        return;
    };
    let summary = text("/annotations/summary").or_else(|| text("/annotations/description"));
    let message = summary.map_or_else(|| name.to_owned(), |summary| format!("{name}: {summary}"));
    let producer = text("/labels/instance").or_else(|| text("/labels/job"));
    let mut push = |kind: &'static str, severity, key: &str, time: &str| {
        let citation = place.cite(format!("{pointer}/{key}"));
        let Some(time) = rfc3339(time) else {
            let why = format!("{time:?} is not a time");
            alerts.gaps.push(Gap::new(GapKind::Unknown, format!("{key} of alert {name}"), why).at(citation));
            return;
        };
        alerts.events.push(Event {
            at: Some(stated(time)),
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
pub(crate) fn severity(label: Option<&str>) -> Severity {
    match label {
        Some("critical" | "page" | "error") => Severity::Error,
        Some("info" | "none") => Severity::Info,
        _ => Severity::Warning,
    }
}
