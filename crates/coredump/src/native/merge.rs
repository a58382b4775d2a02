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
/// `is_cut` says that outer native frames are missing. `search` gives the runs with a place on the stack for each, when nothing better is known.
pub(crate) fn merge(
    natives: &[NativeFrameShape],
    runs: &[Activation],
    is_cut: bool,
    search: impl FnOnce() -> Option<Vec<Activation>>,
) -> (Vec<Item>, MergedBy) {
    let (places, merged_by) = by_address(natives, runs)
        .map(|places| (places, MergedBy::EntryFrames))
        .or_else(|| Some((by_count(natives, runs, is_cut)?, MergedBy::EvaluationFrames)))
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

/// The n-th native frame of the interpreter's loop: when there are as many as runs, or when only outer ones can be
/// missing.
fn by_count(natives: &[NativeFrameShape], runs: &[Activation], is_cut: bool) -> Option<Vec<usize>> {
    if natives.iter().any(|native| native.is_scanned) {
        return None;
    }
    let mut places: Vec<usize> = natives
        .iter()
        .enumerate()
        .filter_map(|(index, native)| native.is_evaluation.then_some(index))
        .collect();
    let is_innermost = places.first() == Some(&0);
    // A run that has just begun, or is about to end, has no Python frame.
    if places.len() == runs.len() + 1 && is_innermost {
        places.remove(0);
    }
    if places.is_empty() {
        return None;
    }
    if is_cut && places.len() < runs.len() && !is_innermost {
        places.resize(runs.len(), natives.len());
    }
    (places.len() == runs.len()).then_some(places)
}

#[cfg(test)]
mod tests {
    use super::{Item, MergedBy, NativeFrameShape, merge};
    use crate::address::Address;
    use crate::runtime::activations::Activation;

    /// Native frames as a word: `.` any, `e` the loop, `s` found by search; 16 bytes of stack each, from 0x1000 on.
    fn natives(word: &str) -> Vec<NativeFrameShape> {
        let shape = |(index, letter): (usize, char)| NativeFrameShape {
            stack_pointer: Address(0x1000 + 16 * index as u64),
            is_evaluation: letter.eq_ignore_ascii_case(&'e'),
            is_scanned: letter == 's' || letter == 'E',
        };
        word.chars().enumerate().map(shape).collect()
    }

    fn runs(runs: &[(usize, Option<u64>)]) -> Vec<Activation> {
        runs.iter().map(|&(frames, at)| Activation { frames, at: at.map(Address), frame: None }).collect()
    }

    /// The order as a word: native frames as given, Python frames by number.
    fn order(word: &str, run_list: &[(usize, Option<u64>)], is_cut: bool) -> (String, MergedBy) {
        let (items, merged_by) = merge(&natives(word), &runs(run_list), is_cut, || None);
        let letter = |item: Item| match item {
            Item::Python(index) => char::from_digit(index as u32, 10),
            Item::Native(index) => word.chars().nth(index),
        };
        (items.into_iter().filter_map(letter).collect(), merged_by)
    }

    /// Number of Python frames, and where the structure of the run lies.
    type Run = (usize, Option<u64>);

    #[test]
    fn runs_stand_in_front_of_the_frame_that_holds_their_structure() {
        let cases: [(&str, &[Run], &str); 6] = [
            (".e.e.", &[(2, Some(0x1018)), (1, Some(0x1038))], ".01e.2e."),
            // The frame at the end of the chain lies in the thread state.
            (".e.", &[(1, Some(0x1010)), (0, Some(0x9000))], ".0e."),
            // A run that was entered but has no Python frame yet.
            ("e.e.", &[(0, Some(0x1008)), (1, Some(0x1028))], "e.0e."),
            // The structure lies in what a search took for another frame.
            (".Ess.", &[(1, Some(0x1038))], ".0Ess."),
            // The native frames break off: what is left lies further out.
            (".e.", &[(1, Some(0x1018)), (1, Some(0x1f00)), (1, Some(0x2f00))], ".0e.12"),
            // The Python frames break off.
            (".e..", &[(1, Some(0x1018)), (1, None)], ".0e..1"),
        ];
        for (word, run_list, expected) in cases {
            assert_eq!(order(word, run_list, false), (expected.to_owned(), MergedBy::EntryFrames), "{word}");
        }
    }

    #[test]
    fn without_structures_loops_are_counted() {
        let one = (1, None);
        let cases: [(&str, &[Run], bool, &str, MergedBy); 6] = [
            (".e.e.", &[one, one], false, ".0e.1e.", MergedBy::EvaluationFrames),
            ("e.e.", &[one], false, "e.0e.", MergedBy::EvaluationFrames),
            (".e.", &[one, one], true, ".0e.1", MergedBy::EvaluationFrames),
            (".e.", &[one, one], false, ".e.01", MergedBy::Unknown),
            ("e..", &[one, one], true, "e..01", MergedBy::Unknown),
            ("...", &[one], false, "...0", MergedBy::Unknown),
        ];
        for (word, run_list, is_cut, expected, merged_by) in cases {
            assert_eq!(
                order(word, run_list, is_cut),
                (expected.to_owned(), merged_by),
                "{word} {run_list:?}"
            );
        }
    }
}
