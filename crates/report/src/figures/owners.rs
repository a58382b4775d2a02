use super::Figure;
use super::svg::{Svg, WIDTH, fill};
use crate::Incident;
use crate::markdown::quantity::bytes_text;

const NAMES: f64 = 380.0;
const ROW: f64 = 24.0;
const MOST_ROWS: usize = 10;

/// Who keeps how much of the heap alive, by the path that leads there.
pub(super) fn draw(incident: &Incident) -> Option<Figure> {
    let heap = incident.heap.as_ref()?;
    let total = heap.totals.shallow_bytes.filter(|bytes| *bytes > 0)?;
    let rows: Vec<(&str, u64)> = heap
        .owners
        .iter()
        .filter_map(|row| Some((row.path.as_str(), row.retained_bytes?)))
        .take(MOST_ROWS)
        .collect();
    if rows.is_empty() {
        return None;
    }
    let width = WIDTH - NAMES - 110.0;
    let mut svg = Svg::new(ROW * rows.len() as f64 + 6.0, "What keeps how much of the heap alive");
    for (row, (path, bytes)) in rows.iter().enumerate() {
        let y = 4.0 + ROW * row as f64;
        let share = (*bytes as f64 / total as f64).min(1.0);
        let name = format!("{path}: {} of {} in objects", bytes_text(*bytes), bytes_text(total));
        svg.text("", 0.0, y + 13.0, NAMES - 12.0, path);
        svg.rect("hole", [NAMES, y, width, ROW - 7.0], "all objects");
        svg.rect(fill(0), [NAMES, y, width * share, ROW - 7.0], &name);
        svg.text("faint", NAMES + width + 8.0, y + 13.0, 100.0, &bytes_text(*bytes));
    }
    let caption =
        "Bytes that would be freed if the object at the end of the path went away, against all objects. \
                   One may keep another alive, so the bars do not add up."
            .to_owned();
    Some(Figure { section: "the-process-before-it-stopped", caption, svg: svg.finish() })
}
