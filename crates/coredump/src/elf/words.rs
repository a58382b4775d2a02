//! Single words of what a core holds, looked up fast: for passes over all of its memory.

use std::cell::Cell;

use crate::address::Address;
use crate::elf::parse::Core;
use crate::memory::Target;

/// The memory that the core file itself holds, as words.
///
/// A scan asks for millions of words that mostly lie in few segments, so the one that answered last is tried first.
/// What the core left out, and what module files would add, is not there.
#[derive(Debug)]
pub(crate) struct DumpedWords<'d> {
    /// Start and bytes of each segment that the file holds something of, by rising address.
    parts: Vec<(u64, &'d [u8])>,
    last: Cell<usize>,
    lowest: u64,
    highest: u64,
    target: Target,
}

impl<'d> DumpedWords<'d> {
    pub(crate) fn of(core: &Core<'d>) -> Self {
        let segments = core.segments().iter().filter(|segment| segment.present > 0);
        let parts: Vec<_> =
            segments.map(|segment| (segment.address.0, core.segment_bytes(segment))).collect();
        let lowest = parts.first().map_or(u64::MAX, |&(start, _)| start);
        let highest = parts.last().map_or(0, |&(start, bytes)| start.saturating_add(bytes.len() as u64));
        Self { parts, last: Cell::new(0), lowest, highest, target: core.target() }
    }

    /// Whether the number may be the address of a structure in this memory: most words are told by this alone.
    pub(crate) fn may_point(&self, word: u64) -> bool {
        word.is_multiple_of(8) && word >= self.lowest.max(4096) && word < self.highest
    }

    /// The number format.
    pub(crate) fn target(&self) -> Target {
        self.target
    }

    /// The word at `address`.
    pub(crate) fn word(&self, address: Address) -> Option<u64> {
        self.from(address)?.first_chunk().map(|bytes| {
            if self.target.little_endian { u64::from_le_bytes(*bytes) } else { u64::from_be_bytes(*bytes) }
        })
    }

    /// The bytes from `address` to the end of its segment.
    pub(crate) fn from(&self, address: Address) -> Option<&'d [u8]> {
        let within = |&(start, bytes): &(u64, &'d [u8])| {
            let offset = address.0.checked_sub(start)?;
            bytes.get(usize::try_from(offset).ok()?..).filter(|rest| !rest.is_empty())
        };
        if let Some(rest) = self.parts.get(self.last.get()).and_then(within) {
            return Some(rest);
        }
        let after = self.parts.partition_point(|&(start, _)| start <= address.0);
        let index = after.checked_sub(1)?;
        let rest = self.parts.get(index).and_then(within)?;
        self.last.set(index);
        Some(rest)
    }
}
