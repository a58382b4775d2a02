//! Incidents of PagerDuty and messages of Slack, where they say when people were told.
//!
//! PagerDuty: [webhooks v3](https://developer.pagerduty.com/docs/webhooks-overview) and the answer of
//! [`/incidents`](https://developer.pagerduty.com/api-reference/9d0b4b12e36f9-list-incidents). Slack: one day of a
//! channel in a [workspace export](https://slack.com/help/articles/220556107). Names of persons are left where they are.

use pycoroner_findings::{Event, Gap, GapKind, Severity, SourceId};
use serde_json::Value;

use crate::document::{Export, Telemetry};
use crate::documents::Documents;
use crate::format::ExportFormat;
use crate::head::Head;
use crate::members::{items, text, time};
use crate::place::Place;
use crate::time::{epoch_seconds, stated};

/// Most incidents or messages that are read of one export.
const MOST_RECORDS: usize = 10_000;
/// Longer messages are cut, in characters.
const LONGEST_MESSAGE: usize = 300;

/// Whether a file holds incidents or webhooks of PagerDuty.
pub(crate) fn is_pagerduty(head: &Head<'_>) -> bool {
    let outline = &head.outline;
    outline.has_all(&["event/event_type", "event/occurred_at", "event/data"])
        || outline.has_all(&["incidents/*/incident_number", "incidents/*/created_at"])
        || outline.has_all(&["incident/incident_number", "incident/created_at"])
}

/// Whether a file is a day of a channel of Slack.
pub(crate) fn is_slack(head: &Head<'_>) -> bool {
    head.outline.scalar("*/type") == Some("message") && head.outline.has_all(&["*/ts", "*/text"])
}

/// Reads when incidents were opened, acknowledged and resolved.
pub(crate) fn read_pagerduty(export: &[u8], source: SourceId) -> Telemetry {
    read(export, source, ExportFormat::PagerDuty, |document, place, telemetry| {
        if document.get("event").is_some() {
            webhook(document, place, telemetry);
            return 1;
        }
        if let Some(one) = document.get("incident") {
            incident(one, "/incident", place, telemetry);
            return 1;
        }
        let incidents = items(document, "/incidents");
        for (index, one) in incidents.iter().enumerate().take(MOST_RECORDS) {
            incident(one, &format!("/incidents/{index}"), place, telemetry);
        }
        incidents.len()
    })
}

/// Reads what was written in a channel; who wrote it only where it was a bot.
pub(crate) fn read_slack(export: &[u8], source: SourceId) -> Telemetry {
    read(export, source, ExportFormat::Slack, |document, place, telemetry| {
        let messages = items(document, "");
        for (index, message) in messages.iter().enumerate().take(MOST_RECORDS) {
            let Some(at) = text(message, "/ts").and_then(|ts| epoch_seconds(ts.parse().ok()?)) else {
                continue;
            };
            // Alertmanager leaves the text empty and says all in an attachment.
            let said = ["/text", "/attachments/0/title", "/attachments/0/fallback", "/attachments/0/text"]
                .into_iter()
                .find_map(|key| text(message, key).filter(|text| !text.trim().is_empty()))
                .unwrap_or("(no text)");
            let bot = ["/bot_profile/name", "/username"].into_iter().find_map(|key| text(message, key));
            let is_bot = message.get("bot_id").is_some() || text(message, "/subtype") == Some("bot_message");
            telemetry.events.push(Event {
                at: Some(stated(at)),
                producer: bot.filter(|_| is_bot).map(str::to_owned),
                citation: Some(place.cite(format!("/{index}"))),
                ..Event::new(
                    "chat-message",
                    Severity::Info,
                    said.chars().take(LONGEST_MESSAGE).collect::<String>(),
                )
            });
        }
        messages.len()
    })
}

fn read(
    export: &[u8],
    source: SourceId,
    format: ExportFormat,
    take: impl Fn(&Value, &Place, &mut Telemetry) -> usize,
) -> Telemetry {
    let mut telemetry = Telemetry::default();
    let mut records = 0;
    let mut documents = Documents::new(export, source);
    for document in documents.by_ref() {
        match serde_json::from_str(document.text.get()) {
            Ok(value) => records += take(&value, &document.place, &mut telemetry),
            Err(error) => {
                let gap = Gap::new(GapKind::Corrupt, "a part of the export", error.to_string());
                telemetry.gaps.push(gap.at(document.place.cite("")));
            }
        }
    }
    telemetry.gaps.extend(documents.into_gap());
    if records > MOST_RECORDS {
        let why = format!("{MOST_RECORDS} records are read of one export");
        telemetry.gaps.push(Gap::new(GapKind::Limit, "some records of the export", why));
    }
    telemetry.exports.push(Export::of(source, format, records, &telemetry.events));
    telemetry
}

fn webhook(document: &Value, place: &Place, telemetry: &mut Telemetry) {
    let (kind, severity) = match text(document, "/event/event_type") {
        Some("incident.triggered" | "incident.reopened") => ("alert-started", Severity::Warning),
        Some("incident.acknowledged") => ("alert-acknowledged", Severity::Info),
        Some("incident.resolved") => ("alert-ended", Severity::Info),
        // Notes, priorities and who is asked say nothing of when it began or ended.
        _ => return,
    };
    let (Some(incident), Some(at)) = (document.pointer("/event/data"), time(document, "/event/occurred_at"))
    else {
        let gap = Gap::new(GapKind::Unknown, "a webhook", "it states no valid time");
        telemetry.gaps.push(gap.at(place.cite("/event")));
        return;
    };
    telemetry.events.push(Event {
        at: Some(stated(at)),
        citation: Some(place.cite("/event/occurred_at")),
        ..event_of(incident, kind, severity)
    });
}

fn incident(incident: &Value, pointer: &str, place: &Place, telemetry: &mut Telemetry) {
    let mut push = |key: &str, kind: &'static str, severity| {
        let Some(at) = time(incident, &format!("/{key}")) else { return };
        telemetry.events.push(Event {
            at: Some(stated(at)),
            citation: Some(place.cite(format!("{pointer}/{key}"))),
            ..event_of(incident, kind, severity)
        });
    };
    push("created_at", "alert-started", Severity::Warning);
    for index in 0..items(incident, "/acknowledgements").len() {
        push(&format!("acknowledgements/{index}/at"), "alert-acknowledged", Severity::Info);
    }
    if text(incident, "/status") == Some("resolved") {
        let has_own = incident.get("resolved_at").is_some_and(Value::is_string);
        push(if has_own { "resolved_at" } else { "last_status_change_at" }, "alert-ended", Severity::Info);
    }
}

/// The service and the title; never who was called.
fn event_of(incident: &Value, kind: &'static str, severity: Severity) -> Event {
    let title = text(incident, "/title").or_else(|| text(incident, "/summary")).unwrap_or("an incident");
    let number = ["/incident_number", "/number"].into_iter().find_map(|key| incident.pointer(key)?.as_u64());
    let message = number.map_or_else(|| title.to_owned(), |number| format!("#{number} {title}"));
    let service = text(incident, "/service/summary").map(str::to_owned);
    Event { producer: service, ..Event::new(kind, severity, message) }
}
