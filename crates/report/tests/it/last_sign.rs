//! The time of death is bounded below by the process's own last sign of life.

use pycoroner_findings::{Event, Severity, TimeBasis, Timestamp, UtcTime};
use pycoroner_report::{Incident, Material, render_markdown};
use serde_json::{Value, json};

use crate::material::{at, incident};

/// The death is stated to be at `at(0)`, to a second.
fn died(record: &Value, telemetry: Value, basis: TimeBasis) -> Incident {
    let died_at = Timestamp { basis, uncertainty_ms: 1000, ..at(0) };
    let core = json!({"schema": "pycoroner.core/1", "process": {"pid": 7}, "crash": {"signal": 11, "signal_name": "SIGSEGV"}});
    let logs = json!({"schema": "pycoroner.logs/1", "sources": [{"id": 2, "path": "app.log"}],
        "process": {"pid": 7, "log_pid": 7, "joined_by": ["pid"], "last_records": [record]}});
    let boot =
        Event { at: Some(at(100)), pid: Some(7), ..Event::new("worker-boot", Severity::Info, "Booting") };
    let died = Event {
        at: Some(died_at),
        pid: Some(7),
        ..Event::new("process-died", Severity::Critical, "it died")
    };
    let documents = vec![core, logs, telemetry];
    incident(Material { documents, events: vec![boot, died], died_at: Some(died_at), ..Material::default() })
}

/// A record so many milliseconds behind the stated death.
fn record(millis: i64, basis: &str) -> Value {
    let time = UtcTime(at(0).time.0 + millis * 1_000_000);
    json!({"time": time, "time_basis": basis, "time_uncertainty_ms": 0, "message": "still here", "source": 0, "line": 3,
        "offset": 200, "bytes": 80})
}

#[test]
fn own_records_narrow_the_time_of_death() {
    // From the stated death to the narrowed one, and its uncertainty, in milliseconds.
    let check = |record: &Value, basis: TimeBasis, expected: Option<(i64, u64)>| {
        let incident = died(record, json!({"schema": "pycoroner.telemetry/1"}), basis);
        let found = incident.last_sign.as_ref().map(|_| {
            let died = incident.died_at.unwrap();
            assert!(
                incident.timeline.iter().any(|event| event.kind == "process-died" && event.at == Some(died))
            );
            (died.time.millis_since(at(0).time), died.uncertainty_ms)
        });
        assert_eq!(found, expected);
    };
    check(&record(300, "stated"), TimeBasis::Stated, Some((650, 351)));
    check(&record(-400, "stated"), TimeBasis::Stated, Some((300, 701)));
    // Before the interval it says nothing, and behind it one of the two clocks is wrong.
    check(&record(-1000, "stated"), TimeBasis::Stated, None);
    check(&record(-9000, "stated"), TimeBasis::Stated, None);
    check(&record(1500, "stated"), TimeBasis::Stated, None);
    // A zone that was assumed for one of them and not for the other.
    check(&record(300, "assumed-zone"), TimeBasis::Stated, None);
    check(&record(300, "assumed-zone"), TimeBasis::AssumedZone, Some((650, 351)));
    // The last record of all logs is no bound on the other side.
    check(&record(300, "stated"), TimeBasis::InferredNeighbour, None);
}

#[test]
fn the_first_screen_cites_what_narrowed_it() {
    let incident =
        died(&record(300, "stated"), json!({"schema": "pycoroner.telemetry/1"}), TimeBasis::Stated);
    let report = render_markdown(&incident);
    let when = report.lines().find(|line| line.starts_with("| **When**")).unwrap();
    assert!(when.contains("after its last log record at 2024-05-01 12:00:03.300 `[E2:L3]`"), "{when}");
}

/// Points of a range query repeat the last sample: only a change shows that the process still answered.
#[test]
fn metrics_that_repeat_show_no_life() {
    let check = |values: [f64; 4], expected: Option<i64>| {
        let seconds = [3, 2, 1, 0];
        let points = |values: [f64; 4]| -> Vec<Value> {
            let time = |second: i64| UtcTime(at(second).time.0 + 500_000_000);
            seconds.iter().zip(values).map(|(second, value)| json!([time(*second), value])).collect()
        };
        let start = at(100).time.0 as f64 / 1e9;
        let cited = |number: u32| json!({"source": 3, "span": {"kind": "pointer", "pointer": format!("/data/result/{number}/values")}});
        let telemetry = json!({"schema": "pycoroner.telemetry/1", "series": [
            {"name": "process_start_time_seconds", "points": points([start; 4]), "citation": cited(0)},
            {"name": "process_cpu_seconds_total", "is_counter": true, "points": points(values), "citation": cited(1)},
        ]});
        let incident = died(&record(-9000, "stated"), telemetry, TimeBasis::Stated);
        let found = incident.last_sign.map(|sign| sign.time.millis_since(at(0).time));
        assert_eq!(found, expected, "{values:?}");
    };
    check([1.0, 2.0, 3.0, 4.0], Some(-500));
    check([1.0, 2.0, 3.0, 3.0], None);
    check([1.0, 1.0, 1.0, 1.0], None);
}
