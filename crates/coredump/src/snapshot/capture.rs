//! Reads everything into a [`ProcessSnapshot`].

use pycoroner_findings::{Gap, GapKind};

use crate::crash as death;
use crate::findings;
use crate::layout::{ReadError, member};
use crate::memory::FaultKind;
use crate::runtime::attach::{AttachError, PythonRuntime};
use crate::runtime::dialect::Gil;
use crate::runtime::process::DeadProcess;
use crate::snapshot::crash;
use crate::snapshot::document::{
    CrashSection, ProcessSection, ProcessSnapshot, PythonSection, ThreadSection,
};
use crate::snapshot::{contexts, held, memory_logs, native, recovered, suspended, tasks, threads};

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
    let death = death::read(process);
    let mut crash = crash::section(process, &death);
    let recovered = recovered::instead_of(process, runtime, &mut gaps);
    let runtime = recovered.as_ref().or(runtime.ok());
    crash::add_python(process, runtime, &death, &mut crash);
    gaps.extend(runtime.filter(|runtime| !runtime.is_tried()).map(untried));
    let mut threads = match runtime {
        Some(runtime) => threads::of_runtime(runtime, &crash, options, &mut gaps),
        None => {
            threads::Threads { sections: threads::without_runtime(process, &crash), ..Default::default() }
        }
    };
    if options.native {
        native::add(process, runtime, &mut threads.sections, &mut gaps);
    }
    gaps.extend(process.module_files().iter().filter_map(|file| file.gap().cloned()));
    let tasks = runtime.map(|runtime| tasks::of_runtime(runtime, options, &mut gaps)).unwrap_or_default();
    let (mut suspended, mut memory_logs) = (Vec::new(), Vec::new());
    if let Some(runtime) = runtime.filter(|_| options.locals == LocalsOf::AllFrames) {
        let held = held::collect(runtime, &mut gaps);
        suspended = suspended::of_runtime(runtime, &held, &tasks.generators, &mut gaps);
        memory_logs = memory_logs::of_runtime(runtime, options, &held, &mut gaps);
        contexts::add(runtime, options, &held, &mut threads.sections, &mut gaps);
    }
    let mut snapshot = ProcessSnapshot {
        schema: "pycoroner.core/1",
        process: process_section(process, runtime),
        crash,
        threads: threads.sections,
        locks: threads.locks,
        deadlocks: threads.deadlocks,
        asyncio: tasks.section,
        suspended,
        memory_logs,
        findings: Vec::new(),
        gaps,
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

fn process_section(process: &DeadProcess<'_>, runtime: Option<&PythonRuntime<'_>>) -> ProcessSection {
    let core = process.core();
    let started = process.initial_stack();
    let noted = core.notes().process.as_ref();
    let cut_arguments =
        || noted.map(|noted| noted.arguments.clone()).into_iter().filter(|text| !text.is_empty());
    let argv = if started.arguments.is_empty() { cut_arguments().collect() } else { started.arguments };
    let pair = |entry: String| {
        let (key, value) = entry.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    };
    ProcessSection {
        pid: noted.map(|noted| noted.pid),
        uid: noted.map(|noted| noted.uid),
        argv,
        executable: started.executable,
        env: started.environment.into_iter().filter_map(pair).collect(),
        arch: core.machine().name(),
        gc_enabled: runtime.and_then(gc_enabled),
        python: runtime.map(|runtime| PythonSection {
            version: runtime.version().text.clone(),
            full_version: runtime.version().full.clone(),
            flavor: runtime.flavor(),
            located_by: runtime.located_by(),
            layout_from: runtime.layout_from().to_vec(),
            runtime_address: runtime.recovery().is_none().then(|| runtime.address().address()),
            confidence: runtime.recovery().map(|recovery| recovery.confidence),
            because: runtime.recovery().map(|recovery| recovery.because.clone()).unwrap_or_default(),
        }),
    }
}

/// `gc.isenabled()` of the main interpreter. Up to 3.8 the switch lies behind mutexes in `_PyRuntime`.
fn gc_enabled(runtime: &PythonRuntime<'_>) -> Option<bool> {
    let python = runtime.python();
    let main = *runtime.interpreters().last()?;
    let switch = if python.layout().has(member::INTERP_GC_ENABLED) {
        python.read(main, member::INTERP_GC_ENABLED)
    } else {
        python.read(runtime.address(), member::RUNTIME_GC_ENABLED)
    };
    switch.ok().map(|switch| switch != 0)
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
        Gil::CurrentThreadState => python.layout().has(member::RUNTIME_TSTATE_CURRENT),
        Gil::PerInterpreter => python.layout().has(member::INTERP_GIL),
    }
}

/// The order in which threads are shown: the crashed one, then by native id.
pub(crate) fn sort_threads(threads: &mut [ThreadSection], crash: &CrashSection) {
    threads.sort_by_key(|thread| {
        (thread.tid.is_none() || thread.tid != crash.tid, thread.tid.unwrap_or(u64::MAX), thread.interpreter)
    });
}
