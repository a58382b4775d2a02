//! Formats, times and what is counted.

use pycoroner_logscan::{FormatName, Options, Zone, looks_like_log};

use crate::shown::{scan_bytes, scan_text};

/// `format records first basis levels`
#[track_caller]
fn check(input: &str, expected: &str) {
    let scan = scan_text(input, &Options::default());
    let source = &scan.sources[0];
    let levels: Vec<String> = scan.levels.iter().map(|(level, count)| format!("{level}={count}")).collect();
    let basis = source.time_basis.map_or("-".into(), |basis| serde_json::to_string(&basis).unwrap());
    let first = source.first.map_or("-".into(), |time| time.to_string());
    let shown = format!(
        "{} {} {first} {} {}",
        source.format,
        source.records,
        basis.trim_matches('"'),
        levels.join(",")
    );
    assert_eq!(shown.trim_end(), expected, "{input}");
    assert!(looks_like_log(input.as_bytes()).is_some(), "{input}");
}

#[test]
fn formats_are_found() {
    check(
        "2024-05-01 12:00:00,123 ERROR shop: m\n2024-05-01 12:00:01,000 INFO shop: n\n",
        "python-logging 2 2024-05-01T12:00:00.123Z assumed-zone ERROR=1,INFO=1",
    );
    check(
        "[2024-05-01 12:00:00 +0000] [7] [INFO] Listening\n",
        "gunicorn 1 2024-05-01T12:00:00Z stated INFO=1",
    );
    check("ERROR:shop:m\n", "level-first 1 - - ERROR=1");
    check("INFO:     Started\n", "uvicorn 1 - - INFO=1");
    check(
        "{\"timestamp\":\"2024-05-01T12:00:00Z\",\"level\":\"warning\",\"event\":\"m\"}\n",
        "json 1 2024-05-01T12:00:00Z stated WARNING=1",
    );
    check("time=2024-05-01T12:00:00Z level=error msg=m\n", "logfmt 1 2024-05-01T12:00:00Z stated ERROR=1");
    check("May  1 12:00:00 host shop[7]: m\n", "syslog 1 2024-05-01T12:00:00Z inferred-year");
    check("[ 1230.508770] m\n", "dmesg 1 - -");
    check(
        "2024-05-01T12:00:00.123456789Z stdout F ERROR:shop:m\n",
        "cri 1 2024-05-01T12:00:00.123456789Z stated ERROR=1",
    );
    check("web_1  | ERROR:shop:m\nweb_2  | INFO:shop:m\n", "compose 2 - - ERROR=1,INFO=1");
    check(
        "{\"log\":\"ERROR:shop:m\\n\",\"stream\":\"stderr\",\"time\":\"2024-05-01T12:00:00.1Z\"}\n",
        "docker-json 1 2024-05-01T12:00:00.100Z stated ERROR=1",
    );
    check(
        "{\"MESSAGE\":[104,105],\"PRIORITY\":\"3\",\"_PID\":\"7\",\"SYSLOG_IDENTIFIER\":\"s\",\"__REALTIME_TIMESTAMP\":\"1714564800000000\"}\n",
        "journal 1 2024-05-01T12:00:00Z stated ERROR=1",
    );
    check(
        "{\n \"data\": [\n  {\"attributes\": {\"timestamp\": \"2024-05-01T12:00:00Z\", \"status\": \"error\", \"message\": \"m\"}}\n ]\n}\n",
        "json-document 1 2024-05-01T12:00:00Z stated ERROR=1",
    );
}

#[test]
fn what_is_no_log() {
    for text in
        ["", "hello\nworld\n", "{\"a\": 1}\n", "\u{0}".repeat(100).as_str(), "# HELP x\nx{a=\"b\"} 1\n"]
    {
        assert_eq!(looks_like_log(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(looks_like_log(b"Fatal Python error: Aborted\n\n"), Some(FormatName::Plain));
}

#[test]
fn partial_lines_of_a_container_are_joined() {
    let scan = scan_text(
        "2024-05-01T12:00:00.000000001Z stderr P ERROR:shop:one \n2024-05-01T12:00:00.000000002Z stdout F INFO:shop:other\n2024-05-01T12:00:00.000000003Z stderr F two\n",
        &Options::default(),
    );
    assert_eq!(scan.warnings[0].message, "one two");
    assert_eq!(scan.sources[0].producers, ["stderr", "stdout"]);
}

#[test]
fn records_of_several_lines_are_joined() {
    let scan = scan_text(
        "2024-05-01 12:00:00 ERROR shop: first\nsecond\n\nthird\n2024-05-01 12:00:01 INFO shop: n\n",
        &Options::default(),
    );
    assert_eq!(scan.warnings[0].message, "first\nsecond\nthird");
    assert_eq!((scan.warnings[0].place.line, scan.warnings[0].place.last_line), (1, 4));
}

#[test]
fn zones_are_assumed_as_told() {
    let options = Options { assumed_zone: Zone::named("+02:00").unwrap(), ..Options::default() };
    let scan = scan_text("2024-05-01 12:00:00 INFO shop: m\n", &options);
    assert_eq!(scan.sources[0].first.unwrap().to_string(), "2024-05-01T10:00:00Z");
}

#[test]
fn damage_at_the_start_is_passed_over() {
    check(
        "\u{feff}2024-05-01 12:00:00 INFO shop: m\n",
        "python-logging 1 2024-05-01T12:00:00Z assumed-zone INFO=1",
    );
    let hole = format!("{}2024-05-01 12:00:00 INFO shop: m\n", "\0".repeat(8));
    check(&hole, "python-logging 1 2024-05-01T12:00:00Z assumed-zone INFO=1");
}

#[test]
fn templates_and_their_levels() {
    let scan = scan_text(
        "2024-05-01 12:00:00 ERROR shop: order 1 failed\n2024-05-01 12:00:00 ERROR shop: order 2 failed\n2024-05-01 12:00:00 INFO shop: ok\n",
        &Options::default(),
    );
    let shown: Vec<_> =
        scan.templates.iter().map(|template| (template.template.as_str(), template.count)).collect();
    assert_eq!(shown, [("order <n> failed", 2), ("ok", 1)]);
}

#[test]
fn bytes_that_are_no_clean_text() {
    let check = |input: &[u8], expected: &str| {
        let scan = scan_bytes(input, &Options::default());
        let messages: Vec<&str> = scan.warnings.iter().map(|record| record.message.as_str()).collect();
        assert_eq!(messages.join("|"), expected, "{}", input.escape_ascii());
        assert_eq!(scan.sources[0].unparsed_bytes, 0);
    };
    check(b"2024-05-01 12:00:00 ERROR shop: caf\xe9 closed\n", "caf\u{fffd} closed");
    check(b"2024-05-01 12:00:00 ERROR shop: m\r\nmore\r\n", "m\nmore");
    // What copying and truncating at once leaves in the midst of a log.
    check(b"2024-05-01 12:00:00 ERROR shop: m\n\0\0\0\x002024-05-01 12:00:01 ERROR shop: n\n", "m|n");
    check(b"\x1b[32m2024-05-01 12:00:00\x1b[0m \x1b[31mERROR\x1b[0m shop: m\n", "m");
    let long = [&b"2024-05-01 12:00:00 ERROR shop: "[..], &b"x".repeat(900_000), b"\n"].concat();
    let scan = scan_bytes(&long, &Options::default());
    assert_eq!((scan.warnings[0].message.len(), scan.gaps.len()), (4096 + "\u{2026}".len(), 0));
}
