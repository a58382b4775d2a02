//! Exceptions and tracebacks that keep the frames of functions that have ended, and with them all their variables.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pycoroner_coredump::Address;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::answers::names::{Holders, Names, holders};
use crate::answers::paths::Paths;
use crate::document::KeptFrames;
use crate::graph::Node;
use crate::graph::node_set::NodeSet;
use crate::heap::Heap;
use crate::naming::look::MAX_KEY;

/// Rows that are listed.
const ROWS: usize = 50;
/// Most entries of one traceback that are followed, and most of all.
const LONGEST: usize = 10_000;
const MOST: usize = 10_000_000;
/// The type of tracebacks.
const TRACEBACK: &str = "traceback";
/// Names of functions that a row states.
const FUNCTIONS: usize = 32;

/// Type, functions outermost first, and whether it is garbage.
type Key = (String, Vec<String>, bool);

/// What exceptions keep, before paths are known.
pub(crate) struct Found {
    groups: Vec<(Key, Group)>,
    held_by: Vec<Holders>,
    /// There are more entries of tracebacks than were followed.
    pub(crate) is_cut: bool,
}

#[derive(Default)]
struct Group {
    /// The exceptions, or the first entries of tracebacks without one.
    heads: Vec<Node>,
    /// These with their tracebacks and frames.
    parts: Vec<Node>,
    frames: u64,
    /// What garbage takes, as nothing retains it.
    garbage_bytes: u64,
}

/// Looks at all exceptions and tracebacks.
pub(crate) fn find(heap: &Heap<'_, '_>, alive: &NodeSet, paths: &Paths) -> Found {
    let mut walk = Walk { heap, paths, seen: FxHashSet::default(), names: FxHashMap::default(), left: MOST };
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    let mut add = |head: Node, kept: Kept| {
        let key = (heap.type_name(head), kept.functions, !alive.contains(head));
        let group = groups.entry(key).or_default();
        group.heads.push(head);
        group.frames += kept.frames;
        group.parts.push(head);
        group.parts.extend(kept.parts);
    };
    let types: Vec<bool> = (0..heap.types.len() as u32).map(|id| is_exception(heap, id)).collect();
    let nodes = || 0..heap.objects.len() as Node;
    for node in nodes().filter(|&node| types[heap.objects.type_id(node) as usize]) {
        let traceback = heap.reader.places.exc_traceback.and_then(|place| heap.bytes(node)?.word(place));
        if let Some(kept) = traceback.and_then(|at| walk.traceback(at)) {
            add(node, kept);
        }
    }
    // What no exception has: the first entries of tracebacks that somebody keeps by themselves.
    let types: Vec<bool> = (0..heap.types.len() as u32).map(|id| heap.types.name(id) == TRACEBACK).collect();
    let tracebacks: Vec<Node> = nodes().filter(|&node| types[heap.objects.type_id(node) as usize]).collect();
    let followers: FxHashSet<Node> = tracebacks
        .iter()
        .filter_map(|&node| heap.objects.find(heap.bytes(node)?.word(heap.reader.places.traceback_next?)?))
        .collect();
    for node in tracebacks {
        if !walk.seen.contains(&node)
            && !followers.contains(&node)
            && let Some(kept) = walk.traceback(heap.objects.address(node))
        {
            add(node, kept);
        }
    }
    let is_cut = walk.left == 0;
    let mut groups: Vec<(Key, Group)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| Reverse(group.frames));
    groups.truncate(ROWS);
    measure_garbage(heap, alive, &mut groups);
    let held_by = groups.iter().map(|(_, group)| holders(paths, &group.heads)).collect();
    Found { groups, held_by, is_cut }
}

fn is_exception(heap: &Heap<'_, '_>, id: u32) -> bool {
    let facts = heap.types.facts(id);
    facts.is_exception() && !facts.is_metatype()
}

fn is_traceback(heap: &Heap<'_, '_>, node: Node) -> bool {
    heap.type_name(node) == TRACEBACK
}

/// What one exception keeps.
struct Kept {
    functions: Vec<String>,
    frames: u64,
    parts: Vec<Node>,
}

struct Walk<'w, 'r, 'p> {
    heap: &'w Heap<'r, 'p>,
    paths: &'w Paths,
    /// Entries of tracebacks and frames that belong to an exception that came before.
    seen: FxHashSet<Node>,
    /// Names of functions by their code.
    names: FxHashMap<u64, String>,
    left: usize,
}

impl Walk<'_, '_, '_> {
    /// What hangs on the traceback at an address: its entries, and frames of functions that do not run any more.
    fn traceback(&mut self, address: u64) -> Option<Kept> {
        let heap = self.heap;
        let places = &heap.reader.places;
        let mut kept = Kept { functions: Vec::new(), frames: 0, parts: Vec::new() };
        let mut at = heap.objects.find(address).filter(|&node| is_traceback(heap, node));
        let mut own: FxHashSet<Node> = FxHashSet::default();
        while let Some(entry) = at.filter(|_| kept.parts.len() < 2 * LONGEST && self.left > 0) {
            if !own.insert(entry) {
                break;
            }
            self.left -= 1;
            let object = heap.bytes(entry)?;
            let is_new = self.seen.insert(entry);
            if is_new {
                kept.parts.push(entry);
            }
            let frame = places.traceback_frame.and_then(|place| heap.objects.find(object.word(place)?));
            if let Some(frame) = frame.filter(|&frame| !self.is_running(frame)) {
                if self.seen.insert(frame) {
                    kept.parts.push(frame);
                }
                kept.frames += 1;
                if kept.functions.len() < FUNCTIONS {
                    kept.functions.push(self.function(frame));
                }
            }
            at = places.traceback_next.and_then(|place| heap.objects.find(object.word(place)?));
        }
        (kept.frames > 0).then_some(kept)
    }

    /// Whether a frame belongs to a function that has not returned: the stack, or a generator, keeps it anyway.
    fn is_running(&self, frame: Node) -> bool {
        let heap = self.heap;
        let places = &heap.reader.places;
        let is_view = || {
            let own = places.frame_own_frame?;
            let at = heap.bytes(frame)?.word(places.frame_frame?)?;
            Some(at != heap.objects.address(frame).wrapping_add(own))
        };
        is_view().unwrap_or(false) || self.paths.root_at(frame).is_some()
    }

    fn function(&mut self, frame: Node) -> String {
        let heap = self.heap;
        let places = &heap.reader.places;
        let code = || {
            let object = heap.bytes(frame)?;
            match places.frame_own_frame {
                Some(own) => heap.reader.code_of(object.skip(own)?),
                None => object.word(places.frame_code?),
            }
        };
        let Some(code) = code() else { return "?".to_owned() };
        let name = || {
            let name = heap.reader.image.from(code)?.word(places.code_name?)?;
            heap.reader.whole_text(name, MAX_KEY)
        };
        self.names.entry(code).or_insert_with(|| name().unwrap_or_else(|| "?".to_owned())).clone()
    }
}

/// Sums up what hangs on exceptions that are garbage; what several of them reach counts with the first.
fn measure_garbage(heap: &Heap<'_, '_>, alive: &NodeSet, groups: &mut [(Key, Group)]) {
    if !groups.iter().any(|((.., is_garbage), _)| *is_garbage) {
        return;
    }
    let mut seen = NodeSet::with_nodes(heap.graph.node_count());
    for (_, group) in groups.iter_mut().filter(|((.., is_garbage), _)| *is_garbage) {
        let mut open = group.parts.clone();
        while let Some(node) = open.pop() {
            if !alive.contains(node) && seen.insert(node) {
                group.garbage_bytes = group.garbage_bytes.saturating_add(heap.objects.size(node));
                open.extend_from_slice(heap.graph.successors(node));
            }
        }
    }
}

impl Found {
    /// Objects whose paths are wanted.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        let holders = self.held_by.iter().flatten().map(|row| row.0);
        self.groups.iter().filter_map(|(_, group)| group.heads.first().copied()).chain(holders)
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Which row each object belongs to, counted from `first` on.
    pub(crate) fn labels(&self, first: u32) -> impl Iterator<Item = (Node, u32)> + '_ {
        let numbered = (first..).zip(&self.groups);
        numbered.flat_map(|(label, (_, group))| group.parts.iter().map(move |&node| (node, label)))
    }

    /// What a document says; `retained` has what each row keeps alive.
    pub(crate) fn document(&self, heap: &Heap<'_, '_>, names: &Names, retained: &[u64]) -> Vec<KeptFrames> {
        let row = |number: usize| {
            let ((of_type, functions, is_garbage), group) = self.groups.get(number)?;
            let (held_by, retained) = (self.held_by.get(number)?, *retained.get(number)?);
            let first = *group.heads.first()?;
            Some(KeptFrames {
                r#type: of_type.clone(),
                count: group.heads.len() as u64,
                functions: functions.clone(),
                frames: group.frames,
                retained_bytes: if *is_garbage { group.garbage_bytes } else { retained },
                is_garbage: *is_garbage,
                held_by: if *is_garbage { Vec::new() } else { names.holders(heap, held_by) },
                example: names.path(first),
                address: Address(heap.objects.address(first)),
            })
        };
        let mut rows: Vec<KeptFrames> = (0..self.groups.len()).filter_map(row).collect();
        rows.sort_by_key(|row| Reverse(row.retained_bytes));
        rows
    }
}
