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
