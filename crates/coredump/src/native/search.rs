//! Python frames on the C stack, where no structure of the interpreter's loop lies there (3.8, 3.9).

use rustc_hash::FxHashMap;

use crate::address::Address;
use crate::native::merge::NativeFrameShape;
use crate::runtime::activations::Activation;
use crate::runtime::process::DeadProcess;

/// Bytes of stack that are searched: the default size of a stack.
const MOST_BYTES: usize = 8 << 20;

/// The runs with the place where the address of each one's frame stands on the stack, the outermost where there
/// are several.
///
/// The interpreter's loop and its caller keep that address. Words that inner calls left behind lie further in, so
/// the outermost one within the next outer run's is the best guess.
pub(crate) fn places(
    process: &DeadProcess<'_>,
    natives: &[NativeFrameShape],
    runs: &[Activation],
) -> Option<Vec<Activation>> {
    let core = process.core();
    let innermost = natives.iter().map(|native| native.stack_pointer).min()?;
    let start = Address(innermost.0.checked_next_multiple_of(8)?);
    let segment = core.segment_at(start)?;
    let bytes = core.segment_bytes(segment).get(usize::try_from(start.0 - segment.address.0).ok()?..)?;
    let bytes = bytes.get(..bytes.len().min(MOST_BYTES))?;
    let mut found: FxHashMap<u64, Vec<Address>> =
        runs.iter().filter_map(|run| Some((run.frame?.0, Vec::new()))).collect();
    let mut at = start;
    for word in core.target().words(bytes) {
        if let Some(places) = found.get_mut(&word) {
            places.push(at);
        }
        at = at.checked_add(8)?;
    }
    let mut bound = Address(u64::MAX);
    let mut placed = runs.to_vec();
    for run in placed.iter_mut().rev() {
        let mut places = found.get(&run.frame?.0)?.iter().rev();
        bound = *places.find(|place| **place < bound)?;
        run.at = Some(bound);
    }
    Some(placed)
}
