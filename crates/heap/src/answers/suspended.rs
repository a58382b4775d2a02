//! Generators, coroutines and tasks that were never finished, by function and place.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pycoroner_coredump::{Address, Futures, Generator, GeneratorKind, GeneratorState, Ptr, PythonRuntime};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::answers::names::{Holders, Names, holders};
use crate::answers::paths::Paths;
use crate::document::{Place, SuspendedKind, SuspendedRow, SuspendedState};
use crate::graph::Node;
use crate::graph::node_set::NodeSet;
use crate::heap::Heap;
use crate::objects::kinds::Shape;

/// Rows that are listed.
const ROWS: usize = 50;
/// Most calls of which it is read where they stand.
const MOST: usize = 1_000_000;
/// Most calls that await each other in one row.
const DEEPEST: usize = 64;

type Key = (SuspendedKind, SuspendedState, String, Vec<Place>);

/// Unfinished calls by place, before paths are known.
pub(crate) struct Found {
    groups: Vec<(Key, Vec<Node>)>,
    held_by: Vec<Holders>,
    /// There are more than were read.
    pub(crate) is_cut: bool,
}

/// One unfinished generator.
struct Call {
    node: Node,
    generator: Generator,
    function: String,
    place: Option<Place>,
}

/// Looks at all generators and tasks that are alive.
pub(crate) fn find(heap: &Heap<'_, '_>, alive: &NodeSet, paths: &Paths) -> Found {
    let (calls, is_cut) = calls(heap, alive);
    let by_node: FxHashMap<Node, &Call> = calls.iter().map(|call| (call.node, call)).collect();
    let tasks = tasks(heap, alive);
    let awaited: FxHashSet<Node> = calls.iter().filter_map(|call| awaits(heap, call, &by_node)).collect();
    let of_tasks: FxHashSet<Node> = tasks.iter().map(|&(_, coroutine)| coroutine).collect();
    let mut groups: BTreeMap<Key, Vec<Node>> = BTreeMap::new();
    let of_task =
        |&(task, coroutine): &(Node, Node)| Some((SuspendedKind::Task, task, *by_node.get(&coroutine)?));
    let alone = calls.iter().filter(|call| !awaited.contains(&call.node) && !of_tasks.contains(&call.node));
    let alone = alone.map(|call| (kind(call.generator.kind), call.node, call));
    for (kind, node, call) in alone.chain(tasks.iter().filter_map(of_task)) {
        let state = match call.generator.state {
            GeneratorState::Created => SuspendedState::Created,
            GeneratorState::Running => SuspendedState::Running,
            GeneratorState::Suspended { .. } | GeneratorState::Finished => SuspendedState::Suspended,
        };
        let key = (kind, state, call.function.clone(), stack(heap, call, &by_node));
        groups.entry(key).or_default().push(node);
    }
    let mut groups: Vec<(Key, Vec<Node>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, members)| Reverse(members.len()));
    groups.truncate(ROWS);
    let held_by = groups.iter().map(|(_, members)| holders(paths, members)).collect();
    Found { groups, held_by, is_cut }
}

fn kind(kind: GeneratorKind) -> SuspendedKind {
    match kind {
        GeneratorKind::Generator => SuspendedKind::Generator,
        GeneratorKind::Coroutine => SuspendedKind::Coroutine,
        GeneratorKind::AsyncGenerator => SuspendedKind::AsyncGenerator,
    }
}

fn calls(heap: &Heap<'_, '_>, alive: &NodeSet) -> (Vec<Call>, bool) {
    let is_generator: Vec<bool> =
        (0..heap.types.len() as u32).map(|id| heap.types.facts(id).shape == Shape::Generator).collect();
    let nodes = (0..heap.objects.len() as Node)
        .filter(|&node| is_generator[heap.objects.type_id(node) as usize] && alive.contains(node));
    let mut calls = Vec::new();
    for node in nodes {
        if calls.len() == MOST {
            return (calls, true);
        }
        calls.extend(call(heap, node));
    }
    (calls, false)
}

fn call(heap: &Heap<'_, '_>, node: Node) -> Option<Call> {
    let runtime: &PythonRuntime<'_> = heap.runtime;
    let object = Ptr::new(Address(heap.objects.address(node)))?;
    let generator = runtime.generator(object).ok()??;
    let frame = match generator.state {
        GeneratorState::Finished => return None,
        _ => generator.frame.and_then(|place| runtime.frame_at(place).ok()?),
    };
    let python = runtime.python();
    let function = generator.qualname(python).or_else(|| generator.name(python)).unwrap_or_default();
    let place = frame.map(|frame| Place {
        function: frame.code.name.clone(),
        file: frame.code.file.clone(),
        line: frame.position.line,
    });
    Some(Call { node, generator, function, place })
}

/// The call that one delegates to, if it is one of those that are known.
fn awaits(heap: &Heap<'_, '_>, call: &Call, calls: &FxHashMap<Node, &Call>) -> Option<Node> {
    let GeneratorState::Suspended { on: Some(on) } = call.generator.state else { return None };
    let node = heap.objects.find(on.address().0)?;
    if calls.contains_key(&node) {
        return Some(node);
    }
    // What `await` of a coroutine gives refers to that alone.
    let wrapped = heap.graph.successors(node).iter().copied().find(|target| calls.contains_key(target));
    wrapped.filter(|_| heap.type_name(node) == "coroutine_wrapper")
}

/// Where a call and all that it awaits stand, innermost first.
fn stack(heap: &Heap<'_, '_>, call: &Call, calls: &FxHashMap<Node, &Call>) -> Vec<Place> {
    let mut places = Vec::new();
    let mut at = Some(call);
    while let Some(call) = at.filter(|_| places.len() < DEEPEST) {
        places.extend(call.place.clone());
        at = awaits(heap, call, calls).and_then(|next| calls.get(&next).copied());
    }
    places.reverse();
    places
}

/// The tasks of `asyncio`, written in C or in Python, that are pending, with their coroutines.
fn tasks(heap: &Heap<'_, '_>, alive: &NodeSet) -> Vec<(Node, Node)> {
    let interpreters = heap.runtime.interpreters().iter();
    let of_all = interpreters.filter_map(|&interpreter| Futures::of_interpreter(heap.runtime, interpreter));
    of_all.flat_map(|futures| pending(heap, alive, &futures)).collect()
}

/// The pending tasks of one interpreter.
fn pending(heap: &Heap<'_, '_>, alive: &NodeSet, futures: &Futures<'_, '_>) -> Vec<(Node, Node)> {
    let class = |id: u32| Ptr::new(Address(heap.types.facts(id).address));
    let is_of_tasks = |id: u32| class(id).is_some_and(|class| futures.is_class_of_tasks(class));
    let is_task: Vec<bool> = (0..heap.types.len() as u32).map(is_of_tasks).collect();
    let nodes = (0..heap.objects.len() as Node)
        .filter(|&node| is_task[heap.objects.type_id(node) as usize] && alive.contains(node));
    let with_coroutine = |node: Node| {
        let task = Ptr::new(Address(heap.objects.address(node)))?;
        let coroutine = futures.coroutine(task).filter(|_| futures.is_done(task) == Ok(false))?;
        Some((node, heap.objects.find(coroutine.address().0)?))
    };
    nodes.filter_map(with_coroutine).collect()
}

impl Found {
    /// Objects whose paths are wanted.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        let holders = self.held_by.iter().flatten().map(|row| row.0);
        self.groups.iter().filter_map(|(_, members)| members.first().copied()).chain(holders)
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Which row each object belongs to, counted from `first` on.
    pub(crate) fn labels(&self, first: u32) -> impl Iterator<Item = (Node, u32)> + '_ {
        let numbered = (first..).zip(&self.groups);
        numbered.flat_map(|(label, (_, members))| members.iter().map(move |&node| (node, label)))
    }

    /// What a document says; `retained` has what each row keeps alive.
    pub(crate) fn document(&self, heap: &Heap<'_, '_>, names: &Names, retained: &[u64]) -> Vec<SuspendedRow> {
        let row = |number: usize| {
            let ((kind, state, function, stack), members) = self.groups.get(number)?;
            let (held_by, retained) = (self.held_by.get(number)?, *retained.get(number)?);
            let first = *members.first()?;
            Some(SuspendedRow {
                kind: *kind,
                function: function.clone(),
                state: *state,
                stack: stack.clone(),
                count: members.len() as u64,
                retained_bytes: retained,
                held_by: names.holders(heap, held_by),
                example: names.path(first),
                address: Address(heap.objects.address(first)),
            })
        };
        (0..self.groups.len()).filter_map(row).collect()
    }
}
