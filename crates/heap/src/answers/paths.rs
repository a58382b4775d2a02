//! The shortest path with a name to every object.

use crate::answers::roots::Root;
use crate::graph::Node;
use crate::heap::Heap;
use crate::naming::roots::RootName;

/// By breadth-first search from the named roots: who leads to each object.
pub(crate) struct Paths {
    /// By node: the node before it, a root's number behind all nodes, or [`NONE`].
    before: Vec<u32>,
    roots: Vec<Root>,
}

const NONE: u32 = u32::MAX;

/// Most steps of a path that are written out.
const MAX_STEPS: usize = 64;

/// A path as it was found: a root, and the objects from there on.
pub(crate) struct Trail<'p> {
    pub(crate) root: &'p RootName,
    /// The root's object first; the last one is the object that the path leads to.
    pub(crate) nodes: Vec<Node>,
    /// Links between root and the first of `nodes` that are left out.
    pub(crate) omitted: usize,
}

/// What a path comes from on its way to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    /// The object before it.
    Node(Node),
    /// The root with this number: the path begins with the object.
    Root(usize),
    /// No root reaches the object.
    Nothing,
}

impl Trail<'_> {
    /// The end of it, where it has more steps than are written out.
    pub(crate) fn shortened(mut self) -> Self {
        let more = self.nodes.len().saturating_sub(MAX_STEPS);
        self.nodes.drain(..more);
        self.omitted += more;
        self
    }

    /// Its root.
    pub(crate) fn root_alone(&self) -> Self {
        Self { root: self.root, nodes: self.nodes.first().copied().into_iter().collect(), omitted: 0 }
    }
}

impl Paths {
    /// Searches from `roots`; of several ways, the shortest from the earliest root counts.
    pub(crate) fn search(heap: &Heap<'_, '_>, roots: Vec<Root>) -> Self {
        let nodes = heap.graph.node_count();
        let mut before = vec![NONE; nodes];
        let mut open = Vec::new();
        let room = (NONE as usize - 1).saturating_sub(nodes);
        for (number, root) in roots.iter().enumerate().take(room) {
            let slot = &mut before[root.node as usize];
            if *slot == NONE {
                *slot = (nodes + number) as u32;
                open.push(root.node);
            }
        }
        let mut next = 0;
        while let Some(&node) = open.get(next) {
            next += 1;
            for &target in heap.graph.successors(node) {
                let slot = &mut before[target as usize];
                if *slot == NONE {
                    *slot = node;
                    // Leaves lead nowhere.
                    if !heap.graph.successors(target).is_empty() {
                        open.push(target);
                    }
                }
            }
        }
        Self { before, roots }
    }

    /// How `node` is reached; `None` when no root reaches it.
    pub(crate) fn trail(&self, node: Node) -> Option<Trail<'_>> {
        let (mut nodes, mut at, mut omitted) = (Vec::new(), node, 0);
        loop {
            if nodes.len() < MAX_STEPS {
                nodes.push(at);
            } else {
                omitted += 1;
            }
            let before = self.before[at as usize];
            if before == NONE {
                return None;
            }
            match (before as usize).checked_sub(self.before.len()) {
                Some(root) => {
                    nodes.reverse();
                    return Some(Trail { root: &self.roots[root].name, nodes, omitted });
                }
                None => at = before,
            }
        }
    }

    /// The object that the shortest path to `node` comes through last; `None` for a root and for what none reaches.
    pub(crate) fn before(&self, node: Node) -> Option<Node> {
        self.before.get(node as usize).copied().filter(|&before| (before as usize) < self.before.len())
    }

    /// The roots that paths begin with.
    pub(crate) fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// What the shortest path to `node` comes from.
    pub(crate) fn back(&self, node: Node) -> Back {
        match self.before[node as usize] {
            NONE => Back::Nothing,
            before => (before as usize).checked_sub(self.before.len()).map_or(Back::Node(before), Back::Root),
        }
    }

    /// The name of the root that `node` is, if it is one.
    pub(crate) fn root_at(&self, node: Node) -> Option<&RootName> {
        let before = self.before[node as usize];
        if before == NONE {
            return None;
        }
        let root = (before as usize).checked_sub(self.before.len())?;
        self.roots.get(root).map(|root| &root.name)
    }

    /// What the roots at `node` that are no globals are called.
    pub(crate) fn names_of(&self, node: Node) -> Vec<&str> {
        let here = self.roots.iter().filter(|root| root.node == node);
        let texts = here.filter_map(|root| match &root.name {
            RootName::Text(text) => Some(text),
            RootName::Global { .. } | RootName::Native | RootName::NativeStack(_) => None,
        });
        texts.map(|text| text.exact.as_deref().unwrap_or(&text.text)).collect()
    }
}
