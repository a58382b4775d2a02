//! Small objects: the blocks of pymalloc's pools.
//!
//! A pool serves blocks of one size. It is told by its header, whose numbers depend on each other: the last
//! offset at which a block could be carved gives the pool's size, and the number of live blocks must be what
//! was carved less what hangs on the chain of free blocks (Objects/obmalloc.c at v3.9.18, v3.13.0).
//!
//! The index answers which object starts at an address from three bits per block, so that it stays in the
//! processor's cache: graph passes are bound by gathers, not by reading.

use crate::memory::image::{Bytes, Image, Piece};
use crate::memory::places::Places;

/// What is known of the pools as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PoolTotals {
    /// Number of pools.
    pub(crate) pools: u64,
    /// Bytes of all pools.
    pub(crate) bytes: u64,
    /// Bytes of live blocks that hold objects.
    pub(crate) object_bytes: u64,
    /// Bytes of live blocks that hold something else, mostly what objects own.
    pub(crate) raw_bytes: u64,
    /// Pools whose chain of free blocks is broken; their blocks are not used.
    pub(crate) broken: u64,
}

/// Pool sizes of CPython on 64-bit machines: up to 3.9, and from 3.10 on.
const POOL_SIZES: [u64; 2] = [4096, 16384];
/// Blocks are multiples of this.
const ALIGNMENT: u64 = 16;
/// Most blocks that any pool can hold.
const MAX_BLOCKS: u64 = 16384 / ALIGNMENT;

/// A pool as its header describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool<'d> {
    /// Its first address.
    pub(crate) start: u64,
    bytes: Bytes<'d>,
    size: u64,
    block_size: u64,
    /// Offset of the first block.
    first: u64,
    carved: u64,
    live: u64,
}

/// A live block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'d> {
    pub(crate) size: u64,
    pub(crate) bytes: Bytes<'d>,
    index: u64,
}

impl<'d> Pool<'d> {
    /// Takes the bytes at the start of a page for a pool when its header is consistent.
    fn recognise(start: u64, bytes: Bytes<'d>, places: &Places) -> Option<Self> {
        let first = places.pool_header_size;
        let block_size = (u64::from(bytes.half(places.pool_size_class)?) + 1).checked_mul(ALIGNMENT)?;
        let size = u64::from(bytes.half(places.pool_max_next_offset)?) + block_size;
        if block_size > 512
            || !POOL_SIZES.contains(&size)
            || !start.is_multiple_of(size)
            || bytes.len() < size
        {
            return None;
        }
        let next = u64::from(bytes.half(places.pool_next_offset)?);
        let carved_bytes = next.checked_sub(first)?;
        let live = u64::from(bytes.half(places.pool_count)?);
        let carved = carved_bytes / block_size;
        let fits = carved_bytes % block_size == 0 && next <= size && live <= carved;
        fits.then_some(Self { start, bytes, size, block_size, first, carved, live })
    }

    /// The live blocks, or `None` when the chain of free blocks contradicts the header.
    fn live_blocks(&self, places: &Places) -> Option<impl Iterator<Item = Block<'d>> + use<'d>> {
        let mut free = [0u64; MAX_BLOCKS as usize / 64];
        let mut at = self.bytes.word(places.pool_free_block)?;
        let mut free_count = 0;
        while at != 0 {
            let offset = at.checked_sub(self.start + self.first)?;
            let index = offset / self.block_size;
            if offset % self.block_size != 0 || index >= self.carved {
                return None;
            }
            let (word, bit) = ((index / 64) as usize, 1 << (index % 64));
            if free[word] & bit != 0 {
                return None;
            }
            free[word] |= bit;
            free_count += 1;
            at = self.bytes.word(at - self.start)?;
        }
        if self.carved - free_count != self.live {
            return None;
        }
        let Self { bytes, block_size, first, carved, .. } = *self;
        let live = (0..carved).filter(move |&index| free[(index / 64) as usize] & 1 << (index % 64) == 0);
        Some(live.filter_map(move |index| {
            let offset = first + index * block_size;
            Some(Block { size: block_size, bytes: bytes.skip(offset)?, index })
        }))
    }
}

/// All pools of the process by rising address.
pub(crate) fn find<'d>(image: &Image<'d>, places: &Places) -> Vec<Pool<'d>> {
    let writable = image.pieces().iter().filter(|piece| piece.writable);
    let mut found: Vec<Pool<'d>> = writable.flat_map(|piece| pools_in(image, piece, places)).collect();
    let of_size = |size| found.iter().filter(|pool| pool.size == size).count();
    // A process has pools of one size; the other's headers are chance.
    let size = if of_size(POOL_SIZES[0]) > of_size(POOL_SIZES[1]) { POOL_SIZES[0] } else { POOL_SIZES[1] };
    found.retain(|pool| pool.size == size && pool.live > 0);
    found
}

/// Pools of one piece. Their headers are never zero: holes, which may be larger than all memory, are passed over.
fn pools_in<'d>(image: &Image<'d>, piece: &Piece<'d>, places: &Places) -> impl Iterator<Item = Pool<'d>> {
    let page = POOL_SIZES[0];
    let (start, end, bytes) = (piece.start, piece.end(), piece.bytes);
    let mut next = start.checked_next_multiple_of(page).unwrap_or(end);
    let mut pages = Vec::new();
    for (from, to) in image.data_within(start, end) {
        let first = next.max(from - from % page);
        pages.extend((first..to).step_by(page as usize));
        next = next.max(to.checked_next_multiple_of(page).unwrap_or(end));
    }
    pages.into_iter().filter_map(move |at| Pool::recognise(at, bytes.skip(at - start)?, places))
}

/// Which object starts at an address, for all that lie in pools.
#[derive(Debug, Default)]
pub(crate) struct PoolIndex {
    regions: Vec<Region>,
    /// By region and pool-sized slot in it: number of the pool there, or [`NO_POOL`].
    slots: Vec<u32>,
    pools: Vec<IndexedPool>,
    groups: Vec<Group>,
    pool_size: u64,
    first_block: u64,
    /// Bytes that debug hooks put in front of each block's content.
    prefix: u64,
    objects: u32,
}

const NO_POOL: u32 = u32::MAX;

/// A run of addresses that holds pools.
#[derive(Clone, Copy, Debug)]
struct Region {
    start: u64,
    end: u64,
    first_slot: u32,
}

#[derive(Clone, Copy, Debug)]
struct IndexedPool {
    first_group: u32,
    block_size: u32,
}

/// Sixty-four blocks: where in each an object starts, as two bits, and the number of the first object.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    low: u64,
    high: u64,
    first_id: u32,
}

/// What the index knows of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The object with this number starts there.
    Object(u32),
    /// It lies in a pool, but no object starts there.
    NoObject,
    /// It lies in no pool.
    Outside,
}

impl PoolIndex {
    /// Indexes `pools`; `starts` says how many bytes into a live block's content an object starts, if one does.
    pub(crate) fn build<'d>(
        pools: &[Pool<'d>],
        places: &Places,
        prefix: u64,
        mut starts: impl FnMut(Block<'d>) -> Option<u64>,
    ) -> (Self, PoolTotals) {
        let mut index = Self { first_block: places.pool_header_size, prefix, ..Self::default() };
        let mut totals = PoolTotals::default();
        index.pool_size = pools.first().map_or(POOL_SIZES[1], |pool| pool.size);
        for pool in pools {
            index.add_slot(pool.start);
            let first_group = index.groups.len();
            index
                .pools
                .push(IndexedPool { first_group: first_group as u32, block_size: pool.block_size as u32 });
            let groups = pool.carved.div_ceil(64) as usize;
            index.groups.resize(first_group + groups, Group::default());
            totals.pools += 1;
            totals.bytes += pool.size;
            match pool.live_blocks(places) {
                Some(blocks) => index.add_blocks(first_group, blocks, &mut totals, &mut starts),
                None => totals.broken += 1,
            }
        }
        index.number_objects();
        (index, totals)
    }

    fn add_blocks<'d>(
        &mut self,
        first_group: usize,
        blocks: impl Iterator<Item = Block<'d>>,
        totals: &mut PoolTotals,
        starts: &mut impl FnMut(Block<'d>) -> Option<u64>,
    ) {
        for block in blocks {
            let Some(code) = content(block, self.prefix).and_then(&mut *starts).and_then(code_of) else {
                totals.raw_bytes += block.size;
                continue;
            };
            totals.object_bytes += block.size;
            let group = &mut self.groups[first_group + block.index as usize / 64];
            group.low |= (code & 1) << (block.index % 64);
            group.high |= (code >> 1) << (block.index % 64);
        }
    }

    fn add_slot(&mut self, start: u64) {
        // A hole of more slots than this costs more to index than a region of its own.
        const MAX_HOLE: u64 = 64;
        let pool = self.pools.len() as u32;
        let slot_count = self.slots.len() as u32;
        match self.regions.last_mut() {
            Some(region) if start - region.end <= MAX_HOLE * self.pool_size => {
                let holes = (start - region.end) / self.pool_size;
                self.slots.extend((0..holes).map(|_| NO_POOL));
                region.end = start + self.pool_size;
            }
            _ => self.regions.push(Region { start, end: start + self.pool_size, first_slot: slot_count }),
        }
        self.slots.push(pool);
    }

    fn number_objects(&mut self) {
        for group in &mut self.groups {
            group.first_id = self.objects;
            self.objects += (group.low | group.high).count_ones();
        }
    }

    /// Number of objects in pools.
    pub(crate) fn len(&self) -> u32 {
        self.objects
    }

    /// Looks an address up.
    pub(crate) fn find(&self, address: u64) -> Found {
        let after = self.regions.partition_point(|region| region.start <= address);
        let Some(region) = after.checked_sub(1).map(|at| self.regions[at]) else { return Found::Outside };
        if address >= region.end {
            return Found::Outside;
        }
        let slot = (address - region.start) / self.pool_size;
        let within = (address - region.start) % self.pool_size;
        let number = self.slots[region.first_slot as usize + slot as usize];
        if number == NO_POOL {
            return Found::Outside;
        }
        let pool = self.pools[number as usize];
        let Some(offset) = within.checked_sub(self.first_block + self.prefix) else { return Found::NoObject };
        let (block, start) = (offset as u32 / pool.block_size, offset as u32 % pool.block_size);
        let next_pool = self.pools.get(number as usize + 1);
        let end = next_pool.map_or(self.groups.len(), |next| next.first_group as usize);
        let at = pool.first_group as usize + block as usize / 64;
        if at >= end {
            return Found::NoObject;
        }
        let (group, bit) = (self.groups[at], block % 64);
        let code = (group.low >> bit & 1) | (group.high >> bit & 1) << 1;
        if code == 0 || start_of(code) != u64::from(start) {
            return Found::NoObject;
        }
        let below = (group.low | group.high) & ((1 << bit) - 1);
        Found::Object(group.first_id + below.count_ones())
    }

    /// Addresses of all objects in pools, in the order of their numbers.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = u64> + '_ {
        let slots = self.regions.iter().flat_map(move |region| {
            let count = (region.end - region.start) / self.pool_size;
            (0..count).map(move |slot| {
                (
                    region.start + slot * self.pool_size,
                    self.slots[(u64::from(region.first_slot) + slot) as usize],
                )
            })
        });
        slots.filter(|&(_, pool)| pool != NO_POOL).flat_map(move |(start, number)| {
            let pool = self.pools[number as usize];
            let next_pool = self.pools.get(number as usize + 1);
            let end = next_pool.map_or(self.groups.len(), |next| next.first_group as usize);
            let groups = self.groups[pool.first_group as usize..end].iter().enumerate();
            groups.flat_map(move |(at, group)| {
                let blocks = Bits(group.low | group.high);
                blocks.map(move |bit| {
                    let code = (group.low >> bit & 1) | (group.high >> bit & 1) << 1;
                    let block = at as u64 * 64 + u64::from(bit);
                    start
                        + self.first_block
                        + block * u64::from(pool.block_size)
                        + self.prefix
                        + start_of(code)
                })
            })
        })
    }

    /// Runs of addresses that pools cover.
    pub(crate) fn pool_ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.regions.iter().flat_map(move |region| {
            let count = (region.end - region.start) / self.pool_size;
            let at = move |slot: u64| region.start + slot * self.pool_size;
            let is_pool =
                move |slot: &u64| self.slots[(u64::from(region.first_slot) + slot) as usize] != NO_POOL;
            (0..count).filter(is_pool).map(move |slot| (at(slot), at(slot) + self.pool_size))
        })
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> u64 {
        (self.slots.len() * 4 + self.pools.len() * 8 + self.groups.len() * 24) as u64
    }
}

/// What a block holds behind the bytes that debug hooks put in front.
fn content(block: Block<'_>, prefix: u64) -> Option<Block<'_>> {
    Some(Block {
        bytes: block.bytes.skip(prefix)?,
        size: block.size.checked_sub(prefix + prefix / 2)?,
        ..block
    })
}

/// Codes 1 to 3 for objects that start 0, 16 or 32 bytes into their block.
fn code_of(start: u64) -> Option<u64> {
    matches!(start, 0 | 16 | 32).then_some(start / 16 + 1)
}

fn start_of(code: u64) -> u64 {
    (code - 1) * 16
}

/// The numbers of the bits that are set, rising.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let bit = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        (bit < 64).then_some(bit)
    }
}

/// Whether most blocks begin as debug hooks mark them (`PYTHONMALLOC=debug`): 8 bytes of size, a letter for
/// the domain, 7 bytes of 0xFD (Objects/obmalloc.c, `_PyMem_DebugRawAlloc` at v3.13.0).
pub(crate) fn has_debug_hooks(pools: &[Pool<'_>], places: &Places) -> bool {
    const MARK: [u8; 7] = [0xfd; 7];
    let blocks =
        pools.iter().step_by(pools.len().div_ceil(64).max(1)).filter_map(|pool| pool.live_blocks(places));
    let (mut marked, mut all) = (0, 0);
    for block in blocks.flatten() {
        let head = block.bytes.as_slice();
        all += 1;
        marked +=
            u64::from(matches!(head.get(8), Some(b'o' | b'm' | b'r')) && head.get(9..16) == Some(&MARK[..]));
    }
    marked > all / 2
}

/// Bytes that debug hooks put in front of a block's content.
pub(crate) const DEBUG_PREFIX: u64 = 16;
