use pycoroner_redact::{Ledger, Policy, Redactor};
use serde_json::{Value, json};

#[track_caller]
fn check(mut document: Value, expected: &Value) {
    Redactor::new(Policy::On).json(&mut document, &mut Ledger::default());
    assert_eq!(&document, expected);
    let mut ledger = Ledger::default();
    Redactor::new(Policy::On).json(&mut document, &mut ledger);
    assert!(ledger.is_empty(), "masked twice");
}

#[test]
fn environment_and_command_line() {
    check(
        json!({"process": {"env": {"HOME": "/h", "N": 1, "E": ""}, "argv": ["web", "--token", "x"], "pid": 7}}),
        &json!({"process": {"env": {"HOME": "<redacted>", "N": "<redacted>", "E": ""}, "argv": ["web", "--token", "<redacted>"], "pid": 7}}),
    );
}

#[test]
fn named_values() {
    check(
        json!([{"name": "token", "type": "Token", "kind": "local", "repr": "<Token 1>",
            "attributes": [{"name": "value", "type": "str", "repr": "'x'"}]},
            {"name": "order", "repr": "Order(secret='x')"}, {"name": "password", "value": 5}]),
        &json!([{"name": "token", "type": "Token", "kind": "local", "repr": "<redacted>",
            "attributes": [{"name": "value", "type": "str", "repr": "<redacted>"}]},
            {"name": "order", "repr": "Order(secret=<redacted>)"}, {"name": "password", "value": "<redacted>"}]),
    );
}

#[test]
fn a_thread_that_is_named_after_a_secret_stays() {
    let thread =
        json!({"name": "token-refresher", "tid": 1, "python_frames": [{"function": "run", "line": 3}]});
    check(thread.clone(), &thread);
}

#[test]
fn secret_keys_and_text() {
    check(
        json!({"api_key": "x", "cookies": {"a": "1", "b": [true, 2, null]}, "message": "password=x"}),
        &json!({"api_key": "<redacted>", "cookies": {"a": "<redacted>", "b": [true, "<redacted>", null]}, "message": "password=<redacted>"}),
    );
}

#[test]
fn depth_is_no_matter() {
    let mut document = json!("password=x");
    for _ in 0..100_000 {
        document = Value::Array(vec![document]);
    }
    Redactor::new(Policy::On).json(&mut document, &mut Ledger::default());
    let mut left = document;
    while let Value::Array(mut items) = left {
        left = items.pop().unwrap();
    }
    assert_eq!(left, "password=<redacted>");
}
