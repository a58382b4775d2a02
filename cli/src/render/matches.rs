//! The objects that a filter asks for, as a table.

use std::fmt::Write as _;

use super::closing;
use super::heap::{shortened, write_more};
use super::quantity::{bytes, count, counted};
use super::style::{FAINT, NAME, STRONG, WARN};
use crate::documents::heap::{MatchRow, MatchesDocument};

/// Renders a redacted document.
pub(crate) fn render(document: &MatchesDocument) -> String {
    let mut out = String::new();
    let (objects, size) = (counted(document.total, "object"), bytes(document.shallow_bytes));
    let _ = writeln!(out, "{STRONG}{objects}{STRONG:#} of {size}");
    if !document.matches.is_empty() {
        let _ = writeln!(
            out,
            "  {FAINT}{:>18} {:>11} {:>11} {:>10} {:>7}  type[length] path{FAINT:#}",
            "address", "own", "kept alive", "objects", "refs"
        );
    }
    for row in &document.matches {
        write_row(&mut out, row);
    }
    write_more(&mut out, document.matches.len() + document.left_out as usize, document.matches.len());
    closing::write(&mut out, &[], &document.gaps, &document.redactions);
    out
}

fn write_row(out: &mut String, row: &MatchRow) {
    let (address, name) = (shortened(&row.address), shortened(&row.type_name));
    let own = row.shallow_bytes.map_or_else(|| "?".to_owned(), bytes);
    let kept = bytes(row.retained_bytes);
    let (objects, references) = (count(row.retained_objects), references(row.reference_count));
    let length = row.length.map(|length| format!("[{}]", count(length))).unwrap_or_default();
    let _ = write!(
        out,
        "  {address:>18} {own:>11} {kept:>11} {objects:>10} {references:>7}  {NAME}{name}{NAME:#}{FAINT}{length}{FAINT:#}"
    );
    let _ = match (&row.path, row.state.as_str()) {
        (Some(path), _) => writeln!(out, " {}", shortened(path)),
        (None, "unreachable") => writeln!(out, " {WARN}garbage in a cycle{WARN:#}"),
        (None, _) => writeln!(out),
    };
}

/// A count that says that the object is immortal is no number of references (PEP 683).
fn references(number: u64) -> String {
    const IMMORTAL: u64 = 1 << 28;
    if number >= IMMORTAL { "∞".to_owned() } else { count(number) }
}
