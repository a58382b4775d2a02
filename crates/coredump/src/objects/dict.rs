//! `dict` objects: all layouts of keys and values, in insertion order.
//!
//! Objects/dictobject.c and `Include/internal/pycore_dict.h` describe them. A dict has a keys object: a hash
//! index, then entries in insertion order. The values stand in the entries, or (split table, used for
//! instance attributes) in an array of their own.

use std::ops::ControlFlow;

use crate::address::{Address, Ptr};
use crate::layout::member::{self, DictKeys, DictObject, DictValues, Object};
use crate::layout::{Member, ReadError};
use crate::objects::kind::{self, Kind};
use crate::objects::unicode;
use crate::runtime::dialect::DictKeysFormat;
use crate::runtime::python::Python;

/// Entries that are read at once.
const CHUNK: u64 = 128;
/// More names than instances share: a dict that grows gets a table of its own.
const MAX_SPLIT: u64 = 1 << 16;
/// Largest `dk_log2_size` that is taken for one: an index of 2^40 slots does not fit into any core.
const MAX_LOG2_SIZE: u8 = 40;

/// Keys and values of a dict, as far as they were read.
#[derive(Clone, Debug, Default)]
pub struct DictEntries {
    /// In insertion order.
    pub items: Vec<(Ptr<Object>, Ptr<Object>)>,
    /// Number of entries that the dict says it has.
    pub len: u64,
    /// What stood in the way of reading on.
    pub fault: Option<ReadError>,
}

impl DictEntries {
    /// Whether all entries are there.
    pub fn is_complete(&self) -> bool {
        self.fault.is_none() && self.items.len() as u64 == self.len
    }
}

/// Reads the entries of a dict, at most `limit` of them.
///
/// # Errors
/// When the object is no dict, or its header or its keys' header is not there or contradicts itself.
pub fn entries(python: &Python<'_>, dict: Ptr<DictObject>, limit: usize) -> Result<DictEntries, ReadError> {
    let mut found = DictEntries { len: len(python, dict)?, ..DictEntries::default() };
    found.fault = for_each(python, dict, |key, value| {
        if found.items.len() == limit {
            return ControlFlow::Break(());
        }
        found.items.push((key, value));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The value of the key that is the `str` `name`.
///
/// # Errors
/// When the object is no dict, or when memory that is not there kept the key from being found.
pub fn lookup_str(
    python: &Python<'_>,
    dict: Ptr<DictObject>,
    name: &str,
) -> Result<Option<Ptr<Object>>, ReadError> {
    let mut found = None;
    let mut unread = None;
    let fault = for_each(python, dict, |key, value| {
        match unicode::is_str(python, key, name) {
            Ok(true) => {
                found = Some(value);
                return ControlFlow::Break(());
            }
            Ok(false) => {}
            Err(error) => unread = Some(error),
        }
        ControlFlow::Continue(())
    })?;
    match (found, fault.or(unread)) {
        (None, Some(error)) => Err(error),
        (found, _) => Ok(found),
    }
}

/// Number of entries that the dict says it has.
///
/// # Errors
/// When the object is no dict or its header is not there.
pub fn len(python: &Python<'_>, dict: Ptr<DictObject>) -> Result<u64, ReadError> {
    if kind::of(python, dict.cast())? != Kind::Dict {
        return Err(ReadError::Invalid { at: dict.address(), what: "not a dict" });
    }
    let used = python.read(dict, member::DICT_USED)?;
    u64::try_from(used)
        .map_err(|_| ReadError::Invalid { at: dict.address(), what: "dict of negative length" })
}

/// Calls `visit` for each key and value of a dict, in insertion order, until it breaks.
///
/// Returns what kept it from reading on, if anything did.
///
/// # Errors
/// When the object is no dict, or its header or its keys' header is not there or contradicts itself.
pub fn for_each(
    python: &Python<'_>,
    dict: Ptr<DictObject>,
    visit: impl FnMut(Ptr<Object>, Ptr<Object>) -> ControlFlow<()>,
) -> Result<Option<ReadError>, ReadError> {
    len(python, dict)?;
    let keys = python.read(dict, member::DICT_KEYS)?.ok_or(ReadError::Null("PyDictObject.ma_keys"))?;
    match python.read(dict, member::DICT_VALUES)? {
        None => for_each_entry(python, keys, visit),
        Some(values) => for_each_value(python, keys, values, visit),
    }
}

/// As [`for_each`], for the names and values of a split table: a dict's, or an instance's without its dict.
///
/// # Errors
/// As [`for_each`].
pub fn for_each_value(
    python: &Python<'_>,
    keys: Ptr<DictKeys>,
    values: Ptr<DictValues>,
    mut visit: impl FnMut(Ptr<Object>, Ptr<Object>) -> ControlFlow<()>,
) -> Result<Option<ReadError>, ReadError> {
    let table = Table::of(python, keys)?;
    if table.count > MAX_SPLIT {
        return Err(ReadError::Invalid { at: keys.address(), what: "too many names for a split table" });
    }
    let word = python.space().target().word_size as u64;
    let (array, order) = split_order(python, values)?;
    let set = order.as_ref().map_or(table.count, |order| order.len() as u64);
    for position in 0..set {
        let index = order
            .as_ref()
            .map_or(position, |order| order.get(position as usize).copied().map_or(0, u64::from));
        if index >= table.count {
            return Ok(Some(ReadError::Invalid {
                at: values.address(),
                what: "split dict with wrong order",
            }));
        }
        let key = python.word(table.entry(index).wrapping_add(table.key_offset));
        let value = python.word(array.wrapping_add(index * word));
        let (key, value) = match (key, value) {
            (Ok(key), Ok(value)) => (key, value),
            (Err(fault), _) | (_, Err(fault)) => return Ok(Some(fault.into())),
        };
        if let (Some(key), Some(value)) = (Ptr::new(Address(key)), Ptr::new(Address(value)))
            && visit(key, value).is_break()
        {
            break;
        }
    }
    Ok(None)
}

/// The values of a split table, and which of them are set in insertion order; `None` is the order of the keys.
fn split_order(
    python: &Python<'_>,
    values: Ptr<DictValues>,
) -> Result<(Address, Option<Vec<u8>>), ReadError> {
    let word = python.space().target().word_size as u64;
    let layout = python.layout();
    if layout.has(member::VALUES_CAPACITY) {
        // 3.13: size, capacity and flags in front of the values, the order behind them.
        let array = python.address_of(values, member::VALUES_ARRAY)?;
        let capacity = u64::from(python.read(values, member::VALUES_CAPACITY)?);
        let size = u64::from(python.read(values, member::VALUES_SIZE)?);
        if size > capacity {
            return Err(ReadError::Invalid {
                at: values.address(),
                what: "split dict larger than its array",
            });
        }
        return Ok((array, Some(python.bytes(array.wrapping_add(capacity * word), size)?.into_owned())));
    }
    if python.dialect().dict_keys == DictKeysFormat::Size {
        // Up to 3.10 the order is that of the keys, and `ma_values` is the array itself.
        return Ok((values.address(), None));
    }
    // 3.11, 3.12 (`_PyDictValues_SetSize`, `insert_to_emptydict`): the byte two before the values is their
    // number; in front of it stands the order, running backwards.
    let array = python.address_of(values, member::VALUES_ARRAY)?;
    let size = python.space().unsigned(array.wrapping_sub(2), 1)?;
    let order = python.bytes(array.wrapping_sub(2 + size), size)?;
    Ok((array, Some(order.iter().rev().copied().collect())))
}

fn for_each_entry(
    python: &Python<'_>,
    keys: Ptr<DictKeys>,
    mut visit: impl FnMut(Ptr<Object>, Ptr<Object>) -> ControlFlow<()>,
) -> Result<Option<ReadError>, ReadError> {
    let table = Table::of(python, keys)?;
    let target = python.space().target();
    let word = |entry: &[u8], offset: u64| {
        let bytes = entry.get(offset as usize..offset as usize + target.word_size).unwrap_or_default();
        Ptr::<Object>::new(Address(target.unsigned(bytes)))
    };
    let mut first = 0;
    while first < table.count {
        let wanted = (table.count - first).min(CHUNK) * table.entry_size;
        let (bytes, fault) = unicode::bytes_as_far_as_there(python, table.entry(first), wanted);
        for entry in bytes.chunks_exact(table.entry_size as usize) {
            // A deleted entry has no value.
            if let (Some(key), Some(value)) = (word(entry, table.key_offset), word(entry, table.value_offset))
                && visit(key, value).is_break()
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

/// The entries of a keys object.
struct Table {
    start: Address,
    count: u64,
    entry_size: u64,
    key_offset: u64,
    value_offset: u64,
}

impl Table {
    /// Bounds the number of entries by what the hash index can refer to.
    fn of(python: &Python<'_>, keys: Ptr<DictKeys>) -> Result<Self, ReadError> {
        let invalid = |what| ReadError::Invalid { at: keys.address(), what };
        let count = python.read(keys, member::KEYS_NENTRIES)?;
        let count = u64::try_from(count).map_err(|_| invalid("dict keys of negative number"))?;
        let (slots, index_bytes, str_keys) = match python.dialect().dict_keys {
            DictKeysFormat::Size => {
                let slots = u64::try_from(python.read(keys, member::KEYS_SIZE)?).unwrap_or(0);
                let slot_bytes: u64 = match slots {
                    0..=0xff => 1,
                    0x100..=0xffff => 2,
                    0x1_0000..=0xffff_ffff => 4,
                    _ => 8,
                };
                (slots, slots.checked_mul(slot_bytes), false)
            }
            DictKeysFormat::Log2 => {
                let log2_size = python.read(keys, member::KEYS_LOG2_SIZE)?;
                let log2_bytes = python.read(keys, member::KEYS_LOG2_INDEX_BYTES)?;
                if log2_size > MAX_LOG2_SIZE || log2_bytes > MAX_LOG2_SIZE + 3 {
                    return Err(invalid("dict keys of impossible size"));
                }
                (1 << log2_size, Some(1 << log2_bytes), python.read(keys, member::KEYS_KIND)? != 0)
            }
        };
        // USABLE_FRACTION: two thirds of the slots.
        let (Some(index_bytes), true) = (index_bytes, count <= slots) else {
            return Err(invalid("dict keys of impossible number"));
        };
        let start = python.address_of(keys, member::KEYS_INDICES)?.wrapping_add(index_bytes);
        let layout = python.layout();
        let table = |size: u64, key_offset, value_offset| Self {
            start,
            count,
            entry_size: size,
            key_offset,
            value_offset,
        };
        Ok(if str_keys {
            let offset = |of: Member<_, _>| layout.offset::<member::DictStrEntry, Option<Ptr<Object>>>(of);
            let size = layout.size_of(member::DICT_STR_ENTRY_SIZE)?;
            table(size, offset(member::DICT_STR_ENTRY_KEY)?, offset(member::DICT_STR_ENTRY_VALUE)?)
        } else {
            let offset = |of: Member<_, _>| layout.offset::<member::DictEntry, Option<Ptr<Object>>>(of);
            let size = layout.size_of(member::DICT_ENTRY_SIZE)?;
            table(size, offset(member::DICT_ENTRY_KEY)?, offset(member::DICT_ENTRY_VALUE)?)
        })
    }

    fn entry(&self, index: u64) -> Address {
        self.start.wrapping_add(index.wrapping_mul(self.entry_size))
    }
}

/// Number of bytes of a keys object, which `sys.getsizeof` counts where a dict owns it.
///
/// # Errors
/// When its header is not there or contradicts itself.
pub fn keys_size(python: &Python<'_>, keys: Ptr<DictKeys>) -> Result<u64, ReadError> {
    let table = Table::of(python, keys)?;
    let slots = match python.dialect().dict_keys {
        DictKeysFormat::Size => u64::try_from(python.read(keys, member::KEYS_SIZE)?).unwrap_or(0),
        DictKeysFormat::Log2 => 1 << python.read(keys, member::KEYS_LOG2_SIZE)?.min(MAX_LOG2_SIZE),
    };
    let header = table.start.0.wrapping_sub(keys.address().0);
    Ok(header.wrapping_add((slots << 1) / 3 * table.entry_size))
}
