//! Keys and names as text.

use crate::memory::image::Bytes;
use crate::references::reader::Reader;

/// Longest text that is read, in characters.
const MAX_TEXT: u64 = 200;

impl<'d> Reader<'d> {
    /// The characters of the str at `address`, cut at 200; `None` when that is not readable as a str.
    pub(crate) fn text(&self, address: u64) -> Option<String> {
        let mut text = String::new();
        let length = self.each_character(address, MAX_TEXT, |code| {
            text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            true
        })?;
        if length > MAX_TEXT {
            text.push('…');
        }
        Some(text)
    }

    /// All characters of the str at `address`; `None` when there are more than `limit`, or some that no text can hold.
    pub(crate) fn whole_text(&self, address: u64, limit: u64) -> Option<String> {
        let mut text = String::new();
        let mut is_whole = true;
        let length = self.each_character(address, limit, |code| {
            match char::from_u32(code) {
                Some(character) => text.push(character),
                None => is_whole = false,
            }
            is_whole
        })?;
        (is_whole && length <= limit).then_some(text)
    }

    /// Whether the object at `address` is the str `text`.
    pub(crate) fn is_text(&self, address: u64, text: &str) -> bool {
        let mut expected = text.chars();
        let mut is_same = true;
        let limit = text.len() as u64;
        let length = self.each_character(address, limit, |code| {
            is_same = expected.next().map(u32::from) == Some(code);
            is_same
        });
        is_same && length.is_some_and(|length| length <= limit) && expected.next().is_none()
    }

    /// Hands the first `limit` characters to `take` until it says false; gives the length of the str.
    fn each_character(&self, address: u64, limit: u64, mut take: impl FnMut(u32) -> bool) -> Option<u64> {
        let object = self.image.from(address)?;
        let length = object.word(self.places.unicode_length)?;
        let kind = u64::from(self.str_state.kind.of(object)?);
        let characters = self.characters(object)?;
        for at in 0..length.min(limit) {
            let code = match kind {
                1 => characters.byte(at).map(u32::from),
                2 => characters.pair(at * 2).map(u32::from),
                4 => characters.half(at * 4),
                _ => None,
            };
            if !take(code?) {
                break;
            }
        }
        Some(length)
    }

    /// Size of a character, and all of them as they stand in memory; `None` when they are not all there.
    pub(crate) fn text_bytes(&self, object: Bytes<'_>) -> Option<(u32, &'d [u8])> {
        let kind = self.str_state.kind.of(object)?;
        let length = object.word(self.places.unicode_length)?.checked_mul(kind.into())?;
        let bytes = self.characters(object)?.as_slice().get(..usize::try_from(length).ok()?)?;
        Some((kind, bytes))
    }

    /// What a bytes object holds; `None` when it is not all there.
    pub(crate) fn bytes_content(&self, object: Bytes<'d>) -> Option<&'d [u8]> {
        let length = usize::try_from(object.word(self.places.var_len)?).ok()?;
        object.skip(self.places.bytes_data?)?.as_slice().get(..length)
    }

    fn characters(&self, object: Bytes<'_>) -> Option<Bytes<'d>> {
        let places = &self.places;
        let compact = self.str_state.compact.of(object)? == 1;
        if !compact {
            return self.image.from(object.word(places.unicode_data)?);
        }
        let ascii = self.str_state.ascii.of(object)? == 1;
        let offset = if ascii { places.unicode_ascii_size } else { places.unicode_compact_size };
        self.image.from(object.start().checked_add(offset)?)
    }

    /// An int of at most two digits of 30 bits.
    pub(crate) fn small_int(&self, address: u64) -> Option<i64> {
        let object = self.image.from(address)?;
        let (digits, negative, first) = if let Some(tag) = self.places.long_tag {
            let tag = object.word(tag)?;
            (tag >> 3, tag & 3 == 2, self.places.long_tagged_digits?)
        } else {
            let size = object.signed(self.places.var_len)?;
            (size.unsigned_abs(), size < 0, self.places.long_digits?)
        };
        if digits > 2 {
            return None;
        }
        let digit = |at: u64| if at < digits { object.half(first + at * 4).map(i64::from) } else { Some(0) };
        let value = digit(0)? | digit(1)? << 30;
        Some(if negative { -value } else { value })
    }
}
