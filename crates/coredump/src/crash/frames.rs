//! The innermost native frames at the fault, with what kind of module each belongs to.

use crate::address::Address;
use crate::crash::Death;
use crate::elf::notes::ThreadStatus;
use crate::native::modules::Modules;
use crate::native::{self, NativePlace, unwind};
use crate::runtime::process::DeadProcess;
use crate::snapshot::document::FoundBy;

/// Enough to get from a signal through the C library and the interpreter to whoever called them.
const MOST_FRAMES: usize = 40;

/// A native frame of the thread that died.
#[derive(Clone, Debug)]
pub(crate) struct NearFrame {
    pub(crate) place: NativePlace,
    pub(crate) stack_pointer: Address,
    pub(crate) found_by: FoundBy,
    pub(crate) owner: Owner,
}

/// Whose code a frame runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The C library, the loader, the languages' run-time libraries.
    System,
    /// CPython, its standard library's extensions included.
    Interpreter,
    /// Anything else: an extension, or a library that one uses.
    Extension,
    /// No module.
    Nobody,
}

/// Libraries that end a process on behalf of others.
const SYSTEM: [&str; 11] = [
    "libc.so",
    "libc-2.",
    "ld-linux",
    "ld-musl",
    "libc.musl",
    "libpthread",
    "libm.so",
    "libgcc_s",
    "libstdc++",
    "libffi",
    "[vdso]",
];

/// Whose code a module holds, by its name and folder.
pub(crate) fn owner_of(path: Option<&str>) -> Owner {
    let Some(path) = path else { return Owner::Nobody };
    let path = path.trim_end_matches(" (deleted)");
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_interpreter = name.starts_with("libpython")
        || name
            .strip_prefix("python")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) || rest.is_empty())
        || path.contains("/lib-dynload/");
    if SYSTEM.iter().any(|prefix| name.starts_with(prefix)) {
        Owner::System
    } else if is_interpreter {
        Owner::Interpreter
    } else {
        Owner::Extension
    }
}

/// Walks from the registers of the fault outwards.
pub(crate) fn read(process: &DeadProcess<'_>, death: &Death) -> Vec<NearFrame> {
    let Some(citation) = death.citations.last().cloned() else { return Vec::new() };
    let thread = ThreadStatus {
        tid: death.tid.unwrap_or_default(),
        signal: death.signal.unwrap_or_default(),
        registers: death.registers.values().to_vec(),
        tpidr: None,
        cpu_ms: None,
        citation,
    };
    let modules = Modules::of(process);
    let stack = unwind::walk_at_most(&modules, &thread, MOST_FRAMES);
    let frames = stack.frames.iter().map(|frame| {
        let place = native::place(&modules, frame);
        let owner = owner_of(place.module.as_deref());
        NearFrame { place, stack_pointer: frame.stack_pointer, found_by: frame.found_by, owner }
    });
    frames.collect()
}

/// Frames of the interpreter that may stand between an extension and a failure that it caused.
const MOST_BETWEEN: usize = 6;

/// The innermost frame of an extension, when only system and a few interpreter frames lie within it.
pub(crate) fn extension(frames: &[NearFrame]) -> Option<(usize, &NearFrame)> {
    let mut between = 0;
    for (index, frame) in frames.iter().enumerate() {
        match frame.owner {
            Owner::Extension => return Some((index, frame)),
            // The evaluation loop runs Python code: what is outside of it did not call this.
            Owner::Interpreter if between >= MOST_BETWEEN || is_evaluation(frame) => return None,
            Owner::Interpreter => between += 1,
            Owner::System | Owner::Nobody => {}
        }
    }
    None
}

fn is_evaluation(frame: &NearFrame) -> bool {
    frame.place.function.as_deref().is_some_and(|name| name.starts_with("_PyEval_EvalFrame"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_told_by_path() {
        let check = |path: &str, expected| assert_eq!(owner_of(Some(path)), expected, "{path}");
        check("/lib/x86_64-linux-gnu/libc.so.6", Owner::System);
        check("/usr/lib/libstdc++.so.6.0.30", Owner::System);
        check("/opt/python/3.12/lib/libpython3.12.so.1.0", Owner::Interpreter);
        check("/usr/bin/python3.11", Owner::Interpreter);
        check("/opt/lib/python3.12/lib-dynload/_json.cpython-312-x86_64-linux-gnu.so", Owner::Interpreter);
        check("/srv/app/_hx.so", Owner::Extension);
        check("/x/site-packages/numpy/core/_multiarray_umath.so (deleted)", Owner::Extension);
    }
}
