//! What was recovered without the roots of the interpreter, in a snapshot.

use pycoroner_findings::{Gap, GapKind};
use rustc_hash::FxHashMap;

use crate::recover::{self, RecoveredThread, Recovery, Unrecovered};
use crate::runtime::attach::{AttachError, PythonRuntime};
use crate::runtime::frames::Stack;
use crate::runtime::process::DeadProcess;
use crate::snapshot::capture::CaptureOptions;
use crate::snapshot::document::{CrashSection, FrameSection, ThreadSection};
use crate::snapshot::threads::{frame_section, frames_with_locals, stopped};
use crate::snapshot::values::Values;

/// Says of every thread how it was recovered, and adds the stacks that belong to no thread state, and threads that
/// were lost with the end of a list.
pub(super) fn add(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    crash: &CrashSection,
    options: &CaptureOptions,
    lost: &[RecoveredThread],
    sections: &mut Vec<ThreadSection>,
    gaps: &mut Vec<Gap>,
) {
    let Some(recovery) = runtime.recovery() else {
        sections
            .extend(lost.iter().map(|thread| without_state(runtime, values, thread, crash, options, gaps)));
        return;
    };
    let places: FxHashMap<_, _> = sections.iter().enumerate().map(|(index, one)| (one.tid, index)).collect();
    for thread in &recovery.threads {
        if thread.state.is_none() {
            let mut section = without_state(runtime, values, thread, crash, options, gaps);
            section.name = thread.tid.and_then(|tid| recovery.names.get(&tid)).cloned();
            sections.push(section);
            continue;
        }
        if let Some(section) = places.get(&thread.tid).and_then(|&index| sections.get_mut(index)) {
            section.recovered_by = Some(thread.by);
        }
    }
}

/// Says of each frame how it was found, where the chain of frames is not whole.
pub(super) fn mark(sections: &mut [FrameSection], stack: &Stack, who: &str, gaps: &mut Vec<Gap>) {
    let Some(recovery) = &stack.recovery else { return };
    for (section, by) in sections.iter_mut().zip(&recovery.by) {
        section.recovered_by = Some(*by);
    }
    if recovery.nameless > 0 {
        let what = format!("{} frames in the stack of {who}", recovery.nameless);
        gaps.push(Gap::new(
            GapKind::Truncated,
            what,
            "neither the name nor the file of their code is in the core",
        ));
    }
    if recovery.breaks > 0 {
        let why = format!(
            "the chain of frames is lost in {} places; what follows there is told by the order on the data stack, on which frames of generators and coroutines do not lie",
            recovery.breaks
        );
        let what = format!("frames of running generators and coroutines in the stack of {who}");
        gaps.push(Gap::new(GapKind::Truncated, what, why));
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
        .take(values.take_frames(thread.stack.frames.len(), &who(thread), gaps))
        .enumerate()
        .map(|(index, frame)| {
            let mut section = frame_section(runtime, frame);
            if index < with_locals {
                section.locals = values.locals(frame);
            }
            section
        })
        .collect();
    mark(&mut python_frames, &thread.stack, &who(thread), gaps);
    let stopped_because = Some(stopped(&thread.stack.stopped, &who(thread), gaps));
    if thread.by_elimination {
        let why =
            "its thread state is lost; its stack is the only one left, and it the only thread without one";
        gaps.push(Gap::new(GapKind::Truncated, format!("the thread state of {}", who(thread)), why));
    }
    let notes = runtime.process().core().notes();
    ThreadSection {
        tid: thread.tid,
        crashed,
        recovered_by: Some(thread.by),
        tid_by_elimination: thread.by_elimination,
        python_frames,
        stopped_because,
        citation: thread.tid.and_then(|tid| notes.thread(tid)).map(|note| note.citation.clone()),
        ..ThreadSection::default()
    }
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
            let (kind, remedy) = match error {
                AttachError::NotDumped => {
                    (GapKind::NotDumped, "next time: set the filter to 0x33 before the process starts")
                }
                _ => (
                    GapKind::Unknown,
                    "if the process ran another Python, its binary with DWARF can be given with --exe",
                ),
            };
            gaps.push(Gap::new(kind, "everything about Python", why).remedy(remedy));
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
