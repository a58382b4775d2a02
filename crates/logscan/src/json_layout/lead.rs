//! What stands between two values of a record.

/// Bytes that are compared as two words.
const SHORT: usize = 16;

/// Some bytes with which a text is compared.
#[derive(Debug)]
pub(super) struct Lead {
    bytes: Box<[u8]>,
    /// The bytes of a short lead, and which bits of the text must be theirs.
    word: u128,
    mask: u128,
}

impl Lead {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut word = [0; SHORT];
        let mut mask = [0; SHORT];
        for ((byte, word), mask) in bytes.iter().zip(&mut word).zip(&mut mask) {
            (*word, *mask) = (*byte, u8::MAX);
        }
        Self { bytes: bytes.into(), word: u128::from_le_bytes(word), mask: u128::from_le_bytes(mask) }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is(&self, bytes: &[u8]) -> bool {
        *self.bytes == *bytes
    }

    /// Whether the text goes on with it.
    #[inline]
    pub(super) fn stands_at(&self, text: &[u8], at: usize) -> bool {
        let Some(rest) = text.get(at..) else { return false };
        match rest.first_chunk::<SHORT>() {
            // The first bytes of a long one tell most others from it.
            Some(chunk) => {
                (u128::from_le_bytes(*chunk) ^ self.word) & self.mask == 0
                    && (self.bytes.len() <= SHORT || rest.starts_with(&self.bytes))
            }
            None => rest.starts_with(&self.bytes),
        }
    }
}
