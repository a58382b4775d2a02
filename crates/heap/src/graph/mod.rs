//! Graphs on flat arrays: rows of references, dominators, retained sizes.

pub(crate) mod dominators;
pub(crate) mod node_set;
mod petgraph_view;
pub(crate) mod retained;

/// Number of a node; nodes are numbered from 0 without holes.
pub type Node = u32;

/// A directed graph in compressed sparse rows: all successors of node 0, then of node 1, and so on.
///
/// Four bytes per node and four per edge. Parallel edges and loops are kept: they are references too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// Where each row starts in `targets`; one more entry than nodes.
    starts: Vec<u32>,
    targets: Vec<Node>,
}

impl Default for Graph {
    fn default() -> Self {
        Self { starts: vec![0], targets: Vec::new() }
    }
}

/// A graph grew beyond what 32-bit numbers can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than 4,294,967,293 references or objects: the graph cannot be held in 32-bit numbers")]
pub struct TooLarge;

impl Graph {
    /// Adds an edge to the row that is being written, that of node [`Graph::node_count`].
    pub fn push_edge(&mut self, target: Node) {
        self.targets.push(target);
    }

    /// Ends the row that is being written and gives its node's number.
    ///
    /// # Errors
    /// When nodes or edges no longer fit 32-bit numbers.
    pub fn end_row(&mut self) -> Result<Node, TooLarge> {
        // The two highest numbers are marks of the dominator pass.
        const LIMIT: usize = u32::MAX as usize - 2;
        let node = self.node_count();
        if node >= LIMIT || self.targets.len() > LIMIT {
            return Err(TooLarge);
        }
        self.starts.push(self.targets.len() as u32);
        Ok(node as Node)
    }

    /// Number of nodes whose rows are complete.
    pub fn node_count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of edges in complete rows, and in the one being written.
    pub fn edge_count(&self) -> usize {
        self.targets.len()
    }

    /// Where the edges of `node` go, in the order in which they were added.
    pub fn successors(&self, node: Node) -> &[Node] {
        let node = node as usize;
        &self.targets[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    /// Makes `node` refer to itself only, as often as it referred to anything.
    pub fn forget_successors(&mut self, node: Node) {
        let (start, end) = (self.starts[node as usize] as usize, self.starts[node as usize + 1] as usize);
        self.targets[start..end].fill(node);
    }

    /// How many edges lead to each node.
    pub fn in_degrees(&self) -> Vec<u32> {
        let mut degrees = vec![0; self.node_count()];
        for &target in &self.targets {
            degrees[target as usize] += 1;
        }
        degrees
    }

    /// Gives back the memory that the row builder reserved.
    pub fn shrink_to_fit(&mut self) {
        self.starts.shrink_to_fit();
        self.targets.shrink_to_fit();
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> u64 {
        4 * (self.starts.capacity() + self.targets.capacity()) as u64
    }
}

impl FromIterator<Vec<Node>> for Graph {
    /// Takes the successors of node 0, of node 1, …; rows behind the 2^32-3rd are dropped.
    fn from_iter<I: IntoIterator<Item = Vec<Node>>>(rows: I) -> Self {
        let mut graph = Self::default();
        for row in rows {
            graph.targets.extend(row);
            if graph.end_row().is_err() {
                break;
            }
        }
        graph
    }
}
