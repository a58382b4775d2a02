//! References of types of the standard library, and of NumPy, that keep some of them apart from the object.

use crate::memory::image::{Bytes, WORD};
use crate::objects::types::TypeFacts;
use crate::references::reader::Reader;
use crate::references::visit::{Sink, Step};

/// Most elements that one object is read for.
const MAX_ELEMENTS: u64 = 1 << 32;

impl Reader<'_> {
    /// `lru_cache_object` (Modules/_functoolsmodule.c at v3.8.18 to v3.15.2).
    ///
    /// The collector sees what the links of the ring hold as the cache's (`lru_cache_tp_traverse`), and so do we: up to
    /// 3.9 the links' type is never readied, and cannot be told from other memory.
    pub(super) fn visit_lru_cache(
        &self,
        object: Bytes<'_>,
        facts: &TypeFacts,
        sink: &mut impl Sink,
    ) -> Option<()> {
        let places = &self.places;
        let (previous, next) = (places.lru_link_previous?, places.lru_link_next?);
        // The object begins as the first link of the ring.
        let from = previous.max(next) + WORD;
        Self::visit_words(object, facts, from, facts.shape_size, sink);
        let root = object.start();
        let cache = self.image.from(object.word(places.lru_cache?)?)?;
        let mut left = cache.word(places.dict_used)?.min(MAX_ELEMENTS);
        let mut at = object.word(next)?;
        while at != root && at != 0 && left > 0 {
            let link = self.image.from(at)?;
            let key = link.word(places.lru_link_key?)?;
            sink.edge(key, Step::Key);
            sink.edge(link.word(places.lru_link_result?)?, Step::Item(key));
            at = link.word(next)?;
            left -= 1;
        }
        Some(())
    }

    /// `ElementObject` (Modules/_elementtree.c at v3.8.18 to v3.15.2); the lowest bit of text and tail is a flag.
    pub(super) fn visit_element(
        &self,
        object: Bytes<'_>,
        facts: &TypeFacts,
        sink: &mut impl Sink,
    ) -> Option<()> {
        let places = &self.places;
        let end = places.element_extra?;
        Self::visit_words(object, facts, end + WORD, facts.shape_size, sink);
        for place in [places.element_tag?, places.element_text?, places.element_tail?] {
            sink.edge(object.word(place)? & !1, Step::Word(place));
        }
        let extra = self.image.from(object.word(end).filter(|&extra| extra != 0)?)?;
        sink.edge(extra.word(places.element_extra_attrib?)?, Step::Named("attrib"));
        let children = extra.word(places.element_extra_children?)?;
        let count = extra.word(places.element_extra_length?)?.min(MAX_ELEMENTS);
        for (index, child) in (0..).zip(self.words(children, count)) {
            sink.edge(child, Step::Index(index));
        }
        Some(())
    }

    /// `_pycontextvarobject`; `var_cached` is a borrowed reference (Python/context.c at v3.8.18 to v3.15.2).
    pub(super) fn visit_context_variable(&self, object: Bytes<'_>, sink: &mut impl Sink) -> Option<()> {
        for (place, name) in
            [(self.places.context_var_name, "name"), (self.places.context_var_default, "<default>")]
        {
            sink.edge(object.word(place?)?, Step::Named(name));
        }
        Some(())
    }

    /// `simplequeueobject` (Modules/_queuemodule.c): a list up to 3.12, from v3.13.0 on a ring of its own.
    pub(super) fn visit_simple_queue(
        &self,
        object: Bytes<'_>,
        facts: &TypeFacts,
        sink: &mut impl Sink,
    ) -> Option<()> {
        let places = &self.places;
        let Some(items) = places.simple_queue_items else {
            Self::visit_words(object, facts, places.object_size, facts.shape_size, sink);
            return Some(());
        };
        let items = object.word(items)?;
        let capacity = object.word(places.simple_queue_capacity?)?;
        let first = object.word(places.simple_queue_first?)?.min(capacity);
        let count = object.word(places.simple_queue_count?)?.min(capacity).min(MAX_ELEMENTS);
        let behind = count.min(capacity - first);
        let start = items.wrapping_add(first.wrapping_mul(WORD));
        let words = self.words(start, behind).chain(self.words(items, count - behind));
        for (index, item) in (0..).zip(words) {
            sink.edge(item, Step::Index(index));
        }
        Some(())
    }

    /// `PyArrayObject_fields` of NumPy. Elements are objects when `dtype.kind` is `O`; an array that is a view of another
    /// (it has a base) leaves them to that.
    pub(super) fn visit_array(
        &self,
        object: Bytes<'_>,
        facts: &TypeFacts,
        sink: &mut impl Sink,
    ) -> Option<()> {
        const MAX_DIMENSIONS: u64 = 64;
        let places = &self.places;
        Self::visit_words(object, facts, places.object_size, facts.shape_size, sink);
        let dtype = self.image.from(object.word(places.ndarray_dtype?)?)?;
        if object.word(places.ndarray_base?)? != 0 || dtype.byte(places.dtype_kind?)? != b'O' {
            return Some(());
        }
        let count = u64::from(object.half(places.ndarray_dimension_count?)?).min(MAX_DIMENSIONS);
        let lengths = self.words(object.word(places.ndarray_dimensions?)?, count);
        // What an array owns lies without gaps, so that the order of the elements does not matter here.
        let elements = lengths.fold(1u64, u64::saturating_mul).min(MAX_ELEMENTS);
        for (index, element) in (0..).zip(self.words(object.word(places.ndarray_data?)?, elements)) {
            if element != 0 {
                sink.edge(element, Step::Index(index));
            }
        }
        Some(())
    }
}
