//! The process as it was started, what it had mapped, and its interpreter.

use std::collections::BTreeMap;

use crate::elf::notes::ThreadStatus;
use crate::elf::parse::Core;
use crate::layout::member;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::phase;
use crate::runtime::process::DeadProcess;
use crate::runtime::signal_handlers;
use crate::runtime::threads;
use crate::snapshot::document::{
    CpuTime, InterpreterSection, ModuleSection, ProcessSection, PythonSection, ThreadSection,
    WorkingDirectory,
};
use crate::snapshot::{distributions, interpreter, memory_map, signals};

/// Types of the auxiliary vector (getauxval(3)).
const AT_PAGESZ: u64 = 6;
const AT_PLATFORM: u64 = 15;
const AT_SECURE: u64 = 23;

/// Modules that are listed; processes have some hundreds.
const MOST_MODULES: usize = 4096;

/// Reads what notes, initial stack and `sys` say.
pub(super) fn section(
    process: &DeadProcess<'_>,
    runtime: Option<&PythonRuntime<'_>>,
    others: &[PythonRuntime<'_>],
) -> ProcessSection {
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
    let env: BTreeMap<_, _> = started.environment.into_iter().filter_map(pair).collect();
    // A shell keeps PWD up to date; a program that changes its folder mostly does not.
    let pwd = env.get("PWD").filter(|path| path.starts_with('/'));
    let threads = &core.notes().threads;
    ProcessSection {
        pid: noted.map(|noted| noted.pid).or_else(|| lone_pid(threads)),
        parent_pid: noted.map(|noted| noted.parent_pid),
        uid: noted.map(|noted| noted.uid),
        gid: noted.map(|noted| noted.gid),
        name: noted.map(|noted| noted.name.clone()).filter(|name| !name.is_empty()),
        nice: noted.map(|noted| noted.nice).filter(|nice| *nice != 0),
        argv,
        executable: started.executable,
        working_directory: pwd
            .map(|path| WorkingDirectory { path: path.clone(), source: "PWD at the start" }),
        arch: core.machine().name(),
        platform: platform(process),
        page_size: auxv(core, AT_PAGESZ),
        secure: auxv(core, AT_SECURE).map(|value| value != 0).filter(|secure| *secure),
        thread_count: Some(threads.len()).filter(|count| *count > 0),
        cpu: cpu(threads, noted.map(|noted| noted.pid)),
        gc_enabled: runtime.and_then(gc_enabled),
        python: runtime.map(python),
        other_pythons: others.iter().map(python).collect(),
        modules: modules(process),
        memory: memory_map::of_process(process),
        env,
    }
}

fn python(runtime: &PythonRuntime<'_>) -> PythonSection {
    let phase = phase::of_runtime(runtime);
    PythonSection {
        version: runtime.version().text.clone(),
        full_version: runtime.version().full.clone(),
        flavor: runtime.flavor(),
        located_by: runtime.located_by(),
        layout_from: runtime.layout_from().to_vec(),
        runtime_address: runtime.recovery().is_none().then(|| runtime.address().address()),
        confidence: runtime.recovery().map(|recovery| recovery.confidence),
        because: runtime.recovery().map(|recovery| recovery.because.clone()).unwrap_or_default(),
        module: module(runtime),
        phase: phase.as_ref().map(|(phase, _)| *phase),
        phase_because: phase.map(|(_, because)| because),
        interpreters: interpreters(runtime),
        sys: interpreter::sys(runtime),
        signals: signal_handlers::find(runtime, runtime.module_data())
            .map(|table| signals::section(runtime, &table)),
        distributions: distributions::of_runtime(runtime),
    }
}

/// The module that a runtime lies in.
pub(super) fn module(runtime: &PythonRuntime<'_>) -> Option<String> {
    let at = runtime.recovery().is_none().then(|| runtime.address().address())?;
    let module = runtime.process().modules().find(|module| module.contains(at))?;
    Some(module.path.clone()).filter(|path| !path.is_empty())
}

fn interpreters(runtime: &PythonRuntime<'_>) -> Vec<InterpreterSection> {
    let python = runtime.python();
    let section = |&interpreter| {
        let (states, _) = runtime.threads(interpreter);
        let stopper = runtime.world_stopper(interpreter);
        InterpreterSection {
            id: threads::interpreter_id(runtime, interpreter),
            address: interpreter.address(),
            thread_states: states.len(),
            own_gil: python.read(interpreter, member::INTERP_OWN_GIL).ok().map(|own| own != 0),
            gil_enabled: threads::gil_enabled(runtime, interpreter),
            stopped_by_tid: states
                .iter()
                .find(|thread| Some(thread.state) == stopper)
                .and_then(|thread| thread.tid),
        }
    };
    if runtime.recovery().is_some() {
        return Vec::new();
    }
    runtime.interpreters().iter().rev().map(section).collect()
}

fn auxv(core: &Core<'_>, wanted: u64) -> Option<u64> {
    core.notes().auxv.iter().find(|(kind, _)| *kind == wanted).map(|&(_, value)| value)
}

/// The word that the kernel has for the processor (`AT_PLATFORM`).
fn platform(process: &DeadProcess<'_>) -> Option<String> {
    let at = auxv(process.core(), AT_PLATFORM)?;
    let bytes = process.space().c_string(crate::address::Address(at), 64).ok()?;
    String::from_utf8(bytes).ok().filter(|name| !name.is_empty())
}

/// A process with one thread has its number.
fn lone_pid(threads: &[ThreadStatus]) -> Option<u64> {
    match threads {
        [only] => Some(only.tid),
        _ => None,
    }
}

/// Processor time of the whole process: Linux writes it into the note of the first thread, whose number is the
/// process's (`fs/binfmt_elf.c`, `fill_prstatus`, Linux 6.6). Debuggers leave it zero.
fn cpu(threads: &[ThreadStatus], pid: Option<u64>) -> Option<CpuTime> {
    let leader = threads.iter().find(|thread| Some(thread.tid) == pid)?;
    let (user_ms, system_ms) = leader.cpu_ms?;
    (user_ms > 0 || system_ms > 0).then_some(CpuTime { user_ms, system_ms })
}

/// Gives each thread but the first its own processor time, where Linux wrote the notes.
pub(super) fn add_cpu(process: &DeadProcess<'_>, sections: &mut [ThreadSection]) {
    let notes = process.core().notes();
    let pid = notes.process.as_ref().map(|noted| noted.pid);
    if cpu(&notes.threads, pid).is_none() {
        return;
    }
    let times: BTreeMap<u64, (u64, u64)> =
        notes.threads.iter().filter_map(|thread| Some((thread.tid, thread.cpu_ms?))).collect();
    for section in sections {
        let time = section.tid.filter(|tid| Some(*tid) != pid).and_then(|tid| times.get(&tid));
        section.cpu = time.map(|&(user_ms, system_ms)| CpuTime { user_ms, system_ms });
    }
}

fn modules(process: &DeadProcess<'_>) -> Vec<ModuleSection> {
    let files = process.module_files().iter().take(MOST_MODULES);
    files
        .map(|file| ModuleSection {
            path: file.module.path.clone(),
            start: file.module.start,
            end: file.module.end,
            build_id: file.module.build_id.as_ref().map(ToString::to_string),
            binary_used: file.path().is_some(),
            binary_matched_by: file.matched_by(),
            binary_mismatch: file
                .mismatch()
                .map(|mismatch| format!("{} {}", mismatch.path.display(), mismatch.why)),
        })
        .collect()
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
