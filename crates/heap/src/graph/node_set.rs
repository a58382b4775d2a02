//! Sets of nodes.

use crate::graph::Node;

/// A set of nodes, a bit each.
#[derive(Clone, Debug, Default)]
pub struct NodeSet(Vec<u64>);

impl NodeSet {
    /// Room for `nodes` nodes, the set empty.
    pub fn with_nodes(nodes: usize) -> Self {
        Self(vec![0; nodes.div_ceil(64)])
    }

    /// Adds `node`; says whether it was new.
    pub fn insert(&mut self, node: Node) -> bool {
        let (word, bit) = (&mut self.0[node as usize / 64], 1 << (node % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Whether `node` was added.
    pub fn contains(&self, node: Node) -> bool {
        self.0[node as usize / 64] & 1 << (node % 64) != 0
    }

    /// Takes `node` out; says whether it was in.
    pub fn remove(&mut self, node: Node) -> bool {
        let (word, bit) = (&mut self.0[node as usize / 64], 1 << (node % 64));
        let was = *word & bit != 0;
        *word &= !bit;
        was
    }
}
