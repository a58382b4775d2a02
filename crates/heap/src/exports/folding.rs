//! Which objects an export shows by themselves, and which it adds to another.
//!
//! An object that retains less than a bound is folded into the nearest object that dominates it and retains enough.
//! What an object retains only grows on the way up the dominator tree, so all that dominates a shown object is shown;
//! and what is folded into an object can be reached through that object only. Contracting it therefore leaves the
//! dominators of all shown objects as they were, and with them what each retains.

use crate::graph::Node;
use crate::graph::dominators::{Dominator, Dominators};
use crate::graph::retained::Retained;

/// Objects in groups: those that are shown, each with those that are folded into it.
pub(crate) struct Folding {
    /// An object that retains less is folded; 0 when none is.
    pub(crate) below: u64,
    /// By node: the node that it is folded into, itself when it is shown, [`NOBODY`] or [`UNREACHED`].
    owner: Vec<u32>,
}

/// Stands for the owner of what no shown object dominates: it is folded into all roots together.
pub(crate) const NOBODY: u32 = u32::MAX - 1;
/// Stands for the owner of what no root reaches.
pub(crate) const UNREACHED: u32 = u32::MAX;
/// Not known yet.
const OPEN: u32 = u32::MAX - 2;

impl Folding {
    /// Folds what retains less than `below`.
    pub(crate) fn of(dominators: &Dominators, retained: &Retained, below: u64) -> Self {
        let count = dominators.node_count();
        let mut owner = vec![OPEN; count];
        let mut path: Vec<Node> = Vec::new();
        for node in 0..count as Node {
            let mut at = node;
            let found = loop {
                let known = owner[at as usize];
                if known != OPEN {
                    break known;
                }
                path.push(at);
                match dominators.immediate(at) {
                    Dominator::Unreached => break UNREACHED,
                    _ if retained.bytes(at) >= below => break at,
                    Dominator::Root => break NOBODY,
                    Dominator::Node(dominator) => at = dominator,
                }
            };
            for passed in path.drain(..) {
                owner[passed as usize] = found;
            }
        }
        Self { below, owner }
    }

    /// The least bound with which at most `most` objects are shown; 0 when that is all of them.
    pub(crate) fn bound(dominators: &Dominators, retained: &Retained, most: usize) -> u64 {
        let count = dominators.node_count();
        if count <= most {
            return 0;
        }
        let mut sizes: Vec<u64> = (0..count as Node).map(|node| retained.bytes(node)).collect();
        let at = count - most - 1;
        let (_, largest_folded, _) = sizes.select_nth_unstable(at);
        largest_folded.saturating_add(1)
    }

    /// Whether an object is shown by itself.
    pub(crate) fn is_shown(&self, node: Node) -> bool {
        self.owner[node as usize] == node
    }

    /// What an object is folded into; itself when it is shown.
    pub(crate) fn owner(&self, node: Node) -> u32 {
        self.owner[node as usize]
    }
}

/// What is folded into each shown object, by the object's place among those that are shown.
pub(crate) struct Groups {
    starts: Vec<u32>,
    members: Vec<Node>,
}

impl Groups {
    /// Sorts folded objects by owner. `place` gives the place of a shown object; what belongs to nobody has the last.
    pub(crate) fn of(folding: &Folding, places: usize, place: impl Fn(u32) -> usize) -> Self {
        let group = |node: Node| match folding.owner(node) {
            UNREACHED => None,
            owner if owner == node => None,
            NOBODY => Some(places),
            owner => Some(place(owner)),
        };
        let nodes = 0..folding.owner.len() as Node;
        let mut starts = vec![0u32; places + 2];
        for group in nodes.clone().filter_map(group) {
            starts[group + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut members = vec![0; starts[places + 1] as usize];
        for node in nodes {
            if let Some(group) = group(node) {
                let slot = &mut starts[group];
                members[*slot as usize] = node;
                *slot += 1;
            }
        }
        starts.rotate_right(1);
        starts[0] = 0;
        Self { starts, members }
    }

    /// What is folded into the shown object at a place.
    pub(crate) fn at(&self, place: usize) -> &[Node] {
        &self.members[self.starts[place] as usize..self.starts[place + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;

    #[test]
    fn small_subtrees_go_with_what_dominates_them() {
        // 0 -> 1 -> {2, 3}, 3 -> 4 (large), 0 -> 5; 6 is not reached.
        let rows = [vec![1, 5], vec![2, 3], vec![], vec![4], vec![], vec![], vec![]];
        let graph: Graph = rows.into_iter().collect();
        let dominators = Dominators::compute(&graph, &[0]);
        let retained = Retained::sum(&dominators, |node| if node == 4 { 1000 } else { 10 });
        let folding = Folding::of(&dominators, &retained, 100);
        let owners: Vec<u32> = (0..7).map(|node| folding.owner(node)).collect();
        assert_eq!(owners, [0, 1, 1, 3, 4, 0, UNREACHED]);
        let place = |owner: u32| [0, 1, 9, 2, 3][owner as usize];
        let groups = Groups::of(&folding, 4, place);
        assert_eq!([groups.at(0), groups.at(1), groups.at(2), groups.at(4)], [&[5][..], &[2], &[], &[]]);
        let all = Folding::of(&dominators, &retained, 10_000);
        assert_eq!((0..6).map(|node| all.owner(node)).collect::<Vec<_>>(), [NOBODY; 6]);
        let bound = Folding::bound(&dominators, &retained, 4);
        assert_eq!((bound, Folding::bound(&dominators, &retained, 7)), (11, 0));
    }
}
