//! Memory, layout and dialect of one interpreter build: what every reader of Python structures needs.

use std::borrow::Cow;

use crate::address::{Address, Ptr};
use crate::layout::member::{self, Object, TypeObject};
use crate::layout::{Layout, Member, ReadError, Value};
use crate::memory::{Fault, Space};
use crate::runtime::dialect::Dialect;

/// A memory with the layout and the dialect of the interpreter that lived in it.
#[derive(Clone, Debug)]
pub struct Python<'m> {
    space: Space<'m>,
    layout: Layout,
    dialect: Dialect,
}

impl<'m> Python<'m> {
    /// Reads `space` by the numbers of `layout` and the rules of `dialect`.
    pub fn new(space: Space<'m>, layout: Layout, dialect: Dialect) -> Self {
        Self { space, layout, dialect }
    }

    /// The memory.
    pub fn space(&self) -> &Space<'m> {
        &self.space
    }

    /// The offsets.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The rules.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// Reads a member of the structure at `at`.
    ///
    /// # Errors
    /// When the bytes are not there, or the build has no such member.
    pub fn read<S, T: Value>(&self, at: Ptr<S>, member: Member<S, T>) -> Result<T, ReadError> {
        self.layout.read(&self.space, at, member)
    }

    /// Address of a member of the structure at `at`.
    ///
    /// # Errors
    /// When the build has no such member.
    pub fn address_of<S, T>(&self, at: Ptr<S>, member: Member<S, T>) -> Result<Address, ReadError> {
        self.layout.address_of(at, member)
    }

    /// The `len` bytes from `address` on.
    ///
    /// # Errors
    /// When they are not there.
    pub fn bytes(&self, address: Address, len: u64) -> Result<Cow<'m, [u8]>, Fault> {
        self.space.bytes(address, len)
    }

    /// The pointer-sized number at `address`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn word(&self, address: Address) -> Result<u64, Fault> {
        self.space.word(address)
    }

    /// The type of an object.
    ///
    /// # Errors
    /// When the object's header is not there or holds a null pointer.
    pub fn type_of(&self, object: Ptr<Object>) -> Result<Ptr<TypeObject>, ReadError> {
        self.read(object, member::OBJECT_TYPE)
    }

    /// `tp_flags` of an object's type.
    ///
    /// # Errors
    /// When the header or the type is not there.
    pub fn type_flags_of(&self, object: Ptr<Object>) -> Result<u64, ReadError> {
        self.read(self.type_of(object)?, member::TYPE_FLAGS)
    }
}
