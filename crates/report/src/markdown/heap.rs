use super::cite;
use super::inert::{Inert, code, prose};
use super::page::Page;
use super::quantity::{grouped, size};
use crate::Incident;
use crate::sections::{HeapSection, SuspectRow};

/// Most rows of a table.
const MOST_ROWS: usize = 10;

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
    negatives(page, heap);
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".into(), size);
    let number = |number: Option<u64>| number.map_or_else(|| "unknown".into(), grouped);
    growth(page, heap);
    page.table(
        ["Biggest types", "Objects", "Own size", "Keeps alive"],
        heap.types.iter().take(MOST_ROWS).map(|row| {
            [code(&row.type_name), number(row.count), bytes(row.shallow_bytes), bytes(row.retained_bytes)]
        }),
    );
    page.table(
        ["Biggest owners", "Type", "Length", "Keeps alive", "Objects"],
        heap.owners.iter().take(MOST_ROWS).map(|row| {
            let type_name = row.type_name.as_deref().map_or_else(Inert::default, code);
            let length = row.length.map_or_else(Inert::default, grouped);
            [code(&row.path), type_name, length, bytes(row.retained_bytes), number(row.retained_objects)]
        }),
    );
    page.table(
        ["Dumped memory by owner", "Bytes"],
        heap.ledger.iter().take(20).map(|row| [prose(&row.owner), size(row.bytes)]),
    );
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
        page.paragraph(Inert::from("Looked for besides: ").then(none).then("."));
    }
    if heap.collector.is_enabled == Some(false) {
        page.paragraph("The garbage collector was off (`gc.disable()`): cycles are never freed then.");
    }
    page.table(
        ["Cyclic garbage", "Objects", "Bytes"],
        heap.unreachable.iter().flatten().take(5).map(|row| {
            let number = |number: Option<u64>| number.map_or_else(|| "unknown".into(), grouped);
            [code(&row.type_name), number(row.count), row.bytes.map_or_else(|| "unknown".into(), size)]
        }),
    );
}

/// What became more since an older core.
fn growth(page: &mut Page, heap: &HeapSection) {
    let number = |number: Option<u64>| number.map_or_else(|| "unknown".into(), grouped);
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".into(), size);
    page.table(
        ["Grown since the older core", "Objects before", "Objects now", "Bytes before", "Bytes now"],
        heap.growth.iter().take(MOST_ROWS).map(|row| {
            [
                code(&row.type_name),
                number(row.count_before),
                number(row.count_after),
                bytes(row.bytes_before),
                bytes(row.bytes_after),
            ]
        }),
    );
    page.table(
        [
            "Owner, since the older core",
            "Length before",
            "Length now",
            "Kept alive before",
            "Keeps alive now",
        ],
        heap.grown_owners.iter().take(MOST_ROWS).map(|row| {
            let listed = |bytes: Option<u64>| bytes.map_or_else(|| "not among the largest".into(), size);
            let length = |length: Option<u64>| length.map_or_else(Inert::default, grouped);
            [
                code(&row.path),
                length(row.length_before),
                length(row.length_after),
                listed(row.retained_before),
                listed(row.retained_after),
            ]
        }),
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
