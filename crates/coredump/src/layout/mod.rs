//! Where the members of CPython's structures lie: numbers only.
//!
//! One list names every member that pycoroner reads ([`member`]). A [`Column`] gives their offsets for one
//! build; columns come from DWARF (`pycoroner layout ELF`), either generated ahead and compiled in
//! ([`columns`]) or read from the module at hand, and are overridden by what `_Py_DebugOffsets` states in the
//! core itself. [`Layout`] is what all readers use, and it is verified against the core before they do.

pub(crate) mod column;
pub(crate) mod columns;
pub(crate) mod debug_offsets;
pub(crate) mod dwarf;
pub(crate) mod flavor;
pub mod member;
pub(crate) mod structure;

use std::marker::PhantomData;

use crate::address::{Address, Ptr};
use crate::layout::column::Place;
use crate::memory::{Fault, Space};

pub use column::{Column, ColumnError};
pub use dwarf::{DwarfError, column_from_dwarf};

/// Where one member of structure `S` lies is looked up under this name; a value of type `T` stands there.
pub struct Member<S, T> {
    pub(crate) id: member::Id,
    kind: PhantomData<fn(S) -> T>,
}

impl<S, T> Clone for Member<S, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, T> Copy for Member<S, T> {}

impl<S, T> Member<S, T> {
    pub(crate) const fn new(id: member::Id) -> Self {
        Self { id, kind: PhantomData }
    }

    /// What columns call it.
    pub(crate) fn path(self) -> &'static str {
        self.id.path()
    }
}

/// The places of all members for the interpreter at hand.
#[derive(Clone, Debug)]
pub struct Layout {
    places: Vec<Option<Place>>,
}

/// Why a member could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The bytes are not there.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// This build's layout has no such member.
    #[error("the layout of this build has no member {0}")]
    NoMember(&'static str),
    /// A pointer that must not be null is.
    #[error("null pointer in {0}")]
    Null(&'static str),
    /// The bytes are there, but are not what they must be.
    #[error("{at}: {what}")]
    Invalid {
        /// Where the bytes stand.
        at: Address,
        /// What is wrong with them.
        what: &'static str,
    },
}

impl Layout {
    /// Takes the places that `column` gives, and those of extension modules that hold for every CPython.
    pub fn new(column: &Column) -> Self {
        let interfaces = columns::c_interfaces(column);
        let place = |id: &member::Id| column.place(id.path()).or_else(|| interfaces.place(id.path()));
        Self { places: member::Id::ALL.iter().map(place).collect() }
    }

    /// Adds the places of an extension module's structures, for this build and its version of the module.
    pub(crate) fn add(&mut self, column: &Column) {
        for id in member::Id::ALL {
            if let (Some(place), Some(slot)) = (column.place(id.path()), self.places.get_mut(*id as usize)) {
                *slot = Some(place);
            }
        }
    }

    /// Replaces the offset of the member (or size) called `path`; unknown names are ignored, as they are not read.
    pub(crate) fn set_offset(&mut self, path: &str, offset: u64) {
        if let Some(id) = member::Id::ALL.iter().find(|id| id.path() == path)
            && let Some(slot) = self.places.get_mut(*id as usize)
        {
            *slot = Some(Place { offset, ..slot.unwrap_or_default() });
        }
    }

    /// States where a member lies.
    pub(crate) fn set<S, T>(&mut self, member: Member<S, T>, offset: u64) {
        if let Some(slot) = self.places.get_mut(member.id as usize) {
            *slot = Some(Place { offset, bits: None });
        }
    }

    fn place(&self, id: member::Id) -> Option<Place> {
        self.places.get(id as usize).copied().flatten()
    }

    /// Offset of a member in bytes.
    ///
    /// # Errors
    /// [`ReadError::NoMember`] when this build's structure has no such member.
    pub fn offset<S, T>(&self, member: Member<S, T>) -> Result<u64, ReadError> {
        self.place(member.id).map(|place| place.offset).ok_or(ReadError::NoMember(member.id.path()))
    }

    /// Offset of a bit field in bytes, its shift within the word there, and its width in bits.
    ///
    /// # Errors
    /// [`ReadError::NoMember`] when this build's structure has no such member.
    pub fn bit_field<S>(&self, member: Member<S, Bits>) -> Result<(u64, u8, u8), ReadError> {
        let place = self.place(member.id).ok_or(ReadError::NoMember(member.id.path()))?;
        let (shift, width) = place.bits.unwrap_or((0, 32));
        Ok((place.offset, shift, width))
    }

    /// Size of a structure in bytes.
    ///
    /// # Errors
    /// [`ReadError::NoMember`] when the layout does not know the structure.
    pub fn size_of<S>(&self, size: Member<S, SizeOf>) -> Result<u64, ReadError> {
        self.offset(size)
    }

    /// Whether this build's structure has the member.
    pub fn has<S, T>(&self, member: Member<S, T>) -> bool {
        self.place(member.id).is_some()
    }

    /// Reads a member of the structure at `at`.
    ///
    /// # Errors
    /// [`ReadError`]: the bytes are not there, or the build has no such member.
    pub fn read<S, T: Value>(
        &self,
        space: &Space<'_>,
        at: Ptr<S>,
        member: Member<S, T>,
    ) -> Result<T, ReadError> {
        let place = self.place(member.id).ok_or(ReadError::NoMember(member.id.path()))?;
        T::read(space, at.address().wrapping_add(place.offset), place, member.id.path())
    }

    /// Address of a member of the structure at `at`.
    ///
    /// # Errors
    /// [`ReadError::NoMember`] when the build has no such member.
    pub fn address_of<S, T>(&self, at: Ptr<S>, member: Member<S, T>) -> Result<Address, ReadError> {
        Ok(at.address().wrapping_add(self.offset(member)?))
    }
}

/// Marks a [`Member`] that stands for the size of a structure.
#[derive(Clone, Copy, Debug)]
pub enum SizeOf {}

/// Marks a member of which only the address is of use: an array, or a structure in a structure.
#[derive(Clone, Copy, Debug)]
pub enum Inline {}

/// A bit field, read as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits(pub u64);

/// What a member can be read as.
pub trait Value: Sized {
    /// Reads the value of the member `path` that stands at `at`.
    ///
    /// # Errors
    /// When the bytes are not there.
    fn read(space: &Space<'_>, at: Address, place: Place, path: &'static str) -> Result<Self, ReadError>;
}

macro_rules! number_value {
    ($($type:ty),*) => {$(
        impl Value for $type {
            fn read(space: &Space<'_>, at: Address, _: Place, _: &'static str) -> Result<Self, ReadError> {
                Ok(space.unsigned(at, size_of::<$type>())? as $type)
            }
        }
    )*};
}
number_value!(u8, u16, u32, u64, i8, i16, i32, i64);

impl Value for Address {
    fn read(space: &Space<'_>, at: Address, _: Place, _: &'static str) -> Result<Self, ReadError> {
        Ok(Self(space.word(at)?))
    }
}

impl<T> Value for Option<Ptr<T>> {
    fn read(space: &Space<'_>, at: Address, _: Place, _: &'static str) -> Result<Self, ReadError> {
        Ok(Ptr::new(Address(space.word(at)?)))
    }
}

impl<T> Value for Ptr<T> {
    fn read(space: &Space<'_>, at: Address, _: Place, path: &'static str) -> Result<Self, ReadError> {
        Ptr::new(Address(space.word(at)?)).ok_or(ReadError::Null(path))
    }
}

impl Value for Bits {
    fn read(space: &Space<'_>, at: Address, place: Place, _: &'static str) -> Result<Self, ReadError> {
        let (shift, width) = place.bits.unwrap_or((0, 32));
        let bytes = u64::from(shift + width).div_ceil(8);
        let word = space.unsigned(at, bytes as usize)?;
        Ok(Self(word >> shift & ((1 << width) - 1)))
    }
}
