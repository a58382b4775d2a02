//! Types of the heap as a squarified treemap (Bruls, Huizing, van Wijk: "Squarified Treemaps", 2000).

use super::Figure;
use super::svg::{Svg, WIDTH, fill};
use crate::Incident;
use crate::markdown::quantity::bytes_text;

const HEIGHT: f64 = 260.0;
const MOST_TYPES: usize = 40;
/// Room from which on a name may be cut.
const NAME: f64 = 70.0;
/// Smallest share of all that has a box of its own.
const SMALLEST: f64 = 0.004;

/// The types of the heap by the size of their objects.
pub(super) fn draw(incident: &Incident) -> Option<Figure> {
    let heap = incident.heap.as_ref()?;
    let total = heap.totals.shallow_bytes.unwrap_or(0);
    let mut rows: Vec<(String, u64)> = heap
        .types
        .iter()
        .filter_map(|row| Some((row.type_name.clone(), row.shallow_bytes.filter(|bytes| *bytes > 0)?)))
        .collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    rows.truncate(MOST_TYPES);
    // What is too small to be seen is one box together.
    let seen = rows.iter().take_while(|row| row.1 as f64 >= SMALLEST * total as f64).count();
    rows.truncate(seen.max(1));
    let named: u64 = rows.iter().map(|row| row.1).fold(0, u64::saturating_add);
    if total > named {
        rows.push(("all other types".to_owned(), total - named));
        rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    }
    if rows.len() < 2 {
        return None;
    }
    let sizes: Vec<f64> = rows.iter().map(|row| row.1 as f64).collect();
    let mut svg = Svg::new(HEIGHT, "Types of the heap by size");
    for (index, ([x, y, width, height], (name, bytes))) in
        squarify(&sizes, WIDTH, HEIGHT).into_iter().zip(&rows).enumerate()
    {
        let size = bytes_text(*bytes);
        svg.rect(fill(index), [x, y, width, height], &format!("{name}: {size}"));
        if height > 16.0 {
            let room = width - 8.0;
            // A stump of a name is worse than none.
            if room < NAME {
                svg.whole("", x + 5.0, y + 14.0, room, name);
            } else {
                svg.text("", x + 5.0, y + 14.0, room, name);
            }
        }
        if height > 32.0 {
            svg.whole("faint", x + 5.0, y + 29.0, width - 8.0, &size);
        }
    }
    let caption = "Types of the heap; areas are the sizes of the objects themselves.".to_owned();
    Some(Figure { section: "the-heap".to_owned(), caption, svg: svg.finish() })
}

/// Rectangles in a field for sizes that fall, row by row along the shorter side.
fn squarify(sizes: &[f64], width: f64, height: f64) -> Vec<[f64; 4]> {
    let total: f64 = sizes.iter().sum();
    let scale = width * height / total.max(f64::MIN_POSITIVE);
    let areas: Vec<f64> = sizes.iter().map(|size| size * scale).collect();
    let (mut x, mut y, mut width, mut height) = (0.0, 0.0, width, height);
    let mut rectangles = Vec::with_capacity(areas.len());
    let mut left = areas.as_slice();
    while !left.is_empty() {
        let side = width.min(height);
        let mut count = 1;
        while count < left.len() && worst(&left[..=count], side) <= worst(&left[..count], side) {
            count += 1;
        }
        let (row, rest) = left.split_at(count);
        let sum: f64 = row.iter().sum();
        let thickness = if side > 0.0 { sum / side } else { 0.0 };
        let mut along = 0.0;
        for area in row {
            let length = if thickness > 0.0 { area / thickness } else { 0.0 };
            if width >= height {
                rectangles.push([x, y + along, thickness, length]);
            } else {
                rectangles.push([x + along, y, length, thickness]);
            }
            along += length;
        }
        if width >= height {
            x += thickness;
            width = (width - thickness).max(0.0);
        } else {
            y += thickness;
            height = (height - thickness).max(0.0);
        }
        left = rest;
    }
    rectangles
}

/// How far the longest rectangle of a row is from a square.
fn worst(row: &[f64], side: f64) -> f64 {
    let sum: f64 = row.iter().sum();
    let (largest, smallest) =
        (row.iter().copied().fold(0.0, f64::max), row.iter().copied().fold(f64::MAX, f64::min));
    let (side, sum) = (side * side, sum * sum);
    (side * largest / sum).max(sum / (side * smallest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_right_and_fill_the_field() {
        let sizes = [600.0, 600.0, 400.0, 300.0, 200.0, 200.0, 100.0];
        let rectangles = squarify(&sizes, 600.0, 400.0);
        for (size, [x, y, width, height]) in sizes.iter().zip(&rectangles) {
            assert!((width * height - size * 100.0).abs() < 1e-6, "{size}");
            assert!(*x >= 0.0 && *y >= 0.0 && x + width <= 600.0 + 1e-6 && y + height <= 400.0 + 1e-6);
        }
        let ratios = rectangles.iter().map(|[_, _, width, height]| (width / height).max(height / width));
        assert!(ratios.fold(0.0, f64::max) < 3.0);
    }
}
