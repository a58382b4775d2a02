//! Leak suspects: the places where much of the heap accumulates.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::answers::owners;
use crate::answers::paths::{Paths, Trail};
use crate::answers::steps::Steps;
use crate::document::{Accumulates, Suspect};
use crate::graph::Node;
use crate::graph::dominators::{Dominator, Dominators};
use crate::graph::retained::Retained;
use crate::heap::Heap;

/// Objects that retain at least `percent` of `live_bytes` while nothing that they retain does: there it is
/// where the bytes pile up. Largest first.
pub(crate) fn find(
    heap: &Heap<'_, '_>,
    dominators: &Dominators,
    retained: &Retained,
    paths: &Paths,
    live_bytes: u64,
    percent: f64,
) -> Vec<Suspect> {
    let share = |bytes: u64| if live_bytes == 0 { 0.0 } else { bytes as f64 * 100.0 / live_bytes as f64 };
    let heavy: Vec<Node> =
        (0..heap.objects.len() as Node).filter(|&node| share(retained.bytes(node)) >= percent).collect();
    let above: FxHashSet<Node> = heavy.iter().filter_map(|&node| dominator(dominators, node)).collect();
    let mut points: Vec<Node> = heavy.into_iter().filter(|node| !above.contains(node)).collect();
    let mut links: FxHashMap<Node, u64> = FxHashMap::default();
    for point in &mut points {
        if let Some((head, length)) = chain(heap, dominators, *point) {
            *point = head;
            links.insert(head, length);
        }
    }
    let or_above = |node: Node| [Some(node), dominator(dominators, node)];
    let candidates = points.iter().flat_map(|&node| or_above(node)).flatten();
    let trails: FxHashMap<Node, Trail<'_>> =
        candidates.filter_map(|node| Some((node, paths.trail(node)?))).collect();
    let steps = Steps::of(heap, trails.values());
    let owner_of = |node: Node| owners::owner(heap, retained, &steps, trails.get(&node)?);
    for point in &mut points {
        // The dict of an instance is part of it.
        if owner_of(*point).is_none()
            && let Some(instance) = dominator(dominators, *point)
        {
            *point = instance;
        }
    }
    points.sort_unstable();
    points.dedup();
    let mut contents = accumulated(heap, dominators, retained, &points);
    for (node, content) in contents.iter_mut().filter_map(|(&node, content)| Some((node, content.as_mut()?)))
    {
        if let Some(links) = links.get(&node) {
            content.count = *links;
            content.each_bytes = retained.bytes(node) / links;
        }
    }
    let mut suspects: Vec<Suspect> = points
        .into_iter()
        .filter_map(|node| {
            let owner = owner_of(node)?;
            Some(suspect(owner, contents.remove(&node).flatten(), share(retained.bytes(node))))
        })
        .collect();
    suspects.sort_by(|a, b| b.retained_bytes.cmp(&a.retained_bytes).then_with(|| a.path.cmp(&b.path)));
    suspects
}

fn suspect(owner: crate::document::Owner, accumulates: Option<Accumulates>, percent: f64) -> Suspect {
    let what = match &accumulates {
        Some(content) => format!(
            "it holds {} objects of type {} with {} bytes each",
            content.count, content.r#type, content.each_bytes
        ),
        None => "it is one large buffer".to_owned(),
    };
    Suspect {
        why: format!(
            "{} alone keeps {percent:.1} % of the bytes of all live objects alive; {what}, and nothing that it \
             holds has such a share itself",
            owner.path
        ),
        refuted_if: format!(
            "{} has a bound that its size respects, or a core of the same service taken earlier shows it as large",
            owner.path
        ),
        path: owner.path,
        address: owner.address,
        r#type: owner.r#type,
        retained_bytes: owner.retained_bytes,
        retained_objects: owner.retained_objects,
        percent: (percent * 10.0).round() / 10.0,
        accumulates,
    }
}

/// The head of a chain that ends at `node`, and its length: links hold each other one by one, so that bytes pile up
/// nowhere on it. None when it is too short for one.
fn chain(heap: &Heap<'_, '_>, dominators: &Dominators, node: Node) -> Option<(Node, u64)> {
    /// Objects are nested less deep than this.
    const LEAST_LINKS: u64 = 64;
    /// Instances, with their dicts and what holds the next one.
    const TYPES_OF_A_LINK: u64 = 3;
    let mut types: Vec<u32> = Vec::new();
    let (mut head, mut length) = (node, 0);
    while let Some(above) = dominator(dominators, head) {
        let type_id = heap.objects.type_id(above);
        if length < TYPES_OF_A_LINK && !types.contains(&type_id) {
            types.push(type_id);
        }
        if !types.contains(&type_id) {
            break;
        }
        head = above;
        length += 1;
    }
    (length >= LEAST_LINKS).then_some((head, length))
}

fn dominator(dominators: &Dominators, node: Node) -> Option<Node> {
    match dominators.immediate(node) {
        Dominator::Node(dominator) => Some(dominator),
        Dominator::Root | Dominator::Unreached => None,
    }
}

/// For each of `points`, the type that makes up most of what it dominates directly.
fn accumulated(
    heap: &Heap<'_, '_>,
    dominators: &Dominators,
    retained: &Retained,
    points: &[Node],
) -> FxHashMap<Node, Option<Accumulates>> {
    let mut sums: FxHashMap<Node, BTreeMap<u32, (u64, u64)>> =
        points.iter().map(|&point| (point, BTreeMap::new())).collect();
    for node in 0..heap.objects.len() as Node {
        if let Some(by_type) = dominator(dominators, node).and_then(|above| sums.get_mut(&above)) {
            let (count, bytes) = by_type.entry(heap.objects.type_id(node)).or_default();
            *count += 1;
            *bytes = bytes.saturating_add(retained.bytes(node));
        }
    }
    let largest = |by_type: BTreeMap<u32, (u64, u64)>| {
        let (id, (count, bytes)) = by_type.into_iter().max_by_key(|&(_, (_, bytes))| bytes)?;
        Some(Accumulates { r#type: heap.types.name(id), count, each_bytes: bytes / count.max(1) })
    };
    let of_point = |&point: &Node| {
        let by_type = sums.remove(&point).filter(|_| !owners::has_content(heap, point));
        (point, by_type.and_then(largest))
    };
    points.iter().map(of_point).collect()
}
