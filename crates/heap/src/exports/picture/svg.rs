//! Pictures as SVG that stands alone: no script, no font, nothing that is fetched.

use std::fmt::Write as _;

use super::{Look, Picture, inert, shortened};

const BOX_WIDTH: usize = 300;
const BOX_HEIGHT: usize = 44;
const COLUMN: usize = BOX_WIDTH + 170;
const ROW: usize = BOX_HEIGHT + 28;
const MARGIN: usize = 20;
/// Characters that fit a box, and an arrow.
const IN_BOX: usize = 40;
const AT_ARROW: usize = 22;

impl Picture {
    /// The picture as SVG.
    pub fn svg(&self) -> String {
        let places = self.places();
        let columns = self.boxes.iter().map(|shown| shown.column + 1).max().unwrap_or(1);
        let height = places.iter().map(|&(_, y)| y + BOX_HEIGHT).max().unwrap_or(BOX_HEIGHT) + MARGIN;
        let width = columns * COLUMN - (COLUMN - BOX_WIDTH) + 2 * MARGIN;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"monospace\" font-size=\"12\">\n\
             <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
             orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
        );
        for (from, to, label) in &self.arrows {
            if let (Some(&(x1, y1)), Some(&(x2, y2))) = (places.get(*from), places.get(*to)) {
                write_arrow(
                    &mut out,
                    (x1 + BOX_WIDTH, y1 + BOX_HEIGHT / 2),
                    (x2, y2 + BOX_HEIGHT / 2),
                    label,
                );
            }
        }
        for (shown, &(x, y)) in self.boxes.iter().zip(&places) {
            let (fill, corner) = match shown.look {
                Look::Object => ("#eef4fb", 3),
                Look::Target => ("#fde8d7", 3),
                Look::Root => ("#eeeeee", 14),
            };
            let title = format!("{}\n{}", inert(&shown.title), inert(&shown.detail));
            let _ = writeln!(
                out,
                "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"{corner}\" \
                 fill=\"{fill}\" stroke=\"#555\"/><text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>\
                 <text x=\"{}\" y=\"{}\" fill=\"#444\" font-size=\"11\">{}</text></g>",
                escaped(&title),
                x + 8,
                y + 18,
                escaped(&shortened(&shown.title, IN_BOX)),
                x + 8,
                y + 35,
                escaped(&shortened(&shown.detail, IN_BOX)),
            );
        }
        out.push_str("</svg>\n");
        out
    }

    /// Where each box stands: its column in the order of the boxes, all columns centered.
    fn places(&self) -> Vec<(usize, usize)> {
        let columns = self.boxes.iter().map(|shown| shown.column + 1).max().unwrap_or(0);
        let mut counts = vec![0usize; columns];
        for shown in &self.boxes {
            counts[shown.column] += 1;
        }
        let tallest = counts.iter().copied().max().unwrap_or(0);
        let mut next: Vec<usize> = counts.iter().map(|count| MARGIN + (tallest - count) * ROW / 2).collect();
        let mut place = |column: usize| {
            let y = next[column];
            next[column] += ROW;
            (MARGIN + column * COLUMN, y)
        };
        self.boxes.iter().map(|shown| place(shown.column)).collect()
    }
}

fn write_arrow(out: &mut String, (x1, y1): (usize, usize), (x2, y2): (usize, usize), label: &str) {
    let bend = usize::midpoint(x1, x2);
    let _ = writeln!(
        out,
        "<path d=\"M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#tip)\"/>"
    );
    if !label.is_empty() {
        let _ = writeln!(
            out,
            "<text x=\"{bend}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#222\" stroke=\"#fff\" \
             stroke-width=\"3\" paint-order=\"stroke\">{}</text>",
            usize::midpoint(y1, y2).saturating_sub(4),
            escaped(&shortened(label, AT_ARROW)),
        );
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&apos;")
}
