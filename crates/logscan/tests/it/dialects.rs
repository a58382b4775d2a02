//! Records in the dialects of JSON formatters, collectors and log stores; every line was cut down from a real one.

use pycoroner_findings::SourceId;
use pycoroner_logscan::{Input, Options, Scan, looks_like_log, scan};

use crate::shown::{scan_text, time};

/// `time level logger pid thread request producer |message` of the last record, then the types of its exceptions.
fn last_record(scan: &Scan) -> String {
    let Some(record) = scan.warnings.last() else { return "no record".to_owned() };
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let types: Vec<&str> = scan.tracebacks.iter().filter_map(|entry| entry.type_name.as_deref()).collect();
    format!(
        "{} {} {} {} {} {} {} |{}| {}",
        record.at.map_or("-".to_owned(), |at| at.time.to_string()),
        record.level.map_or("-", pycoroner_logscan::Level::name),
        text(&record.logger),
        record.pid.map_or("-".to_owned(), |pid| pid.to_string()),
        text(&record.thread),
        text(&record.request_id),
        text(&record.producer),
        record.message.replace('\n', "\\n"),
        types.join(",")
    )
    .trim_end()
    .to_owned()
}

#[track_caller]
fn check(input: &str, expected: &str) {
    let input = format!("{input}\n");
    assert_eq!(last_record(&scan_text(&input, &Options::default())), expected, "{input}");
    assert!(looks_like_log(input.as_bytes()).is_some(), "{input}");
}

/// A traceback inside a JSON string.
const TRACE: &str =
    r#"Traceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\n    g()\nKeyError: 'k'"#;

#[test]
fn formatters() {
    // python-json-logger, and formatters written by hand.
    check(
        &format!(
            r#"{{"asctime": "2024-05-01 12:00:00,992", "levelname": "ERROR", "name": "shop", "message": "m", "process": 55, "threadName": "MainThread", "exc_info": "{TRACE}", "request_id": "r-17"}}"#
        ),
        "2024-05-01T12:00:00.992Z ERROR shop 55 MainThread r-17 - |m| KeyError",
    );
    // structlog, with the exception as text.
    check(
        &format!(
            r#"{{"request_id": "r-9", "event": "m", "level": "error", "timestamp": "2024-05-01T12:00:00Z", "exception": "{TRACE}"}}"#
        ),
        "2024-05-01T12:00:00Z ERROR - - - r-9 - |m| KeyError",
    );
    // structlog's dict_tracebacks, with locals.
    check(
        r#"{"event": "m", "level": "error", "exception": [{"exc_type": "ValueError", "exc_value": "v", "exc_notes": ["n"], "is_cause": false, "frames": [{"filename": "/srv/a.py", "lineno": 70, "name": "st", "locals": {"k": "[{\"exc_type\": 1}]"}}], "is_group": false, "exceptions": []}, {"exc_type": "KeyError", "exc_value": "'k'", "is_cause": true, "frames": []}]}"#,
        "- ERROR - - - - - |m| ValueError,KeyError",
    );
    // loguru's serialize.
    check(
        &format!(
            r#"{{"text": "2024-05-01 12:00:00.118 | ERROR | shop:f:91 - m\n{TRACE}\n", "record": {{"exception": {{"type": "KeyError", "value": "'k'", "traceback": true}}, "extra": {{"request_id": "r-1"}}, "level": {{"icon": "x", "name": "ERROR", "no": 40}}, "message": "m", "name": "shop", "process": {{"id": 55, "name": "MainProcess"}}, "thread": {{"id": 1, "name": "MainThread"}}, "time": {{"repr": "2024-05-01 12:00:00.118122+00:00", "timestamp": 1714564800.118122}}}}}}"#
        ),
        "2024-05-01T12:00:00.118122Z ERROR shop 55 MainThread r-1 - |m| KeyError",
    );
    // ECS: frames without a header, type and message beside them.
    check(
        r#"{"@timestamp":"2024-05-01T12:00:00.089Z","log.level":"error","message":"m","error":{"message":"v","stack_trace":"  File \"/srv/a.py\", line 14, in f\n    g()\n","type":"ValueError"},"log":{"logger":"shop"},"process":{"name":"MainProcess","pid":55,"thread":{"id":1,"name":"MainThread"}},"trace":{"id":"t-1"}}"#,
        "2024-05-01T12:00:00.089Z ERROR shop 55 MainThread t-1 - |m| ValueError",
    );
    // Google's structured handler: the traceback is part of the message.
    check(
        &format!(
            r#"{{"message": "m\n{TRACE}","severity": "ERROR", "logging.googleapis.com/labels": {{"python_logger": "shop"}}, "logging.googleapis.com/trace": "projects/p/traces/t-1"}}"#
        ),
        "- ERROR shop - - projects/p/traces/t-1 - |m| KeyError",
    );
    check(
        r#"{"level":"warning","message":"stock is low\nfor sku 7","timestamp":"2024-05-01T12:00:00Z"}"#,
        r"2024-05-01T12:00:00Z WARNING - - - - - |stock is low\nfor sku 7|",
    );
}

#[test]
fn pairs() {
    check(
        &format!(r#"at=ERROR when="2024-05-01 12:00:00,166" logger=shop msg="m \"7\"" exc_info="{TRACE}""#),
        r#"2024-05-01T12:00:00.166Z ERROR shop - - - - |m "7"| KeyError"#,
    );
    check(
        r#"timestamp='2024-05-01T12:00:00Z' level='error' event='m' request_id='r-9' exception='Traceback (most recent call last):\n  File "/srv/a.py", line 3, in f\n    g()\nKeyError: \'k\''"#,
        "2024-05-01T12:00:00Z ERROR - - - r-9 - |m| KeyError",
    );
    check(
        &format!(r#"2024-05-01 12:00:00,166 ERROR shop: {{"event": "m", "exception": "{TRACE}"}}"#),
        &format!(
            r#"2024-05-01T12:00:00.166Z ERROR shop - - - - |{{"event": "m", "exception": "{TRACE}"}}| KeyError"#
        ),
    );
}

#[test]
fn stores() {
    let inner = r#"{\"level\": \"ERROR\", \"name\": \"shop\", \"process\": 55, \"message\": \"m\", \"exc_info\": \"Traceback (most recent call last):\\n  File \\\"/srv/a.py\\\", line 3, in f\\nKeyError: 'k'\"}"#;
    // logcli, Splunk, Elasticsearch, Datadog.
    check(
        &format!(
            r#"{{"labels": {{"app": "shop", "level": "error"}}, "line": "{inner}", "timestamp": "2024-05-01T12:00:00Z"}}"#
        ),
        "2024-05-01T12:00:00Z ERROR shop 55 - - app=shop |m| KeyError",
    );
    check(
        &format!(
            r#"{{"preview": false, "result": {{"_raw": "{inner}", "_time": "2024-05-01 12:00:00.214 UTC", "host": "h"}}}}"#
        ),
        "2024-05-01T12:00:00.214Z ERROR shop 55 - - - |m| KeyError",
    );
    check(
        &format!(
            r#"{{"_index": "i", "_source": {{"@timestamp": "2024-05-01T12:00:00Z", "message": "m", "log": {{"level": "ERROR", "logger": "shop"}}, "process": {{"pid": 55}}, "error": {{"stack_trace": "{TRACE}"}}}}}}"#
        ),
        "2024-05-01T12:00:00Z ERROR shop 55 - - - |m| KeyError",
    );
    check(
        &format!(
            "[{{\"attributes\": {{\"timestamp\": \"2024-05-01T12:00:00Z\", \"status\": \"error\", \"message\": \"m\", \"attributes\": {{\"name\": \"shop\", \"process\": 55, \"exc_info\": \"{TRACE}\"}}}}}}]"
        ),
        "2024-05-01T12:00:00Z ERROR shop 55 - - - |m| KeyError",
    );
    // OpenTelemetry's collector writes one line for many records; the Python SDK's console exporter an object over
    // several lines for each.
    check(
        &format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":[]}},"scopeLogs":[{{"scope":{{"name":"shop"}},"logRecords":[{{"timeUnixNano":"1714564800000000000","severityNumber":17,"body":{{"stringValue":"m"}},"attributes":[{{"key":"exception.stacktrace","value":{{"stringValue":"{TRACE}"}}}}],"traceId":"t-1"}}]}}]}}]}}"#
        ),
        "2024-05-01T12:00:00Z ERROR - - - t-1 - |m| KeyError",
    );
    check(
        "{\n \"body\": \"first\",\n \"severity_text\": \"ERROR\",\n \"timestamp\": \"2024-05-01T12:00:00Z\"\n}\n{\n \"body\": \"m\",\n \"severity_number\": 13,\n \"timestamp\": \"2024-05-01T12:00:01Z\"\n}",
        "2024-05-01T12:00:01Z WARNING - - - - - |m|",
    );
    // Loki answers with the newest line first.
    check(
        r#"{"data": {"result": [
 {"stream": {"app": "shop"}, "values": [
  ["1714564803000000000", "ERROR:shop:m"],
  ["1714564802000000000", "KeyError: 'k'"],
  ["1714564801000000000", "  File \"/srv/a.py\", line 3, in f"],
  ["1714564800000000000", "Traceback (most recent call last):"]
 ]}
]}}"#,
        "2024-05-01T12:00:03Z ERROR shop - - - app=shop |m| KeyError",
    );
}

#[test]
fn journals() {
    // A field that is no text is an array of bytes.
    check(
        r#"{"MESSAGE":[109,10,110],"PRIORITY":"3","_PID":"7","SYSLOG_IDENTIFIER":"shop","__REALTIME_TIMESTAMP":"1714564800000000"}"#,
        r"2024-05-01T12:00:00Z ERROR - 7 - - shop[7] |m\nn|",
    );
    let export = "__CURSOR=s=1;i=1\n__REALTIME_TIMESTAMP=1714564800000000\nPRIORITY=3\n_PID=7\nSYSLOG_IDENTIFIER=shop\nMESSAGE\n\u{3}\0\0\0\0\0\0\0m\nn\n\n__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1714564801000000\nPRIORITY=4\n_PID=7\nSYSLOG_IDENTIFIER=shop\nMESSAGE=last\n";
    check(export, "2024-05-01T12:00:01Z WARNING - 7 - - shop[7] |last|");
    assert_eq!(scan_text(export, &Options::default()).warnings[0].message, "m\nn");
    let dump = r#"{"COREDUMP_SIGNAL":"11","COREDUMP_PID":"77","MESSAGE":"Process 77 (python) of user 0 dumped core.","PRIORITY":"2","_PID":"80","SYSLOG_IDENTIFIER":"systemd-coredump","__REALTIME_TIMESTAMP":"1714564800000000"}"#;
    let scan = scan_text(dump, &Options::default());
    let facts: Vec<_> = scan.events.iter().map(|fact| (fact.kind.as_ref(), fact.pid, fact.signal)).collect();
    assert_eq!(facts, [("core-dumped", Some(77), Some(11))]);
}

#[test]
fn collectors() {
    check("web-1  | ERROR:shop:m", "- ERROR shop - - - web-1 |m|");
    check(
        "web-1  | 2024-05-01T12:00:00.123456789Z ERROR:shop:m",
        "2024-05-01T12:00:00.123456789Z ERROR shop - - - web-1 |m|",
    );
    check(
        "[pod/web-1/app] 2024-05-01T12:00:00.123456789Z ERROR:shop:m",
        "2024-05-01T12:00:00.123456789Z ERROR shop - - - web-1/app |m|",
    );
    check(
        "2024-05-01T12:00:00.123456789Z ERROR:shop:m",
        "2024-05-01T12:00:00.123456789Z ERROR shop - - - - |m|",
    );
    check(
        "2024-05-01T12:00:00.12Z stderr F ERROR:shop:m",
        "2024-05-01T12:00:00.120Z ERROR shop - - - stderr |m|",
    );
    check(
        "<11>1 2024-05-01T12:00:00Z h shop 8710 ID47 - m",
        "2024-05-01T12:00:00Z ERROR - 8710 - - shop 8710 |m|",
    );
    check("<27>May  1 12:00:00 h shop[7]: m", "2024-05-01T12:00:00Z ERROR - 7 - - shop[7] |m|");
    check("1714564800.123456 h shop[7]: ERROR m", "2024-05-01T12:00:00.123456Z ERROR - 7 - - shop[7] |m|");
    check("Wed 2024-05-01 12:00:00 UTC h shop[7]: ERROR m", "2024-05-01T12:00:00Z ERROR - 7 - - shop[7] |m|");
}

#[test]
fn documents_that_are_no_logs() {
    for text in [
        "{\n \"exception\": {\"values\": [{\"type\": \"KeyError\"}]},\n \"timestamp\": \"2024-05-01T12:00:00Z\",\n \"breadcrumbs\": []\n}\n",
        "{\"resourceSpans\": [{\"name\": \"x\"}]}\n",
        "{\n \"spans\": [{\"startTimeUnixNano\": \"1714564800000000000\", \"name\": \"x\"}]\n}\n",
    ] {
        assert_eq!(looks_like_log(text.as_bytes()), None, "{text}");
    }
}

/// `journalctl -o json` writes a text with colours or other control characters as a list of bytes.
#[test]
fn texts_of_journals_as_bytes() {
    let text = "\u{1b}[31mfailed\u{1b}[0m\nTraceback (most recent call last):\n  File \u{1b}[35m\"/srv/a.py\"\u{1b}[0m, line 3, in f\nKeyError: 'k'";
    let entry = |message: &str, priority: &str| {
        let entry = serde_json::json!({
            "MESSAGE": message.as_bytes(), "PRIORITY": priority, "_PID": "77", "SYSLOG_IDENTIFIER": "shop",
            "__REALTIME_TIMESTAMP": "1714564800000000",
        });
        format!("{entry}\n")
    };
    for priority in ["3", "6"] {
        let log = entry("\u{1b}[32mup\u{1b}[0m", priority).repeat(50) + &entry(text, priority);
        let scan = scan_text(&log, &Options::default());
        let types: Vec<_> = scan.tracebacks.iter().map(|entry| entry.type_name.as_deref()).collect();
        assert_eq!((types, scan.tracebacks[0].frames.len()), (vec![Some("KeyError")], 1), "{priority}");
    }
    let worker = entry("\u{1b}[31mWorker (pid:8) was sent SIGSEGV!\u{1b}[0m", "6");
    assert_eq!(scan_text(&worker, &Options::default()).events[0].signal, Some(11));
}

#[test]
fn a_traceback_that_a_rotation_cut_is_joined() {
    let mut old = "2024-05-01 12:00:00 ERROR shop: m\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\n".as_bytes();
    let mut new = "    g()\nKeyError: 'k'\n2024-05-01 12:00:01 INFO shop: n\n".as_bytes();
    let modified = Some(time("2024-06-01T00:00:00Z"));
    let first = Input { modified, ..Input::new(SourceId(1), "app.log.1", &mut old) };
    let second = Input { modified, continues: true, ..Input::new(SourceId(2), "app.log", &mut new) };
    let scan = scan([first, second], &Options::default());
    assert_eq!(scan.tracebacks.len(), 1);
    let entry = &scan.tracebacks[0];
    assert_eq!((entry.type_name.as_deref(), entry.truncated), (Some("KeyError"), false));
    assert_eq!((entry.place.source, entry.place.line, entry.place.last_line), (0, 2, 3));
    let rest = entry.rest.unwrap();
    assert_eq!((rest.source, rest.line, rest.last_line), (1, 1, 2));
    assert!(scan.sources[1].continues_previous && scan.gaps.is_empty(), "{:?}", scan.gaps);
}

#[test]
fn what_became_of_each_line_is_explained() {
    let text = "starting up\nand so on\n{\"a\": 1}\n2024-05-01 12:00:00 WARNING shop: m\nmore\n\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\nKeyError: 1\nINFO:shop:n\n";
    let scan = scan_text(text, &Options { explain: true, ..Options::default() });
    let explanation = serde_json::to_value(scan.sources[0].explanation.as_ref().unwrap()).unwrap();
    let expected = serde_json::json!({
        "formats": [
            {"format": "python-logging", "records": 1},
            {"format": "level-first", "records": 1},
        ],
        "lines": {"records": 2, "continuations": 1, "stacks": 3, "facts": 0, "empty": 1, "unparsed": 3},
        "times": [
            {"basis": "assumed-zone", "records": 1, "uncertainty_ms": 1000},
            {"basis": null, "records": 1, "uncertainty_ms": 0},
        ],
        "assumed_zone": "UTC",
        "unparsed": [
            {"why": "no-record-before", "lines": 2, "bytes": 22, "example": "starting up",
             "source": 0, "line": 1, "last_line": 1, "offset": 0},
            {"why": "no-record-in-json", "lines": 1, "bytes": 9, "example": "{\"a\": 1}",
             "source": 0, "line": 3, "last_line": 3, "offset": 22},
        ],
    });
    assert_eq!(explanation, expected);
    assert!(scan_text(text, &Options::default()).sources[0].explanation.is_none());
}

#[test]
fn times_of_collector_and_service_are_compared() {
    let text = "2024-05-01T10:00:00.500Z stdout F 2024-05-01 12:00:00,000 INFO shop: m\n2024-05-01T10:00:01.000Z stdout F 2024-05-01 12:00:01,250 INFO shop: n\n";
    let scan = scan_text(text, &Options { explain: true, ..Options::default() });
    let skew = scan.sources[0].explanation.as_ref().unwrap().skew.unwrap();
    // The service's clock shows a local time, two hours ahead.
    assert_eq!((skew.records, skew.least_ms, skew.most_ms), (2, -7_200_250, -7_199_500));
}

#[test]
fn a_log_of_more_than_a_year_is_marked() {
    let check = |text: &str, expected: bool| {
        let scan = scan_text(text, &Options::default());
        assert_eq!(scan.gaps.iter().any(|gap| gap.what == "the years of a log's times"), expected, "{text}");
    };
    check("Dec 31 23:59:59 h a[1]: m\nJan  1 00:00:00 h a[1]: m\nMay  1 00:00:00 h a[1]: m\n", false);
    check("May 30 00:00:00 h a[1]: m\nJul  1 00:00:00 h a[1]: m\nMay 29 00:00:00 h a[1]: m\n", true);
}

#[test]
fn text_for_web_pages_is_decoded() {
    let text = "2024-05-01 12:00:00 ERROR shop: m\nTraceback (most recent call last):\n  File &quot;/srv/a.py&quot;, line 3, in &lt;module&gt;\n    d[&#x27;k&#x27;]\nKeyError: &#39;k&#39;\n";
    let scan = scan_text(text, &Options::default());
    let entry = &scan.tracebacks[0];
    assert_eq!((entry.type_name.as_deref(), entry.message.as_str()), (Some("KeyError"), "'k'"));
    let frame = &entry.frames[0];
    assert_eq!((frame.file.as_str(), frame.function.as_deref()), ("/srv/a.py", Some("<module>")));
}
