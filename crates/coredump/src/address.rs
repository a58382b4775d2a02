//! Addresses and offsets of the dead process, each a type of its own.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU64;

/// An address in the memory of the dead process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(pub u64);

impl Address {
    /// The address `bytes` further on, or `None` past the end of the address space.
    pub fn checked_add(self, bytes: u64) -> Option<Self> {
        self.0.checked_add(bytes).map(Self)
    }

    /// The address `bytes` further on, modulo 2^64; reading there faults where that makes no sense.
    #[must_use]
    pub fn wrapping_add(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The address `bytes` before, modulo 2^64.
    #[must_use]
    pub fn wrapping_sub(self, bytes: u64) -> Self {
        Self(self.0.wrapping_sub(bytes))
    }

    /// Whether it is a multiple of `alignment`, a power of two.
    pub fn is_aligned(self, alignment: u64) -> bool {
        self.0 & (alignment - 1) == 0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl schemars::JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^0x[0-9a-f]+$"})
    }
}

/// An offset in a file; in the decompressed content when the file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileOffset(pub u64);

/// What must be added to a module's link-time address to get its run-time address, modulo 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LoadBias(pub u64);

impl LoadBias {
    /// The run-time address of a link-time address.
    pub fn apply(self, link_time: u64) -> Address {
        Address(link_time.wrapping_add(self.0))
    }

    /// The link-time address of a run-time address.
    pub fn remove(self, run_time: Address) -> u64 {
        run_time.0.wrapping_sub(self.0)
    }
}

/// A non-null pointer of the dead process to a `T`, where `T` names a C structure.
pub struct Ptr<T> {
    address: NonZeroU64,
    target: PhantomData<fn() -> T>,
}

impl<T> Ptr<T> {
    /// A pointer to `address`, or `None` when that is null.
    pub fn new(address: Address) -> Option<Self> {
        NonZeroU64::new(address.0).map(|address| Self { address, target: PhantomData })
    }

    /// A pointer to where nothing can be, for a structure whose place is not known: no 64-bit machine of today
    /// has addresses there.
    pub(crate) fn nowhere() -> Self {
        Self { address: NonZeroU64::MIN.saturating_add((1 << 55) - 1), target: PhantomData }
    }

    /// Where it points.
    pub fn address(self) -> Address {
        Address(self.address.get())
    }

    /// The same address, taken for a structure that begins with or contains a `T`.
    pub fn cast<U>(self) -> Ptr<U> {
        Ptr { address: self.address, target: PhantomData }
    }
}

impl<T> Clone for Ptr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ptr<T> {}

impl<T> PartialEq for Ptr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address
    }
}

impl<T> Eq for Ptr<T> {}

impl<T> PartialOrd for Ptr<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Ptr<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.address.cmp(&other.address)
    }
}

impl<T> std::hash::Hash for Ptr<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.address.hash(state);
    }
}

impl<T> fmt::Debug for Ptr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.address(), f)
    }
}
