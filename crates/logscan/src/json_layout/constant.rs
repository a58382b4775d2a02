//! Values that are the same in most records, remembered with what stands around them.

use super::lead::Lead;
use super::{Layouts, Then, literal_len};
use crate::json::{Value, closing_quote};
use crate::json_record::{Field, Head};
use crate::level::Level;
use crate::needles::Needles;

/// Different values of a member that is not taken to vary.
const FEW: usize = 8;
/// Bytes of such a value.
const LONGEST: usize = 96;
/// Bytes of values with what stands around them.
const LONGEST_LEAD: usize = 4096;
/// Ways in which values at one place go together.
const MAX_CONSTANTS: usize = 16;
/// Records that are compared at first; behind them, one of so many.
const PATIENCE: u64 = 1 << 10;
const ONE_OF: u64 = 64;

/// Some values, and what stands in front of, between and behind them.
#[derive(Debug)]
pub(super) struct Constant {
    pub(super) lead: Lead,
    parts: Box<[Part]>,
    pub(super) then: Then,
}

/// A value that is part of a head.
#[derive(Debug)]
struct Part {
    field: Field,
    start: usize,
    end: usize,
    /// What it says, where it is a level or a process.
    level: Option<Level>,
    pid: Option<u64>,
}

/// A value on the way through the tree.
struct Step {
    node: usize,
    edge: usize,
    then: Then,
    /// Behind the value before.
    from: usize,
    /// The value itself; the line's end for the end.
    start: usize,
    end: usize,
    /// It was seen before, as one of few.
    is_constant: bool,
}

impl Constant {
    #[inline]
    pub(super) fn stands_at(&self, line: &[u8], at: usize) -> bool {
        self.then.stands_behind(&self.lead, line, at)
    }

    #[inline]
    pub(super) fn set<'a>(&self, head: &mut Head<'a>, line: &'a [u8], at: usize) {
        for Part { field, start, end, level, pid } in &self.parts {
            match field {
                Field::Level => {
                    head.level = head.level.or(*level);
                    continue;
                }
                Field::Process => {
                    head.pid = head.pid.or(*pid);
                    continue;
                }
                _ => {}
            }
            let raw = line.get(at + start..at + end).unwrap_or_default();
            head.set(*field, Value::String(raw), |_| None);
        }
    }
}

impl Layouts {
    /// Compares the values of a line of known layout with those of earlier ones.
    #[cold]
    #[inline(never)]
    pub(super) fn compare(&mut self, line: &[u8]) {
        if self.compared > PATIENCE + self.known / ONE_OF {
            return;
        }
        self.compared += 1;
        let Some(mut steps) = self.steps(line) else { return };
        let mut varies_more = false;
        for step in &mut steps {
            let edge = self.nodes.get_mut(step.node).and_then(|node| node.edges.get_mut(step.edge));
            let Some((edge, value)) = edge.zip(line.get(step.start..step.end)) else { return };
            let Some(values) = &mut edge.values else { continue };
            step.is_constant = values.iter().any(|known| **known == *value);
            if !step.is_constant && (values.len() >= FEW || value.len() > LONGEST) {
                edge.values = None;
                varies_more = true;
            } else if !step.is_constant {
                values.push(value.into());
            }
        }
        if varies_more {
            // Those that hold such a value would be compared in vain.
            self.nodes.iter_mut().for_each(|node| node.constants.clear());
        }
        self.join(line, &steps);
    }

    /// The values of a line; `None` when its layout is not known.
    fn steps(&self, line: &[u8]) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        let (mut node, mut from) = (0, 0);
        loop {
            let edges = &self.nodes.get(node)?.edges;
            let edge = edges.iter().position(|edge| edge.then.stands_behind(&edge.lead, line, from))?;
            let (then, lead) = edges.get(edge).map(|edge| (edge.then, &edge.lead))?;
            let start = from + lead.len();
            let (end, behind) = match then {
                Then::String(..) => closing_quote(line, start).map(|closing| (closing.at, closing.at + 1))?,
                Then::Literal(..) => (start + literal_len(line, start), start + literal_len(line, start)),
                Then::End(_) => (start, start),
            };
            steps.push(Step { node, edge, then, from, start, end, is_constant: false });
            let Some(next) = then.next() else { return Some(steps) };
            (node, from) = (next, behind);
        }
    }

    /// Joins constant values that stand side by side.
    fn join(&mut self, line: &[u8], steps: &[Step]) {
        for run in steps.chunk_by(|step, _| step.is_constant) {
            let Some(((last, constants), first)) = run.split_last().zip(run.first()) else { continue };
            if constants.is_empty() || last.start - first.from > LONGEST_LEAD {
                continue;
            }
            let Some(bytes) = line.get(first.from..last.start) else { return };
            let Some(node) = self.nodes.get_mut(first.node) else { return };
            let is_known = node.constants.iter().any(|known| known.lead.is(bytes));
            if is_known || node.constants.len() >= MAX_CONSTANTS || !Needles::get().in_line(bytes).is_empty()
            {
                continue;
            }
            let parts = constants.iter().filter_map(|step| {
                let (Then::String(field, _) | Then::Literal(field, _)) = step.then else { return None };
                let (field, mut said) = (field?, Head::default());
                said.set(field, Value::String(line.get(step.start..step.end)?), |_| None);
                Some(Part {
                    field,
                    start: step.start - first.from,
                    end: step.end - first.from,
                    level: said.level,
                    pid: said.pid,
                })
            });
            node.constants.push(Constant { lead: Lead::new(bytes), parts: parts.collect(), then: last.then });
        }
    }
}
