//! What the collector would find, and references that nothing seen holds, as tables with bars.

use std::fmt::Write as _;

use super::heap::{BAR, shortened, write_more};
use super::quantity::{bar, bytes, count};
use super::style::{FAINT, NAME, STRONG, WARN};
use crate::documents::heap::HeapDocument;
use crate::documents::heap_details::Collector;

/// Writes the state of the collector, garbage by type with a cycle each, and counts that are too high.
pub(super) fn write(out: &mut String, document: &HeapDocument, most: usize) {
    let _ = writeln!(out, "\n{STRONG}Garbage in cycles{STRONG:#}  {}", state(&document.collector));
    let rows = &document.unreachable;
    if rows.is_empty() {
        let _ = writeln!(out, "  {FAINT}none{FAINT:#}");
    }
    let whole = rows.iter().map(|row| row.bytes).max().unwrap_or(0);
    for row in rows.iter().take(most) {
        let (number, size, bar) = (count(row.count), bytes(row.bytes), bar(row.bytes, whole, BAR));
        let name = shortened(&row.type_name);
        let finalizer = if row.has_finalizer { " with __del__" } else { "" };
        let cycle = row.cycle.as_ref().map(|cycle| format!(" · {} is itself again", shortened(cycle)));
        let cycle = cycle.unwrap_or_default();
        let _ = writeln!(
            out,
            "  {number:>12} {size:>11}  {WARN}{bar:BAR$}{WARN:#}  {NAME}{name}{NAME:#}{finalizer}{FAINT}{cycle}{FAINT:#}"
        );
    }
    write_more(out, rows.len(), most);
}

/// Writes objects that count more references than are found.
pub(super) fn write_excess(out: &mut String, document: &HeapDocument, most: usize) {
    let rows = &document.excess;
    let whole = rows.iter().map(|row| row.excess_references).max().unwrap_or(0);
    let _ = writeln!(out, "\n{STRONG}References that are counted and not found{STRONG:#}");
    if rows.is_empty() {
        let _ = writeln!(out, "  {FAINT}none{FAINT:#}");
    }
    for row in rows.iter().take(most) {
        let number = format!("{}/{}", count(row.count), count(row.objects));
        let (excess, bar) = (count(row.excess_references), bar(row.excess_references, whole, BAR));
        let (name, path) = (shortened(&row.type_name), shortened(row.path.as_ref().unwrap_or(&row.address)));
        let (counted, found) = (count(row.refcount), count(row.found));
        let _ = writeln!(
            out,
            "  {number:>16} {excess:>11}  {WARN}{bar:BAR$}{WARN:#}  {NAME}{name}{NAME:#}{FAINT} · {path} counts {counted}, {found} found{FAINT:#}"
        );
    }
    write_more(out, rows.len(), most);
}

/// The collector in a few words.
fn state(collector: &Collector) -> String {
    let mut parts = Vec::new();
    parts.extend(
        collector.is_enabled.map(|is_on| format!("the collector is {}", if is_on { "on" } else { "off" })),
    );
    if !collector.generations.is_empty() {
        let counts: Vec<String> =
            collector.generations.iter().map(|row| format!("{}/{}", row.count, row.threshold)).collect();
        parts.push(format!("generations at {}", counts.join(", ")));
    }
    if let Some(frozen) = collector.frozen.filter(|&frozen| frozen > 0) {
        parts.push(format!("{} frozen", count(frozen)));
    }
    if let Some(kept) = collector.uncollectable.filter(|&kept| kept > 0) {
        parts.push(format!("{} in gc.garbage", count(kept)));
    }
    parts.join("; ")
}
