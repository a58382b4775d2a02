//! Cores of real processes against what those processes said of themselves, and cores that are damaged.

mod binaries;
mod calls;
mod damaged;
mod deaths;
mod headers;
mod kinds;
mod live;
mod mutated;
mod native;
mod recovered;
mod taken;
mod tasks;
mod truth;
mod versions;

use pycoroner_coredump::{
    CaptureOptions, Core, DeadProcess, LocalsOf, ModuleFinder, ProcessSnapshot, PythonRuntime, capture,
};
use pycoroner_findings::SourceId;

/// Reads the bytes of a core, variables of all frames and native frames included, with no binary to be found.
fn snapshot(bytes: &[u8]) -> ProcessSnapshot {
    with_process(bytes, |process| {
        let options =
            CaptureOptions { locals: LocalsOf::AllFrames, native: true, ..CaptureOptions::default() };
        capture(process, PythonRuntime::attach(process).as_ref(), &options)
    })
}

/// Hands the process of a core to `read`, with no binary to be found.
fn with_process<T>(bytes: &[u8], read: impl FnOnce(&DeadProcess<'_>) -> T) -> T {
    let core = Core::parse(bytes, SourceId(1)).expect("the header of an ELF core");
    let nowhere = ModuleFinder { sysroot: Some("/nonexistent".into()), ..ModuleFinder::default() };
    read(&DeadProcess::new(core, &nowhere))
}
