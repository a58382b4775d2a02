//! References of one object with the names that exports give them.

use crate::graph::Node;
use crate::heap::Heap;
use crate::naming::edge::{Context, Kind, Move, Name, transition};
use crate::naming::look::Look;
use crate::references::visit::Step;

/// How a reference is called.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Label {
    /// The element with this index.
    Index(u64),
    /// Anything else, as it is written behind its object: `name` without the dot of an attribute, `['key']`, `<word 0x18>`.
    Text(String),
}

/// Reads the references of one object after the other.
pub(crate) struct Edges<'h, 'r, 'p> {
    heap: &'h Heap<'r, 'p>,
    look: Look<'h, 'r, 'p>,
    steps: Vec<(Node, Step)>,
}

impl<'h, 'r, 'p> Edges<'h, 'r, 'p> {
    pub(crate) fn new(heap: &'h Heap<'r, 'p>) -> Self {
        Self { heap, look: Look::new(heap.runtime, &heap.reader), steps: Vec::new() }
    }

    /// Where the references of an object lead that count: those that the graph has, without loops.
    pub(crate) fn targets(heap: &Heap<'_, '_>, node: Node) -> impl Iterator<Item = Node> {
        heap.graph.successors(node).iter().copied().filter(move |&target| target != node)
    }

    /// Hands those references of `node` that `wanted` asks for to `take`, as often and in the order in which
    /// [`Edges::targets`] has them.
    pub(crate) fn named(
        &mut self,
        node: Node,
        wanted: impl Fn(Node) -> bool,
        mut take: impl FnMut(Node, Kind, Label) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let heap = self.heap;
        if !Self::targets(heap, node).any(&wanted) {
            return Ok(());
        }
        let mut steps = std::mem::take(&mut self.steps);
        steps.clear();
        heap.visit(node, |target, step| steps.push((target, step)));
        // Where the graph was changed, or memory says something else on the second look, names are not known.
        let row = heap.graph.successors(node);
        let agree = row.len() == steps.len() && row.iter().zip(steps.iter()).all(|(a, (b, _))| a == b);
        for (at, &target) in row.iter().enumerate() {
            if target == node || !wanted(target) {
                continue;
            }
            match steps.get(at).filter(|_| agree) {
                Some(&(_, step)) => {
                    let (kind, label) = self.label(node, target, step);
                    take(target, kind, label)?;
                }
                None => take(target, Kind::Word, Label::Text("<reference>".to_owned()))?,
            }
        }
        self.steps = steps;
        Ok(())
    }

    fn label(&self, node: Node, target: Node, step: Step) -> (Kind, Label) {
        if let Step::Index(index) = step {
            return (Kind::Index, Label::Index(index));
        }
        let objects = &self.heap.objects;
        let (from, target) = (objects.address(node), objects.address(target));
        let found = transition(&self.look, from, Context::Plain, step, target);
        (found.kind, Label::Text(text(&found)))
    }
}

/// A reference as its own object spells it: a part by its exact name.
fn text(found: &Move) -> String {
    let names = found.exact.as_ref().filter(|_| found.names.is_empty()).unwrap_or(&found.names);
    match names.as_slice() {
        [Name::Attribute(name) | Name::Angle(name)] => name.clone(),
        names => {
            let text: String = names.iter().map(ToString::to_string).collect();
            text.strip_prefix('.').map(str::to_owned).unwrap_or(text)
        }
    }
}
