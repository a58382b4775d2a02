//! What a heap wastes, and its largest parts, as tables with bars.

use std::fmt::Write as _;

use super::heap::{BAR, shortened, write_more};
use super::quantity::{bar, bytes, count, counted};
use super::style::{FAINT, NAME, STRONG, WARN};
use crate::documents::heap::HeapDocument;
use crate::documents::heap_details::{BufferRow, ContainersRow, DuplicateRow, Holder, LargeRow};

/// Writes equal contents and containers with room to spare.
pub(super) fn write(out: &mut String, document: &HeapDocument, most: usize) {
    write_duplicates(out, document, most);
    write_containers(out, &document.containers, most);
}

fn write_duplicates(out: &mut String, document: &HeapDocument, most: usize) {
    let found = &document.duplicates;
    let _ = write!(out, "\n{STRONG}Equal strings and bytes{STRONG:#}");
    if found.rows.is_empty() {
        let _ = writeln!(out, "\n  {FAINT}none{FAINT:#}");
        return;
    }
    let (copies, contents) = (counted(found.copies, "copy"), counted(found.contents, "content"));
    let copies = copies.replace("copys", "copies");
    let _ = writeln!(out, "  {copies} of {contents} could go, {}", bytes(found.wasted_bytes));
    let whole = found.rows.iter().map(|row| row.wasted_bytes).max().unwrap_or(0);
    for row in found.rows.iter().take(most) {
        write_duplicate(out, row, whole);
    }
    write_more(out, found.rows.len(), most);
}

fn write_duplicate(out: &mut String, row: &DuplicateRow, whole: u64) {
    let (number, wasted) = (count(row.count), bytes(row.wasted_bytes));
    let bar = bar(row.wasted_bytes, whole, BAR);
    let more = if row.truncated { "…" } else { "" };
    let (kind, text) = (shortened(&row.type_name), shortened(&row.repr));
    let place = held_by(&row.held_by);
    let _ = writeln!(
        out,
        "  {number:>12} {wasted:>11}  {WARN}{bar:BAR$}{WARN:#}  {NAME}{kind}{NAME:#} {text}{more}{FAINT}{place}{FAINT:#}"
    );
}

/// Where most of them hang.
pub(super) fn held_by(holders: &[Holder]) -> String {
    match holders.first() {
        Some(first) => format!(" · {} under {}", count(first.count), shortened(&first.path)),
        None => String::new(),
    }
}

fn write_containers(out: &mut String, rows: &[ContainersRow], most: usize) {
    let rows: Vec<&ContainersRow> = rows.iter().filter(|row| row.wasted_bytes > 0 || row.empty > 0).collect();
    let whole = rows.iter().map(|row| row.wasted_bytes).max().unwrap_or(0);
    let _ = writeln!(out, "\n{STRONG}Containers by room to spare{STRONG:#}");
    let _ = writeln!(
        out,
        "  {FAINT}{:>12} {:>11} {:>11} {:>11}  {:BAR$}  type, or used/room of a large one{FAINT:#}",
        "objects", "own", "spare", "empty", ""
    );
    for row in rows.iter().take(most) {
        let (number, own, empty) = (count(row.count), bytes(row.bytes), count(row.empty));
        let (spare, bar) = (bytes(row.wasted_bytes), bar(row.wasted_bytes, whole, BAR));
        let name = shortened(&row.type_name);
        let _ = writeln!(
            out,
            "  {number:>12} {own:>11} {spare:>11} {empty:>11}  {WARN}{bar:BAR$}{WARN:#}  {NAME}{name}{NAME:#}"
        );
        // The largest alone tells where to look.
        if let Some(first) = row.largest.first() {
            let path = shortened(first.path.as_ref().unwrap_or(&first.address));
            let (spare, used) =
                (bytes(first.wasted_bytes), format!("{}/{}", count(first.used), count(first.room)));
            let _ = writeln!(
                out,
                "  {:>12} {:>11} {spare:>11} {:>11}  {:BAR$}  {FAINT}{path}: {used}{FAINT:#}",
                "", "", "", ""
            );
        }
    }
    write_more(out, rows.len(), most);
}

/// Writes the largest objects and buffers.
pub(super) fn write_largest(out: &mut String, document: &HeapDocument, most: usize) {
    let _ = writeln!(out, "\n{STRONG}Largest single objects{STRONG:#}");
    let whole = document.largest.iter().map(|row| row.shallow_bytes).max().unwrap_or(0);
    for LargeRow { path, address, type_name, shallow_bytes } in document.largest.iter().take(most) {
        write_large(out, path.as_ref().unwrap_or(address), type_name, *shallow_bytes, whole, "");
    }
    write_more(out, document.largest.len(), most);
    if document.buffers.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{STRONG}Largest buffers{STRONG:#}");
    let whole = document.buffers.iter().map(|row| row.bytes).max().unwrap_or(0);
    for BufferRow { path, address, type_name, bytes, base, views } in document.buffers.iter().take(most) {
        let note = match (base, views) {
            (Some(base), _) => format!(", of the object at {}", shortened(base)),
            (None, 0) => String::new(),
            (None, views) => format!(", with {}", counted(*views, "view")),
        };
        write_large(out, path.as_ref().unwrap_or(address), type_name, *bytes, whole, &note);
    }
    write_more(out, document.buffers.len(), most);
}

fn write_large(out: &mut String, path: &str, type_name: &str, size: u64, whole: u64, note: &str) {
    let (size, bar) = (bytes(size), bar(size, whole, BAR));
    let (path, kind) = (shortened(path), shortened(type_name));
    let _ = writeln!(out, "  {size:>12}  {WARN}{bar:BAR$}{WARN:#}  {path}{FAINT}: {kind}{note}{FAINT:#}");
}
