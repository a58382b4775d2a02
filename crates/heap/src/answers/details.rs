//! What is said of a heap besides who holds it: waste, the largest parts.

use crate::answers::names::Names;
use crate::answers::paths::Paths;
use crate::answers::reach::Reach;
use crate::answers::{containers, duplicates, largest};
use crate::document::HeapDocument;
use crate::findings;
use crate::graph::retained::Retained;
use crate::heap::Heap;
use pycoroner_findings::{Gap, GapKind};

/// What answers go by.
pub(crate) struct Ground<'g, 'r, 'p> {
    pub(crate) heap: &'g Heap<'r, 'p>,
    pub(crate) reach: &'g Reach,
    pub(crate) retained: &'g Retained,
    pub(crate) paths: &'g Paths,
    /// Bytes of all live objects.
    pub(crate) live_bytes: u64,
}

/// Adds the sections to `document`, and what they amount to.
pub(crate) fn add(ground: &Ground<'_, '_, '_>, document: &mut HeapDocument) {
    let Ground { heap, reach, retained, paths, live_bytes } = *ground;
    let duplicates = duplicates::find(heap, &reach.alive, paths);
    let containers = containers::find(heap, &reach.alive);
    let largest = largest::find(heap, &reach.alive);
    let nodes = duplicates.nodes().chain(containers.nodes()).chain(largest.nodes());
    let names = Names::of(heap, paths, nodes);
    document.duplicates = duplicates.document(heap, &names);
    document.containers = containers.document(heap, &names);
    document.largest = largest.objects(heap, retained, &names);
    document.buffers = largest.buffers(&names);
    if duplicates.is_cut {
        let why = "there are more different contents than are counted in bounded memory";
        document.gaps.push(Gap::new(GapKind::Limit, "some contents that are held more than once", why));
    }
    let core = heap.runtime.process().core();
    document.findings.extend(findings::of_details(core, document, live_bytes));
}
