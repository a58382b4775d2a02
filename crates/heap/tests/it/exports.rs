//! Exports against the rules of their formats and against what the analysis says of the same heap.

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use pycoroner_fixtures::cores;
use pycoroner_heap::{Dominators, Export, Graph, HeapDocument, Options, Retained, SnapshotOptions, analyze};
use serde_json::Value;

use crate::owners::with_runtime;

/// A heap snapshot as its readers see it.
struct Snapshot {
    nodes: Vec<[u64; 7]>,
    /// Type, name and node of all edges by the node that they begin at.
    edges: Vec<Vec<[u64; 3]>>,
    strings: Vec<String>,
}

const ELEMENT: u64 = 1;
const HIDDEN: u64 = 4;
const WEAK: u64 = 6;

impl Snapshot {
    /// Reads a snapshot and asserts what readers take for granted.
    fn read(bytes: &[u8]) -> Self {
        let document: Value = serde_json::from_slice(bytes).unwrap();
        let numbers = |name: &str| -> Vec<u64> {
            document[name].as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
        };
        let (nodes, edges) = (numbers("nodes"), numbers("edges"));
        let nodes: Vec<[u64; 7]> = nodes.as_chunks().0.to_vec();
        let strings: Vec<String> = serde_json::from_value(document["strings"].clone()).unwrap();
        let counts = &document["snapshot"];
        assert_eq!(counts["node_count"], nodes.len());
        assert_eq!(counts["edge_count"].as_u64().unwrap() * 3, edges.len() as u64);
        assert_eq!(counts["meta"]["node_fields"].as_array().unwrap().len(), 7);
        assert_eq!(counts["meta"]["edge_fields"].as_array().unwrap().len(), 3);
        let mut left = edges.as_chunks::<3>().0;
        let mut by_node = Vec::new();
        for node in &nodes {
            let (own, rest) = left.split_at(node[4] as usize);
            by_node.push(own.to_vec());
            left = rest;
        }
        assert!(left.is_empty());
        for [kind, name, to] in by_node.iter().flatten() {
            assert!(*kind <= WEAK && to.is_multiple_of(7) && ((*to / 7) as usize) < nodes.len());
            assert!([ELEMENT, HIDDEN].contains(kind) || (*name as usize) < strings.len());
        }
        let mut ids: Vec<u64> = nodes.iter().map(|node| node[2]).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), nodes.len());
        assert!(
            nodes.iter().all(|node| (node[1] as usize) < strings.len() && u32::try_from(node[3]).is_ok())
        );
        assert_eq!((nodes[0][0], nodes[0][3]), (9, 0), "the root is synthetic and empty");
        Self { nodes, edges: by_node, strings }
    }

    /// What each node retains, as readers compute it: weak edges do not count.
    fn retained(&self) -> Retained {
        let row = |edges: &Vec<[u64; 3]>| {
            edges.iter().filter(|edge| edge[0] != WEAK).map(|edge| (edge[2] / 7) as u32).collect()
        };
        let graph: Graph = self.edges.iter().map(row).collect();
        let dominators = Dominators::compute(&graph, &[0]);
        assert!((0..self.nodes.len() as u32).all(|node| dominators.is_reached(node)));
        Retained::sum(&dominators, |node| self.nodes[node as usize][3])
    }

    fn node_of(&self, id: u64) -> Option<u32> {
        self.nodes.iter().position(|node| node[2] == id).map(|at| at as u32)
    }
}

/// Asserts that what is shown retains what the analysis says.
fn check_snapshot(who: &str, export: &Export<'_, '_>, document: &HeapDocument, options: SnapshotOptions) {
    let mut bytes = Vec::new();
    let mut mask = |text: &str| text.to_owned();
    let totals = export.heap_snapshot(&mut bytes, &options, &mut mask).unwrap();
    let snapshot = Snapshot::read(&bytes);
    let who = format!("{who} {options:?}: {totals:?}");
    let sizes: u64 = snapshot.nodes.iter().map(|node| node[3]).sum();
    assert_eq!(sizes, document.totals.shallow_bytes, "{who}");
    assert_eq!(
        (totals.bytes, totals.bytes_cut, totals.objects),
        (sizes, 0, document.totals.objects),
        "{who}"
    );
    assert!(snapshot.nodes.len() <= options.most_objects.saturating_mul(2).saturating_add(500), "{who}");
    let objects = snapshot.nodes.iter().filter(|node| node[2] % 2 == 1).count() as u64;
    assert_eq!(objects + totals.folded, totals.objects, "{who}");
    let retained = snapshot.retained();
    let mut seen = 0;
    for owner in &document.owners {
        if let Some(node) = snapshot.node_of(export.id_of(owner.address).unwrap()) {
            assert_eq!(retained.bytes(node), owner.retained_bytes, "{who}: {}", owner.path);
            assert_eq!(snapshot.strings[snapshot.nodes[node as usize][1] as usize], owner.r#type, "{who}");
            seen += 1;
        }
    }
    let expected = document.owners.iter().filter(|owner| owner.retained_bytes >= totals.fold_below).count();
    assert_eq!(seen, expected, "{who}");
}

#[test]
fn a_heap_snapshot_has_the_sizes_of_the_heap() {
    let fixtures = cores().into_iter().filter(|fixture| fixture.name.starts_with("heap_owners"));
    for fixture in fixtures {
        with_runtime(&fixture.core_bytes(), |runtime| {
            let document = analyze(runtime, &Options::default()).unwrap().into_document();
            let export = Export::read(runtime, &Options::default()).unwrap();
            for most_objects in [usize::MAX, 10_000, 300, 0] {
                let options = SnapshotOptions { most_objects, fold_below: None };
                check_snapshot(&fixture.name, &export, &document, options);
            }
            let options = SnapshotOptions { fold_below: Some(4096), ..SnapshotOptions::default() };
            check_snapshot(&fixture.name, &export, &document, options);
        });
    }
}

/// The rows of a table, each by the names of its columns.
fn rows(bytes: Vec<u8>) -> Vec<Row> {
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    reader.get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

fn number(row: &Row, name: &str) -> Option<u64> {
    row.get_column_iter().find(|(column, _)| *column == name).and_then(|(_, field)| match field {
        Field::ULong(number) => Some(*number),
        Field::UInt(number) => Some(u64::from(*number)),
        _ => None,
    })
}

fn text<'r>(row: &'r Row, name: &str) -> Option<&'r str> {
    row.get_column_iter().find(|(column, _)| *column == name).and_then(|(_, field)| match field {
        Field::Str(text) => Some(text.as_str()),
        _ => None,
    })
}

#[test]
fn tables_add_up_to_the_heap() {
    let fixtures = cores().into_iter().filter(|fixture| fixture.name.starts_with("heap_owners"));
    for fixture in fixtures {
        with_runtime(&fixture.core_bytes(), |runtime| {
            let document = analyze(runtime, &Options::default()).unwrap().into_document();
            let export = Export::read(runtime, &Options::default()).unwrap();
            let mut mask = |text: &str| text.replace("BLOBS", "<masked>");
            let mut tables = [const { Vec::new() }; 3];
            let [objects, edges, types] = &mut tables;
            export.parquet_objects(objects, &mut mask).unwrap();
            export.parquet_edges(edges, &mut mask).unwrap();
            export.parquet_types(types, &mut mask).unwrap();
            let [objects, edges, types] = tables.map(rows);
            let sum = |rows: &[Row], name: &str| rows.iter().filter_map(|row| number(row, name)).sum::<u64>();
            assert_eq!(objects.len() as u64, document.totals.objects, "{}", fixture.name);
            assert_eq!(sum(&objects, "shallow_bytes"), document.totals.shallow_bytes);
            assert_eq!(sum(&types, "shallow_bytes"), document.totals.shallow_bytes);
            assert_eq!(sum(&types, "count"), document.totals.objects);
            for owner in &document.owners {
                let id = export.id_of(owner.address).unwrap();
                let row = objects.iter().find(|row| number(row, "id") == Some(id)).unwrap();
                assert_eq!(number(row, "address"), Some(owner.address.0));
                assert_eq!(number(row, "retained_bytes"), Some(owner.retained_bytes), "{}", owner.path);
                assert_eq!(number(row, "retained_objects"), Some(owner.retained_objects));
                assert_eq!(text(row, "type"), Some(&*owner.r#type));
            }
            let named = |name: &str| edges.iter().filter(|row| text(row, "name") == Some(name)).count();
            assert!(named("['<masked>']") > 0 && named("['BLOBS']") == 0, "{}", fixture.name);
            let has_place = |row: &Row| number(row, "index").is_some() != text(row, "name").is_some();
            assert!(edges.iter().all(has_place));
        });
    }
}
