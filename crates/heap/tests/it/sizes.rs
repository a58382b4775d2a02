//! Sizes of a zoo of objects against what `sys.getsizeof` said of them (`fixtures/programs/heap_sizes.py`).

use pycoroner_coredump::PythonRuntime;
use pycoroner_fixtures::{Truth, live};
use pycoroner_heap::{Inquiry, InquiryOptions, Options, Question};
use serde::Deserialize;

use crate::owners::with_runtime;

#[derive(Deserialize)]
struct Sized {
    name: String,
    address: String,
    bytes: u64,
}

fn check(who: &str, is_of_system: bool, runtime: &PythonRuntime<'_>, truth: &Truth) {
    let zoo: Vec<Sized> = serde_json::from_value(truth.others["sizes"].clone()).unwrap();
    let asked: Vec<String> = zoo.iter().map(|sized| sized.address.clone()).collect();
    let options = InquiryOptions { retained: false, ..InquiryOptions::default() };
    let inquiry = Inquiry::new(runtime).unwrap();
    let document = inquiry.answer(Question::Object, &asked, &options, &Options::default()).unwrap();
    assert_eq!(document.unresolved, [], "{who}");
    // What distributions' Pythons say of the items of an array lies in the program file, which is not in the core.
    let is_told = |sized: &Sized| sized.name != "array" || !is_of_system;
    let found = document.objects.unwrap();
    let pairs = zoo.iter().zip(&found).filter(|(sized, _)| is_told(sized));
    let wrong: Vec<String> = pairs
        .filter(|(sized, row)| row.shallow_bytes != Some(sized.bytes))
        .map(|(sized, row)| format!("{}: {:?}, truth {}", sized.name, row.shallow_bytes, sized.bytes))
        .collect();
    assert!(wrong.is_empty(), "{who}: {wrong:#?}");
}

#[test]
fn sizes_are_as_the_process_said() {
    if !live::enabled() {
        return;
    }
    let mut checked = 0;
    for interpreter in live::interpreters() {
        let Ok(made) = live::make_core(&interpreter, "heap_sizes") else { continue };
        let bytes = std::fs::read(&made.core).unwrap();
        let is_of_system = interpreter.executable.starts_with("/usr/bin");
        with_runtime(&bytes, |runtime| check(&interpreter.to_string(), is_of_system, runtime, &made.truth));
        checked += 1;
    }
    assert!(checked > 0, "no interpreter left a core");
}
