//! All objects in columns, and which object starts at an address.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::allocators::glibc::{self, Malloc, Run, Use};
use crate::allocators::index::{BlockIndex, Found, Totals};
use crate::allocators::{self, Allocator, Block, Blocks};
use crate::analysis::{Failure, Options};
use crate::graph::Node;
use crate::memory::image::{Bytes, Image, WORD};
use crate::memory::places::Places;
use crate::objects::kinds::Shape;
use crate::objects::types::{MAX_REFCOUNT, TypeFacts, TypeId, Types};

/// Every object that is known, by number.
///
/// Those in blocks of Python's allocators come first, by address; then those allocated otherwise and static ones,
/// as they are met.
/// 16 bytes per object and three bits per block.
pub(crate) struct Objects {
    addresses: Vec<u64>,
    types: Vec<TypeId>,
    sizes: Vec<u32>,
    /// Sizes of 4 GiB and more.
    huge: FxHashMap<Node, u64>,
    /// Objects that have more than their size says, of which nothing can be told.
    open: FxHashSet<Node>,
    /// How much of an object's size is that of another object.
    counted_twice: FxHashMap<Node, u64>,
    index: BlockIndex,
    /// Numbers of the objects outside of blocks.
    others: FxHashMap<u64, Node>,
    /// What the blocks of each allocator hold.
    totals: [Totals; 2],
    /// What the C library's malloc has.
    pub(crate) malloc: Malloc,
    /// First address, end and allocator of all spans, by rising address.
    spans: Vec<(u64, u64, Allocator)>,
    /// First address and end of the arenas of pymalloc, and of the segments of mimalloc.
    grounds: [Vec<(u64, u64)>; 2],
    /// Neighbours in the collector's lists that lie in no block, to be looked at.
    pub(crate) outside_neighbours: Vec<u64>,
    /// `PYTHONMALLOC=debug`.
    pub(crate) debug_hooks: bool,
}

/// What [`Objects`] takes for a block at most, while its columns are filled.
const BYTES_PER_BLOCK: u64 = 20;

/// Stands for a size of 4 GiB or more.
const HUGE: u32 = u32::MAX;

impl Objects {
    /// Enumerates the objects in blocks, when `options` allow it for as many as there can be.
    pub(crate) fn in_blocks(
        image: &Image<'_>,
        places: &Places,
        types: &mut Types<'_, '_>,
        options: &Options<'_>,
    ) -> Result<Self, Failure> {
        let blocks = allocators::find(image, places);
        let in_use = blocks.spans.iter().map(|span| span.live).fold(0, u64::saturating_add);
        options.check_room(in_use, in_use.saturating_mul(BYTES_PER_BLOCK))?;
        let debug_hooks = allocators::has_debug_hooks(&blocks.spans);
        let prefix = if debug_hooks { allocators::DEBUG_PREFIX } else { 0 };
        let spans: Vec<_> =
            blocks.spans.iter().map(|span| (span.start, span.end(), span.allocator)).collect();
        let malloc = glibc::find(image, |address| is_within(address, &spans, &blocks));
        let mut scan = Scan { image, places, types, found: Vec::new(), outside: Vec::new(), spans: &spans };
        let unit = places.start_unit();
        let (index, totals) =
            BlockIndex::build(&blocks.spans, &blocks.delayed, prefix, unit, |block| scan.object_start(block));
        let (types_found, mut outside) = (scan.found, scan.outside);
        let addresses: Vec<u64> = index.addresses().collect();
        outside.retain(|&address| index.find(address) == Found::Outside);
        Ok(Self {
            sizes: vec![0; addresses.len()],
            addresses,
            types: types_found,
            huge: FxHashMap::default(),
            open: FxHashSet::default(),
            counted_twice: FxHashMap::default(),
            index,
            others: FxHashMap::default(),
            totals,
            malloc,
            spans,
            grounds: [blocks.arenas, blocks.segments],
            outside_neighbours: outside,
            debug_hooks,
        })
    }

    /// Number of objects.
    pub(crate) fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Number of objects in blocks; they have the lowest numbers.
    pub(crate) fn in_spans(&self) -> Node {
        self.index.len()
    }

    pub(crate) fn address(&self, node: Node) -> u64 {
        self.addresses[node as usize]
    }

    pub(crate) fn type_id(&self, node: Node) -> TypeId {
        self.types[node as usize]
    }

    /// What `sys.getsizeof` says of the object, as far as that can be told.
    pub(crate) fn size(&self, node: Node) -> u64 {
        match self.sizes[node as usize] {
            HUGE => self.huge.get(&node).copied().unwrap_or(u64::from(HUGE)),
            size => u64::from(size),
        }
    }

    /// The size without what another object counts as well: what would go with the object.
    pub(crate) fn own_size(&self, node: Node) -> u64 {
        let twice = if self.counted_twice.is_empty() { None } else { self.counted_twice.get(&node) };
        self.size(node).saturating_sub(twice.copied().unwrap_or(0))
    }

    /// Says that an object has more than its size says.
    pub(crate) fn set_open(&mut self, node: Node) {
        self.open.insert(node);
    }

    /// What `sys.getsizeof` says of the object; nothing when only a part of it can be told.
    pub(crate) fn whole_size(&self, node: Node) -> Option<u64> {
        Some(self.size(node)).filter(|_| !self.open.contains(&node))
    }

    /// The objects that have more than their size says, in no order.
    pub(crate) fn open_sizes(&self) -> impl Iterator<Item = Node> + '_ {
        self.open.iter().copied()
    }

    /// Says how much of an object's size another object counts as well.
    pub(crate) fn set_counted_twice(&mut self, node: Node, bytes: u64) {
        self.counted_twice.insert(node, bytes);
    }

    pub(crate) fn set_size(&mut self, node: Node, size: u64) {
        match u32::try_from(size) {
            Ok(size) if size < HUGE => self.sizes[node as usize] = size,
            _ => {
                self.sizes[node as usize] = HUGE;
                self.huge.insert(node, size);
            }
        }
    }

    /// The object at `address`, if it is known.
    pub(crate) fn find(&self, address: u64) -> Option<Node> {
        match self.index.find(address) {
            Found::Object(node) => Some(node),
            Found::NoObject => None,
            Found::Outside => self.others.get(&address).copied(),
        }
    }

    /// The object at `address`; one outside of blocks becomes known when its header is that of an object.
    pub(crate) fn find_or_admit(
        &mut self,
        address: u64,
        image: &Image<'_>,
        places: &Places,
        types: &mut Types<'_, '_>,
    ) -> Option<Node> {
        match self.index.find(address) {
            Found::Object(node) => return Some(node),
            Found::NoObject => return None,
            Found::Outside => {}
        }
        if let Some(&node) = self.others.get(&address) {
            return Some(node);
        }
        if !address.is_multiple_of(WORD) {
            return None;
        }
        let object = image.from(address)?;
        let of_type = object.word(places.of_type)?;
        if !matches!(places.count_of(object)?, 1..=MAX_REFCOUNT) || types.counts_like_state(image, object) {
            return None;
        }
        let id = types.id_of(image, of_type)?;
        if least_size(object, &types.facts(id), places) > object.len() {
            return None;
        }
        let node = Node::try_from(self.addresses.len()).ok().filter(|&node| node < Node::MAX - 2)?;
        self.addresses.push(address);
        self.types.push(id);
        self.sizes.push(0);
        self.others.insert(address, node);
        Some(node)
    }

    /// Makes the objects known that malloc's chunks hold: large ones, and all of them with `PYTHONMALLOC=malloc`.
    pub(crate) fn admit_chunks(&mut self, image: &Image<'_>, places: &Places, types: &mut Types<'_, '_>) {
        let runs = std::mem::take(&mut self.malloc.runs);
        let chunks = runs.iter().flat_map(Run::chunks).filter(|chunk| chunk.used == Use::Used);
        for chunk in chunks {
            let Some(content) = image.from(chunk.start + glibc::HEADER) else { continue };
            let prefix = if allocators::is_marked(content) { allocators::DEBUG_PREFIX } else { 0 };
            for start in places.starts() {
                let Some(object) = content.skip(prefix + start) else { break };
                let type_id = object.word(places.of_type).and_then(|of_type| types.id_of(image, of_type));
                if type_id.is_some_and(|id| {
                    let end = object.start().saturating_add(least_size(object, &types.facts(id), places));
                    types.facts(id).pre_header == start && end <= chunk.end + WORD
                }) {
                    self.find_or_admit(object.start(), image, places, types);
                    break;
                }
            }
        }
        self.malloc.runs = runs;
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> u64 {
        let columns = self.addresses.capacity() * 8 + self.types.capacity() * 4 + self.sizes.capacity() * 4;
        columns as u64
            + self.index.heap_bytes()
            + self.malloc.heap_bytes()
            + self.others.capacity() as u64 * 17
            + self.open.capacity() as u64 * 5
    }

    /// What the blocks of an allocator hold.
    pub(crate) fn totals(&self, allocator: Allocator) -> Totals {
        self.totals[allocator as usize]
    }

    /// First address and end of all that an allocator got: arenas, or segments.
    pub(crate) fn grounds(&self, allocator: Allocator) -> &[(u64, u64)] {
        &self.grounds[allocator as usize]
    }

    /// First address and end of an allocator's runs of blocks, by rising address.
    pub(crate) fn spans(&self, of: Allocator) -> impl Iterator<Item = (u64, u64)> + '_ {
        let spans = self.spans.iter().filter(move |(.., allocator)| *allocator == of);
        spans.map(|&(start, end, _)| (start, end))
    }
}

/// Whether Python's allocators have the memory at an address.
fn is_within(address: u64, spans: &[(u64, u64, Allocator)], blocks: &Blocks<'_>) -> bool {
    let within = |ranges: &[(u64, u64)]| {
        let after = ranges.partition_point(|range| range.0 <= address);
        after.checked_sub(1).is_some_and(|at| address < ranges[at].1)
    };
    let after = spans.partition_point(|span| span.0 <= address);
    after.checked_sub(1).is_some_and(|at| address < spans[at].1)
        || within(&blocks.arenas)
        || within(&blocks.segments)
}

/// The pass over all live blocks.
struct Scan<'s, 'd, 'r, 'p> {
    image: &'s Image<'d>,
    places: &'s Places,
    types: &'s mut Types<'r, 'p>,
    spans: &'s [(u64, u64, Allocator)],
    found: Vec<TypeId>,
    outside: Vec<u64>,
}

impl Scan<'_, '_, '_, '_> {
    /// How many bytes into the block an object starts: as many as its type says precede it.
    fn object_start(&mut self, block: Block<'_>) -> Option<u64> {
        for start in self.places.starts() {
            let Some(object) = block.bytes.skip(start) else { break };
            if start + self.places.object_size > block.size {
                break;
            }
            // An object that is not one any more, kept for reuse on a free list, has no references.
            if !self.places.count_of(object).is_some_and(|count| (1..=MAX_REFCOUNT).contains(&count)) {
                continue;
            }
            if self.types.counts_like_state(self.image, object) {
                continue;
            }
            let Some(id) =
                object.word(self.places.of_type).and_then(|of_type| self.types.id_of(self.image, of_type))
            else {
                continue;
            };
            let facts = self.types.facts(id);
            let fits = start.saturating_add(least_size(object, &facts, self.places)) <= block.size;
            if facts.pre_header == start && fits && !self.types.counts_like_rest(self.image, object, &facts) {
                self.found.push(id);
                self.note_neighbour(block, &facts, start);
                return Some(start);
            }
        }
        None
    }

    /// Large objects are neighbours of small ones in the collector's lists; that is how those are found that
    /// nothing refers to.
    fn note_neighbour(&mut self, block: Block<'_>, facts: &TypeFacts, start: u64) {
        if !facts.has_gc_header() || self.places.gc_head_size == 0 {
            return;
        }
        let head = start - self.places.gc_head_size;
        let Some(head) = block.bytes.skip(head) else { return };
        for neighbour in neighbours(head, self.places) {
            if !self.in_any_span(neighbour) {
                self.outside.push(neighbour);
            }
        }
    }

    fn in_any_span(&self, address: u64) -> bool {
        let after = self.spans.partition_point(|span| span.0 <= address);
        after.checked_sub(1).is_some_and(|at| address < self.spans[at].1)
    }
}

/// The objects behind the GC headers that the links of one point at; their low bits are flags of the collector.
///
/// Up to 3.7, an object that is not tracked keeps whatever its links were (`_PyObject_GC_UNTRACK` of Include/objimpl.h at
/// v3.7.16), and says so where later the count of references is (`_PyGC_REFS_UNTRACKED`).
pub(crate) fn neighbours(head: Bytes<'_>, places: &Places) -> impl Iterator<Item = u64> {
    const REFS_SHIFT: u32 = 1;
    const REFS_UNTRACKED: i64 = -2;
    let refs = places.gc_refs.and_then(|refs| head.word(refs));
    let tracked = refs.is_none_or(|refs| refs.cast_signed() >> REFS_SHIFT != REFS_UNTRACKED);
    let links = [places.gc_next, places.gc_prev].map(|link| head.word(link).filter(|_| tracked));
    let head_size = places.gc_head_size;
    let behind = move |link: u64| (link & !3).checked_add(head_size).filter(|_| link & !3 != 0);
    links.into_iter().flatten().filter_map(behind)
}

/// What an object with its items takes at least. What is not an object can begin like one: the state of a C
/// module with a number and a type.
fn least_size(object: Bytes<'_>, facts: &TypeFacts, places: &Places) -> u64 {
    match facts.shape {
        // Compact strings are smaller than `tp_basicsize`, which is that of the largest kind.
        Shape::Str => places.unicode_ascii_size,
        Shape::Int => places.object_size,
        Shape::Tuple | Shape::Atom if facts.item_size > 0 => {
            let items = object.signed(places.var_len).map_or(u64::MAX, i64::unsigned_abs);
            facts.basic_size.saturating_add(items.saturating_mul(facts.item_size))
        }
        _ => facts.basic_size,
    }
}
