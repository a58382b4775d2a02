//! Open files and sockets, against what their process had opened.

use std::collections::BTreeMap;

use pycoroner_fixtures::{Truth, core_named, cores, live};
use pycoroner_heap::{HeapDocument, Options, analyze};

use crate::owners::with_runtime;

fn document(core: &[u8]) -> HeapDocument {
    with_runtime(core, |runtime| analyze(runtime, &Options::default()).unwrap().into_document())
}

fn counts(document: &HeapDocument) -> BTreeMap<String, u64> {
    let word = |row: &pycoroner_heap::OpenDescriptors| format!("{:?}", row.kind).to_lowercase();
    document.descriptors.iter().map(|row| (word(row), row.count)).collect()
}

#[test]
fn the_standard_streams_are_open() {
    let mut found = cores().into_iter().filter(|fixture| fixture.name.starts_with("heap_owners")).peekable();
    assert!(found.peek().is_some());
    for fixture in found {
        let document = document(&fixture.core_bytes());
        assert_eq!(counts(&document), BTreeMap::from([("file".to_owned(), 3)]), "{}", fixture.name);
        assert_eq!(document.descriptors[0].highest, 2, "{}", fixture.name);
        assert!(!document.findings.iter().any(|finding| finding.id == "heap-open-descriptors"));
    }
}

#[test]
fn all_that_was_opened_is_found() {
    let fixture = core_named("open_files-3.12");
    check(&fixture.name, &fixture.core_bytes(), &fixture.truth);
}

#[test]
fn all_that_was_opened_is_found_in_fresh_cores() {
    let made = live::made().unwrap();
    for made in made.iter().filter(|made| made.truth.others.contains_key("descriptors")) {
        check(&made.name, &std::fs::read(&made.core).unwrap(), &made.truth);
    }
}

fn check(name: &str, core: &[u8], truth: &Truth) {
    let stated: BTreeMap<String, u64> = serde_json::from_value(truth.others["descriptors"].clone()).unwrap();
    let document = document(core);
    assert_eq!(counts(&document), stated, "{name}");
    let finding = document.findings.iter().find(|finding| finding.id == "heap-open-descriptors");
    let title = finding.map(|finding| finding.title.as_str());
    assert_eq!(title, Some("126 files are open, 120 of them under __main__.FORGOTTEN"), "{name}");
    println!("{name}: {stated:?}");
}
