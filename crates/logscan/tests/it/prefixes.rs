//! Objects and tracebacks behind what collectors and tools that follow logs put in front of every line.

use pycoroner_logscan::{FormatName, Level, Options, Scan, looks_like_log};

use crate::shown::scan_text;

/// A second and the producer's number as a dialect writes them, in front of the text.
type Dialect = fn(u32, usize) -> String;

/// What a tail tool prints of two services at once: objects, one with a traceback in it; a traceback line by line.
fn log(dialect: Dialect) -> String {
    let trace = r#"Traceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\nKeyError: 'k'"#;
    let timed = |second: u32, message: &str| {
        format!(r#"{{"time": "2024-05-01T11:59:{second:02}.5Z", "level": "INFO", "message": "{message}"}}"#)
    };
    let failed = format!(
        r#"{{"time": "2024-05-01T11:59:05.5Z", "level": "ERROR", "message": "m", "exc_info": "{trace}", "logger": "shop", "process": 55, "request_id": "r-1"}}"#
    );
    let lines = [
        (1, 0, timed(1, "a")),
        (2, 1, timed(2, "b")),
        (5, 0, failed),
        (6, 1, r#"{"level": "WARNING", "message": "n", "pid": 56}"#.to_owned()),
        (7, 0, "Traceback (most recent call last):".to_owned()),
        (7, 1, timed(7, "c")),
        (7, 0, "  File \"/srv/b.py\", line 9, in main".to_owned()),
        (7, 1, timed(7, "d")),
        (7, 0, "    start()".to_owned()),
        (7, 0, "RuntimeError: no port".to_owned()),
        (8, 1, timed(8, "e")),
        (9, 0, timed(9, "g")),
    ];
    lines.iter().map(|(second, producer, text)| dialect(*second, *producer) + text + "\n").collect()
}

fn shown(scan: &Scan) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    let records = scan.warnings.iter().map(|record| {
        format!(
            "{} {} {} {} {} {}: {}",
            record.at.map_or("-".to_owned(), |at| at.time.to_string()),
            record.level.map_or("-", Level::name),
            text(&record.logger),
            number(record.pid),
            text(&record.request_id),
            text(&record.producer),
            record.message
        )
    });
    let tracebacks = scan.tracebacks.iter().map(|entry| {
        assert!(!entry.truncated);
        format!(
            "{} {} {} {} {}: {} {}",
            entry.first.map_or("-".to_owned(), |at| at.to_string()),
            text(&entry.type_name),
            number(entry.pid),
            text(&entry.request_id),
            text(&entry.producer),
            text(&entry.log_message),
            entry.frames.len()
        )
    });
    records.chain(tracebacks).collect()
}

/// `times` are those of the record and of the traceback that state none.
#[track_caller]
fn check(format: FormatName, producers: [&str; 2], pids: [&str; 2], times: [&str; 2], dialect: Dialect) {
    let log = log(dialect);
    assert_eq!(looks_like_log(log.as_bytes()), Some(format), "{log}");
    let scan = scan_text(&log, &Options { explain: true, ..Options::default() });
    let [first, second] = producers;
    let expected = [
        format!("2024-05-01T11:59:05.500Z ERROR shop 55 r-1 {first}: m"),
        format!("{} WARNING - 56 - {second}: n", times[0]),
        format!("2024-05-01T11:59:05.500Z KeyError 55 r-1 {first}: m 1"),
        format!("{} RuntimeError {} - {first}: - 1", times[1], pids[0]),
    ];
    assert_eq!(shown(&scan), expected, "{log}");
    let source = &scan.sources[0];
    let inner = Some(FormatName::Json);
    assert_eq!((source.format, source.inner_format, source.records), (format, inner, 8), "{log}");
    let explanation = serde_json::to_value(source.explanation.as_ref().unwrap()).unwrap();
    let uses = serde_json::json!([
        {"format": "json", "producer": first, "records": 3},
        {"format": "json", "producer": second, "records": 5},
    ]);
    assert_eq!((&explanation["formats"], &explanation["lines"]["unparsed"]), (&uses, &0.into()), "{log}");
}

const SECONDS: [&str; 2] = ["2024-05-01T12:00:06Z", "2024-05-01T12:00:07Z"];
const MICROS: [&str; 2] = ["2024-05-01T12:00:06.123456Z", "2024-05-01T12:00:07.123456Z"];
const NANOS: [&str; 2] = ["2024-05-01T12:00:06.123456789Z", "2024-05-01T12:00:07.123456789Z"];
/// Where no collector states a time: that of the neighbours.
const NONE: [&str; 2] = ["-", "2024-05-01T11:59:05.500Z"];
const NO_PIDS: [&str; 2] = ["-", "-"];
const PODS: [&str; 2] = ["shop-6d4cf56db6-abcde", "cart-0"];

#[test]
fn platforms() {
    let dynos = ["app[web.1]", "app[worker.1]"];
    check(FormatName::Heroku, dynos, NO_PIDS, MICROS, |second, producer| {
        format!("2024-05-01T12:00:{second:02}.123456+00:00 app[{}]: ", ["web.1", "worker.1"][producer])
    });
    check(FormatName::Heroku, dynos, NO_PIDS, NANOS, |second, producer| {
        format!("2024-05-01T12:00:{second:02}.123456789Z app[{}]: ", ["web.1", "worker.1"][producer])
    });
    let machines = ["app[148e272f7d1e89]", "app[3287413b]"];
    check(FormatName::Fly, machines, NO_PIDS, SECONDS, |second, producer| {
        format!("2024-05-01T12:00:{second:02}Z app[{}] ams [info]", ["148e272f7d1e89", "3287413b"][producer])
    });
    check(FormatName::Fly, machines, NO_PIDS, SECONDS, |second, producer| {
        format!("2024-05-01T12:00:{second:02}Z app[{}] ams [info] ", ["148e272f7d1e89", "3287413b"][producer])
    });
    let millis = ["2024-05-01T12:00:06.123Z", "2024-05-01T12:00:07.123Z"];
    check(FormatName::AwsTail, ["ecs/web/0af1", "ecs/web/99bc"], NO_PIDS, millis, |second, producer| {
        format!("2024-05-01T12:00:{second:02}.123000+00:00 ecs/web/{} ", ["0af1", "99bc"][producer])
    });
}

#[test]
fn pods() {
    let containers = ["shop-6d4cf56db6-abcde app", "cart-0 app"];
    check(FormatName::Stern, containers, NO_PIDS, NONE, |_, producer| format!("{} app ", PODS[producer]));
    check(FormatName::Stern, containers, NO_PIDS, NANOS, |second, producer| {
        format!("{} app 2024-05-01T12:00:{second:02}.123456789Z ", PODS[producer])
    });
    check(FormatName::Stern, containers, NO_PIDS, SECONDS, |second, producer| {
        format!("{} app 05-01 12:00:{second:02} ", PODS[producer])
    });
    let named = ["prod shop-6d4cf56db6-abcde app", "prod cart-0 app"];
    check(FormatName::Stern, named, NO_PIDS, NONE, |_, producer| format!("prod {} app ", PODS[producer]));
    check(FormatName::Kubetail, PODS, NO_PIDS, NONE, |_, producer| format!("[{}] ", PODS[producer]));
    check(FormatName::Kubetail, containers, NO_PIDS, NONE, |_, producer| {
        format!("[{} app] ", PODS[producer])
    });
    let slashed = ["shop-6d4cf56db6-abcde/app", "cart-0/app"];
    check(FormatName::Kubectl, slashed, NO_PIDS, NONE, |_, producer| {
        format!("[pod/{}/app] ", PODS[producer])
    });
    check(FormatName::Kubectl, slashed, NO_PIDS, NANOS, |second, producer| {
        format!("[pod/{}/app] 2024-05-01T12:00:{second:02}.123456789Z ", PODS[producer])
    });
    check(FormatName::Cri, ["stderr", "stdout"], NO_PIDS, NANOS, |second, producer| {
        format!("2024-05-01T12:00:{second:02}.123456789Z {} F ", ["stderr", "stdout"][producer])
    });
}

#[test]
fn several_services() {
    let services = ["web-1", "worker-1"];
    check(FormatName::Compose, services, NO_PIDS, NONE, |_, producer| {
        format!("{}  | ", ["web-1   ", "worker-1"][producer])
    });
    check(FormatName::Compose, services, NO_PIDS, NANOS, |second, producer| {
        format!("{}  | 2024-05-01T12:00:{second:02}.123456789Z ", ["web-1   ", "worker-1"][producer])
    });
    check(FormatName::Foreman, ["web.1", "worker.1"], NO_PIDS, NONE, |second, producer| {
        format!("12:00:{second:02} {} | ", ["web.1   ", "worker.1"][producer])
    });
}

#[test]
fn syslogs() {
    let (pids, producers) = (["7", "8"], ["shop[7]", "shop[8]"]);
    check(FormatName::Syslog, producers, pids, SECONDS, |second, producer| {
        format!("May  1 12:00:{second:02} web01 shop[{}]: ", [7, 8][producer])
    });
    check(FormatName::Syslog, producers, pids, MICROS, |second, producer| {
        format!("2024-05-01T12:00:{second:02}.123456+00:00 web01 shop[{}]: ", [7, 8][producer])
    });
    check(FormatName::Syslog, producers, pids, SECONDS, |second, producer| {
        format!("May  1 12:00:{second:02} shop[{}]: ", [7, 8][producer])
    });
    check(FormatName::Syslog, ["app web.1", "app web.2"], NO_PIDS, MICROS, |second, producer| {
        format!("<190>1 2024-05-01T12:00:{second:02}.123456+00:00 host app web.{} - ", producer + 1)
    });
    check(FormatName::Syslog, ["shop", "cart"], NO_PIDS, SECONDS, |second, producer| {
        format!("May  1 12:00:{second:02} web01 {}: ", ["shop", "cart"][producer])
    });
    // A program without a process id among others.
    check(FormatName::Syslog, ["shop[7]", "cart"], ["7", "-"], SECONDS, |second, producer| {
        format!("May  1 12:00:{second:02} web01 {}: ", ["shop[7]", "cart"][producer])
    });
    let marked = scan_text(
        "May  1 12:00:00 web01 shop[7]: @cee: {\"level\": \"WARNING\", \"message\": \"m\"}\n",
        &Options::default(),
    );
    assert_eq!(shown(&marked), ["2024-05-01T12:00:00Z WARNING - 7 - shop[7]: m"]);
}

#[test]
fn a_time_alone() {
    let log = log(|second, _| format!("2024-05-01T12:00:{second:02}Z "));
    let text: String = log.lines().take(4).map(|line| line.to_owned() + "\n").collect();
    let expected = [
        "2024-05-01T11:59:05.500Z ERROR shop 55 r-1 -: m",
        "2024-05-01T12:00:06Z WARNING - 56 - -: n",
        "2024-05-01T11:59:05.500Z KeyError 55 r-1 -: m 1",
    ];
    assert_eq!(shown(&scan_text(&text, &Options::default())), expected);
}

/// An object's own time counts, unless the collector's alone has a zone.
#[test]
fn times_without_a_zone() {
    let time = |prefix: &str| {
        let log = format!(
            "{prefix}{{\"asctime\": \"2024-05-01 11:59:05,123\", \"levelname\": \"ERROR\", \"message\": \"m\", \"exc_info\": \"Traceback (most recent call last):\\n  File \\\"/a.py\\\", line 3, in f\\nKeyError: 1\"}}\n"
        );
        let scan = scan_text(&log, &Options::default());
        assert_eq!(scan.warnings[0].at.map(|at| at.time), scan.tracebacks[0].first, "{log}");
        scan.warnings[0].at.unwrap().time.to_string()
    };
    assert_eq!(time("May  1 12:00:00 web01 shop[7]: "), "2024-05-01T11:59:05.123Z");
    assert_eq!(time("2024-05-01T12:00:00.5+00:00 app[web.1]: "), "2024-05-01T12:00:00.500Z");
}

/// What a platform says of a service itself has a level; its word for a service's own lines says nothing.
#[test]
fn levels_of_platforms() {
    let scan = scan_text(
        "2024-05-01T12:00:00Z app[148e] ams [info]ready\n2024-05-01T12:00:01Z proxy[148e] ams [error]no answer\n",
        &Options::default(),
    );
    assert_eq!(shown(&scan), ["2024-05-01T12:00:01Z ERROR - - - proxy[148e]: no answer"]);
}

/// Lines that only look as if a tool had put something in front.
#[test]
fn other_lines() {
    for (text, format) in [
        ("auto-reload is on\nre-read all files\n", None),
        ("[worker-1] starting\n[worker-2] starting\n", None),
        ("May  1 12:00:00 INFO shop: m\nMay  1 12:00:01 INFO shop: n\n", Some(FormatName::Syslog)),
        ("2024-05-01T12:00:00 srv/a.py loaded\n", Some(FormatName::Timestamped)),
        ("2024-05-01T12:00:00 shop[7] ready\n", Some(FormatName::Timestamped)),
    ] {
        assert_eq!(looks_like_log(text.as_bytes()), format, "{text}");
        let scan = scan_text(text, &Options::default());
        assert!(scan.sources[0].producers.is_empty(), "{text}");
        assert_eq!(scan.sources[0].inner_format, None, "{text}");
    }
}
