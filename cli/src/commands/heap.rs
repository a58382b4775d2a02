//! `pycoroner heap`: what the heap holds, and what keeps it alive.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use pycoroner_coredump::objects::repr::ReprLimits;
use pycoroner_coredump::{AttachError, DeadProcess, PythonRuntime};
use pycoroner_findings::{Gap, GapKind};
use pycoroner_heap::{
    HeapDocument, Inquiry, InquiryOptions, Newcomers, ObjectSet, Options, Question, SCHEMA, Unresolved,
    analyze, growth_series,
};

use super::{Session, heap_export, heap_objects, heap_picture};
use crate::args::{DocumentFormat, HeapArgs, HeapFormat, HeapView};
use crate::dead_process::with_process;
use crate::evidence::core_item;
use crate::exit::Outcome;
use crate::render::growth::render as render_growth;
use crate::render::heap::render;
use crate::render::objects;

/// Types that are listed: more than programs have.
const MOST_TYPES: usize = 10_000;
/// Owners that are listed.
const MOST_OWNERS: usize = 200;

/// Runs the command.
pub(crate) fn run(session: &Session, args: &HeapArgs) -> Result<Outcome> {
    if args.view == HeapView::Growth {
        return compare(session, args);
    }
    if args.view == HeapView::Export {
        return heap_export::run(session, args);
    }
    if args.view == HeapView::Objects {
        return heap_objects::run(session, args);
    }
    if let Some(question) = question(args)? {
        if let Some(format) = heap_picture::format(session, args, question) {
            return heap_picture::run(session, args, question, format);
        }
        return inquire(session, args, question);
    }
    let item = core_item(&args.core)?;
    session.output.spare([item.path.as_path()])?;
    let document = with_process(&item, &args.binaries, |process, runtime| {
        let mut document = read(session, runtime, args.memory.max_memory, Wanted::default()).document;
        document.gaps.splice(0..0, gaps_of_core(process));
        Ok(document)
    })?;
    session.write_document(&document, document_format(args.format)?, |document| {
        Ok(render(&serde_json::from_value(document)?, args.view))
    })?;
    Ok(Outcome::of(&document.gaps))
}

/// What the view asks of objects; none for a view of the whole heap.
fn question(args: &HeapArgs) -> Result<Option<Question>> {
    let question = match args.view {
        HeapView::Object => Some(Question::Object),
        HeapView::Path => Some(Question::Path),
        HeapView::Referrers => Some(Question::Referrers),
        HeapView::Referents => Some(Question::Referents),
        HeapView::Summary
        | HeapView::Types
        | HeapView::Suspects
        | HeapView::Owners
        | HeapView::Suspended
        | HeapView::Exceptions
        | HeapView::Garbage
        | HeapView::Waste
        | HeapView::Largest
        | HeapView::Growth
        | HeapView::Objects
        | HeapView::Export => None,
    };
    match (question, args.expressions.is_empty()) {
        (Some(_), true) => {
            bail!("say which objects: by address, or by a path as `pycoroner heap CORE owners` prints it")
        }
        (None, false) => bail!("expressions go with object, path, referrers and referents only"),
        _ => Ok(question),
    }
}

/// The form of a document, which all views but exports have.
pub(super) fn document_format(format: Option<HeapFormat>) -> Result<Option<DocumentFormat>> {
    match format {
        None => Ok(None),
        Some(HeapFormat::Text) => Ok(Some(DocumentFormat::Text)),
        Some(HeapFormat::Json) => Ok(Some(DocumentFormat::Json)),
        Some(HeapFormat::Jsonl) => {
            bail!("JSON Lines go with `pycoroner heap CORE objects` and `export` only")
        }
        Some(HeapFormat::Dot | HeapFormat::Svg) => {
            bail!("pictures go with `pycoroner heap CORE path EXPR` and `object EXPR` only")
        }
        Some(HeapFormat::Heapsnapshot | HeapFormat::Parquet) => {
            bail!("that format goes with `pycoroner heap CORE export` only")
        }
    }
}

/// Compares the heap with those of older cores, the oldest first.
fn compare(session: &Session, args: &HeapArgs) -> Result<Outcome> {
    if args.expressions.is_empty() {
        bail!(
            "say which older cores of the same service, the oldest first: `pycoroner heap CORE growth OLD [LATER...]`"
        )
    }
    let older = args.expressions.iter().map(Path::new);
    let items = older.chain([args.core.as_path()]).map(core_item).collect::<Result<Vec<_>>>()?;
    session.output.spare(items.iter().map(|item| item.path.as_path()))?;
    let mut documents: Vec<HeapDocument> = Vec::new();
    let (mut first, mut newcomers) = (None, None);
    // One after the other, so that only one heap is held at a time.
    for (number, item) in items.iter().enumerate() {
        let is_last = number + 1 == items.len();
        let wanted = Wanted { keep_objects: number == 0, earlier: first.as_ref().filter(|_| is_last) };
        let mut found = with_process(item, &args.binaries, |process, runtime| {
            let mut found = read(session, runtime, args.memory.max_memory, wanted);
            found.document.gaps.splice(0..0, gaps_of_core(process));
            Ok(found)
        })?;
        first = first.or_else(|| found.objects.take());
        newcomers = found.newcomers.take();
        documents.push(found.document);
    }
    let series: Vec<&HeapDocument> = documents.iter().collect();
    let mut document = growth_series(&series);
    if let Some(newcomers) = newcomers {
        document.add_newcomers(newcomers);
    }
    session.write_document(&document, document_format(args.format)?, |document| {
        Ok(render_growth(&serde_json::from_value(document)?))
    })?;
    Ok(Outcome::of(&document.gaps))
}

/// Answers a question about single objects.
fn inquire(session: &Session, args: &HeapArgs, question: Question) -> Result<Outcome> {
    let text_bytes = usize::try_from(args.values.max_string).unwrap_or(usize::MAX);
    let options = InquiryOptions {
        limits: ReprLimits { depth: args.values.depth, items: args.values.max_items, bytes: text_bytes },
        routes: args.max_paths,
        references: args.values.max_items,
        retained: !args.no_retained,
    };
    let document = with_heap(session, args, |process, runtime, heap_options| {
        let inquiry = Inquiry::new(runtime)?;
        let mut document = inquiry.answer(question, &args.expressions, &options, heap_options)?;
        document.gaps.splice(0..0, gaps_of_core(process));
        Ok(document)
    })?;
    if document.unresolved.len() == args.expressions.len() {
        let why = |unresolved: &Unresolved| {
            format!("{}: column {}: {}", unresolved.expr, unresolved.column, unresolved.why)
        };
        bail!("{}", document.unresolved.iter().map(why).collect::<Vec<_>>().join("; "));
    }
    session.write_document(&document, document_format(args.format)?, |document| {
        Ok(objects::render(&serde_json::from_value(document)?))
    })?;
    Ok(Outcome::of(&document.gaps))
}

/// What comparing cores takes besides the answers.
#[derive(Clone, Copy, Default)]
pub(super) struct Wanted<'o> {
    /// Keep which objects there are.
    pub(super) keep_objects: bool,
    /// Tell which objects are new since these.
    pub(super) earlier: Option<&'o ObjectSet>,
}

/// The heap's answers, and what comparing cores takes.
#[derive(Default)]
pub(super) struct Found {
    pub(super) document: HeapDocument,
    pub(super) objects: Option<ObjectSet>,
    pub(super) newcomers: Option<Newcomers>,
}

/// The heap's answers; without a Python, or when the heap cannot be read, the gap that says so.
pub(super) fn read(
    session: &Session,
    runtime: Result<&PythonRuntime<'_>, &AttachError>,
    max_memory: u64,
    wanted: Wanted<'_>,
) -> Found {
    let Wanted { keep_objects, earlier } = wanted;
    let refused = |why: String| {
        let gaps = vec![Gap::new(GapKind::Unknown, "the heap", why)];
        Found {
            document: HeapDocument { schema: SCHEMA, gaps, ..HeapDocument::default() },
            ..Found::default()
        }
    };
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return refused(format!("there is no Python whose objects could be read: {error}")),
    };
    let progress = session.progress();
    let report = |phase, done| progress.of_heap(phase, done);
    let options = Options {
        top: MOST_TYPES,
        max_memory,
        keep_objects,
        earlier,
        progress: Some(&report),
        ..Options::default()
    };
    match analyze(runtime, &options) {
        Ok(mut analysis) => Found {
            objects: analysis.take_objects(),
            newcomers: analysis.take_newcomers(),
            document: bounded(analysis.into_document()),
        },
        Err(failure) => refused(failure.to_string()),
    }
}

fn bounded(mut document: HeapDocument) -> HeapDocument {
    document.owners.truncate(MOST_OWNERS);
    if document.types.len() >= MOST_TYPES {
        let why = format!("the {MOST_TYPES} that take the most are listed");
        document.gaps.push(Gap::new(GapKind::Limit, "the other types", why));
    }
    document
}

/// Opens the core, finds its Python and hands both to `read`, with how the heap is to be read.
///
/// # Errors
/// When there is no core or no Python in it, when the output would overwrite it, or what `read` says.
pub(super) fn with_heap<T>(
    session: &Session,
    args: &HeapArgs,
    read: impl FnOnce(&DeadProcess<'_>, &PythonRuntime<'_>, &Options<'_>) -> Result<T>,
) -> Result<T> {
    let item = core_item(&args.core)?;
    session.output.spare([item.path.as_path()])?;
    let progress = session.progress();
    let report = |phase, done| progress.of_heap(phase, done);
    let options =
        Options { max_memory: args.memory.max_memory, progress: Some(&report), ..Options::default() };
    with_process(&item, &args.binaries, |process, runtime| {
        let runtime =
            runtime.map_err(|error| anyhow!("there is no Python whose objects could be read: {error}"))?;
        read(process, runtime, &options)
    })
}

/// What is wrong with the core is wrong with all that is read from it.
pub(super) fn gaps_of_core(process: &DeadProcess<'_>) -> Vec<Gap> {
    process.core().gaps().to_vec()
}
