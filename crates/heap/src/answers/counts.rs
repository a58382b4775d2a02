//! Objects that something holds and that count more references than are found.
//!
//! A C extension that forgets to give a reference back makes the count of an object rise for ever. What counts
//! differently is left out: immortal objects, classes, of which C code holds many. Counts of free-threaded builds are
//! read with both halves; a count that is less than what is found says nothing, as borrowed references are not counted.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pycoroner_coredump::{Address, Refcount};

use crate::answers::names::Names;
use crate::answers::reach::Reach;
use crate::answers::roots::Root;
use crate::document::Excess;
use crate::graph::Node;
use crate::heap::Heap;
use crate::objects::kinds::Shape;

/// Rows that are listed.
const ROWS: usize = 30;

/// Objects with more references than this are immortal, or as good as that (Include/object.h at v3.12.0).
pub(crate) const IMMORTAL: u64 = 1 << 28;

/// No program is mapped below.
const LOWEST_ADDRESS: u64 = 0x1_0000;

/// Types whose objects count too much, before paths are known.
pub(crate) struct Found {
    rows: Vec<Row>,
}

struct Row {
    type_id: u32,
    count: u64,
    excess: u64,
    /// The object that lacks most, its count, and what was found of it.
    most: (Node, u64, u64),
}

/// Compares counts with references for all that is alive and not held by native code alone.
pub(crate) fn find(heap: &Heap<'_, '_>, roots: &[Root], reach: &Reach) -> Found {
    let mut found = heap.graph.in_degrees();
    for root in roots {
        if let Some(found) = found.get_mut(root.node as usize) {
            *found = found.saturating_add(1);
        }
    }
    let mut rows: BTreeMap<u32, Row> = BTreeMap::new();
    for node in (0..heap.objects.len() as Node).filter(|&node| reach.alive.contains(node)) {
        let seen = u64::from(found.get(node as usize).copied().unwrap_or(0));
        let count = heap.refcount(node);
        let excess = count.saturating_sub(seen.saturating_add(uncounted(heap, node)));
        if excess == 0 || count >= IMMORTAL || heap.facts(node).is_metatype() {
            continue;
        }
        // What is no object can look like one; where it should have a count, it mostly has an address.
        if count >= LOWEST_ADDRESS && heap.reader.image.from(count).is_some() {
            continue;
        }
        // The links of an lru_cache are counted as the cache's; what native code alone holds is told elsewhere.
        if heap.facts(node).shape == Shape::LruLink || reach.native.binary_search(&node).is_ok() {
            continue;
        }
        let type_id = heap.objects.type_id(node);
        let row =
            rows.entry(type_id).or_insert(Row { type_id, count: 0, excess: 0, most: (node, count, seen) });
        row.count += 1;
        row.excess = row.excess.saturating_add(excess);
        if excess > row.most.1.saturating_sub(row.most.2) {
            row.most = (node, count, seen);
        }
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by_key(|row| (Reverse(row.excess), row.type_id));
    rows.truncate(ROWS);
    Found { rows }
}

/// What the count of an object has besides references: free-threaded builds add one to objects whose references on the
/// stack are not counted (`_PyObject_SetDeferredRefcount`, Objects/object.c at v3.13.0). Instances are none of them.
fn uncounted(heap: &Heap<'_, '_>, node: Node) -> u64 {
    let is_biased = heap.reader.places.counts == Refcount::Biased;
    u64::from(is_biased && !heap.facts(node).is_heap_type())
}

/// Whether a class was made by a class statement, as far as that can be told: C code makes none whose instances share
/// their keys, or that has `__slots__`.
fn is_made_by_python(heap: &Heap<'_, '_>, node: Node) -> bool {
    let facts = heap.facts(node);
    let Some(class) = heap.reader.image.from(facts.address).filter(|_| facts.is_heap_type()) else {
        return false;
    };
    let is_set = |place| class.word(place).is_some_and(|word| word != 0);
    is_set(heap.reader.places.heap_type_cached_keys) || is_set(heap.reader.places.heap_type_slots)
}

impl Found {
    /// Objects whose paths are wanted.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.rows.iter().map(|row| row.most.0)
    }

    /// What a document says.
    pub(crate) fn document(&self, heap: &Heap<'_, '_>, names: &Names) -> Vec<Excess> {
        let mut totals: BTreeMap<u32, u64> = self.rows.iter().map(|row| (row.type_id, 0)).collect();
        for node in 0..heap.objects.len() as Node {
            if let Some(total) = totals.get_mut(&heap.objects.type_id(node)) {
                *total += 1;
            }
        }
        let row = |row: &Row| {
            let (node, refcount, found) = row.most;
            Excess {
                r#type: heap.types.name(row.type_id),
                count: row.count,
                objects: totals.get(&row.type_id).copied().unwrap_or(0),
                excess_references: row.excess,
                is_python_class: is_made_by_python(heap, node),
                is_shared: matches!(
                    heap.facts(node).shape,
                    Shape::Atom | Shape::Int | Shape::Str | Shape::Tuple
                ),
                path: names.path(node),
                address: Address(heap.objects.address(node)),
                refcount,
                found,
            }
        };
        self.rows.iter().map(row).collect()
    }
}
