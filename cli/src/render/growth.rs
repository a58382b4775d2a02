//! What grew between two cores, as text: types and owners, what grew most first.

use std::fmt::Write as _;

use super::closing;
use super::heap::{shortened, write_more};
use super::quantity::{bytes, count};
use super::style::{BAD, FAINT, NAME, STRONG};
use crate::documents::heap::{GrowthDocument, OwnerGrowthRow, TypeGrowthRow};

/// Rows of each table.
const ROWS: usize = 20;

/// Renders a redacted document.
pub(crate) fn render(document: &GrowthDocument) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{STRONG}Types by growth{STRONG:#}");
    let _ =
        writeln!(out, "  {FAINT}{:>12} {:>12} {:>23}  type{FAINT:#}", "size", "objects", "before → after");
    for row in document.growth.iter().take(ROWS) {
        write_type(&mut out, row);
    }
    write_more(&mut out, document.growth.len(), ROWS);
    let _ = writeln!(out, "\n{STRONG}Owners by growth of what they keep alive{STRONG:#}");
    let _ =
        writeln!(out, "  {FAINT}{:>12} {:>23}  path: type[length]{FAINT:#}", "kept alive", "before → after");
    for row in document.owners.iter().take(ROWS) {
        write_owner(&mut out, row);
    }
    write_more(&mut out, document.owners.len(), ROWS);
    closing::write(&mut out, &[], &document.gaps, &document.redactions);
    out
}

fn write_type(out: &mut String, row: &TypeGrowthRow) {
    let size = change(row.bytes_before, row.bytes_after, bytes);
    let number = change(row.count_before, row.count_after, count);
    let span = format!("{} → {}", count(row.count_before), count(row.count_after));
    let name = shortened(&row.type_name);
    let _ = writeln!(out, "  {BAD}{size:>12}{BAD:#} {number:>12} {span:>23}  {NAME}{name}{NAME:#}");
}

fn write_owner(out: &mut String, row: &OwnerGrowthRow) {
    let known = |retained: Option<u64>| retained.map_or_else(|| "not listed".to_owned(), bytes);
    let (Some(before), Some(after)) = (row.retained_before.or(Some(0)), row.retained_after.or(Some(0)))
    else {
        return;
    };
    let size = change(before, after, bytes);
    let span = format!("{} → {}", known(row.retained_before), known(row.retained_after));
    let length = match (row.length_before, row.length_after) {
        (Some(before), Some(after)) => format!("[{} → {}]", count(before), count(after)),
        (None, Some(after)) => format!("[{}]", count(after)),
        _ => String::new(),
    };
    let (path, kind) = (shortened(&row.path), shortened(&row.type_name));
    let _ = writeln!(out, "  {BAD}{size:>12}{BAD:#} {span:>23}  {path}{FAINT}: {kind}{length}{FAINT:#}");
}

/// A difference with its sign.
fn change(before: u64, after: u64, text: fn(u64) -> String) -> String {
    let sign = if after >= before { '+' } else { '-' };
    format!("{sign}{}", text(after.abs_diff(before)))
}
