//! Growth between two cores of one process (`fixtures/programs/growing.py`), when `PYCORONER_LIVE=1` asks for it.

use std::fs;
use std::path::Path;

use pycoroner_fixtures::{Truth, live};
use pycoroner_heap::{Analysis, GrowthDocument, ObjectSet, Options, analyze, growth};
use serde_json::Value;

use crate::owners::with_runtime;

#[test]
fn what_grew_between_two_cores_is_what_the_process_added() {
    if !live::enabled() {
        return;
    }
    let mut checked = 0;
    for interpreter in live::interpreters() {
        let Ok(made) = live::make_core(&interpreter, "growing") else { continue };
        if made.truth.others["taken"] != true {
            println!("there is no gcore that may read a process");
            return;
        }
        let earlier = earlier_core(made.directory());
        check(&interpreter.to_string(), &compare(&earlier, &made.core), &made.truth);
        checked += 1;
    }
    assert!(checked > 0, "no interpreter left a core");
}

fn earlier_core(folder: &Path) -> std::path::PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.file_stem().is_some_and(|stem| stem == "earlier")).expect("the first core")
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
    for (rows, stated) in [
        (&document["growth"], "growth"),
        (&document["owners"], "owner"),
        (&document["new_objects"]["places"], "new_objects"),
    ] {
        assert!(has(rows, &truth.others[stated]), "{name}: no {} in {rows:#}", truth.others[stated]);
    }
    // The one that takes the most of what is new stands first.
    assert_eq!(document["new_objects"]["places"][0]["path"], truth.others["new_objects"]["path"], "{name}");
    let steady = truth.others["steady"].as_str();
    assert!(found.growth.iter().all(|row| Some(row.r#type.as_str()) != steady), "{name}: {steady:?} changed");
    assert_eq!(found.gaps, [], "{name}");
}
