//! What threads called, and exceptions that no thread state names.

use std::collections::BTreeMap;

use pycoroner_coredump::{CCallSection, ExceptionSection, ProcessSnapshot};
use pycoroner_fixtures::Truth;
use serde_json::Value;

/// Compares what `c_calls` and `hooks` state.
pub(crate) fn check(name: &str, found: &ProcessSnapshot, truth: &Truth) {
    let stated = |fact: &str| -> BTreeMap<String, Value> {
        let fact = truth.others.get(fact).cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        serde_json::from_value(fact).expect("an object")
    };
    let thread = |who: &str| {
        let thread = found.threads.iter().find(|thread| thread.name.as_deref() == Some(who));
        thread.unwrap_or_else(|| panic!("{name}: no thread {who}"))
    };
    for (who, expected) in stated("c_calls") {
        let call = thread(&who).c_call.as_ref();
        assert_eq!(call.map_or(Value::Null, in_short), expected, "{name}, {who}");
    }
    for (function, expected) in stated("frame_c_calls") {
        let mut frames = found.threads.iter().flat_map(|thread| &thread.python_frames);
        let frame = frames.find(|frame| frame.function == function);
        let call = frame.unwrap_or_else(|| panic!("{name}: no {function}")).c_call.as_ref();
        assert_eq!(call.map_or(Value::Null, in_short), expected, "{name}, {function}");
    }
    for path in truth.others.get("unowned").and_then(Value::as_array).into_iter().flatten() {
        let lock = found.locks.iter().find(|lock| lock.path.as_deref() == path.as_str());
        assert_eq!(lock.and_then(|lock| lock.owner_tid), None, "{name}, {path}");
    }
    for (who, expected) in stated("reported") {
        let exceptions = thread(&who).exceptions.iter();
        let reported = exceptions.filter(|exception| !matches!(exception.role, Some("raised" | "handled")));
        // The interpreter handles the one of a thread's `run` while it calls the hook.
        let handled = thread(&who).exceptions.last().into_iter();
        let all: Vec<Value> = reported.chain(handled).map(line).collect();
        for one in expected.as_array().expect("a list") {
            assert!(all.contains(one), "{name}, {who}: {one} is not among {all:?}");
        }
    }
    for (who, expected) in stated("handled_while_suspended") {
        let one = found.suspended.iter().find(|one| one.name.as_deref() == Some(&who));
        let one = one.unwrap_or_else(|| panic!("{name}: no generator {who}"));
        let handled: Vec<Value> = one.exceptions.iter().map(line).collect();
        assert_eq!(Value::from(handled), expected, "{name}, {who}");
    }
}

/// Compares what `signals` states.
pub(crate) fn check_interpreter(name: &str, found: &ProcessSnapshot, truth: &Truth) {
    let python = || found.process.python.as_ref().expect("an interpreter");
    if let Some(signals) = truth.others.get("signals") {
        let table = python().signals.as_ref().unwrap_or_else(|| panic!("{name}: no table of signals"));
        assert_eq!(&serde_json::to_value(&table.handlers).expect("rows"), signals, "{name}");
    }
    if let Some(handles) = truth.others.get("handles") {
        let frames = found.threads.iter().flat_map(|thread| &thread.python_frames);
        let called = frames.filter_map(|frame| Some((frame.function.clone(), frame.handles_signal?.into())));
        assert_eq!(&Value::Object(called.collect()), handles, "{name}");
    }
    if let Some(Value::Object(expected)) = truth.others.get("faulthandler") {
        let state = serde_json::to_value(&found.crash.faulthandler).expect("a state");
        for key in ["enabled", "file_descriptor", "all_threads", "timer"] {
            assert_eq!(state.get(key), expected.get(key), "{name}, {key}: {state}");
        }
    }
}

fn in_short(call: &CCallSection) -> Value {
    serde_json::json!({"name": call.name, "kind": call.kind})
}

fn line(exception: &ExceptionSection) -> Value {
    serde_json::json!([exception.type_name, exception.message])
}
