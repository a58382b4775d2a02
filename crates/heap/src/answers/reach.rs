//! Which objects are alive, and which of them only native code holds.
//!
//! What no root reaches is looked at as the collector does it (Modules/gcmodule.c, `subtract_refs`): an object
//! there whose reference count exceeds the references from other such objects is held by something that
//! cannot be seen: a C variable, a C structure. All that these do not reach either is garbage in cycles.

use crate::graph::node_set::NodeSet;
use crate::graph::{Graph, Node};
use crate::heap::Heap;
use crate::objects::kinds::Shape;

/// Alive and dead.
pub(crate) struct Reach {
    /// All objects that are alive.
    pub(crate) alive: NodeSet,
    /// Objects that only native code holds, by number.
    pub(crate) native: Vec<Node>,
    /// For each of `native`, how many references to it cannot be seen.
    pub(crate) unseen: Vec<u64>,
    /// Unreachable objects, by number.
    pub(crate) garbage: Vec<Node>,
}

impl Reach {
    /// Finds what `roots` keep alive.
    ///
    /// The table of interned strings is held by native code alone and does not count as a reference to them
    /// (Objects/unicodeobject.c, `PyUnicode_InternInPlace`): its references are taken out of the graph.
    pub(crate) fn find(heap: &mut Heap<'_, '_>, roots: &[Node]) -> Self {
        let reach = Self::compute(heap, roots);
        let tables: Vec<Node> =
            reach.native.iter().copied().filter(|&node| is_interned_table(heap, node)).collect();
        if tables.is_empty() {
            return reach;
        }
        for &table in &tables {
            heap.graph.forget_successors(table);
        }
        let known: Vec<Node> = roots.iter().chain(&tables).copied().collect();
        let mut reach = Self::compute(heap, &known);
        let held = reach.native.iter().copied().zip(reach.unseen.iter().copied());
        let mut held: Vec<(Node, u64)> = held.chain(tables.into_iter().map(|table| (table, 1))).collect();
        held.sort_unstable_by_key(|&(node, _)| node);
        (reach.native, reach.unseen) = held.into_iter().unzip();
        reach
    }

    fn compute(heap: &Heap<'_, '_>, roots: &[Node]) -> Self {
        let graph = &heap.graph;
        let mut alive = NodeSet::with_nodes(graph.node_count());
        spread(graph, &mut alive, roots);
        let unreached: Vec<Node> =
            (0..graph.node_count() as Node).filter(|&node| !alive.contains(node)).collect();
        let seen = references_within(heap, &unreached, &alive);
        let excess =
            |(&node, seen): (&Node, u32)| (node, heap.refcount(node).saturating_sub(u64::from(seen)));
        let held = unreached.iter().zip(seen).map(excess).filter(|&(_, unseen)| unseen > 0);
        let (native, unseen): (Vec<Node>, Vec<u64>) = held.unzip();
        spread(graph, &mut alive, &native);
        let garbage = unreached.into_iter().filter(|&node| !alive.contains(node)).collect();
        Self { alive, native, unseen, garbage }
    }
}

/// Adds everything that `from` reaches.
fn spread(graph: &Graph, alive: &mut NodeSet, from: &[Node]) {
    let mut open: Vec<Node> = from.iter().copied().filter(|&node| alive.insert(node)).collect();
    while let Some(node) = open.pop() {
        open.extend(graph.successors(node).iter().copied().filter(|&target| alive.insert(target)));
    }
}

/// For each of `unreached`, the references to it from the others, those to their types included.
fn references_within(heap: &Heap<'_, '_>, unreached: &[Node], alive: &NodeSet) -> Vec<u32> {
    let mut seen = vec![0u32; unreached.len()];
    let mut count = |target: Node| {
        if !alive.contains(target)
            && let Ok(at) = unreached.binary_search(&target)
        {
            seen[at] = seen[at].saturating_add(1);
        }
    };
    for &node in unreached {
        heap.graph.successors(node).iter().for_each(|&target| count(target));
        let facts = heap.facts(node);
        if facts.is_heap_type() {
            heap.objects.find(facts.address).into_iter().for_each(&mut count);
        }
    }
    seen
}

/// Whether a dict holds strings under themselves, and nothing else.
fn is_interned_table(heap: &Heap<'_, '_>, node: Node) -> bool {
    /// Any process has interned more strings than this.
    const LEAST: usize = 400;
    let targets = heap.graph.successors(node);
    let is_str = |node: Node| heap.facts(node).shape == Shape::Str;
    heap.facts(node).shape == Shape::Dict
        && targets.len() >= 2 * LEAST
        && targets.as_chunks().0.iter().all(|&[key, value]| key == value && is_str(key))
}
