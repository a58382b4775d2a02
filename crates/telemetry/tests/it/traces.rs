use pycoroner_findings::SourceId;
use pycoroner_telemetry::{ExportFormat, Telemetry, judge, read};

fn read_as(export: &[u8], format: ExportFormat) -> Telemetry {
    assert_eq!(ExportFormat::sniff(export), Some(format));
    read(format, export, SourceId(4))
}

/// `start +milliseconds name trace/span<parent service error citation` of each span.
#[track_caller]
fn check(export: &[u8], format: ExportFormat, expected: &[&str]) -> Telemetry {
    let telemetry = read_as(export, format);
    let lines: Vec<String> = telemetry
        .spans
        .iter()
        .map(|span| {
            let lasted =
                span.end.map_or("no end".to_owned(), |end| format!("+{}", end.millis_since(span.start)));
            let parent = span.parent_id.as_deref().unwrap_or("-");
            let missing = if span.parent_missing { "?" } else { "" };
            let error = if span.failed { span.error.as_deref().unwrap_or("failed") } else { "ok" };
            format!(
                "{} {lasted} {} {}/{}<{parent}{missing} {} {error} {}",
                span.start,
                span.name,
                span.trace_id,
                span.span_id,
                span.service.as_deref().unwrap_or("-"),
                span.citation
            )
        })
        .collect();
    assert_eq!(lines, expected);
    telemetry
}

const SERVER: &str = "2026-11-22T11:28:13.130938624Z +106 GET /order 1a08c187caf039e4d38d63afe861ccfd/6adf6a0ba4b1e7f5<- shop ok";
const CHARGE: &str = "2026-11-22T11:28:13.148120251Z +24 charge 1a08c187caf039e4d38d63afe861ccfd/ea30bd9720486520<6adf6a0ba4b1e7f5 shop ValueError: card declined for order 0";

#[test]
fn otlp_lines() {
    let telemetry = check(
        include_bytes!("../data/traces/otlp.jsonl"),
        ExportFormat::Otlp,
        &[
            &format!("{SERVER} [E4:L2]"),
            &format!("{CHARGE} [E4:L1]"),
            "2026-11-22T11:28:13.457795237Z +110 GET /order c787887dd52dd7033e7b4b60a241090c/f093289ca54181c8<- shop ok [E4:L4]",
            "2026-11-22T11:28:13.516279506Z +0 charge c787887dd52dd7033e7b4b60a241090c/962959cc3e91f9f5<f093289ca54181c8 shop ok [E4:L3]",
        ],
    );
    assert_eq!(telemetry.gaps, []);
}

#[test]
fn console_of_the_python_sdk() {
    check(
        include_bytes!("../data/traces/console.txt"),
        ExportFormat::OtelConsole,
        &[
            "2026-11-22T11:28:13.130939Z +106 GET /order 1a08c187caf039e4d38d63afe861ccfd/6adf6a0ba4b1e7f5<- shop ok [E4:L43-L86]",
            "2026-11-22T11:28:13.148120Z +24 charge 1a08c187caf039e4d38d63afe861ccfd/ea30bd9720486520<6adf6a0ba4b1e7f5 shop ValueError: card declined for order 0 [E4:L1-L42]",
            // The file was cut behind it: the span around it is not in it.
            "2026-11-22T11:28:13.516279Z +0 charge c787887dd52dd7033e7b4b60a241090c/962959cc3e91f9f5<f093289ca54181c8? shop ok [E4:L87-L116]",
        ],
    );
}

#[test]
fn jaeger() {
    check(
        include_bytes!("../data/traces/jaeger_api.json"),
        ExportFormat::Jaeger,
        &[
            "2026-11-22T11:28:13.130938Z +106 GET /order 1a08c187caf039e4d38d63afe861ccfd/6adf6a0ba4b1e7f5<- shop ok [E4#/data/0/spans/1]",
            "2026-11-22T11:28:13.148120Z +24 charge 1a08c187caf039e4d38d63afe861ccfd/ea30bd9720486520<6adf6a0ba4b1e7f5 shop ValueError: card declined for order 0 [E4#/data/0/spans/0]",
        ],
    );
    // One id may stand twice, and a parent may be another trace's.
    check(
        include_bytes!("../data/traces/jaeger_ui.json"),
        ExportFormat::Jaeger,
        &[
            "2017-01-26T21:46:31.639875Z +0 test-general-conversion 0000000000000001/0000000000000002<- service-x ok [E4#/spans/0]",
            "2017-01-26T21:46:31.639875Z +0 some-operation 0000000000000001/0000000000000002<- service-x failed [E4#/spans/1]",
            "2017-01-26T21:46:31.639875Z +0 some-operation 0000000000000001/0000000000000003<0000000000000002 service-y ok [E4#/spans/2]",
            "2017-01-26T21:46:31.639875Z +0 reference-test 0000000000000001/0000000000000004<0000000000000002 service-y ok [E4#/spans/3]",
            "2017-01-26T21:46:31.639875Z +0 preserveParentID-test 0000000000000001/0000000000000005<0000000000000004 service-y ok [E4#/spans/4]",
        ],
    );
}

#[test]
fn zipkin() {
    check(
        include_bytes!("../data/traces/zipkin.jsonl"),
        ExportFormat::Zipkin,
        &[
            "2026-11-22T11:28:13.130939Z +106 GET /order 1a08c187caf039e4d38d63afe861ccfd/6adf6a0ba4b1e7f5<- shop ok [E4:L2]",
            "2026-11-22T11:28:13.148120Z +24 charge 1a08c187caf039e4d38d63afe861ccfd/ea30bd9720486520<6adf6a0ba4b1e7f5 shop ValueError: card declined for order 0 [E4:L1]",
            "2026-11-22T11:28:13.457795Z +110 GET /order c787887dd52dd7033e7b4b60a241090c/f093289ca54181c8<- shop ok [E4:L4]",
            "2026-11-22T11:28:13.516280Z +0 charge c787887dd52dd7033e7b4b60a241090c/962959cc3e91f9f5<f093289ca54181c8 shop ok [E4:L3]",
        ],
    );
}

/// A request with the given spans, each `id parent flags end`.
fn otlp(spans: &[(&str, &str, u64, &str)]) -> String {
    let spans: Vec<String> = spans
        .iter()
        .map(|(id, parent, flags, end)| {
            format!(
                r#"{{"traceId": "1a08c187caf039e4d38d63afe861ccfd", "spanId": "{id}", "parentSpanId": "{parent}",
                    "flags": {flags}, "name": "work", "startTimeUnixNano": "1795346893148120251", "endTimeUnixNano": "{end}"}}"#
            )
        })
        .collect();
    format!(r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{}]}}]}}]}}"#, spans.join(","))
}

#[test]
fn a_request_without_an_end_is_not_said_to_have_never_ended() {
    let end = "1795346893172393053";
    let check = |spans: &[(&str, &str, u64, &str)], expected: &[&str]| {
        let telemetry = judge(read_as(otlp(spans).as_bytes(), ExportFormat::Otlp), &[], None);
        let found = telemetry.findings.iter().flat_map(|finding| &finding.evidence);
        let statements: Vec<&str> = found.map(|evidence| evidence.statement.as_str()).collect();
        assert_eq!(statements, expected, "{spans:?}");
        for finding in &telemetry.findings {
            assert!(!finding.against.is_empty() && finding.refuted_if.is_some(), "{finding:?}");
            assert!(!finding.title.contains("never"), "{finding:?}");
        }
    };
    check(&[("0b", "0a", 256, end), ("0a", "", 256, end)], &[]);
    check(
        &[("0b", "0a", 256, end)],
        &[
            "`work` of trace 1a08c187caf039e4d38d63afe861ccfd ended at 2026-11-22T11:28:13.172393053Z; the span 000000000000000a around it was not exported",
        ],
    );
    // The parent ran elsewhere: its spans go to another export.
    check(&[("0b", "0a", 768, end)], &[]);
    check(
        &[("0b", "", 256, "0")],
        &[
            "`work` of trace 1a08c187caf039e4d38d63afe861ccfd began at 2026-11-22T11:28:13.148120251Z; no end of it was exported",
        ],
    );
}

#[test]
fn metrics_of_otlp_are_series() {
    let export = br#"{"resourceMetrics": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeMetrics": [{"metrics": [
            {"name": "process.memory.usage", "gauge": {"dataPoints": [{"timeUnixNano": "1795346893000000000", "asInt": "77164544"}]}},
            {"name": "requests", "sum": {"isMonotonic": true, "aggregationTemporality": 2, "dataPoints": [
                {"timeUnixNano": "1795346893000000000", "asDouble": 4, "attributes": [{"key": "code", "value": {"intValue": "500"}}]}]}},
            {"name": "seconds", "histogram": {"dataPoints": [{"timeUnixNano": "1795346893000000000", "count": "3", "sum": 0.5}]}},
            {"name": "nothing"}]}]}]}
{"resourceMetrics": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeMetrics": [{"metrics": [
            {"name": "process.memory.usage", "gauge": {"dataPoints": [{"timeUnixNano": "1795346898000000000", "asInt": "77164545"}]}}]}]}]}"#;
    let telemetry = read_as(export, ExportFormat::Otlp);
    let lines: Vec<String> = telemetry
        .series
        .iter()
        .map(|series| {
            let labels: Vec<&str> = series.labels.iter().map(|label| label.value.as_str()).collect();
            format!(
                "{} {labels:?} {} {:?}",
                series.name,
                series.is_counter,
                series.points.iter().map(|point| point.1).collect::<Vec<_>>()
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "process.memory.usage [\"shop\"] false [77164544.0, 77164545.0]",
            "requests [\"500\", \"shop\"] true [4.0]",
            "seconds_count [\"shop\"] false [3.0]",
            "seconds_sum [\"shop\"] false [0.5]",
        ]
    );
    assert_eq!(telemetry.gaps.len(), 1);
}

/// Of a service that was killed while its fourth request ran, with the exporter that writes each span when it ends.
#[test]
fn a_killed_service_leaves_spans_without_the_one_around_them() {
    let check = |export: &[u8], format: ExportFormat, expected: &[&str]| {
        let telemetry = judge(read_as(export, format), &[], None);
        let found: Vec<String> = telemetry
            .findings
            .iter()
            .flat_map(|finding| {
                let evidence = finding.evidence.iter().map(|evidence| format!("  {}", evidence.statement));
                std::iter::once(format!("{}: {}", finding.id, finding.title)).chain(evidence)
            })
            .collect();
        assert_eq!(found, expected);
    };
    check(
        include_bytes!("../data/traces/otlp_crash.jsonl"),
        ExportFormat::Otlp,
        &[
            "span-without-end: No end was exported of spans of 1 request, the last of them at 2026-11-26T10:11:36.196116149Z",
            "  `charge` of trace 1ae65327102dff045549eba7f34c88f6 ended at 2026-11-26T10:11:36.196116149Z; the span 16c64a762cfad704 around it was not exported",
        ],
    );
    check(
        include_bytes!("../data/traces/console_crash.txt"),
        ExportFormat::OtelConsole,
        &[
            "span-without-end: No end was exported of spans of 1 request, the last of them at 2026-11-26T10:11:36.196116Z",
            "  `charge` of trace 1ae65327102dff045549eba7f34c88f6 ended at 2026-11-26T10:11:36.196116Z; the span 16c64a762cfad704 around it was not exported",
        ],
    );
}

#[test]
fn metrics_of_the_python_sdk() {
    let check = |export: &[u8], expected: &[&str]| {
        let telemetry = read_as(export, ExportFormat::Otlp);
        let lines: Vec<String> = telemetry
            .series
            .iter()
            .map(|series| format!("{} {} {}", series.name, series.is_counter, series.points.len()))
            .collect();
        assert_eq!(lines, expected);
        assert_eq!(telemetry.gaps, []);
    };
    let expected = [
        "http.server.duration_count true 2",
        "http.server.duration_sum false 2",
        "http.server.requests true 2",
        "process.memory.usage false 2",
    ];
    check(include_bytes!("../data/traces/otlp_metrics.jsonl"), &expected);
    check(include_bytes!("../data/traces/console_metrics.txt"), &expected);
}
