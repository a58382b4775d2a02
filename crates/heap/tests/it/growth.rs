//! Growth between two cores of one process (`fixtures/programs/growing.py`), when `PYCORONER_LIVE=1` asks for it.

use std::fs;
use std::path::Path;

use pycoroner_fixtures::{Truth, live};
use pycoroner_heap::{Analysis, Export, Filter, GrowthDocument, ObjectSet, Options, Order, analyze, growth};
use serde_json::Value;

use crate::owners::with_runtime;

#[test]
fn what_grew_between_two_cores_is_what_the_process_added() {
    let made = live::made().unwrap();
    for core in made.iter().filter(|core| core.name.ends_with("/growing")) {
        let earlier = core.core.with_file_name("earlier");
        check(&core.name, &compare(&earlier, &core.core), &core.truth);
        check_ages(&core.name, &core.core, &core.truth);
    }
    if !live::enabled() {
        return;
    }
    for interpreter in live::interpreters() {
        let made = live::make_core(&interpreter, "growing").expect("a core");
        let earlier = made.directory().join("earlier");
        check(&interpreter.to_string(), &compare(&earlier, &made.core), &made.truth);
        check_ages(&interpreter.to_string(), &made.core, &made.truth);
    }
}

fn compare(earlier: &Path, later: &Path) -> GrowthDocument {
    let options = Options { top: usize::MAX, top_owners: 2000, ..Options::default() };
    let read = |core: &Path, options: &Options<'_>| -> Analysis {
        with_runtime(&fs::read(core).unwrap(), |runtime| analyze(runtime, options).unwrap())
    };
    let mut old = read(earlier, &Options { keep_objects: true, ..options });
    let objects: Option<ObjectSet> = old.take_objects();
    let mut new = read(later, &Options { earlier: objects.as_ref(), ..options });
    let newcomers = new.take_newcomers().expect("new objects");
    let mut document = growth(old.document(), new.document());
    document.add_newcomers(newcomers);
    document
}

fn check(name: &str, found: &GrowthDocument, truth: &Truth) {
    let document = serde_json::to_value(found).expect("a document");
    let says = |row: &Value, stated: &Value| {
        let mut stated = stated.as_object().expect("a row").iter();
        stated.all(|(key, value)| match key.strip_suffix("_at_least") {
            Some(number) => row[number].as_u64() >= value.as_u64(),
            None => row[key] == *value,
        })
    };
    let has = |rows: &Value, stated: &Value| {
        rows.as_array().is_some_and(|rows| rows.iter().any(|row| says(row, stated)))
    };
    for (rows, stated) in [(&document["growth"], "growth"), (&document["owners"], "owner")] {
        assert!(has(rows, &truth.others[stated]), "{name}: no {} in {rows:#}", truth.others[stated]);
    }
    // What debug hooks put around blocks is said for each core.
    let gaps = || found.gaps.iter().filter(|gap| !gap.what.contains("debug hooks"));
    let (places, stated) = (&document["new_objects"]["places"], &truth.others["new_objects"]);
    if stated.is_null() {
        assert!(places.is_null(), "{name}: the cores are of two processes: {places:#}");
        assert_eq!(gaps().count(), 1, "{name}: {:?}", found.gaps);
    } else {
        assert!(has(places, stated), "{name}: no {stated} in {places:#}");
        // The one that takes the most of what is new stands first.
        assert_eq!(places[0]["path"], stated["path"], "{name}");
        assert_eq!(gaps().count(), 0, "{name}: {:?}", found.gaps);
    }
    let steady = truth.others["steady"].as_str();
    assert!(found.growth.iter().all(|row| Some(row.r#type.as_str()) != steady), "{name}: {steady:?} changed");
}

/// The collector's generations hold the objects that it said were in them; free-threaded builds have none.
fn check_ages(name: &str, core: &Path, truth: &Truth) {
    with_runtime(&fs::read(core).unwrap(), |runtime| {
        let export = Export::read(runtime, &Options::default()).unwrap();
        let count = |generation: u64| {
            let filter = Filter::parse(&format!("type=Late generation={generation}")).unwrap();
            export.matches(&filter, Order::default(), 0).map(|found| found.total)
        };
        if truth.python.build.contains("free-threading") {
            assert_eq!(count(0).map_err(|error| error.column), Err(11), "{name}");
            return;
        }
        let found: Vec<u64> = (0..3).map(|generation| count(generation).unwrap()).collect();
        assert_eq!(serde_json::to_value(found).unwrap(), truth.others["late"], "{name}");
    });
}
