//! The shortest paths to one object from different roots.

use crate::answers::paths::{Paths, Trail};
use crate::answers::steps::{self, Steps};
use crate::document::{Route, RoutesRow};
use crate::graph::Node;
use crate::naming::roots::RootName;
use crate::survey::Survey;
use pycoroner_coredump::Address;

/// Who refers to whom: the graph turned round.
pub(crate) struct Referrers {
    starts: Vec<u32>,
    from: Vec<Node>,
}

impl Referrers {
    pub(crate) fn of(survey: &Survey<'_, '_>) -> Self {
        let graph = &survey.heap.graph;
        let mut starts = graph.in_degrees();
        let mut sum = 0u32;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        starts.push(sum);
        let mut from = vec![0; graph.edge_count()];
        for node in (0..graph.node_count() as Node).rev() {
            for &target in graph.successors(node) {
                // Filled from the back: each start moves down to where it belongs.
                let slot = &mut starts[target as usize];
                *slot -= 1;
                from[*slot as usize] = node;
            }
        }
        Self { starts, from }
    }

    fn of_node(&self, node: Node) -> &[Node] {
        let node = node as usize;
        &self.from[self.starts[node] as usize..self.starts[node + 1] as usize]
    }
}

/// The `most` shortest paths to `target`, each from another root; of one root the shortest counts.
pub(crate) fn find(
    survey: &Survey<'_, '_>,
    paths: &Paths,
    referrers: &Referrers,
    expr: &str,
    target: Node,
    most: usize,
) -> RoutesRow {
    let heap = &survey.heap;
    let trails = trails(survey, paths, referrers, target, most);
    let steps = Steps::of(heap, trails.iter());
    let route = |trail: &Trail<'_>| Route {
        path: steps::describe(heap, &steps, trail).text,
        root: steps::describe(heap, &steps, &trail.root_alone()).text,
        steps: (trail.nodes.len() + trail.omitted).saturating_sub(1) as u64,
    };
    let address = heap.objects.address(target);
    RoutesRow {
        expr: expr.to_owned(),
        address: Address(address),
        r#type: heap.type_name(target),
        routes: trails.iter().map(route).collect(),
        is_reachable: survey.reach.alive.contains(target),
    }
}

/// The same as they are found: root and objects.
pub(crate) fn trails<'p>(
    survey: &Survey<'_, '_>,
    paths: &'p Paths,
    referrers: &Referrers,
    target: Node,
    most: usize,
) -> Vec<Trail<'p>> {
    const NONE: Node = Node::MAX;
    let heap = &survey.heap;
    let mut next = vec![NONE; heap.graph.node_count()];
    next[target as usize] = target;
    let mut open = vec![target];
    let mut found: Vec<(&RootName, Vec<Node>)> = Vec::new();
    let mut at = 0;
    while let Some(&node) = open.get(at) {
        at += 1;
        if let Some(name) = paths.root_at(node) {
            let mut nodes = vec![node];
            let mut last = node;
            while last != target {
                last = next[last as usize];
                nodes.push(last);
            }
            found.push((name, nodes));
            if found.len() == most {
                break;
            }
            // What leads to a root leads to it by its own name.
            continue;
        }
        for &from in referrers.of_node(node) {
            if next[from as usize] == NONE {
                next[from as usize] = node;
                open.push(from);
            }
        }
    }
    found.into_iter().map(|(root, nodes)| Trail { root, nodes, omitted: 0 }.shortened()).collect()
}
