//! Whether an interpreter was starting, running or shutting down.

use crate::layout::member;
use crate::runtime::attach::PythonRuntime;

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
    if waits_for_threads(runtime) {
        let because =
            "its main thread runs threading._shutdown, which Python calls when the program has ended";
        return Some((Phase::Finalizing, because.to_owned()));
    }
    finalizing.ok().map(|_| (Phase::Running, "_PyRuntime's _finalizing is not set".to_owned()))
}

/// Whether the outermost frame of a thread is the function that waits for threads at the end.
fn waits_for_threads(runtime: &PythonRuntime<'_>) -> bool {
    let Some(&main) = runtime.interpreters().last() else { return false };
    let (threads, _) = runtime.threads(main);
    // The main thread is the oldest one, which stands at the end of the list.
    let Some(oldest) = threads.last() else { return false };
    let stack = runtime.stack(oldest.state);
    stack.frames.last().is_some_and(|frame| {
        frame.code.name == "_shutdown" && frame.code.file.rsplit('/').next() == Some("threading.py")
    })
}
