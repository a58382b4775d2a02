//! All objects in columns, and which object starts at an address.

use rustc_hash::FxHashMap;

use crate::graph::Node;
use crate::memory::image::{Bytes, Image, WORD};
use crate::memory::places::Places;
use crate::objects::kinds::Shape;
use crate::objects::pools::{self, Block, Found, Pool, PoolIndex, PoolTotals};
use crate::objects::types::{MAX_REFCOUNT, TypeFacts, TypeId, Types};

/// Every object that is known, by number.
///
/// Those in pools come first, by address; then those allocated otherwise and static ones, as they are met.
/// 16 bytes per object and three bits per block.
pub(crate) struct Objects {
    addresses: Vec<u64>,
    types: Vec<TypeId>,
    sizes: Vec<u32>,
    /// Sizes of 4 GiB and more.
    huge: FxHashMap<Node, u64>,
    index: PoolIndex,
    /// Numbers of the objects outside of pools.
    others: FxHashMap<u64, Node>,
    /// What the pools hold.
    pub(crate) pools: PoolTotals,
    /// Neighbours in the collector's lists that lie in no pool, to be looked at.
    pub(crate) outside_neighbours: Vec<u64>,
    /// `PYTHONMALLOC=debug`.
    pub(crate) debug_hooks: bool,
}

/// Stands for a size of 4 GiB or more.
const HUGE: u32 = u32::MAX;

impl Objects {
    /// Enumerates the objects in pools.
    pub(crate) fn in_pools(image: &Image<'_>, places: &Places, types: &mut Types<'_, '_>) -> Self {
        let pools = pools::find(image, places);
        let debug_hooks = pools::has_debug_hooks(&pools, places);
        let prefix = if debug_hooks { pools::DEBUG_PREFIX } else { 0 };
        let mut scan = Scan { image, places, types, found: Vec::new(), outside: Vec::new(), pools: &pools };
        let (index, totals) = PoolIndex::build(&pools, places, prefix, |block| scan.object_start(block));
        let (types_found, mut outside) = (scan.found, scan.outside);
        let addresses: Vec<u64> = index.addresses().collect();
        outside.retain(|&address| index.find(address) == Found::Outside);
        Self {
            sizes: vec![0; addresses.len()],
            addresses,
            types: types_found,
            huge: FxHashMap::default(),
            index,
            others: FxHashMap::default(),
            pools: totals,
            outside_neighbours: outside,
            debug_hooks,
        }
    }

    /// Number of objects.
    pub(crate) fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Number of objects in pools; they have the lowest numbers.
    pub(crate) fn pooled(&self) -> Node {
        self.index.len()
    }

    pub(crate) fn address(&self, node: Node) -> u64 {
        self.addresses[node as usize]
    }

    pub(crate) fn type_id(&self, node: Node) -> TypeId {
        self.types[node as usize]
    }

    /// What `sys.getsizeof` says of the object.
    pub(crate) fn size(&self, node: Node) -> u64 {
        match self.sizes[node as usize] {
            HUGE => self.huge.get(&node).copied().unwrap_or(u64::from(HUGE)),
            size => u64::from(size),
        }
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

    /// The object at `address`; one outside of pools becomes known when its header is that of an object.
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

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> u64 {
        let columns = self.addresses.capacity() * 8 + self.types.capacity() * 4 + self.sizes.capacity() * 4;
        columns as u64 + self.index.heap_bytes() + self.others.capacity() as u64 * 17
    }

    /// Runs of addresses that pools cover.
    pub(crate) fn pool_ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.index.pool_ranges()
    }
}

/// The pass over all live blocks.
struct Scan<'s, 'd, 'r, 'p> {
    image: &'s Image<'d>,
    places: &'s Places,
    types: &'s mut Types<'r, 'p>,
    pools: &'s [Pool<'d>],
    found: Vec<TypeId>,
    outside: Vec<u64>,
}

impl Scan<'_, '_, '_, '_> {
    /// How many bytes into the block an object starts: as many as its type says precede it.
    fn object_start(&mut self, block: Block<'_>) -> Option<u64> {
        for start in [0, 16, 32] {
            let Some(word) = block.bytes.word(start + self.places.refcount) else { break };
            if start + self.places.object_size > block.size {
                break;
            }
            // An object that is not one any more, kept for reuse on a free list, has no references.
            if !self.places.counts.stated(word).is_some_and(|count| (1..=MAX_REFCOUNT).contains(&count)) {
                continue;
            }
            if block.bytes.skip(start).is_none_or(|object| self.types.counts_like_state(self.image, object)) {
                continue;
            }
            let Some(id) = block
                .bytes
                .word(start + self.places.of_type)
                .and_then(|of_type| self.types.id_of(self.image, of_type))
            else {
                continue;
            };
            let facts = self.types.facts(id);
            let fits = block.bytes.skip(start).is_some_and(|object| {
                start.saturating_add(least_size(object, &facts, self.places)) <= block.size
            });
            if facts.pre_header == start && fits {
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
        if !facts.has_gc_header() {
            return;
        }
        let head = start - self.places.gc_head_size;
        for link in [self.places.gc_next, self.places.gc_prev] {
            if let Some(neighbour) = neighbour(block.bytes.word(head + link), self.places)
                && !self.in_any_pool(neighbour)
            {
                self.outside.push(neighbour);
            }
        }
    }

    fn in_any_pool(&self, address: u64) -> bool {
        let after = self.pools.partition_point(|pool| pool.start <= address);
        after.checked_sub(1).is_some_and(|at| address - self.pools[at].start < 16384)
    }
}

/// The object behind the GC header that a link points at; its low bits are flags of the collector.
pub(crate) fn neighbour(link: Option<u64>, places: &Places) -> Option<u64> {
    let head = link? & !3;
    (head != 0).then(|| head.checked_add(places.gc_head_size)).flatten()
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
