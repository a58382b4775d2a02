//! Tables of dicts, and the attributes of instances.

use crate::memory::image::Bytes;
use crate::references::reader::Reader;
use crate::references::visit::{Sink, Step};

/// The keys of a dict, or those that instances of a class share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys<'d> {
    /// `dk_refcnt`.
    pub(crate) refcount: u64,
    slots: u64,
    index_bytes: u64,
    usable: u64,
    /// Shared keys have a room of their own, less than their slots allow (`SHARED_KEYS_MAX_SIZE`, 3.11+).
    counts_usable: bool,
    pub(crate) entries: u64,
    entry_size: u64,
    key: u64,
    value: u64,
    fixed: u64,
    bytes: Bytes<'d>,
}

impl<'d> Keys<'d> {
    /// `_PyDict_KeysSize` (Objects/dictobject.c).
    pub(crate) fn byte_size(&self) -> u64 {
        let entries = self.room().saturating_mul(self.entry_size);
        self.fixed.saturating_add(self.index_bytes).saturating_add(entries)
    }

    /// Number of values that a dict or instance with these keys has room for.
    pub(crate) fn shared_slots(&self) -> u64 {
        if self.counts_usable { self.usable.saturating_add(self.entries) } else { self.room() }
    }

    /// `USABLE_FRACTION`: two thirds of the slots get an entry.
    pub(crate) fn room(&self) -> u64 {
        self.slots.saturating_mul(2) / 3
    }

    /// Size of the smallest table of this kind that has room for `count` entries.
    pub(crate) fn least_size(&self, count: u64) -> u64 {
        /// `PyDict_MINSIZE`.
        const LEAST_SLOTS: u64 = 8;
        let least = count.saturating_mul(3).div_ceil(2).max(LEAST_SLOTS);
        let Some(slots) = least.checked_next_power_of_two() else { return u64::MAX };
        let room = slots.saturating_mul(2) / 3;
        let index_bytes = slots.saturating_mul(bytes_per_index(slots));
        self.fixed.saturating_add(index_bytes).saturating_add(room.saturating_mul(self.entry_size))
    }

    /// The key in entry `number`; 0 when there is none.
    pub(crate) fn key_at(&self, number: u64) -> u64 {
        self.entry(number).and_then(|entry| entry.word(self.key)).unwrap_or(0)
    }

    fn entry(&self, number: u64) -> Option<Bytes<'d>> {
        let offset = number.checked_mul(self.entry_size)?;
        self.bytes.skip(self.fixed.checked_add(self.index_bytes)?.checked_add(offset)?)
    }
}

impl<'d> Reader<'d> {
    /// Reads the header of a dict's keys.
    pub(crate) fn dict_keys(&self, address: u64) -> Option<Keys<'d>> {
        let places = &self.places;
        let bytes = self.image.from(address)?;
        let (general, by_str) = (places.entry_size, places.str_entry_size);
        let (slots, index_bytes, by_str) = if let Some(log2_size) = places.keys_log2_size {
            let slots = 1u64.checked_shl(bytes.byte(log2_size)?.into())?;
            let index_bytes = 1u64.checked_shl(bytes.byte(places.keys_log2_index_bytes?)?.into())?;
            let general = bytes.byte(places.keys_kind?)? == 0;
            (slots, index_bytes, by_str.filter(|_| !general))
        } else {
            let slots = bytes.word(places.keys_size?)?;
            (slots, slots.checked_mul(bytes_per_index(slots))?, None)
        };
        let (key, value) = match by_str {
            Some(_) => (places.str_entry_key?, places.str_entry_value?),
            None => (places.entry_key, places.entry_value),
        };
        let (usable, entries) = (bytes.word(places.keys_usable)?, bytes.word(places.keys_nentries)?);
        Some(Keys {
            refcount: bytes.word(places.keys_refcount)?,
            slots,
            index_bytes,
            usable,
            counts_usable: places.keys_log2_size.is_some(),
            entries: entries.min(slots),
            entry_size: by_str.unwrap_or(general),
            key,
            value,
            fixed: places.keys_indices,
            bytes,
        })
    }

    /// Keys and values of a dict.
    pub(crate) fn visit_dict(&self, object: Bytes<'_>, sink: &mut impl Sink) -> Option<()> {
        let keys = self.dict_keys(object.word(self.places.dict_keys)?)?;
        let values = object.word(self.places.dict_values)?;
        if values != 0 {
            self.visit_values(values, &keys, sink);
            return Some(());
        }
        for number in 0..keys.entries {
            let Some(entry) = keys.entry(number) else { break };
            let (Some(key), Some(value)) = (entry.word(keys.key), entry.word(keys.value)) else { break };
            if value != 0 {
                sink.edge(key, Step::Key);
                sink.edge(value, Step::Item(key));
            }
        }
        Some(())
    }

    /// Values whose keys are shared with other instances of the class, which owns the keys.
    pub(crate) fn visit_values(&self, values: u64, keys: &Keys<'_>, sink: &mut impl Sink) {
        let array = values.wrapping_add(self.places.values_array.unwrap_or(0));
        let room = keys.shared_slots().min(1 << 16);
        for (number, value) in (0..).zip(self.words(array, room)) {
            if value != 0 {
                sink.edge(value, Step::Attribute(keys.key_at(number)));
            }
        }
    }

    /// The strings that are keys in a table that several instances share.
    pub(crate) fn visit_shared_keys(keys: &Keys<'_>, sink: &mut impl Sink) {
        for number in 0..keys.entries.min(1 << 16) {
            sink.edge(keys.key_at(number), Step::Key);
        }
    }
}

/// `DK_IXSIZE` (Objects/dictobject.c at v3.10.13).
fn bytes_per_index(slots: u64) -> u64 {
    match slots {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}
