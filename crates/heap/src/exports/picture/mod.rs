//! Paths to an object, or what is around it, as boxes and arrows.

mod dot;
mod svg;

use std::cmp::Reverse;

use pycoroner_coredump::Address;

use crate::answers::paths::Paths;
use crate::answers::routes::{Referrers, trails};
use crate::answers::steps::{self, Steps};
use crate::exports::edges::{Edges, Label};
use crate::exports::{Export, Mask};
use crate::graph::Node;
use crate::graph::dominators::Dominator;
use crate::quantity;

/// Boxes in columns, and arrows between them; no arrow goes back to an earlier column.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    boxes: Vec<Box>,
    /// Numbers of two boxes, and what stands at the arrow from the first to the second.
    arrows: Vec<(usize, usize, String)>,
}

/// A box.
#[derive(Clone, Debug)]
struct Box {
    /// Its column, from the left.
    column: usize,
    title: String,
    detail: String,
    look: Look,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// An object.
    Object,
    /// The object that was asked for.
    Target,
    /// What a path begins with, or something else that is no object.
    Root,
}

impl Picture {
    fn add(&mut self, column: usize, look: Look, title: String, detail: String) -> usize {
        self.boxes.push(Box { column, title, detail, look });
        self.boxes.len() - 1
    }
}

impl Export<'_, '_> {
    /// The shortest paths to the object at an address, at most `most`, each from another root. `None` when no object of the
    /// heap is there.
    pub fn picture_of_paths(&self, address: Address, most: usize, mask: Mask<'_>) -> Option<Picture> {
        let survey = &self.survey;
        let target = survey.heap.objects.find(address.0)?;
        let paths = Paths::search(&survey.heap, survey.named_roots());
        let found = trails(survey, &paths, &Referrers::of(survey), target, most);
        let steps = Steps::of(&survey.heap, std::iter::empty());
        let mut edges = Edges::new(&survey.heap);
        let mut picture = Picture::default();
        let last = found.iter().map(|trail| trail.nodes.len()).max().unwrap_or(0);
        let mut known: Vec<(Node, usize)> = Vec::new();
        for trail in &found {
            let root = steps::describe(&survey.heap, &steps, &trail.root_alone()).text;
            let detail = match trail.omitted {
                0 => String::new(),
                more => format!("{more} more steps"),
            };
            // The end of every path stands in the last column, what leads there in those before it.
            let first = last - trail.nodes.len();
            let mut before = picture.add(first, Look::Root, mask(&root), detail);
            let mut from = None;
            for (column, &node) in (first + 1..).zip(&trail.nodes) {
                let shown = known.iter().find(|(shown, _)| *shown == node).map(|&(_, at)| at);
                let at = shown.unwrap_or_else(|| {
                    let look = if node == target { Look::Target } else { Look::Object };
                    let at = picture.add(column, look, mask(&survey.heap.type_name(node)), self.detail(node));
                    known.push((node, at));
                    at
                });
                let label = from.map_or_else(String::new, |from| label(&mut edges, from, node));
                let arrow = (before, at, mask(&label));
                if !picture.arrows.contains(&arrow) {
                    picture.arrows.push(arrow);
                }
                (before, from) = (at, Some(node));
            }
        }
        if found.is_empty() {
            picture.add(0, Look::Target, mask(&survey.heap.type_name(target)), self.detail(target));
        }
        Some(picture)
    }

    /// The object at an address with what refers to it and what it refers to, at most `most` of either, those that keep
    /// most alive first. `None` when no object of the heap is there.
    pub fn picture_around(&self, address: Address, most: usize, mask: Mask<'_>) -> Option<Picture> {
        let survey = &self.survey;
        let heap = &survey.heap;
        let target = heap.objects.find(address.0)?;
        let mut edges = Edges::new(heap);
        let mut picture = Picture::default();
        let center = picture.add(1, Look::Target, mask(&heap.type_name(target)), self.detail(target));
        let paths = Paths::search(heap, survey.named_roots());
        for name in paths.names_of(target).into_iter().take(most) {
            let root = picture.add(0, Look::Root, mask(name), String::new());
            picture.arrows.push((root, center, String::new()));
        }
        let nodes = 0..heap.graph.node_count() as Node;
        let referrers = nodes.filter(|&node| node != target && heap.graph.successors(node).contains(&target));
        let referrers = self.largest(referrers.collect(), most);
        for &node in &referrers.0 {
            let at = picture.add(0, Look::Object, mask(&heap.type_name(node)), self.detail(node));
            picture.arrows.push((at, center, mask(&label(&mut edges, node, target))));
        }
        if referrers.1 > 0 {
            let at = picture.add(0, Look::Root, format!("{} more", referrers.1), String::new());
            picture.arrows.push((at, center, String::new()));
        }
        let referents = self.largest(Edges::targets(heap, target).collect(), most);
        for &node in &referents.0 {
            let at = picture.add(2, Look::Object, mask(&heap.type_name(node)), self.detail(node));
            picture.arrows.push((center, at, mask(&label(&mut edges, target, node))));
        }
        if referents.1 > 0 {
            let at = picture.add(2, Look::Root, format!("{} more", referents.1), String::new());
            picture.arrows.push((center, at, String::new()));
        }
        Some(picture)
    }

    /// Those that keep most alive, each once, and how many more there are.
    fn largest(&self, mut nodes: Vec<Node>, most: usize) -> (Vec<Node>, usize) {
        nodes.sort_unstable();
        nodes.dedup();
        nodes.sort_by_key(|&node| Reverse(self.survey.retained.bytes(node)));
        let more = nodes.len().saturating_sub(most);
        nodes.truncate(most);
        (nodes, more)
    }

    fn detail(&self, node: Node) -> String {
        let survey = &self.survey;
        let address = survey.heap.objects.address(node);
        let own = quantity::size(survey.heap.objects.size(node));
        match survey.dominators.immediate(node) {
            Dominator::Unreached => format!("{address:#x}  {own}, garbage"),
            _ => format!("{address:#x}  {own}, keeps {}", quantity::size(survey.retained.bytes(node))),
        }
    }
}

/// What the first reference from one object to another is called.
fn label(edges: &mut Edges<'_, '_, '_>, from: Node, to: Node) -> String {
    let mut found = None;
    let kept = edges.named(
        from,
        |target| target == to,
        |_, _, label| {
            found.get_or_insert(match label {
                Label::Index(index) => format!("[{index}]"),
                Label::Text(text) => text,
            });
            Ok(())
        },
    );
    debug_assert!(kept.is_ok());
    found.unwrap_or_default()
}

/// Text that cannot act: what is not plainly visible is shown as `\u{…}`.
fn inert(text: &str) -> String {
    let hidden = |character: char| {
        character.is_control()
            || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{ffff}'
                | '\u{e0000}'..='\u{e0fff}')
    };
    text.chars().fold(String::with_capacity(text.len()), |mut shown, character| {
        if hidden(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
        shown
    })
}

/// At most `most` characters of a text.
fn shortened(text: &str, most: usize) -> String {
    let text = inert(text);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> Picture {
        let mut picture = Picture::default();
        let name = "</text><script>\"'&\\\u{202e}\n\0-->";
        let root = picture.add(0, Look::Root, name.into(), String::new());
        let object = picture.add(1, Look::Target, name.repeat(20), name.into());
        picture.arrows.push((root, object, name.into()));
        picture
    }

    #[test]
    fn hostile_names_stay_text() {
        let svg = hostile().svg();
        assert!(!svg.contains("<script") && !svg.contains('\u{202e}') && !svg.contains('\0'), "{svg}");
        assert!(svg.contains("&lt;script&gt;") && svg.contains("\\u{202e}"));
        assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count());
        let dot = hostile().dot();
        for line in dot.lines().filter(|line| line.contains("label")) {
            let quotes = line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
            assert!(quotes % 2 == 0 && line.ends_with("];"), "{line}");
        }
        assert_eq!(dot.lines().filter(|line| line.contains("->")).count(), 3, "{dot}");
    }

    /// Labels in the middle of arrows that come together would lie on each other's arrows.
    #[test]
    fn labels_stand_at_the_boxes_that_they_belong_to() {
        let mut picture = Picture::default();
        let center = picture.add(1, Look::Target, "center".into(), String::new());
        for number in 0..16 {
            let (before, after) = (format!("before {number}"), format!("after {number}"));
            let left = picture.add(0, Look::Object, before.clone(), String::new());
            let right = picture.add(2, Look::Object, after.clone(), String::new());
            picture
                .arrows
                .extend([(left, center, format!("to {number}")), (center, right, format!("of {number}"))]);
        }
        let svg = picture.svg();
        let y_of = |text: &str| -> i32 {
            let line =
                svg.lines().find(|line| line.ends_with("</text>") && line.contains(&format!(">{text}<")));
            let line =
                line.or_else(|| svg.lines().find(|line| line.contains(&format!("bold\">{text}<")))).unwrap();
            line.split(" y=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        for number in 0..16 {
            // The label stands above the middle of its box.
            assert_eq!(y_of(&format!("to {number}")) - y_of(&format!("before {number}")), 18, "{svg}");
            assert_eq!(y_of(&format!("of {number}")) - y_of(&format!("after {number}")), 18, "{svg}");
        }
    }

    #[test]
    fn an_empty_picture_is_one() {
        assert!(Picture::default().svg().ends_with("</svg>\n") && Picture::default().dot().ends_with("}\n"));
    }
}
