//! Reads everything into a [`ProcessSnapshot`].

use pycoroner_findings::{Gap, GapKind};

use crate::crash as death;
use crate::findings;
use crate::layout::{ReadError, member};
use crate::memory::FaultKind;
use crate::runtime::attach::{AttachError, PythonRuntime};
use crate::runtime::dialect::{Gil, Roots};
use crate::runtime::process::DeadProcess;
use crate::snapshot::crash;
use crate::snapshot::document::{CrashSection, ProcessSnapshot, ThreadSection};
use crate::snapshot::{
    contexts, exceptions, gaps, held, memory_logs, native, process as process_of, recovered, runtimes,
    suspended, tasks, threads,
};

/// How much is read into a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureOptions {
    /// Of which frames variables are read.
    pub locals: LocalsOf,
    /// How deep containers are printed.
    pub depth: usize,
    /// How many items of a container are printed.
    pub items: usize,
    /// How many bytes the text of one value may take.
    pub text_bytes: usize,
    /// Whether native frames are read.
    pub native: bool,
}

/// Of which frames variables are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalsOf {
    /// Of none: the fast way.
    NoFrame,
    /// Of this many innermost frames of the thread that crashed.
    CrashedThread(usize),
    /// Of all frames of all threads.
    AllFrames,
}

impl Default for CaptureOptions {
    /// No variables; values six levels deep, a hundred items, 4 KiB of text.
    fn default() -> Self {
        Self { locals: LocalsOf::NoFrame, depth: 6, items: 100, text_bytes: 4096, native: false }
    }
}

/// Reads a dead process into plain data. Without a runtime, what the core says by itself is still there.
pub fn capture(
    process: &DeadProcess<'_>,
    runtime: Result<&PythonRuntime<'_>, &AttachError>,
    options: &CaptureOptions,
) -> ProcessSnapshot {
    let mut gaps = process.core().gaps().to_vec();
    if process.core().notes().auxv.is_empty() && process.core().notes().process.is_some() {
        let why = "the core holds no auxiliary vector (NT_AUXV), and no stack that has it; it leads to both";
        gaps.push(Gap::new(GapKind::Missing, "the environment and the whole command line", why));
    }
    gaps.extend(gaps::blank_stacks(process));
    let death = death::read(process);
    let mut crash = crash::section(process, &death);
    let recovered = recovered::instead_of(process, runtime, &mut gaps);
    let runtime = recovered.as_ref().or(runtime.ok());
    crash::add_python(process, runtime, &death, &mut crash);
    gaps.extend(runtime.filter(|runtime| !runtime.is_tried()).map(untried));
    gaps.extend(runtime.and_then(hidden_variables));
    let mut threads = match runtime {
        Some(runtime) => threads::of_runtime(runtime, &crash, options, &mut gaps),
        None => {
            threads::Threads { sections: threads::without_runtime(process, &crash), ..Default::default() }
        }
    };
    let others = runtimes::others(runtime, options);
    runtimes::add(&others, &crash, options, &mut threads, &mut gaps);
    process_of::add_cpu(process, &mut threads.sections);
    if options.native {
        native::add(process, &threads.nested, &mut threads.sections, &mut gaps);
    }
    gaps.extend(process.module_files().iter().flat_map(|file| file.gaps().cloned()));
    let mut tasks = runtime.map(|runtime| tasks::of_runtime(runtime, options, &mut gaps)).unwrap_or_default();
    let (mut suspended, mut memory_logs) = (Vec::new(), Vec::new());
    if let Some(runtime) = runtime.filter(|_| options.locals == LocalsOf::AllFrames) {
        let held = held::collect(runtime, &mut gaps);
        suspended = suspended::of_runtime(runtime, options, &held, &tasks.generators, &mut gaps);
        memory_logs = memory_logs::of_runtime(runtime, options, &held, &mut gaps);
        contexts::add(runtime, options, &held, &mut threads.sections, &mut gaps);
        tasks::add_forgotten(runtime, options, &held, &mut tasks);
    }
    let recovered_exceptions = runtime
        .map(|runtime| exceptions::without_thread(runtime, options, &threads.sections, &mut gaps))
        .unwrap_or_default();
    let mut snapshot = ProcessSnapshot {
        schema: "pycoroner.core/1",
        process: process_of::section(process, runtime, &others),
        crash,
        threads: threads.sections,
        locks: threads.locks,
        deadlocks: threads.deadlocks,
        asyncio: tasks.section,
        suspended,
        memory_logs,
        recovered_exceptions,
        findings: Vec::new(),
        gaps: gaps::fold(gaps),
    };
    snapshot.findings = findings::of_snapshot(&snapshot);
    snapshot
}

/// A version and flavor of which there was no build to make cores with.
fn untried(runtime: &PythonRuntime<'_>) -> Gap {
    let (version, flavor) = (&runtime.version().text, runtime.flavor());
    Gap::new(
        GapKind::Unknown,
        format!("how well {flavor} CPython {version} is read"),
        "its layout comes from CPython's headers and agrees with this core, but was never tried on another one; types \
         that only C files define are shown without their contents",
    )
}

/// What only symbols tell of 3.6, where they are not at hand.
fn hidden_variables(runtime: &PythonRuntime<'_>) -> Option<Gap> {
    let layout = runtime.python().layout();
    if runtime.python().dialect().roots == Roots::Runtime || runtime.recovery().is_some() {
        return None;
    }
    let mut what = Vec::new();
    if !layout.has(member::RUNTIME_TSTATE_CURRENT) {
        what.push("which thread holds the GIL");
    }
    if !layout.has(member::RUNTIME_GC_COLLECTING) {
        what.push("whether garbage is or was to be collected");
    }
    if !layout.has(member::RUNTIME_FINALIZING_3_8) {
        what.push("whether the interpreter was shutting down");
    }
    let why = "3.6 keeps it in variables that only symbols tell apart; the interpreter's file is not there, or is stripped";
    (!what.is_empty()).then(|| Gap::new(GapKind::Unknown, what.join(", "), why))
}

/// The gap that a failed read leaves.
pub(crate) fn gap_of(what: impl Into<String>, error: &ReadError) -> Gap {
    let kind = match error {
        ReadError::Fault(fault) => match fault.kind {
            FaultKind::Unmapped => GapKind::Unmapped,
            FaultKind::NotDumped => GapKind::NotDumped,
            FaultKind::Truncated => GapKind::Truncated,
            FaultKind::Overflow => GapKind::Corrupt,
        },
        ReadError::NoMember(_) => GapKind::Unknown,
        ReadError::Null(_) | ReadError::Invalid { .. } => GapKind::Corrupt,
    };
    Gap::new(kind, what, error.to_string())
}

/// Whether the GIL's holder can be told at all.
pub(crate) fn gil_is_known(runtime: &PythonRuntime<'_>) -> bool {
    let python = runtime.python();
    if runtime.recovery().is_some() {
        return false;
    }
    match python.dialect().gil {
        Gil::CurrentThreadState => {
            let layout = python.layout();
            layout.has(member::RUNTIME_TSTATE_CURRENT) || layout.has(member::RUNTIME_GIL)
        }
        Gil::PerInterpreter => python.layout().has(member::INTERP_GIL),
    }
}

/// The order in which threads are shown: the crashed one, then by native id.
pub(crate) fn sort_threads(threads: &mut [ThreadSection], crash: &CrashSection) {
    threads.sort_by_key(|thread| {
        (thread.tid.is_none() || thread.tid != crash.tid, thread.tid.unwrap_or(u64::MAX), thread.interpreter)
    });
}
