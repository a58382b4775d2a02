//! The text that tells a head from others.

use wide::u8x16;

/// Bounds of a key; a zone is shorter than the least.
pub(super) const MIN_KEY: usize = 6;
const MAX_KEY: usize = 96;

/// Bytes that are compared at once, whatever the key's length: a loop over it would be mispredicted wherever the heads
/// of a log differ in length.
pub(super) const START: usize = 64;
const LANES: usize = 16;

/// The text between a time's last digit and the message.
pub(super) struct Key {
    len: usize,
    text: [u8; MAX_KEY],
    start: [u8x16; START / LANES],
    /// Ones for the bytes behind a shorter key, which may be any.
    behind: [u8x16; START / LANES],
}

impl Key {
    /// `None` when the text is too long.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        let mut text = [0; MAX_KEY];
        text.get_mut(..key.len())?.copy_from_slice(key);
        let mut behind = [0; START];
        behind.get_mut(key.len()..).unwrap_or_default().fill(u8::MAX);
        let start = text.first_chunk().copied().map(lanes)?;
        Some(Self { len: key.len(), text, start, behind: lanes(behind) })
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether a text starts with the key, whose first bytes are given twice: padded with anything if it is shorter.
    #[inline]
    pub(super) fn starts(&self, text: &[u8], start: &[u8; START]) -> bool {
        if self.len <= START {
            self.is_start_of(start)
        } else {
            self.text.get(..self.len).is_some_and(|key| text.starts_with(key))
        }
    }

    #[inline]
    fn is_start_of(&self, text: &[u8; START]) -> bool {
        let [first, second, third, fourth] = lanes(*text);
        let [start, behind] = [&self.start, &self.behind];
        let equal = (first.simd_eq(start[0]) | behind[0])
            & (second.simd_eq(start[1]) | behind[1])
            & (third.simd_eq(start[2]) | behind[2])
            & (fourth.simd_eq(start[3]) | behind[3]);
        equal.to_bitmask() == (1 << LANES) - 1
    }
}

#[inline]
fn lanes(bytes: [u8; START]) -> [u8x16; START / LANES] {
    let (parts, _) = bytes.as_chunks::<LANES>();
    std::array::from_fn(|at| parts.get(at).map_or(u8x16::ZERO, |part| u8x16::new(*part)))
}

#[cfg(test)]
mod tests {
    use super::super::padded;
    use super::*;

    #[test]
    fn a_key_is_found_where_it_stands_and_nowhere_else() {
        let text: Vec<u8> = (0..MAX_KEY as u8 + 40).map(|byte| byte % 90 + 33).collect();
        let starts = |key: &Key, text: &[u8]| key.starts(text, &padded(text));
        for len in 0..=MAX_KEY {
            let key = Key::new(text.get(..len).unwrap()).unwrap();
            for end in 0..text.len() {
                assert_eq!(starts(&key, text.get(..end).unwrap()), end >= len, "{len} {end}");
            }
            for at in 0..text.len() {
                let mut other = text.clone();
                *other.get_mut(at).unwrap() ^= 1;
                assert_eq!(starts(&key, &other), at >= len, "{len} {at}");
            }
        }
        assert!(Key::new(&[b'x'; MAX_KEY + 1]).is_none());
    }
}
