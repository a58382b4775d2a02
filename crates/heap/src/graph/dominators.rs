//! Immediate dominators on flat arrays.
//!
//! Semi-NCA: L. Georgiadis, "Linear-Time Algorithms for Dominators and Related Problems" (Princeton, 2005),
//! section 2.3. It needs semidominators as Lengauer and Tarjan compute them, and then, instead of their
//! buckets, takes the nearest common ancestor of a node's parent and its semidominator in the dominator tree
//! built so far. Path compression is iterative. Everything runs in preorder numbers, in which a virtual root
//! in front of all roots is number 0.
//!
//! Two thirds of all Python objects are leaves with one referrer (strings, numbers). That referrer dominates
//! them, so they are left out of the pass and handed to it afterwards.

use crate::graph::node_set::NodeSet;
use crate::graph::{Graph, Node};

/// The dominator tree of everything that the roots reach.
#[derive(Clone, Debug)]
pub struct Dominators {
    /// By node: its immediate dominator, [`ROOT`] or [`UNREACHED`].
    immediate: Vec<Node>,
    /// Reached nodes without the folded leaves, dominators before those they dominate.
    order: Vec<Node>,
    folded: NodeSet,
}

/// Stands for the virtual root in front of all roots.
const ROOT: Node = u32::MAX - 1;
/// Stands for no dominator at all: no root reaches the node.
const UNREACHED: Node = u32::MAX;

/// What dominates a node directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dominator {
    /// Every way from a root to the node passes through this node, and none later does.
    Node(Node),
    /// It is a root, or independent ways from several roots lead to it.
    Root,
    /// No root reaches it.
    Unreached,
}

impl Dominators {
    /// Computes the dominators of all nodes that `roots` reach.
    ///
    /// Time is nearly linear in nodes and edges; 24 bytes per reached node and 4 per edge are used meanwhile.
    pub fn compute(graph: &Graph, roots: &[Node]) -> Self {
        let folded = single_referrer_leaves(graph, roots);
        let mut numbering = Numbering::depth_first(graph, roots, &folded);
        let idom = numbering.immediate_dominators(graph, roots, &folded);
        let Numbering { mut number, vertex, .. } = numbering;
        // From here on `number` holds the result, by node.
        number.fill(UNREACHED);
        for (&node, &dominator) in vertex.iter().zip(&idom).skip(1) {
            number[node as usize] = if dominator == 0 { ROOT } else { vertex[dominator as usize] };
            for &target in graph.successors(node) {
                if folded.contains(target) {
                    number[target as usize] = node;
                }
            }
        }
        let mut order = vertex;
        order.remove(0);
        Self { immediate: number, order, folded }
    }

    /// What dominates `node` directly.
    pub fn immediate(&self, node: Node) -> Dominator {
        match self.immediate[node as usize] {
            ROOT => Dominator::Root,
            UNREACHED => Dominator::Unreached,
            dominator => Dominator::Node(dominator),
        }
    }

    /// Whether a root reaches `node`.
    pub fn is_reached(&self, node: Node) -> bool {
        self.immediate[node as usize] != UNREACHED
    }

    /// Number of nodes, reached or not.
    pub fn node_count(&self) -> usize {
        self.immediate.len()
    }

    /// All reached nodes, those that are dominated before their dominators.
    pub fn bottom_up(&self) -> impl Iterator<Item = Node> + '_ {
        let leaves = (0..self.immediate.len() as Node)
            .filter(|&node| self.folded.contains(node) && self.is_reached(node));
        leaves.chain(self.order.iter().rev().copied())
    }
}

/// Leaves that exactly one edge leads to; roots are none.
fn single_referrer_leaves(graph: &Graph, roots: &[Node]) -> NodeSet {
    let mut leaves = NodeSet::with_nodes(graph.node_count());
    for (node, degree) in (0..).zip(graph.in_degrees()) {
        if degree == 1 && graph.successors(node).is_empty() {
            leaves.insert(node);
        }
    }
    for &root in roots {
        leaves.remove(root);
    }
    leaves
}

/// Preorder numbers from a depth-first walk; 0 is the virtual root.
struct Numbering {
    /// By node: its number, 0 while it has none.
    number: Vec<u32>,
    /// By number: its node; the virtual root's entry is a placeholder.
    vertex: Vec<Node>,
    /// By number: the number of its parent in the walk.
    parent: Vec<u32>,
}

impl Numbering {
    fn depth_first(graph: &Graph, roots: &[Node], skip: &NodeSet) -> Self {
        let mut numbering = Self { number: vec![0; graph.node_count()], vertex: vec![ROOT], parent: vec![0] };
        // Numbers of the nodes being walked, with the position of the next edge to follow.
        let mut path: Vec<(u32, u32)> = Vec::new();
        for &root in roots {
            if !numbering.take(root, 0) {
                continue;
            }
            path.push((numbering.vertex.len() as u32 - 1, 0));
            while let Some((number, next)) = path.last_mut() {
                let (parent, at) = (*number, *next as usize);
                let Some(&target) = graph.successors(numbering.vertex[parent as usize]).get(at) else {
                    path.pop();
                    continue;
                };
                *next += 1;
                if !skip.contains(target) && numbering.take(target, parent) {
                    path.push((numbering.vertex.len() as u32 - 1, 0));
                }
            }
        }
        numbering
    }

    /// Gives `node` the next number, unless it has one.
    fn take(&mut self, node: Node, parent: u32) -> bool {
        let slot = &mut self.number[node as usize];
        if *slot != 0 {
            return false;
        }
        *slot = self.vertex.len() as u32;
        self.vertex.push(node);
        self.parent.push(parent);
        true
    }

    /// Immediate dominators by number. Uses up `parent`.
    fn immediate_dominators(&mut self, graph: &Graph, roots: &[Node], skip: &NodeSet) -> Vec<u32> {
        let predecessors = self.predecessors(graph, roots, skip);
        let mut idom = self.parent.clone();
        let mut forest = Forest::new(std::mem::take(&mut self.parent));
        for number in (1..idom.len() as u32).rev() {
            let mut semi = idom[number as usize];
            for &predecessor in predecessors.successors(number) {
                semi = semi.min(forest.least_semi(predecessor, number));
            }
            forest.semi[number as usize] = semi;
        }
        for number in 1..idom.len() {
            let semi = forest.semi[number];
            let mut candidate = idom[number];
            while candidate > semi {
                candidate = idom[candidate as usize];
            }
            idom[number] = candidate;
        }
        idom
    }

    /// The reverse graph in preorder numbers: counted, then filled.
    fn predecessors(&self, graph: &Graph, roots: &[Node], skip: &NodeSet) -> Graph {
        let from_root = roots.iter().map(|&root| (0, root));
        let from_nodes = (1..self.vertex.len() as u32).flat_map(|number| {
            graph.successors(self.vertex[number as usize]).iter().map(move |&to| (number, to))
        });
        let edges = from_root.chain(from_nodes).filter(|&(_, to)| !skip.contains(to));
        let mut starts = vec![0u32; self.vertex.len() + 1];
        for (_, to) in edges.clone() {
            starts[self.number[to as usize] as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut targets = vec![0; starts[starts.len() - 1] as usize];
        // Each row's start moves to its end while it is filled, which is the next row's start.
        for (from, to) in edges {
            let slot = &mut starts[self.number[to as usize] as usize];
            targets[*slot as usize] = from;
            *slot += 1;
        }
        starts.rotate_right(1);
        starts[0] = 0;
        Graph { starts, targets }
    }
}

/// The forest of links, for the least semidominator on the way up (`eval` in the paper).
struct Forest {
    /// By number: an ancestor; its parent at first, then shortened to the root of its tree.
    ancestor: Vec<u32>,
    /// By number: its semidominator, itself before it is linked.
    semi: Vec<u32>,
    /// By number: the number with the least semidominator between it and its ancestor.
    label: Vec<u32>,
    path: Vec<u32>,
}

impl Forest {
    fn new(parent: Vec<u32>) -> Self {
        let own: Vec<u32> = (0..parent.len() as u32).collect();
        Self { ancestor: parent, semi: own.clone(), label: own, path: Vec::new() }
    }

    /// The least semidominator among `number` and its ancestors above `current`, all of which are linked.
    fn least_semi(&mut self, number: u32, current: u32) -> u32 {
        if number <= current {
            return number;
        }
        let mut top = number;
        while self.ancestor[top as usize] > current {
            self.path.push(top);
            top = self.ancestor[top as usize];
        }
        // `top` hangs directly below the part that is not linked yet.
        let ancestor = self.ancestor[top as usize];
        let mut best = self.label[top as usize];
        while let Some(below) = self.path.pop() {
            let own = self.label[below as usize];
            if self.semi[best as usize] < self.semi[own as usize] {
                self.label[below as usize] = best;
            } else {
                best = own;
            }
            self.ancestor[below as usize] = ancestor;
        }
        self.semi[best as usize]
    }
}
