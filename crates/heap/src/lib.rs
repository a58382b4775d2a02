//! Object graph, retained sizes and leak suspects of a CPython core file.

mod graph;

pub use graph::dominators::{Dominator, Dominators};
pub use graph::node_set::NodeSet;
pub use graph::retained::Retained;
pub use graph::{Graph, Node, TooLarge};
