use pycoroner_findings::{SourceId, UtcTime};
use pycoroner_telemetry::{ExportFormat, LoggedRequest, Telemetry, judge, read};

const OTLP: &[u8] = include_bytes!("../data/traces/otlp.jsonl");

/// The samples of OTLP as E1, and another export as E2, moved by so many milliseconds.
fn both(format: ExportFormat, other: &[u8], millis: i64) -> Telemetry {
    let mut telemetry = read(ExportFormat::Otlp, OTLP, SourceId(1));
    let mut moved = read(format, other, SourceId(2));
    moved.shift(millis * 1_000_000);
    telemetry.extend(moved);
    telemetry
}

fn lines(telemetry: &Telemetry) -> Vec<String> {
    let skews = telemetry.skews.iter().map(|skew| {
        format!(
            "{} {} {}+-{} {} {}",
            skew.source, skew.against, skew.offset_ms, skew.spread_ms, skew.pairs, skew.by
        )
    });
    skews
        .chain(telemetry.findings.iter().filter(|one| one.id == "clock-skew").map(|one| one.title.clone()))
        .collect()
}

#[test]
fn the_same_spans_in_two_exports() {
    let zipkin = include_bytes!("../data/traces/zipkin.jsonl");
    let check = |millis: i64, expected: &[&str]| {
        assert_eq!(
            lines(&judge(both(ExportFormat::Zipkin, zipkin, millis), &[], None)),
            expected,
            "{millis}"
        );
    };
    check(0, &["E2 E1 0+-1 4 spans"]);
    check(2000, &["E2 E1 2000+-1 4 spans", "Times of E2 are 2.000 s ahead of those of E1"]);
    check(-90_000, &["E2 E1 -90000+-1 4 spans", "Times of E2 are 90.000 s behind those of E1"]);
}

#[test]
fn the_same_end_of_a_container() {
    let mut telemetry =
        read(ExportFormat::DockerInspect, include_bytes!("../data/docker/inspect_oom.json"), SourceId(1));
    let pod = include_bytes!("../data/kubernetes/pod_oomkilled_137.yaml");
    telemetry.extend(read(ExportFormat::KubernetesObjects, pod, SourceId(2)));
    assert_eq!(
        lines(&judge(telemetry, &[], None)),
        ["E2 E1 -500+-0 1 ends of containers", "Times of E2 are 0.500 s behind those of E1"]
    );
}

#[test]
fn log_records_lie_within_their_traces() {
    let record = |trace: &str, millis: i64| LoggedRequest {
        source: SourceId(3),
        time: UtcTime((1_795_346_893_000 + millis) * 1_000_000),
        trace_id: trace.to_owned(),
    };
    let check = |logged: &[LoggedRequest], expected: &[&str]| {
        let telemetry = judge(read(ExportFormat::Otlp, OTLP, SourceId(1)), logged, None);
        assert_eq!(lines(&telemetry), expected, "{logged:?}");
    };
    let (first, second) = ("1A08c187caf039e4d38d63afe861ccfd", "0xc787887dd52dd7033e7b4b60a241090c");
    // The traces run from 130 to 237 and from 457 to 568.
    check(&[record(first, 214)], &["E3 E1 29+-54 1 log records within their traces"]);
    check(&[record(first, 214), record(second, 561)], &["E3 E1 37+-46 2 log records within their traces"]);
    check(
        &[record(first, 5214), record(second, 5561)],
        &["E3 E1 5037+-46 2 log records within their traces", "Times of E3 are 5.037 s ahead of those of E1"],
    );
    check(&[record("another", 214)], &[]);
}
