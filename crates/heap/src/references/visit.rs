//! The references of one object.
//!
//! Exact for the shapes that are known; where a C structure is not, every aligned word that points at an
//! object counts. The reference to the type is left out: every object has it.

use pycoroner_coredump::InstanceDict;

use crate::memory::image::{Bytes, WORD};
use crate::objects::kinds::Shape;
use crate::objects::types::TypeFacts;
use crate::references::reader::Reader;

/// How a reference is followed in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// The element with this index.
    Index(u64),
    /// A member of a set.
    Member,
    /// A key of a dict.
    Key,
    /// The value under the key at this address.
    Item(u64),
    /// The attribute whose name is the str at this address.
    Attribute(u64),
    /// The word at this offset.
    Word(u64),
    /// The local variable with this number.
    Local(u64),
    /// The value in this slot of a frame's stack; local variables have the lower slots.
    Temporary(u64),
    /// A member that Python code has a name for.
    Named(&'static str),
}

/// Takes references.
pub(crate) trait Sink {
    /// The object that is being read refers to `target`, if an object is there.
    fn edge(&mut self, target: u64, step: Step);
}

impl<F: FnMut(u64, Step)> Sink for F {
    fn edge(&mut self, target: u64, step: Step) {
        self(target, step);
    }
}

/// Most elements that one object is read for; what follows is left out.
const MAX_ELEMENTS: u64 = 1 << 32;

impl Reader<'_> {
    /// Hands every reference of the object at `address`, whose bytes are `object`, to `sink`.
    pub(crate) fn visit(&self, address: u64, object: Bytes<'_>, facts: &TypeFacts, sink: &mut impl Sink) {
        // What cannot be read is not there: a missing piece of memory was reported as a gap of the core.
        let _ = match facts.shape {
            Shape::Atom | Shape::Int | Shape::Str | Shape::Array | Shape::LruLink | Shape::Decimal => {
                Some(())
            }
            // The object that has the bytes (3.15+).
            Shape::ByteArray => {
                self.places.bytearray_object.and_then(|place| Self::visit_word(object, place, sink))
            }
            Shape::Tuple => self.visit_tuple(object, sink),
            Shape::List => self.visit_list(object, sink),
            Shape::Dict | Shape::OrderedDict => self.visit_dict(object, sink),
            Shape::Set => self.visit_set(object, sink),
            Shape::Type => self.visit_type(object, sink),
            Shape::WeakRef => Self::visit_word(object, self.places.weakref_callback, sink),
            Shape::Frame => self.visit_frame(address, object, facts, sink),
            Shape::Generator => self.visit_generator(address, object, facts, sink),
            Shape::Deque => self.visit_deque(object, sink),
            Shape::LruCache => self.visit_lru_cache(object, facts, sink),
            Shape::Element => self.visit_element(object, facts, sink),
            Shape::ContextVar => self.visit_context_variable(object, sink),
            Shape::SimpleQueue => self.visit_simple_queue(object, facts, sink),
            Shape::Ndarray => self.visit_array(object, facts, sink),
            Shape::Code => self.visit_code(object, facts, sink),
            Shape::Words
            | Shape::BytesIo
            | Shape::Buffered
            | Shape::Struct
            | Shape::Instance
            | Shape::Unknown => {
                Self::visit_words(object, facts, self.places.object_size, facts.shape_size, sink);
                Some(())
            }
        };
        self.visit_rest(address, object, facts, sink);
    }

    /// What derived classes add: slots, and the attributes of instances.
    fn visit_rest(&self, address: u64, object: Bytes<'_>, facts: &TypeFacts, sink: &mut impl Sink) {
        let from = facts.shape_size.next_multiple_of(WORD);
        Self::visit_words(object, facts, from, facts.basic_size, sink);
        if facts.shape == Shape::Unknown && facts.item_size == WORD {
            let len = object.signed(self.places.var_len).unwrap_or(0).unsigned_abs().min(MAX_ELEMENTS);
            for (index, target) in (0..).zip(object.words(facts.basic_size, len)) {
                sink.edge(target, Step::Index(index));
            }
        }
        if facts.has_managed_dict() {
            let _ = self.visit_managed_dict(address, object, facts, sink);
        } else if facts.dict_offset < 0 {
            let _ = self.visit_dict_behind_items(object, facts, sink);
        }
    }

    /// `code`: what it refers to lies in front of its line table; behind that are members that are never set.
    fn visit_code(&self, object: Bytes<'_>, facts: &TypeFacts, sink: &mut impl Sink) -> Option<()> {
        let last = self.places.code_linetable.or(self.places.code_lnotab)?;
        Self::visit_words(object, facts, self.places.object_size, last + WORD, sink);
        Some(())
    }

    /// All words in a part of the object but the list of weak references to it.
    pub(super) fn visit_words(
        object: Bytes<'_>,
        facts: &TypeFacts,
        from: u64,
        to: u64,
        sink: &mut impl Sink,
    ) {
        for (offset, target) in
            (from..).step_by(WORD as usize).zip(object.words(from, Self::word_count(from, to)))
        {
            if target != 0 && offset != facts.weak_list_offset {
                sink.edge(target, Step::Word(offset));
            }
        }
    }

    fn visit_word(object: Bytes<'_>, offset: u64, sink: &mut impl Sink) -> Option<()> {
        sink.edge(object.word(offset)?, Step::Word(offset));
        Some(())
    }

    fn visit_tuple(&self, object: Bytes<'_>, sink: &mut impl Sink) -> Option<()> {
        let len = object.word(self.places.var_len)?.min(MAX_ELEMENTS);
        for (index, target) in (0..).zip(object.words(self.places.tuple_items, len)) {
            sink.edge(target, Step::Index(index));
        }
        Some(())
    }

    fn visit_list(&self, object: Bytes<'_>, sink: &mut impl Sink) -> Option<()> {
        let len = object.word(self.places.var_len)?.min(self.list_slots(object)?).min(MAX_ELEMENTS);
        let items = object.word(self.places.list_items)?;
        for (index, target) in (0..).zip(self.words(items, len)) {
            sink.edge(target, Step::Index(index));
        }
        Some(())
    }

    fn visit_set(&self, object: Bytes<'_>, sink: &mut impl Sink) -> Option<()> {
        let entry_words = (self.places.set_entry_size / WORD).max(1);
        let entries = object.word(self.places.set_mask)?.saturating_add(1).min(MAX_ELEMENTS);
        let table = object.word(self.places.set_table)?.wrapping_add(self.places.set_entry_key);
        for target in self.words(table, entries.saturating_mul(entry_words)).step_by(entry_words as usize) {
            if target != 0 {
                sink.edge(target, Step::Member);
            }
        }
        Some(())
    }

    fn visit_type(&self, object: Bytes<'_>, sink: &mut impl Sink) -> Option<()> {
        let places = &self.places;
        sink.edge(self.type_dict(object), Step::Named("__dict__"));
        sink.edge(object.word(places.type_base)?, Step::Named("__base__"));
        sink.edge(object.word(places.type_bases)?, Step::Named("__bases__"));
        sink.edge(object.word(places.type_mro)?, Step::Named("__mro__"));
        sink.edge(object.word(places.type_cache)?, Step::Named("<cache>"));
        sink.edge(object.word(places.type_subclasses)?, Step::Named("<subclasses>"));
        if self.is_static_type(object) {
            return Some(());
        }
        sink.edge(object.word(places.heap_type_name)?, Step::Named("__name__"));
        sink.edge(object.word(places.heap_type_qualname)?, Step::Named("__qualname__"));
        sink.edge(object.word(places.heap_type_slots)?, Step::Named("<slots>"));
        if let Some(module) = places.heap_type_module {
            sink.edge(object.word(module)?, Step::Named("<module>"));
        }
        let keys = self.dict_keys(object.word(places.heap_type_cached_keys)?)?;
        Self::visit_shared_keys(&keys, sink);
        Some(())
    }

    /// `deque`: blocks of references in a chain; the first and the last are not full.
    fn visit_deque(&self, object: Bytes<'_>, sink: &mut impl Sink) -> Option<()> {
        let places = &self.places;
        let per_block = (places.deque_block_size? - 2 * WORD) / WORD;
        let len = object.word(places.var_len)?.min(MAX_ELEMENTS);
        let mut first = object.word(places.deque_left_index?)?.min(per_block);
        let mut block = object.word(places.deque_left_block?)?;
        let mut index = 0;
        while index < len && first < per_block {
            let bytes = self.image.from(block)?;
            let here = (per_block - first).min(len - index);
            for (number, target) in (index..).zip(bytes.words(places.deque_block_data? + first * WORD, here))
            {
                sink.edge(target, Step::Index(number));
            }
            index += here;
            first = 0;
            block = bytes.word(places.deque_block_right?)?;
        }
        Some(())
    }

    /// The dict or the values in front of the object, or the values behind it.
    fn visit_managed_dict(
        &self,
        address: u64,
        object: Bytes<'_>,
        facts: &TypeFacts,
        sink: &mut impl Sink,
    ) -> Option<()> {
        let before = |words: u64| self.image.word(address.wrapping_sub(words * WORD));
        let shared_keys = || {
            let class = self.image.from(facts.address)?;
            self.dict_keys(class.word(self.places.heap_type_cached_keys)?)
        };
        let words = if self.instance_dict == InstanceDict::InlineValuesWithoutGcHead { 1 } else { 3 };
        let dict = before(words)?;
        match self.instance_dict {
            InstanceDict::Pointer => {}
            InstanceDict::ValuesAndDict => {
                sink.edge(dict, Step::Named("__dict__"));
                let values = before(4)?;
                if values != 0 {
                    self.visit_values(values, &shared_keys()?, sink);
                }
            }
            // The values' address less one (`_PyDictOrValues_SetValues`).
            InstanceDict::Tagged if dict & 1 == 1 => {
                self.visit_values(dict.wrapping_add(1), &shared_keys()?, sink);
            }
            InstanceDict::Tagged => sink.edge(dict, Step::Named("__dict__")),
            InstanceDict::InlineValues | InstanceDict::InlineValuesWithoutGcHead => {
                sink.edge(dict, Step::Named("__dict__"));
                // A dict that was made for the instance refers to the values itself.
                let inline = facts.has_inline_values() && dict == 0;
                if inline && object.byte(facts.basic_size + self.places.values_valid?)? != 0 {
                    let values = address.wrapping_add(facts.basic_size);
                    self.visit_values(values, &shared_keys()?, sink);
                }
            }
        }
        Some(())
    }

    /// Variable-sized objects have their dict behind the items (`_PyObject_GetDictPtr`, up to 3.11).
    fn visit_dict_behind_items(
        &self,
        object: Bytes<'_>,
        facts: &TypeFacts,
        sink: &mut impl Sink,
    ) -> Option<()> {
        let items = object.signed(self.places.var_len)?.unsigned_abs();
        let size = facts.basic_size.checked_add(items.checked_mul(facts.item_size)?)?;
        let end = size.checked_next_multiple_of(WORD)?;
        sink.edge(object.word(end.checked_add_signed(facts.dict_offset)?)?, Step::Named("__dict__"));
        Some(())
    }
}
