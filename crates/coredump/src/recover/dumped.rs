//! The writable memory that a core still holds, page by page.

use crate::address::Address;
use crate::elf::parse::Core;
use crate::memory::Target;

/// Bytes of a page.
pub(super) const PAGE: usize = 4096;

/// A page that is not all zero.
#[derive(Clone, Copy)]
pub(super) struct Page<'d> {
    /// Its first address.
    pub(super) address: Address,
    /// Its bytes.
    pub(super) bytes: &'d [u8],
    /// Its bytes and those that follow in the same segment.
    pub(super) onward: &'d [u8],
}

/// Pages of writable memory by rising address; holes of the file and pages that hold only zeros are left out.
pub(super) fn pages<'c>(core: &'c Core<'_>) -> impl Iterator<Item = Page<'c>> {
    let segments = core.segments().iter().filter(|segment| segment.writable && segment.present > 0);
    segments.flat_map(|segment| core.pieces(segment)).flat_map(|(start, whole)| {
        whole.chunks(PAGE).enumerate().filter(|(_, bytes)| !is_zero(bytes)).map(move |(index, bytes)| {
            let within = index * PAGE;
            let onward = whole.get(within..).unwrap_or_default();
            Page { address: start.wrapping_add(within as u64), bytes, onward }
        })
    })
}

/// Most pages that are not zero show it in their first words.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(64).all(|line| line.iter().fold(0, |seen, byte| seen | byte) == 0)
}

/// The word at `offset` of `bytes`.
pub(super) fn word_at(target: Target, bytes: &[u8], offset: usize) -> Option<u64> {
    let bytes: [u8; 8] = bytes.get(offset..)?.first_chunk().copied()?;
    Some(if target.little_endian { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
}

/// The words of a page with their offsets in it.
pub(super) fn words(target: Target, bytes: &[u8]) -> impl Iterator<Item = (usize, u64)> + '_ {
    bytes.chunks_exact(8).enumerate().map(move |(index, word)| {
        let word: [u8; 8] = word.first_chunk().copied().unwrap_or_default();
        (index * 8, if target.little_endian { u64::from_le_bytes(word) } else { u64::from_be_bytes(word) })
    })
}
