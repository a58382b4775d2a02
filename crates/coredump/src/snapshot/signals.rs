//! What Python code had set for signals, in a snapshot.

use pycoroner_findings::{Gap, GapKind};

use crate::crash::signals;
use crate::objects::repr::{Objects, c_callable, python_function};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::signal_handlers::{Action, HandlerCodes, SignalHandler, SignalHandlers};
use crate::snapshot::document::{SignalHandlerSection, SignalHandlersSection, ThreadSection};
use crate::waits::Walked;

/// Signals that the C library keeps for itself (signal(7)): nobody can ask what is set for them.
const RESERVED: std::ops::RangeInclusive<u32> = 32..=34;

/// The table of a runtime.
pub(super) fn section(runtime: &PythonRuntime<'_>, table: &SignalHandlers) -> SignalHandlersSection {
    let is_told = |entry: &&SignalHandler| match entry.action {
        Action::Default => entry.pending,
        Action::Native => !RESERVED.contains(&entry.signal),
        _ => true,
    };
    let told = table.entries.iter().filter(is_told);
    SignalHandlersSection {
        handlers: told.map(|entry| handler(runtime, entry)).collect(),
        found_by: "shape",
        address: table.address,
    }
}

/// What is said where the table is not found.
pub(super) fn unknown() -> Gap {
    let why =
        "the table of signal handlers is not in the core, or Python's signal module was never initialized";
    Gap::new(GapKind::Unknown, "which functions Python code had set for signals", why)
}

fn handler(runtime: &PythonRuntime<'_>, entry: &SignalHandler) -> SignalHandlerSection {
    let mut section = SignalHandlerSection {
        signal: entry.signal,
        signal_name: signals::name(entry.signal),
        pending: entry.pending,
        ..SignalHandlerSection::default()
    };
    let object = match entry.action {
        Action::Default => return SignalHandlerSection { action: "default", ..section },
        Action::Ignore => return SignalHandlerSection { action: "ignored", ..section },
        Action::Native => return SignalHandlerSection { action: "native", ..section },
        Action::Call(object) => object,
    };
    section.action = "python";
    let objects = Objects::new(runtime.python(), runtime.types());
    if let Some(function) = python_function(&objects, object) {
        if let Ok(code) = runtime.code(function.code) {
            section.function = Some(code.qualname.clone().unwrap_or_else(|| code.name.clone()));
            section.file = Some(code.file.clone());
            section.line = u32::try_from(code.first_line).ok();
        }
    } else {
        section.function = c_callable(&objects, object).map(|callable| callable.name);
    }
    section
}

/// Marks the frames that run because a signal came; only the main thread has such.
pub(super) fn mark(
    runtime: &PythonRuntime<'_>,
    table: &SignalHandlers,
    died_of: Option<u32>,
    walked: &[Walked],
    sections: &mut [ThreadSection],
) {
    let codes = HandlerCodes::of(runtime, table, died_of);
    for (one, section) in walked.iter().zip(sections) {
        let frames = &one.stack.frames;
        for (index, frame) in section.python_frames.iter_mut().enumerate() {
            let Some(own) = frames.get(index) else { break };
            frame.handles_signal = codes.signal_of(runtime, own, frames.get(index + 1));
        }
    }
}
