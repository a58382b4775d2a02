//! Paths of many objects as text, and what many objects hang under.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::answers::paths::{Paths, Trail};
use crate::answers::steps::{self, Steps};
use crate::document::Holder;
use crate::graph::Node;
use crate::heap::Heap;

/// Paths by object.
pub(crate) struct Names {
    texts: FxHashMap<Node, String>,
}

impl Names {
    /// Writes the paths of `nodes`; objects on several of them are read once.
    pub(crate) fn of(heap: &Heap<'_, '_>, paths: &Paths, nodes: impl IntoIterator<Item = Node>) -> Self {
        let mut nodes: Vec<Node> = nodes.into_iter().collect();
        nodes.sort_unstable();
        nodes.dedup();
        let trails: Vec<(Node, Trail<'_>)> =
            nodes.into_iter().filter_map(|node| Some((node, paths.trail(node)?))).collect();
        let steps = Steps::of(heap, trails.iter().map(|(_, trail)| trail));
        let text = |(node, trail): &(Node, Trail<'_>)| (*node, steps::describe(heap, &steps, trail).text);
        Self { texts: trails.iter().map(text).collect() }
    }

    /// How `node` is reached; `None` when nothing with a name leads to it.
    pub(crate) fn path(&self, node: Node) -> Option<String> {
        self.texts.get(&node).cloned()
    }

    /// Objects that others hang under as a document states them.
    pub(crate) fn holders(&self, heap: &Heap<'_, '_>, found: &[(Node, u64)]) -> Vec<Holder> {
        let holder = |&(node, count): &(Node, u64)| {
            Some(Holder { path: self.path(node)?, r#type: heap.type_name(node), count })
        };
        found.iter().filter_map(holder).collect()
    }
}

/// Objects that others hang under, and how many do.
pub(crate) type Holders = Vec<(Node, u64)>;

/// The few objects that most of `members` hang under, by the shortest paths to them, with the number of members each.
///
/// Looks at what directly refers to them first, then at what refers to that, until a few make up most.
pub(crate) fn holders(paths: &Paths, members: &[Node]) -> Holders {
    const MOST_HOLDERS: usize = 3;
    /// More steps than instances, their dicts and lists of them take.
    const MOST_STEPS: usize = 8;
    let mut at: Vec<Node> = members.to_vec();
    let mut best: Holders = Vec::new();
    let sum = |rows: &[(Node, u64)]| rows.iter().map(|row| row.1).sum::<u64>();
    for _ in 0..MOST_STEPS {
        let mut counts: FxHashMap<Node, u64> = FxHashMap::default();
        for node in &mut at {
            *node = paths.before(*node).unwrap_or(*node);
            *counts.entry(*node).or_default() += 1;
        }
        let mut rows: Holders = counts.into_iter().collect();
        rows.sort_by_key(|&(node, count)| (Reverse(count), node));
        rows.truncate(MOST_HOLDERS);
        if sum(&rows) > sum(&best) {
            best = rows;
        }
        if sum(&best).saturating_mul(2) > members.len() as u64 {
            break;
        }
    }
    best
}
