//! Of which processes samples are, and what of them reaches up to a death.

use pycoroner_findings::{SourceId, TimeBasis, Timestamp, UtcTime};
use pycoroner_telemetry::{ExportFormat, Telemetry, judge, read};

use crate::metrics::range;

/// An address space that met a limit: it stands still while more and more of it is used.
#[test]
fn address_space_that_stands_still() {
    let check = |space: &[u32], used: &[u32], expected: &[&str]| {
        let samples = |values: &[u32]| -> Vec<(i64, f64)> {
            (0..).zip(values).map(|(at, value)| (at * 15, f64::from(*value) * 1_048_576.0)).collect()
        };
        let mut telemetry = Telemetry::default();
        for (name, values) in
            [("process_virtual_memory_bytes", space), ("process_resident_memory_bytes", used)]
        {
            let export = range(name, "", &samples(values));
            telemetry.extend(read(ExportFormat::PrometheusQuery, export.as_bytes(), SourceId(1)));
        }
        let judged = judge(telemetry, &[], None);
        let found: Vec<&str> = judged
            .findings
            .iter()
            .filter(|finding| finding.id == "address-space-level")
            .map(|finding| finding.title.as_str())
            .collect();
        assert_eq!(found, expected, "{space:?} {used:?}");
    };
    let title = "The address space of a:1 shop stood still at 240.0 MiB while resident memory rose from 90.0 MiB to 160.0 MiB";
    let used = [40, 60, 90, 110, 140, 160];
    check(&[170, 200, 240, 240, 240, 240], &used, &[title]);
    // It was so large from the start, it still grew, too few samples show it, or nothing was used of it.
    check(&[240; 6], &used, &[]);
    check(&[170, 200, 210, 220, 230, 240], &used, &[]);
    check(&[170, 200, 220, 240, 240, 240], &used, &[]);
    check(&[170, 200, 240, 240, 240, 240], &[40, 60, 90, 90, 91, 91], &[]);
}

/// Which samples are of another process than the ones before, and of which no process can be told.
#[test]
fn series_say_whose_samples_they_are() {
    let check = |starts: &[(i64, f64)], restarts: &[i64], takes_turns: bool| {
        let mut telemetry = Telemetry::default();
        let used: Vec<(i64, f64)> = starts.iter().map(|(at, _)| (*at, 5.0)).collect();
        for (name, samples) in [("process_start_time_seconds", starts), ("process_open_fds", &used)] {
            let export = range(name, "", samples);
            telemetry.extend(read(ExportFormat::PrometheusQuery, export.as_bytes(), SourceId(1)));
        }
        let judged = judge(telemetry, &[], None);
        let expected: Vec<UtcTime> = restarts.iter().map(|at| UtcTime(at * 1_000_000_000)).collect();
        for series in &judged.series {
            assert_eq!((&series.restarts, series.takes_turns), (&expected, takes_turns), "{starts:?}");
        }
    };
    check(&[(100, 50.0), (115, 50.0), (130, 50.0)], &[], false);
    check(&[(100, 50.0), (115, 108.0), (130, 108.0), (145, 140.0)], &[115, 145], false);
    check(&[(100, 50.0), (115, 60.0), (130, 50.0), (145, 60.0)], &[], true);
}

/// Workers that share a port answer in turn: a rise is told with that, and what came after the death is no part of it.
#[test]
fn memory_of_several_processes() {
    let mib = |value: f64| value * 1_048_576.0;
    let at = |index: i64| index * 15;
    let used: Vec<(i64, f64)> =
        (0..10).map(|index| (at(index), mib(100.0 + 20.0 * index.min(5) as f64))).collect();
    let starts: Vec<(i64, f64)> = (0..10).map(|index| (at(index), 5.0 + 7.0 * (index % 2) as f64)).collect();
    let mut telemetry = Telemetry::default();
    for (name, samples) in [("process_resident_memory_bytes", &used), ("process_start_time_seconds", &starts)]
    {
        telemetry.extend(read(
            ExportFormat::PrometheusQuery,
            range(name, "", samples).as_bytes(),
            SourceId(1),
        ));
    }
    let died_at = Timestamp { time: UtcTime(80_000_000_000), basis: TimeBasis::Stated, uncertainty_ms: 0 };
    let judged = judge(telemetry, &[], Some(died_at));
    let found: Vec<String> = judged
        .findings
        .iter()
        .map(|one| format!("{} {:?} {}: {}", one.id, one.confidence, one.against.len(), one.title))
        .collect();
    let title = "Resident memory of a:1 shop rose from 100.0 MiB to 200.0 MiB in 75 s, up to the end";
    assert_eq!(found, [format!("memory-rising Weak 1: {title}")]);
}

#[test]
fn many_restarts_are_one_finding() {
    let check = |restarts: u32, expected: &[&str]| {
        let starts: Vec<(i64, f64)> =
            (0..=restarts).map(|at| (i64::from(at) * 15, f64::from(at) * 15.0 - 5.0)).collect();
        let telemetry = read(
            ExportFormat::PrometheusQuery,
            range("process_start_time_seconds", "", &starts).as_bytes(),
            SourceId(1),
        );
        let judged = judge(telemetry, &[], None);
        let titles: Vec<&str> = judged.findings.iter().map(|finding| finding.title.as_str()).collect();
        assert_eq!(titles, expected);
        assert_eq!(
            judged.events.iter().filter(|event| event.kind == "restart-seen").count(),
            restarts as usize
        );
    };
    check(1, &["Another process answers as a:1 shop: it started at 1970-01-01T00:00:10Z ± 1 s"]);
    let title = "9 other processes answered as a:1 shop, one after the other, from 1970-01-01T00:00:10Z to 1970-01-01T00:02:10Z";
    check(9, &[title]);
}

/// An alert's own samples end, and those of another answer go on.
#[test]
fn the_end_of_an_alert_in_samples_of_others() {
    let alert = r#", "alertname": "ShopDown", "alertstate": "firing""#;
    let check = |last_of_others: i64, expected: &[i64]| {
        let firing: Vec<(i64, f64)> = (2..=8).map(|at| (at * 5, 1.0)).collect();
        let up: Vec<(i64, f64)> = (0..=last_of_others / 5).map(|at| (at * 5, 1.0)).collect();
        let mut telemetry = Telemetry::default();
        for (name, labels, samples) in [("ALERTS", alert, &firing), ("up", "", &up)] {
            telemetry.extend(read(
                ExportFormat::PrometheusQuery,
                range(name, labels, samples).as_bytes(),
                SourceId(1),
            ));
        }
        let judged = judge(telemetry, &[], None);
        let ended = judged.events.iter().filter(|event| event.kind == "alert-ended");
        let times: Vec<i64> = ended.map(|event| event.at.unwrap().time.0 / 1_000_000_000).collect();
        assert_eq!(times, expected, "{last_of_others}");
    };
    check(100, &[40]);
    check(45, &[]);
}
