//! The histogram by type.

use std::collections::BTreeMap;

use crate::document::TypeRow;
use crate::graph::Node;
use crate::graph::dominators::{Dominator, Dominators};
use crate::graph::retained::Retained;
use crate::heap::Heap;

/// Count, sizes and retained sizes by type, largest first; all types.
///
/// What a type retains is what its objects retain together: an object inside another of the same type counts
/// with that one.
pub(crate) fn histogram(heap: &Heap<'_, '_>, dominators: &Dominators, retained: &Retained) -> Vec<TypeRow> {
    let mut counts = vec![(0u64, 0u64); heap.types.len()];
    for node in 0..heap.objects.len() as Node {
        let (count, bytes) = &mut counts[heap.objects.type_id(node) as usize];
        *count += 1;
        *bytes = bytes.saturating_add(heap.objects.size(node));
    }
    let label = |node: Node| Some(heap.objects.type_id(node));
    let retained = retained_together(dominators, retained, heap.types.len(), label);
    let mut rows: BTreeMap<String, TypeRow> = BTreeMap::new();
    for ((id, (count, bytes)), retained) in (0..).zip(counts).zip(retained) {
        if count > 0 {
            let name = heap.types.name(id);
            let row =
                rows.entry(name.clone()).or_insert_with(|| TypeRow { r#type: name, ..TypeRow::default() });
            row.count += count;
            row.shallow_bytes = row.shallow_bytes.saturating_add(bytes);
            row.retained_bytes = row.retained_bytes.saturating_add(retained);
        }
    }
    let mut rows: Vec<TypeRow> = rows.into_values().collect();
    rows.sort_by(|a, b| b.shallow_bytes.cmp(&a.shallow_bytes).then_with(|| a.r#type.cmp(&b.r#type)));
    rows
}

/// What the objects of each label retain together. Walks the dominator tree and counts what is not below another object
/// of its label.
pub(crate) fn retained_together(
    dominators: &Dominators,
    retained: &Retained,
    labels: usize,
    label_of: impl Fn(Node) -> Option<u32>,
) -> Vec<u64> {
    let (starts, children) = tree(dominators);
    let row = |node: usize| &children[starts[node] as usize..starts[node + 1] as usize];
    let root = dominators.node_count();
    let mut sums = vec![0u64; labels];
    // How many objects of each label the walk is inside of.
    let mut inside = vec![0u32; labels];
    let mut path: Vec<(usize, usize)> = vec![(root, 0)];
    while let Some((node, next)) = path.last_mut() {
        let Some(&child) = row(*node).get(*next) else {
            if let Some(open) = (*node != root).then(|| label_of(*node as Node)).flatten() {
                inside[open as usize] -= 1;
            }
            path.pop();
            continue;
        };
        *next += 1;
        let label = label_of(child).map(|label| label as usize);
        if let Some(label) = label.filter(|&label| inside[label] == 0) {
            sums[label] = sums[label].saturating_add(retained.bytes(child));
        }
        if !row(child as usize).is_empty() {
            if let Some(label) = label {
                inside[label] += 1;
            }
            path.push((child as usize, 0));
        }
    }
    sums
}

/// Children of each node in the dominator tree; those of the virtual root last.
fn tree(dominators: &Dominators) -> (Vec<u32>, Vec<Node>) {
    let nodes = dominators.node_count();
    let parent = |node: Node| match dominators.immediate(node) {
        Dominator::Node(parent) => Some(parent as usize),
        Dominator::Root => Some(nodes),
        Dominator::Unreached => None,
    };
    let mut starts = vec![0u32; nodes + 2];
    for node in 0..nodes as Node {
        if let Some(parent) = parent(node) {
            starts[parent + 1] += 1;
        }
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut children = vec![0; starts[nodes + 1] as usize];
    for node in 0..nodes as Node {
        if let Some(parent) = parent(node) {
            let slot = &mut starts[parent];
            children[*slot as usize] = node;
            *slot += 1;
        }
    }
    starts.rotate_right(1);
    starts[0] = 0;
    (starts, children)
}
