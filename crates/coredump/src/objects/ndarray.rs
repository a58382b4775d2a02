//! NumPy arrays: shape, type of the elements, and the elements themselves.
//!
//! <https://github.com/numpy/numpy/blob/v2.2.0/numpy/_core/include/numpy/ndarraytypes.h>

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, Dtype, Ndarray, Object};
use crate::objects::repr::Objects;

/// NumPy's own bound on dimensions is 32, and 64 from NumPy 2 on (`NPY_MAXDIMS`).
const MAX_DIMENSIONS: i32 = 64;

/// An array, without its elements.
#[derive(Clone, Debug)]
pub struct Array {
    /// Length of each dimension.
    pub shape: Vec<u64>,
    /// Distance in bytes of neighbours along each dimension.
    pub strides: Vec<i64>,
    /// The first element.
    pub data: Address,
    /// Type of the elements.
    pub element: Element,
}

/// Type of the elements of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// `dtype.kind`: `b`, `i`, `u`, `f`, `c`, `U`, `S`, `V`, `M`, `m`, `O`.
    pub kind: u8,
    /// `dtype.itemsize`.
    pub size: u64,
    /// The bytes of an element are in the machine's order.
    pub is_native: bool,
}

impl Array {
    /// Number of elements; `None` where it is too large for the address space.
    pub fn element_count(&self) -> Option<u64> {
        self.shape.iter().try_fold(1_u64, |product, &length| product.checked_mul(length))
    }
}

impl Element {
    /// `dtype.name`, as far as kind and size tell it.
    pub fn name(self) -> Option<String> {
        let bits = self.size.checked_mul(8)?;
        Some(match self.kind {
            b'b' => "bool".to_owned(),
            b'i' => format!("int{bits}"),
            b'u' => format!("uint{bits}"),
            b'f' if self.size <= 8 => format!("float{bits}"),
            b'c' if self.size <= 16 => format!("complex{bits}"),
            b'O' => "object".to_owned(),
            b'U' => format!("<U{}", self.size / 4),
            b'S' => format!("S{}", self.size),
            _ => return None,
        })
    }
}

/// Reads the header of an array.
///
/// # Errors
/// When it is not there, or cannot be one.
pub fn read(objects: &Objects<'_>, array: Ptr<Ndarray>) -> Result<Array, ReadError> {
    let python = objects.python();
    let count = python.read(array, member::NDARRAY_DIMENSION_COUNT)?;
    if !(0..=MAX_DIMENSIONS).contains(&count) {
        let what = "an array of an impossible number of dimensions";
        return Err(ReadError::Invalid { at: array.address(), what });
    }
    let words = |start: Address| -> Result<Vec<u64>, ReadError> {
        let bytes = python.bytes(start, count as u64 * python.space().target().word_size as u64)?;
        Ok(python.space().target().words(&bytes).collect())
    };
    let (mut shape, mut strides) = (Vec::new(), Vec::new());
    if count > 0 {
        shape = words(python.read(array, member::NDARRAY_DIMENSIONS)?)?;
        strides = words(python.read(array, member::NDARRAY_STRIDES)?)?;
    }
    if shape.iter().any(|&length| length > i64::MAX as u64) {
        return Err(ReadError::Invalid { at: array.address(), what: "an array of negative length" });
    }
    let dtype = python.read(array, member::NDARRAY_DTYPE)?.ok_or(ReadError::Null("descr of an array"))?;
    Ok(Array {
        shape,
        strides: strides.into_iter().map(|stride| stride as i64).collect(),
        data: python.read(array, member::NDARRAY_DATA)?,
        element: element(objects, dtype)?,
    })
}

/// Reads a `numpy.dtype`.
///
/// # Errors
/// When it is not there, or its kind is none of NumPy's.
pub fn element(objects: &Objects<'_>, dtype: Ptr<Dtype>) -> Result<Element, ReadError> {
    let python = objects.python();
    let kind = python.read(dtype, member::DTYPE_KIND)?;
    let type_char = python.read(dtype, member::DTYPE_TYPE)?;
    let order = python.read(dtype, member::DTYPE_BYTE_ORDER)?;
    // The kinds of elements whose size the character of the type gives (`NPY_TYPES`, on 64-bit Linux).
    let size = match type_char {
        b'?' | b'b' | b'B' => 1,
        b'h' | b'H' | b'e' => 2,
        b'i' | b'I' | b'f' => 4,
        b'l' | b'L' | b'q' | b'Q' | b'd' | b'F' | b'O' | b'M' | b'm' => 8,
        b'g' | b'D' => 16,
        b'G' => 32,
        b'U' | b'S' | b'V' => flexible_size(objects, dtype)?,
        _ => return Err(ReadError::Invalid { at: dtype.address(), what: "no dtype that is known" }),
    };
    if !b"biufcOMmUSV".contains(&kind) {
        return Err(ReadError::Invalid { at: dtype.address(), what: "no kind of dtype" });
    }
    let native = if python.space().target().little_endian { b'<' } else { b'>' };
    Ok(Element { kind, size, is_native: matches!(order, b'=' | b'|') || order == native })
}

/// `elsize`, which NumPy 2 moved: that version's dtypes are larger.
fn flexible_size(objects: &Objects<'_>, dtype: Ptr<Dtype>) -> Result<u64, ReadError> {
    let python = objects.python();
    let of = python.type_of(dtype.cast::<Object>())?;
    let is_version_2 = u64::try_from(python.read(of, member::TYPE_BASICSIZE)?).is_ok_and(|size| {
        size > python.layout().size_of(member::OBJECT_SIZE).unwrap_or(16) + DTYPE_BODY_OF_VERSION_1
    });
    let size = if is_version_2 {
        python.read(dtype, member::DTYPE_2_ITEM_SIZE)?
    } else {
        i64::from(python.read(dtype, member::DTYPE_ITEM_SIZE)?)
    };
    u64::try_from(size).map_err(|_| ReadError::Invalid { at: dtype.address(), what: "negative item size" })
}

/// Bytes that NumPy 1's `PyArray_Descr` has behind the object header; NumPy 2's has more.
pub const DTYPE_BODY_OF_VERSION_1: u64 = 80;
