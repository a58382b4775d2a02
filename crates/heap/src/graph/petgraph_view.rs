//! The graph as petgraph sees it, so that its algorithms run on ours unchanged.

use std::iter::Copied;
use std::ops::Range;
use std::slice::Iter;

use petgraph::visit::{
    GraphBase, IntoNeighbors, IntoNodeIdentifiers, NodeCompactIndexable, NodeCount, NodeIndexable, VisitMap,
    Visitable,
};

use crate::graph::node_set::NodeSet;
use crate::graph::{Graph, Node};

impl VisitMap<Node> for NodeSet {
    fn visit(&mut self, node: Node) -> bool {
        self.insert(node)
    }

    fn is_visited(&self, node: &Node) -> bool {
        self.contains(*node)
    }

    fn unvisit(&mut self, node: Node) -> bool {
        self.remove(node)
    }
}

impl GraphBase for Graph {
    type NodeId = Node;
    type EdgeId = u32;
}

impl Visitable for Graph {
    type Map = NodeSet;

    fn visit_map(&self) -> NodeSet {
        NodeSet::with_nodes(self.node_count())
    }

    fn reset_map(&self, map: &mut NodeSet) {
        *map = self.visit_map();
    }
}

impl NodeCount for Graph {
    fn node_count(&self) -> usize {
        Graph::node_count(self)
    }
}

impl NodeIndexable for Graph {
    fn node_bound(&self) -> usize {
        Graph::node_count(self)
    }

    fn to_index(&self, node: Node) -> usize {
        node as usize
    }

    fn from_index(&self, index: usize) -> Node {
        index as Node
    }
}

impl NodeCompactIndexable for Graph {}

impl<'g> IntoNeighbors for &'g Graph {
    type Neighbors = Copied<Iter<'g, Node>>;

    fn neighbors(self, node: Node) -> Self::Neighbors {
        self.successors(node).iter().copied()
    }
}

impl IntoNodeIdentifiers for &Graph {
    type NodeIdentifiers = Range<Node>;

    fn node_identifiers(self) -> Range<Node> {
        0..Graph::node_count(self) as Node
    }
}
