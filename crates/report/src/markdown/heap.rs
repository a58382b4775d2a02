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
    page.heading(2, "The heap");
    let Some(heap) = &incident.heap else {
        page.paragraph("The heap was not read.");
        return;
    };
    totals(page, incident, heap);
    for suspect in heap.suspects.iter().take(MOST_ROWS) {
        page.paragraph(describe(suspect));
    }
    if heap.suspects.is_empty() {
        page.paragraph("No leak suspect: no single object keeps an unusual share of the heap alive.");
    }
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".into(), size);
    let number = |number: Option<u64>| number.map_or_else(|| "unknown".into(), grouped);
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
