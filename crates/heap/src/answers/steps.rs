//! Paths as text: what Python code would write to get at the object, where it can.

use std::fmt::Write as _;

use rustc_hash::FxHashMap;

use crate::answers::paths::Trail;
use crate::expression::parse::{attribute, name_in_angle};
use crate::graph::Node;
use crate::heap::Heap;
use crate::naming::edge::{Context, Move, transition};
use crate::naming::look::{Look, MAX_KEY};
use crate::naming::roots::{RootName, RootText};
use crate::references::visit::Step;

/// Where a path leads, in words.
pub(crate) struct Described {
    pub(crate) text: String,
    /// The object is part of another: the dict of a module, class or instance, a closure, a generator's frame.
    pub(crate) is_namespace: bool,
}

/// The steps between the objects of some trails.
///
/// An object is read once for all trails through it: a dict of a million entries may lead to many owners.
pub(crate) struct Steps<'h, 'r, 'p> {
    steps: FxHashMap<(Node, Node), Step>,
    look: Look<'h, 'r, 'p>,
}

impl<'h, 'r, 'p> Steps<'h, 'r, 'p> {
    pub(crate) fn of<'t>(heap: &'h Heap<'r, 'p>, trails: impl Iterator<Item = &'t Trail<'t>>) -> Self {
        let mut steps: FxHashMap<(Node, Node), Step> = FxHashMap::default();
        let mut pairs: Vec<(Node, Node)> = Vec::new();
        for trail in trails {
            pairs.extend(trail.nodes.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))));
        }
        pairs.sort_unstable();
        pairs.dedup();
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(from, _)) = group.first() else { continue };
            heap.visit(from, |to, step| {
                if group.binary_search(&(from, to)).is_ok() {
                    let known = steps.entry((from, to)).or_insert(step);
                    // A name is better than being a key.
                    if matches!(known, Step::Key | Step::Word(_)) {
                        *known = step;
                    }
                }
            });
        }
        Self { steps, look: Look::new(heap.runtime, &heap.reader) }
    }

    /// What reads single objects.
    pub(crate) fn look(&self) -> &Look<'h, 'r, 'p> {
        &self.look
    }
}

/// Writes a path; [`crate::expression::resolve`] finds the same object by it.
pub(crate) fn describe(heap: &Heap<'_, '_>, steps: &Steps<'_, '_, '_>, trail: &Trail<'_>) -> Described {
    let look = &steps.look;
    let first = trail.nodes.first().copied();
    let root = match trail.root {
        RootName::Text(text) => text.clone(),
        RootName::Global { module, key, is_shadowed } => RootText::plain(match look.text(*key, MAX_KEY) {
            Some(name) if *is_shadowed => {
                format!("{module}.<attribute {}>", crate::expression::literal::quoted(&name))
            }
            Some(name) => format!("{module}{}", attribute(&name)),
            None => format!("{module}.__dict__[<str at {key:#x}>]"),
        }),
        RootName::Native => {
            RootText::plain(first.map_or_else(String::new, |node| native(heap, "<native>", node)))
        }
        RootName::NativeStack(stack) => {
            RootText::plain(first.map_or_else(String::new, |node| native(heap, stack, node)))
        }
    };
    let mut path = Path::new(root);
    if let (true, Some(first)) = (trail.omitted > 0, first) {
        path.jump(&format!("<{} more steps to {:#x}>", trail.omitted, heap.objects.address(first)));
    }
    for pair in trail.nodes.windows(2) {
        let &[from, to] = pair else { continue };
        let (from, target) = (heap.objects.address(from), heap.objects.address(to));
        match steps.steps.get(&(pair[0], to)) {
            Some(&step) => path.push(&transition(look, from, path.context, step, target)),
            None => path.jump(&format!("<object at {target:#x}>")),
        }
    }
    let is_namespace = path.context != Context::Plain;
    Described { text: path.finish(), is_namespace }
}

/// What only native code holds goes by its address.
fn native(heap: &Heap<'_, '_>, holder: &str, node: Node) -> String {
    let address = heap.objects.address(node);
    if heap.facts(node).is_metatype() {
        return format!("<class {} at {address:#x}>", name_in_angle(&heap.name_of_class(address)));
    }
    format!("{holder}.<{} at {address:#x}>", name_in_angle(&heap.type_name(node)))
}

/// A path that is being written.
struct Path {
    text: String,
    context: Context,
    /// What is written from `exact_from` on when the path ends at the part that it has reached.
    exact: String,
    exact_from: usize,
}

impl Path {
    fn new(root: RootText) -> Self {
        let exact = root.exact.unwrap_or_else(|| root.text.clone());
        Self { text: root.text, context: root.context, exact, exact_from: 0 }
    }

    fn push(&mut self, step: &Move) {
        if step.from_part {
            self.end_part();
        }
        if self.context == Context::Plain {
            self.exact_from = self.text.len();
            self.exact.clear();
        }
        for name in &step.names {
            let _ = write!(self.text, "{name}");
        }
        for name in step.exact.iter().flatten() {
            let _ = write!(self.exact, "{name}");
        }
        self.context = step.next;
    }

    /// Goes on from an object that no name leads to.
    fn jump(&mut self, angle: &str) {
        self.end_part();
        let _ = write!(self.text, ".{angle}");
    }

    /// Makes the part that the path has reached an object with a name of its own.
    fn end_part(&mut self) {
        if self.context != Context::Plain {
            self.text.truncate(self.exact_from);
            self.text.push_str(&self.exact);
            self.context = Context::Plain;
        }
    }

    fn finish(mut self) -> String {
        self.end_part();
        self.text
    }
}
