//! Dominators and retained sizes, against petgraph and against their definition.

use petgraph::algo::dominators::simple_fast;
use petgraph::visit::Dfs;
use proptest::prelude::*;
use pycoroner_heap::{Dominator, Dominators, Graph, Node, Retained};

/// Rows of a graph of up to `nodes` nodes, and roots.
fn graphs(nodes: usize, degree: usize) -> impl Strategy<Value = (Vec<Vec<Node>>, Vec<Node>)> {
    (1..=nodes).prop_flat_map(move |count| {
        let node = 0..count as Node;
        let row = prop::collection::vec(node.clone(), 0..=degree);
        (prop::collection::vec(row, count), prop::collection::vec(node, 1..=4))
    })
}

/// The dominators that petgraph finds, with one more node in front of the roots.
fn by_petgraph(rows: &[Vec<Node>], roots: &[Node]) -> Vec<Dominator> {
    let virtual_root = rows.len() as Node;
    let graph: Graph = rows.iter().cloned().chain([roots.to_vec()]).collect();
    let found = simple_fast(&graph, virtual_root);
    (0..virtual_root)
        .map(|node| match found.immediate_dominator(node) {
            None => Dominator::Unreached,
            Some(dominator) if dominator == virtual_root => Dominator::Root,
            Some(dominator) => Dominator::Node(dominator),
        })
        .collect()
}

/// Bytes lost to the roots when `node` is taken out: the definition of a retained size.
fn lost_without(rows: &[Vec<Node>], roots: &[Node], node: Node) -> u64 {
    let reached = |rows: Vec<Vec<Node>>, roots: Vec<Node>| {
        let virtual_root = rows.len() as Node;
        let graph: Graph = rows.into_iter().chain([roots]).collect();
        let mut walk = Dfs::new(&graph, virtual_root);
        std::iter::from_fn(|| walk.next(&graph))
            .filter(|&node| node != virtual_root)
            .map(size_of)
            .sum::<u64>()
    };
    let without = rows.iter().map(|row| row.iter().copied().filter(|&to| to != node).collect()).collect();
    let roots_without = roots.iter().copied().filter(|&root| root != node).collect();
    reached(rows.to_vec(), roots.to_vec()) - reached(without, roots_without)
}

fn size_of(node: Node) -> u64 {
    u64::from(node) * 7 + 1
}

fn check(rows: &[Vec<Node>], roots: &[Node]) {
    let graph: Graph = rows.iter().cloned().collect();
    let dominators = Dominators::compute(&graph, roots);
    let ours: Vec<_> = (0..rows.len() as Node).map(|node| dominators.immediate(node)).collect();
    assert_eq!(ours, by_petgraph(rows, roots));
    let retained = Retained::sum(&dominators, size_of);
    for node in 0..rows.len() as Node {
        assert_eq!(retained.bytes(node), lost_without(rows, roots, node), "node {node}");
    }
}

proptest! {
    #[test]
    fn dominators_are_those_of_petgraph_sparse((rows, roots) in graphs(60, 2)) {
        check(&rows, &roots);
    }

    #[test]
    fn dominators_are_those_of_petgraph_dense((rows, roots) in graphs(25, 8)) {
        check(&rows, &roots);
    }
}

#[test]
fn a_root_that_another_root_reaches_is_dominated_by_none() {
    check(&[vec![1, 2], vec![2, 3], vec![3], vec![], vec![4]], &[0, 2]);
}

#[test]
fn a_chain_of_a_million_links_is_no_recursion() {
    let last = 1_000_000;
    let graph: Graph = (0..=last).map(|node| if node < last { vec![node + 1] } else { vec![0] }).collect();
    let dominators = Dominators::compute(&graph, &[0]);
    assert_eq!(dominators.immediate(last), Dominator::Node(last - 1));
    assert_eq!(Retained::sum(&dominators, |_| 1).bytes(0), u64::from(last) + 1);
}

#[test]
fn without_roots_nothing_is_reached() {
    check(&[vec![1], vec![0], vec![]], &[]);
    check(&[], &[]);
}
