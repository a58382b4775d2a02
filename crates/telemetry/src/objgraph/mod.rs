//! What [objgraph](https://mg.pov.lt/objgraph/objgraph.html) prints: counts and growth by type, and pictures of
//! references for Graphviz.

pub(crate) mod counts;
pub(crate) mod picture;
