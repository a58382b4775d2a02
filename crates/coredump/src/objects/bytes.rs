//! `bytes` and `bytearray` objects.

use std::borrow::Cow;

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, ByteArrayObject, BytesObject};
use crate::memory::Fault;
use crate::objects::kind::Kind;
use crate::objects::sequence::{expect, len};
use crate::objects::unicode::bytes_as_far_as_there;
use crate::runtime::python::Python;

/// The first bytes of a `bytes` or `bytearray`.
#[derive(Clone, Debug)]
pub struct Bytes<'m> {
    /// Those that were read.
    pub data: Cow<'m, [u8]>,
    /// Number of bytes that the object says it has.
    pub len: u64,
    /// What stood in the way of reading on.
    pub fault: Option<Fault>,
}

impl Bytes<'_> {
    /// Whether all bytes were read.
    pub fn is_complete(&self) -> bool {
        self.data.len() as u64 == self.len
    }
}

/// Reads a `bytes`, at most `limit` bytes of it.
///
/// # Errors
/// When it is no `bytes`, or its header is not there.
pub fn bytes<'m>(
    python: &Python<'m>,
    object: Ptr<BytesObject>,
    limit: usize,
) -> Result<Bytes<'m>, ReadError> {
    expect(python, object.cast(), Kind::Bytes, "not a bytes object")?;
    let len = len(python, object.cast())?;
    let start = python.address_of(object, member::BYTES_DATA)?;
    let (data, fault) = bytes_as_far_as_there(python, start, len.min(limit as u64));
    Ok(Bytes { data, len, fault })
}

/// Reads a `bytearray`, at most `limit` bytes of it. The caller knows that it is one: no flag tells.
///
/// # Errors
/// When its header is not there.
pub fn bytearray<'m>(
    python: &Python<'m>,
    object: Ptr<ByteArrayObject>,
    limit: usize,
) -> Result<Bytes<'m>, ReadError> {
    let len = len(python, object.cast())?;
    let start = python.read(object, member::BYTEARRAY_START)?;
    let (data, fault) = bytes_as_far_as_there(python, start, len.min(limit as u64));
    Ok(Bytes { data, len, fault })
}
