//! What refers to an object, and what it refers to.

use std::cmp::Reverse;

use pycoroner_coredump::Address;
use rustc_hash::FxHashSet;

use crate::answers::paths::{Paths, Trail};
use crate::answers::steps::{self, Steps};
use crate::document::{ReferenceRow, ReferencesRow};
use crate::graph::Node;
use crate::naming::edge::{Context, Kind, Move, transition};
use crate::naming::look::Look;
use crate::objects::kinds::Shape;
use crate::objects::sizes::Size;
use crate::references::visit::Step;
use crate::survey::Survey;

/// What the object at `address` refers to, in its own order, at most `limit` of it.
pub(crate) fn referents(look: &Look<'_, '_, '_>, expr: &str, address: u64, limit: usize) -> ReferencesRow {
    let mut rows = Vec::new();
    let mut total = 0u64;
    look.visit(address, |target, step| {
        if look.facts(target).is_none() {
            return;
        }
        total += 1;
        if rows.len() < limit {
            let found = transition(look, address, Context::Plain, step, target);
            rows.push(row(look, target, &found));
        }
    });
    if let Some(weak) = weak_referent(look, address) {
        total += 1;
        rows.push(weak);
    }
    let left_out = total - rows.len() as u64;
    let r#type = look.type_name(address);
    ReferencesRow {
        expr: expr.to_owned(),
        path: None,
        address: Address(address),
        r#type,
        total,
        left_out,
        references: rows,
    }
}

/// The object of a weak reference, which that does not keep alive.
fn weak_referent(look: &Look<'_, '_, '_>, address: u64) -> Option<ReferenceRow> {
    if look.facts(address)?.shape != Shape::WeakRef {
        return None;
    }
    let target = look.bytes(address)?.word(look.reader.places.weakref_object?)?;
    look.facts(target)?;
    Some(ReferenceRow { kind: Kind::Weak, edge: "()".to_owned(), ..row_of(look, target) })
}

fn row(look: &Look<'_, '_, '_>, object: u64, found: &Move) -> ReferenceRow {
    ReferenceRow { kind: found.kind, edge: edge(found), ..row_of(look, object) }
}

fn row_of(look: &Look<'_, '_, '_>, object: u64) -> ReferenceRow {
    ReferenceRow {
        kind: Kind::Word,
        edge: String::new(),
        address: Some(Address(object)),
        r#type: Some(look.type_name(object)),
        path: None,
        shallow_bytes: look.size(object).and_then(Size::whole),
        retained_bytes: None,
    }
}

/// The reference as its own object spells it: a part by its exact name.
fn edge(found: &Move) -> String {
    let names = found.exact.as_ref().filter(|_| found.names.is_empty()).unwrap_or(&found.names);
    names.iter().map(ToString::to_string).collect()
}

/// What refers to the object with the number `target`, those that retain most first, at most `limit` of it.
pub(crate) fn referrers(
    survey: &Survey<'_, '_>,
    look: &Look<'_, '_, '_>,
    paths: &Paths,
    expr: &str,
    target: Node,
    limit: usize,
) -> ReferencesRow {
    let heap = &survey.heap;
    let names_of_root = paths.names_of(target);
    let mut rows: Vec<ReferenceRow> = names_of_root.iter().take(limit).map(|name| root_row(name)).collect();
    let graph = &heap.graph;
    let nodes = 0..graph.node_count() as Node;
    let mut from: Vec<Node> = nodes.filter(|&node| graph.successors(node).contains(&target)).collect();
    from.sort_by_key(|&node| (Reverse(survey.retained.bytes(node)), heap.objects.address(node)));
    let total = (names_of_root.len() + from.len()) as u64;
    from.truncate(limit.saturating_sub(rows.len()));
    let trails: Vec<Option<Trail<'_>>> = from.iter().map(|&node| paths.trail(node)).collect();
    let steps = Steps::of(heap, trails.iter().flatten());
    let mut seen: FxHashSet<(Node, Step)> = FxHashSet::default();
    for (&node, trail) in from.iter().zip(&trails) {
        let path = trail.as_ref().map(|trail| steps::describe(heap, &steps, trail).text);
        let address = heap.objects.address(node);
        heap.visit(node, |to, step| {
            if to == target && seen.insert((node, step)) && rows.len() < limit.saturating_mul(2) {
                let found = transition(look, address, Context::Plain, step, heap.objects.address(to));
                rows.push(ReferenceRow {
                    path: path.clone(),
                    retained_bytes: Some(survey.retained.bytes(node)),
                    ..row(look, address, &found)
                });
            }
        });
    }
    let address = heap.objects.address(target);
    let shown: FxHashSet<Option<Address>> = rows.iter().map(|row| row.address).collect();
    let roots = rows.iter().filter(|row| row.address.is_none()).count();
    let shown = shown.len() - usize::from(roots > 0) + roots;
    ReferencesRow {
        expr: expr.to_owned(),
        path: None,
        address: Address(address),
        r#type: look.type_name(address),
        total,
        left_out: total.saturating_sub(shown as u64),
        references: rows,
    }
}

fn root_row(name: &str) -> ReferenceRow {
    ReferenceRow {
        kind: Kind::Root,
        edge: name.to_owned(),
        address: None,
        r#type: None,
        path: Some(name.to_owned()),
        shallow_bytes: None,
        retained_bytes: None,
    }
}
