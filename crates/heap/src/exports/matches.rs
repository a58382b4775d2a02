//! The objects that a filter asks for.

use std::cmp::Reverse;

use pycoroner_coredump::{Address, Ptr};
use pycoroner_findings::Gap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::answers::measures::Measures;
use crate::answers::paths::{Paths, Trail};
use crate::answers::steps::{self, Steps};
use crate::document::SCHEMA;
use crate::exports::Export;
use crate::exports::filter::{Compare, Expression, Filter, FilterError, Number, State, Term, Text, fits};
use crate::exports::generations::Generations;
use crate::exports::snapshot::id;
use crate::exports::under::under;
use crate::expression::resolve::resolve;
use crate::graph::Node;
use crate::graph::dominators::Dominator;
use crate::graph::node_set::{Next, NodeSet};
use crate::naming::look::Look;

/// What comes first in the list of matches; always the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// What an object keeps alive.
    #[default]
    Retained,
    /// What `sys.getsizeof` says.
    Size,
    /// How many objects it keeps alive.
    Kept,
    /// Its reference count.
    References,
}

/// The objects that a filter asks for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MatchesDocument {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// How many there are.
    pub total: u64,
    /// Sum of what `sys.getsizeof` says of them.
    pub shallow_bytes: u64,
    /// How many are not listed.
    pub left_out: u64,
    /// The objects.
    pub matches: Vec<MatchRow>,
    /// What could not be told.
    pub gaps: Vec<Gap>,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MatchRow {
    /// Its id in exports of the same core.
    pub id: u64,
    /// Where it is.
    pub address: Address,
    /// Its type's name.
    pub r#type: String,
    /// What keeps it alive.
    pub state: State,
    /// What `sys.getsizeof` says; missing when only a part of it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shallow_bytes: Option<u64>,
    /// What would be freed with it; 0 for garbage.
    pub retained_bytes: u64,
    /// How many objects would be freed with it, itself included.
    pub retained_objects: u64,
    /// Its reference count, as it states it.
    pub reference_count: u64,
    /// `len()` of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The shortest path to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Export<'_, '_> {
    /// The first `limit` of the objects that a filter asks for.
    ///
    /// # Errors
    /// When an expression of the filter names no object.
    pub fn matches(
        &self,
        filter: &Filter,
        order: Order,
        limit: usize,
    ) -> Result<MatchesDocument, FilterError> {
        let survey = &self.survey;
        let objects = &survey.heap.objects;
        let paths = Paths::search(&survey.heap, survey.named_roots());
        let look = Look::new(survey.heap.runtime, &survey.heap.reader);
        let tests = filter
            .terms
            .iter()
            .map(|term| Test::of(self, &look, &paths, term))
            .collect::<Result<Vec<Test>, FilterError>>()?;
        let native = self.native();
        let holds = |&node: &Node| tests.iter().all(|test| test.holds(self, &look, &native, node));
        let mut found: Vec<Node> = (0..objects.len() as Node).filter(holds).collect();
        let total = found.len() as u64;
        let shallow_bytes = found.iter().map(|&node| objects.size(node)).fold(0, u64::saturating_add);
        let key = |node: &Node| {
            let number = match order {
                Order::Retained => survey.retained.bytes(*node),
                Order::Size => objects.size(*node),
                Order::Kept => u64::from(survey.retained.count(*node)),
                Order::References => survey.heap.refcount(*node),
            };
            (Reverse(number), objects.address(*node))
        };
        if limit < found.len() {
            found.select_nth_unstable_by_key(limit, key);
            found.truncate(limit);
        }
        found.sort_by_cached_key(key);
        let mut matches = Vec::with_capacity(found.len());
        // Of so many at a time the steps of all paths are held.
        for part in found.chunks(4096) {
            self.rows(&look, &paths, &native, part, &mut matches);
        }
        let left_out = total - matches.len() as u64;
        Ok(MatchesDocument { schema: SCHEMA, total, shallow_bytes, left_out, matches, gaps: self.gaps() })
    }

    /// What native code holds.
    pub(crate) fn native(&self) -> NodeSet {
        let mut native = NodeSet::with_nodes(self.survey.heap.objects.len());
        for &node in &self.survey.reach.native {
            native.insert(node);
        }
        native
    }

    pub(crate) fn state(&self, native: &NodeSet, node: Node) -> State {
        match () {
            () if native.contains(node) => State::Native,
            () if self.survey.reach.alive.contains(node) => State::Alive,
            () => State::Unreachable,
        }
    }

    fn rows(
        &self,
        look: &Look<'_, '_, '_>,
        paths: &Paths,
        native: &NodeSet,
        nodes: &[Node],
        rows: &mut Vec<MatchRow>,
    ) {
        let survey = &self.survey;
        let heap = &survey.heap;
        let trails: Vec<Option<Trail<'_>>> = nodes.iter().map(|&node| paths.trail(node)).collect();
        let steps = Steps::of(heap, trails.iter().flatten());
        rows.extend(nodes.iter().zip(&trails).map(|(&node, trail)| MatchRow {
            id: id(node),
            address: Address(heap.objects.address(node)),
            r#type: heap.type_name(node),
            state: self.state(native, node),
            shallow_bytes: heap.objects.whole_size(node),
            retained_bytes: survey.retained.bytes(node),
            retained_objects: u64::from(survey.retained.count(node)),
            reference_count: heap.refcount(node),
            length: Measures::of(look, heap.objects.address(node)).length,
            path: trail.as_ref().map(|trail| steps::describe(heap, &steps, trail).text),
        }));
    }

    fn resolved(&self, look: &Look<'_, '_, '_>, expression: &Expression) -> Result<Node, FilterError> {
        let Expression { column, text } = expression;
        let error = |at: usize, why: String| FilterError { column: column + at, why };
        let address =
            resolve(look, text).map_err(|found| error(found.column.saturating_sub(1), found.why))?;
        let known = self.survey.heap.objects.find(address);
        known.ok_or_else(|| error(0, format!("the object at {address:#x} is not among those of the heap")))
    }
}

/// A term that is ready to be asked.
enum Test {
    /// By type.
    Type(Vec<bool>),
    Number(Number, Compare, u64),
    Generation(Generations, Compare, u64),
    State(State),
    In(NodeSet),
}

impl Test {
    fn of(
        export: &Export<'_, '_>,
        look: &Look<'_, '_, '_>,
        paths: &Paths,
        term: &Term,
    ) -> Result<Self, FilterError> {
        Ok(match term {
            Term::Name { of, patterns, wanted } => {
                let heap = &export.survey.heap;
                let fits = |name: &str| patterns.iter().any(|pattern| fits(pattern, name)) == *wanted;
                let of_type = |type_id: u32| match of {
                    Text::Type => fits(&heap.types.name(type_id)),
                    Text::Module => fits(&export.module_of(type_id)),
                };
                Self::Type((0..heap.types.len() as u32).map(of_type).collect())
            }
            &Term::Generation { column, compare, amount } => {
                let generations = Generations::read(&export.survey.heap);
                let generations = generations.map_err(|why| FilterError { column, why: why.to_owned() })?;
                Self::Generation(generations, compare, amount)
            }
            &Term::Number { of, compare, amount } => Self::Number(of, compare, amount),
            &Term::State(state) => Self::State(state),
            Term::Under(expression) => {
                let node = export.resolved(look, expression);
                match under(&export.survey, paths, &expression.text, node.as_ref().ok().copied()) {
                    Some(nodes) => Self::In(nodes),
                    None => return Err(node.err().unwrap_or_else(|| unreachable_expression(expression))),
                }
            }
            Term::KeptBy(expression) => Self::In(export.kept_by(export.resolved(look, expression)?)),
        })
    }

    fn holds(&self, export: &Export<'_, '_>, look: &Look<'_, '_, '_>, native: &NodeSet, node: Node) -> bool {
        let survey = &export.survey;
        let heap = &survey.heap;
        match self {
            Self::Type(wanted) => wanted.get(heap.objects.type_id(node) as usize) == Some(&true),
            Self::State(State::Alive) => survey.reach.alive.contains(node),
            Self::State(state) => export.state(native, node) == *state,
            Self::In(nodes) => nodes.contains(node),
            Self::Generation(generations, compare, amount) => {
                generations.of(node).is_some_and(|generation| compare.holds(generation, *amount))
            }
            Self::Number(of, compare, amount) => {
                let address = heap.objects.address(node);
                let number = match of {
                    Number::Size => heap.objects.size(node),
                    Number::Retained => survey.retained.bytes(node),
                    Number::Kept => u64::from(survey.retained.count(node)),
                    Number::References => heap.refcount(node),
                    Number::Address => address,
                    Number::Id => id(node),
                    Number::Length => match Measures::of(look, address).length {
                        Some(length) => length,
                        None => return false,
                    },
                };
                compare.holds(number, *amount)
            }
        }
    }
}

fn unreachable_expression(expression: &Expression) -> FilterError {
    FilterError { column: expression.column, why: "no path leads through it".to_owned() }
}

impl Export<'_, '_> {
    /// The module that a type is from.
    pub(crate) fn module_of(&self, type_id: u32) -> String {
        let heap = &self.survey.heap;
        let of = Ptr::new(Address(heap.types.facts(type_id).address));
        let found = of.and_then(|of| heap.runtime.types().find(heap.runtime.python(), of));
        found.and_then(|name| name.module.as_deref().map(str::to_owned)).unwrap_or_default()
    }

    /// What would go with an object, itself included.
    fn kept_by(&self, keeper: Node) -> NodeSet {
        let dominators = &self.survey.dominators;
        NodeSet::leading_in(dominators.node_count(), Some(keeper), |node| match dominators.immediate(node) {
            Dominator::Node(dominator) => Next::Node(dominator),
            Dominator::Root | Dominator::Unreached => Next::End { is_inside: false },
        })
    }
}
