use super::Figure;
use super::svg::{Svg, WIDTH, fill};
use crate::Incident;
use crate::markdown::quantity::bytes_text;
use crate::sections::{HeapSection, OwnerRow};
use crate::views::owners::fold;

const NAMES: f64 = 360.0;
const ROW: f64 = 24.0;
const MOST_ROWS: usize = 12;
/// Smallest share of the heap that is drawn.
const SMALLEST: f64 = 0.02;
/// How far what an owner holds stands in.
const STEP: f64 = 16.0;

/// Who keeps how much of the heap alive: from each owner down to what it holds.
pub(super) fn draw(incident: &Incident) -> Option<Figure> {
    let heap = incident.heap.as_ref()?;
    let total = heap.totals.shallow_bytes.filter(|bytes| *bytes > 0)?;
    let rows = rows(heap, total);
    if rows.is_empty() {
        return None;
    }
    let width = WIDTH - NAMES - 150.0;
    let mut svg = Svg::new(ROW * rows.len() as f64 + 6.0, "What keeps how much of the heap alive");
    for (index, row) in rows.iter().enumerate() {
        let y = 4.0 + ROW * index as f64;
        let share = (row.bytes as f64 / total as f64).min(1.0);
        let title = format!("{}: {} of {} in objects", row.path, bytes_text(row.bytes), bytes_text(total));
        let indent = STEP * row.depth.min(6) as f64;
        if row.depth > 0 {
            svg.line("axis", [indent - 9.0, y - 6.0, indent - 9.0, y + 9.0]);
            svg.line("axis", [indent - 9.0, y + 9.0, indent - 3.0, y + 9.0]);
        }
        svg.ends("", indent, y + 13.0, NAMES - 12.0 - indent, &row.name);
        svg.rect("hole", [NAMES, y, width, ROW - 7.0], "all objects");
        svg.rect(fill(0), [NAMES, y, width * share, ROW - 7.0], &title);
        svg.text("faint", NAMES + width + 8.0, y + 13.0, 142.0, &row.size);
    }
    let caption = "Bytes that would be freed if the object went away, against all objects of the heap; what an owner holds \
                   stands below it, and is part of it."
        .to_owned();
    Some(Figure { section: "the-heap".to_owned(), caption, svg: svg.finish() })
}

/// One bar.
struct Bar {
    path: String,
    name: String,
    size: String,
    bytes: u64,
    depth: usize,
}

/// The owners, each followed by those that it holds and by what piles up in it.
fn rows(heap: &HeapSection, total: u64) -> Vec<Bar> {
    let says = |row: &OwnerRow| format!("{:?}", row.retained_bytes.map(bytes_text));
    let folded = fold(&heap.owners, |row| &row.path, says);
    // A bar that cannot be seen says nothing.
    let is_seen = |bytes: u64| bytes as f64 >= SMALLEST * total as f64;
    let seen = folded.iter().filter(|alike| alike.first.retained_bytes.is_some_and(is_seen));
    let owners: Vec<_> = seen.take(MOST_ROWS).collect();
    // The way down to each, as places in the list: parents sort before what they hold.
    let mut ways: Vec<Vec<usize>> = Vec::new();
    for (index, alike) in owners.iter().enumerate() {
        let holds = |parent: &usize| is_inside(&alike.first.path, &owners[*parent].first.path);
        let parent = (0..index).filter(holds).max_by_key(|parent| owners[*parent].first.path.len());
        let mut way = parent.and_then(|parent| ways.get(parent).cloned()).unwrap_or_default();
        way.push(index);
        ways.push(way);
    }
    ways.sort();
    let mut bars = Vec::new();
    for way in &ways {
        let Some(alike) = way.last().and_then(|index| owners.get(*index)) else { continue };
        let (row, depth) = (alike.first, way.len() - 1);
        let parent = way.iter().rev().nth(1).and_then(|index| owners.get(*index));
        let shown = alike.shape.as_deref().unwrap_or(&row.path);
        let shown = parent.and_then(|parent| shown.strip_prefix(&*parent.first.path)).unwrap_or(shown);
        let bytes = row.retained_bytes.unwrap_or(0);
        let (name, size) = if alike.count > 1 {
            (format!("{shown}, {} alike", alike.count), format!("{} each", bytes_text(bytes)))
        } else {
            (shown.to_owned(), bytes_text(bytes))
        };
        // What piles up in the owner is told by its number already.
        if parent
            .and_then(|parent| piled(heap, &parent.first.path, depth))
            .is_some_and(|piled| piled.size == size)
        {
            continue;
        }
        bars.push(Bar { path: row.path.clone(), name, size, bytes, depth });
        bars.extend(piled(heap, &row.path, depth + 1));
    }
    bars.truncate(MOST_ROWS);
    bars
}

/// What piles up in an owner that looks like a leak.
fn piled(heap: &HeapSection, path: &str, depth: usize) -> Option<Bar> {
    let suspect = heap.suspects.iter().find(|suspect| suspect.path == path)?;
    let piled = suspect.accumulates.as_ref()?;
    let (count, each) = (piled.count?, piled.each_bytes?);
    let bytes = count.saturating_mul(each);
    let name = format!("{count} × {}", piled.type_name);
    Some(Bar { path: name.clone(), name, size: format!("{} each", bytes_text(each)), bytes, depth })
}

/// Whether a path goes on from another one.
fn is_inside(path: &str, owner: &str) -> bool {
    path.strip_prefix(owner).is_some_and(|rest| rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sections::{Accumulated, SuspectRow};

    #[test]
    fn what_an_owner_holds_stands_below_it() {
        let owner = |path: &str, bytes| OwnerRow {
            path: path.into(),
            retained_bytes: Some(bytes),
            ..OwnerRow::default()
        };
        let piled = Accumulated { type_name: "Session".into(), count: Some(3), each_bytes: Some(90) };
        let heap = HeapSection {
            owners: vec![
                owner("a.B", 300),
                owner("c", 100),
                owner("a.B['1']", 90),
                owner("a.B['2']", 90),
                owner("a.B['3']", 90),
                owner("a.Bc", 50),
                owner("c.d", 40),
            ],
            suspects: vec![SuspectRow {
                path: "a.B".into(),
                accumulates: Some(piled),
                ..SuspectRow::default()
            }],
            ..HeapSection::default()
        };
        let shown: Vec<_> =
            rows(&heap, 1_000).into_iter().map(|bar| (bar.depth, bar.name, bar.size)).collect();
        let row = |depth, name: &str, size: &str| (depth, name.to_owned(), size.to_owned());
        assert_eq!(
            shown,
            [
                row(0, "a.B", "300 B"),
                row(1, "3 × Session", "90 B each"),
                row(0, "c", "100 B"),
                row(1, ".d", "40 B"),
                row(0, "a.Bc", "50 B"),
            ]
        );
    }
}
