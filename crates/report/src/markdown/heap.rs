use super::cite;
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::{grouped, size};
use crate::Incident;
use crate::sections::{HeapSection, OwnerGrowthRow, OwnerRow, SuspectRow};
use crate::views::owners::{Alike, fold};

/// Most rows of a table.
const MOST_ROWS: usize = 10;
/// Rows of owners and types that are not folded away.
const SHOWN_OWNERS: usize = 5;

/// What filled the heap, and who kept it alive.
pub(crate) fn render(page: &mut Page, incident: &Incident) {
    page.heading(3, "The heap");
    let Some(heap) = &incident.heap else {
        page.paragraph("The heap was not read: there is no core, or its objects could not be found.");
        return;
    };
    totals(page, incident, heap);
    for suspect in heap.suspects.iter().take(MOST_ROWS) {
        page.paragraph(describe(suspect));
    }
    if heap.suspects.is_empty() {
        page.paragraph("No leak suspect: no single object keeps an unusual share of the heap alive.");
    }
    growth(page, heap);
    // Beside what has grown, what is large says little.
    if heap.grown_owners.is_empty() {
        owners(page, heap);
    }
    negatives(page, heap);
    details(page, heap);
}

/// Who keeps most alive; alike ones are one row.
fn owners(page: &mut Page, heap: &HeapSection) {
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".into(), size);
    let number = |number: Option<u64>| number.map_or_else(|| "unknown".into(), grouped);
    let says = |row: &OwnerRow| format!("{:?} {:?}", row.type_name, row.retained_bytes.map(size));
    let rows = fold(&heap.owners, |row| &row.path, says);
    page.folded_table(
        ["Biggest owners", "Type", "Length", "Keeps alive", "Objects"],
        rows.iter().take(MOST_ROWS).map(|alike| {
            let row = alike.first;
            let type_name = row.type_name.as_deref().map_or_else(Inert::default, code);
            let length = row.length.map_or_else(Inert::default, grouped);
            let each = if alike.count > 1 { " each" } else { "" };
            let kept = bytes(row.retained_bytes).then(each);
            [owner(alike, &row.path), type_name, length, kept, number(row.retained_objects).then(each)]
        }),
        SHOWN_OWNERS,
        ["owner", "owners"],
    );
}

/// The path of an owner, or of several that are held in the same way.
fn owner<T>(alike: &Alike<T>, path: &str) -> Inert {
    match &alike.shape {
        Some(shape) => {
            code(shape).then(" (").then(alike.count).then(" alike, such as ").then(code(path)).then(")")
        }
        None => code(path),
    }
}

/// What is looked up rather than read.
fn details(page: &mut Page, heap: &HeapSection) {
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".into(), size);
    let number = |number: Option<u64>| number.map_or_else(|| "unknown".into(), grouped);
    let garbage: Vec<_> = heap.unreachable.iter().flatten().collect();
    if heap.types.is_empty() && heap.ledger.is_empty() && garbage.is_empty() {
        return;
    }
    page.details("The heap in numbers: what is largest, cyclic garbage, dumped memory", |page| {
        if !heap.grown_owners.is_empty() {
            owners(page, heap);
        }
        page.table(
            ["Biggest types", "Objects", "Own size", "Keeps alive"],
            heap.types.iter().take(MOST_ROWS).map(|row| {
                [code(&row.type_name), number(row.count), bytes(row.shallow_bytes), bytes(row.retained_bytes)]
            }),
        );
        page.table(
            ["Cyclic garbage", "Objects", "Bytes"],
            garbage
                .into_iter()
                .take(5)
                .map(|row| [code(&row.type_name), number(row.count), bytes(row.bytes)]),
        );
        page.table(
            ["Dumped memory by owner", "Bytes"],
            heap.ledger.iter().take(20).map(|row| [prose(&row.owner.replace('-', " ")), size(row.bytes)]),
        );
    });
}

/// What was looked for and not found, so that nobody looks again.
fn negatives(page: &mut Page, heap: &HeapSection) {
    let none = [
        (heap.unreachable.as_ref().is_some_and(Vec::is_empty), "no cyclic garbage waited for the collector"),
        (
            heap.suspended.as_ref().is_some_and(Vec::is_empty),
            "no generator, coroutine or task was left unfinished",
        ),
        (heap.collector.is_enabled == Some(true), "the garbage collector was on"),
    ];
    let none = Inert::join(none.into_iter().filter(|(is, _)| *is).map(|(_, what)| what.into()), "; ");
    if !none.is_empty() {
        page.paragraph(Inert::from("Besides: ").then(none).then("."));
    }
    if heap.collector.is_enabled == Some(false) {
        page.paragraph("The garbage collector was off (`gc.disable()`): cycles are never freed then.");
    }
}

/// What became more since an older core.
fn growth(page: &mut Page, heap: &HeapSection) {
    let number = |number: Option<u64>| number.map_or_else(|| "unknown".into(), grouped);
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".into(), size);
    let listed = |bytes: Option<u64>| bytes.map_or_else(|| "not listed".into(), size);
    let says = |row: &OwnerGrowthRow| {
        format!("{:?} {:?}", row.retained_before.map(size), row.retained_after.map(size))
    };
    // What another row holds, and is not among the largest of both cores, is told with its owner.
    let is_told = |row: &OwnerGrowthRow| {
        let is_inside = |owner: &OwnerGrowthRow| {
            row.path.strip_prefix(&*owner.path).is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        row.retained_before.is_none() != row.retained_after.is_none()
            && heap.grown_owners.iter().any(is_inside)
    };
    let told: Vec<_> = heap.grown_owners.iter().filter(|row| !is_told(row)).cloned().collect();
    let rows = fold(&told, |row| &row.path, says);
    page.folded_table(
        [
            "Owner, since the older core",
            "Length before",
            "Length now",
            "Kept alive before",
            "Keeps alive now",
        ],
        rows.iter().take(MOST_ROWS).map(|alike| {
            let row = alike.first;
            let length = |length: Option<u64>| length.map_or_else(Inert::default, grouped);
            let each = if alike.count > 1 { " each" } else { "" };
            [
                owner(alike, &row.path),
                length(row.length_before),
                length(row.length_after),
                listed(row.retained_before),
                listed(row.retained_after).then(each),
            ]
        }),
        SHOWN_OWNERS,
        ["owner", "owners"],
    );
    page.folded_table(
        ["Type, since the older core", "Objects before", "Objects now", "Bytes before", "Bytes now"],
        heap.growth.iter().take(MOST_ROWS).map(|row| {
            [
                code(&row.type_name),
                number(row.count_before),
                number(row.count_after),
                bytes(row.bytes_before),
                bytes(row.bytes_after),
            ]
        }),
        SHOWN_OWNERS,
        ["type", "types"],
    );
}

fn totals(page: &mut Page, incident: &Incident, heap: &HeapSection) {
    let totals = &heap.totals;
    let facts = [
        totals.objects.map(|objects| grouped(objects).then(" objects")),
        totals.references.map(|references| grouped(references).then(" references")),
        totals.shallow_bytes.map(|bytes| size(bytes).then(" in objects")),
        totals.dumped_bytes.map(|bytes| size(bytes).then(" dumped")),
    ];
    let facts = Inert::join(facts.into_iter().flatten(), ", ");
    if !facts.is_empty() {
        page.paragraph(facts.then(". ").then(cite::core(incident)));
    }
}

fn describe(suspect: &SuspectRow) -> Inert {
    let mut text = Inert::from("**Leak suspect** ").then(code(&suspect.path));
    if let Some(bytes) = suspect.retained_bytes {
        text = text.then(" keeps ").then(size(bytes)).then(" alive");
    }
    if let Some(percent) = suspect.percent {
        text = text.then(prose(&format!(" ({percent:.0} % of all objects)")));
    }
    if let Some(piled) = &suspect.accumulates {
        let piled_count = piled.count.map_or_else(|| "many".into(), grouped);
        text = text.then(": ").then(piled_count).then(" × ").then(code(&piled.type_name));
    }
    text.then("; see the findings.")
}
