//! The same facts on fresh cores of every interpreter that is installed, when `PYCORONER_LIVE=1` asks for it, and
//! on those that `PYCORONER_CORES` names.

use std::panic;
use std::path::Path;

use pycoroner_coredump::{
    CaptureOptions, Core, CoreFile, DeadProcess, LocalsOf, ModuleFinder, PythonRuntime, UnpackLimits, capture,
};
use pycoroner_findings::SourceId;
use pycoroner_fixtures::{Truth, live};

const PROGRAMS: [&str; 28] = [
    "acquired",
    "async_locks",
    "c_boundaries",
    "c_calls",
    "checkout",
    "collecting",
    "collecting_unasked",
    "collector_fault",
    "contexts",
    "deep",
    "distributions",
    "errors",
    "exceptions",
    "fork_child",
    "generators",
    "gil",
    "hooks",
    "interrupted",
    "locals_all",
    "memory_logs",
    "shutdown",
    "signals",
    "starting",
    "subinterpreters",
    "suspended",
    "tasks",
    "threads",
    "waits",
];

/// Programs with an argument.
const MODES: [(&str, &str); 6] = [
    ("interrupted", "acquire"),
    ("interrupted", "aborted"),
    ("hooks", "wrapped"),
    ("signals", "on"),
    ("signals", "one"),
    ("signals", "later"),
];

#[test]
fn fresh_cores_say_what_their_processes_said() {
    if !live::enabled() {
        return;
    }
    for interpreter in live::interpreters() {
        for program in PROGRAMS {
            let made = live::make_core(&interpreter, program).expect("a core");
            let name = format!("{program} on {}", interpreter.executable.display());
            check(&name, &made.core, &made.truth, None);
        }
        for (program, mode) in MODES {
            let made = live::make_core_with(&interpreter, program, &[mode]).expect("a core");
            let name = format!("{program} {mode} on {}", interpreter.executable.display());
            check(&name, &made.core, &made.truth, None);
        }
    }
}

#[test]
fn fresh_cores_of_3_6_and_3_7_say_what_their_processes_said() {
    if !live::enabled() {
        return;
    }
    for interpreter in live::old_interpreters() {
        // Tasks have no names there, nor can the standard library make a subinterpreter; 3.6 has no `contextvars`,
        // `dataclasses` or `queue.SimpleQueue`.
        let too_new = |program: &str| match program {
            "tasks" | "subinterpreters" => true,
            "checkout" | "contexts" | "waits" => interpreter.minor < 7,
            _ => false,
        };
        for program in PROGRAMS.iter().filter(|program| !too_new(program)) {
            let made = live::make_core(&interpreter, program).expect("a core");
            let name = format!("{program} on {}", interpreter.executable.display());
            check(&name, &made.core, &made.truth, None);
        }
    }
}

#[test]
fn made_cores_say_what_their_processes_said() {
    let made = live::made().expect("cores that make_cores.sh made");
    let wrong = |made: &live::MadeCore| {
        panic::catch_unwind(|| check(&made.name, &made.core, &made.truth, made.root.as_deref())).is_err()
    };
    let wrong: Vec<&str> = made.iter().filter(|made| wrong(made)).map(|made| made.name.as_str()).collect();
    assert!(wrong.is_empty(), "{} of {} cores: {wrong:?}", wrong.len(), made.len());
}

/// Compares with the binaries and without.
fn check(name: &str, core: &Path, truth: &Truth, root: Option<&Path>) {
    let there = ModuleFinder { sysroot: root.map(Into::into), ..ModuleFinder::default() };
    let nowhere = ModuleFinder { sysroot: Some("/nonexistent".into()), ..ModuleFinder::default() };
    for finder in [there, nowhere] {
        let file = CoreFile::open(core, UnpackLimits::default()).expect("the core");
        let process = DeadProcess::new(Core::parse(&file, SourceId(1)).expect("a core"), &finder);
        let options = CaptureOptions { locals: LocalsOf::AllFrames, ..CaptureOptions::default() };
        let snapshot = capture(&process, PythonRuntime::attach(&process).as_ref(), &options);
        crate::truth::check(name, &snapshot, truth);
    }
}
