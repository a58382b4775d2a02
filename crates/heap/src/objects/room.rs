//! How much of what a container has allocated it uses.

use crate::memory::image::{Bytes, WORD};
use crate::objects::kinds::Shape;
use crate::objects::types::TypeFacts;
use crate::references::reader::Reader;

/// A container's elements and the room that it has for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// `len()` of it.
    pub(crate) used: u64,
    /// How many elements it has room for.
    pub(crate) places: u64,
    /// What it would take less if it was made anew with what it holds.
    pub(crate) wasted: u64,
}

impl Room {
    fn of_items(used: u64, room: u64, item_size: u64) -> Self {
        Self { used, places: room, wasted: room.saturating_sub(used).saturating_mul(item_size) }
    }
}

impl Reader<'_> {
    /// The room that a container has; `None` for other objects.
    pub(crate) fn room_of(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<Room> {
        let places = &self.places;
        match facts.shape {
            Shape::List => Some(Room::of_items(object.word(places.var_len)?, self.list_slots(object)?, WORD)),
            Shape::ByteArray => {
                let used = object.word(places.var_len)?;
                let room = object.word(places.bytearray_alloc)?;
                // One byte is for the zero at the end.
                Some(Room::of_items(used, room.saturating_sub(u64::from(room > 0)), 1))
            }
            Shape::Dict | Shape::OrderedDict => self.dict_room(object),
            Shape::Set => self.set_room(object),
            Shape::Deque => {
                let per_block = (places.deque_block_size? - 2 * WORD) / WORD;
                let used = object.word(places.var_len)?;
                let taken = object.word(places.deque_left_index?)?.saturating_add(used);
                let room = taken.div_ceil(per_block).saturating_mul(per_block);
                Some(Room::of_items(used, room, WORD))
            }
            Shape::Array => {
                let item_size = self.array_item_size(object)?;
                let (used, room) = (object.word(places.var_len)?, object.word(places.array_allocated?)?);
                Some(Room::of_items(used, room, item_size))
            }
            _ => None,
        }
    }

    /// Keys that instances share are not the dict's own.
    fn dict_room(&self, object: Bytes<'_>) -> Option<Room> {
        let used = object.word(self.places.dict_used)?;
        let keys = self.dict_keys(object.word(self.places.dict_keys)?)?;
        if object.word(self.places.dict_values)? != 0 || keys.refcount != 1 {
            return Some(Room { used, places: used, wasted: 0 });
        }
        let needed = if used == 0 { 0 } else { keys.least_size(used) };
        Some(Room { used, places: keys.room(), wasted: keys.byte_size().saturating_sub(needed) })
    }

    /// A set that is copied gets a table of more than twice its members (`set_merge`, Objects/setobject.c at v3.13.0).
    fn set_room(&self, object: Bytes<'_>) -> Option<Room> {
        const SMALL_TABLE: u64 = 8;
        let used = object.word(self.places.set_used)?;
        let room = object.word(self.places.set_mask)?.saturating_add(1);
        if room <= SMALL_TABLE {
            return Some(Room { used, places: room, wasted: 0 });
        }
        // Three fifths of a table are filled before it grows.
        let needed = if used.saturating_mul(5) < (SMALL_TABLE - 1) * 3 {
            0
        } else {
            used.saturating_mul(2).saturating_add(1).checked_next_power_of_two()?.max(SMALL_TABLE)
        };
        let needed = if needed <= SMALL_TABLE { 0 } else { needed };
        let wasted = room.saturating_sub(needed).saturating_mul(self.places.set_entry_size);
        Some(Room { used, places: room, wasted })
    }
}
