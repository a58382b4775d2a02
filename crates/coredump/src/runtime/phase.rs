//! Whether an interpreter was starting, running or shutting down.

use crate::layout::member;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Frame, Stopped};

/// How far an interpreter had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// `Py_Initialize()` had not done all its work.
    Starting,
    /// Ready.
    Running,
    /// Inside `Py_FinalizeEx()`: after the main module's code ended.
    Finalizing,
}

/// The phase with what tells it; `None` where nothing can be read.
pub(crate) fn of_runtime(runtime: &PythonRuntime<'_>) -> Option<(Phase, String)> {
    if runtime.recovery().is_some() {
        return None;
    }
    let python = runtime.python();
    let main = *runtime.interpreters().last()?;
    let finalizing = if python.layout().has(member::RUNTIME_FINALIZING) {
        python.read(runtime.address(), member::RUNTIME_FINALIZING)
    } else {
        python.read(runtime.address(), member::RUNTIME_FINALIZING_3_8)
    };
    if let Ok(state) = finalizing
        && state.0 != 0
    {
        return Some((Phase::Finalizing, format!("_PyRuntime's _finalizing is the thread state at {state}")));
    }
    // Finalizing takes it back, so it says something only before.
    if python.read(runtime.address(), member::RUNTIME_INITIALIZED) == Ok(0) {
        return Some((Phase::Starting, "_PyRuntime.initialized is 0".to_owned()));
    }
    // From 3.12 on this is set before threads are waited for and `atexit` functions are called.
    if python.read(main, member::INTERP_FINALIZING).is_ok_and(|finalizing| finalizing == 1) {
        return Some((Phase::Finalizing, "the main interpreter's finalizing is 1".to_owned()));
    }
    let outermost = outermost_frames(runtime);
    if imports_site(&outermost) {
        let because = "its main thread imports site, which Python does before it runs the program";
        return Some((Phase::Starting, because.to_owned()));
    }
    if waits_for_threads(&outermost) {
        let because =
            "its main thread runs threading._shutdown, which Python calls when the program has ended";
        return Some((Phase::Finalizing, because.to_owned()));
    }
    finalizing.ok().map(|_| (Phase::Running, "_PyRuntime's _finalizing is not set".to_owned()))
}

/// The frames of the main interpreter's main thread, outermost first.
fn outermost_frames(runtime: &PythonRuntime<'_>) -> Vec<Frame> {
    let Some(&main) = runtime.interpreters().last() else { return Vec::new() };
    let (threads, _) = runtime.threads(main);
    // The main thread is the oldest one, which stands at the end of the list.
    let Some(oldest) = threads.last() else { return Vec::new() };
    let stack = runtime.stack(oldest.state);
    if stack.stopped != Stopped::Bottom {
        return Vec::new();
    }
    stack.frames.into_iter().rev().take(MOST_FRAMES).collect()
}

/// Enough to get through the import system.
const MOST_FRAMES: usize = 16;

/// Whether a stack begins with the import of `site` by nobody: `init_import_site` of Python/pylifecycle.c at v3.8.18 to
/// v3.14.0, and `initsite` before. A program that imports it again has a frame of its own further out.
fn imports_site(outermost: &[Frame]) -> bool {
    let is_import = |frame: &&Frame| frame.code.file.starts_with("<frozen importlib.");
    let Some(first) = outermost.iter().find(|frame| !is_import(frame)) else { return false };
    let name = first.code.file.rsplit('/').next();
    outermost.first().is_some_and(|frame| is_import(&frame))
        && first.code.name == "<module>"
        && (name == Some("site.py") || name == Some("<frozen site>"))
}

/// Whether the outermost frame is the function that waits for threads at the end.
fn waits_for_threads(outermost: &[Frame]) -> bool {
    outermost.first().is_some_and(|frame| {
        frame.code.name == "_shutdown" && frame.code.file.rsplit('/').next() == Some("threading.py")
    })
}
