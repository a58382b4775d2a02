//! The same facts on fresh cores of every interpreter that is installed, when `PYCORONER_LIVE=1` asks for it.

use pycoroner_coredump::{
    CaptureOptions, Core, CoreFile, DeadProcess, LocalsOf, ModuleFinder, PythonRuntime, UnpackLimits, capture,
};
use pycoroner_findings::SourceId;
use pycoroner_fixtures::live;

const PROGRAMS: [&str; 6] = ["checkout", "deep", "exceptions", "generators", "locals_all", "threads"];

#[test]
fn fresh_cores_say_what_their_processes_said() {
    if !live::enabled() {
        return;
    }
    for interpreter in live::interpreters() {
        for program in PROGRAMS {
            let made = live::make_core(&interpreter, program).expect("a core");
            let name = format!("{program} on {}", interpreter.executable.display());
            let nowhere = ModuleFinder { sysroot: Some("/nonexistent".into()), ..ModuleFinder::default() };
            for finder in [ModuleFinder::default(), nowhere] {
                let file = CoreFile::open(&made.core, UnpackLimits::default()).expect("the core");
                let process = DeadProcess::new(Core::parse(&file, SourceId(1)).expect("a core"), &finder);
                let options = CaptureOptions { locals: LocalsOf::AllFrames, ..CaptureOptions::default() };
                let snapshot = capture(&process, PythonRuntime::attach(&process).as_ref(), &options);
                crate::truth::check(&name, &snapshot, &made.truth);
            }
        }
    }
}
