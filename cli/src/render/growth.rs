//! What grew between two cores, as text: types and owners, what grew most first.

use std::fmt::Write as _;

use super::closing;
use super::heap::{BAR, shortened, write_more};
use super::quantity::{bar, bytes, count, counted};
use super::style::{BAD, FAINT, NAME, STRONG, WARN};
use crate::documents::heap::{GrowthDocument, OwnerGrowthRow, TypeGrowthRow};
use crate::documents::heap_details::Newcomers;

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
        write_owner(&mut out, row, document.cores);
    }
    write_more(&mut out, document.owners.len(), ROWS);
    if let Some(found) = &document.new_objects {
        write_new(&mut out, found);
    }
    if document.cores > 2 {
        let _ = writeln!(
            out,
            "\n{FAINT}↑ more in each core than in the one before, of {}{FAINT:#}",
            document.cores
        );
    }
    closing::write(&mut out, &[], &document.gaps, &document.redactions);
    out
}

fn write_type(out: &mut String, row: &TypeGrowthRow) {
    let size = change(row.bytes_before, row.bytes_after, bytes);
    let number = change(row.count_before, row.count_after, count);
    let counts = if row.counts.len() > 2 { &row.counts[..] } else { &[row.count_before, row.count_after] };
    let span = counts.iter().map(|&number| count(number)).collect::<Vec<_>>().join(" → ");
    let grows = mark(row.is_monotone, row.counts.len());
    let name = shortened(&row.type_name);
    let _ = writeln!(out, "  {BAD}{size:>12}{BAD:#} {number:>12} {span:>23} {grows} {NAME}{name}{NAME:#}");
}

fn write_owner(out: &mut String, row: &OwnerGrowthRow, cores: usize) {
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
    let grows = mark(row.is_monotone, cores);
    let (path, kind) = (shortened(&row.path), shortened(&row.type_name));
    let _ =
        writeln!(out, "  {BAD}{size:>12}{BAD:#} {span:>23} {grows} {path}{FAINT}: {kind}{length}{FAINT:#}");
}

/// A mark at what grew from core to core, where there are more than two.
fn mark(is_monotone: bool, cores: usize) -> char {
    if is_monotone && cores > 2 { '↑' } else { ' ' }
}

/// Where objects hang that the oldest core did not have.
fn write_new(out: &mut String, found: &Newcomers) {
    let (number, size) = (counted(found.count, "object"), bytes(found.bytes));
    let _ = writeln!(out, "\n{STRONG}New objects by where they hang{STRONG:#}  {number}, {size}");
    let whole = found.places.iter().map(|row| row.bytes).max().unwrap_or(0);
    for row in found.places.iter().take(ROWS) {
        let (number, size, bar) = (count(row.count), bytes(row.bytes), bar(row.bytes, whole, BAR));
        let path = shortened(row.path.as_ref().unwrap_or(&row.address));
        let (kind, most) = (shortened(&row.mostly), count(row.mostly_count));
        let _ = writeln!(
            out,
            "  {number:>12} {size:>11}  {WARN}{bar:BAR$}{WARN:#}  {path}{FAINT}: {most} × {kind}{FAINT:#}"
        );
    }
    write_more(out, found.places.len(), ROWS);
}

/// A difference with its sign.
fn change(before: u64, after: u64, text: fn(u64) -> String) -> String {
    let sign = if after >= before { '+' } else { '-' };
    format!("{sign}{}", text(after.abs_diff(before)))
}
