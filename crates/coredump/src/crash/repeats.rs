//! The return address that stands most often on the innermost part of a stack that ran over: what called itself.

use rustc_hash::FxHashMap;

use crate::address::Address;
use crate::crash::registers::Registers;
use crate::elf::parse::Machine;
use crate::native::modules::Modules;
use crate::native::unwind::NativeFrame;
use crate::native::{self, NativePlace, calls};
use crate::runtime::process::DeadProcess;
use crate::snapshot::document::FoundBy;

/// How much of the stack is looked at.
const REACH: u64 = 1 << 20;
/// An address is in a recursion when it stands there at least this often.
const LEAST: usize = 32;
/// No frame is smaller: return address and alignment of both machines' calling conventions.
const SMALLEST_FRAME: u64 = 16;
/// Most addresses that are compared.
const MOST_CANDIDATES: usize = 64;

/// A place in the code that calls itself, by way of others or not.
#[derive(Clone, Debug)]
pub(crate) struct Repeated {
    /// The place behind the call.
    pub(crate) place: NativePlace,
    /// How often it stands on the stack.
    pub(crate) times: usize,
    /// How many bytes of the stack were looked at.
    pub(crate) stack_bytes: u64,
    /// The distance that most neighbours have: one turn of the recursion.
    pub(crate) turn_bytes: u64,
    /// Whether the instruction before it is a call; `None` where the code is not there.
    pub(crate) is_after_call: Option<bool>,
}

/// Counts the words that point into code.
///
/// Tables of functions on the stack also repeat such words, but not as far apart as frames are, and not behind calls.
pub(crate) fn find(process: &DeadProcess<'_>, registers: &Registers) -> Option<Repeated> {
    let core = process.core();
    if !matches!(core.machine(), Machine::X86_64 | Machine::Aarch64) {
        return None;
    }
    // The last frame may reach below what is mapped.
    let top = registers.stack_pointer()?;
    let segment = core.segments().iter().find(|segment| segment.end() > top && segment.writable)?;
    let start = Address(segment.address.max(top).0.checked_next_multiple_of(8)?);
    let bytes = REACH.min(segment.end().0.saturating_sub(start.0));
    let space = process.space();
    let stack = space.bytes(start, bytes).ok()?;
    let mut places: FxHashMap<u64, Vec<u64>> = FxHashMap::default();
    for (index, word) in space.target().words(&stack).enumerate() {
        places.entry(word).or_default().push(index as u64 * space.target().word_size as u64);
    }
    let is_code = |address: u64| core.segment_at(Address(address)).is_some_and(|segment| segment.executable);
    let mut often: Vec<_> =
        places.into_iter().filter(|(word, places)| places.len() >= LEAST && is_code(*word)).collect();
    often.sort_by_key(|(word, places)| (std::cmp::Reverse(places.len()), *word));
    often.into_iter().take(MOST_CANDIDATES).find_map(|(word, places)| {
        let address = Address(word);
        let turn_bytes = turn(&places)?;
        let is_after_call = calls::is_after_call(process, address);
        (is_after_call != Some(false)).then(|| Repeated {
            place: place(process, address, top),
            times: places.len(),
            stack_bytes: bytes,
            turn_bytes,
            is_after_call,
        })
    })
}

/// The distance that at least half of the neighbours have, where it is one that frames can have.
fn turn(places: &[u64]) -> Option<u64> {
    let mut distances: FxHashMap<u64, usize> = FxHashMap::default();
    for (one, next) in places.iter().zip(places.iter().skip(1)) {
        *distances.entry(next - one).or_default() += 1;
    }
    let (distance, times) =
        distances.into_iter().max_by_key(|&(distance, times)| (times, std::cmp::Reverse(distance)))?;
    (distance >= SMALLEST_FRAME && times * 2 >= places.len() - 1).then_some(distance)
}

fn place(process: &DeadProcess<'_>, address: Address, stack_pointer: Address) -> NativePlace {
    let frame = NativeFrame {
        pc: address,
        is_return_address: true,
        stack_pointer,
        found_by: FoundBy::Scan,
        signal: None,
    };
    native::place(&Modules::of(process), &frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_of_a_recursion() {
        let check = |places: &[u64], expected| assert_eq!(turn(places), expected, "{places:?}");
        let every = |distance: u64| (0..40).map(|index| index * distance).collect::<Vec<_>>();
        check(&every(320), Some(320));
        check(&every(16), Some(16));
        // A table of functions.
        check(&every(8), None);
        check(&[0, 100, 300, 600, 1000], None);
        check(&[0, 304, 608, 720, 1024], Some(304));
        check(&[8], None);
        check(&[], None);
    }
}
