use std::fmt::Write as _;

use serde_json::Value;

use crate::members::text;

/// The value of an attribute: of OTLP's lists of `{key, value: {stringValue}}`, or of plain objects.
pub(super) fn attribute<'a>(attributes: &'a Value, name: &str) -> Option<&'a Value> {
    match attributes {
        Value::Array(list) => {
            let value = list.iter().find(|item| text(item, "/key") == Some(name))?.get("value")?;
            any_value(value)
        }
        Value::Object(members) => members.get(name),
        _ => None,
    }
}

/// All attributes with their values as text.
pub(super) fn all(attributes: &Value) -> Vec<(String, String)> {
    match attributes {
        Value::Array(list) => list
            .iter()
            .filter_map(|item| {
                Some((text(item, "/key")?.to_owned(), as_text(any_value(item.get("value")?)?)))
            })
            .collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), as_text(value))).collect()
        }
        _ => Vec::new(),
    }
}

/// The scalar inside [`AnyValue`](https://github.com/open-telemetry/opentelemetry-proto/blob/v1.5.0/opentelemetry/proto/common/v1/common.proto).
fn any_value(value: &Value) -> Option<&Value> {
    ["stringValue", "intValue", "doubleValue", "boolValue"].into_iter().find_map(|kind| value.get(kind))
}

pub(super) fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A number that may be written as text.
pub(super) fn as_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|number| number.is_finite())
}

/// An id as lower-case hex digits: of hex with or without `0x`, or of base64, as protobuf's own JSON has it; short
/// ones are filled up to 8 or 16 bytes. `None` for what is no id, and for zero, which stands for none.
pub(super) fn hex_id(text: &str) -> Option<String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_base64 = matches!(digits.len(), 12 | 24) && digits.ends_with('=');
    let digits = if is_base64 { base64_hex(digits)? } else { digits.to_ascii_lowercase() };
    let is_id = (1..=32).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && digits.bytes().any(|byte| byte != b'0');
    let width = if digits.len() <= 16 { 16 } else { 32 };
    is_id.then(|| format!("{digits:0>width$}"))
}

fn base64_hex(text: &str) -> Option<String> {
    let mut hex = String::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = ((bits << 6) | u32::from(value)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            // Writing to a string cannot fail.
            let _ = write!(hex, "{:02x}", (bits >> count) & 0xff);
        }
    }
    Some(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let check =
            |text: &str, expected: &str| assert_eq!(hex_id(text).unwrap_or_default(), expected, "{text}");
        check("0x1A08c187caf039e4d38d63afe861ccfd", "1a08c187caf039e4d38d63afe861ccfd");
        check("GgjBh8rwOeTTjWOv6GHM/Q==", "1a08c187caf039e4d38d63afe861ccfd");
        check("6jC9lyBIZSA=", "ea30bd9720486520");
        check("ff", "00000000000000ff");
        check("1ea30bd9720486520", "0000000000000001ea30bd9720486520");
        for none in ["", "0x", "0000000000000000", "xyz", "é", "=========é=", &"1".repeat(33)] {
            check(none, "");
        }
    }
}
