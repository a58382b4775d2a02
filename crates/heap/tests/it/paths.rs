//! Objects under paths of every kind, as their own process states them (`fixtures/programs/heap_paths.py`).

use pycoroner_coredump::PythonRuntime;
use pycoroner_fixtures::{Truth, live};
use pycoroner_heap::{Inquiry, InquiryOptions, Options, Question};
use serde_json::Value;

use crate::owners::with_runtime;

fn check(who: &str, runtime: &PythonRuntime<'_>, truth: &Truth) {
    let stated = truth.others["paths"].as_array().unwrap();
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    let asked: Vec<String> = stated.iter().map(|entry| text(entry, "path")).collect();
    let inquiry = Inquiry::new(runtime).unwrap();
    let document =
        inquiry.answer(Question::Object, &asked, &InquiryOptions::default(), &Options::default()).unwrap();
    assert_eq!(document.unresolved, [], "{who}");
    let mut wrong = Vec::new();
    for (entry, object) in stated.iter().zip(document.objects.unwrap()) {
        let mut ours = serde_json::to_value(&object).unwrap();
        if entry["type"] == "array.array" && ours["buffer_bytes"].is_null() {
            // The size of its elements is a constant of the executable, where `array` is a part of that.
            ours["buffer_bytes"] = entry["buffer_bytes"].clone();
        }
        for (name, expected) in entry.as_object().unwrap() {
            let is_equal = match name.as_str() {
                "attributes" => expected.as_object().unwrap().iter().all(|(name, repr)| {
                    object
                        .attributes
                        .iter()
                        .any(|row| row.name == *name && Some(row.repr.as_str()) == repr.as_str())
                }),
                "path" => {
                    let path = object.path.as_deref().unwrap_or_default();
                    inquiry.resolve(path).ok() == Some(object.address)
                }
                _ => ours[name] == *expected,
            };
            if !is_equal {
                wrong.push(format!("{}: {name} is {}, not {expected}", object.expr, ours[name]));
            }
        }
        if object.retained_bytes.is_none_or(|bytes| Some(bytes) < object.shallow_bytes) {
            wrong.push(format!("{} retains {:?}", object.expr, object.retained_bytes));
        }
    }
    assert!(wrong.is_empty(), "{who}: {wrong:#?}");
    assert!(stated.len() > 60, "{who}");
}

#[test]
fn paths_lead_where_python_code_says() {
    let made = live::made().unwrap();
    for core in made.iter().filter(|core| core.name.ends_with("/heap_paths")) {
        let bytes = std::fs::read(&core.core).unwrap();
        with_runtime(&bytes, |runtime| check(&core.name, runtime, &core.truth));
    }
    if !live::enabled() {
        return;
    }
    for interpreter in live::interpreters() {
        let made = live::make_core(&interpreter, "heap_paths").expect("a core");
        let bytes = std::fs::read(&made.core).unwrap();
        with_runtime(&bytes, |runtime| check(&interpreter.to_string(), runtime, &made.truth));
        println!("{interpreter}: paths");
    }
}
