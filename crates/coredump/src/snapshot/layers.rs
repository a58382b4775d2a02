//! Thread states of one native thread as one thread.

use pycoroner_findings::{Gap, GapKind};

use crate::runtime::nesting::NestedStack;
use crate::snapshot::document::{FrameSection, ThreadSection};

/// Joins the sections of thread states that one native thread runs; `sections` are in the order in which the
/// layers were given.
pub(super) fn join(
    sections: Vec<ThreadSection>,
    nested: &[NestedStack],
    gaps: &mut Vec<Gap>,
) -> Vec<ThreadSection> {
    let mut sections: Vec<Option<ThreadSection>> = sections.into_iter().map(Some).collect();
    let mut joined = Vec::with_capacity(nested.len());
    for stack in nested {
        let frames = interleave(&mut sections, stack);
        let mut layers = stack.layers.iter().filter_map(|&index| sections.get_mut(index)?.take());
        let Some(mut thread) = layers.next() else { continue };
        for layer in layers {
            // The outermost frames say why there are no more, and the thread got its name where it began.
            if !layer.thread_states.iter().all(|state| state.frames == 0) {
                thread.stopped_because = layer.stopped_because;
                thread.name = layer.name.clone().or(thread.name);
            }
            add(&mut thread, layer);
        }
        thread.python_frames = frames;
        if !stack.order_known {
            let who = thread.name.clone().or(thread.tid.map(|tid| format!("thread {tid}")));
            gaps.push(Gap::new(
                GapKind::Unknown,
                format!("which interpreter's frames of {} lie on top", who.unwrap_or_default()),
                "several interpreters run on it, and nothing on its stack tells their order; the one that holds the GIL comes first, else the newest",
            ));
        }
        joined.push(thread);
    }
    joined
}

/// The frames of all layers in their order.
fn interleave(sections: &mut [Option<ThreadSection>], stack: &NestedStack) -> Vec<FrameSection> {
    if let [only] = stack.layers.as_slice() {
        let section = sections.get_mut(*only).and_then(Option::as_mut);
        return section.map(|section| std::mem::take(&mut section.python_frames)).unwrap_or_default();
    }
    let frames = stack.frames();
    let frames = frames.into_iter().filter_map(|(layer, index)| {
        let section = sections.get_mut(layer)?.as_mut()?;
        section.python_frames.get_mut(index).map(std::mem::take)
    });
    frames.collect()
}

/// Whether one of two layers says so; none when neither says anything.
fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (None, None) => None,
        (one, other) => Some(one == Some(true) || other == Some(true)),
    }
}

/// Adds what a layer further out says.
fn add(thread: &mut ThreadSection, layer: ThreadSection) {
    thread.name = thread.name.take().or(layer.name);
    thread.thread_states.extend(layer.thread_states);
    thread.crashed |= layer.crashed;
    thread.collecting_garbage = either(thread.collecting_garbage, layer.collecting_garbage);
    thread.holds_gil = either(thread.holds_gil, layer.holds_gil);
    thread.state = thread.state.take().or(layer.state);
    thread.waiting_on = thread.waiting_on.take().or(layer.waiting_on);
    thread.exceptions.extend(layer.exceptions);
    thread.thread_locals.extend(layer.thread_locals);
    thread.context_vars.extend(layer.context_vars);
}
