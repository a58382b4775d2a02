//! `tuple` and `list` objects, and other arrays of object pointers.

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, ListObject, Object, TupleObject, VarObject};
use crate::objects::kind::{self, Kind};
use crate::objects::unicode::bytes_as_far_as_there;
use crate::runtime::python::Python;

/// Elements of a sequence, as far as they were read.
#[derive(Clone, Debug, Default)]
pub struct Elements {
    /// The first ones; `None` is a null pointer, as in a tuple that is being built.
    pub items: Vec<Option<Ptr<Object>>>,
    /// Number of elements that the object says it has.
    pub len: u64,
    /// What stood in the way of reading on.
    pub fault: Option<ReadError>,
}

impl Elements {
    /// Whether all elements were read.
    pub fn is_complete(&self) -> bool {
        self.items.len() as u64 == self.len
    }
}

/// Reads the elements of a tuple, at most `limit`.
///
/// # Errors
/// When it is no tuple, or its header is not there.
pub fn tuple(python: &Python<'_>, object: Ptr<TupleObject>, limit: usize) -> Result<Elements, ReadError> {
    expect(python, object.cast(), Kind::Tuple, "not a tuple")?;
    let len = len(python, object.cast())?;
    Ok(pointers(python, python.address_of(object, member::TUPLE_ITEMS)?, len, limit))
}

/// Reads the elements of a list, at most `limit`.
///
/// # Errors
/// When it is no list, or its header is not there.
pub fn list(python: &Python<'_>, object: Ptr<ListObject>, limit: usize) -> Result<Elements, ReadError> {
    expect(python, object.cast(), Kind::List, "not a list")?;
    let len = len(python, object.cast())?;
    Ok(pointers(python, python.read(object, member::LIST_ITEMS)?, len, limit))
}

/// `ob_size` of an object of variable size.
///
/// # Errors
/// When it is not there, or negative.
pub fn len(python: &Python<'_>, object: Ptr<VarObject>) -> Result<u64, ReadError> {
    let len = python.read(object, member::VAR_SIZE)?;
    u64::try_from(len).map_err(|_| ReadError::Invalid { at: object.address(), what: "negative length" })
}

/// Reads an array of `len` object pointers, at most `limit` of them.
pub(crate) fn pointers(python: &Python<'_>, start: Address, len: u64, limit: usize) -> Elements {
    let target = python.space().target();
    if len == 0 {
        // An empty list has no array at all.
        return Elements { items: Vec::new(), len, fault: None };
    }
    let wanted = len.min(limit as u64).saturating_mul(target.word_size as u64);
    let (bytes, fault) = bytes_as_far_as_there(python, start, wanted);
    let items = target.words(&bytes).map(|word| Ptr::new(Address(word))).collect();
    Elements { items, len, fault: fault.map(ReadError::from) }
}

pub(crate) fn expect(
    python: &Python<'_>,
    object: Ptr<Object>,
    kind: Kind,
    what: &'static str,
) -> Result<(), ReadError> {
    if kind::of(python, object)? == kind {
        Ok(())
    } else {
        Err(ReadError::Invalid { at: object.address(), what })
    }
}
