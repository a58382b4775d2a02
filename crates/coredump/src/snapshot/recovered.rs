//! What was recovered without the roots of the interpreter, in a snapshot.

use pycoroner_findings::{Gap, GapKind};

use crate::recover::{self, RecoveredStack, RecoveredThread, Recovery, Unrecovered};
use crate::runtime::attach::{AttachError, PythonRuntime};
use crate::runtime::process::DeadProcess;
use crate::snapshot::capture::CaptureOptions;
use crate::snapshot::document::{CrashSection, FrameSection, ThreadSection};
use crate::snapshot::threads::{frame_section, frames_with_locals, stopped};
use crate::snapshot::values::Values;

/// Says of every thread and frame how it was recovered, and adds the stacks that belong to no thread state.
pub(super) fn add(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    crash: &CrashSection,
    options: &CaptureOptions,
    sections: &mut Vec<ThreadSection>,
    gaps: &mut Vec<Gap>,
) {
    let Some(recovery) = runtime.recovery() else { return };
    let (stated, stackless): (Vec<_>, Vec<_>) =
        recovery.threads.iter().partition(|thread| thread.state.is_some());
    for thread in stated {
        let ours = |section: &&mut ThreadSection| section.tid == thread.tid && section.recovered_by.is_none();
        if let Some(section) = sections.iter_mut().find(ours) {
            section.recovered_by = Some(thread.by);
            mark(&mut section.python_frames, &thread.stack);
            gaps.extend(broken_chain(&thread.stack, &who(thread)));
        }
    }
    for thread in stackless {
        sections.push(without_state(runtime, values, thread, crash, options, gaps));
    }
}

fn mark(sections: &mut [FrameSection], stack: &RecoveredStack) {
    for (section, frame) in sections.iter_mut().zip(&stack.frames) {
        section.recovered_by = Some(frame.by);
    }
}

fn who(thread: &RecoveredThread) -> String {
    thread.tid.map_or_else(|| "a thread of unknown id".to_owned(), |tid| format!("thread {tid}"))
}

fn without_state(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    thread: &RecoveredThread,
    crash: &CrashSection,
    options: &CaptureOptions,
    gaps: &mut Vec<Gap>,
) -> ThreadSection {
    let crashed = crash.tid.is_some() && thread.tid == crash.tid;
    let with_locals = frames_with_locals(options, crashed);
    let mut python_frames: Vec<_> = thread
        .stack
        .frames
        .iter()
        .enumerate()
        .map(|(index, recovered)| {
            let mut section = frame_section(runtime, &recovered.frame);
            if index < with_locals {
                section.locals = values.locals(&recovered.frame);
            }
            section
        })
        .collect();
    mark(&mut python_frames, &thread.stack);
    let stopped_because = Some(stopped(&thread.stack.stopped, &who(thread), gaps));
    gaps.extend(broken_chain(&thread.stack, &who(thread)));
    if thread.by_elimination {
        let why =
            "its thread state is lost; its stack is the only one left, and it the only thread without one";
        gaps.push(Gap::new(GapKind::Truncated, format!("the thread state of {}", who(thread)), why));
    }
    let notes = &runtime.process().core().notes().threads;
    ThreadSection {
        tid: thread.tid,
        crashed,
        recovered_by: Some(thread.by),
        tid_by_elimination: thread.by_elimination,
        python_frames,
        stopped_because,
        citation: notes.iter().find(|note| Some(note.tid) == thread.tid).map(|note| note.citation.clone()),
        ..ThreadSection::default()
    }
}

/// Where a chain of frames broke, the order on the data stack says what comes next, but not what lay elsewhere.
fn broken_chain(stack: &RecoveredStack, who: &str) -> impl Iterator<Item = Gap> {
    let nameless = (stack.nameless > 0).then(|| {
        let what = format!("{} frames in the stack of {who}", stack.nameless);
        Gap::new(GapKind::Truncated, what, "neither the name nor the file of their code is in the core")
    });
    let broken = (stack.breaks > 0).then(|| {
        let why = format!(
            "the chain of frames is lost in {} places; what follows there is told by the order on the data stack, on which frames of generators and coroutines do not lie",
            stack.breaks
        );
        Gap::new(GapKind::Truncated, format!("frames of running generators and coroutines in the stack of {who}"), why)
    });
    nameless.into_iter().chain(broken)
}

/// What can be recovered where no runtime was found.
pub(super) fn instead_of<'p>(
    process: &'p DeadProcess<'p>,
    runtime: Result<&PythonRuntime<'_>, &AttachError>,
    gaps: &mut Vec<Gap>,
) -> Option<PythonRuntime<'p>> {
    let error = runtime.err()?;
    match recover::recover(process) {
        Ok(recovered) => {
            gaps.extend(recovered.recovery().map(|recovery| gap(recovery, error)));
            Some(recovered)
        }
        Err(reason) => {
            let why = match reason {
                Unrecovered::Whole => error.to_string(),
                reason => format!("{error} ({reason})"),
            };
            gaps.push(
                Gap::new(GapKind::Unknown, "everything about Python", why).remedy(
                    "if the process ran another Python, its binary with DWARF can be given with --exe",
                ),
            );
            None
        }
    }
}

/// What is lost with the roots.
fn gap(recovery: &Recovery, error: &AttachError) -> Gap {
    let frames: usize = recovery.threads.iter().map(|thread| thread.stack.frames.len()).sum();
    let states = recovery.threads.iter().filter(|thread| thread.state.is_some()).count();
    let why = format!(
        "{error}; by their shape, {states} thread states and {frames} frames were recovered: {}",
        recovery.because.join(", ")
    );
    Gap::new(
        GapKind::Truncated,
        "the interpreter's own state: list of threads, static types, who holds the GIL",
        why,
    )
    .remedy("get the whole core file: this state lies near its end")
}
