//! Pictures as SVG that stands alone: no script, no font, nothing that is fetched.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::{Look, Picture, inert, shortened};

const BOX_WIDTH: usize = 340;
const BOX_HEIGHT: usize = 44;
const COLUMN: usize = BOX_WIDTH + 170;
const ROW: usize = BOX_HEIGHT + 28;
const MARGIN: usize = 20;
/// Characters that fit the two lines of a box, and an arrow.
const IN_TITLE: usize = 44;
const IN_DETAIL: usize = 48;
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
        let arrows = self.arrows.iter().zip(self.ports());
        for ((from, to, label), (start, end)) in arrows {
            if let (Some(&(x1, y1)), Some(&(x2, y2))) = (places.get(*from), places.get(*to)) {
                let (tail, tip) = ((x1 + BOX_WIDTH, y1 + start.y()), (x2, y2 + end.y()));
                write_arrow(&mut out, tail, tip, start.count.cmp(&end.count), label);
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
                escaped(&shortened(&shown.title, IN_TITLE)),
                x + 8,
                y + 35,
                escaped(&shortened(&shown.detail, IN_DETAIL)),
            );
        }
        out.push_str("</svg>\n");
        out
    }

    /// For each arrow, where it leaves a box and where it enters one: those of a box share its side.
    fn ports(&self) -> Vec<(Port, Port)> {
        let mut leaving = vec![0; self.boxes.len()];
        let mut entering = vec![0; self.boxes.len()];
        let number = |counts: &mut Vec<usize>, at: usize| {
            counts[at] += 1;
            counts[at] - 1
        };
        let numbers: Vec<(usize, usize)> = self
            .arrows
            .iter()
            .map(|&(from, to, _)| (number(&mut leaving, from), number(&mut entering, to)))
            .collect();
        let ports = self.arrows.iter().zip(numbers);
        let port = |counts: &[usize], at: usize, number| Port { number, count: counts[at] };
        ports
            .map(|((from, to, _), (start, end))| (port(&leaving, *from, start), port(&entering, *to, end)))
            .collect()
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

/// The place of an arrow at the side of a box: its number among all that are there.
#[derive(Clone, Copy, Debug)]
struct Port {
    number: usize,
    count: usize,
}

impl Port {
    /// How far below the upper edge of the box.
    fn y(self) -> usize {
        BOX_HEIGHT * (self.number + 1) / (self.count + 1)
    }
}

/// Draws an arrow. Its label stands at the end that has fewer arrows than the other, where no other label is: `crowd`
/// compares those at its start with those at its tip.
fn write_arrow(
    out: &mut String,
    (x1, y1): (usize, usize),
    (x2, y2): (usize, usize),
    crowd: Ordering,
    label: &str,
) {
    let bend = usize::midpoint(x1, x2);
    let _ = writeln!(
        out,
        "<path d=\"M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#tip)\"/>"
    );
    let (x, y, anchor) = match crowd {
        Ordering::Less => (x1 + 6, y1, "start"),
        Ordering::Equal => (bend, usize::midpoint(y1, y2), "middle"),
        Ordering::Greater => (x2.saturating_sub(12), y2, "end"),
    };
    if !label.is_empty() {
        let _ = writeln!(
            out,
            "<text x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\" font-size=\"11\" fill=\"#222\" stroke=\"#fff\" \
             stroke-width=\"3\" paint-order=\"stroke\">{}</text>",
            y.saturating_sub(4),
            escaped(&shortened(label, AT_ARROW)),
        );
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&apos;")
}
