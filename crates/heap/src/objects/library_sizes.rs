//! Sizes of objects of the standard library's and NumPy's C types, which count buffers of their own.

use pycoroner_coredump::objects::ndarray;

use crate::memory::image::{Bytes, WORD};
use crate::objects::kinds::Shape;
use crate::objects::types::TypeFacts;
use crate::references::reader::Reader;

/// Something that an object has allocated for itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    /// Where it starts.
    pub(crate) start: u64,
    /// How many bytes the object's size counts for it.
    pub(crate) len: u64,
}

impl Reader<'_> {
    /// What the size of such an object counts besides its own structure, or nothing for other types.
    pub(super) fn library_extra(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<u64> {
        match facts.shape {
            Shape::BytesIo => self.bytes_io_extra(object),
            Shape::Element => self.element_extra(object),
            Shape::Struct => self.struct_extra(object),
            Shape::Ndarray => self.array_extra(object),
            Shape::SimpleQueue => self.queue_extra(object),
            Shape::Buffered | Shape::Decimal => self.own_buffer(object, facts).map(|own| own.len),
            _ => None,
        }
    }

    /// The buffer that such an object owns alone.
    pub(super) fn own_buffer(&self, object: Bytes<'_>, facts: &TypeFacts) -> Option<Allocated> {
        match facts.shape {
            Shape::Buffered => self.buffered_buffer(object),
            Shape::Decimal => self.decimal_digits(object),
            Shape::Ndarray => self.array_data(object),
            _ => None,
        }
    }

    /// `bytesio_sizeof` (Modules/_io/bytesio.c): its bytes count while it has them alone.
    fn bytes_io_extra(&self, object: Bytes<'_>) -> Option<u64> {
        let buffer = self.image.from(object.word(self.places.bytes_io_buffer?)?)?;
        let of_type = self.image.from(buffer.word(self.places.of_type)?)?;
        if self.places.count_of(buffer)? > 1 {
            return None;
        }
        of_type.word(self.places.type_basicsize)?.checked_add(buffer.word(self.places.var_len)?)
    }

    /// `buffered_sizeof` (Modules/_io/bufferedio.c).
    fn buffered_buffer(&self, object: Bytes<'_>) -> Option<Allocated> {
        let start = object.word(self.places.buffered_buffer?)?;
        let len = object.word(self.places.buffered_buffer_size?)?;
        (start != 0).then_some(Allocated { start, len })
    }

    /// `_elementtree_Element___sizeof___impl` (Modules/_elementtree.c): a few children lie in the structure itself.
    fn element_extra(&self, object: Bytes<'_>) -> Option<u64> {
        let places = &self.places;
        let at = object.word(places.element_extra?)?;
        let extra = self.image.from(at)?;
        let is_own = extra.word(places.element_extra_children?)?
            == at.wrapping_add(places.element_extra_own_children?);
        let allocated = if is_own { 0 } else { extra.word(places.element_extra_allocated?)? };
        places.element_extra_size?.checked_add(allocated.checked_mul(WORD)?)
    }

    /// `s_sizeof` (Modules/_struct.c): the items of the format up to one without a definition, that one as well.
    fn struct_extra(&self, object: Bytes<'_>) -> Option<u64> {
        const MAX_ITEMS: u64 = 1 << 20;
        let size = self.places.struct_code_size?;
        let codes = self.image.from(object.word(self.places.struct_codes?)?)?;
        let is_last = |&item: &u64| codes.word(item * size).is_none_or(|definition| definition == 0);
        (0..MAX_ITEMS).find(is_last)?.checked_add(1)?.checked_mul(size)
    }

    /// `dec_sizeof` (Modules/_decimal/_decimal.c): digits that do not fit into the structure.
    fn decimal_digits(&self, object: Bytes<'_>) -> Option<Allocated> {
        /// `MPD_DATAFLAGS`: the digits are static, shared or constant (libmpdec/mpdecimal.h).
        const NOT_DYNAMIC: u8 = 0xe0;
        let places = &self.places;
        if object.byte(places.decimal_flags?)? & NOT_DYNAMIC != 0 {
            return None;
        }
        let start = object.word(places.decimal_data?)?;
        Some(Allocated { start, len: object.word(places.decimal_alloc?)?.checked_mul(WORD)? })
    }

    /// `_queue_SimpleQueue___sizeof___impl` (Modules/_queuemodule.c at v3.15.2): the ring.
    fn queue_extra(&self, object: Bytes<'_>) -> Option<u64> {
        object.word(self.places.simple_queue_capacity?)?.checked_mul(WORD)
    }

    /// `array_sizeof` (numpy/_core/src/multiarray/methods.c at v2.2.0): lengths, strides, and elements of its own.
    fn array_extra(&self, object: Bytes<'_>) -> Option<u64> {
        let dimensions = self.array_dimensions(object)?.saturating_mul(2 * WORD);
        Some(dimensions.saturating_add(self.array_data(object).map_or(0, |data| data.len)))
    }

    fn array_dimensions(&self, object: Bytes<'_>) -> Option<u64> {
        const MAX_DIMENSIONS: u64 = 64;
        let count = u64::from(object.half(self.places.ndarray_dimension_count?)?);
        (count <= MAX_DIMENSIONS).then_some(count)
    }

    fn array_data(&self, object: Bytes<'_>) -> Option<Allocated> {
        /// `NPY_ARRAY_OWNDATA` (numpy/_core/include/numpy/ndarraytypes.h).
        const OWNS_DATA: u32 = 4;
        let places = &self.places;
        if object.half(places.ndarray_flags?)? & OWNS_DATA == 0 {
            return None;
        }
        let count = self.array_dimensions(object)?;
        let lengths = self.words(object.word(places.ndarray_dimensions?)?, count);
        let size = self.item_size(self.image.from(object.word(places.ndarray_dtype?)?)?)?;
        let len = lengths.fold(size, u64::saturating_mul);
        Some(Allocated { start: object.word(places.ndarray_data?)?, len })
    }

    /// `dtype.itemsize`, which NumPy 2 moved: that version's dtypes are larger.
    fn item_size(&self, dtype: Bytes<'_>) -> Option<u64> {
        let places = &self.places;
        let of_type = self.image.from(dtype.word(places.of_type)?)?;
        let size = of_type.word(places.type_basicsize)?;
        if size > places.object_size + ndarray::DTYPE_BODY_OF_VERSION_1 {
            return dtype.word(places.dtype_2_item_size?);
        }
        dtype.half(places.dtype_item_size?).map(u64::from)
    }
}
