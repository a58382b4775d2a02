//! Exceptions of a snapshot, with causes, contexts and members.

use pycoroner_findings::{Gap, GapKind, Span};
use rustc_hash::FxHashSet;

use crate::address::Ptr;
use crate::layout::member::{self, BaseExceptionObject, InterpreterState, TracebackObject};
use crate::objects::dict::lookup_str;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::exceptions::{InForce, Role, as_exception, handled_by};
use crate::runtime::generators::Generator;
use crate::runtime::threads::Thread;
use crate::snapshot::capture::{CaptureOptions, gap_of};
use crate::snapshot::document::{ExceptionSection, ThreadSection};
use crate::snapshot::threads::frame_section;
use crate::snapshot::values::Values;
use crate::snapshot::{exception_attributes, messages};

/// Most exceptions that are read for one thread, causes, contexts and members included.
const MAX_EXCEPTIONS: usize = 500;
/// Causes and contexts are followed this far.
const MAX_DEPTH: usize = 50;

/// How an exception hangs on another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Cause,
    Context,
    Member,
}

/// An exception that was read, and where it hangs.
struct Node {
    section: ExceptionSection,
    at: Ptr<BaseExceptionObject>,
    parent: Option<(usize, Link)>,
    depth: usize,
}

/// What is still to be read.
struct Task {
    at: Ptr<BaseExceptionObject>,
    traceback: Option<Ptr<TracebackObject>>,
    parent: Option<(usize, Link)>,
    depth: usize,
}

/// The exceptions in force in a thread, innermost first, and those that hooks on its stack were told of.
pub(super) fn of_thread(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    thread: &Thread,
    reported: &[Ptr<BaseExceptionObject>],
    who: &str,
    gaps: &mut Vec<Gap>,
) -> Vec<ExceptionSection> {
    let (in_force, broken) = runtime.exceptions(thread.state);
    if let Some(error) = broken {
        gaps.push(gap_of(format!("the exceptions of {who}"), &error));
    }
    let known: Vec<_> = in_force.iter().map(|found| found.exception).collect();
    let mut sections: Vec<_> =
        in_force.iter().map(|found| section_of(runtime, values, found, who, gaps)).collect();
    for &at in reported.iter().filter(|at| !known.contains(at)) {
        let task = Task { at, traceback: None, parent: None, depth: 0 };
        let mut section = tree(runtime, values, task, who, gaps);
        section.role = Some("reported");
        sections.push(section);
    }
    sections
}

/// The exceptions that suspended generators are in the middle of handling.
pub(super) fn of_generators(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    generators: &[Generator],
    who: &str,
    gaps: &mut Vec<Gap>,
) -> Vec<ExceptionSection> {
    let mut sections = Vec::new();
    for generator in generators {
        match handled_by(runtime.python(), generator.object) {
            Ok(found) => {
                sections.extend(found.map(|found| section_of(runtime, values, &found, who, gaps)));
            }
            Err(error) => gaps.push(gap_of(format!("the exceptions of {who}"), &error)),
        }
    }
    sections
}

fn section_of(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    found: &InForce,
    who: &str,
    gaps: &mut Vec<Gap>,
) -> ExceptionSection {
    let task = Task { at: found.exception, traceback: found.traceback, parent: None, depth: 0 };
    let mut section = tree(runtime, values, task, who, gaps);
    section.role = Some(match found.role {
        Role::Raised => "raised",
        Role::Handled => "handled",
    });
    section
}

/// The exception that `sys.last_exc` (3.12+) or `sys.last_value` names: nothing handled it, and the interpreter
/// kept it before it called `sys.excepthook` (`_PyErr_PrintEx`, Python/pythonrun.c).
pub(super) fn last(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    interpreter: Ptr<InterpreterState>,
    gaps: &mut Vec<Gap>,
) -> Option<ExceptionSection> {
    let python = runtime.python();
    let sys = python.read(interpreter, member::INTERP_SYSDICT).ok()??;
    let named = |name| lookup_str(python, sys.cast(), name).ok().flatten();
    let object = named("last_exc").or_else(|| named("last_value"))?;
    let at = as_exception(python, Some(object)).ok()??;
    let task = Task { at, traceback: None, parent: None, depth: 0 };
    let mut section = tree(runtime, values, task, "the interpreter", gaps);
    section.role = Some("last");
    Some(section)
}

/// Most exceptions without a thread that are listed.
const MAX_LISTED: usize = 100;

/// The exceptions that were found by their shape, without those that are in force in one of `threads`.
pub(super) fn without_thread(
    runtime: &PythonRuntime<'_>,
    options: &CaptureOptions,
    threads: &[ThreadSection],
    gaps: &mut Vec<Gap>,
) -> Vec<ExceptionSection> {
    let Some(recovery) = runtime.recovery().filter(|recovery| !recovery.exceptions.is_empty()) else {
        return Vec::new();
    };
    let core = runtime.process().core();
    let known = offsets(threads);
    let is_new = |at: &&Ptr<BaseExceptionObject>| {
        core.file_offset(at.address()).is_some_and(|at| !known.contains(&at.0))
    };
    let new: Vec<_> = recovery.exceptions.iter().filter(is_new).collect();
    if let Some(more) = new.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        let why = format!("more than {MAX_LISTED} were found by their shape");
        gaps.push(Gap::new(GapKind::Limit, format!("{more} exceptions of no thread"), why));
    }
    let values = Values::new(runtime, options);
    let mut sections = Vec::new();
    for &&at in new.iter().take(MAX_LISTED) {
        let task = Task { at, traceback: None, parent: None, depth: 0 };
        let mut section = tree(runtime, &values, task, "an exception of no thread", gaps);
        section.found_by = Some("shape");
        sections.push(section);
    }
    // What came a long way is most likely of use.
    sections.sort_by_key(|section| std::cmp::Reverse(section.traceback.len()));
    sections
}

/// Where in the file the exceptions of threads stand, with all that hangs on them.
fn offsets(threads: &[ThreadSection]) -> FxHashSet<u64> {
    let mut left: Vec<&ExceptionSection> = threads.iter().flat_map(|thread| &thread.exceptions).collect();
    let mut found = FxHashSet::default();
    while let Some(section) = left.pop() {
        if let Some(Span::Bytes { offset, .. }) = section.citation.as_ref().map(|citation| &citation.span) {
            found.insert(*offset);
        }
        left.extend(section.exceptions.iter());
        left.extend(section.cause.iter().chain(&section.context).map(|linked| &**linked));
    }
    found
}

/// Reads an exception and all that hangs on it: a list of nodes first, then joined from the last one up.
fn tree(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    root: Task,
    who: &str,
    gaps: &mut Vec<Gap>,
) -> ExceptionSection {
    let mut nodes: Vec<Node> = Vec::new();
    let mut tasks = std::collections::VecDeque::from([root]);
    while let Some(task) = tasks.pop_front() {
        if nodes.len() >= MAX_EXCEPTIONS || task.depth > MAX_DEPTH {
            gaps.push(Gap::new(
                GapKind::Limit,
                format!("further exceptions of {who}"),
                format!("more than {MAX_EXCEPTIONS}, or a chain of more than {MAX_DEPTH}"),
            ));
            break;
        }
        let index = nodes.len();
        let links = match runtime.exception_links(task.at) {
            Ok(links) => links,
            Err(error) => {
                gaps.push(gap_of(format!("an exception of {who}"), &error));
                continue;
            }
        };
        let mut section = section(runtime, values, task.at);
        section.suppress_context = links.suppress_context;
        let left = values.traceback_entries();
        let head = task.traceback.or(links.traceback).filter(|_| left.get() > 0);
        let (mut entries, broken) = runtime.traceback(head);
        if entries.len() >= left.get() && left.get() > 0 {
            let why = "more entries of tracebacks in all than are kept";
            gaps.push(Gap::new(
                GapKind::Limit,
                format!("further tracebacks of {who}, and of threads after it"),
                why,
            ));
            entries.truncate(left.get());
        }
        left.set(left.get() - entries.len());
        if let Some(error) = broken {
            gaps.push(gap_of(format!("the rest of a traceback of {who}"), &error));
        }
        section.traceback = entries
            .into_iter()
            .map(|entry| {
                frame_section(
                    runtime,
                    &crate::runtime::frames::Frame { position: entry.position, ..entry.frame },
                )
            })
            .collect();
        let depth = task.depth + 1;
        nodes.push(Node { section, at: task.at, parent: task.parent, depth: task.depth });
        let linked = [(links.cause, Link::Cause), (links.context, Link::Context)];
        let members = links.members.into_iter().map(|at| (Some(at), Link::Member));
        for (at, link) in linked.into_iter().chain(members) {
            let Some(at) = at.filter(|&at| !is_ancestor(&nodes, index, at)) else { continue };
            tasks.push_back(Task { at, traceback: None, parent: Some((index, link)), depth });
        }
    }
    join(nodes)
}

/// Whether `at` is the exception `index` or one that it hangs on; following it again would never end.
fn is_ancestor(nodes: &[Node], index: usize, at: Ptr<BaseExceptionObject>) -> bool {
    let mut node = nodes.get(index);
    while let Some(found) = node {
        if found.at == at {
            return true;
        }
        debug_assert!(found.depth <= MAX_DEPTH);
        node = found.parent.and_then(|(parent, _)| nodes.get(parent));
    }
    false
}

/// Hangs every node on its parent, which always stands before it.
fn join(mut nodes: Vec<Node>) -> ExceptionSection {
    while nodes.len() > 1 {
        let Some(Node { mut section, parent: Some((parent, link)), .. }) = nodes.pop() else { continue };
        section.exceptions.reverse();
        let Some(parent) = nodes.get_mut(parent) else { continue };
        match link {
            Link::Cause => parent.section.cause = Some(Box::new(section)),
            Link::Context => parent.section.context = Some(Box::new(section)),
            Link::Member => parent.section.exceptions.push(section),
        }
    }
    let mut root = nodes.pop().map(|node| node.section).unwrap_or_default();
    root.exceptions.reverse();
    root
}

fn section(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    at: Ptr<BaseExceptionObject>,
) -> ExceptionSection {
    let python = runtime.python();
    let name = python.type_of(at.cast()).ok().map(|of_type| runtime.types().name_of(python, of_type));
    let message = messages::message(runtime, values, at);
    ExceptionSection {
        type_name: name.as_ref().map(|name| name.qualname.clone()),
        module: name.and_then(|name| name.module),
        message: message.text,
        message_caveat: message.caveat,
        attributes: exception_attributes::of(runtime, values, at),
        notes: messages::notes(runtime, values, at),
        citation: runtime
            .process()
            .core()
            .cite(at.address(), python.layout().size_of(member::EXC_SIZE).unwrap_or(64)),
        ..ExceptionSection::default()
    }
}
