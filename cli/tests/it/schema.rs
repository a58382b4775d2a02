//! Documents keep to the schemas that `pycoroner schema` prints.

use std::fs;
use std::path::Path;

use pycoroner_fixtures::cores;
use serde_json::Value;

use crate::program::{args, run};

fn schema(name: &str) -> Value {
    run(args!["schema", name]).exits(0).json()
}

#[test]
fn what_is_written_keeps_to_the_schema() {
    let validator = jsonschema::validator_for(&schema("core")).expect("a valid schema");
    for core in cores() {
        let file = core.core_file();
        let path = file.path();
        for extra in [&["--redact", "on"][..], &["--locals", "--native", "--all"]] {
            let fixed = ["core".as_ref(), path.as_os_str(), "--format".as_ref(), "json".as_ref()];
            let document = run(fixed.into_iter().chain(extra.iter().map(AsRef::as_ref))).json();
            let wrong: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{}: {error:.300}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{}: {wrong:#?}", core.name);
        }
    }
}

/// A change of the contract is seen in review; `UPDATE_SNAPSHOTS=1` rewrites the file.
#[test]
fn the_schema_changes_in_sight() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/core.schema.json");
    let found = run(args!["schema", "core"]).exits(0).stdout;
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &found).expect("the snapshot can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "the schema differs from {}", path.display());
}
