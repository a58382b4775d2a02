//! Which of the built-in types an object is an instance of, told by its type's flags.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, Object, TypeObject};
use crate::runtime::python::Python;

/// The built-in type that an object's type is, or is derived from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `int`, and so `bool`.
    Int,
    /// `list`.
    List,
    /// `tuple`.
    Tuple,
    /// `bytes`.
    Bytes,
    /// `str`.
    Str,
    /// `dict`.
    Dict,
    /// `BaseException`.
    Exception,
    /// `type`: the object is a class.
    Type,
    /// None of them.
    Other,
}

/// Bits of `tp_flags` (Include/object.h; none of these moved from 3.8 to 3.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeFlags(pub u64);

impl TypeFlags {
    /// `Py_TPFLAGS_INLINE_VALUES` (3.13+).
    pub const INLINE_VALUES: u64 = 1 << 2;
    /// `Py_TPFLAGS_MANAGED_DICT` (3.11+).
    pub const MANAGED_DICT: u64 = 1 << 4;
    /// `Py_TPFLAGS_HEAPTYPE`.
    pub const HEAP_TYPE: u64 = 1 << 9;

    /// Whether all bits of `mask` are set.
    pub fn has(self, mask: u64) -> bool {
        self.0 & mask == mask
    }

    /// The built-in type whose `Py_TPFLAGS_…_SUBCLASS` is set.
    pub fn kind(self) -> Kind {
        let kinds = [
            Kind::Int,
            Kind::List,
            Kind::Tuple,
            Kind::Bytes,
            Kind::Str,
            Kind::Dict,
            Kind::Exception,
            Kind::Type,
        ];
        // Py_TPFLAGS_LONG_SUBCLASS is bit 24, the others follow in this order.
        kinds
            .into_iter()
            .enumerate()
            .find(|&(bit, _)| self.has(1 << (24 + bit)))
            .map_or(Kind::Other, |(_, kind)| kind)
    }
}

/// The flags of a type.
///
/// # Errors
/// When the type is not there.
pub fn flags(python: &Python<'_>, of: Ptr<TypeObject>) -> Result<TypeFlags, ReadError> {
    Ok(TypeFlags(python.read(of, member::TYPE_FLAGS)?))
}

/// The kind of an object.
///
/// # Errors
/// When its header or its type is not there.
pub fn of(python: &Python<'_>, object: Ptr<Object>) -> Result<Kind, ReadError> {
    Ok(flags(python, python.type_of(object)?)?.kind())
}

/// Takes `object` for a class when it is one.
pub fn as_type(python: &Python<'_>, object: Ptr<Object>) -> Option<Ptr<TypeObject>> {
    matches!(of(python, object), Ok(Kind::Type)).then(|| object.cast())
}
