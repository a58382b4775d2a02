//! What the shortest paths through a name lead to.

use crate::answers::paths::{Back, Paths, Trail};
use crate::answers::steps::{self, Steps};
use crate::graph::Node;
use crate::graph::node_set::{Next, NodeSet};
use crate::survey::Survey;

/// The objects whose shortest path goes through the object `through`, or begins with a root whose name is `prefix` or goes
/// on from it with a dot or bracket. `None` when there is neither such an object nor such a root.
pub(crate) fn under(
    survey: &Survey<'_, '_>,
    paths: &Paths,
    prefix: &str,
    through: Option<Node>,
) -> Option<NodeSet> {
    let prefix = prefix.trim();
    let steps = Steps::of(&survey.heap, std::iter::empty());
    let is_wanted = |root: &crate::answers::roots::Root| {
        let trail = Trail { root: &root.name, nodes: vec![root.node], omitted: 0 };
        let name = steps::describe(&survey.heap, &steps, &trail).text;
        name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let wanted: Vec<bool> = paths.roots().iter().map(is_wanted).collect();
    if through.is_none() && !wanted.contains(&true) {
        return None;
    }
    let inside =
        NodeSet::leading_in(survey.heap.graph.node_count(), through, |node| match paths.back(node) {
            Back::Node(before) => Next::Node(before),
            Back::Root(root) => Next::End { is_inside: wanted[root] },
            Back::Nothing => Next::End { is_inside: false },
        });
    Some(inside)
}
