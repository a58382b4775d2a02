//! The objects that retain most, by path.

use std::cmp::Reverse;

use pycoroner_coredump::Address;

use crate::answers::measures::Measures;
use crate::answers::paths::{Paths, Trail};
use crate::answers::steps::{self, Steps};
use crate::document::Owner;
use crate::graph::Node;
use crate::graph::retained::Retained;
use crate::heap::Heap;
use crate::objects::kinds::Shape;

/// An object that retains nothing but itself is an owner from this size on.
const LARGE: u64 = 4096;

/// Candidates looked at for each owner that is wanted: modules, classes and their dicts are passed over.
const CANDIDATES_PER_OWNER: usize = 10;

/// The `top` objects that retain most. Modules, classes and the dicts of either and of instances are left
/// out: what they hold is listed by its own name.
pub(crate) fn largest(heap: &Heap<'_, '_>, retained: &Retained, paths: &Paths, top: usize) -> Vec<Owner> {
    let key = |&node: &Node| Reverse((retained.bytes(node), Reverse(heap.objects.address(node))));
    let counts =
        |&node: &Node| retained.bytes(node) > heap.objects.own_size(node) || heap.objects.size(node) >= LARGE;
    let mut nodes: Vec<Node> = (0..heap.objects.len() as Node).filter(counts).collect();
    let wanted = top.saturating_mul(CANDIDATES_PER_OWNER).saturating_add(1000);
    if nodes.len() > wanted {
        nodes.select_nth_unstable_by_key(wanted, key);
        nodes.truncate(wanted);
    }
    nodes.sort_by_key(key);
    let trails: Vec<_> = nodes.into_iter().filter_map(|node| paths.trail(node)).collect();
    let steps = Steps::of(heap, trails.iter());
    trails.iter().filter_map(|trail| owner(heap, retained, &steps, trail)).take(top).collect()
}

/// An object as an owner, unless it is only a namespace.
pub(crate) fn owner(
    heap: &Heap<'_, '_>,
    retained: &Retained,
    steps: &Steps<'_, '_, '_>,
    trail: &Trail<'_>,
) -> Option<Owner> {
    let node = *trail.nodes.last()?;
    let facts = heap.facts(node);
    if facts.is_metatype() || matches!(facts.shape, Shape::Code) || is_content(heap, trail) {
        return None;
    }
    let type_name = heap.type_name(node);
    if matches!(type_name.as_str(), "module" | "function" | "frame" | "cell") {
        return None;
    }
    let described = steps::describe(heap, steps, trail);
    if described.is_namespace || described.text == "sys.modules" {
        return None;
    }
    let measures = Measures::of(steps.look(), heap.objects.address(node));
    let address = Address(heap.objects.address(node));
    Some(Owner {
        path: described.text,
        address,
        citation: heap.runtime.process().core().cite(address, 64),
        r#type: type_name,
        length: measures.length,
        buffer_bytes: measures.buffer_bytes,
        shape: measures.shape,
        retained_bytes: retained.bytes(node),
        retained_objects: u64::from(retained.count(node)),
    })
}

/// Whether the last object of a path is where the one before it has its bytes.
fn is_content(heap: &Heap<'_, '_>, trail: &Trail<'_>) -> bool {
    let before = trail.nodes.iter().rev().nth(1);
    before.is_some_and(|&holder| has_content(heap, holder))
}

/// Whether an object has its bytes in an object of their own, and nothing else: a `bytearray` from 3.15 on, and `io.BytesIO`.
pub(crate) fn has_content(heap: &Heap<'_, '_>, node: Node) -> bool {
    matches!(heap.facts(node).shape, Shape::ByteArray | Shape::BytesIo)
}
