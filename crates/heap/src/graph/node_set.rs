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

    /// Of `nodes` nodes, those from which going from node to node by `next` comes to `goal` or to an end that is inside.
    /// Every node is passed once.
    pub(crate) fn leading_in(nodes: usize, goal: Option<Node>, next: impl Fn(Node) -> Next) -> Self {
        let (mut inside, mut outside) = (Self::with_nodes(nodes), Self::with_nodes(nodes));
        if let Some(goal) = goal {
            inside.insert(goal);
        }
        let mut path = Vec::new();
        for node in 0..nodes as Node {
            let mut at = node;
            let is_inside = loop {
                if inside.contains(at) {
                    break true;
                }
                if outside.contains(at) {
                    break false;
                }
                path.push(at);
                match next(at) {
                    Next::Node(node) => at = node,
                    Next::End { is_inside } => break is_inside,
                }
            };
            let side = if is_inside { &mut inside } else { &mut outside };
            for passed in path.drain(..) {
                side.insert(passed);
            }
        }
        inside
    }
}

/// Where a way from node to node goes on.
pub(crate) enum Next {
    /// To this node.
    Node(Node),
    /// Nowhere.
    End {
        /// Whether all that lead here are wanted.
        is_inside: bool,
    },
}
