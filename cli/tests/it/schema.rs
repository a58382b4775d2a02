//! Documents keep to the schemas that `pycoroner schema` prints.

use std::fs;
use std::path::Path;

use pycoroner_fixtures::{cores, incident};
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

/// What `pycoroner heap` writes, of all objects and of single ones.
#[test]
fn what_is_written_of_a_heap_keeps_to_the_schema() {
    let validator = jsonschema::validator_for(&schema("heap")).expect("a valid schema");
    for core in cores().into_iter().filter(|core| core.name.starts_with("heap_owners")) {
        let file = core.core_file();
        let views: [&[&str]; 6] = [
            &["objects", "--where", "type=dict size>1K"],
            &["summary"],
            &["object", "__main__.Registry.instances[0]", "__main__.HANDLER", "__main__.no_such"],
            &["path", "__main__.BLOBS['raw']"],
            &["referrers", "__main__.RING"],
            &["referents", "__main__.HANDLER", "__main__.PAGES"],
        ];
        for view in views {
            let fixed = ["heap".as_ref(), file.path().as_os_str()];
            let all = fixed.into_iter().chain(view.iter().map(AsRef::as_ref));
            let document = run(all.chain(["--format".as_ref(), "json".as_ref()])).exits(0).json();
            let wrong: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{}: {error:.300}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{} {view:?}: {wrong:#?}", core.name);
        }
    }
}

/// What `pycoroner analyze` writes as JSON.
#[test]
fn what_is_written_of_an_incident_keeps_to_the_schema() {
    let validator = jsonschema::validator_for(&schema("incident")).expect("a valid schema");
    let fixture = incident("checkout-segfault");
    let all = [fixture.core.clone(), fixture.file("app.log")];
    for paths in [&all[..], &all[1..]] {
        let fixed: [&std::ffi::OsStr; 3] = ["analyze", "--format", "json"].map(AsRef::as_ref);
        let document =
            run(fixed.into_iter().chain(paths.iter().map(AsRef::<std::ffi::OsStr>::as_ref))).exits(0).json();
        let wrong: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error:.300}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// A change of the contract is seen in review; `UPDATE_SNAPSHOTS=1` rewrites the file.
#[test]
fn the_schema_changes_in_sight() {
    for name in ["core", "heap", "incident", "telemetry"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots");
        let path = folder.join(format!("{name}.schema.json"));
        let found = run(args!["schema", name]).exits(0).stdout;
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&path, &found).expect("the snapshot can be written");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == expected, "the schema differs from {}", path.display());
    }
}
