//! `set` and `frozenset` objects.

use std::ops::ControlFlow;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, Object, SetEntry, SetObject};
use crate::objects::sequence::Elements;
use crate::objects::unicode::bytes_as_far_as_there;
use crate::runtime::python::Python;

/// Slots of the table that are read at once.
const CHUNK: u64 = 128;
/// Largest table that is taken for one.
const MAX_MASK: u64 = 1 << 40;
/// Hash of a slot whose element was removed; no element has it.
const REMOVED: i64 = -1;

/// Reads the elements of a set, at most `limit`, in the order of its table, which is the order of iteration.
///
/// The caller knows that it is a set: no flag of a type tells.
///
/// # Errors
/// When the header is not there or contradicts itself.
pub fn elements(python: &Python<'_>, set: Ptr<SetObject>, limit: usize) -> Result<Elements, ReadError> {
    let len = python.read(set, member::SET_USED)?;
    let invalid = ReadError::Invalid { at: set.address(), what: "set of impossible size" };
    let mut found = Elements { len: u64::try_from(len).map_err(|_| invalid)?, ..Elements::default() };
    found.fault = for_each(python, set, |element| {
        if found.items.len() == limit {
            return ControlFlow::Break(());
        }
        found.items.push(Some(element));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Calls `visit` for each element until it breaks; returns what kept it from reading on, if anything did.
///
/// # Errors
/// When the header is not there or contradicts itself.
pub fn for_each(
    python: &Python<'_>,
    set: Ptr<SetObject>,
    mut visit: impl FnMut(Ptr<Object>) -> ControlFlow<()>,
) -> Result<Option<ReadError>, ReadError> {
    let mask = python.read(set, member::SET_MASK)?;
    let table = Ptr::<SetEntry>::new(python.read(set, member::SET_TABLE)?);
    let table = table.ok_or(ReadError::Null("PySetObject.table"))?;
    let invalid = ReadError::Invalid { at: set.address(), what: "set of impossible size" };
    let slots = u64::try_from(mask).ok().filter(|&mask| mask <= MAX_MASK).ok_or(invalid)? + 1;
    let layout = python.layout();
    let target = python.space().target();
    let size = layout.size_of(member::SET_ENTRY_SIZE)?;
    let word = |entry: &[u8], offset: u64| {
        target.unsigned(entry.get(offset as usize..offset as usize + target.word_size).unwrap_or_default())
    };
    let (key, hash) = (layout.offset(member::SET_ENTRY_KEY)?, layout.offset(member::SET_ENTRY_HASH)?);
    let removed = sign_extended(REMOVED, target.word_size);
    let mut first = 0;
    while first < slots {
        let at = table.address().wrapping_add(first * size);
        let (bytes, fault) = bytes_as_far_as_there(python, at, (slots - first).min(CHUNK) * size);
        for entry in bytes.chunks_exact(size.max(1) as usize) {
            if word(entry, hash) != removed
                && let Some(element) = Ptr::new(Address(word(entry, key)))
                && visit(element).is_break()
            {
                return Ok(None);
            }
        }
        if let Some(fault) = fault {
            return Ok(Some(fault.into()));
        }
        first += CHUNK;
    }
    Ok(None)
}

/// A negative number as a word of the target holds it.
fn sign_extended(number: i64, word_size: usize) -> u64 {
    let unused = 64_u32.saturating_sub(word_size as u32 * 8);
    (number as u64) << unused >> unused
}
