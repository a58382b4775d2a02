//! What the heap keeps open: unfinished calls, frames that exceptions show, files and sockets.

use std::fmt::Write as _;

use super::heap::{BAR, shortened, write_more};
use super::heap_waste::held_by;
use super::quantity::{bar, bytes, count};
use super::style::{FAINT, NAME, STRONG, WARN};
use crate::documents::heap::HeapDocument;
use crate::documents::heap_details::{DescriptorsRow, KeptFramesRow, SuspendedRow};

/// Functions of a traceback that are shown.
const FUNCTIONS: usize = 6;

/// Writes unfinished generators, coroutines and tasks.
pub(super) fn write_suspended(out: &mut String, document: &HeapDocument, most: usize) {
    let _ = writeln!(out, "\n{STRONG}Unfinished generators, coroutines and tasks{STRONG:#}");
    if document.suspended.is_empty() {
        let _ = writeln!(out, "  {FAINT}none{FAINT:#}");
    }
    let whole = document.suspended.iter().map(|row| row.count).max().unwrap_or(0);
    for row in document.suspended.iter().take(most) {
        write_row(out, row, whole);
    }
    write_more(out, document.suspended.len(), most);
}

fn write_row(out: &mut String, row: &SuspendedRow, whole: u64) {
    let (number, kept, bar) = (count(row.count), bytes(row.retained_bytes), bar(row.count, whole, BAR));
    let (kind, function) = (shortened(&row.kind), shortened(&row.function));
    let place = row.stack.first().map(|place| {
        let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!(" at {}{line}", shortened(&place.file))
    });
    let (place, state, hang) = (place.unwrap_or_default(), shortened(&row.state), held_by(&row.held_by));
    let _ = writeln!(
        out,
        "  {number:>12} {kept:>11}  {WARN}{bar:BAR$}{WARN:#}  {kind} {NAME}{function}{NAME:#} {state}{place}{FAINT}{hang}{FAINT:#}"
    );
}

/// Standard input, output and error are always open.
const USUAL: u64 = 3;

/// Writes how many files and sockets are open, if that is more than any process has.
pub(super) fn write_descriptors(out: &mut String, rows: &[DescriptorsRow]) {
    if rows.iter().map(|row| row.count).sum::<u64>() <= USUAL {
        return;
    }
    let _ = writeln!(out, "\n{STRONG}Open files and sockets{STRONG:#}");
    for row in rows {
        let (number, kind, hang) = (count(row.count), shortened(&row.kind), held_by(&row.held_by));
        let highest = row.highest;
        let _ = writeln!(out, "  {number:>12}  {kind}{FAINT}, descriptors up to {highest}{hang}{FAINT:#}");
    }
}

/// Writes exceptions that keep frames.
pub(super) fn write_exceptions(out: &mut String, document: &HeapDocument, most: usize) {
    let _ = writeln!(out, "\n{STRONG}Exceptions that keep frames alive{STRONG:#}");
    if document.exceptions.is_empty() {
        let _ = writeln!(out, "  {FAINT}none{FAINT:#}");
    }
    let whole = document.exceptions.iter().map(|row| row.retained_bytes).max().unwrap_or(0);
    for row in document.exceptions.iter().take(most) {
        write_kept(out, row, whole);
    }
    write_more(out, document.exceptions.len(), most);
}

fn write_kept(out: &mut String, row: &KeptFramesRow, whole: u64) {
    let (number, kept) = (count(row.count), bytes(row.retained_bytes));
    let bar = bar(row.retained_bytes, whole, BAR);
    let name = shortened(&row.type_name);
    let last = row.functions.len().saturating_sub(FUNCTIONS);
    let functions: Vec<String> = row.functions.iter().skip(last).map(|name| shortened(name)).collect();
    let start = if last > 0 { "… → " } else { "" };
    let functions = functions.join(" → ");
    let hang = if row.is_garbage { " · in an unreachable cycle".to_owned() } else { held_by(&row.held_by) };
    let _ = writeln!(
        out,
        "  {number:>12} {kept:>11}  {WARN}{bar:BAR$}{WARN:#}  {NAME}{name}{NAME:#} through {start}{functions}{FAINT}{hang}{FAINT:#}"
    );
}
