//! Objects that an earlier core of the same process did not have, and where they hang.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::Hasher;

use pycoroner_coredump::{Address, PythonRuntime};
use pycoroner_findings::{Gap, GapKind};
use rustc_hash::{FxHashMap, FxHasher};

use crate::answers::names::Names;
use crate::answers::paths::Paths;
use crate::answers::reach::Reach;
use crate::graph::Node;
use crate::growth::{NewObjects, Newcomers};
use crate::heap::Heap;
use crate::naming::edge::Context;
use crate::naming::roots::RootName;
use crate::objects::kinds::Shape;

/// Places that are listed.
const ROWS: usize = 50;

/// Which objects a process had: their addresses and types.
#[derive(Clone, Debug)]
pub struct ObjectSet {
    process: Process,
    /// By rising address, with a hash of the type's name.
    objects: Vec<(u64, u32)>,
}

/// What tells a process from others: addresses mean nothing in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    pid: Option<u64>,
    type_type: u64,
}

impl Process {
    fn of(runtime: &PythonRuntime<'_>) -> Self {
        Self {
            pid: runtime.process().core().notes().process.as_ref().map(|process| process.pid),
            type_type: runtime.types().type_type().address().0,
        }
    }
}

impl ObjectSet {
    /// The objects of a heap that are alive.
    pub(crate) fn of(heap: &Heap<'_, '_>, reach: &Reach) -> Self {
        let hashes = hashes(heap);
        let alive = (0..heap.objects.len() as Node).filter(|&node| reach.alive.contains(node));
        let mut objects: Vec<(u64, u32)> = alive
            .map(|node| (heap.objects.address(node), hashes[heap.objects.type_id(node) as usize]))
            .collect();
        objects.sort_unstable();
        Self { process: Process::of(heap.runtime), objects }
    }

    fn has(&self, address: u64, type_hash: u32) -> bool {
        self.objects.binary_search(&(address, type_hash)).is_ok()
    }
}

/// Hashes of the types' names: types that are made anew, as by forked services, keep their names.
fn hashes(heap: &Heap<'_, '_>) -> Vec<u32> {
    let hash = |id: u32| {
        let mut hasher = FxHasher::default();
        hasher.write(heap.types.name(id).as_bytes());
        (hasher.finish() >> 16) as u32
    };
    (0..heap.types.len() as u32).map(hash).collect()
}

/// The objects that are alive and were not there earlier, by the objects that they hang under and that were.
pub(crate) fn find(heap: &Heap<'_, '_>, reach: &Reach, paths: &Paths, earlier: &ObjectSet) -> Newcomers {
    let mut newcomers = Newcomers::default();
    if Process::of(heap.runtime) != earlier.process {
        let why = "the cores are of different processes: their addresses cannot be compared";
        newcomers.gap = Some(Gap::new(GapKind::Missing, "which objects are new", why));
        return newcomers;
    }
    let hashes = hashes(heap);
    let is_new =
        |node: Node| !earlier.has(heap.objects.address(node), hashes[heap.objects.type_id(node) as usize]);
    let mut places = Places { heap, paths, known: FxHashMap::default() };
    let mut rows: Rows = FxHashMap::default();
    for node in (0..heap.objects.len() as Node).filter(|&node| reach.alive.contains(node) && is_new(node)) {
        let size = heap.objects.size(node);
        newcomers.count += 1;
        newcomers.bytes = newcomers.bytes.saturating_add(size);
        let (count, bytes, types) = rows.entry(places.of(node, &is_new)).or_default();
        *count += 1;
        *bytes = bytes.saturating_add(size);
        *types.entry(heap.objects.type_id(node)).or_default() += 1;
    }
    merge_small(paths, &mut rows);
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(node, (_, bytes, _))| (Reverse(*bytes), *node));
    rows.truncate(ROWS);
    let names = Names::of(heap, paths, rows.iter().map(|row| row.0));
    let row = |(node, (count, bytes, types)): (Node, (u64, u64, BTreeMap<u32, u64>))| {
        let most = types.into_iter().max_by_key(|&(id, count)| (count, Reverse(id)));
        NewObjects {
            path: names.path(node),
            address: Address(heap.objects.address(node)),
            r#type: heap.type_name(node),
            count,
            bytes,
            mostly: most.map(|(id, _)| heap.types.name(id)).unwrap_or_default(),
            mostly_count: most.map_or(0, |(_, count)| count),
        }
    };
    newcomers.places = rows.into_iter().map(row).collect();
    newcomers
}

/// By place: number of new objects, their bytes, and how many have each type.
type Rows = FxHashMap<Node, (u64, u64, BTreeMap<u32, u64>)>;

/// Adds places with few new objects to a place above them: an object that only looks old, as it is where an equal one was
/// before, parts what it holds from where all else of its kind hangs.
fn merge_small(paths: &Paths, rows: &mut Rows) {
    const FEW: u64 = 16;
    const STEPS: usize = 4;
    let small: Vec<Node> = rows.iter().filter(|(_, row)| row.0 <= FEW).map(|(&node, _)| node).collect();
    for node in small {
        let above = std::iter::successors(paths.before(node), |&at| paths.before(at)).take(STEPS);
        let Some(place) = above.into_iter().find(|at| rows.get(at).is_some_and(|row| row.0 > FEW)) else {
            continue;
        };
        let Some((count, bytes, types)) = rows.remove(&node) else { continue };
        if let Some(row) = rows.get_mut(&place) {
            row.0 += count;
            row.1 = row.1.saturating_add(bytes);
            for (id, count) in types {
                *row.2.entry(id).or_default() += count;
            }
        }
    }
}

/// Where new objects hang, remembered for those on the way.
struct Places<'p, 'r, 'c> {
    heap: &'p Heap<'r, 'c>,
    paths: &'p Paths,
    known: FxHashMap<Node, Node>,
}

impl Places<'_, '_, '_> {
    /// The nearest object on the path to `node` that is not new; the first new one below a module.
    fn of(&mut self, node: Node, is_new: &impl Fn(Node) -> bool) -> Node {
        let mut way = Vec::new();
        let mut at = node;
        let place = loop {
            if let Some(&place) = self.known.get(&at) {
                break place;
            }
            way.push(at);
            match self.paths.before(at) {
                Some(before) if is_new(before) => at = before,
                Some(before) if !self.is_of_module(before) => break before,
                _ => break at,
            }
        };
        // Only what leads further is asked for again.
        self.known.extend(way.into_iter().skip(1).map(|node| (node, place)));
        place
    }

    /// Whether an object is a module or its dict: what is new below goes by its own name.
    fn is_of_module(&self, node: Node) -> bool {
        let is_namespace = match self.paths.root_at(node) {
            Some(RootName::Text(text)) => text.context == Context::Namespace,
            _ => false,
        };
        is_namespace && self.heap.facts(node).shape == Shape::Dict || self.heap.type_name(node) == "module"
    }
}
