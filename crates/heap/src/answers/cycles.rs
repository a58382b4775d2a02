//! Garbage in cycles: by type, with one cycle of each.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pycoroner_coredump::Address;
use rustc_hash::FxHashMap;

use crate::answers::paths::Trail;
use crate::answers::reach::Reach;
use crate::answers::steps::{self, Steps};
use crate::document::Unreachable;
use crate::expression::parse::name_in_angle;
use crate::graph::Node;
use crate::heap::Heap;
use crate::naming::look::Look;
use crate::naming::roots::{RootName, RootText};

/// Types of which a cycle is looked for.
const TYPES: usize = 20;
/// Objects of one type that are tried: not all that is garbage is in a cycle itself.
const TRIED: usize = 4;
/// Objects that a search for one cycle may visit.
const VISITED: usize = 20_000;

/// The garbage by type, what takes most first.
pub(crate) fn find(heap: &Heap<'_, '_>, reach: &Reach) -> Vec<Unreachable> {
    let mut by_type: BTreeMap<u32, (Unreachable, Vec<Node>)> = BTreeMap::new();
    for &node in &reach.garbage {
        let id = heap.objects.type_id(node);
        let (row, tried) = by_type.entry(id).or_insert_with(|| (empty_row(heap, node), Vec::new()));
        row.count += 1;
        row.bytes = row.bytes.saturating_add(heap.objects.size(node));
        if tried.len() < TRIED {
            tried.push(node);
        }
    }
    let mut rows: Vec<(Unreachable, Vec<Node>)> = by_type.into_values().collect();
    rows.sort_by(|(a, _), (b, _)| b.bytes.cmp(&a.bytes).then_with(|| a.r#type.cmp(&b.r#type)));
    let look = Look::new(heap.runtime, &heap.reader);
    for (row, tried) in rows.iter_mut().take(TYPES) {
        row.has_finalizer = tried.first().is_some_and(|&node| has_finalizer(heap, &look, node));
        if let Some(cycle) = tried.iter().find_map(|&node| shortest_cycle(heap, reach, node)) {
            describe(heap, row, &cycle);
        }
    }
    rows.into_iter().map(|(row, _)| row).collect()
}

fn empty_row(heap: &Heap<'_, '_>, node: Node) -> Unreachable {
    Unreachable {
        r#type: heap.type_name(node),
        count: 0,
        bytes: 0,
        example: Address(heap.objects.address(node)),
        has_finalizer: false,
        cycle: None,
        cycle_types: Vec::new(),
    }
}

/// Whether the class of an object, or one that it derives from, has a `__del__`.
fn has_finalizer(heap: &Heap<'_, '_>, look: &Look<'_, '_, '_>, node: Node) -> bool {
    const MAX_BASES: usize = 64;
    let mut class = heap.facts(node).address;
    for _ in 0..MAX_BASES {
        let Some(object) = look.bytes(class) else { return false };
        // Built-in types have it for their own purposes.
        if !heap.reader.is_static_type(object)
            && look.dict_item(heap.reader.type_dict(object), "__del__").is_some()
        {
            return true;
        }
        match object.word(heap.reader.places.type_base) {
            Some(base) if base != 0 => class = base,
            _ => return false,
        }
    }
    false
}

/// The shortest way from an object over garbage back to itself: the objects, the first one last again.
fn shortest_cycle(heap: &Heap<'_, '_>, reach: &Reach, start: Node) -> Option<Vec<Node>> {
    let mut before: FxHashMap<Node, Node> = FxHashMap::default();
    let mut open = vec![start];
    let mut next = 0;
    while let Some(&node) = open.get(next) {
        next += 1;
        for &target in heap.graph.successors(node) {
            if target == start {
                let mut nodes = vec![start, node];
                let mut at = node;
                while at != start {
                    at = *before.get(&at)?;
                    nodes.push(at);
                }
                if node == start {
                    nodes.truncate(2);
                }
                nodes.reverse();
                return Some(nodes);
            }
            if open.len() < VISITED && !reach.alive.contains(target) && !before.contains_key(&target) {
                before.insert(target, node);
                open.push(target);
            }
        }
    }
    None
}

fn describe(heap: &Heap<'_, '_>, row: &mut Unreachable, cycle: &[Node]) {
    let Some(&first) = cycle.first() else { return };
    let address = heap.objects.address(first);
    let text = format!("<{} at {address:#x}>", name_in_angle(&heap.type_name(first)));
    let root = RootName::Text(RootText::plain(text));
    let trail = Trail { root: &root, nodes: cycle.to_vec(), omitted: 0 }.shortened();
    let steps = Steps::of(heap, std::iter::once(&trail));
    row.example = Address(address);
    row.cycle = Some(steps::describe(heap, &steps, &trail).text);
    let mut types: Vec<(usize, String)> = Vec::new();
    for (at, &node) in cycle.iter().enumerate() {
        let name = heap.type_name(node);
        if types.len() < TYPES && !types.iter().any(|(_, known)| *known == name) {
            types.push((at, name));
        }
    }
    types.sort_by_key(|row| Reverse(Reverse(row.0)));
    row.cycle_types = types.into_iter().map(|(_, name)| name).collect();
}
