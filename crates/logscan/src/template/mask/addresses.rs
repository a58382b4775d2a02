//! Where addresses, links and paths end.

use super::numbers::digits_at;
use super::{IN_PATH, VALUE_LIMIT, WORD, Wildcard, class_of};

pub(super) fn is_uuid(text: &[u8]) -> bool {
    text.get(..36).is_some_and(|text| {
        text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

/// Length of an IPv4 address, with its port.
pub(in crate::template) fn ipv4_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for part in 0..4 {
        let digits = digits_at(text.get(..at + 4).unwrap_or(text), at);
        if !(1..=3).contains(&digits) {
            return None;
        }
        at += digits;
        if part < 3 {
            if text.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
    }
    let is_longer = text.get(at).is_some_and(u8::is_ascii_alphanumeric)
        || text.get(at) == Some(&b'.') && digits_at(text, at + 1) > 0;
    let port = digits_at(text.get(..at + 7).unwrap_or(text), at + 1);
    (!is_longer).then_some(if text.get(at) == Some(&b':') && port > 0 { at + 1 + port } else { at })
}

/// An IPv6 address or a hardware address.
pub(super) fn colon_address(text: &[u8]) -> Option<(Wildcard, usize)> {
    let run = text.iter().take(46).take_while(|byte| byte.is_ascii_hexdigit() || **byte == b':').count();
    let mut address = text.get(..run)?;
    // A colon at the end belongs to the sentence.
    while address.ends_with(b":") && !address.ends_with(b"::") {
        address = address.get(..address.len() - 1)?;
    }
    if text.get(address.len()).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        return None;
    }
    let groups = address.split(|byte| *byte == b':');
    let colons = memchr::memchr_iter(b':', address).count();
    let has_digit = address.iter().any(u8::is_ascii_digit);
    if colons == 5 && groups.clone().all(|group| group.len() == 2) {
        return Some((Wildcard::Mac, address.len()));
    }
    let is_short = memchr::memmem::find(address, b"::").is_some() && colons < 8;
    let is_ip = has_digit && (is_short || colons == 7) && groups.clone().all(|group| group.len() <= 4);
    is_ip.then_some((Wildcard::Ipv6, address.len()))
}

/// Bytes up to a blank, a quote or a bracket; the punctuation of the sentence is not counted.
pub(super) fn until_end_of_value(text: &[u8]) -> usize {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>()[]{}|`".contains(byte);
    let len = text.iter().position(ends).unwrap_or(text.len());
    let value = text.get(..len).unwrap_or_default();
    len - value.iter().rev().take_while(|byte| matches!(byte, b'.' | b',' | b';' | b':' | b'!')).count()
}

pub(super) fn url_len(text: &[u8]) -> usize {
    until_end_of_value(text.get(..VALUE_LIMIT * 4).unwrap_or(text))
}

pub(super) fn windows_path_len(text: &[u8]) -> usize {
    text.iter()
        .take(VALUE_LIMIT)
        .take_while(|byte| is_path_byte(**byte) || matches!(byte, b'\\' | b':'))
        .count()
}

pub(super) fn is_path_byte(byte: u8) -> bool {
    class_of(byte) & (WORD | IN_PATH) != 0
}
