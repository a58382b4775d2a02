//! Threads of a snapshot.

use pycoroner_findings::{Gap, GapKind};
use rustc_hash::FxHashSet;

use crate::address::Ptr;
use crate::elf::notes::ThreadStatus;
use crate::layout::member::{BaseExceptionObject, ThreadState};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Frame, Stopped};
use crate::runtime::nesting::{self, Layer, NestedStack};
use crate::runtime::process::DeadProcess;
use crate::runtime::signal_handlers;
use crate::snapshot::capture::{CaptureOptions, LocalsOf, gap_of, gil_is_known, sort_threads};
use crate::snapshot::document::{
    CrashSection, DeadlockSection, ExceptionSection, FrameSection, LockSection, ThreadSection,
    ThreadStateSection,
};
use crate::snapshot::exceptions;
use crate::snapshot::hooks::Hooks;
use crate::snapshot::layers;
use crate::snapshot::recovered;
use crate::snapshot::signals;
use crate::snapshot::values::Values;
use crate::waits::{self, Walked};

/// Bytes of a frame that its citation covers: what its readers look at.
const FRAME_BYTES: u64 = 80;

/// What a thread state without a thread was doing.
const GONE: &str = "no thread of this process: it ended, or fork() left it behind in the parent";

/// The threads, and what they have to do with each other.
#[derive(Debug, Default)]
pub(super) struct Threads {
    pub(super) sections: Vec<ThreadSection>,
    pub(super) nested: Vec<NestedStack>,
    pub(super) locks: Vec<LockSection>,
    pub(super) deadlocks: Vec<DeadlockSection>,
}

/// All threads of all interpreters, and those of the core that no interpreter knows.
pub(super) fn of_runtime(
    runtime: &PythonRuntime<'_>,
    crash: &CrashSection,
    options: &CaptureOptions,
    gaps: &mut Vec<Gap>,
) -> Threads {
    let values = Values::new(runtime, options);
    let (mut walked, mut holding, mut is_broken) = (Vec::new(), Vec::new(), false);
    for &interpreter in runtime.interpreters() {
        let (threads, broken) = runtime.threads(interpreter);
        if let Some(error) = broken {
            gaps.push(gap_of("the rest of the list of threads", &error));
            is_broken = true;
        }
        let holder = runtime.gil_holder(interpreter);
        for thread in threads {
            holding.push(holder == Some(thread.state));
            walked.push(Walked { stack: runtime.stack(thread.state), thread });
        }
    }
    let nested = nest(runtime, &mut walked, &holding);
    let hooks: Vec<_> = runtime.interpreters().iter().map(|&of| (of, Hooks::of(runtime, of))).collect();
    let mut sections = Vec::with_capacity(walked.len());
    for one in &walked {
        let mine = hooks.iter().find(|(of, _)| *of == one.thread.interpreter);
        let reported = mine.map(|(_, hooks)| hooks.reported(runtime, &one.stack)).unwrap_or_default();
        sections.push(section(runtime, &values, one, &reported, crash, options, gaps));
    }
    match signal_handlers::find(runtime, runtime.module_data()) {
        Some(table) => signals::mark(runtime, &table, crash.signal, &walked, &mut sections),
        None if runtime.recovery().is_none() => gaps.push(signals::unknown()),
        None => {}
    }
    for &interpreter in runtime.interpreters() {
        let mine = |one: &Walked| one.thread.interpreter == interpreter;
        let first = walked.iter().position(mine).unwrap_or(walked.len());
        let count = walked.iter().filter(|one| mine(one)).count();
        if let Some(last) = exceptions::last(runtime, &values, interpreter, gaps) {
            let main = runtime.process().core().notes().process.as_ref().map(|process| process.pid);
            give_last(sections.get_mut(first..first + count).unwrap_or_default(), last, main);
        }
    }
    let found = waits::of_threads(runtime, &walked);
    let gil_is_known = gil_is_known(runtime);
    for ((section, wait), &holds_gil) in sections.iter_mut().zip(found.threads).zip(&holding) {
        section.holds_gil = gil_is_known.then_some(holds_gil);
        // Where a thread that crashed was is said elsewhere, unless the signal came while it waited.
        let state = wait.state.filter(|_| !section.crashed || wait.waiting_on.is_some());
        section.state = section.state.take().or(state);
        section.waiting_on = wait.waiting_on;
        section.c_call = wait.c_call;
        for (index, mut call) in wait.outer_c_calls {
            // Handlers of signals and finalizers run between instructions too, when the call may have come back.
            call.may_have_returned = section
                .python_frames
                .get(index.saturating_sub(1))
                .is_some_and(|inner| inner.handles_signal.is_some() || inner.function == "__del__");
            if let Some(frame) = section.python_frames.get_mut(index) {
                frame.c_call = Some(call);
            }
        }
        if let Some(call) = section.c_call.as_mut().filter(|_| section.crashed) {
            call.may_have_returned = false;
        }
        section.collecting_garbage = wait.collecting_garbage;
    }
    let mut sections = layers::join(sections, &nested, gaps);
    let lost = if is_broken { runtime.lost_threads(&known_states(&walked)) } else { Vec::new() };
    recovered::add(runtime, &values, crash, options, &lost, &mut sections, gaps);
    values.push_gap(gaps);
    let known: FxHashSet<_> = sections.iter().filter_map(|section| section.tid).collect();
    let native = without_runtime(runtime.process(), crash).into_iter();
    sections.extend(native.filter(|section| section.tid.is_some_and(|tid| !known.contains(&tid))));
    sort_threads(&mut sections, crash);
    Threads { sections, nested, locks: found.locks, deadlocks: found.deadlocks }
}

/// Joins thread states with the native threads that run them.
fn nest(runtime: &PythonRuntime<'_>, walked: &mut [Walked], holding: &[bool]) -> Vec<NestedStack> {
    let layers: Vec<Layer<'_>> = walked
        .iter()
        .zip(holding)
        .map(|(one, &holds_gil)| Layer { thread: &one.thread, stack: &one.stack, holds_gil })
        .collect();
    let nested = nesting::by_native_thread(runtime, &layers);
    for stack in &nested {
        for &index in &stack.layers {
            if let Some(one) = walked.get_mut(index) {
                one.thread.tid = stack.tid;
                if stack.gone {
                    one.thread.gone = true;
                    one.thread.name = None;
                }
            }
        }
    }
    nested
}

fn known_states(walked: &[Walked]) -> Vec<Ptr<ThreadState>> {
    walked.iter().map(|one| one.thread.state).collect()
}

/// Gives the exception that an interpreter kept to its thread that crashed, else to its main thread, behind those
/// that are in force there; unless it is one of them.
fn give_last(threads: &mut [ThreadSection], last: ExceptionSection, main: Option<u64>) {
    let chosen = threads
        .iter()
        .position(|thread| thread.crashed)
        .or_else(|| threads.iter().position(|thread| thread.tid.is_some() && thread.tid == main))
        .or_else(|| threads.len().checked_sub(1));
    if let Some(thread) = chosen.and_then(|index| threads.get_mut(index)) {
        match thread.exceptions.iter_mut().find(|known| known.citation == last.citation) {
            Some(known) if known.role == Some("reported") => known.role = last.role,
            Some(_) => {}
            None => thread.exceptions.push(last),
        }
    }
}

/// The threads of the core, without what Python knows of them.
pub(super) fn without_runtime(process: &DeadProcess<'_>, crash: &CrashSection) -> Vec<ThreadSection> {
    let threads = &process.core().notes().threads;
    let section = |thread: &ThreadStatus| ThreadSection {
        tid: Some(thread.tid),
        crashed: crash.tid == Some(thread.tid),
        state: waits::state_of_native(process, thread),
        citation: Some(thread.citation.clone()),
        ..ThreadSection::default()
    };
    threads.iter().map(section).collect()
}

fn section(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    one: &Walked,
    reported: &[Ptr<BaseExceptionObject>],
    crash: &CrashSection,
    options: &CaptureOptions,
    gaps: &mut Vec<Gap>,
) -> ThreadSection {
    let (thread, stack) = (&one.thread, &one.stack);
    let crashed = crash.tid.is_some() && thread.tid == crash.tid;
    let with_locals = frames_with_locals(options, crashed);
    let who = thread.name.clone().unwrap_or_else(|| format!("thread {:#x}", thread.ident));
    let stopped_because = stopped(&stack.stopped, &who, gaps);
    let kept = values.take_frames(stack.frames.len(), &who, gaps);
    let frames = stack.frames.iter().take(kept).enumerate();
    let mut python_frames: Vec<_> = frames
        .map(|(index, frame)| {
            let mut section = frame_section(runtime, frame);
            section.interpreter = thread.interpreter_id;
            if index < with_locals {
                section.locals = values.locals(frame);
            }
            section
        })
        .collect();
    recovered::mark(&mut python_frames, stack, &who, gaps);
    let notes = runtime.process().core().notes();
    ThreadSection {
        tid: thread.tid,
        ident: Some(crate::address::Address(thread.ident)),
        name: thread.name.clone(),
        interpreter: Some(thread.interpreter_id).filter(|&id| id >= 0),
        runtime: None,
        thread_states: vec![ThreadStateSection {
            address: thread.state.address(),
            interpreter: thread.interpreter_id,
            frames: stack.frames.len(),
        }],
        gone: thread.gone,
        crashed,
        holds_gil: None,
        python_frames,
        recovered_by: None,
        tid_by_elimination: false,
        stopped_because: Some(stopped_because),
        exceptions: exceptions::of_thread(runtime, values, thread, reported, &who, gaps),
        collecting_garbage: None,
        cpu: None,
        state: thread.gone.then(|| GONE.to_owned()),
        waiting_on: None,
        c_call: None,
        native_frames: Vec::new(),
        frames: Vec::new(),
        thread_locals: Vec::new(),
        context_vars: Vec::new(),
        citation: thread.tid.and_then(|tid| notes.thread(tid)).map(|note| note.citation.clone()),
    }
}

/// Of how many innermost frames of a thread variables are read.
pub(super) fn frames_with_locals(options: &CaptureOptions, crashed: bool) -> usize {
    match options.locals {
        LocalsOf::CrashedThread(frames) if crashed => frames,
        LocalsOf::NoFrame | LocalsOf::CrashedThread(_) => 0,
        LocalsOf::AllFrames => usize::MAX,
    }
}

pub(super) fn stopped(stopped: &Stopped, who: &str, gaps: &mut Vec<Gap>) -> &'static str {
    match stopped {
        Stopped::Bottom => "bottom",
        Stopped::Fault(error) => {
            gaps.push(gap_of(format!("the outer frames of {who}"), error));
            "fault"
        }
        Stopped::Cycle(at) => {
            let why = format!("the chain of frames comes back to {at}");
            gaps.push(Gap::new(GapKind::Corrupt, format!("the outer frames of {who}"), why));
            "cycle"
        }
        Stopped::Limit => {
            let why = format!("more than {} frames", crate::runtime::frames::MAX_FRAMES);
            gaps.push(Gap::new(GapKind::Limit, format!("the outer frames of {who}"), why));
            "limit"
        }
    }
}

/// A frame without its variables.
pub(super) fn frame_section(runtime: &PythonRuntime<'_>, frame: &Frame) -> FrameSection {
    FrameSection {
        function: frame.code.name.clone(),
        qualname: frame.code.qualname.clone(),
        file: frame.code.file.clone(),
        line: frame.position.line,
        end_line: frame.position.end_line,
        column: frame.position.column,
        end_column: frame.position.end_column,
        interpreter: 0,
        handles_signal: None,
        c_call: None,
        locals: Vec::new(),
        recovered_by: None,
        citation: runtime.process().core().cite(frame.place.address(), FRAME_BYTES),
    }
}
