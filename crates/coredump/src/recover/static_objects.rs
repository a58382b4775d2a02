//! Strings and small integers that the interpreter holds by value (3.11+), told by what refers to them.
//!
//! `_PyRuntime` has the strings that the interpreter itself uses (`__init__`, `self`, `name`) and the integers from -5
//! to 256 (`Include/internal/pycore_runtime_init.h` at v3.12.1), and a cut core loses them first. A code object whose
//! name is lost still has its qualified name, which ends with it; a class's first attribute is `__module__`; and a dict
//! keeps the hash of each key, which of a small integer is the integer itself.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, CodeObject, TypeObject, UnicodeObject};
use crate::memory::FaultKind;
use crate::objects::dict;
use crate::objects::kind::{self, Kind};
use crate::objects::unicode::read_string;
use crate::recover::dumped::{pages, words};
use crate::recover::shape::{CoreTypes, pointer};
use crate::runtime::process::DeadProcess;
use crate::runtime::python::Python;

/// Longest name that is stood in for.
const MAX_NAME: usize = 256;
/// Classes that must agree on the address of `__module__`.
const ENOUGH_CLASSES: usize = 8;
/// Integers that must agree on where they all begin.
const ENOUGH_INTEGERS: usize = 16;
/// `_PY_NSMALLNEGINTS` and `_PY_NSMALLPOSINTS` (`Include/internal/pycore_global_objects.h` at v3.12.1).
const NEGATIVE: u64 = 5;
const POSITIVE: u64 = 257;

/// Stands in for the names of code objects that are lost; tells how many.
pub(super) fn names_of_codes(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    types: &CoreTypes,
    codes: &[Ptr<CodeObject>],
) -> usize {
    let mut names: FxHashMap<Ptr<UnicodeObject>, Option<String>> = FxHashMap::default();
    for &code in codes {
        let Ok(Some(name)) = python.read(code, member::CODE_NAME) else { continue };
        let Ok(Some(qualname)) = python.read(code, member::CODE_QUALNAME) else { continue };
        if !is_lost(&read_string(python, name, MAX_NAME)) {
            continue;
        }
        let Ok(qualname) = read_string(python, qualname, MAX_NAME) else { continue };
        let last = qualname.rsplit('.').next().unwrap_or_default();
        let entry = names.entry(name).or_insert_with(|| Some(last.to_owned()));
        // Two answers are none.
        if entry.as_deref() != Some(last) {
            *entry = None;
        }
    }
    let known = names.iter().filter_map(|(&at, name)| Some((at, name.as_deref()?)));
    known.filter(|&(at, name)| put_string(process, python, types, at, name).is_some()).count()
}

/// Stands in for `__module__`, the first attribute that a `class` statement sets.
pub(super) fn module_key(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    types: &CoreTypes,
    classes: &[Ptr<TypeObject>],
) {
    let mut votes: FxHashMap<Ptr<UnicodeObject>, usize> = FxHashMap::default();
    for &class in classes {
        let Ok(Some(class_dict)) = python.read(class, member::TYPE_DICT) else { continue };
        let first =
            dict::entries(python, class_dict, 1).ok().and_then(|entries| entries.items.first().copied());
        let Some((key, value)) = first else { continue };
        if kind::of(python, value) == Ok(Kind::Str) && is_lost(&read_string(python, key.cast(), MAX_NAME)) {
            *votes.entry(key.cast()).or_default() += 1;
        }
    }
    let total: usize = votes.values().sum();
    let best = votes.into_iter().max_by_key(|&(at, count)| (count, at));
    if let Some((at, count)) = best
        && count >= ENOUGH_CLASSES
        && count * 10 >= total * 9
    {
        let _ = put_string(process, python, types, at, "__module__");
    }
}

/// Stands in for the integers from -5 to 256; `int_type` is the type of integers.
pub(super) fn small_integers(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    int_type: Address,
) -> Option<()> {
    let target = process.core().target();
    let size = python.layout().size_of(member::LONG_SIZE).ok()?.next_multiple_of(8);
    let present = |address: u64| process.core().file_offset(Address(address)).is_some();
    let mut seen: FxHashSet<(u64, u64)> = FxHashSet::default();
    for page in pages(process.core()) {
        let mut hash = 0;
        for (_, word) in words(target, page.bytes) {
            let before = std::mem::replace(&mut hash, word);
            // Zero and one stand before pointers everywhere.
            if (2..POSITIVE).contains(&before) && pointer(word).is_some() && seen.len() < 1 << 20 {
                seen.insert((word, before));
            }
        }
    }
    let mut votes: FxHashMap<u64, usize> = FxHashMap::default();
    let lost = seen.iter().filter(|&&(at, _)| !present(at));
    for first in lost.map(|&(at, value)| at.wrapping_sub((value + NEGATIVE) * size)) {
        *votes.entry(first).or_default() += 1;
    }
    let (first, count) =
        votes.iter().map(|(&at, &count)| (at, count)).max_by_key(|&(at, count)| (count, at))?;
    let next = votes.iter().filter(|&(&at, _)| at != first).map(|(_, &count)| count).max().unwrap_or(0);
    if count < ENOUGH_INTEGERS || next * 2 > count {
        return None;
    }
    let layout = python.layout();
    let (tag_at, digit_at) = if layout.has(member::LONG_TAG) {
        (layout.offset(member::LONG_TAG).ok()?, layout.offset(member::LONG_TAGGED_DIGITS).ok()?)
    } else {
        (layout.offset(member::VAR_SIZE).ok()?, layout.offset(member::LONG_DIGITS).ok()?)
    };
    for index in 0..NEGATIVE + POSITIVE {
        let at = Address(first.wrapping_add(index * size));
        let value = index as i64 - NEGATIVE as i64;
        let tag = match (layout.has(member::LONG_TAG), value.signum()) {
            (true, 1) => 1 << 3,
            (true, 0) => 1,
            (true, _) => 1 << 3 | 2,
            (false, sign) => sign as u64,
        };
        let known = process.known();
        known.insert(target, at.wrapping_add(layout.offset(member::OBJECT_TYPE).ok()?), int_type.0);
        known.insert(target, at.wrapping_add(tag_at), tag);
        known.insert(target, at.wrapping_add(digit_at), value.unsigned_abs());
    }
    Some(())
}

fn is_lost<T>(read: &Result<T, ReadError>) -> bool {
    matches!(read, Err(ReadError::Fault(fault)) if fault.kind == FaultKind::Truncated)
}

/// Puts a `str` of ASCII characters where its memory is lost.
pub(super) fn put_string(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    types: &CoreTypes,
    at: Ptr<UnicodeObject>,
    text: &str,
) -> Option<()> {
    let layout = python.layout();
    if !text.is_ascii() || text.is_empty() {
        return None;
    }
    let mut state = 0;
    let mut state_at = 0;
    for (member, value) in [
        (member::UNICODE_KIND, 1),
        (member::UNICODE_COMPACT, 1),
        (member::UNICODE_ASCII, 1),
        (member::UNICODE_READY, 1),
    ] {
        if let Ok((offset, shift, _)) = layout.bit_field(member) {
            state_at = offset;
            state |= value << shift;
        }
    }
    let target = process.core().target();
    let known = process.known();
    let start = at.address();
    known.insert(target, start.wrapping_add(layout.offset(member::OBJECT_TYPE).ok()?), types.string.0);
    known.insert(target, start.wrapping_add(layout.offset(member::UNICODE_LENGTH).ok()?), text.len() as u64);
    known.insert(target, start.wrapping_add(state_at), state);
    let data = start.wrapping_add(layout.size_of(member::UNICODE_ASCII_SIZE).ok()?);
    let padded: Vec<u8> = text.bytes().chain(std::iter::repeat_n(0, 8 - text.len() % 8)).collect();
    for (index, word) in padded.chunks_exact(8).enumerate() {
        known.insert(target, data.wrapping_add(index as u64 * 8), target.unsigned(word));
    }
    Some(())
}
