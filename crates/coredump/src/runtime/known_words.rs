//! Words that the core lost, but whose value other memory tells.

use std::collections::BTreeMap;
use std::sync::RwLock;

use crate::address::Address;
use crate::memory::Target;

/// Words by address. They stand in only where the memory itself has nothing.
///
/// When the end of a core is cut off, the static types of the interpreter are gone; what a type is can still be
/// told by the objects of that type, and readers ask the type. What was told is kept here.
#[derive(Debug, Default)]
pub(crate) struct KnownWords {
    words: RwLock<BTreeMap<u64, [u8; 8]>>,
}

impl KnownWords {
    /// Notes that the word at `address` is `value`.
    pub(crate) fn insert(&self, target: Target, address: Address, value: u64) {
        let bytes = if target.little_endian { value.to_le_bytes() } else { value.to_be_bytes() };
        if let Ok(mut words) = self.words.write() {
            words.insert(address.0, bytes);
        }
    }

    /// The bytes at `address`, when they lie within one known word.
    pub(crate) fn bytes(&self, address: Address, len: usize) -> Option<Vec<u8>> {
        let words = self.words.read().ok()?;
        let (&start, word) = words.range(..=address.0).next_back()?;
        let within = usize::try_from(address.0 - start).ok()?;
        word.get(within..within.checked_add(len)?).map(<[u8]>::to_vec)
    }
}
