//! How large an object is to Python code: `len()`, its buffer, its shape.

use pycoroner_coredump::objects::ndarray;

use crate::naming::look::Look;
use crate::objects::kinds::Shape;

/// The classes that those of `ctypes` derive from; what these derive from has no name up to 3.12.
const CTYPES: [&str; 6] = [
    "_ctypes.Array",
    "_ctypes.Structure",
    "_ctypes.Union",
    "_ctypes._SimpleCData",
    "_ctypes._Pointer",
    "_ctypes.CFuncPtr",
];

/// Sizes that the type of an object gives it; `None` where it has no such thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measures {
    /// `len()`, as built-in types count.
    pub(crate) length: Option<u64>,
    /// Bytes of the content that it gives access to.
    pub(crate) buffer_bytes: Option<u64>,
    /// Lengths of the dimensions of an array.
    pub(crate) shape: Option<Vec<u64>>,
}

/// Types of the standard library whose objects give access to memory that their size does not count.
const WITH_BUFFER: [&str; 3] = ["memoryview", "mmap.mmap", "_io.BytesIO"];

/// Whether the objects of a class give access to memory that their size does not count, arrays of NumPy left out.
pub(crate) fn gives_access(look: &Look<'_, '_, '_>, class: u64) -> bool {
    WITH_BUFFER.contains(&look.name_of_class(class).as_str())
        || CTYPES.iter().any(|name| look.is_derived(class, name))
}

impl Measures {
    /// Measures the object at `address`.
    pub(crate) fn of(look: &Look<'_, '_, '_>, address: u64) -> Self {
        Self::builtin(look, address).or_else(|| Self::array(look, address)).unwrap_or_default()
    }

    fn builtin(look: &Look<'_, '_, '_>, address: u64) -> Option<Self> {
        let facts = look.facts(address)?;
        let places = &look.reader.places;
        let object = look.bytes(address)?;
        let (length, item_bytes) = match facts.shape {
            Shape::Dict | Shape::OrderedDict => (object.word(places.dict_used)?, None),
            Shape::Set => (object.word(places.set_used)?, None),
            Shape::Str => (object.word(places.unicode_length)?, None),
            Shape::List | Shape::Tuple | Shape::Deque => (object.word(places.var_len)?, None),
            Shape::ByteArray => (object.word(places.var_len)?, Some(1)),
            Shape::Array => (object.word(places.var_len)?, look.reader.array_item_size(object)),
            Shape::Atom if facts.is_bytes() => (object.word(places.var_len)?, Some(1)),
            _ => return Self::library(look, address),
        };
        let buffer_bytes = item_bytes.and_then(|size| length.checked_mul(size));
        Some(Self { length: Some(length), buffer_bytes, shape: None })
    }

    /// Types of the standard library that give access to memory.
    fn library(look: &Look<'_, '_, '_>, address: u64) -> Option<Self> {
        let places = &look.reader.places;
        let object = look.bytes(address)?;
        let class = look.facts(address)?.address;
        match look.type_name(address).as_str() {
            "memoryview" => {
                const MAX_DIMENSIONS: u64 = 64;
                let count = u64::from(object.half(places.memoryview_dimension_count?)?).min(MAX_DIMENSIONS);
                let shape: Vec<u64> =
                    look.reader.words(object.word(places.memoryview_shape?)?, count).collect();
                let buffer_bytes = object.word(places.memoryview_len?);
                Some(Self { length: shape.first().copied(), buffer_bytes, shape: Some(shape) })
            }
            "mmap.mmap" => {
                let size = object.word(places.mmap_size?);
                Some(Self { length: size, buffer_bytes: size, shape: None })
            }
            "_io.BytesIO" => {
                Some(Self { buffer_bytes: object.word(places.bytes_io_length?), ..Self::default() })
            }
            _ if CTYPES.iter().any(|name| look.is_derived(class, name)) => {
                let is_array = look.is_derived(class, "_ctypes.Array");
                let length = object.word(places.cdata_length?).filter(|_| is_array);
                Some(Self { length, buffer_bytes: object.word(places.cdata_size?), shape: None })
            }
            _ => None,
        }
    }

    fn array(look: &Look<'_, '_, '_>, address: u64) -> Option<Self> {
        if !look.is_derived(look.facts(address)?.address, "numpy.ndarray") {
            return None;
        }
        let array = ndarray::read(look.objects(), Look::pointer(address).ok()?).ok()?;
        Some(Self {
            length: array.shape.first().copied(),
            buffer_bytes: array.element_count().and_then(|count| count.checked_mul(array.element.size)),
            shape: Some(array.shape),
        })
    }
}
