//! `collections.deque` objects.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, DequeObject};
use crate::objects::sequence::{self, Elements};
use crate::runtime::python::Python;

/// Reads the elements of a deque from the left, at most `limit`; the number of blocks is bounded by that of the elements.
///
/// The caller knows that it is a deque.
///
/// # Errors
/// When the header is not there, or the build's layout has no deque.
pub(crate) fn elements(
    python: &Python<'_>,
    deque: Ptr<DequeObject>,
    limit: usize,
) -> Result<Elements, ReadError> {
    let layout = python.layout();
    let word = python.space().target().word_size as u64;
    let capacity =
        (layout.offset(member::DEQUE_BLOCK_RIGHT)? - layout.offset(member::DEQUE_BLOCK_DATA)?) / word;
    let mut found = Elements { len: sequence::len(python, deque.cast())?, ..Elements::default() };
    let wanted = found.len.min(limit as u64) as usize;
    let mut block = python.read(deque, member::DEQUE_LEFT_BLOCK)?;
    let mut first =
        u64::try_from(python.read(deque, member::DEQUE_LEFT_INDEX)?).unwrap_or(capacity).min(capacity);
    let mut blocks = 0;
    while let Some(at) = block
        && found.items.len() < wanted
    {
        let start = python.address_of(at, member::DEQUE_BLOCK_DATA)?.wrapping_add(first * word);
        let part = sequence::pointers(python, start, capacity - first, wanted - found.items.len());
        found.items.extend(part.items);
        if let Some(error) = part.fault {
            found.fault = Some(error);
            break;
        }
        first = 0;
        blocks += 1;
        // Only the first block may be left without elements.
        if blocks > wanted + 1 {
            break;
        }
        block = python.read(at, member::DEQUE_BLOCK_RIGHT)?;
    }
    Ok(found)
}
