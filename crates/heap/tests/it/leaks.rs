//! Leaks of many kinds, on fresh cores of every interpreter, when `PYCORONER_LIVE=1` asks for it.

use std::path::Path;

use pycoroner_coredump::{Core, CoreFile, DeadProcess, ModuleFinder, PythonRuntime, UnpackLimits};
use pycoroner_findings::SourceId;
use pycoroner_fixtures::{Truth, live};
use pycoroner_heap::{Collector, HeapDocument, Options, analyze};
use serde_json::Value;

/// Modes of `programs/leaks.py`.
const MODES: &[&str] = &[
    "cache",
    "cycle",
    "del_cycle",
    "lost_reference",
    "parent_cycle",
    "collector_state",
    "excess_of_many",
    "excess_of_one",
    "closure",
    "generator_local",
    "thread_local",
    "traceback_held",
    "pymalloc_fragments",
    "malloc_fragments",
    "generators",
    "tasks",
    "plain_tasks",
    "kept_exceptions",
    "last_exception",
    "kept_traceback",
    "exception_cycle",
    "duplicate_strings",
    "duplicate_attributes",
    "deleted_keys",
    "empty_containers",
    "over_allocation",
    "big_buffers",
    "native_memory",
    "private_mapping",
    "lru_cache",
    "deep_chain",
    "deque",
    "class_attribute",
    "under_construction",
];

#[test]
fn leaks_are_found_where_they_are() {
    let made = live::made().unwrap();
    for core in made.iter().filter(|core| core.name.contains("/leaks:")) {
        check_core(&core.name, &core.core, core.root.as_deref().unwrap_or(Path::new("/")), &core.truth);
    }
    if !live::enabled() {
        return;
    }
    for interpreter in live::interpreters() {
        for &mode in MODES {
            let made = live::make_core_with(&interpreter, "leaks", &[mode]).expect("a core");
            check_core(&format!("{mode} on {interpreter}"), &made.core, Path::new("/"), &made.truth);
        }
    }
}

/// With the files of the process under `root`, and by the core alone.
fn check_core(name: &str, core: &Path, root: &Path, truth: &Truth) {
    let file = CoreFile::open(core, UnpackLimits::default()).expect("the core");
    for (files, sysroot) in [(true, root), (false, Path::new("/nonexistent"))] {
        let core = Core::parse(&file, SourceId(1)).expect("a core");
        let finder = ModuleFinder { sysroot: Some(sysroot.into()), ..ModuleFinder::default() };
        let process = DeadProcess::new(core, &finder);
        let runtime = PythonRuntime::attach(&process).expect("a Python");
        let analysis = analyze(&runtime, &Options::default()).expect("its heap");
        check(&format!("{name}, files: {files}"), analysis.document(), truth);
    }
}

fn check(name: &str, found: &HeapDocument, truth: &Truth) {
    let sum: u64 = found.ledger.iter().map(|row| row.bytes).sum();
    assert_eq!(sum, found.totals.dumped_bytes, "{name}");
    if let Some(stated) = truth.others.get("suspect") {
        let suspect =
            found.suspects.iter().find(|suspect| Some(suspect.path.as_str()) == stated["path"].as_str());
        let suspect = suspect.unwrap_or_else(|| panic!("{name}: {:?}", found.suspects));
        assert_eq!(Some(suspect.r#type.as_str()), stated["type"].as_str(), "{name}");
        if let Some(bytes) = stated["retained_bytes"].as_u64() {
            assert_eq!(suspect.retained_bytes, bytes, "{name}");
        }
        if let (Some(of), Some(count)) = (stated["accumulates"].as_str(), stated["count"].as_u64()) {
            let held = suspect.accumulates.as_ref().map(|held| (held.r#type.as_str(), held.count));
            assert_eq!(held, Some((of, count)), "{name}");
        }
    }
    for stated in rows(truth, "unowned") {
        let row = found.unowned.iter().find(|row| Some(row.r#type.as_str()) == stated["type"].as_str());
        let stated = (stated["count"].as_u64(), stated["excess_references"].as_u64());
        assert_eq!((row.map(|row| row.count), row.map(|row| row.excess_references)), stated, "{name}");
    }
    check_sections(name, found, truth);
    if let Some(stated) = truth.others.get("large_row") {
        let row = found.ledger.iter().find(|row| Some(row.owner.as_str()) == stated["owner"].as_str());
        let least = stated["at_least"].as_u64();
        assert!(row.map(|row| row.bytes) >= least, "{name}: {:?}", found.ledger);
    }
}

/// Sections whose rows the truth states in part: a row has to be there that says all that it says.
const SECTIONS: &[&str] =
    &["duplicates", "containers", "buffers", "largest", "suspended", "exceptions", "excess", "unreachable"];

fn check_sections(name: &str, found: &HeapDocument, truth: &Truth) {
    let document = serde_json::to_value(found).expect("a document");
    for &section in SECTIONS {
        let written = match section {
            "duplicates" => &document["duplicates"]["rows"],
            _ => &document[section],
        };
        let written = written.as_array().map(Vec::as_slice).unwrap_or_default();
        for stated in rows(truth, section) {
            // A container is a row within that of its type.
            let within = written.iter().filter_map(|row| row["largest"].as_array()).flatten();
            let is_there = written.iter().chain(within).any(|row| says(row, stated));
            assert!(is_there, "{name}: no {stated} in {section}: {written:#?}");
        }
    }
    if let Some(stated) = truth.others.get("collector") {
        check_collector(name, &found.collector, stated);
    }
    if let Some(id) = truth.others.get("finding").and_then(Value::as_str) {
        assert!(found.findings.iter().any(|finding| finding.id == id), "{name}: no {id}");
    }
}

fn check_collector(name: &str, found: &Collector, stated: &Value) {
    let thresholds: Vec<i64> = found.generations.iter().map(|generation| generation.threshold).collect();
    let is = |key: &str, value: Value| stated.get(key).is_none_or(|stated| *stated == value);
    assert!(is("is_enabled", found.is_enabled.into()), "{name}: {found:?}");
    assert!(is("uncollectable", found.uncollectable.into()), "{name}: {found:?}");
    assert!(is("thresholds", thresholds.into()), "{name}: {found:?}");
    // The program makes and drops objects after it has counted.
    if let Some(least) = stated.get("frozen_at_least").and_then(Value::as_u64) {
        assert!(
            found.frozen.is_some_and(|frozen| (least..least + 20).contains(&frozen)),
            "{name}: {found:?}"
        );
    }
}

/// Whether a row says what is stated; `N_at_least` states the least number of `N`, and a holder by its path.
fn says(row: &Value, stated: &Value) -> bool {
    let Some(stated) = stated.as_object() else { return false };
    // The row of a container does not repeat its type.
    let repeats = |key: &str| key != "type" || row.get("type").is_some();
    stated.iter().filter(|(key, _)| repeats(key)).all(|(key, value)| match key.strip_suffix("_at_least") {
        Some("wasted") => row["wasted_bytes"].as_u64() >= value.as_u64(),
        Some("retained") => row["retained_bytes"].as_u64() >= value.as_u64(),
        Some(number) => row[number].as_u64() >= value.as_u64(),
        None if key == "held_by" => {
            row["held_by"].as_array().is_some_and(|holders| holders.iter().any(|it| it["path"] == *value))
        }
        None => match key.as_str() {
            "cycle_ends" => {
                row["cycle"].as_str().zip(value.as_str()).is_some_and(|(cycle, end)| cycle.ends_with(end))
            }
            "line" => row["stack"][0]["line"] == *value,
            "awaits" => has_place(row, "function", value),
            "awaits_line" => has_place(row, "line", value),
            "last_function" => {
                row["functions"].as_array().and_then(|functions| functions.last()) == Some(value)
            }
            _ => row[key] == *value,
        },
    })
}

/// Whether a function or line is on the stack of a row.
fn has_place(row: &Value, key: &str, value: &Value) -> bool {
    row["stack"].as_array().is_some_and(|stack| stack.iter().any(|place| place[key] == *value))
}

fn rows<'t>(truth: &'t Truth, key: &str) -> &'t [Value] {
    truth.others.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
