//! `pycoroner heap CORE objects` and `export`: other tools' formats, and filters of objects.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use pycoroner_fixtures::{cores, incident};
use serde_json::Value;

use crate::program::{args, run};

#[test]
fn filters_find_what_the_processes_counted() {
    for fixture in cores().into_iter().filter(|fixture| fixture.name.starts_with("heap_owners")) {
        for expected in &fixture.truth.heap.types {
            let filter = format!("type={}", expected.type_name);
            let found = run(args!["heap", fixture.core, "objects", "--where", filter, "--format", "json"])
                .exits(0)
                .json();
            let ours = (found["total"].as_u64(), found["shallow_bytes"].as_u64());
            assert_eq!(
                ours,
                (Some(expected.count), Some(expected.shallow_bytes)),
                "{} {filter}",
                fixture.name
            );
        }
        for owner in fixture.truth.heap.owners.iter().take(3) {
            let filter = format!("address={} type={}", owner.address, owner.type_name);
            let found = run(args!["heap", fixture.core, "objects", "--where", filter, "--format", "json"])
                .exits(0)
                .json();
            let row = &found["matches"][0];
            assert_eq!((row["path"].as_str(), row["length"].as_u64()), (Some(&*owner.path), owner.length));
            assert_eq!(row["state"], "alive");
        }
    }
}

#[test]
fn filters_look_at_paths_and_keepers() {
    let core = incident("checkout-segfault").core;
    let lines = |filter: &str| -> Vec<Value> {
        let found =
            run(args!["heap", core, "objects", "--where", filter, "--limit", "0", "--format", "jsonl"]);
        found.exits(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let kept = lines("kept-by=shop.cache._SESSIONS type=shop.models.Session");
    let under = lines("under=shop.cache._SESSIONS type=shop.models.Session");
    assert!(kept.len() > 4000 && kept.len() == under.len(), "{} {}", kept.len(), under.len());
    let starts = |row: &Value, start: &str| row["path"].as_str().is_some_and(|path| path.starts_with(start));
    assert!(under.iter().all(|row| starts(row, "shop.cache._SESSIONS[")));
    let thread = lines("under=<thread 'checkout-3'> refs<100");
    assert!(!thread.is_empty() && thread.iter().all(|row| starts(row, "<thread 'checkout-3'>.")));
    let garbage = lines("unreachable");
    assert!(
        !garbage.is_empty() && garbage.iter().all(|row| row["path"].is_null() && row["retained_bytes"] == 0)
    );
    let [none, some] = ["type!=* ", "module=shop.cache,shop.pricing"].map(lines);
    assert!(none.is_empty() && some.iter().all(|row| row["type"].as_str().unwrap().starts_with("shop.")));
    // What is listed leads back.
    let address = kept[0]["address"].as_str().unwrap();
    let text = run(args!["heap", core, "path", address]).exits(0).stdout;
    assert!(text.contains(kept[0]["path"].as_str().unwrap()), "{text}");
    let table =
        run(args!["heap", core, "objects", "--where", "type=*.Session", "--limit", "3"]).exits(0).stdout;
    assert!(table.contains("shop.models.Session") && table.contains("more row"), "{table}");
}

#[test]
fn a_filter_that_is_none_says_where() {
    let core = incident("checkout-segfault").core;
    for (filter, part) in [
        ("type=dict sise>1", "column 11: there is no `sise`"),
        ("size>many", "column 6"),
        ("kept-by=shop.cache.none", "column 19"),
        ("under=0x10", "no object is at 0x10"),
    ] {
        let stderr = run(args!["heap", core, "objects", "--where", filter]).exits(2).stderr;
        assert!(stderr.contains(part), "{filter}: {stderr}");
    }
    run(args!["heap", core, "objects", "shop.cache"]).exits(2);
}

#[test]
fn an_export_is_written_for_its_owner_only_and_without_values() {
    let core = incident("checkout-segfault").core;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.heapsnapshot");
    let said = run(args!["heap", core, "export", "-o", file]).exits(0);
    assert!(said.stdout.is_empty() && said.stderr.contains("objects of"), "{}", said.stderr);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["snapshot"]["meta"]["edge_fields"][2], "to_node");
    assert!(text.contains("\"_SESSIONS\"") || text.contains("['_SESSIONS']"));
    assert!(!text.contains("tok_live_4f9c2e71a86b0d35"));
    let to_stdout =
        run(args!["heap", core, "export", "--format", "heapsnapshot", "--max-objects", "100"]).exits(0);
    let small = to_stdout.json()["snapshot"]["node_count"].as_u64().unwrap();
    assert!(small < 500 && to_stdout.stderr.contains("folded"), "{small}");
    run(args!["heap", core, "export"]).exits(2);
    run(args!["heap", core, "export", "--format", "text"]).exits(2);
    run(args!["heap", core, "types", "--format", "heapsnapshot"]).exits(2);
}

#[test]
fn tables_are_written_whole_into_a_new_folder() {
    let core = incident("checkout-segfault").core;
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().join("shop.parquet");
    run(args!["heap", core, "export", "-o", tables]).exits(0);
    assert_eq!(fs::metadata(&tables).unwrap().permissions().mode() & 0o777, 0o700);
    for name in ["objects", "edges", "types"] {
        let file = tables.join(format!("{name}.parquet"));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let bytes = fs::read(&file).unwrap();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{name}");
    }
    let again = run(args!["heap", core, "export", "-o", tables]).exits(2).stderr;
    assert!(again.contains("is there already"), "{again}");
    run(args!["heap", core, "export", "--format", "parquet"]).exits(2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn lines_hold_every_object_with_its_references() {
    let core = incident("checkout-segfault").core;
    let lines = run(args!["heap", core, "export", "--format", "jsonl"]).exits(0).stdout;
    let document = run(args!["heap", core, "--format", "json"]).exits(0).json();
    let totals = &document["totals"];
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Some(rows.len() as u64), totals["objects"].as_u64());
    let size: u64 = rows.iter().filter_map(|row| row["shallow_bytes"].as_u64()).sum();
    // Sizes that are left open count with what their class states; a gap names the classes.
    let open: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row["shallow_bytes"].is_null())
        .filter_map(|row| row["type"].as_str())
        .collect();
    let gaps = document["gaps"].to_string();
    assert!(!open.is_empty() && open.iter().all(|name| gaps.contains(name)), "{open:?}: {gaps}");
    assert!(Some(size) < totals["shallow_bytes"].as_u64(), "{size} of {totals}");
    let sessions = |row: &&Value| {
        row["references"].as_array().unwrap().iter().any(|edge| edge["name"] == "['_SESSIONS']")
    };
    assert!(rows.iter().any(|row| sessions(&row)));
}

#[test]
fn pictures_are_drawn_of_paths_and_of_what_is_around() {
    let core = incident("checkout-segfault").core;
    let svg = run(args!["heap", core, "path", "shop.cache._SESSIONS", "--format", "svg"]).exits(0).stdout;
    assert!(svg.starts_with("<svg ") && svg.contains("shop.cache._SESSIONS") && svg.ends_with("</svg>\n"));
    let dot = run(args!["heap", core, "object", "shop.cache._SESSIONS", "--format", "dot"]).exits(0).stdout;
    assert!(
        dot.contains("shop.models.Session")
            && dot.contains("label=\"['_SESSIONS']\"")
            && dot.contains("more")
    );
    run(args!["heap", core, "types", "--format", "svg"]).exits(2);
    run(args!["heap", core, "path", "shop.cache", "shop.locks", "--format", "svg"]).exits(2);
}

/// What memlab makes of a snapshot: number of nodes, their size, and what some of them retain.
const MEMLAB: &str = r"
const { getFullHeapFromFile } = require('@memlab/heap-analysis');
getFullHeapFromFile(process.argv[1]).then(snapshot => {
    let nodes = 0, bytes = 0;
    snapshot.nodes.forEach(node => { nodes += 1; bytes += node.self_size; });
    const retained = process.argv.slice(2).map(id => snapshot.getNodeById(Number(id)).retainedSize);
    console.log('\n' + JSON.stringify({ nodes, bytes, retained }));
});";

const PYARROW: &str = r"
import json, sys
import pyarrow.compute as pc, pyarrow.parquet as pq
objects, edges, types = (pq.read_table(f'{sys.argv[1]}/{name}.parquet') for name in ('objects', 'edges', 'types'))
print(json.dumps({'objects': objects.num_rows, 'bytes': pc.sum(objects['shallow_bytes']).as_py(),
                  'open': objects['shallow_bytes'].null_count, 'types': pc.sum(types['count']).as_py(),
                  'edges': edges.num_rows}))";

/// `PYCORONER_TOOLS` names a folder with `node_modules` (memlab) and `venv` (`PyArrow`), and `dot` is to be had.
#[test]
fn the_tools_themselves_agree() {
    let Some(tools) = std::env::var_os("PYCORONER_TOOLS").map(std::path::PathBuf::from) else { return };
    let folder = tempfile::tempdir().unwrap();
    let answer = |command: &mut std::process::Command| {
        let output = command.current_dir(&tools).output().expect("the tool is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let last_line = |text: String| -> Value { serde_json::from_str(text.lines().last().unwrap()).unwrap() };
    for (number, fixture) in
        cores().into_iter().filter(|fixture| fixture.name.starts_with("medley")).enumerate()
    {
        let document = run(args!["heap", fixture.core, "--format", "json"]).json();
        let totals = |name: &str| document["totals"][name].as_u64().unwrap();
        let largest =
            run(args!["heap", fixture.core, "objects", "--limit", "20", "--format", "jsonl"]).stdout;
        let rows: Vec<Value> = largest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();

        let snapshot = folder.path().join(format!("{number}.heapsnapshot"));
        run(args!["heap", fixture.core, "export", "-o", snapshot]);
        let mut memlab = std::process::Command::new("node");
        memlab.args(["-e", MEMLAB]).arg(&snapshot).args(rows.iter().map(|row| row["id"].to_string()));
        let memlab = last_line(answer(&mut memlab));
        assert_eq!(memlab["bytes"], totals("shallow_bytes"), "{}", fixture.name);
        assert!(memlab["nodes"].as_u64().unwrap() >= totals("objects"), "{}", fixture.name);
        let ours: Vec<&Value> = rows.iter().map(|row| &row["retained_bytes"]).collect();
        let theirs: Vec<&Value> = memlab["retained"].as_array().unwrap().iter().collect();
        assert_eq!(ours, theirs, "{}", fixture.name);

        let tables = folder.path().join(format!("{number}.parquet"));
        run(args!["heap", fixture.core, "export", "-o", tables]);
        let mut python = std::process::Command::new(tools.join("venv/bin/python"));
        let pyarrow = last_line(answer(python.args(["-c", PYARROW]).arg(&tables)));
        assert_eq!(pyarrow["objects"], totals("objects"), "{}", fixture.name);
        assert_eq!(pyarrow["types"], totals("objects"), "{}", fixture.name);
        // Sums count an array without its items, whose size no core of a static interpreter has.
        let open = 80 * pyarrow["open"].as_u64().unwrap();
        assert_eq!(pyarrow["bytes"], totals("shallow_bytes") - open, "{}", fixture.name);

        let dot = folder.path().join(format!("{number}.dot"));
        run(args!["heap", fixture.core, "object", "sys.modules", "-o", dot]);
        answer(std::process::Command::new("dot").arg("-Tsvg").arg(&dot));
    }
}
