//! Object graph, retained sizes and leak suspects of a CPython core file.

mod analysis;
mod graph;
mod heap;
mod memory;
mod objects;
mod references;

pub use analysis::{Failure, Options, Phase, quick};
pub use graph::dominators::{Dominator, Dominators};
pub use graph::node_set::NodeSet;
pub use graph::retained::Retained;
pub use graph::{Graph, Node, TooLarge};
