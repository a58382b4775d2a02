//! What services report to Sentry, and what people write down.

use crate::summary::check;

#[test]
fn sentry() {
    check(
        include_bytes!("../data/sentry/event.json"),
        "sentry-event",
        &[
            "report environment=prod release=shop@1.4.2 trace_id=420bc1045cbf41e2b19a9f8cf398c6af transaction=settle queue=orders [E1#]",
            "  RuntimeError: settling failed Some(true) <module> sentry_app.py:15",
            "  ValueError: declined Some(true) charge sentry_app.py:11 < <module> sentry_app.py:14",
            "  before: root warning: stock is low",
            "  before: http -: POST https://pay.example/charge 503",
            "2026-11-26T10:02:45.160552Z Stated ±0 error-reported RuntimeError: settling failed (handled)",
        ],
    );
    check(
        include_bytes!("../data/sentry/envelopes.bin"),
        "sentry-envelope",
        &[
            "report environment=prod release=shop@1.4.2 trace_id=420bc1045cbf41e2b19a9f8cf398c6af transaction=settle queue=orders [E1:L3]",
            "  RuntimeError: settling failed Some(true) <module> sentry_app.py:15",
            "  ValueError: declined Some(true) charge sentry_app.py:11 < <module> sentry_app.py:14",
            "  before: root warning: stock is low",
            "  before: http -: POST https://pay.example/charge 503",
            "report environment=prod release=shop@1.4.2 trace_id=8688fbdeecf24fbca9f572faee2ee54f transaction=settle queue=orders [E1:L11]",
            "  : queue is long None ",
            "  before: root warning: stock is low",
            "  before: http -: POST https://pay.example/charge 503",
            "2026-11-26T10:02:45.160552Z Stated ±0 error-reported RuntimeError: settling failed (handled)",
            "2026-11-26T10:02:45.471499Z Stated ±0 error-reported queue is long",
            "gap: 1 of the envelope's items, of type transaction: of envelopes, only events are read",
        ],
    );
}

#[test]
fn incident_files() {
    check(
        include_bytes!("../data/incident/incident.toml"),
        "incident-toml",
        &[
            "shop in prod of team-checkout",
            "impact: checkout failed for about a tenth of the users",
            "2024-05-01T09:55:00Z Stated ±0 change configuration: session cache raised to 2 GiB",
            "- change change: no zone",
            "2024-05-01T11:48:00Z Stated ±0 deploy deploy: shop 1.4.2",
            "gap: the key who: it is not known; known: what [E1:L20]",
            "gap: changes.1: it has no time with a zone, such as 2024-05-01T11:48:00Z or 2024-05-01T13:48:00+02:00 [E1:L17-L20]",
            "gap: an owner: it is the address or handle of a person; name the team that owns the service [E1:L4]",
            "gap: an owner: it is the address or handle of a person; name the team that owns the service [E1:L4]",
            "gap: the key sevrice: it is not known; known: service [E1:L6]",
        ],
    );
    check(
        include_bytes!("../data/incident/incident.yaml"),
        "incident-yaml",
        &[
            "shop in - of team-checkout",
            "2024-05-01T11:48:00Z Stated ±0 deploy deploy: shop 1.4.2",
            "gap: changes: it is no list [E1:L6]",
        ],
    );
}

#[test]
fn nothing_of_users_is_carried() {
    let telemetry = carried(include_bytes!("../data/sentry/envelopes.bin"));
    for private in ["jane@example.com", "203.0.113.9", "4111", "vars"] {
        assert!(!telemetry.contains(private), "{private}");
    }
}

/// All that is read of a file, as JSON.
fn carried(file: &[u8]) -> String {
    let format = pycoroner_telemetry::ExportFormat::sniff(file).unwrap();
    let telemetry = pycoroner_telemetry::read(format, file, pycoroner_findings::SourceId(1));
    serde_json::to_string(&telemetry).unwrap()
}
