//! Exports as the tools wrote them, and what is read of them.

mod containers;
mod hostile;
mod lives;
mod metrics;
mod mutated;
mod processes;
mod profilers;
mod reports;
mod skew;
mod summary;
mod tracemalloc;
mod traces;

use pycoroner_findings::{Event, GapKind, SourceId};
use pycoroner_telemetry::{ExportFormat, Telemetry, judge, read};

fn read_alerts(export: &[u8]) -> Telemetry {
    read(ExportFormat::Alerts, export, SourceId(1))
}

/// Checks events as `time kind producer message citation` lines.
#[track_caller]
fn check(export: &[u8], expected: &[&str]) {
    assert_eq!(ExportFormat::sniff(export), Some(ExportFormat::Alerts));
    let alerts = read_alerts(export);
    let lines: Vec<String> = alerts
        .events
        .iter()
        .map(|event| {
            let time = event.at.unwrap().time;
            let producer = event.producer.as_deref().unwrap_or("-");
            format!("{time} {} {producer} {} {}", event.kind, event.message, event.citation.as_ref().unwrap())
        })
        .collect();
    assert_eq!(lines, expected);
    assert_eq!(alerts.gaps, []);
}

#[test]
fn alertmanager_api_active_alert_has_not_ended() {
    check(
        include_bytes!("../data/alertmanager_api_v2.json"),
        &["2026-11-22T11:29:05.189Z alert-started 127.0.0.1:18000 ShopDown: shop is down [E1#/0/startsAt]"],
    );
}

#[test]
fn alertmanager_webhook_says_what_is_resolved() {
    check(
        include_bytes!("../data/alertmanager_webhook.json"),
        &[
            "2026-11-22T11:28:05.189Z alert-started 127.0.0.1:18000 ShopDown: shop is down [E1#/alerts/0/startsAt]",
            "2026-11-22T11:28:15.189Z alert-ended 127.0.0.1:18000 ShopDown: shop is down [E1#/alerts/0/endsAt]",
        ],
    );
}

#[test]
fn prometheus_rules() {
    check(
        include_bytes!("../data/prometheus_alerts.json"),
        &[
            "2026-11-22T11:29:05.189083750Z alert-started 127.0.0.1:18000 ShopDown: shop is down [E1#/data/alerts/0/activeAt]",
        ],
    );
}

/// As Prometheus 2.42 and Alertmanager 0.25 wrote them.
#[test]
fn one_alert_in_all_its_forms() {
    let started = |pointer: &str| {
        format!(
            "2026-11-26T13:16:15.189Z alert-started 127.0.0.1:18400 ShopDown: 127.0.0.1:18400 does not answer [E1#{pointer}]"
        )
    };
    let expect = |export: &[u8], lines: &[&str]| check(export, lines);
    expect(include_bytes!("../data/alertmanager/amtool_query.json"), &[&started("/0/startsAt")]);
    expect(include_bytes!("../data/alertmanager/api_v2_groups.json"), &[&started("/0/alerts/0/startsAt")]);
    expect(
        include_bytes!("../data/alertmanager/webhook_resolved.json"),
        &[
            &started("/alerts/0/startsAt"),
            "2026-11-26T13:16:33.189Z alert-ended 127.0.0.1:18400 ShopDown: 127.0.0.1:18400 does not answer [E1#/alerts/0/endsAt]",
        ],
    );
    expect(include_bytes!("../data/alertmanager/prometheus_none.json"), &[]);
}

/// As amtool 0.25 printed them: the same alert, to the second.
#[test]
fn tables_of_amtool() {
    check(
        include_bytes!("../data/alertmanager/amtool_query.txt"),
        &["2026-11-26T13:16:15Z alert-started - ShopDown: 127.0.0.1:18400 does not answer [E1:L2]"],
    );
    check(
        include_bytes!("../data/alertmanager/amtool_query_extended.txt"),
        &[
            "2026-11-26T13:16:15Z alert-started 127.0.0.1:18400 ShopDown: 127.0.0.1:18400 does not answer [E1:L2]",
        ],
    );
    check(b"\n$ amtool alert\r\nAlertname  Starts At  Summary  State  \r\n", &[]);
    check(
        b"Alertname  Starts At  Summary  State\nA b  2026-11-22T13:20:05.5+02:00  x  suppressed\nC  2026-11-22 11:20:05 CET  cut",
        &[
            "2026-11-22T11:20:05.500Z alert-started - A b: x [E1:L2]",
            "2026-11-22T11:20:05Z alert-started - C: cut [E1:L3]",
        ],
    );
}

/// Values have quotes and line breaks as they are, and one alert has no name.
#[test]
fn rows_of_amtool() {
    let check = |export: &[u8], expected: &[&str]| {
        let alerts = read_alerts(export);
        let row = |event: &Event| {
            let (at, producer) = (event.at.unwrap(), event.producer.as_deref().unwrap_or("-"));
            let (message, citation) = (&event.message, event.citation.as_ref().unwrap());
            format!(
                "{} ±{} {:?} {producer} {message:?} {citation}",
                at.time, at.uncertainty_ms, event.severity
            )
        };
        assert_eq!(alerts.events.iter().map(row).collect::<Vec<_>>(), expected);
        assert_eq!(alerts.exports[0].records, 5);
        let gaps: Vec<_> = alerts.gaps.iter().map(|gap| gap.citation.as_ref().unwrap().to_string()).collect();
        assert_eq!(gaps, ["[E1:L2]"]);
    };
    check(
        include_bytes!("../data/alertmanager/amtool_rows.txt"),
        &[
            "2026-11-22T11:20:05Z ±1000 Warning - \"NoSummary\" [E1:L3]",
            "2026-11-22T11:20:05Z ±1000 Warning - \"HighMemory: Memory rises, fast  and\\n\\nfor long, für alle\" [E1:L4-L6]",
            "2026-11-22T11:21:00Z ±1000 Warning - \"Quoted: say \\\"hi\\\"\\n and = more\" [E1:L7-L8]",
            "2026-11-26T13:16:15Z ±1000 Warning - \"ShopDown: 127.0.0.1:18400 does not answer\" [E1:L9]",
        ],
    );
    check(
        include_bytes!("../data/alertmanager/amtool_rows_extended.txt"),
        &[
            "2026-11-22T11:20:05Z ±1000 Info - \"NoSummary\" [E1:L3]",
            "2026-11-22T11:20:05Z ±1000 Warning shop-1:8000 \"HighMemory: Memory rises, fast  and\\n\\nfor long, für alle\" [E1:L4-L6]",
            "2026-11-22T11:21:00Z ±1000 Warning - \"Quoted: say \\\"hi\\\"\\n and = more\" [E1:L7-L8]",
            "2026-11-26T13:16:15Z ±1000 Error 127.0.0.1:18400 \"ShopDown: 127.0.0.1:18400 does not answer\" [E1:L9]",
        ],
    );
}

#[test]
fn tables_and_json_of_one_alert_are_one_finding() {
    let check = |exports: &[&[u8]], at: &str| {
        let mut telemetry = Telemetry::default();
        for export in exports {
            telemetry.extend(read_alerts(export));
        }
        let telemetry = judge(telemetry, &[], None);
        let fired: Vec<_> = telemetry.findings.iter().map(|finding| finding.title.as_str()).collect();
        assert_eq!(fired, [format!("Alert ShopDown: 127.0.0.1:18400 does not answer fired at {at}")]);
        assert_eq!(telemetry.findings[0].evidence[0].citations.len(), exports.len());
    };
    let simple = include_bytes!("../data/alertmanager/amtool_query.txt");
    let extended = include_bytes!("../data/alertmanager/amtool_query_extended.txt");
    let json = include_bytes!("../data/alertmanager/amtool_query.json");
    check(&[simple, extended], "2026-11-26T13:16:15Z");
    check(&[simple, extended, json], "2026-11-26T13:16:15.189Z");
}

#[test]
fn other_json_is_no_export_of_alerts() {
    for other in
        [&b""[..], b"{}", b"[1]", b"alertname startsAt labels", b"\xff\xfe", br#"{"data": {"result": []}}"#]
    {
        assert_eq!(ExportFormat::sniff(other), None);
    }
}

#[test]
fn what_is_broken_is_a_gap() {
    let check = |export: &str, kind: GapKind| {
        let alerts = read_alerts(export.as_bytes());
        assert_eq!(alerts.events, [], "{export}");
        assert_eq!(alerts.gaps.iter().map(|gap| gap.kind).collect::<Vec<_>>(), [kind], "{export}");
    };
    check("[{\"labels\"", GapKind::Corrupt);
    check(&"[".repeat(100_000), GapKind::Corrupt);
    check(&format!("{}{}", "[".repeat(1000), "]".repeat(1000)), GapKind::Corrupt);
    check("{}", GapKind::Unknown);
    check("[7]", GapKind::Unknown);
    check(r#"[{"labels": {"alertname": "A"}}]"#, GapKind::Unknown);
    check(r#"[{"labels": {"alertname": "A"}, "startsAt": "soon"}]"#, GapKind::Unknown);
}

/// `time kind producer message citation` of each event.
#[track_caller]
fn check_events(export: &str, format: ExportFormat, expected: &[&str]) {
    assert_eq!(ExportFormat::sniff(export.as_bytes()), Some(format));
    let telemetry = read(format, export.as_bytes(), SourceId(1));
    let lines: Vec<String> = telemetry
        .events
        .iter()
        .map(|event| {
            let (time, producer) = (event.at.unwrap().time, event.producer.as_deref().unwrap_or("-"));
            format!("{time} {} {producer} {} {}", event.kind, event.message, event.citation.as_ref().unwrap())
        })
        .collect();
    assert_eq!(lines, expected);
    assert_eq!(telemetry.gaps, []);
}

#[test]
fn incidents_of_pagerduty() {
    check_events(
        r#"{"event": {"id": "01", "event_type": "incident.triggered", "occurred_at": "2026-11-22T11:29:06Z",
            "data": {"id": "Q1", "type": "incident", "number": 2, "title": "shop is down", "service": {"summary": "shop"},
                "assignees": [{"summary": "A. Person"}]}}}
{"event": {"event_type": "incident.annotated", "occurred_at": "2026-11-22T11:30:00Z", "data": {}}}
{"event": {"event_type": "incident.resolved", "occurred_at": "2026-11-22T11:40:00Z", "data": {"number": 2, "title": "shop is down"}}}"#,
        ExportFormat::PagerDuty,
        &[
            "2026-11-22T11:29:06Z alert-started shop #2 shop is down [E1:L1-L3]",
            "2026-11-22T11:40:00Z alert-ended - #2 shop is down [E1:L5]",
        ],
    );
    check_events(
        r#"{"incidents": [{"incident_number": 2, "title": "shop is down", "created_at": "2026-11-22T11:29:06Z", "status": "resolved",
            "service": {"summary": "shop"}, "acknowledgements": [{"at": "2026-11-22T11:31:00Z", "acknowledger": {"summary": "A. Person"}}],
            "last_status_change_at": "2026-11-22T11:40:00Z"}]}"#,
        ExportFormat::PagerDuty,
        &[
            "2026-11-22T11:29:06Z alert-started shop #2 shop is down [E1#/incidents/0/created_at]",
            "2026-11-22T11:31:00Z alert-acknowledged shop #2 shop is down [E1#/incidents/0/acknowledgements/0/at]",
            "2026-11-22T11:40:00Z alert-ended shop #2 shop is down [E1#/incidents/0/last_status_change_at]",
        ],
    );
}

#[test]
fn messages_of_slack_name_no_person() {
    check_events(
        r#"[{"type": "message", "subtype": "bot_message", "bot_id": "B1", "username": "alertmanager", "text": "[FIRING] ShopDown", "ts": "1795346946.000200"},
            {"type": "message", "user": "U1", "user_profile": {"real_name": "A. Person"}, "text": "looking", "ts": "1795346960.5"},
            {"type": "message", "subtype": "bot_message", "bot_id": "B1", "username": "alertmanager", "text": "", "ts": "1795347000.0",
                "attachments": [{"color": "2eb886", "fallback": "[RESOLVED] ShopDown | http://alerts.example", "title": "[RESOLVED] ShopDown"}]}]"#,
        ExportFormat::Slack,
        &[
            "2026-11-22T11:29:06.000200Z chat-message alertmanager [FIRING] ShopDown [E1#/0]",
            "2026-11-22T11:29:20.500Z chat-message - looking [E1#/1]",
            "2026-11-22T11:30:00Z chat-message alertmanager [RESOLVED] ShopDown [E1#/2]",
        ],
    );
}
