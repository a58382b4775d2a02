//! The few shapes that the figures are made of.

use std::fmt::Write as _;

use crate::markdown::inert::bounded_html;

/// Width of every figure, in its own units; the page scales it.
pub(super) const WIDTH: f64 = 880.0;
/// Units that a letter takes at the usual size, on average.
const LETTER: f64 = 7.0;
/// … and one of a bold text.
const STRONG_LETTER: f64 = 7.7;
/// Most characters of a text that is shown when a shape is pointed at.
const LONGEST_TITLE: usize = 240;

/// A figure under construction.
#[derive(Debug)]
pub(super) struct Svg {
    height: f64,
    title: String,
    shapes: String,
}

impl Svg {
    /// An empty figure; the title is what a screen reader says.
    pub(super) fn new(height: f64, title: &str) -> Self {
        Self { height, title: bounded_html(title, LONGEST_TITLE), shapes: String::new() }
    }

    /// A rectangle; `title` is shown when it is pointed at.
    pub(super) fn rect(&mut self, class: &str, [x, y, width, height]: [f64; 4], title: &str) {
        let (x, y, width, height) = (unit(x), unit(y), unit(width.max(0.5)), unit(height));
        let title = bounded_html(title, LONGEST_TITLE);
        let _ = writeln!(
            self.shapes,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"><title>{title}</title></rect>"
        );
    }

    /// A dot.
    pub(super) fn dot(&mut self, class: &str, x: f64, y: f64, title: &str) {
        let (x, y) = (unit(x), unit(y));
        let title = bounded_html(title, LONGEST_TITLE);
        let _ = writeln!(
            self.shapes,
            "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"5\"><title>{title}</title></circle>"
        );
    }

    /// A straight line.
    pub(super) fn line(&mut self, class: &str, [x1, y1, x2, y2]: [f64; 4]) {
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(unit);
        let _ = writeln!(
            self.shapes,
            "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"
        );
    }

    /// A line through points.
    pub(super) fn curve(&mut self, points: &[(f64, f64)]) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", unit(*x), unit(*y))).collect();
        let _ = writeln!(self.shapes, "<polyline class=\"curve\" points=\"{}\"/>", points.join(" "));
    }

    /// Text that starts at `x`, cut to what fits into `room` units.
    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, room: f64, text: &str) {
        self.anchored(class, "start", x, y, room, text);
    }

    /// Text of which the beginning and the end are kept when there is no room for all of it.
    pub(super) fn ends(&mut self, class: &str, x: f64, y: f64, room: f64, text: &str) {
        self.text(class, x, y, room, &middle_cut(text, (room / LETTER) as usize));
    }

    /// Text that is shown as a whole or not at all.
    pub(super) fn whole(&mut self, class: &str, x: f64, y: f64, room: f64, text: &str) {
        if text.chars().count() as f64 * LETTER <= room {
            self.text(class, x, y, room, text);
        }
    }

    /// Text around `x`.
    pub(super) fn centered(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.anchored(class, "middle", x, y, WIDTH, text);
    }

    /// Text that ends at `x`.
    pub(super) fn ending(&mut self, class: &str, x: f64, y: f64, room: f64, text: &str) {
        self.anchored(class, "end", x, y, room, text);
    }

    fn anchored(&mut self, class: &str, anchor: &str, x: f64, y: f64, room: f64, text: &str) {
        let letter = if class.contains("strong") { STRONG_LETTER } else { LETTER };
        let letters = (room / letter) as usize;
        if letters < 3 || text.is_empty() {
            return;
        }
        let (x, y, text) = (unit(x), unit(y), bounded_html(text, letters));
        let _ = writeln!(
            self.shapes,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    /// The figure as an element of a page.
    pub(super) fn finish(self) -> String {
        let (height, title, shapes) = (unit(self.height), self.title, self.shapes);
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\"><title>{title}</title>\n{shapes}</svg>",
            width = unit(WIDTH)
        )
    }
}

/// `E10 prom…memory.json` in so many characters.
fn middle_cut(text: &str, letters: usize) -> String {
    let count = text.chars().count();
    if count <= letters || letters < 8 {
        return text.to_owned();
    }
    let end = (letters - 1) / 2;
    let begin: String = text.chars().take(letters - 1 - end).collect();
    let tail: String = text.chars().skip(count - end).collect();
    format!("{begin}…{tail}")
}

/// A coordinate as text: a tenth is exact enough, and what is no number is 0.
fn unit(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// Class names of areas that lie side by side.
pub(super) fn fill(index: usize) -> &'static str {
    const FILLS: [&str; 6] =
        ["cell fill-1", "cell fill-2", "cell fill-3", "cell fill-4", "cell fill-5", "cell fill-6"];
    FILLS[index % FILLS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_both_ends() {
        let check = |text: &str, letters, expected: &str| assert_eq!(middle_cut(text, letters), expected);
        check("abcdefghijkl", 12, "abcdefghijkl");
        check("abcdefghijkl", 9, "abcd…ijkl");
        check("abcdefghijkl", 10, "abcde…ijkl");
        check("abcdefghijkl", 3, "abcdefghijkl");
    }
}
