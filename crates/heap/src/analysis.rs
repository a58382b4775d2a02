//! From a runtime to answers: the order of the passes, and their bounds.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pycoroner_coredump::{Address, PythonRuntime, ReadError};
use pycoroner_findings::{Finding, Gap};
use rustc_hash::FxHashMap;

use crate::answers::counts::IMMORTAL;
use crate::answers::details::{self, Ground};
use crate::answers::newcomers::{self, ObjectSet};
use crate::answers::paths::Paths;
use crate::answers::reach::Reach;
use crate::answers::{ledger, owners, suspects, types};
use crate::document::{HeapDocument, LedgerRow, SCHEMA, Totals, TypeRow, Unowned};
use crate::graph::Node;
use crate::growth::Newcomers;
use crate::heap::Heap;
use crate::survey::Survey;
use crate::{findings, gaps};

/// What to answer, and at what cost.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// Most types that are listed.
    pub top: usize,
    /// Most owners that are listed. Naming one may mean reading a container of millions of elements.
    pub top_owners: usize,
    /// An owner is a suspect when it retains at least this many percent of all live objects' bytes.
    pub suspect_percent: f64,
    /// Most bytes that the analysis may keep on its own heap; the mapped core is not counted.
    pub max_memory: u64,
    /// Whether to keep which objects there are, for comparing a later core of the process with this one.
    pub keep_objects: bool,
    /// The objects of an earlier core of the process, to tell which ones are new.
    pub earlier: Option<&'o ObjectSet>,
    /// Told the phase and how many objects it has done.
    pub progress: Option<&'o dyn Fn(Phase, u64)>,
}

impl Default for Options<'_> {
    /// A thousand types, two hundred owners, suspects from ten percent on, 8 GiB.
    fn default() -> Self {
        Self {
            top: 1000,
            top_owners: 200,
            suspect_percent: 10.0,
            max_memory: 8 << 30,
            keep_objects: false,
            earlier: None,
            progress: None,
        }
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("top", &self.top)
            .field("top_owners", &self.top_owners)
            .field("suspect_percent", &self.suspect_percent)
            .field("max_memory", &self.max_memory)
            .finish_non_exhaustive()
    }
}

/// A part of the analysis, for progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Objects are enumerated.
    Objects,
    /// Their references are read.
    References,
    /// Dominators and retained sizes are computed.
    Dominators,
    /// Paths are named and answers collected.
    Answers,
}

/// Why there is no analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The layout lacks a member that enumerating objects takes.
    #[error("the objects of this build cannot be read: {0}")]
    Layout(#[from] ReadError),
    /// The heap is larger than its numbers.
    #[error("more than 4,294,967,293 objects or references")]
    TooManyObjects,
    /// The bound on memory was reached.
    #[error(
        "about {objects} objects need at least {needed} bytes of memory, and {allowed} are allowed; raise the limit (--max-memory)"
    )]
    Memory {
        /// Objects known by then.
        objects: u64,
        /// Bytes that their analysis takes at least.
        needed: u64,
        /// Bytes that were allowed.
        allowed: u64,
    },
}

impl Options<'_> {
    pub(crate) fn progress(&self, phase: Phase, done: u64) {
        if let Some(progress) = self.progress {
            progress(phase, done);
        }
    }

    /// Refuses to go on when the passes to come would need more than is allowed.
    pub(crate) fn check_memory(&self, in_use: u64, objects: usize) -> Result<(), Failure> {
        // Dominators, retained sizes and paths take this much for each object besides.
        const LATER_BYTES_PER_OBJECT: u64 = 44;
        let needed = in_use.saturating_add(objects as u64 * LATER_BYTES_PER_OBJECT);
        self.check_room(objects as u64, needed)
    }

    /// Refuses to go on when so many objects need more than is allowed.
    pub(crate) fn check_room(&self, objects: u64, needed: u64) -> Result<(), Failure> {
        if needed > self.max_memory {
            return Err(Failure::Memory { objects, needed, allowed: self.max_memory });
        }
        Ok(())
    }
}

/// A heap with its answers.
#[derive(Clone, Debug)]
pub struct Analysis {
    document: HeapDocument,
    objects: Option<ObjectSet>,
    newcomers: Option<Newcomers>,
}

impl Analysis {
    /// All answers.
    pub fn document(&self) -> &HeapDocument {
        &self.document
    }

    /// All answers, to keep.
    pub fn into_document(self) -> HeapDocument {
        self.document
    }

    /// Which objects there are, when that was to be kept.
    pub fn take_objects(&mut self) -> Option<ObjectSet> {
        self.objects.take()
    }

    /// What is new since the earlier core, when there was one.
    pub fn take_newcomers(&mut self) -> Option<Newcomers> {
        self.newcomers.take()
    }

    /// The judgement.
    pub fn findings(&self) -> &[Finding] {
        &self.document.findings
    }

    /// What could not be told.
    pub fn gaps(&self) -> &[Gap] {
        &self.document.gaps
    }
}

/// Reads the whole heap of `runtime` and answers who holds what.
///
/// # Errors
/// When the objects of this build cannot be read, or the bounds of `options` do not allow it. Damage in the
/// core is no error: what it hides is missing from the answers, and the gaps say so.
pub fn analyze(runtime: &PythonRuntime<'_>, options: &Options<'_>) -> Result<Analysis, Failure> {
    let survey = Survey::of(runtime, options, &[])?;
    options.progress(Phase::Answers, 0);
    let paths = Paths::search(&survey.heap, survey.named_roots());
    let Survey { heap, roots, reach, dominators, retained, on_stacks, .. } = survey;
    let live_bytes = live_bytes(&heap, &reach);
    let suspects = suspects::find(&heap, &dominators, &retained, &paths, live_bytes, options.suspect_percent);
    let mut types = types::histogram(&heap, &dominators, &retained);
    let ledger = ledger::partition(&heap);
    let unowned = unowned(&heap, &reach, &on_stacks);
    let findings = findings::judge(runtime.process().core(), &suspects, &ledger, &unowned);
    let mut document = HeapDocument {
        schema: SCHEMA,
        totals: totals(&heap, &types, &ledger),
        ledger,
        gaps: gaps::find(&heap),
        owners: owners::largest(&heap, &retained, &paths, options.top_owners),
        findings,
        suspects,
        unowned,
        types: {
            types.truncate(options.top);
            types
        },
        ..HeapDocument::default()
    };
    let ground = Ground {
        heap: &heap,
        roots: &roots,
        reach: &reach,
        dominators: &dominators,
        retained: &retained,
        paths: &paths,
        live_bytes,
    };
    details::add(&ground, &mut document);
    options.progress(Phase::Answers, heap.objects.len() as u64);
    let objects = options.keep_objects.then(|| ObjectSet::of(&heap, &reach));
    let newcomers = options.earlier.map(|earlier| newcomers::find(&heap, &reach, &paths, earlier));
    Ok(Analysis { document, objects, newcomers })
}

fn live_bytes(heap: &Heap<'_, '_>, reach: &Reach) -> u64 {
    let alive = (0..heap.objects.len() as Node).filter(|&node| reach.alive.contains(node));
    alive.map(|node| heap.objects.own_size(node)).fold(0, u64::saturating_add)
}

fn totals(heap: &Heap<'_, '_>, types: &[TypeRow], ledger: &[LedgerRow]) -> Totals {
    let python = ledger.iter().filter(|row| row.owner.starts_with("python-"));
    Totals {
        objects: heap.objects.len() as u64,
        references: heap.graph.edge_count() as u64,
        shallow_bytes: types.iter().map(|row| row.shallow_bytes).fold(0, u64::saturating_add),
        dumped_bytes: heap
            .runtime
            .process()
            .core()
            .segments()
            .iter()
            .map(|segment| segment.dumped)
            .fold(0, u64::saturating_add),
        attributed_bytes: python.map(|row| row.bytes).sum(),
    }
}

/// What nothing that can be seen holds, by type. Classes are left out: C code holds its own.
fn unowned(heap: &Heap<'_, '_>, reach: &Reach, on_stacks: &FxHashMap<Node, String>) -> Vec<Unowned> {
    let mut by_type: BTreeMap<String, Unowned> = BTreeMap::new();
    for (&node, &unseen) in reach.native.iter().zip(&reach.unseen) {
        // An immortal object states no count (PEP 683).
        let is_immortal = heap.refcount(node) >= IMMORTAL;
        if is_immortal || heap.facts(node).is_metatype() {
            continue;
        }
        let example = Address(heap.objects.address(node));
        let row = by_type.entry(heap.type_name(node)).or_insert_with_key(|name| Unowned {
            r#type: name.clone(),
            count: 0,
            on_stacks: 0,
            excess_references: 0,
            bytes: 0,
            is_python_class: heap.facts(node).is_heap_type(),
            example,
        });
        row.count += 1;
        row.on_stacks += u64::from(on_stacks.contains_key(&node));
        row.excess_references = row.excess_references.saturating_add(unseen);
        row.bytes = row.bytes.saturating_add(heap.objects.size(node));
    }
    let mut rows: Vec<Unowned> = by_type.into_values().collect();
    rows.sort_by_key(|row| Reverse((row.count, row.bytes)));
    rows
}
