//! What is said of a heap besides who holds it: waste, the largest parts.

use pycoroner_findings::{Gap, GapKind};
use rustc_hash::FxHashMap;

use crate::answers::names::Names;
use crate::answers::paths::Paths;
use crate::answers::reach::Reach;
use crate::answers::roots::Root;
use crate::answers::{
    collector, containers, counts, cycles, descriptors, duplicates, exceptions, largest, suspended, types,
};
use crate::document::HeapDocument;
use crate::findings;
use crate::graph::Node;
use crate::graph::dominators::Dominators;
use crate::graph::retained::Retained;
use crate::heap::Heap;

/// What answers go by.
pub(crate) struct Ground<'g, 'r, 'p> {
    pub(crate) heap: &'g Heap<'r, 'p>,
    pub(crate) roots: &'g [Root],
    pub(crate) reach: &'g Reach,
    pub(crate) dominators: &'g Dominators,
    pub(crate) retained: &'g Retained,
    pub(crate) paths: &'g Paths,
    /// Bytes of all live objects.
    pub(crate) live_bytes: u64,
}

/// Adds the sections to `document`, and what they amount to.
pub(crate) fn add(ground: &Ground<'_, '_, '_>, document: &mut HeapDocument) {
    let Ground { heap, roots, reach, dominators, retained, paths, live_bytes } = *ground;
    let duplicates = duplicates::find(heap, &reach.alive, paths);
    let containers = containers::find(heap, &reach.alive);
    let largest = largest::find(heap, &reach.alive);
    let suspended = suspended::find(heap, &reach.alive, paths);
    let exceptions = exceptions::find(heap, &reach.alive, paths);
    let rows = suspended.len() + exceptions.len();
    let labels: FxHashMap<Node, u32> =
        suspended.labels(0).chain(exceptions.labels(suspended.len() as u32)).collect();
    let kept = types::retained_together(dominators, retained, rows, |node| labels.get(&node).copied());
    let (of_suspended, of_exceptions) = kept.split_at(suspended.len());
    let counts = counts::find(heap, roots, reach);
    let descriptors = descriptors::find(heap, paths);
    let nodes = duplicates.nodes().chain(containers.nodes()).chain(largest.nodes());
    let nodes = nodes.chain(suspended.nodes()).chain(exceptions.nodes()).chain(counts.nodes());
    let nodes = nodes.chain(descriptors.nodes());
    let names = Names::of(heap, paths, nodes);
    document.duplicates = duplicates.document(heap, &names);
    document.containers = containers.document(heap, &names);
    document.largest = largest.objects(heap, retained, &names);
    document.buffers = largest.buffers(&names);
    document.excess = counts.document(heap, &names);
    document.descriptors = descriptors.document(heap, &names);
    document.unreachable = cycles::find(heap, reach);
    document.collector = collector::read(heap);
    document.suspended = suspended.document(heap, &names, of_suspended);
    document.exceptions = exceptions.document(heap, &names, of_exceptions);
    if suspended.is_cut || exceptions.is_cut {
        let why = "there are more generators, or more entries of tracebacks, than are followed";
        document.gaps.push(Gap::new(GapKind::Limit, "some unfinished calls and kept frames", why));
    }
    if duplicates.is_cut {
        let why = "there are more different contents than are counted in bounded memory";
        document.gaps.push(Gap::new(GapKind::Limit, "some contents that are held more than once", why));
    }
    let core = heap.runtime.process().core();
    // What a thread is calling is held by its frames several times; each frame has more than one root.
    let on_stacks =
        core.notes().threads.len().saturating_mul(10).saturating_add(roots.len().saturating_mul(4)) as u64;
    document.findings.extend(findings::of_details(core, document, live_bytes, on_stacks));
}
