//! Python frames among native ones: each run of the interpreter's loop is one native frame that runs some of the
//! Python frames.

use crate::address::Address;
use crate::runtime::activations::Activation;

/// What merging needs of a native frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NativeFrameShape {
    /// Its lowest address on the stack.
    pub(crate) stack_pointer: Address,
    /// It runs the interpreter's loop, by its name.
    pub(crate) is_evaluation: bool,
    /// It was found by searching the stack, so it may be left over from an earlier call.
    pub(crate) is_scanned: bool,
}

/// An item of the merged stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Python(usize),
    Native(usize),
}

/// How it is known where the Python frames belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MergedBy {
    /// Each run left a structure in its native frame.
    EntryFrames,
    /// The native frames of the interpreter's loop were counted, and there are as many as runs.
    EvaluationFrames,
    /// The stack was searched for the addresses of the Python frames: more or less right.
    StackSearch,
    /// Not at all: the Python frames stand behind the native ones.
    Unknown,
}

/// Puts native frames and Python frames, both innermost first, into one order.
///
/// The Python frames of a run stand right in front of its native frame, which runs them.
/// `search` gives the runs with a place on the stack for each, when nothing better is known.
pub(crate) fn merge(
    natives: &[NativeFrameShape],
    runs: &[Activation],
    search: impl FnOnce() -> Option<Vec<Activation>>,
) -> (Vec<Item>, MergedBy) {
    let (places, merged_by) = by_address(natives, runs)
        .map(|places| (places, MergedBy::EntryFrames))
        .or_else(|| Some((by_count(natives, runs)?, MergedBy::EvaluationFrames)))
        .or_else(|| Some((by_address(natives, &search()?)?, MergedBy::StackSearch)))
        .unwrap_or_else(|| (vec![natives.len(); runs.len()], MergedBy::Unknown));
    let mut items = Vec::with_capacity(natives.len() + runs.len());
    let (mut next_native, mut next_python) = (0, 0);
    for (run, place) in runs.iter().zip(places) {
        items.extend((next_native..place).map(Item::Native));
        next_native = next_native.max(place);
        items.extend((next_python..next_python + run.frames).map(Item::Python));
        next_python += run.frames;
    }
    items.extend((next_native..natives.len()).map(Item::Native));
    (items, merged_by)
}

/// The native frame that each run's structure lies in; the frame's end is where the next one begins.
fn by_address(natives: &[NativeFrameShape], runs: &[Activation]) -> Option<Vec<usize>> {
    let mut places = Vec::with_capacity(runs.len());
    let mut from = 0;
    for (index, run) in runs.iter().enumerate() {
        // A last run without a structure is what is left of a chain that breaks off.
        let Some(at) = run.at else {
            let is_last = index > 0 && index + 1 == runs.len();
            if !is_last {
                return None;
            }
            places.push(natives.len());
            continue;
        };
        let rest = natives.get(from..)?;
        let holds = |pair: &[NativeFrameShape]| match pair {
            [frame, next] => frame.stack_pointer <= at && at < next.stack_pointer,
            _ => false,
        };
        let place = match rest.windows(2).position(holds) {
            Some(within) => evaluation_before(natives, from, from + within),
            // The outermost native frame has no end that is known.
            None => match rest.last() {
                Some(last) if last.stack_pointer <= at && last.is_evaluation => natives.len() - 1,
                Some(last) if last.stack_pointer <= at => natives.len(),
                // Not on this stack: the frame at the end of the chain lies in the thread state (3.14+).
                _ if run.frames == 0 || (rest.is_empty() && index > 0) => natives.len(),
                _ => return None,
            },
        };
        places.push(place);
        from = place.min(natives.len());
    }
    Some(places)
}

/// What a search finds within the native frame of a run makes it look like several; its true one has the name.
fn evaluation_before(natives: &[NativeFrameShape], from: usize, place: usize) -> usize {
    let is = |index: &usize, test: fn(&NativeFrameShape) -> bool| natives.get(*index).is_some_and(test);
    let scanned = (from..=place).rev().take_while(|index| is(index, |native| native.is_scanned));
    let mut candidates = scanned.chain([place]);
    candidates.find(|index| is(index, |native| native.is_evaluation)).unwrap_or(place)
}

/// The n-th native frame of the interpreter's loop, when there are as many as runs.
fn by_count(natives: &[NativeFrameShape], runs: &[Activation]) -> Option<Vec<usize>> {
    let mut places: Vec<usize> = natives
        .iter()
        .enumerate()
        .filter_map(|(index, native)| native.is_evaluation.then_some(index))
        .collect();
    // A run that has just begun, or is about to end, has no Python frame.
    if places.len() == runs.len() + 1 && places.first() == Some(&0) {
        places.remove(0);
    }
    (!places.is_empty() && places.len() == runs.len()).then_some(places)
}
