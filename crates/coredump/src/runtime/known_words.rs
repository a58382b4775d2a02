//! Words that the core lost, but whose value other memory tells.

use std::collections::BTreeMap;
use std::sync::RwLock;

use crate::address::Address;
use crate::memory::Target;

/// Most bytes that are read at once.
const MAX_BYTES: usize = 4096;

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

    /// The bytes at `address`, when they lie within known words that follow each other.
    pub(crate) fn bytes(&self, address: Address, len: usize) -> Option<Vec<u8>> {
        let words = self.words.read().ok()?;
        let (&start, _) = words.range(..=address.0).next_back().filter(|_| len <= MAX_BYTES)?;
        let within = usize::try_from(address.0 - start).ok().filter(|&within| within < 8)?;
        let mut bytes = Vec::new();
        let mut next = start;
        for (&at, word) in words.range(start..) {
            if at != next || bytes.len() >= within + len {
                break;
            }
            bytes.extend_from_slice(word);
            next = at.checked_add(8)?;
        }
        bytes.get(within..within.checked_add(len)?).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_side_by_side_are_read_as_one() {
        let target = Target { little_endian: true, word_size: 8 };
        let known = KnownWords::default();
        assert_eq!(known.bytes(Address(4096), 1), None);
        known.insert(target, Address(4096), 0x0807_0605_0403_0201);
        known.insert(target, Address(4104), 0x100f_0e0d_0c0b_0a09);
        known.insert(target, Address(4120), 1);
        assert_eq!(known.bytes(Address(4102), 4), Some(vec![7, 8, 9, 10]));
        assert_eq!(known.bytes(Address(4096), 16).map(|bytes| bytes.len()), Some(16));
        assert_eq!(known.bytes(Address(4104), 16), None);
        assert_eq!(known.bytes(Address(4112), 1), None);
        assert_eq!(known.bytes(Address(4120), 8), Some(vec![1, 0, 0, 0, 0, 0, 0, 0]));
    }
}
