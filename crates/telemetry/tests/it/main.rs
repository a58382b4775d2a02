//! Exports as the tools wrote them, and what is read of them.

mod containers;

use pycoroner_findings::{GapKind, SourceId};
use pycoroner_telemetry::{ExportFormat, Telemetry, read};

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
