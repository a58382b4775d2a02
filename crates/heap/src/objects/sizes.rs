//! The size of an object as `sys.getsizeof` states it: `__sizeof__` of its type, plus what precedes it.

use pycoroner_coredump::InstanceDict;

use crate::allocators::{DEBUG_PREFIX, is_marked};
use crate::memory::image::{Bytes, WORD};
use crate::objects::kinds::Shape;
use crate::objects::sized_by::SizedBy;
use crate::objects::types::TypeFacts;
use crate::references::reader::Reader;

/// The size of an object, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// What is known of it.
    pub(crate) bytes: u64,
    /// What else the object counts cannot be told.
    pub(crate) is_open: bool,
}

impl Size {
    /// The whole size; nothing when only a part of it is known.
    pub(crate) fn whole(self) -> Option<u64> {
        Some(self.bytes).filter(|_| !self.is_open)
    }
}

impl Reader<'_> {
    /// `_PySys_GetSizeOf` (Python/sysmodule.c at v3.8.18 to v3.13.0) for the object at `object`.
    pub(crate) fn size_of(&self, object: Bytes<'_>, facts: &TypeFacts) -> Size {
        let more = |extra: u64| self.plain_size(object, facts).saturating_add(extra);
        let by_shape = || self.size_by_shape(object, facts);
        let own = match facts.sized_by {
            SizedBy::Class => Some(more(0)),
            SizedBy::Shape if facts.shape == Shape::Array => by_shape(),
            SizedBy::Shape => by_shape().or_else(|| Some(more(0))),
            SizedBy::NumpyScalar(item) => Some(more(item)),
            SizedBy::NumpyBytes => object.word(self.places.var_len).map(more),
            SizedBy::Product | SizedBy::Combinations | SizedBy::Permutations => {
                self.combinatoric_extra(object, facts.sized_by).map(more)
            }
            SizedBy::OwnCode => None,
        };
        // Whether a class of classes written in C counts the names of attributes, as `type` does, is not known.
        let known = || by_shape().filter(|_| !facts.is_metatype()).unwrap_or_else(|| more(0));
        Size {
            bytes: own.unwrap_or_else(known).saturating_add(self.pre_header(object, facts)),
            is_open: own.is_none(),
        }
    }

    /// By the type that gives the object its shape; `None` when that has no `__sizeof__`, or what it counts is not there.
    fn size_by_shape(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<u64> {
        match facts.shape {
            Shape::Int => self.int_size(object, facts),
            Shape::Str => self.str_size(object),
            Shape::ByteArray => self.bytearray_bytes(object).map(|len| facts.basic_size.saturating_add(len)),
            Shape::List => self
                .list_slots(object)
                .map(|slots| facts.basic_size.saturating_add(slots.saturating_mul(WORD))),
            Shape::Dict => self.dict_size(object, facts),
            Shape::OrderedDict => self.ordered_dict_size(object, facts),
            Shape::Set => self.set_size(object, facts),
            Shape::Type => self.type_size(object),
            Shape::Frame => self.frame_size(object),
            Shape::Generator => self.generator_size(object),
            Shape::Code => self.code_size(object, facts),
            Shape::Deque => self.deque_size(object, facts),
            Shape::Array => self.array_size(object, facts),
            _ => self
                .library_extra(object, facts)
                .map(|extra| self.plain_size(object, facts).saturating_add(extra)),
        }
    }

    /// How much of an object's size is that of another object, which counts by itself as well.
    pub(crate) fn counted_twice(&self, object: Bytes<'_>, facts: &TypeFacts) -> u64 {
        match facts.shape {
            Shape::ByteArray if self.places.bytearray_object.is_some() => {
                self.bytearray_bytes(object).unwrap_or(0)
            }
            Shape::BytesIo => self.library_extra(object, facts).unwrap_or(0),
            _ => 0,
        }
    }

    /// `bytearray_sizeof` (Objects/bytearrayobject.c): from 3.15 on, the content is a `bytes` object of its own.
    fn bytearray_bytes(&self, object: Bytes<'_>) -> Option<u64> {
        let len = object.word(self.places.bytearray_alloc)?;
        let holder = self.places.bytearray_object.filter(|_| len > 0).and_then(|place| object.word(place));
        let Some(holder) = holder else { return Some(len) };
        let fixed = self.image.from(self.image.from(holder)?.word(self.places.of_type)?)?;
        fixed.word(self.places.type_basicsize)?.checked_add(len)
    }

    /// The addresses of what an object has allocated for its content, as far as its size counts it.
    pub(crate) fn buffer(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<(u64, u64)> {
        let places = &self.places;
        let (start, len) = match facts.shape {
            Shape::List => (object.word(places.list_items)?, self.list_slots(object)?.checked_mul(WORD)?),
            Shape::Dict | Shape::OrderedDict => {
                let keys = object.word(places.dict_keys)?;
                (keys, self.dict_keys(keys).filter(|keys| keys.refcount == 1)?.byte_size())
            }
            Shape::Set => {
                let entries = object.word(places.set_mask)?.checked_add(1)?;
                (
                    object.word(places.set_table)?,
                    entries.checked_mul(places.set_entry_size).filter(|_| entries > 8)?,
                )
            }
            Shape::ByteArray if places.bytearray_object.is_none() => {
                (object.word(places.bytearray_bytes)?, object.word(places.bytearray_alloc)?)
            }
            _ => {
                let own = self.own_buffer(object, facts)?;
                (own.start, own.len)
            }
        };
        Some((start, start.checked_add(len)?)).filter(|_| start != 0)
    }

    /// `object.__sizeof__`.
    fn plain_size(&self, object: Bytes<'_>, facts: &TypeFacts) -> u64 {
        if facts.item_size == 0 {
            return facts.basic_size;
        }
        let items = object.signed(self.places.var_len).unwrap_or(0).unsigned_abs();
        facts.basic_size.saturating_add(items.saturating_mul(facts.item_size))
    }

    /// Static types have no GC header, although their type says that its objects have one (`type_is_gc`);
    /// 3.11 and 3.12 count one for them nevertheless.
    fn pre_header(&self, object: Bytes<'_>, facts: &TypeFacts) -> u64 {
        let counted = matches!(self.instance_dict, InstanceDict::ValuesAndDict | InstanceDict::Tagged);
        if facts.is_metatype() && !counted && self.is_static_type(object) { 0 } else { facts.pre_header }
    }

    /// Slots of a list. One that is being sorted is empty meanwhile and says -1 (`list_sort_impl`,
    /// Objects/listobject.c); its elements are in the hands of the sorting function.
    pub(crate) fn list_slots(&self, object: Bytes<'_>) -> Option<u64> {
        Some(u64::try_from(object.signed(self.places.list_allocated)?).unwrap_or(0))
    }

    /// `int.__sizeof__`: from 3.11 on, zero counts the digit that it has room for.
    fn int_size(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<u64> {
        const DIGIT: u64 = 4;
        let digits = match self.places.long_tag {
            Some(tag) => object.word(tag)? >> 3,
            None => object.signed(self.places.var_len)?.unsigned_abs(),
        };
        let least = u64::from(self.instance_dict != InstanceDict::Pointer);
        let fixed = match self.places.long_tag {
            Some(_) => facts.basic_size,
            None => self.places.long_digits?,
        };
        Some(fixed.saturating_add(digits.max(least).saturating_mul(DIGIT)))
    }

    /// `unicode___sizeof__` (Objects/unicodeobject.c): compact forms hold their characters, others point at them.
    fn str_size(&self, object: Bytes<'_>) -> Option<u64> {
        let places = &self.places;
        let length = object.word(places.unicode_length)?;
        let characters = length.saturating_add(1).saturating_mul(u64::from(self.str_state.kind.of(object)?));
        let ascii = self.str_state.ascii.of(object)? == 1;
        let compact = self.str_state.compact.of(object)? == 1;
        if compact && ascii {
            return Some(
                places
                    .unicode_ascii_size
                    .saturating_add(characters)
                    .saturating_add(self.wstr_size(object, length, true)),
            );
        }
        let data = if compact { 0 } else { object.word(places.unicode_data)? };
        let fixed = if compact { places.unicode_compact_size } else { places.unicode_size };
        let characters = if compact || data != 0 { characters } else { 0 };
        let utf8 = object.word(places.unicode_utf8)?;
        let cached = if utf8 != 0 && utf8 != data {
            object.word(places.unicode_utf8_length)?.saturating_add(1)
        } else {
            0
        };
        let wide = self.wstr_size(object, length, false);
        Some(fixed.saturating_add(characters).saturating_add(cached).saturating_add(wide))
    }

    /// The `wchar_t` form that a str may have up to 3.11, unless it is the characters themselves.
    fn wstr_size(&self, object: Bytes<'_>, length: u64, ascii: bool) -> u64 {
        const WCHAR: u64 = 4;
        let size = || {
            let wstr = object.word(self.places.unicode_wstr?).filter(|&wstr| wstr != 0)?;
            let shared = !ascii && object.word(self.places.unicode_data) == Some(wstr);
            let length = if ascii { length } else { object.word(self.places.unicode_wstr_length?)? };
            (!shared).then(|| length.saturating_add(1).saturating_mul(WCHAR))
        };
        let compact = self.str_state.compact.of(object) == Some(1);
        let of_kind_4 = self.str_state.kind.of(object) == Some(4);
        // `_PyUnicode_SHARE_WSTR`: a compact str of four-byte characters is its own wchar_t form.
        if compact && of_kind_4 { 0 } else { size().unwrap_or(0) }
    }

    /// `_PyDict_SizeOf` (Objects/dictobject.c): shared keys are accounted for in the class.
    fn dict_size(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<u64> {
        let keys = self.dict_keys(object.word(self.places.dict_keys)?)?;
        let split = object.word(self.places.dict_values)? != 0;
        let values = if split { keys.shared_slots().saturating_mul(WORD) } else { 0 };
        let table = if keys.refcount == 1 { keys.byte_size() } else { 0 };
        Some(facts.basic_size.saturating_add(values).saturating_add(table))
    }

    /// `odict_sizeof` (Objects/odictobject.c).
    fn ordered_dict_size(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<u64> {
        let fast_nodes = object.word(self.places.odict_fast_nodes_size?)?.saturating_mul(WORD);
        let nodes = object.word(self.places.dict_used)?.saturating_mul(self.places.odict_node_size?);
        Some(self.dict_size(object, facts)?.saturating_add(fast_nodes).saturating_add(nodes))
    }

    /// `set_sizeof` (Objects/setobject.c): small tables lie in the set itself.
    fn set_size(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<u64> {
        // The small table has eight entries (PySet_MINSIZE); any larger one is allocated.
        let entries = object.word(self.places.set_mask)?.saturating_add(1);
        let table = if entries > 8 { entries.saturating_mul(self.places.set_entry_size) } else { 0 };
        Some(facts.basic_size.saturating_add(table))
    }

    /// `type___sizeof___impl` (Objects/typeobject.c).
    fn type_size(&self, object: Bytes<'_>) -> Option<u64> {
        if self.is_static_type(object) {
            return Some(self.places.type_size);
        }
        let keys = object.word(self.places.heap_type_cached_keys)?;
        let keys = self.dict_keys(keys).map_or(0, |keys| keys.byte_size());
        Some(self.places.heap_type_size.saturating_add(keys))
    }

    /// `frame_sizeof` (Objects/frameobject.c).
    fn frame_size(&self, object: Bytes<'_>) -> Option<u64> {
        if let Some(own) = self.places.frame_own_frame {
            let frame = object.word(self.places.frame_frame?)?;
            let slots = self.frame_slots(self.image.from(frame)?)?;
            return Some(own + self.places.iframe_localsplus? + slots.saturating_mul(WORD));
        }
        let code = self.image.from(object.word(self.places.frame_code?)?)?;
        let names = |place: Option<u64>| {
            let tuple = self.image.from(code.word(place?)?)?;
            tuple.word(self.places.var_len)
        };
        let slots = u64::from(code.half(self.places.code_stacksize?)?)
            + u64::from(code.half(self.places.code_nlocals?)?)
            + names(self.places.code_cellvars)?
            + names(self.places.code_freevars)?;
        Some(self.places.frame_localsplus?.saturating_add(slots.saturating_mul(WORD)))
    }

    /// `gen_sizeof` (Objects/genobject.c, 3.11+); before, a generator has no frame in it.
    fn generator_size(&self, object: Bytes<'_>) -> Option<u64> {
        let at = self.places.gen_iframe?;
        let slots = self.frame_slots(object.skip(at)?)?;
        Some(slots.saturating_mul(WORD).saturating_add(at + self.places.iframe_localsplus?))
    }

    /// `code_sizeof` (Objects/codeobject.c).
    fn code_size(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<u64> {
        if self.places.code_nlocalsplus.is_some() {
            return self.plain_size(object, facts).checked_next_multiple_of(WORD);
        }
        let places = &self.places;
        let cells = match object.word(places.code_cell2arg?)? {
            0 => 0,
            _ => self
                .image
                .from(object.word(places.code_cellvars?)?)?
                .word(places.var_len)?
                .saturating_mul(WORD),
        };
        Some(facts.basic_size.saturating_add(cells))
    }

    /// `deque_sizeof` (Modules/_collectionsmodule.c).
    fn deque_size(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<u64> {
        let block = self.places.deque_block_size?;
        let slots = (block - 2 * WORD) / WORD;
        let used =
            object.word(self.places.deque_left_index?)?.saturating_add(object.word(self.places.var_len)?);
        Some(facts.basic_size.saturating_add(used.div_ceil(slots).saturating_mul(block)))
    }

    /// `array_array___sizeof___impl` (Modules/arraymodule.c).
    fn array_size(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<u64> {
        let items = object.word(self.places.array_allocated?)?;
        // An array that never had an item needs no size of one.
        let size = if items == 0 { 0 } else { self.array_item_size(object)? };
        Some(facts.basic_size.saturating_add(items.saturating_mul(size)))
    }

    /// `array.itemsize`. What describes the types of items is a constant from 3.15 on, and in all static interpreters
    /// that need not be relocated: then it lies in the program's file and in no core. Without the file, the chunk of
    /// glibc's malloc that the items lie in still tells how large they are, if they are many.
    pub(crate) fn array_item_size(&self, object: Bytes<'_>) -> Option<u64> {
        /// Smaller ones do not come from malloc.
        const LEAST_ITEMS: u64 = 513;
        const PAGE: u64 = 4096;
        let places = &self.places;
        let described = object.word(places.array_descr?)?.checked_add(places.array_descr_itemsize?)?;
        if let Some(size) = self.image.from(described).and_then(|size| size.half(0)) {
            return Some(size.into());
        }
        if let Some(size) = self.constant(described) {
            return Some(size.into());
        }
        let (items, room) = (object.word(places.array_items?)?, object.word(places.array_allocated?)?);
        if let Some(bytes) = self.debug_block_size(items) {
            return Some(bytes.checked_div(room)?).filter(|size| size.checked_mul(room) == Some(bytes));
        }
        if room < LEAST_ITEMS {
            return None;
        }
        let header = self.image.word(items.checked_sub(WORD)?)?;
        // A mapping of its own has no neighbour whose first word it could use (`IS_MMAPPED`, malloc/malloc.c).
        let is_mapped = header & 2 != 0;
        let usable = (header & !7).checked_sub(if is_mapped { 2 * WORD } else { WORD })?;
        let slack = if is_mapped { PAGE } else { 4 * WORD };
        let fits = |size: &u64| {
            room.checked_mul(*size).is_some_and(|bytes| bytes <= usable && usable - bytes <= slack)
        };
        let mut sizes = [1, 2, 4, 8].into_iter().filter(fits);
        sizes.next().filter(|_| sizes.next().is_none())
    }

    /// What was asked for when a block was allocated with debug hooks, which stands in front of it, its highest byte first
    /// (`_PyMem_DebugRawAlloc`, Objects/obmalloc.c at v3.13.0).
    fn debug_block_size(&self, block: u64) -> Option<u64> {
        let prefix = self.image.from(block.checked_sub(DEBUG_PREFIX)?).filter(|&prefix| is_marked(prefix))?;
        prefix.word(0).map(u64::swap_bytes)
    }
}
