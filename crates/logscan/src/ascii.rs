//! Words and numbers in ASCII text.

use wide::u8x16;

/// Reads decimal digits at the start; the value and how many digits it took. At most 19 digits.
pub(crate) fn leading_number(text: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    let mut digits = 0;
    for byte in text.iter().take(20) {
        if !byte.is_ascii_digit() {
            break;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
        digits += 1;
    }
    (digits > 0).then_some((value, digits))
}

/// Reads a text that is one decimal number and nothing else.
pub(crate) fn whole_number(text: &[u8]) -> Option<u64> {
    let (value, digits) = leading_number(text)?;
    (digits == text.len()).then_some(value)
}

/// Finds `needle`, skips blanks after it, and reads the number that follows.
pub(crate) fn number_after(text: &[u8], needle: &[u8]) -> Option<u64> {
    let rest = after(text, needle)?;
    leading_number(trim_start(rest)).map(|(value, _)| value)
}

/// The text behind the first occurrence of `needle`.
pub(crate) fn after<'a>(text: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(text, needle)?;
    text.get(at + needle.len()..)
}

/// The text before the first occurrence of `byte`; all of it when there is none.
pub(crate) fn until(text: &[u8], byte: u8) -> &[u8] {
    memchr::memchr(byte, text).and_then(|at| text.get(..at)).unwrap_or(text)
}

/// Length of the text up to a newline, or of all of it.
///
/// Most lines end too soon for a call to pay, and at another place than the line before, so that the end is told by one
/// look at many bytes: to go on by a few at a time would be mispredicted for each line.
#[inline]
pub(crate) fn line_len(text: &[u8]) -> usize {
    if let Some(chunk) = text.first_chunk::<96>() {
        let (parts, _) = chunk.as_chunks::<16>();
        let newlines = parts.iter().rev().fold(0, |bits, part| {
            bits << 16 | u128::from(u8x16::new(*part).simd_eq(u8x16::splat(b'\n')).to_bitmask())
        });
        if newlines != 0 {
            return newlines.trailing_zeros() as usize;
        }
    }
    memchr::memchr(b'\n', text).unwrap_or(text.len())
}

pub(crate) fn contains(text: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(text, needle).is_some()
}

/// Number of leading spaces and tabs.
pub(crate) fn indent(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// The text without one blank in front.
pub(crate) fn behind_blank(text: &[u8]) -> &[u8] {
    text.strip_prefix(b" ").unwrap_or(text)
}

/// Whether a byte may stand in the name of a program, a service or a host.
pub(crate) fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

pub(crate) fn trim_start(text: &[u8]) -> &[u8] {
    text.get(indent(text)..).unwrap_or_default()
}

/// At most `limit` bytes as text: invalid UTF-8 becomes U+FFFD, and no character is cut in two.
pub(crate) fn lossy(text: &[u8], limit: usize) -> String {
    let whole = |text: &[u8]| match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(text).into_owned(),
    };
    let Some(mut head) = text.get(..limit) else { return whole(text) };
    for _ in 0..3 {
        match head.last() {
            Some(byte)
                if *byte >= 0x80 && std::str::from_utf8(head).is_err_and(|e| e.error_len().is_none()) =>
            {
                head = head.get(..head.len() - 1).unwrap_or_default();
            }
            _ => break,
        }
    }
    let mut out = whole(head);
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::line_len;

    #[test]
    fn lines_end_at_their_first_newline() {
        // Bytes that differ from a newline in one bit, or by one.
        for other in [b'x', 0, 0x0b, 0x09, 0x8a, 0x0e, 0xff] {
            for len in 0..200 {
                let mut text = vec![other; len];
                assert_eq!(line_len(&text), len);
                for at in (0..len).rev().step_by(3) {
                    if let Some(byte) = text.get_mut(at) {
                        *byte = b'\n';
                    }
                    assert_eq!(line_len(&text), at, "{other} {len}");
                }
            }
        }
    }
}
