//! Words in the slots of patterns.

use crate::template::mask::Part;

/// Length of the digits at the start; `None` when there is none.
#[inline]
pub(super) fn digits_len(text: &[u8]) -> Option<usize> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (len > 0).then_some(len)
}

/// Length of a word of hexadecimal digits with a letter among them, and whether it is surely no number, unless what
/// stands behind it makes one of it: a number may have an exponent or a unit.
#[inline]
pub(super) fn hex_len(text: &[u8]) -> Option<(usize, bool)> {
    let (mut len, mut digits, mut others, mut days, mut exponent) = (0, 0, 0, 0, 0);
    for byte in text {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'd' => days += 1,
            b'e' => exponent = len,
            b'a'..=b'f' => others += 1,
            _ => break,
        }
        len += 1;
    }
    if len < 7 || digits == 0 || digits == len {
        return None;
    }
    let exponents = len - digits - days - others;
    let is_no_number = others > 0
        || match (days, exponents) {
            // `1e500`
            (0, 1) => len - exponent > 4,
            // `1d2d`
            (_, 0) => text.get(len - 1) != Some(&b'd'),
            _ => true,
        };
    Some((len, is_no_number))
}

/// Whether the parts of two words with digits are masked alike.
pub(super) fn is_word_like(word: &[u8], known: &[u8]) -> bool {
    let is_part_like = |part: &[u8], known: &[u8]| {
        let kind = Part::of(part);
        kind == Part::of(known)
            && match kind {
                Part::Literal => part == known,
                Part::Wildcard(_) => true,
                Part::Mixed => with_numbers(part).eq(with_numbers(known)),
            }
    };
    let (mut parts, mut known) = (word.split(|byte| *byte == b'_'), known.split(|byte| *byte == b'_'));
    loop {
        match (parts.next(), known.next()) {
            (None, None) => return true,
            (Some(part), Some(known)) if is_part_like(part, known) => {}
            _ => return false,
        }
    }
}

/// The bytes, with a zero for all digits that stand together.
fn with_numbers(part: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let before = std::iter::once(b' ').chain(part.iter().copied());
    let is_next = |(before, byte): &(u8, &u8)| !(before.is_ascii_digit() && byte.is_ascii_digit());
    before.zip(part).filter(is_next).map(|(_, byte)| if byte.is_ascii_digit() { b'0' } else { *byte })
}
