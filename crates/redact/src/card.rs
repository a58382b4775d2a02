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
    // A number of that many digits holds one of the bytes that are looked at.
    while let Some(byte) = bytes.get(at + FEWEST - 1) {
        if !is_part(*byte) {
            at += FEWEST;
            continue;
        }
        let start = at + FEWEST - 1;
        let start = start - bytes[at..start].iter().rev().take_while(|byte| is_part(**byte)).count();
        at = numbers_of_run(bytes, start, &mut found);
    }
    found
}

/// Digits of the shortest number.
const FEWEST: usize = 13;

/// A byte that a number may be written with.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b' ' | b'-')
}

/// Looks at the digits from a place on, up to a byte that no number is written with; where that is.
fn numbers_of_run(bytes: &[u8], start: usize, found: &mut Vec<Range<usize>>) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at).filter(|byte| is_part(**byte)) {
        if !byte.is_ascii_digit() {
            at += 1;
            continue;
        }
        let run = digit_run(bytes, at);
        let (digits, end) = (run.digits(), run.end);
        let inside_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let alone = !at.checked_sub(1).is_some_and(|before| inside_word(&bytes[before]))
            && !bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if alone && is_issued(digits) && passes_luhn(digits) {
            found.push(at..end);
        }
        at = end;
    }
    at
}

/// Digits with single separators skipped, and where the last of them ends.
struct DigitRun {
    held: [u8; 20],
    len: usize,
    end: usize,
}

impl DigitRun {
    fn digits(&self) -> &[u8] {
        &self.held[..self.len]
    }
}

fn digit_run(bytes: &[u8], start: usize) -> DigitRun {
    let mut run = DigitRun { held: [0; 20], len: 0, end: start };
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' => {
                if run.len < run.held.len() {
                    run.held[run.len] = byte - b'0';
                    run.len += 1;
                }
                run.end = at + 1;
            }
            b' ' | b'-' if run.end == at => {}
            _ => break,
        }
        at += 1;
    }
    run
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_wherever_they_stand() {
        for number in ["4222222222222", "4111 1111 1111 1111", "6240000000000000006"] {
            for filling in ["x ", "- ", "1. ", "é"] {
                for count in 0..30 {
                    let before = format!("{}:", filling.repeat(count));
                    let text = format!("{before}{number}, {}", filling.repeat(count % 7));
                    let whole = before.len()..before.len() + number.len();
                    assert!(matches!(&card_numbers(&text)[..], [found] if *found == whole), "{text}");
                    let cut = &text[..before.len() + number.len() - 1];
                    assert!(card_numbers(cut).is_empty(), "{cut}");
                }
            }
        }
    }
}
