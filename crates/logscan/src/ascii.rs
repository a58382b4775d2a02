//! Words and numbers in ASCII text.

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

pub(crate) fn contains(text: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(text, needle).is_some()
}

/// Number of leading spaces and tabs.
pub(crate) fn indent(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

pub(crate) fn trim_start(text: &[u8]) -> &[u8] {
    text.get(indent(text)..).unwrap_or_default()
}

/// At most `limit` bytes as text: invalid UTF-8 becomes U+FFFD, and no character is cut in two.
pub(crate) fn lossy(text: &[u8], limit: usize) -> String {
    let Some(mut head) = text.get(..limit) else { return String::from_utf8_lossy(text).into_owned() };
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
    let mut out = String::from_utf8_lossy(head).into_owned();
    out.push('…');
    out
}
