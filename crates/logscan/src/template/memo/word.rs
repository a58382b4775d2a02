//! Words in the slots of patterns.

use crate::template::mask::Part;

/// Length of the digits at the start; `None` when there is none.
#[inline]
pub(super) fn digits_len(text: &[u8]) -> Option<usize> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (len > 0).then_some(len)
}

/// Length of a word of seven or more hexadecimal digits that is no number; `None` when there is none. A number may have
/// an exponent or a unit; what stands behind the word must not make one of it.
#[inline]
pub(super) fn hex_len(text: &[u8]) -> Option<usize> {
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
    let is_number = others == 0
        && text.first().is_some_and(u8::is_ascii_digit)
        && match (days, len - digits - days) {
            // `1e500`
            (0, 1) => matches!(len - exponent, 2..=4),
            // `1d2d`
            (_, 0) => text.get(..len).is_some_and(|word| word.ends_with(b"d") && !has_pair(word, b'd')),
            _ => false,
        };
    (!is_number).then_some(len)
}

fn has_pair(word: &[u8], of: u8) -> bool {
    word.iter().zip(word.iter().skip(1)).any(|(a, b)| *a == of && *b == of)
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
