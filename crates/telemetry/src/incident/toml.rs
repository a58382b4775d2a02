//! TOML into JSON values with the lines they stand on.

use std::collections::BTreeMap;

use pycoroner_findings::{Gap, GapKind, SourceId};
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::members::escaped;
use crate::tree::Tree;

/// Larger files are not read.
const MOST_BYTES: usize = 1 << 20;

/// Reads a file.
///
/// # Errors
/// With the gap that says why it cannot be read.
pub(super) fn parse(bytes: &[u8], source: SourceId) -> Result<Tree, Box<Gap>> {
    let corrupt = |why: String| Box::new(Gap::new(GapKind::Corrupt, "all of the file", why));
    if bytes.len() > MOST_BYTES {
        let why = format!("files by hand are read up to {} MiB", MOST_BYTES >> 20);
        return Err(Box::new(Gap::new(GapKind::Limit, "all of the file", why)));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| corrupt(error.to_string()))?;
    let table = DeTable::parse(text).map_err(|error| corrupt(error.message().to_owned()))?;
    let starts = Tree::line_starts(bytes);
    let line = |offset: usize| starts.partition_point(|start| *start <= offset as u64).max(1) as u64;
    // Nothing that is read lies deeper than a key of an item of a list.
    let mut lines = BTreeMap::new();
    let mut root = Map::new();
    for (key, value) in table.get_ref() {
        let pointer = format!("/{}", escaped(key.get_ref()));
        let mut first = line(key.span().start);
        let json = match value.get_ref() {
            DeValue::Array(items) => {
                let mut list = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    let pointer = format!("{pointer}/{index}");
                    let (value, span) = entry(item, &pointer, &mut lines, &line);
                    first = first.min(span.0);
                    lines.insert(pointer, span);
                    list.push(value);
                }
                Value::Array(list)
            }
            _ => entry(value, &pointer, &mut lines, &line).0,
        };
        lines.insert(pointer, (first, line(value.span().end.saturating_sub(1)).max(first)));
        root.insert(key.get_ref().to_string(), json);
    }
    Ok(Tree::of_lines(Value::Object(root), source, lines, starts))
}

/// A scalar, or a table of scalars, with its first and last line.
fn entry(
    value: &Spanned<DeValue<'_>>,
    pointer: &str,
    lines: &mut BTreeMap<String, (u64, u64)>,
    line: &impl Fn(usize) -> u64,
) -> (Value, (u64, u64)) {
    let mut span = (line(value.span().start), line(value.span().end.saturating_sub(1)));
    let DeValue::Table(table) = value.get_ref() else { return (scalar(value.get_ref()), span) };
    let mut members = Map::new();
    for (key, value) in table {
        let last = line(value.span().end.saturating_sub(1));
        lines.insert(format!("{pointer}/{}", escaped(key.get_ref())), (line(key.span().start), last));
        span.1 = span.1.max(last);
        members.insert(key.get_ref().to_string(), scalar(value.get_ref()));
    }
    (Value::Object(members), span)
}

/// Times are given as the text that they are; what is no scalar is null, which no key may be.
fn scalar(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Integer(number) => Value::String(number.to_string()),
        DeValue::Float(number) => Value::String(number.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => Value::Null,
    }
}
