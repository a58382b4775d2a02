//! Payment card numbers: digits of a known issuer that pass the Luhn check (ISO/IEC 7812-1).

use std::ops::Range;

/// The card numbers of a text.
///
/// Digits may stand in groups with single blanks or dashes between them. Digits that belong to a longer word, a
/// hexadecimal number or a decimal fraction are left alone.
pub(crate) fn card_numbers(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let (digits, end) = digit_run(bytes, at);
        let inside_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let alone = !at.checked_sub(1).is_some_and(|before| inside_word(&bytes[before]))
            && !bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if alone && is_issued(&digits) && passes_luhn(&digits) {
            found.push(at..end);
        }
        at = end;
    }
    found
}

/// Digits from `start` on, with single separators skipped, and where the last of them ends.
fn digit_run(bytes: &[u8], start: usize) -> (Vec<u8>, usize) {
    let mut digits = Vec::new();
    let (mut at, mut end) = (start, start);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' => {
                if digits.len() < 20 {
                    digits.push(byte - b'0');
                }
                end = at + 1;
            }
            b' ' | b'-' if end == at => {}
            _ => break,
        }
        at += 1;
    }
    (digits, end)
}

/// Whether the leading digits and the length are those of an issuer.
fn is_issued(digits: &[u8]) -> bool {
    let Some(head) = digits.get(..4) else { return false };
    let head = head.iter().fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    match head {
        4000..=4999 => matches!(digits.len(), 13 | 16 | 19),
        5100..=5599 | 2221..=2720 | 3528..=3589 | 6011 | 6440..=6599 => digits.len() == 16,
        3400..=3499 | 3700..=3799 => digits.len() == 15,
        3000..=3059 | 3600..=3699 | 3800..=3899 => digits.len() == 14,
        6200..=6299 => (16..=19).contains(&digits.len()),
        _ => false,
    }
}

fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}
