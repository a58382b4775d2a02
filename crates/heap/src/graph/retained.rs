//! Retained sizes: what would be freed with an object.

use crate::graph::Node;
use crate::graph::dominators::{Dominator, Dominators};

/// By node: the size and number of all that it dominates, itself included.
///
/// Nodes that no root reaches retain nothing.
#[derive(Clone, Debug)]
pub struct Retained {
    bytes: Vec<u64>,
    count: Vec<u32>,
}

impl Retained {
    /// Sums the sizes of `size_of` up the dominator tree.
    pub fn sum(dominators: &Dominators, size_of: impl Fn(Node) -> u64) -> Self {
        let mut bytes = vec![0u64; dominators.node_count()];
        let mut count = vec![0u32; dominators.node_count()];
        for node in dominators.bottom_up() {
            let at = node as usize;
            bytes[at] = bytes[at].saturating_add(size_of(node));
            count[at] = count[at].saturating_add(1);
            if let Dominator::Node(dominator) = dominators.immediate(node) {
                let (sum, number) = (bytes[at], count[at]);
                let above = dominator as usize;
                bytes[above] = bytes[above].saturating_add(sum);
                count[above] = count[above].saturating_add(number);
            }
        }
        Self { bytes, count }
    }

    /// Bytes that `node` retains, its own included.
    pub fn bytes(&self, node: Node) -> u64 {
        self.bytes[node as usize]
    }

    /// Number of nodes that `node` retains, itself included.
    pub fn count(&self, node: Node) -> u32 {
        self.count[node as usize]
    }
}
