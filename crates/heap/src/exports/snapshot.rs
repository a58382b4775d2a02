//! V8's heap snapshot: the heap for the Memory panel of Chrome DevTools, memlab and whatever else reads `.heapsnapshot`.
//!
//! The format is what `HeapSnapshotJSONSerializer` writes (src/profiler/heap-snapshot-generator.cc of V8 at 12.4.254) and
//! `HeapSnapshotLoader` and `HeapSnapshot` of DevTools read (`front_end/entrypoints/heap_snapshot_worker`): flat arrays of
//! numbers, seven for a node and three for an edge, whose `to_node` is an index into the array of nodes; node 0 is the
//! root; the edges of a node follow those of the node before it.
//!
//! Every object is a node whose class is its Python type. Below the root stand three nodes that are no objects: named
//! roots, what native code holds, and garbage in cycles. What [`Folding`] folds into an object is one more node below it.
//! Dominators, and so retained sizes, are those of the whole heap: references that would change them, those out of
//! garbage, are written as weak, which readers do not count.

use std::io::{self, Write};

use crate::exports::edges::{Edges, Label};
use crate::exports::folding::{Folding, Groups, NOBODY};
use crate::exports::strings::Strings;
use crate::exports::{Export, Mask};
use crate::graph::Node;
use crate::naming::edge::Kind;
use crate::naming::roots::RootName;
use crate::objects::kinds::Shape;

/// How much is written.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotOptions {
    /// Most objects that are nodes by themselves; what retains least is folded into its owners.
    pub most_objects: usize,
    /// Fold what retains less than so many bytes, instead of what `most_objects` asks for.
    pub fold_below: Option<u64>,
}

impl Default for SnapshotOptions {
    /// As many objects as DevTools loads in half a minute.
    fn default() -> Self {
        Self { most_objects: 1_000_000, fold_below: None }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotTotals {
    /// Nodes, those that are no objects included.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Objects of the heap, all of which count in some node.
    pub objects: u64,
    /// Objects that are folded into others.
    pub folded: u64,
    /// What retains less than so many bytes is folded.
    pub fold_below: u64,
    /// Sum of the sizes of all nodes.
    pub bytes: u64,
    /// Bytes that sizes of 4 GiB and more are cut by: readers keep 32 bits.
    pub bytes_cut: u64,
}

/// Numbers of a node.
const NODE_FIELDS: u64 = 7;

/// Types of nodes, by their number in `meta`.
#[derive(Clone, Copy)]
enum NodeType {
    Object = 3,
    Native = 8,
    Synthetic = 9,
}

/// Types of edges, by their number in `meta`.
#[derive(Clone, Copy)]
enum EdgeType {
    Context = 0,
    Element = 1,
    Property = 2,
    Internal = 3,
    Weak = 6,
}

/// The description of the arrays, as V8 writes it.
const META: &str = concat!(
    r#""meta":{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],"#,
    r#""node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic","#,
    r#""concatenated string","sliced string","symbol","bigint","object shape"],"#,
    r#""string","number","number","number","number","number"],"#,
    r#""edge_fields":["type","name_or_index","to_node"],"#,
    r#""edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"],"#,
    r#""trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],"#,
    r#""trace_node_fields":["id","function_info_index","count","size","children"],"#,
    r#""sample_fields":["timestamp_us","last_assigned_id"],"#,
    r#""location_fields":["object_index","script_id","line","column"]}"#
);

/// Nodes that are no objects, in their order behind the root and in front of all others.
const NAMED: u32 = 1;
const NATIVE: u32 = 2;
const GARBAGE: u32 = 3;
const UNOWNED: u32 = 4;
/// Nodes in front of the objects.
const FIRST: u32 = 5;
/// Stands for the place of an object that has none.
const NOWHERE: u32 = u32::MAX;

impl Export<'_, '_> {
    /// Writes the heap as V8's heap snapshot.
    ///
    /// Objects have odd ids ([`Export::id_of`]), what is no object has even ones, as in V8. Memory beside the heap's own:
    /// 16 bytes per object, and all names of attributes, keys and types once.
    ///
    /// # Errors
    /// What `to` says.
    pub fn heap_snapshot(
        &self,
        to: &mut dyn Write,
        options: &SnapshotOptions,
        mask: Mask<'_>,
    ) -> io::Result<SnapshotTotals> {
        let survey = &self.survey;
        let below = options
            .fold_below
            .unwrap_or_else(|| Folding::bound(&survey.dominators, &survey.retained, options.most_objects));
        let mut writer = Writer::new(self, below, to);
        writer.count_edges();
        writer.write(mask)?;
        Ok(writer.totals)
    }
}

struct Writer<'e, 'r, 'p, 'w> {
    export: &'e Export<'r, 'p>,
    to: &'w mut dyn Write,
    folding: Folding,
    groups: Groups,
    /// Objects that are nodes, by place: those that are shown, in front of garbage.
    shown: Vec<Node>,
    /// Garbage by type, where it is not shown: number of objects and their size.
    garbage_types: Vec<(u32, u64, u64)>,
    /// By object: its place among all nodes.
    place: Vec<u32>,
    /// By place: how many edges it has.
    edge_counts: Vec<u32>,
    /// By object: the last group that referred to it.
    marked: Vec<u32>,
    marks: u32,
    strings: Strings,
    totals: SnapshotTotals,
}

impl<'e, 'r, 'p, 'w> Writer<'e, 'r, 'p, 'w> {
    fn new(export: &'e Export<'r, 'p>, below: u64, to: &'w mut dyn Write) -> Self {
        let survey = &export.survey;
        let count = survey.heap.objects.len();
        let folding = Folding::of(&survey.dominators, &survey.retained, below);
        let mut shown: Vec<Node> = (0..count as Node).filter(|&node| folding.is_shown(node)).collect();
        let mut place = vec![NOWHERE; count];
        for (at, &node) in (0..).zip(&shown) {
            place[node as usize] = at;
        }
        let groups = Groups::of(&folding, shown.len(), |owner| place[owner as usize] as usize);
        let mut garbage_types = Vec::new();
        if below == 0 {
            shown.extend(&survey.reach.garbage);
        } else {
            garbage_types = export.garbage_by_type();
        }
        for (at, &node) in (FIRST..).zip(&shown) {
            place[node as usize] = at;
        }
        let totals = SnapshotTotals { objects: count as u64, fold_below: below, ..SnapshotTotals::default() };
        Self {
            export,
            to,
            folding,
            groups,
            shown,
            garbage_types,
            place,
            edge_counts: Vec::new(),
            marked: vec![0; count],
            marks: 0,
            strings: Strings::default(),
            totals,
        }
    }

    /// Objects that are shown and no garbage.
    fn live(&self) -> usize {
        let garbage = &self.export.survey.reach.garbage;
        if self.folding.below == 0 { self.shown.len() - garbage.len() } else { self.shown.len() }
    }

    fn is_node(&self, node: Node) -> bool {
        self.place[node as usize] != NOWHERE
    }

    /// The object of a weak reference, where it is a node.
    fn weak_target(&self, node: Node) -> Option<Node> {
        let heap = &self.export.survey.heap;
        if heap.facts(node).shape != Shape::WeakRef {
            return None;
        }
        let target = heap.bytes(node)?.word(heap.reader.places.weakref_object?)?;
        heap.objects.find(target).filter(|&target| self.is_node(target))
    }

    /// Named roots that are nodes.
    fn named_roots(&self) -> impl Iterator<Item = (Node, &'e str)> + use<'e, '_, 'r, 'p, 'w> {
        let roots = self.export.survey.roots.iter().filter(|root| self.is_node(root.node));
        roots.filter_map(|root| match &root.name {
            RootName::Text(text) => Some((root.node, text.exact.as_deref().unwrap_or(&text.text))),
            _ => None,
        })
    }

    /// What native code holds and is a node, and the constants that stay by themselves.
    fn native_roots(&self) -> impl Iterator<Item = Node> + use<'_, 'e, 'r, 'p, 'w> {
        let native = &self.export.survey.reach.native;
        let constants = self.export.survey.constants.iter();
        let others = constants.filter(|node| native.binary_search(node).is_err());
        native.iter().chain(others).copied().filter(|&node| self.is_node(node))
    }

    /// Number of nodes below the one for garbage.
    fn garbage_nodes(&self) -> usize {
        self.shown.len() - self.live() + self.garbage_types.len()
    }

    /// Counts the edges of every node, in the order of the nodes.
    fn count_edges(&mut self) {
        let heap = &self.export.survey.heap;
        let live = self.live();
        let unowned = self.shared_targets(live, NOBODY).len() as u32;
        let named = self.named_roots().count() as u32 + 1;
        let native = self.native_roots().count() as u32;
        let mut counts = vec![3, named, native, self.garbage_nodes() as u32, unowned];
        for (at, &node) in self.shown.iter().enumerate() {
            let own = Edges::targets(heap, node).filter(|&target| self.is_node(target)).count() as u32;
            let has_group = at < live && !self.groups.at(at).is_empty();
            counts.push(own + u32::from(has_group) + u32::from(self.weak_target(node).is_some()));
        }
        for at in self.groups_with_members() {
            let targets = self.shared_targets(at, self.shown[at]).len() as u32;
            counts.push(targets);
        }
        counts.extend(self.garbage_types.iter().map(|_| 0));
        self.totals.nodes = counts.len() as u64;
        self.totals.edges = counts.iter().map(|&count| u64::from(count)).sum();
        self.edge_counts = counts;
    }

    /// Places of shown objects that others are folded into.
    fn groups_with_members(&self) -> Vec<usize> {
        (0..self.live()).filter(|&at| !self.groups.at(at).is_empty()).collect()
    }

    /// What the objects of a group refer to and is a node, each once; `owner` is left out.
    fn shared_targets(&mut self, group: usize, owner: Node) -> Vec<Node> {
        let heap = &self.export.survey.heap;
        self.marks += 1;
        let mut found = Vec::new();
        for &member in self.groups.at(group) {
            for target in Edges::targets(heap, member) {
                let is_new = self.marked[target as usize] != self.marks;
                if is_new && target != owner && self.place[target as usize] != NOWHERE {
                    self.marked[target as usize] = self.marks;
                    found.push(target);
                }
            }
        }
        found
    }

    fn write(&mut self, mask: Mask<'_>) -> io::Result<()> {
        let SnapshotTotals { nodes, edges, fold_below, .. } = self.totals;
        write!(self.to, r#"{{"snapshot":{{{META},"node_count":{nodes},"edge_count":{edges},"#)?;
        write!(self.to, r#""trace_function_count":0,"pycoroner":{{"fold_below":{fold_below}}}}},"#)?;
        write!(self.to, "\n\"nodes\":[")?;
        self.write_nodes()?;
        write!(self.to, "],\n\"edges\":[")?;
        self.write_edges()?;
        write!(self.to, "],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],")?;
        write!(self.to, "\n\"locations\":[],\n\"strings\":[")?;
        self.strings.write(self.to, mask)?;
        writeln!(self.to, "]}}")
    }

    fn write_nodes(&mut self) -> io::Result<()> {
        let live = self.live();
        let nothing: (u64, u64) = (0, 0);
        let unowned = self.size_of_group(live);
        let first = [
            (NodeType::Synthetic, "", nothing),
            (NodeType::Native, "(roots)", nothing),
            (NodeType::Native, "(held by native code)", nothing),
            (NodeType::Native, "(garbage in cycles)", nothing),
            (NodeType::Native, "(folded) small objects that several objects share", unowned),
        ];
        let mut number = 0;
        for (kind, name, (objects, size)) in first {
            self.totals.folded += objects;
            let name = self.strings.number(name);
            // Even ids stand for what is no object.
            self.write_node(number, kind, name, 2 * u64::from(number) + 2, size)?;
            number += 1;
        }
        let heap = &self.export.survey.heap;
        let mut type_names = self.names_of_types("");
        for at in 0..self.shown.len() {
            let node = self.shown[at];
            let type_id = heap.objects.type_id(node);
            let name = type_names.get(&mut self.strings, type_id, || heap.types.name(type_id));
            self.write_node(number, NodeType::Object, name, id(node), heap.objects.size(node))?;
            number += 1;
        }
        let mut folded_names = self.names_of_types("(folded) ");
        for at in self.groups_with_members() {
            let (objects, size) = self.size_of_group(at);
            self.totals.folded += objects;
            let type_id = self.main_type(at);
            let name = folded_names.get(&mut self.strings, type_id, || heap.types.name(type_id));
            self.write_node(number, NodeType::Native, name, 2 * u64::from(number) + 2, size)?;
            number += 1;
        }
        let mut garbage_names = self.names_of_types("(garbage) ");
        for (type_id, objects, size) in self.garbage_types.clone() {
            self.totals.folded += objects;
            let name = garbage_names.get(&mut self.strings, type_id, || heap.types.name(type_id));
            self.write_node(number, NodeType::Native, name, 2 * u64::from(number) + 2, size)?;
            number += 1;
        }
        Ok(())
    }

    fn names_of_types(&self, prefix: &'static str) -> TypeNames {
        TypeNames { prefix, numbers: vec![None; self.export.survey.heap.types.len()] }
    }

    fn write_node(&mut self, at: u32, kind: NodeType, name: u32, id: u64, size: u64) -> io::Result<()> {
        let shown = size.min(u64::from(u32::MAX));
        self.totals.bytes = self.totals.bytes.saturating_add(shown);
        self.totals.bytes_cut = self.totals.bytes_cut.saturating_add(size - shown);
        let separator = if at == 0 { "" } else { ",\n" };
        let (kind, edges) = (kind as u32, self.edge_counts[at as usize]);
        write!(self.to, "{separator}{kind},{name},{id},{shown},{edges},0,0")
    }

    /// How many objects are folded into one, and their size.
    fn size_of_group(&self, group: usize) -> (u64, u64) {
        let objects = &self.export.survey.heap.objects;
        let members = self.groups.at(group);
        let size = members.iter().map(|&node| objects.size(node)).fold(0, u64::saturating_add);
        (members.len() as u64, size)
    }

    /// The type that takes most of a group.
    fn main_type(&self, group: usize) -> u32 {
        let objects = &self.export.survey.heap.objects;
        let mut sizes: Vec<(u32, u64)> = Vec::new();
        for &node in self.groups.at(group) {
            let (type_id, size) = (objects.type_id(node), objects.size(node));
            match sizes.iter_mut().find(|(known, _)| *known == type_id) {
                Some((_, sum)) => *sum += size,
                None => sizes.push((type_id, size)),
            }
        }
        let largest = sizes.into_iter().max_by_key(|&(type_id, size)| (size, std::cmp::Reverse(type_id)));
        largest.map_or(0, |(type_id, _)| type_id)
    }

    fn write_edges(&mut self) -> io::Result<()> {
        let live = self.live();
        for (at, target) in [NAMED, NATIVE, GARBAGE].into_iter().enumerate() {
            let separator = if at == 0 { "" } else { ",\n" };
            let to_node = u64::from(target) * NODE_FIELDS;
            write!(self.to, "{separator}{},{at},{to_node}", EdgeType::Element as u32)?;
        }
        let named: Vec<(Node, &str)> = self.named_roots().collect();
        for (node, name) in named {
            let name = self.strings.number(name);
            self.write_edge(EdgeType::Property, u64::from(name), self.place[node as usize])?;
        }
        let folded = u64::from(self.strings.number("(folded)"));
        self.write_edge(EdgeType::Internal, folded, UNOWNED)?;
        let native: Vec<Node> = self.native_roots().collect();
        for (index, node) in (0..).zip(native) {
            let (kind, name) = match self.export.survey.on_stacks.get(&node) {
                Some(stack) => (EdgeType::Property, u64::from(self.strings.number(stack))),
                None => (EdgeType::Element, index),
            };
            self.write_edge(kind, name, self.place[node as usize])?;
        }
        let groups = self.groups_with_members();
        let first_garbage = FIRST as usize + live;
        let first_garbage_type = FIRST as usize + self.shown.len() + groups.len();
        let garbage = (first_garbage..FIRST as usize + self.shown.len())
            .chain(first_garbage_type..first_garbage_type + self.garbage_types.len());
        for (index, place) in (0..).zip(garbage) {
            self.write_edge(EdgeType::Element, index, place as u32)?;
        }
        self.write_group_edges(live, NOBODY)?;
        self.write_edges_of_objects(live)?;
        for at in groups {
            self.write_group_edges(at, self.shown[at])?;
        }
        Ok(())
    }

    fn write_edges_of_objects(&mut self, live: usize) -> io::Result<()> {
        let mut edges = Edges::new(&self.export.survey.heap);
        let (folded, referent) =
            (u64::from(self.strings.number("(folded)")), u64::from(self.strings.number("referent")));
        let mut group = FIRST as usize + self.shown.len();
        for at in 0..self.shown.len() {
            let node = self.shown[at];
            let is_garbage = at >= live;
            let (place, to, strings) = (&self.place, &mut *self.to, &mut self.strings);
            let is_node = |target: Node| place[target as usize] != NOWHERE;
            edges.named(node, is_node, |target, kind, label| {
                let target = place[target as usize];
                let leaves_garbage = is_garbage && (target as usize) < FIRST as usize + live;
                let (kind, name) = described(kind, label, leaves_garbage, strings);
                write_edge(to, kind, name, target)
            })?;
            if !is_garbage && !self.groups.at(at).is_empty() {
                self.write_edge(EdgeType::Internal, folded, group as u32)?;
                group += 1;
            }
            if let Some(target) = self.weak_target(node) {
                self.write_edge(EdgeType::Weak, referent, self.place[target as usize])?;
            }
        }
        Ok(())
    }

    fn write_group_edges(&mut self, group: usize, owner: Node) -> io::Result<()> {
        for (index, target) in (0..).zip(self.shared_targets(group, owner)) {
            self.write_edge(EdgeType::Element, index, self.place[target as usize])?;
        }
        Ok(())
    }

    fn write_edge(&mut self, kind: EdgeType, name: u64, target: u32) -> io::Result<()> {
        write_edge(self.to, kind, name, target)
    }
}

fn write_edge(to: &mut dyn Write, kind: EdgeType, name: u64, target: u32) -> io::Result<()> {
    write!(to, ",\n{},{name},{}", kind as u32, u64::from(target) * NODE_FIELDS)
}

/// Type and name of an edge as V8 has them. Only elements have numbers for names.
fn described(kind: Kind, label: Label, is_weak: bool, strings: &mut Strings) -> (EdgeType, u64) {
    let of_kind = match kind {
        Kind::Attribute | Kind::Item | Kind::Global => EdgeType::Property,
        Kind::Local | Kind::Stack | Kind::Closure => EdgeType::Context,
        Kind::Index => EdgeType::Element,
        Kind::Weak => EdgeType::Weak,
        Kind::Key | Kind::Member | Kind::Cell | Kind::Word | Kind::Conservative | Kind::Root => {
            EdgeType::Internal
        }
    };
    let of_kind = if is_weak { EdgeType::Weak } else { of_kind };
    match (of_kind, label) {
        (EdgeType::Element, Label::Index(index)) if u32::try_from(index).is_ok() => (of_kind, index),
        (EdgeType::Element, Label::Index(index)) => {
            (EdgeType::Property, u64::from(strings.number(&format!("[{index}]"))))
        }
        (_, Label::Index(index)) => (of_kind, u64::from(strings.number(&format!("[{index}]")))),
        (EdgeType::Element, Label::Text(text)) => (EdgeType::Property, u64::from(strings.number(&text))),
        (_, Label::Text(text)) => (of_kind, u64::from(strings.number(&text))),
    }
}

/// The id of an object in exports.
pub(crate) fn id(node: Node) -> u64 {
    2 * u64::from(node) + 1
}

/// Numbers of the names of types, each looked up once.
struct TypeNames {
    prefix: &'static str,
    numbers: Vec<Option<u32>>,
}

impl TypeNames {
    fn get(&mut self, strings: &mut Strings, type_id: u32, name: impl FnOnce() -> String) -> u32 {
        let Some(slot) = self.numbers.get_mut(type_id as usize) else { return 0 };
        *slot.get_or_insert_with(|| strings.number(&format!("{}{}", self.prefix, name())))
    }
}
