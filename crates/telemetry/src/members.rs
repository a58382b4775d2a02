use pycoroner_findings::UtcTime;
use serde_json::Value;

use crate::time::rfc3339;

/// The text at a JSON pointer, if it is one and not empty.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// The whole number at a JSON pointer; also one that is written as text, as protobuf's JSON writes 64-bit numbers.
pub(crate) fn whole(value: &Value, pointer: &str) -> Option<i64> {
    let value = value.pointer(pointer)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The items of the list at a JSON pointer; none when there is no list.
pub(crate) fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The RFC 3339 time at a JSON pointer.
pub(crate) fn time(value: &Value, pointer: &str) -> Option<UtcTime> {
    rfc3339(text(value, pointer)?)
}

/// A key as a step of a JSON pointer (RFC 6901).
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
