//! Keys and names as text.

use std::fmt::Write as _;

use crate::memory::image::Bytes;
use crate::objects::kinds::Shape;
use crate::objects::types::TypeFacts;
use crate::references::reader::Reader;

/// Longest text that is read, in characters.
const MAX_TEXT: u64 = 200;

impl Reader<'_> {
    /// The characters of the str at `address`, cut at 200; `None` when that is not readable as a str.
    pub(crate) fn text(&self, address: u64) -> Option<String> {
        let object = self.image.from(address)?;
        let length = object.word(self.places.unicode_length)?;
        let kind = u64::from(self.str_state.kind.of(object)?);
        let characters = self.characters(object)?;
        let count = length.min(MAX_TEXT);
        let code = |at: u64| match kind {
            1 => characters.byte(at).map(u32::from),
            2 => characters.pair(at * 2).map(u32::from),
            4 => characters.half(at * 4),
            _ => None,
        };
        let mut text = String::new();
        for at in 0..count {
            text.push(char::from_u32(code(at)?).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if length > count {
            text.push('…');
        }
        Some(text)
    }

    fn characters(&self, object: Bytes<'_>) -> Option<Bytes<'_>> {
        let places = &self.places;
        let compact = self.str_state.compact.of(object)? == 1;
        if !compact {
            return self.image.from(object.word(places.unicode_data)?);
        }
        let ascii = self.str_state.ascii.of(object)? == 1;
        let offset = if ascii { places.unicode_ascii_size } else { places.unicode_compact_size };
        self.image.from(object.start().checked_add(offset)?)
    }

    /// A key as `repr` would write it, as far as that is cheap: strings, small numbers; else its type.
    pub(crate) fn key_text(&self, address: u64, facts: &TypeFacts, type_name: &str) -> String {
        let text = match facts.shape {
            Shape::Str => self.text(address).map(|text| quoted(&text)),
            Shape::Int if type_name == "bool" => {
                self.small_int(address).map(|value| if value == 0 { "False".into() } else { "True".into() })
            }
            Shape::Int => self.small_int(address).map(|value| value.to_string()),
            Shape::Atom if type_name == "NoneType" => Some("None".into()),
            _ => None,
        };
        text.unwrap_or_else(|| format!("<{type_name} at {address:#x}>"))
    }

    /// An int of at most two digits of 30 bits.
    fn small_int(&self, address: u64) -> Option<i64> {
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

/// A string as Python writes it.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other if other == quote => out.extend(['\\', other]),
            other if other.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(other));
            }
            other => out.push(other),
        }
    }
    out.push(quote);
    out
}
