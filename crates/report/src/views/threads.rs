//! Threads of a core, equal stacks folded.

use std::collections::BTreeMap;

use crate::Incident;
use crate::sections::{PythonFrame, Thread};

/// The thread that crashed; without a mark, the one that the crash names.
pub(crate) fn crashed(incident: &Incident) -> Option<&Thread> {
    let core = incident.core.as_ref()?;
    let named = core.crash.as_ref().and_then(|crash| crash.tid);
    let marked = core.threads.iter().find(|thread| thread.crashed);
    marked.or_else(|| core.threads.iter().find(|thread| named.is_some() && thread.tid == named))
}

/// Whether a frame's file is of the standard library or of an installed package, by its path.
pub(crate) fn is_library(file: Option<&str>) -> bool {
    const PLACES: [&str; 3] = ["/lib/python3", "/site-packages/", "/dist-packages/"];
    file.is_some_and(|file| file.starts_with('<') || PLACES.iter().any(|place| file.contains(place)))
}

/// The frames without those of a signal's handler that ran in the midst of a wait; innermost first.
pub(crate) fn interrupted(thread: &Thread) -> Option<&[PythonFrame]> {
    let frames = &thread.python_frames;
    if !thread.waiting_on.as_ref().is_some_and(|waiting| waiting.interrupted) {
        return None;
    }
    let handler = frames.iter().position(|frame| frame.handles_signal.is_some());
    // The wait itself is a call of a lock's or condition's method.
    let is_wait = |frame: &PythonFrame| {
        let call = frame.c_call.as_ref().and_then(|call| call.name.as_deref());
        call.is_some_and(|name| name.starts_with("_thread."))
    };
    let below = match handler {
        Some(handler) => handler + 1,
        None => frames.iter().position(is_wait).filter(|at| *at > 0)?,
    };
    frames.get(below..).filter(|frames| !frames.is_empty())
}

/// The innermost frame that is the program's own, else the innermost one; where a signal's handler interrupted a wait,
/// of those that waited.
pub(crate) fn own_frame(thread: &Thread) -> Option<&PythonFrame> {
    let frames = interrupted(thread).unwrap_or(&thread.python_frames);
    frames.iter().find(|frame| !is_library(frame.file.as_deref())).or_else(|| frames.first())
}

/// `function file:line` of a Python frame.
pub(crate) fn frame_line(frame: &PythonFrame) -> String {
    let function = frame.qualname.as_deref().or(frame.function.as_deref()).unwrap_or("?");
    let file = frame.file.as_deref().unwrap_or("unknown file");
    frame.line.map_or_else(|| format!("{function} {file}:?"), |line| format!("{function} {file}:{line}"))
}

/// Threads with equal stacks, native frames included, in the order of their first.
pub(crate) fn groups<'a>(threads: &[&'a Thread]) -> Vec<Vec<&'a Thread>> {
    let mut groups: Vec<Vec<&Thread>> = Vec::new();
    let mut known = BTreeMap::new();
    for thread in threads {
        let native = thread.native_frames.iter().map(|frame| (frame.function.clone(), frame.offset.clone()));
        let key: (Vec<String>, Vec<_>) =
            (thread.python_frames.iter().map(frame_line).collect(), native.collect());
        let index = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.push(thread),
            None => groups.push(vec![thread]),
        }
    }
    groups
}
