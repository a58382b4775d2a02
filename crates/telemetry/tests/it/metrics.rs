use pycoroner_findings::{SourceId, TimeBasis, Timestamp, UtcTime};
use pycoroner_telemetry::{ExportFormat, Telemetry, judge, read};

fn read_as(export: &[u8], format: ExportFormat) -> Telemetry {
    assert_eq!(ExportFormat::sniff(export), Some(format));
    read(format, export, SourceId(5))
}

/// `name target points citation` of each series.
fn series(telemetry: &Telemetry) -> Vec<String> {
    let line = |series: &pycoroner_telemetry::Series| {
        let labels: Vec<&str> = series.labels.iter().map(|label| label.value.as_str()).collect();
        let kind = if series.is_counter { " counter" } else { "" };
        let value = series.value.map_or(String::new(), |value| format!(" = {value}"));
        format!(
            "{} [{}]{kind} {} points{value} {}",
            series.name,
            labels.join(","),
            series.points.len(),
            series.citation
        )
    };
    telemetry.series.iter().map(line).collect()
}

/// A range of one series, as Prometheus answers it.
pub(crate) fn range(name: &str, labels: &str, samples: &[(i64, f64)]) -> String {
    let samples: Vec<String> = samples.iter().map(|(time, value)| format!("[{time}, \"{value}\"]")).collect();
    format!(
        r#"{{"status": "success", "data": {{"resultType": "matrix", "result": [
            {{"metric": {{"__name__": "{name}", "instance": "a:1", "job": "shop"{labels}}}, "values": [{}]}}]}}}}"#,
        samples.join(", ")
    )
}

/// Ids and titles of what is concluded from exports together, without those of gaps.
fn findings(exports: &[String]) -> Vec<String> {
    let mut telemetry = Telemetry::default();
    for (index, export) in exports.iter().enumerate() {
        let format = ExportFormat::sniff(export.as_bytes()).unwrap();
        telemetry.extend(read(format, export.as_bytes(), SourceId(index as u32 + 1)));
    }
    let telemetry = judge(telemetry, &[], None);
    telemetry.findings.iter().map(|finding| format!("{}: {}", finding.id, finding.title)).collect()
}

/// What the document says of a series besides its points.
#[test]
fn what_labels_tell_of_a_series() {
    let told = |name: &str, labels: &str, samples: &[(i64, f64)]| {
        let export = range(name, labels, samples);
        let telemetry = judge(read_as(export.as_bytes(), ExportFormat::PrometheusQuery), &[], None);
        let series = &telemetry.series[0];
        (series.target.clone(), series.failed_answers, series.is_thinned)
    };
    // It began anew between the last two samples.
    let rising = [(0, 2.0), (15, 5.0), (30, 9.0), (45, 1.0)];
    let failed = r#", "status": "502""#;
    let check = |name: &str, labels: &str, failed: Option<u64>| {
        assert_eq!(told(name, labels, &rising), ("a:1 shop".to_owned(), failed, false), "{name} {labels}");
    };
    check("requests_total", failed, Some(8));
    check("request_seconds_sum", failed, None);
    check("request_seconds_bucket", failed, None);
    check("requests_total", r#", "status": "200""#, None);
    check("requests_total", "", None);
    let long: Vec<(i64, f64)> = (0..3000_i32).map(|at| (i64::from(at), f64::from(at % 7))).collect();
    assert!(told("shop_sessions", "", &long).2);
}

#[test]
fn a_range_an_instant_and_an_exposition() {
    let rss = include_bytes!("../data/prometheus/query_range_process_resident_memory_bytes.json");
    let telemetry = read_as(rss, ExportFormat::PrometheusQuery);
    assert_eq!(
        series(&telemetry),
        ["process_resident_memory_bytes [127.0.0.1:18000,shop] 6 points [E5#/data/result/0/values]"]
    );
    assert_eq!(telemetry.gaps, []);
    let export = &telemetry.exports[0];
    assert_eq!(export.first.unwrap().to_string(), "2026-11-22T11:28:16Z");
    assert_eq!(export.last.unwrap().to_string(), "2026-11-22T11:29:01Z");

    let alerts = include_bytes!("../data/prometheus/query_instant_ALERTS.json");
    let telemetry = read_as(alerts, ExportFormat::PrometheusQuery);
    assert_eq!(
        series(&telemetry),
        ["ALERTS [ShopDown,firing,127.0.0.1:18000,shop,critical] 1 points [E5#/data/result/0/value]"]
    );

    let exposed = include_bytes!("../data/prometheus/exposition.prom.txt");
    let telemetry = read_as(exposed, ExportFormat::MetricsText);
    assert_eq!(telemetry.series.len(), 39);
    let lines = series(&telemetry);
    for expected in [
        "process_open_fds [] 0 points = 19 [E5:L33]",
        "python_gc_collections_total [2] counter 0 points = 1 [E5:L15]",
        "shop_requests_total [500,/order] counter 0 points = 9 [E5:L39]",
        "shop_request_seconds_sum [/order] 0 points = 6.791682481765747 [E5:L63]",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:#?}");
    }
    // That no sample has a time is a gap, not a guess.
    assert_eq!(telemetry.gaps.len(), 1);
}

#[test]
fn samples_with_times_become_points() {
    let text = b"# TYPE shop_requests counter\nshop_requests_total{code=\"200\"} 1 1714564800.0\nshop_requests_total{code=\"200\"} 5 1714564810.0 # {trace_id=\"ab\"} 1\nup 1 1714564800000\n# EOF\n";
    let telemetry = read_as(text, ExportFormat::MetricsText);
    assert_eq!(
        series(&telemetry),
        ["shop_requests_total [200] counter 2 points [E5:L2]", "up [] 1 points [E5:L4]"]
    );
    assert_eq!(telemetry.series[1].points[0].0.to_string(), "2024-05-01T12:00:00Z");
    assert_eq!(telemetry.gaps, []);
}

#[test]
fn targets() {
    let telemetry =
        read_as(include_bytes!("../data/prometheus/targets.json"), ExportFormat::PrometheusTargets);
    let event = &telemetry.events[0];
    assert_eq!(
        (&*event.kind, event.message.as_str(), event.citation.as_ref().unwrap().to_string().as_str()),
        (
            "target-down",
            "the last scrape of 127.0.0.1:18000 failed: Get \"http://127.0.0.1:18000/metrics\": dial tcp 127.0.0.1:18000: connect: connection refused",
            "[E5#/data/activeTargets/0/lastError]"
        )
    );
    assert_eq!(event.at.unwrap().time.to_string(), "2026-11-22T11:29:12.873752371Z");
}

#[test]
fn up_of_0_is_down_and_no_sample_is_not() {
    let up: Vec<(i64, f64)> = (0..10).map(|at| (at * 5, 1.0)).collect();
    let check = |samples: &[(i64, f64)], expected: &[&str]| {
        assert_eq!(findings(&[range("up", "", samples)]), expected, "{samples:?}");
    };
    check(&up, &[]);
    let mut down = up.clone();
    (down[4].1, down[5].1) = (0.0, 0.0);
    check(
        &down,
        &["target-down: a:1 shop did not answer scrapes from 1970-01-01T00:00:20Z to 1970-01-01T00:00:25Z"],
    );
    let mut unscraped = up.clone();
    unscraped.drain(4..7);
    check(
        &unscraped,
        &[
            "scrape-missing: Nothing is stored of a:1 shop between 1970-01-01T00:00:15Z and 1970-01-01T00:00:35Z",
        ],
    );
    // One late scrape is no pause.
    let mut late = up.clone();
    late.remove(4);
    check(&late, &[]);
}

#[test]
fn a_pause_of_another_metric_is_explained_by_up() {
    let rss: Vec<(i64, f64)> = [0, 5, 10, 15, 20, 45, 50].map(|at| (at, 1e8)).to_vec();
    let missing =
        "scrape-missing: Nothing is stored of a:1 shop between 1970-01-01T00:00:20Z and 1970-01-01T00:00:45Z";
    let rss = range("process_resident_memory_bytes", "", &rss);
    assert_eq!(findings(std::slice::from_ref(&rss)), [missing]);
    let up: Vec<(i64, f64)> = (0..11).map(|at| (at * 5, f64::from(!(5..9).contains(&at)))).collect();
    assert_eq!(
        findings(&[rss, range("up", "", &up)]),
        ["target-down: a:1 shop did not answer scrapes from 1970-01-01T00:00:25Z to 1970-01-01T00:00:40Z"]
    );
}

#[test]
fn restarts_are_intervals_unless_the_start_is_stated() {
    let restart =
        "restart-seen: a:1 shop was restarted between 1970-01-01T00:00:10Z and 1970-01-01T00:00:15Z";
    let counter = [(0, 5.0), (5, 7.0), (10, 9.0), (15, 2.0), (20, 3.0)];
    let counter = range("shop_requests_total", "", &counter);
    assert_eq!(findings(std::slice::from_ref(&counter)), [restart]);
    let start =
        range("process_start_time_seconds", "", &[(0, 1.0), (5, 1.0), (10, 1.0), (15, 12.5), (20, 12.5)]);
    let started =
        "restart-seen: Another process answers as a:1 shop: it started at 1970-01-01T00:00:12Z ± 1 s";
    assert_eq!(findings(&[counter.clone(), start.clone()]), [started]);
    let mut both = read(ExportFormat::PrometheusQuery, counter.as_bytes(), SourceId(1));
    both.extend(read(ExportFormat::PrometheusQuery, start.as_bytes(), SourceId(2)));
    let both = judge(both, &[], None);
    assert_eq!(both.events[0].at.unwrap().time.to_string(), "1970-01-01T00:00:01Z");
    assert_eq!(both.events[1].at.unwrap().time.to_string(), "1970-01-01T00:00:12.500Z");
    let only = judge(read(ExportFormat::PrometheusQuery, counter.as_bytes(), SourceId(1)), &[], None);
    let at = only.events[0].at.unwrap();
    assert_eq!((at.time.to_string().as_str(), at.uncertainty_ms), ("1970-01-01T00:00:12.500Z", 2501));
    assert_eq!(
        only.findings[0].evidence[0].citations.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["[E1#/data/result/0/values/2]", "[E1#/data/result/0/values/3]"]
    );
    // Workers that share a port answer in turn: that is no restart at each scrape.
    let workers = [(0, 5.0), (5, 70.0), (10, 6.0), (15, 71.0), (20, 7.0), (25, 80.0), (30, 9.0)];
    assert_eq!(findings(&[range("shop_requests_total", "", &workers)]), [""; 0]);
    let starts = [(0, 5.0), (5, 7.5), (10, 5.0), (15, 5.0)];
    assert_eq!(findings(&[counter.clone(), range("process_start_time_seconds", "", &starts)]), [""; 0]);
    // A gauge may fall, whatever its name is.
    assert_eq!(
        findings(&[range("shop_workers_count", "", &[(0, 5.0), (5, 2.0), (10, 1.0), (15, 0.0)])]),
        [""; 0]
    );
    assert_eq!(findings(&[range("shop_sessions", "", &[(0, 5.0), (5, 2.0), (10, 1.0), (15, 0.0)])]), [""; 0]);
}

/// What is said of memory whose samples are 15 s apart, of a process that died at a second.
#[test]
fn memory_up_to_the_end() {
    let check = |died_at: i64, mebibytes: &[u32], others: &[&str], expected: &[&str]| {
        let samples: Vec<(i64, f64)> =
            (0..).zip(mebibytes).map(|(at, value)| (at * 15, f64::from(*value) * 1_048_576.0)).collect();
        let mut telemetry = Telemetry::default();
        for labels in [""].iter().chain(others) {
            let export = range("process_resident_memory_bytes", labels, &samples);
            telemetry.extend(read(ExportFormat::PrometheusQuery, export.as_bytes(), SourceId(1)));
        }
        let died_at =
            Timestamp { time: UtcTime(died_at * 1_000_000_000), basis: TimeBasis::Stated, uncertainty_ms: 0 };
        let judged = judge(telemetry, &[], Some(died_at));
        let found: Vec<String> = judged
            .findings
            .iter()
            .map(|one| format!("{} {:?} {}: {}", one.id, one.confidence, one.against.len(), one.title))
            .collect();
        assert_eq!(found, expected, "{mebibytes:?}");
    };
    let rising = [100, 130, 160, 190, 220, 250];
    let title = "Resident memory of a:1 shop rose from 100.0 MiB to 250.0 MiB";
    let up_to = |confidence: &str, against: u8| {
        format!("memory-rising {confidence} {against}: {title} in 75 s, up to the end")
    };
    check(80, &rising, &[], &[&up_to("Strong", 0)]);
    let before = format!(
        "memory-rose-before Moderate 0: {title} between 1970-01-01T00:00:00Z and 1970-01-01T00:01:15Z"
    );
    check(3600, &rising, &[], &[&before]);
    let other = up_to("Moderate", 1);
    check(80, &rising, &[r#", "pod": "b""#], &[&other, &other.replace("a:1 shop", "a:1 shop b")]);
    check(
        80,
        &[100, 103, 106, 109, 112, 115],
        &[],
        &[
            "memory-rising Moderate 0: Resident memory of a:1 shop rose from 100.0 MiB to 115.0 MiB in 75 s, up to the end",
        ],
    );
    check(
        80,
        &[100, 101, 100, 101, 100, 290],
        &[],
        &[
            "memory-jumped Strong 0: Resident memory of a:1 shop jumped from 100.0 MiB to 290.0 MiB between two samples",
        ],
    );
    check(3600, &[100, 101, 100, 101, 100, 290], &[], &[]);
    check(80, &[100, 101, 100, 101, 100, 101], &[], &[]);
}

#[test]
fn memory_that_falls_by_a_restart_has_not_recovered() {
    let mib = 1_048_576.0;
    let mut rss: Vec<(i64, f64)> = (0..10).map(|at| (at * 5, (100 + 10 * at) as f64 * mib)).collect();
    let rising = "memory-rising: Resident memory of a:1 shop rose from 100.0 MiB to 190.0 MiB between 1970-01-01T00:00:00Z and 1970-01-01T00:00:45Z";
    assert_eq!(findings(&[range("process_resident_memory_bytes", "", &rss)]), [rising]);
    rss.extend([(50, 70.0 * mib), (55, 71.0 * mib)]);
    let counter: Vec<(i64, f64)> =
        (0..12).map(|at| (at * 5, if at < 10 { 50.0 + at as f64 } else { 1.0 })).collect();
    let exports =
        [range("process_resident_memory_bytes", "", &rss), range("shop_requests_total", "", &counter)];
    assert_eq!(
        findings(&exports),
        [
            "restart-seen: a:1 shop was restarted between 1970-01-01T00:00:45Z and 1970-01-01T00:00:50Z",
            rising
        ]
    );
    let mut telemetry = read(ExportFormat::PrometheusQuery, exports[0].as_bytes(), SourceId(1));
    telemetry.extend(read(ExportFormat::PrometheusQuery, exports[1].as_bytes(), SourceId(2)));
    let evidence = judge(telemetry, &[], None).findings.pop().unwrap().evidence;
    assert_eq!(
        evidence.iter().map(|evidence| evidence.statement.as_str()).collect::<Vec<_>>(),
        [
            "process_resident_memory_bytes went from 100.0 MiB to 190.0 MiB in 10 samples over 45 s; the median of the slopes of all pairs (Theil-Sen) is 120.0 MiB per minute, and 45 of 45 pairs rise",
            "70.0 MiB at 1970-01-01T00:00:50Z is no recovery: the process was restarted in between",
        ]
    );
    // What goes up and down does not rise.
    let saw: Vec<(i64, f64)> = (0..20).map(|at| (at * 5, (100 + 50 * (at % 2)) as f64 * mib)).collect();
    assert_eq!(findings(&[range("process_resident_memory_bytes", "", &saw)]), [""; 0]);
}

#[test]
fn limits_of_memory_and_files() {
    let docker = include_str!("../data/docker/inspect_oom.json").to_owned();
    let rss: Vec<(i64, f64)> = (0..6).map(|at| (at * 5, 8e7)).collect();
    let found = findings(&[range("process_resident_memory_bytes", "", &rss), docker.clone()]);
    assert!(
        found.contains(&"memory-limit-near: Memory of a:1 shop was 76.3 MiB at 1970-01-01T00:00:25Z: 95 % of the limit of container shop".to_owned()),
        "{found:#?}"
    );
    let small: Vec<(i64, f64)> = (0..6).map(|at| (at * 5, 4e7)).collect();
    let found = findings(&[range("process_resident_memory_bytes", "", &small), docker]);
    assert!(!found.iter().any(|finding| finding.starts_with("memory-limit-near")), "{found:#?}");

    let open: Vec<(i64, f64)> = (0..10).map(|at| (at * 5, (100 + 90 * at) as f64)).collect();
    let most: Vec<(i64, f64)> = (0..10).map(|at| (at * 5, 1000.0)).collect();
    let exports = [range("process_open_fds", "", &open), range("process_max_fds", "", &most)];
    assert_eq!(
        findings(&exports),
        [
            "files-near-limit: 910 files of a:1 shop were open at 1970-01-01T00:00:45Z, 91 % of the 1000 that may be"
        ]
    );
    assert_eq!(findings(&[range("process_open_fds", "", &most)]), [""; 0]);
}

#[test]
fn a_share_of_failures_rises_only_beyond_chance() {
    let counter = |code: u32, values: [f64; 11]| {
        let samples: Vec<(i64, f64)> = (0..11).map(|at| at * 10).zip(values).collect();
        range("shop_requests_total", &format!(", \"code\": \"{code}\""), &samples)
    };
    let good = [0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0, 350.0, 400.0, 430.0, 450.0];
    let check = |bad: [f64; 11], expected: &[&str]| {
        assert_eq!(findings(&[counter(200, good), counter(500, bad)]), expected, "{bad:?}");
    };
    check(
        [0.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 22.0, 52.0],
        &[
            "error-rate-rose: Failed requests (5xx) of a:1 shop rose from 0.5 % to 50.0 % after 1970-01-01T00:01:22Z",
        ],
    );
    check([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0], &[]);
    check([0.0; 11], &[]);
}

#[test]
fn hostile_numbers_are_gaps() {
    let samples =
        r#"[[-1e300, "1"], [1e308, "1"], [0, "NaN"], [1, "+Inf"], [2, "1e999"], [-5, "2"], [9e15, "3"]]"#;
    let export = format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"a":"1","a":"2"}},"values":{samples}}},{{"metric":7}},[]]}}}}"#
    );
    let telemetry = judge(read_as(export.as_bytes(), ExportFormat::PrometheusQuery), &[], None);
    assert_eq!(series(&telemetry)[..1], ["(expression) [2] 1 points [E5#/data/result/0]"]);
    assert!(telemetry.gaps.len() >= 2, "{:#?}", telemetry.gaps);
    serde_json::from_str::<Telemetry>(&serde_json::to_string(&telemetry).unwrap()).unwrap();
}

#[test]
fn long_series_are_thinned_and_say_so() {
    let samples: Vec<(i64, f64)> = (0..5000).map(|at| (at * 5, if at == 2500 { 7.0 } else { 1.0 })).collect();
    let export = range("shop_sessions", "", &samples);
    let telemetry = judge(read(ExportFormat::PrometheusQuery, export.as_bytes(), SourceId(1)), &[], None);
    let series = &telemetry.series[0];
    assert!(series.points.len() <= 1000 && series.points.iter().any(|(_, value)| *value > 6.0));
    assert_eq!(telemetry.gaps.len(), 1);
}

/// A service that leaked and was killed, was started again, was not scraped for 12 seconds as Prometheus stood still,
/// was restarted at once with half of its requests failing, and was killed.
#[test]
fn an_incident_as_prometheus_saw_it() {
    let exports = [
        include_str!("../data/prometheus/incident/range_up.json"),
        include_str!("../data/prometheus/incident/range_process_resident_memory_bytes.json"),
        include_str!("../data/prometheus/incident/range_process_start_time_seconds.json"),
        include_str!("../data/prometheus/incident/range_shop_requests_total.json"),
        include_str!("../data/prometheus/incident/range_process_open_fds.json"),
        include_str!("../data/prometheus/incident/range_process_max_fds.json"),
        include_str!("../data/prometheus/incident/rules.json"),
    ];
    let target = "127.0.0.1:18123 shop";
    let expected = [
        "target-down: TARGET did not answer scrapes at 2026-11-26T10:11:13Z",
        "target-down: TARGET did not answer scrapes from 2026-11-26T10:11:37Z to 2026-11-26T10:11:42Z",
        "target-down: TARGET did not answer scrapes at 2026-11-26T10:12:19Z",
        "target-down: TARGET did not answer scrapes from 2026-11-26T10:12:27Z to 2026-11-26T10:12:29Z",
        "restart-seen: Another process answers as TARGET: it started at 2026-11-26T10:11:39Z ± 1 s",
        "restart-seen: Another process answers as TARGET: it started at 2026-11-26T10:12:16Z ± 1 s",
        "memory-rising: Resident memory of TARGET rose from 26.8 MiB to 129.4 MiB between 2026-11-26T10:11:14Z and 2026-11-26T10:11:36Z",
        "memory-rising: Resident memory of TARGET rose from 23.1 MiB to 40.0 MiB between 2026-11-26T10:11:43Z and 2026-11-26T10:12:18Z",
        "error-rate-rose: Failed requests (5xx) of TARGET rose from 2.2 % to 15.3 % after 2026-11-26T10:12:11.800Z",
        "alert-fired: Alert ShopDown: shop is down fired at 2026-11-26T10:12:26.189Z",
    ];
    assert_eq!(findings(&exports.map(str::to_owned)), expected.map(|line| line.replace("TARGET", target)));
}

/// Up to five minutes, the answer to a range query repeats the last sample; that to a range selector does not.
#[test]
fn a_pause_of_prometheus_is_no_death() {
    let raw = include_str!("../data/prometheus/incident/up_raw.json").to_owned();
    let found = findings(&[raw]);
    let missing: Vec<_> = found.iter().filter(|line| line.starts_with("scrape-missing")).collect();
    assert_eq!(
        missing,
        [
            "scrape-missing: Nothing is stored of 127.0.0.1:18123 shop between 2026-11-26T10:12:00.174Z and 2026-11-26T10:12:12.390Z"
        ]
    );
    assert_eq!(found.iter().filter(|line| line.starts_with("target-down")).count(), 4);
}

#[test]
fn text_of_prometheus_itself() {
    let check = |export: &[u8], series: usize, points: usize| {
        let telemetry = read_as(export, ExportFormat::MetricsText);
        let all = telemetry.series.iter().map(|series| series.points.len());
        assert_eq!((telemetry.series.len(), all.sum::<usize>()), (series, points));
    };
    check(include_bytes!("../data/prometheus/incident/federate.txt"), 7, 7);
    check(include_bytes!("../data/prometheus/incident/openmetrics.txt"), 20, 0);
}

#[test]
fn alerts_kept_as_a_metric_are_events() {
    let firing = r#", "alertname": "ShopDown", "alertstate": "firing", "severity": "critical""#;
    let pending = firing.replace("firing", "pending");
    let check = |labels: &str, seconds: &[i64], expected: &[&str]| {
        let samples: Vec<(i64, f64)> = seconds.iter().map(|second| (*second, 1.0)).collect();
        let export = range("ALERTS", labels, &samples);
        let telemetry = read_as(export.as_bytes(), ExportFormat::PrometheusQuery);
        let events: Vec<String> = telemetry
            .events
            .iter()
            .map(|event| {
                let at = event.at.unwrap();
                let cited = event.citation.as_ref().unwrap();
                format!("{} {} {} ± {} ms {cited}", at.time, event.kind, event.message, at.uncertainty_ms)
            })
            .collect();
        assert_eq!(events, expected, "{seconds:?}");
    };
    check(
        firing,
        &[10, 12, 14, 30, 32],
        &[
            "1970-01-01T00:00:10Z alert-started ShopDown ± 2000 ms [E5#/data/result/0/values/0]",
            "1970-01-01T00:00:14Z alert-ended ShopDown ± 2000 ms [E5#/data/result/0/values/2]",
            "1970-01-01T00:00:30Z alert-started ShopDown ± 2000 ms [E5#/data/result/0/values/3]",
        ],
    );
    check(
        firing,
        &[10],
        &["1970-01-01T00:00:10Z alert-started ShopDown ± 0 ms [E5#/data/result/0/values/0]"],
    );
    check(&pending, &[10, 12], &[]);
}

/// The end belongs to the firing before it, and not to the one that follows.
#[test]
fn an_alert_that_fired_again_has_its_end() {
    let firing = r#", "alertname": "ShopDown", "alertstate": "firing""#;
    let samples = [10, 12, 14, 30, 32].map(|second| (second, 1.0));
    let telemetry = read_as(range("ALERTS", firing, &samples).as_bytes(), ExportFormat::PrometheusQuery);
    let found = pycoroner_telemetry::judge(telemetry, &[], None).findings;
    let said: Vec<&str> = found
        .iter()
        .filter(|finding| finding.id == "alert-fired")
        .map(|finding| &*finding.evidence[0].statement)
        .collect();
    assert_eq!(
        said,
        [
            "it fired at 1970-01-01T00:00:10Z; it ended at 1970-01-01T00:00:14Z",
            "it fired at 1970-01-01T00:00:30Z; no end of it is stated"
        ]
    );
}
