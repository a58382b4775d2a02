//! Native frames of a snapshot, and their order among the Python frames.

use pycoroner_findings::{Gap, GapKind};
use rustc_hash::FxHashMap;

use crate::address::Address;
use crate::native::lines::SourceLines;
use crate::native::merge::{Item, MergedBy, NativeFrameShape, merge};
use crate::native::modules::Modules;
use crate::native::search;
use crate::native::unwind::{self, MAX_NATIVE_FRAMES, NativeFrame, NativeStack, NativeStop};
use crate::native::{NativePlace, place};
use crate::runtime::activations::Activation;
use crate::runtime::nesting::NestedStack;
use crate::runtime::process::DeadProcess;
use crate::snapshot::document::{FoundBy, MergedFrame, NativeFrameSection, ThreadSection};

/// The function that runs Python code.
const EVALUATION: &str = "_PyEval_EvalFrameDefault";

/// Adds native frames to the threads of a snapshot.
pub(super) fn add(
    process: &DeadProcess<'_>,
    nested: &[NestedStack],
    threads: &mut [ThreadSection],
    gaps: &mut Vec<Gap>,
) {
    let modules = Modules::of(process);
    let mut namer =
        Namer { lines: SourceLines::new(&modules), modules: &modules, known: FxHashMap::default() };
    let (mut lost, mut cut, mut unordered, mut searched) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for status in &process.core().notes().threads {
        let stack = unwind::walk(&modules, status);
        let Some(thread) = threads.iter_mut().find(|thread| thread.tid == Some(status.tid)) else { continue };
        let mine = nested.iter().find(|stack| stack.tid == Some(status.tid));
        let runs = mine.map(NestedStack::activations).unwrap_or_default();
        let who = thread.name.clone().unwrap_or_else(|| format!("thread {}", status.tid));
        let merged_by = write(thread, &mut namer, &stack, &runs);
        match stack.stopped {
            NativeStop::Bottom => {}
            NativeStop::Lost => lost.push(who.clone()),
            NativeStop::Limit => cut.push(who.clone()),
        }
        let both = !thread.python_frames.is_empty() && !thread.native_frames.is_empty();
        match merged_by {
            MergedBy::Unknown if both => unordered.push(who),
            MergedBy::StackSearch => searched.push(who),
            _ => {}
        }
    }
    gaps.extend(missing(&lost, &cut, &unordered, &searched));
}

/// What is missing, for all threads at once.
fn missing(lost: &[String], cut: &[String], unordered: &[String], searched: &[String]) -> Vec<Gap> {
    let binaries = "give the binaries of the crashed build with --sysroot or --module-path";
    let mut gaps = Vec::new();
    if !lost.is_empty() {
        let what = format!("the outer native frames of {}", names(lost));
        gaps.push(
            Gap::new(GapKind::Missing, what, "nothing on the stack tells the next frame").remedy(binaries),
        );
    }
    if !cut.is_empty() {
        let what = format!("the outer native frames of {}", names(cut));
        gaps.push(Gap::new(GapKind::Limit, what, format!("more than {MAX_NATIVE_FRAMES} frames")));
    }
    if !unordered.is_empty() {
        let what = format!("the order of Python and native frames of {}", names(unordered));
        let why = "nothing tells which native frames run which Python frames; the Python frames stand behind the \
                   native ones";
        gaps.push(Gap::new(GapKind::Unknown, what, why).remedy(binaries));
    }
    if !searched.is_empty() {
        let what = format!("the exact order of Python and native frames of {}", names(searched));
        let why =
            "a Python frame stands where its address was found on the stack, which may be some frames off";
        gaps.push(Gap::new(GapKind::Unknown, what, why).remedy(binaries));
    }
    gaps
}

/// Threads that one gap names.
const MOST_NAMES: usize = 3;

fn names(threads: &[String]) -> String {
    let shown: Vec<&str> = threads.iter().take(MOST_NAMES).map(String::as_str).collect();
    match threads.len().checked_sub(MOST_NAMES) {
        Some(more) if more > 0 => format!("{} and {more} more threads", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// Writes the frames of a thread and their order.
fn write(
    thread: &mut ThreadSection,
    namer: &mut Namer<'_>,
    stack: &NativeStack,
    runs: &[Activation],
) -> MergedBy {
    let named: Vec<Vec<NativeFrameSection>> =
        stack.frames.iter().map(|frame| namer.sections(frame)).collect();
    let shapes: Vec<NativeFrameShape> = stack
        .frames
        .iter()
        .zip(&named)
        .map(|(frame, sections)| NativeFrameShape {
            stack_pointer: frame.stack_pointer,
            is_scanned: frame.found_by == FoundBy::Scan,
            is_evaluation: sections.last().is_some_and(|last| last.function.as_deref() == Some(EVALUATION)),
        })
        .collect();
    let (items, merged_by) = merge(&shapes, runs, stack.stopped != NativeStop::Bottom, || {
        search::places(namer.modules.process(), &shapes, runs)
    });
    // Inlined functions are called by the Python frame that their machine code's frame runs.
    let mut starts = Vec::with_capacity(named.len());
    for sections in named {
        starts.push((thread.native_frames.len(), sections.len()));
        thread.native_frames.extend(sections);
    }
    let mut order: Vec<MergedFrame> = Vec::with_capacity(thread.native_frames.len() + items.len());
    let mut waiting: Vec<MergedFrame> = Vec::new();
    for item in items {
        match item {
            Item::Python(index) => waiting.push(MergedFrame::Python(index)),
            Item::Native(index) => {
                let Some(&(start, len)) = starts.get(index) else { continue };
                let last = start + len.saturating_sub(1);
                order.extend((start..last).map(MergedFrame::Native));
                order.append(&mut waiting);
                order.push(MergedFrame::Native(last));
            }
        }
    }
    order.append(&mut waiting);
    thread.frames = order;
    merged_by
}

/// Names frames, each address once.
struct Namer<'m> {
    modules: &'m Modules<'m>,
    lines: SourceLines<'m>,
    known: FxHashMap<(Address, bool), Vec<NativeFrameSection>>,
}

impl Namer<'_> {
    /// The functions that a frame runs: inlined ones first, the machine code's own last.
    fn sections(&mut self, frame: &NativeFrame) -> Vec<NativeFrameSection> {
        let key = (frame.pc, frame.is_return_address);
        if !self.known.contains_key(&key) {
            let sections = self.read(frame);
            self.known.insert(key, sections);
        }
        let mut sections = self.known.get(&key).cloned().unwrap_or_default();
        for section in &mut sections {
            section.found_by = frame.found_by;
        }
        sections
    }

    fn read(&mut self, frame: &NativeFrame) -> Vec<NativeFrameSection> {
        let NativePlace { address, module, build_id, offset, function, .. } = place(self.modules, frame);
        let plain = NativeFrameSection {
            function,
            module,
            build_id,
            offset,
            address: Some(address),
            ..NativeFrameSection::default()
        };
        let lookup = frame.lookup_address();
        let sources = match self.modules.at(lookup) {
            Some((index, module)) => {
                module.bias.map(|bias| self.lines.at(index, bias.remove(lookup))).unwrap_or_default()
            }
            None => Vec::new(),
        };
        let count = sources.len();
        let sections = sources.into_iter().enumerate().map(|(index, source)| {
            let inlined = index + 1 < count;
            NativeFrameSection {
                function: source.function.or_else(|| plain.function.clone().filter(|_| !inlined)),
                file: source.file,
                line: source.line,
                inlined,
                ..plain.clone()
            }
        });
        let sections: Vec<_> = sections.collect();
        if sections.is_empty() { vec![plain] } else { sections }
    }
}
