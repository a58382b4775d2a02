//! `pycoroner logs` on the incident's log.

use pycoroner_fixtures::incident;

use crate::program::{args, run};

#[test]
fn text_shows_chains_warnings_and_places() {
    let log = incident("checkout-segfault").file("app.log");
    let text = run(args!["logs", log]).exits(0).stdout;
    for expected in [
        "108 records",
        "ERROR 1, WARNING 8, INFO 99",
        "shop.payments.PaymentError: charge of order 1014 was refused by the gateway",
        "caused by ConnectionResetError",
        "line 41, in charge",
        "app.log:128",
        "no price for SKU-7731",
    ] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
}

#[test]
fn json_holds_the_contract() {
    let log = incident("checkout-segfault").file("app.log");
    let document = run(args!["logs", log, "--format", "json"]).exits(0).json();
    assert_eq!(document["schema"], "pycoroner.logs/1");
    assert_eq!(document["levels"]["WARNING"], 8);
    let tracebacks = document["tracebacks"].as_array().unwrap();
    let root = tracebacks.iter().position(|entry| entry["type"] == "shop.payments.PaymentError").unwrap();
    assert_eq!(tracebacks[root]["parent"], serde_json::Value::Null);
    let cause = tracebacks.iter().find(|entry| entry["type"] == "ConnectionResetError").unwrap();
    assert_eq!((cause["relation"].as_str(), cause["parent"].as_u64()), (Some("cause"), Some(root as u64)));
}

#[test]
fn windows_are_laid_where_they_were_asked_for() {
    let fixture = incident("checkout-segfault");
    let log = fixture.file("app.log");
    let check = |options: &[&str], records: u64| {
        let all = args!["logs", log, "--format", "json"].into_iter().chain(options.iter().map(Into::into));
        let document = run(all).exits(0).json();
        assert_eq!(document["window"]["records"], records, "{options:?}: {}", document["window"]);
    };
    check(&["--around", "2026-11-23 09:25:56", "--window", "1h"], 108);
    check(&["--since", "2026-11-23T09:25:56Z"], 2);
    // The zone is that of the log's times and of the option alike.
    check(&["--since", "2026-11-23 09:25:56", "--tz", "+01:00"], 2);
    check(&["--since", "2026-11-23T08:25:56Z", "--tz", "+01:00"], 2);
    check(&["--until", "2026-11-23T09:25:53.872Z"], 3);
    check(&["--core", fixture.core.to_str().unwrap()], 108);
}

#[test]
fn new_messages_are_counted_in_the_window() {
    let quiet =
        (0..60).map(|second| format!("2024-05-01 12:{second:02}:00,000 INFO shop: request {second}\n"));
    let new = ["12:58:10", "12:58:20", "12:58:30", "13:05:00", "13:06:00"];
    let new = new.map(|clock| format!("2024-05-01 {clock},000 ERROR shop: pool is empty\n"));
    let log = quiet.chain(new).collect::<String>();
    let folder = logs_of(&[("app.log", log.as_bytes())]);
    let text = run(args!["logs", folder.path(), "--around", "2024-05-01 12:59:00"]).exits(0).stdout;
    let (_, shown) = text.split_once("Never logged before the window").expect(&text);
    assert!(shown.contains("3 × ERROR    pool is empty"), "{shown}");
}

const FIRST: &str = "2024-05-01 12:00:00,000 INFO shop: one\n2024-05-01 12:00:01,000 ERROR shop: two\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\n";
const SECOND: &str = "    g()\nKeyError: 'k'\n2024-05-01 12:00:02,000 INFO shop: three\n";
const THIRD: &str = "2024-05-01 12:00:03,000 INFO shop: four\n";

fn logs_of(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

#[test]
fn rotated_logs_are_read_as_one() {
    let check = |files: &[(&str, &[u8])], order: &[&str], joined: bool| {
        let folder = logs_of(files);
        let document = run(args!["logs", folder.path(), "--format", "json"]).json();
        let sources = document["sources"].as_array().unwrap();
        let name = |path: &serde_json::Value| path.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let shown: Vec<String> = sources.iter().map(|source| name(&source["path"])).collect();
        assert_eq!(shown, order);
        let follows = sources.iter().skip(1).all(|source| source["continues_previous"] == true);
        assert_eq!(follows, joined, "{document}");
        let whole = document["tracebacks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["type"] == "KeyError" && entry["truncated"] == false);
        assert_eq!(whole, joined, "{document}");
    };
    let (first, second, third) = (FIRST.as_bytes(), SECOND.as_bytes(), THIRD.as_bytes());
    check(
        &[("app.log", third), ("app.log.1", second), ("app.log.2", first)],
        &["app.log.2", "app.log.1", "app.log"],
        true,
    );
    check(
        &[("app.2024-05-01.log", first), ("app.2024-05-02.log", second)],
        &["app.2024-05-01.log", "app.2024-05-02.log"],
        true,
    );
    // The numbers rise with time here.
    check(&[("app.log.1", first), ("app.log.2", second)], &["app.log.1", "app.log.2"], true);
    // Two workers' logs, and no rotation: both begin at the same time.
    check(&[("worker.1.log", first), ("worker.2.log", first)], &["worker.1.log", "worker.2.log"], false);
}

#[test]
fn text_in_utf16_is_read() {
    let text = "2024-05-01 12:00:00,000 ERROR shop: caf\u{e9}\r\n";
    let units = text.encode_utf16();
    let mut little = vec![0xff, 0xfe];
    little.extend(units.clone().flat_map(u16::to_le_bytes));
    let mut big = vec![0xfe, 0xff];
    big.extend(units.flat_map(u16::to_be_bytes));
    let folder = logs_of(&[("little.log", &little), ("big.txt", &big)]);
    let document = run(args!["logs", folder.path(), "--format", "json"]).exits(0).json();
    let messages: Vec<&str> = document["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["message"].as_str().unwrap())
        .collect();
    assert_eq!(messages, ["caf\u{e9}", "caf\u{e9}"]);
}

#[test]
fn what_was_taken_for_what_is_explained() {
    let log =
        b"starting up password=hunter2secret\n2024-05-01 12:00:00,000 ERROR shop: one\nmore\nINFO:shop:two\n";
    let folder = logs_of(&[("app.log", log)]);
    let plain = run(args!["logs", folder.path()]).stdout;
    assert!(!plain.contains("How it was read"), "{plain}");
    let text = run(args!["logs", folder.path(), "--explain", "--tz", "+02:00"]).stdout;
    for expected in [
        "records   1 python-logging, 1 level-first",
        "2 start a record, 1 go on with one, 1 are none of these",
        "1 without a zone, read as +02, off by 1 ms at most; 1 record without a time",
        "they start no record of a known form, and no record stands before them; the first, line 1, is \"starting up",
    ] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    assert!(!text.contains("hunter2secret"), "{text}");
    let document = run(args!["logs", folder.path(), "--explain", "--format", "json"]).json();
    assert_eq!(document["sources"][0]["explanation"]["unparsed"][0]["why"], "no-record-before");
}

#[test]
fn lines_that_may_be_more_of_a_message_are_shown() {
    let log = b"up\n2024-05-01 12:00:00,123 ERROR shop: m\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\n    g()\nRuntimeError: no plugin\n\nCauses:\n* disk\n2024-05-01 12:00:01,123 INFO shop: n\n";
    let folder = logs_of(&[("app.log", log)]);
    let expected = "perhaps 2 more lines of the message: Causes: …";
    for command in ["logs", "analyze"] {
        let text = run(args![command, folder.path()]).stdout;
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    let document = run(args!["logs", folder.path(), "--format", "json"]).json();
    let trailing = serde_json::json!(["", "Causes:", "* disk"]);
    assert_eq!(document["tracebacks"][0]["trailing"], trailing);
}

#[test]
fn objects_behind_what_a_platform_puts_in_front_are_explained() {
    let log = b"2024-05-01T12:00:00.5+00:00 app[web.1]: {\"level\": \"WARNING\", \"message\": \"m\"}\n2024-05-01T12:00:01.5+00:00 heroku[router]: at=info method=GET\n";
    let folder = logs_of(&[("app.log", log)]);
    let text = run(args!["logs", folder.path(), "--explain"]).stdout;
    for expected in ["in heroku", "records   app[web.1]: 1 json", "2 start a record"] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
}
