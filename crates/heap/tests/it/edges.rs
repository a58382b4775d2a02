//! References of a zoo of objects against what the collector of the same process saw (`fixtures/programs/heap_edges.py`).

use std::collections::BTreeSet;

use pycoroner_coredump::PythonRuntime;
use pycoroner_fixtures::{Truth, live};
use pycoroner_heap::{Inquiry, InquiryOptions, Kind, Options, Question, ReferenceRow};
use serde::Deserialize;

use crate::owners::with_runtime;

#[derive(Deserialize)]
struct Edges {
    name: String,
    address: String,
    /// The type tells the collector what its objects refer to.
    visits: bool,
    referents: BTreeSet<String>,
    also: BTreeSet<String>,
}

/// What types without references of their own hold is not told to the collector by all that hold it.
const ATOMS: [&str; 7] = ["str", "int", "float", "bytes", "complex", "bool", "NoneType"];

/// References that a type has, or borrows, and does not tell the collector.
const UNTOLD: [(&str, &str); 12] = [
    ("memoryview", ".obj"),
    ("memoryview of array", ".obj"),
    // `type_traverse` leaves them out: there are no cycles by them.
    ("slotted class", ".<subclasses>"),
    ("slotted class", ".<slots>"),
    ("threading.local", ".<word 0x38>"),
    ("partial", ".<word 0x38>"),
    ("partial with attribute", ".<word 0x38>"),
    ("decimal Context", ".<word 0x60>"),
    // Free-threaded builds track code objects, and tell their constants only.
    ("code", ".co_names"),
    ("code", ".<word 0x70>"),
    ("code module", ".co_names"),
    ("code module", ".<word 0x70>"),
];

fn is_untold(name: &str, row: &ReferenceRow) -> bool {
    let is_atom = row.r#type.as_deref().is_some_and(|name| ATOMS.contains(&name));
    // Exceptions of the module, which a connection has under their names.
    let is_borrowed = name == "sqlite3 Connection" && row.r#type.as_deref() == Some("type");
    row.kind == Kind::Key || is_atom || is_borrowed || UNTOLD.contains(&(name, row.edge.as_str()))
}

fn check(who: &str, runtime: &PythonRuntime<'_>, truth: &Truth) {
    let zoo: Vec<Edges> = serde_json::from_value(truth.others["edges"].clone()).unwrap();
    let asked: Vec<String> = zoo.iter().map(|edges| edges.address.clone()).collect();
    let options = InquiryOptions { references: usize::MAX, ..InquiryOptions::default() };
    let inquiry = Inquiry::new(runtime).unwrap();
    let document = inquiry.answer(Question::Referents, &asked, &options, &Options::default()).unwrap();
    assert_eq!(document.unresolved, [], "{who}");
    let mut wrong = Vec::new();
    for (edges, found) in zoo.iter().zip(document.referents.unwrap()) {
        // In some releases an instance tells its values when it has a dict; we read them by the dict.
        let tells_values = truth.python.version == "3.13.0" || truth.python.build.contains("free-threading");
        if tells_values && ["instance with dict", "its dict"].contains(&edges.name.as_str()) {
            continue;
        }
        let strong = || found.references.iter().filter(|row| row.kind != Kind::Weak);
        let ours: BTreeSet<String> = strong().filter_map(|row| Some(row.address?.to_string())).collect();
        let missing: Vec<_> =
            edges.referents.union(&edges.also).filter(|&address| !ours.contains(address)).collect();
        let is_known = |row: &&ReferenceRow| {
            let address = row.address.map(|address| address.to_string()).unwrap_or_default();
            edges.referents.contains(&address) || edges.also.contains(&address)
        };
        let extra: Vec<_> = strong()
            .filter(|row| edges.visits && !is_known(row) && !is_untold(&edges.name, row))
            .map(|row| (row.edge.as_str(), row.r#type.as_deref()))
            .collect();
        if !missing.is_empty() || !extra.is_empty() {
            wrong.push(format!("{}: missing {missing:?}, more {extra:?}", edges.name));
        }
    }
    assert!(wrong.is_empty(), "{who}: {wrong:#?}");
    assert!(zoo.len() > 150, "{who}");
}

#[test]
fn references_are_those_that_the_collector_sees() {
    let made = live::made().unwrap();
    for core in made.iter().filter(|core| core.name.ends_with("/heap_edges")) {
        let bytes = std::fs::read(&core.core).unwrap();
        with_runtime(&bytes, |runtime| check(&core.name, runtime, &core.truth));
    }
    if !live::enabled() {
        return;
    }
    for interpreter in live::interpreters() {
        let made = live::make_core(&interpreter, "heap_edges").expect("a core");
        let bytes = std::fs::read(&made.core).unwrap();
        with_runtime(&bytes, |runtime| check(&interpreter.to_string(), runtime, &made.truth));
        println!("{interpreter}: references");
    }
}
