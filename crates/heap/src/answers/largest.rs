//! The largest objects, and the largest buffers that objects give access to.

use std::cmp::Reverse;

use pycoroner_coredump::Address;
use rustc_hash::FxHashMap;

use crate::answers::measures::{self, Measures};
use crate::answers::names::Names;
use crate::document::{Buffer, LargeObject};
use crate::graph::Node;
use crate::graph::node_set::NodeSet;
use crate::graph::retained::Retained;
use crate::heap::Heap;
use crate::naming::look::Look;
use crate::objects::kinds::Shape;

/// Rows of each list.
const ROWS: usize = 30;
/// What an object or buffer has at least to be listed.
const LEAST: u64 = 4096;

/// The largest objects and buffers, before their paths are known.
pub(crate) struct Found {
    objects: Vec<(Node, Option<u64>)>,
    buffers: Vec<(Node, Buffer)>,
}

/// How the objects of a type show that they have a buffer.
#[derive(Clone, Copy, PartialEq)]
enum Has {
    Nothing,
    /// The buffer counts as the object's own size.
    InSize,
    /// The buffer lies elsewhere, or is another object's.
    Elsewhere,
}

/// Looks at all objects that are alive.
pub(crate) fn find(heap: &Heap<'_, '_>, alive: &NodeSet) -> Found {
    let look = Look::new(heap.runtime, &heap.reader);
    let kinds: Vec<Has> = (0..heap.types.len() as u32).map(|id| has(heap, &look, id)).collect();
    let mut large: Vec<Node> = Vec::new();
    let mut buffers: Vec<(Node, Buffer)> = Vec::new();
    let mut views: FxHashMap<u64, u64> = FxHashMap::default();
    for node in (0..heap.objects.len() as Node).filter(|&node| alive.contains(node)) {
        let size = heap.objects.size(node);
        if size >= LEAST {
            large.push(node);
        }
        let kind = kinds[heap.objects.type_id(node) as usize];
        if kind == Has::Nothing || (kind == Has::InSize && size < LEAST) {
            continue;
        }
        let address = heap.objects.address(node);
        let measures = Measures::of(&look, address);
        let base = base(heap, node);
        if let Some(base) = base {
            *views.entry(base).or_default() += 1;
        }
        let bytes = measures.buffer_bytes.filter(|&bytes| bytes >= LEAST);
        if let Some(bytes) = bytes {
            buffers.push((node, buffer(heap, node, bytes, measures, base)));
        }
        shorten(&mut large, |&node| heap.objects.size(node));
        shorten(&mut buffers, |(_, buffer)| buffer.bytes);
    }
    keep(&mut large, |&node| heap.objects.size(node));
    keep(&mut buffers, |(_, buffer)| buffer.bytes);
    for (_, buffer) in &mut buffers {
        buffer.views = views.get(&buffer.address.0).copied().unwrap_or(0);
    }
    let with_length = |node: Node| (node, Measures::of(&look, heap.objects.address(node)).length);
    Found { objects: large.into_iter().map(with_length).collect(), buffers }
}

fn has(heap: &Heap<'_, '_>, look: &Look<'_, '_, '_>, id: u32) -> Has {
    let facts = heap.types.facts(id);
    match facts.shape {
        Shape::ByteArray | Shape::Str | Shape::Array => Has::InSize,
        Shape::Ndarray => Has::Elsewhere,
        _ if facts.is_bytes() => Has::InSize,
        _ if measures::gives_access(look, facts.address) => Has::Elsewhere,
        _ => Has::Nothing,
    }
}

/// Whose bytes an object shows when they are not its own.
fn base(heap: &Heap<'_, '_>, node: Node) -> Option<u64> {
    let places = &heap.reader.places;
    let object = heap.bytes(node)?;
    let base = match heap.facts(node).shape {
        Shape::Ndarray => object.word(places.ndarray_base?)?,
        _ if heap.type_name(node) == "memoryview" => object.word(places.memoryview_obj?)?,
        _ => return None,
    };
    heap.objects.find(base).map(|_| base)
}

fn buffer(heap: &Heap<'_, '_>, node: Node, bytes: u64, measures: Measures, base: Option<u64>) -> Buffer {
    Buffer {
        path: None,
        address: Address(heap.objects.address(node)),
        r#type: heap.type_name(node),
        bytes,
        length: measures.length,
        shape: measures.shape,
        base: base.map(Address),
        views: 0,
    }
}

/// Cuts a list that has become long.
fn shorten<T>(rows: &mut Vec<T>, size: impl Fn(&T) -> u64) {
    if rows.len() >= 64 * ROWS {
        keep(rows, size);
    }
}

fn keep<T>(rows: &mut Vec<T>, size: impl Fn(&T) -> u64) {
    rows.sort_by_key(|row| Reverse(size(row)));
    rows.truncate(ROWS);
}

impl Found {
    /// Objects whose paths are wanted.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.objects.iter().map(|row| row.0).chain(self.buffers.iter().map(|row| row.0))
    }

    /// The largest objects, as a document states them.
    pub(crate) fn objects(
        &self,
        heap: &Heap<'_, '_>,
        retained: &Retained,
        names: &Names,
    ) -> Vec<LargeObject> {
        let row = |&(node, length): &(Node, Option<u64>)| LargeObject {
            path: names.path(node),
            address: Address(heap.objects.address(node)),
            r#type: heap.type_name(node),
            length,
            shallow_bytes: heap.objects.size(node),
            retained_bytes: retained.bytes(node),
        };
        self.objects.iter().map(row).collect()
    }

    /// The largest buffers, as a document states them.
    pub(crate) fn buffers(&self, names: &Names) -> Vec<Buffer> {
        self.buffers.iter().map(|(node, row)| Buffer { path: names.path(*node), ..row.clone() }).collect()
    }
}
