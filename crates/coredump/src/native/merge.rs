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
    /// Not at all: the Python frames stand behind the native ones.
    Unknown,
}

/// Puts native frames and Python frames, both innermost first, into one order.
///
/// The Python frames of a run stand right in front of its native frame, which runs them.
pub(crate) fn merge(natives: &[NativeFrameShape], runs: &[Activation]) -> (Vec<Item>, MergedBy) {
    let (places, merged_by) = match by_address(natives, runs) {
        Some(places) => (places, MergedBy::EntryFrames),
        None => match by_count(natives, runs) {
            Some(places) => (places, MergedBy::EvaluationFrames),
            None => (vec![natives.len(); runs.len()], MergedBy::Unknown),
        },
    };
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
            Some(within) => from + within,
            // The outermost native frame has no end that is known, and further out nothing is.
            None => match rest.last() {
                Some(last) if last.stack_pointer <= at => natives.len() - 1,
                // Not on this stack: the frame at the end of the chain lies in the thread state (3.14+).
                _ if run.frames == 0 => natives.len(),
                _ => return None,
            },
        };
        places.push(place);
        from = place.min(natives.len());
    }
    Some(places)
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
