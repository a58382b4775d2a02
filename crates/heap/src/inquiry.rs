//! Questions about single objects, by address or path.

use pycoroner_coredump::objects::repr::ReprLimits;
use pycoroner_coredump::{Address, PythonRuntime};
use pycoroner_findings::{Gap, GapKind};

use crate::analysis::{Failure, Options, Phase};
use crate::answers::paths::{Paths, Trail};
use crate::answers::routes::{self, Referrers};
use crate::answers::steps::{self, Steps};
use crate::answers::{object, references};
use crate::document::{InquiryDocument, ObjectRow, SCHEMA, Unresolved};
use crate::expression::error::ExpressionError;
use crate::expression::parse;
use crate::expression::resolve::resolve;
use crate::gaps::OpenSizes;
use crate::graph::Node;
use crate::graph::dominators::Dominator;
use crate::naming::look::Look;
use crate::references::reader::Reader;
use crate::survey::Survey;

/// What is asked of the objects that expressions name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What it is, and what it holds.
    Object,
    /// Which paths lead to it.
    Path,
    /// What refers to it.
    Referrers,
    /// What it refers to.
    Referents,
}

/// How much is answered.
#[derive(Clone, Copy, Debug)]
pub struct InquiryOptions {
    /// How much of each text is printed.
    pub limits: ReprLimits,
    /// Most paths to one object, each from another root.
    pub routes: usize,
    /// Most references to or from one object.
    pub references: usize,
    /// Whether the whole heap is read to say what objects retain, and the shortest path to them.
    pub retained: bool,
}

impl Default for InquiryOptions {
    /// Five paths, a hundred references, with what is retained.
    fn default() -> Self {
        let limits = ReprLimits { depth: 6, items: 100, bytes: 4096 };
        Self { limits, routes: 5, references: 100, retained: true }
    }
}

/// Answers questions about objects.
pub struct Inquiry<'r, 'p> {
    runtime: &'r PythonRuntime<'p>,
    reader: Reader<'p>,
}

impl std::fmt::Debug for Inquiry<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inquiry").finish_non_exhaustive()
    }
}

impl<'r, 'p> Inquiry<'r, 'p> {
    /// Gets ready to read objects; reads none yet.
    ///
    /// # Errors
    /// When the layout lacks a member that reading objects takes.
    pub fn new(runtime: &'r PythonRuntime<'p>) -> Result<Self, Failure> {
        Ok(Self { runtime, reader: Reader::new(runtime)? })
    }

    /// The address of the object that an expression names: an address, or a path as documents print it.
    ///
    /// Reads the objects along the path only.
    ///
    /// # Errors
    /// When it is no expression, or leads nowhere; the column says from where on.
    pub fn resolve(&self, expression: &str) -> Result<Address, ExpressionError> {
        resolve(&self.look(), expression).map(Address)
    }

    fn look(&self) -> Look<'_, 'r, 'p> {
        Look::new(self.runtime, &self.reader)
    }

    /// Answers a question about all objects that `expressions` name.
    ///
    /// # Errors
    /// When the question takes reading the whole heap, and that fails.
    pub fn answer(
        &self,
        question: Question,
        expressions: &[String],
        options: &InquiryOptions,
        heap_options: &Options<'_>,
    ) -> Result<InquiryDocument, Failure> {
        let look = self.look();
        let mut document = InquiryDocument { schema: SCHEMA, ..InquiryDocument::default() };
        let mut found: Vec<(&str, u64)> = Vec::new();
        for expr in expressions {
            match resolve(&look, expr) {
                Ok(address) => found.push((expr, address)),
                Err(ExpressionError { column, why }) => {
                    document.unresolved.push(Unresolved { expr: expr.clone(), column, why });
                }
            }
        }
        let addresses: Vec<u64> = found.iter().map(|&(_, address)| address).collect();
        let survey = || Survey::of(self.runtime, heap_options, &addresses);
        match question {
            Question::Object => {
                let row =
                    |&(expr, address): &(&str, u64)| object::describe(&look, expr, address, &options.limits);
                let mut rows: Vec<ObjectRow> = found.iter().map(row).collect();
                if options.retained && !rows.is_empty() {
                    match survey() {
                        Ok(survey) => complete(&survey, &mut rows, heap_options),
                        Err(failure) => document.gaps.push(no_survey(&failure)),
                    }
                }
                document.gaps.extend(open_sizes(&look, &addresses).gaps());
                document.objects = Some(rows);
            }
            Question::Referents => {
                let row = |&(expr, address): &(&str, u64)| {
                    references::referents(&look, expr, address, options.references)
                };
                document.referents = Some(found.iter().map(row).collect());
            }
            Question::Path | Question::Referrers if found.is_empty() => {}
            Question::Path => {
                let survey = survey()?;
                heap_options.progress(Phase::Answers, 0);
                let paths = Paths::search(&survey.heap, survey.named_roots());
                let turned = Referrers::of(&survey);
                let row = |&(expr, address): &(&str, u64)| {
                    let node = survey.heap.objects.find(address)?;
                    Some(routes::find(&survey, &paths, &turned, expr, node, options.routes))
                };
                document.paths = Some(found.iter().filter_map(row).collect());
            }
            Question::Referrers => {
                let survey = survey()?;
                heap_options.progress(Phase::Answers, 0);
                let paths = Paths::search(&survey.heap, survey.named_roots());
                let row = |&(expr, address): &(&str, u64)| {
                    let node = survey.heap.objects.find(address)?;
                    Some(references::referrers(&survey, &look, &paths, expr, node, options.references))
                };
                document.referrers = Some(found.iter().filter_map(row).collect());
            }
        }
        Ok(document)
    }
}

/// Adds what takes knowing all objects: what each retains, and the shortest path to it.
fn complete(survey: &Survey<'_, '_>, rows: &mut [ObjectRow], options: &Options<'_>) {
    options.progress(Phase::Answers, 0);
    let heap = &survey.heap;
    let paths = Paths::search(heap, survey.named_roots());
    let nodes: Vec<Option<Node>> = rows.iter().map(|row| heap.objects.find(row.address.0)).collect();
    let trails: Vec<Option<Trail<'_>>> = nodes.iter().map(|node| paths.trail((*node)?)).collect();
    let steps = Steps::of(heap, trails.iter().flatten());
    for ((row, node), trail) in rows.iter_mut().zip(nodes).zip(&trails) {
        row.path = trail.as_ref().map(|trail| steps::describe(heap, &steps, trail).text);
        row.name = row.name.take().or_else(|| parse::last_name(row.path.as_deref()?));
        if let Some(node) = node.filter(|&node| survey.dominators.immediate(node) != Dominator::Unreached) {
            row.retained_bytes = Some(survey.retained.bytes(node));
            row.retained_objects = Some(u64::from(survey.retained.count(node)));
        }
    }
}

fn open_sizes(look: &Look<'_, '_, '_>, addresses: &[u64]) -> OpenSizes {
    let mut open = OpenSizes::default();
    for &address in addresses {
        if let Some(facts) =
            look.facts(address).filter(|_| look.size(address).is_some_and(|size| size.is_open))
        {
            open.add(&facts, || look.type_name(address));
        }
    }
    open
}

fn no_survey(failure: &Failure) -> Gap {
    Gap::new(GapKind::Limit, "what the objects retain, and the shortest paths to them", failure.to_string())
}
