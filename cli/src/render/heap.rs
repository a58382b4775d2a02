//! What a heap holds, as text: five lines of totals, then tables with bars.

use std::fmt::Write as _;

use super::closing;
use super::inert::{cut, inert};
use super::quantity::{bar, bytes, count, counted};
use super::style::{BAD, FAINT, NAME, STRONG, WARN};
use super::{heap_calls, heap_garbage, heap_waste};
use crate::args::HeapView;
use crate::documents::heap::{HeapDocument, HeapSuspect, LedgerRow, OwnerRow, TypeRow, UnreachableRow};

/// Rows of a table of the summary.
const FIRST_ROWS: usize = 10;
/// Rows of a table of the summary that seldom matters.
const FEW_ROWS: usize = 5;
/// Blocks of a full bar.
pub(super) const BAR: usize = 16;
/// Characters of a name or path that are shown.
const MOST_CHARACTERS: usize = 120;

/// Renders a redacted document.
pub(crate) fn render(document: &HeapDocument, view: HeapView) -> String {
    let mut out = String::new();
    match view {
        HeapView::Summary => {
            write_summary(&mut out, document);
            write_suspects(&mut out, &document.suspects, FIRST_ROWS);
            write_types(&mut out, &document.types, FIRST_ROWS);
            write_owners(&mut out, &document.owners, FIRST_ROWS);
            if !document.suspended.is_empty() {
                heap_calls::write_suspended(&mut out, document, FEW_ROWS);
            }
            if !document.exceptions.is_empty() {
                heap_calls::write_exceptions(&mut out, document, FEW_ROWS);
            }
            heap_calls::write_descriptors(&mut out, &document.descriptors);
            heap_garbage::write(&mut out, document, FEW_ROWS);
            heap_waste::write(&mut out, document, FEW_ROWS);
            heap_waste::write_largest(&mut out, document, FEW_ROWS);
            write_ledger(&mut out, &document.ledger);
        }
        HeapView::Types => write_types(&mut out, &document.types, usize::MAX),
        HeapView::Suspects => write_suspects(&mut out, &document.suspects, usize::MAX),
        HeapView::Suspended => heap_calls::write_suspended(&mut out, document, usize::MAX),
        HeapView::Exceptions => heap_calls::write_exceptions(&mut out, document, usize::MAX),
        HeapView::Garbage => {
            heap_garbage::write(&mut out, document, usize::MAX);
            heap_garbage::write_excess(&mut out, document, usize::MAX);
        }
        HeapView::Waste => heap_waste::write(&mut out, document, usize::MAX),
        HeapView::Largest => heap_waste::write_largest(&mut out, document, usize::MAX),
        HeapView::Owners => write_owners(&mut out, &document.owners, usize::MAX),
        // Views of single objects and of two cores have renderers of their own.
        HeapView::Object
        | HeapView::Path
        | HeapView::Referrers
        | HeapView::Referents
        | HeapView::Growth
        | HeapView::Objects
        | HeapView::Export => {}
    }
    closing::write(&mut out, &document.findings, &document.gaps, &document.redactions);
    out
}

/// What there is, what the core holds, what looks like a leak, what is garbage, what is wasted: a line each, to be pasted.
fn write_summary(out: &mut String, document: &HeapDocument) {
    let totals = &document.totals;
    let (objects, references) = (count(totals.objects), count(totals.references));
    let size = bytes(totals.shallow_bytes);
    let _ = writeln!(
        out,
        "{STRONG}Objects{STRONG:#}   {objects} with {references} references, {size} as sys.getsizeof says"
    );
    let (dumped, held) = (bytes(totals.dumped_bytes), bytes(totals.attributed_bytes));
    let share = percent(totals.attributed_bytes, totals.dumped_bytes);
    let _ = writeln!(
        out,
        "{STRONG}Core{STRONG:#}      {dumped} dumped, {held} of it held by Python objects ({share:.1} %)"
    );
    let _ = match document.suspects.first() {
        Some(first) => {
            let (path, kept) = (shortened(&first.path), bytes(first.retained_bytes));
            let percent = first.percent;
            let more = document.suspects.len() - 1;
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            writeln!(
                out,
                "{STRONG}Suspect{STRONG:#}   {BAD}{path}{BAD:#} keeps {kept} alive ({percent:.1} %){more}"
            )
        }
        None => writeln!(out, "{STRONG}Suspect{STRONG:#}   {NO_SUSPECT}"),
    };
    let _ = write!(out, "{STRONG}Garbage{STRONG:#}   {}", garbage(&document.unreachable));
    if document.collector.is_enabled == Some(false) {
        let _ = write!(out, "; {WARN}the collector is off{WARN:#}");
    }
    if let Some(first) = document.unowned.iter().find(|row| row.is_python_class && row.count >= MANY) {
        let (objects, name) = (counted(first.count, "object"), shortened(&first.type_name));
        let _ = write!(out, "; {objects} of {NAME}{name}{NAME:#} that nothing seen refers to");
    }
    let equal = bytes(document.duplicates.wasted_bytes);
    let spare = document.containers.iter().map(|row| row.wasted_bytes).fold(0, u64::saturating_add);
    let spare = bytes(spare);
    let _ = writeln!(
        out,
        "\n{STRONG}Waste{STRONG:#}     {equal} in equal strings and bytes, {spare} of room to spare in containers"
    );
}

/// Objects that nothing seen refers to from which on the summary says so: C code keeps some in every process.
const MANY: u64 = 100;

/// Said where there is no suspect; that is what an analysis looks for.
const NO_SUSPECT: &str = "no suspect above 10 %: nothing keeps such a share of all live objects alive";

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

fn garbage(rows: &[UnreachableRow]) -> String {
    let Some(first) = rows.first() else { return "no unreachable cycles".to_owned() };
    let sum = |part: fn(&UnreachableRow) -> u64| rows.iter().map(part).fold(0, u64::saturating_add);
    let objects = counted(sum(|row| row.count), "object");
    let size = bytes(sum(|row| row.bytes));
    format!("{objects} in unreachable cycles, {size}; most of it {}", shortened(&first.type_name))
}

fn write_suspects(out: &mut String, suspects: &[HeapSuspect], most: usize) {
    let _ = writeln!(out, "\n{STRONG}Leak suspects{STRONG:#}");
    if suspects.is_empty() {
        let _ = writeln!(out, "  {FAINT}{NO_SUSPECT}{FAINT:#}");
    }
    for suspect in suspects.iter().take(most) {
        let (path, kept) = (shortened(&suspect.path), bytes(suspect.retained_bytes));
        let _ = write!(out, "  {BAD}{path}{BAD:#}  {kept}, {:.1} % of all", suspect.percent);
        if let Some(what) = &suspect.accumulates {
            let (number, each) = (count(what.count), bytes(what.each_bytes));
            let _ = write!(out, ": {number} × {NAME}{}{NAME:#} of {each} each", shortened(&what.type_name));
        }
        let _ = writeln!(out, "\n    + {}", inert(&suspect.why));
        let _ = writeln!(out, "    {FAINT}refuted if: {}{FAINT:#}", inert(&suspect.refuted_if));
    }
    write_more(out, suspects.len(), most);
}

fn write_types(out: &mut String, types: &[TypeRow], most: usize) {
    let whole = types.iter().map(|row| row.shallow_bytes).max().unwrap_or(0);
    let _ = writeln!(out, "\n{STRONG}Types by their own size{STRONG:#}");
    let _ = writeln!(
        out,
        "  {FAINT}{:>12} {:>11} {:>11}  {:BAR$}  type{FAINT:#}",
        "objects", "own", "kept alive", ""
    );
    for row in types.iter().take(most) {
        let (number, kept) = (count(row.count), bytes(row.retained_bytes));
        let (own, bar) = (bytes(row.shallow_bytes), bar(row.shallow_bytes, whole, BAR));
        let name = shortened(&row.type_name);
        let _ = writeln!(
            out,
            "  {number:>12} {own:>11} {kept:>11}  {WARN}{bar:BAR$}{WARN:#}  {NAME}{name}{NAME:#}"
        );
    }
    write_more(out, types.len(), most);
}

fn write_owners(out: &mut String, owners: &[OwnerRow], most: usize) {
    let whole = owners.iter().map(|row| row.retained_bytes).max().unwrap_or(0);
    let _ = writeln!(out, "\n{STRONG}Owners by what they keep alive{STRONG:#}");
    let _ = writeln!(
        out,
        "  {FAINT}{:>12} {:>11}  {:BAR$}  path: type[length]{FAINT:#}",
        "objects", "kept alive", ""
    );
    for row in owners.iter().take(most) {
        let (number, kept) = (count(row.retained_objects), bytes(row.retained_bytes));
        let bar = bar(row.retained_bytes, whole, BAR);
        let kind = shortened(&row.type_name);
        let length = row.length.map(|length| format!("[{}]", count(length))).unwrap_or_default();
        let path = shortened(&row.path);
        let _ = writeln!(
            out,
            "  {number:>12} {kept:>11}  {WARN}{bar:BAR$}{WARN:#}  {path}{FAINT}: {kind}{length}{FAINT:#}"
        );
    }
    write_more(out, owners.len(), most);
}

fn write_ledger(out: &mut String, ledger: &[LedgerRow]) {
    if ledger.is_empty() {
        return;
    }
    let whole = ledger.iter().map(|row| row.bytes).max().unwrap_or(0);
    let _ = writeln!(out, "\n{STRONG}Who has the dumped bytes{STRONG:#}");
    for row in ledger {
        let (size, bar) = (bytes(row.bytes), bar(row.bytes, whole, BAR));
        let _ = writeln!(out, "  {size:>12}  {WARN}{bar:BAR$}{WARN:#}  {}", shortened(&row.owner));
    }
}

pub(super) fn write_more(out: &mut String, total: usize, most: usize) {
    if let Some(more) = total.checked_sub(most).filter(|more| *more > 0) {
        let _ = writeln!(out, "  {FAINT}and {}{FAINT:#}", counted(more as u64, "more row"));
    }
}

pub(super) fn shortened(text: &str) -> String {
    let (start, left_out) = cut(text, MOST_CHARACTERS);
    let more = if left_out > 0 { "…" } else { "" };
    format!("{}{more}", inert(start))
}
