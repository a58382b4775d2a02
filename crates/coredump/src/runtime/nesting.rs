//! Thread states that one native thread runs on top of each other.
//!
//! A thread that runs a subinterpreter has a thread state in each interpreter it went through
//! (`Py_NewInterpreter()`, `interpreters.run_string()`): each has frames of its own, and only the C stack tells
//! which lie on top of which. Every run of the interpreter's loop leaves a structure in its native frame
//! ([`activations`]); up to 3.9, where it leaves none, the addresses of the frame objects on the stack do instead.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::Address;
use crate::elf::notes::ThreadStatus;
use crate::elf::parse::Core;
use crate::runtime::activations::{self, Activation};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::Stack;
use crate::runtime::native_threads::{stack_pointer, thread_pointer};
use crate::runtime::threads::Thread;

/// Thread states of one native thread of which it is asked whether a fork left them behind.
const MAX_DOUBTFUL: usize = 64;

/// One thread state of a native thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer<'s> {
    /// The thread state and what it says.
    pub(crate) thread: &'s Thread,
    /// Its frames.
    pub(crate) stack: &'s Stack,
    /// It holds the GIL of its interpreter.
    pub(crate) holds_gil: bool,
}

/// All that a native thread runs in Python.
#[derive(Clone, Debug, Default)]
pub(crate) struct NestedStack {
    /// The native thread; `None` for a thread state of no thread that is in the core.
    pub(crate) tid: Option<u64>,
    /// Indices of its thread states among those given: the one with the innermost frames first.
    pub(crate) layers: Vec<usize>,
    /// Runs of the interpreter's loop, innermost first, each with the index of its thread state.
    pub(crate) runs: Vec<(usize, Activation)>,
    /// The thread state's thread is not in the core: what it names belongs to another one by now.
    pub(crate) gone: bool,
    /// Whether the order of the layers is known rather than assumed.
    pub(crate) order_known: bool,
}

impl NestedStack {
    /// Frames innermost first: the index of their thread state, and their place in its stack.
    pub(crate) fn frames(&self) -> Vec<(usize, usize)> {
        let mut taken: FxHashMap<usize, usize> = FxHashMap::default();
        let mut frames = Vec::new();
        for (layer, run) in &self.runs {
            let next = taken.entry(*layer).or_default();
            frames.extend((*next..*next + run.frames).map(|index| (*layer, index)));
            *next += run.frames;
        }
        frames
    }

    /// The runs without their thread states.
    pub(crate) fn activations(&self) -> Vec<Activation> {
        self.runs.iter().map(|(_, run)| run.clone()).collect()
    }
}

/// All thread states by the native thread that runs them, in the order given.
///
/// A thread state of a subinterpreter names the thread that made it, but any other may run it (up to 3.12,
/// `_run_script_in_interpreter` of `Modules/_xxsubinterpretersmodule.c` at v3.11.7): where its innermost run lies
/// on the stack of another thread, that one runs it.
pub(crate) fn by_native_thread(runtime: &PythonRuntime<'_>, layers: &[Layer<'_>]) -> Vec<NestedStack> {
    let core = runtime.process().core();
    let statuses = &core.notes().threads;
    let several = runtime.interpreters().len() > 1;
    let mut groups: Vec<NestedStack> = Vec::new();
    let mut group_of: FxHashMap<u64, usize> = FxHashMap::default();
    for (index, layer) in layers.iter().enumerate() {
        let runner = if several { runner(runtime, layer) } else { None };
        let tid = runner.or(layer.thread.tid);
        let known = tid.and_then(|tid| group_of.get(&tid).copied());
        if let Some(group) = known.and_then(|index| groups.get_mut(index)) {
            group.layers.push(index);
        } else {
            if let Some(tid) = tid {
                group_of.insert(tid, groups.len());
            }
            groups.push(NestedStack { tid, layers: vec![index], ..NestedStack::default() });
        }
    }
    let left_behind: Vec<usize> =
        groups.iter_mut().flat_map(|group| take_left_behind(core, layers, group)).collect();
    groups.extend(left_behind.into_iter().map(|index| NestedStack {
        layers: vec![index],
        gone: true,
        ..NestedStack::default()
    }));
    for group in &mut groups {
        let status = statuses.iter().find(|status| Some(status.tid) == group.tid);
        order(runtime, status, layers, group);
    }
    groups
}

/// Takes thread states out of a group that another thread left behind in the parent of a `fork()`: of two that one
/// interpreter has for a thread and that both have frames, the one of which no frame is on the thread's stack.
///
/// From 3.11 on the native ids that they state tell them apart.
fn take_left_behind(core: &Core<'_>, layers: &[Layer<'_>], group: &mut NestedStack) -> Vec<usize> {
    let running: Vec<usize> = group
        .layers
        .iter()
        .copied()
        .filter(|&index| layers.get(index).is_some_and(|layer| !layer.stack.frames.is_empty()))
        .collect();
    let interpreter = |index: usize| layers.get(index).map(|layer| layer.thread.interpreter);
    let mut counts: FxHashMap<_, usize> = FxHashMap::default();
    for &index in &running {
        *counts.entry(interpreter(index)).or_default() += 1;
    }
    let is_one_of_two = |&index: &usize| counts.get(&interpreter(index)).is_some_and(|&count| count > 1);
    let doubtful: Vec<usize> = running.iter().copied().filter(is_one_of_two).take(MAX_DOUBTFUL).collect();
    let status = group.tid.and_then(|tid| core.notes().thread(tid));
    let (false, Some(status)) = (doubtful.is_empty(), status) else { return Vec::new() };
    let (seen, unseen): (Vec<usize>, Vec<usize>) = doubtful.into_iter().partition(|&index| {
        layers.get(index).is_some_and(|layer| is_any_frame_on(core, status, layer.stack))
    });
    if seen.is_empty() {
        return Vec::new();
    }
    group.layers.retain(|index| !unseen.contains(index));
    unseen
}

/// Whether the stack of a thread holds the address of any frame.
fn is_any_frame_on(core: &Core<'_>, status: &ThreadStatus, stack: &Stack) -> bool {
    let frames: FxHashSet<u64> = stack.frames.iter().map(|frame| frame.place.address().0).collect();
    stacks(core, status)
        .into_iter()
        .any(|(_, bytes)| core.target().words(bytes).any(|word| frames.contains(&word)))
}

/// The native thread on whose stack the innermost run of a thread state lies.
fn runner(runtime: &PythonRuntime<'_>, layer: &Layer<'_>) -> Option<u64> {
    let core = runtime.process().core();
    let runs = activations::of_thread(runtime.python(), layer.thread.state, layer.stack);
    let innermost = runs.iter().find(|run| run.frames > 0)?;
    let mut statuses = core.notes().threads.iter();
    let status = match innermost.at {
        Some(at) => statuses.find(|status| is_on_stack(core, status, at)),
        // The main interpreter's thread states are each used by the thread that made them.
        None if layer.thread.interpreter_id == 0 => None,
        None => statuses.take(MAX_SEARCHED_THREADS).find(|status| {
            let mut placed = runs.clone();
            place_by_frames(core, status, layer.stack, &mut placed);
            placed.iter().all(|run| run.at.is_some()) && is_rising(&placed)
        }),
    };
    status.map(|status| status.tid)
}

/// How many threads' stacks are searched for frame objects of a subinterpreter.
const MAX_SEARCHED_THREADS: usize = 64;

/// Puts the layers of one native thread in order.
fn order(
    runtime: &PythonRuntime<'_>,
    status: Option<&ThreadStatus>,
    layers: &[Layer<'_>],
    group: &mut NestedStack,
) {
    let layer = |index: usize| layers.get(index);
    // What has no frames takes no part; thread states are listed newest first, and the newest is mostly on top.
    group
        .layers
        .sort_by_key(|&index| layer(index).map(|layer| (layer.stack.frames.is_empty(), !layer.holds_gil)));
    let mut parts: Vec<(usize, Vec<Activation>)> = Vec::with_capacity(group.layers.len());
    for (index, layer) in group.layers.iter().filter_map(|&index| Some((index, layer(index)?))) {
        parts.push((index, activations::of_thread(runtime.python(), layer.thread.state, layer.stack)));
    }
    let running = parts.iter().filter(|(_, runs)| runs.iter().any(|run| run.frames > 0)).count();
    if running > 1 {
        if let Some(status) = status {
            for (index, runs) in &mut parts {
                let Some(layer) = layer(*index) else { continue };
                place_by_frames(runtime.process().core(), status, layer.stack, runs);
            }
        }
        // An entry that runs no frame tells no order, and the last one lies in the thread state (3.14+).
        for (_, runs) in &mut parts {
            runs.retain(|run| run.frames > 0);
        }
    }
    group.order_known = running <= 1 || parts.iter().all(|(_, runs)| is_rising(runs));
    group.runs = interleave(parts, running > 1 && group.order_known);
    let first_run = |index: usize| group.runs.iter().position(|&(of, _)| of == index).unwrap_or(usize::MAX);
    group.layers.sort_by_key(|&index| first_run(index));
}

/// Whether the places are known, and rise from the inner runs to the outer ones as the stack does. A last run
/// without a place is what is left of a chain that breaks off.
fn is_rising(runs: &[Activation]) -> bool {
    let known: Vec<Address> = runs.iter().map_while(|run| run.at).collect();
    known.len() + 1 >= runs.len()
        && (runs.is_empty() || !known.is_empty())
        && known.windows(2).all(|pair| matches!(pair, [inner, outer] if inner < outer))
}

/// Merges the runs of several layers by their places on the stack; layer after layer where these are not known.
fn interleave(layers: Vec<(usize, Vec<Activation>)>, by_place: bool) -> Vec<(usize, Activation)> {
    let mut merged: Vec<(usize, Activation)> = Vec::new();
    let mut rest: Vec<_> =
        layers.into_iter().map(|(layer, runs)| (layer, runs.into_iter().peekable())).collect();
    loop {
        let heads =
            rest.iter_mut().enumerate().filter_map(|(index, (_, runs))| Some((index, runs.peek()?.at)));
        // A run without a place stays with the one of its layer that came before.
        let next = if by_place {
            heads.min_by_key(|&(_, at)| at.unwrap_or_default())
        } else {
            heads.min_by_key(|&(index, _)| index)
        };
        let Some((layer, runs)) = next.and_then(|(index, _)| rest.get_mut(index)) else { return merged };
        merged.extend(runs.next().map(|run| (*layer, run)));
    }
}

/// How much of a stack is searched for frame objects.
const MAX_STACK: usize = 64 << 20;

/// Gives runs without a place (up to 3.9) the highest address on the stack that holds a pointer at their frame:
/// that is in the native frame of the run, or of the function that called it, which made the frame object.
fn place_by_frames(core: &Core<'_>, status: &ThreadStatus, stack: &Stack, runs: &mut [Activation]) {
    if runs.iter().any(|run| run.at.is_some() || run.frames != 1) || runs.len() != stack.frames.len() {
        return;
    }
    let frames: FxHashMap<u64, usize> =
        stack.frames.iter().enumerate().map(|(index, frame)| (frame.place.address().0, index)).collect();
    let word_size = core.target().word_size;
    for (start, bytes) in stacks(core, status) {
        for (index, word) in core.target().words(bytes).enumerate() {
            if let Some(run) = frames.get(&word).and_then(|&frame| runs.get_mut(frame)) {
                run.at = Some(start.wrapping_add((index * word_size) as u64));
            }
        }
    }
}

/// What the core holds of a thread's stack, from the stack pointer on: the mapping that the stack pointer points
/// into and, when that is the stack of a signal handler, the one that holds the thread's control block.
fn stacks<'d>(core: &Core<'d>, status: &ThreadStatus) -> Vec<(Address, &'d [u8])> {
    let pointer = stack_pointer(core.machine(), status);
    let block = thread_pointer(core.machine(), status).map(Address);
    let mut found: Vec<(Address, &[u8])> = Vec::new();
    for address in [pointer, block].into_iter().flatten() {
        let Some(segment) = core.segment_at(address).filter(|segment| segment.writable) else { continue };
        if found.iter().any(|&(start, _)| segment.address <= start && start < segment.end()) {
            continue;
        }
        let from = pointer.filter(|pointer| segment.address <= *pointer && *pointer < segment.end());
        let from = from.unwrap_or(segment.address).0 & !(core.target().word_size as u64 - 1);
        let skip = usize::try_from(from.saturating_sub(segment.address.0)).unwrap_or(usize::MAX);
        let bytes = core.segment_bytes(segment).get(skip..).unwrap_or_default();
        found.push((Address(from), bytes.get(..bytes.len().min(MAX_STACK)).unwrap_or_default()));
    }
    found
}

/// Whether `at` lies on the stack of a thread.
fn is_on_stack(core: &Core<'_>, status: &ThreadStatus, at: Address) -> bool {
    let pointers =
        [stack_pointer(core.machine(), status), thread_pointer(core.machine(), status).map(Address)];
    let segment = core.segment_at(at).filter(|segment| segment.writable);
    segment.is_some_and(|segment| {
        pointers.into_iter().flatten().any(|pointer| segment.address <= pointer && pointer < segment.end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(frames: usize, at: Option<u64>) -> Activation {
        Activation { frames, at: at.map(Address), frame: None }
    }

    #[test]
    fn runs_interleave_by_their_places() {
        let check = |layers: &[&[(usize, Option<u64>)]], expected: &[(usize, usize)]| {
            let layers: Vec<(usize, Vec<Activation>)> = layers
                .iter()
                .map(|runs| runs.iter().map(|&(frames, at)| run(frames, at)).collect())
                .enumerate()
                .collect();
            let known = layers.iter().all(|(_, runs)| is_rising(runs));
            let merged = interleave(layers, known);
            let found: Vec<_> = merged.iter().map(|(layer, run)| (*layer, run.frames)).collect();
            assert_eq!(found, expected);
        };
        // A subinterpreter on top of the main one, listed after it.
        check(&[&[(2, Some(900)), (3, Some(1000))], &[(1, Some(100))]], &[(1, 1), (0, 2), (0, 3)]);
        // The main interpreter called back by the subinterpreter.
        check(&[&[(2, Some(50)), (3, Some(1000))], &[(1, Some(100))]], &[(0, 2), (1, 1), (0, 3)]);
        // What is left of a broken chain stays with its own.
        check(&[&[(2, Some(50)), (3, None)], &[(1, Some(100))]], &[(0, 2), (0, 3), (1, 1)]);
        // Without places the layers stay apart.
        check(&[&[(2, None)], &[(1, Some(100))]], &[(0, 2), (1, 1)]);
        check(&[&[(2, Some(70)), (3, Some(60))], &[(1, Some(10))]], &[(0, 2), (0, 3), (1, 1)]);
    }
}
