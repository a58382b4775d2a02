//! pymalloc: pools of 4 or 16 KiB, which serve blocks of one size up to 512 bytes, in arenas of 256 KiB or 1 MiB.
//!
//! A pool is told by its header, whose numbers depend on each other: the last offset at which a block could be
//! carved gives the pool's size, and the number of live blocks must be what was carved less what hangs on the
//! chain of free blocks (Objects/obmalloc.c at v3.9.18, v3.13.0). An arena is told by the table of arenas: a run
//! of records, each of which names an arena all of whose pools name that record.

use rustc_hash::FxHashMap;

use crate::allocators::{Allocator, Blocks, Span};
use crate::memory::image::{Bytes, Image, Piece, WORD};
use crate::memory::places::Places;

/// Pool sizes of CPython on 64-bit machines: up to 3.9, and from 3.10 on.
const POOL_SIZES: [u64; 2] = [4096, 16384];
/// Arenas hold this many pools.
const POOLS_PER_ARENA: u64 = 64;
/// Blocks are multiples of 16 bytes, in builds before 3.7.4 of 8 (bpo-27987).
const ALIGNMENTS: [u64; 2] = [16, 8];
/// Tables of arenas come from the C library.
const TABLE_ALIGNMENT: u64 = 16;

/// A pool and the number of its arena.
struct Pool<'d> {
    span: Span<'d>,
    /// Its blocks are multiples of this.
    alignment: u64,
    arena: u32,
}

/// All pools that have a block in use, and all arenas.
pub(crate) fn find<'d>(image: &Image<'d>, places: &Places) -> Blocks<'d> {
    let writable = image.pieces().iter().filter(|piece| piece.writable);
    let mut pools: Vec<Pool<'d>> = writable.flat_map(|piece| pools_in(image, piece, places)).collect();
    // A process has pools of one size, with blocks of one alignment; other headers are chance.
    let size = most(POOL_SIZES, |size| pools.iter().filter(|pool| pool.span.len == size).count());
    pools.retain(|pool| pool.span.len == size);
    let alignment = most(ALIGNMENTS, |by| pools.iter().filter(|pool| pool.alignment == by).count());
    pools.retain(|pool| pool.alignment == alignment);
    let arenas = arenas(image, places, &pools, size * POOLS_PER_ARENA);
    pools.retain(|pool| pool.span.live > 0);
    Blocks { spans: pools.into_iter().map(|pool| pool.span).collect(), arenas, ..Blocks::default() }
}

/// The one of two that there are most of; the first, of as many.
fn most(of: [u64; 2], count: impl Fn(u64) -> usize) -> u64 {
    let [first, second] = of;
    if count(second) > count(first) { second } else { first }
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
    pages.into_iter().filter_map(move |at| recognise(at, bytes.skip(at - start)?, places))
}

/// Takes the bytes at the start of a page for a pool when its header is consistent.
fn recognise<'d>(start: u64, bytes: Bytes<'d>, places: &Places) -> Option<Pool<'d>> {
    ALIGNMENTS.into_iter().find_map(|alignment| recognise_as(alignment, start, bytes, places))
}

/// A pool whose blocks are multiples of `alignment`: the last offset of a block fits one alignment only.
fn recognise_as<'d>(alignment: u64, start: u64, bytes: Bytes<'d>, places: &Places) -> Option<Pool<'d>> {
    let first = places.pool_header_size;
    let block_size = (u64::from(bytes.half(places.pool_size_class)?) + 1).checked_mul(alignment)?;
    let size = u64::from(bytes.half(places.pool_max_next_offset)?) + block_size;
    if block_size > 512 || !POOL_SIZES.contains(&size) || !start.is_multiple_of(size) || bytes.len() < size {
        return None;
    }
    let next = u64::from(bytes.half(places.pool_next_offset)?);
    let carved_bytes = next.checked_sub(first)?;
    let live = u64::from(bytes.half(places.pool_count)?);
    let carved = carved_bytes / block_size;
    let fits = carved_bytes % block_size == 0 && next <= size && live <= carved;
    let span = Span {
        allocator: Allocator::Pymalloc,
        start,
        len: size,
        first: start + first,
        block_size,
        carved,
        live,
        raw: false,
        blocks: bytes.skip(first)?,
        chains: [bytes.word(places.pool_free_block)?, 0],
        given_back: 0,
    };
    fits.then_some(Pool { span, alignment, arena: bytes.half(places.pool_arena_index)? })
}

/// The arenas that tables of arenas name, by rising address.
///
/// The tables themselves are pointed at by a static variable or by the state of an interpreter: both lie in
/// small pieces of memory, or at the start of large ones.
fn arenas(image: &Image<'_>, places: &Places, pools: &[Pool<'_>], size: u64) -> Vec<(u64, u64)> {
    /// Bytes of each piece that are looked at: the state of an interpreter takes some 100 KiB.
    const MAX_BYTES: u64 = 4 << 20;
    let mut found: FxHashMap<u64, u64> = FxHashMap::default();
    if pools.is_empty() || places.arena_object_size.is_none() {
        return Vec::new();
    }
    let in_pools = |address: u64| {
        let after = pools.partition_point(|pool| pool.span.start <= address);
        after.checked_sub(1).is_some_and(|at| address < pools[at].span.end())
    };
    let mut last = 0;
    for piece in image.pieces().iter().filter(|piece| piece.writable) {
        let end = piece.end().min(piece.start.saturating_add(MAX_BYTES));
        for (from, to) in image.data_within(piece.start, end) {
            let Some(bytes) = image.from(from) else { continue };
            for word in bytes.words(0, (to - from) / WORD) {
                // The same pointer often stands several times in a row.
                let is_new = word != last && word.is_multiple_of(TABLE_ALIGNMENT) && word >= POOL_SIZES[0];
                if is_new && !in_pools(word) {
                    last = word;
                    found.extend(
                        table_at(image, places, pools, word, size).map(|arena| (arena, arena + size)),
                    );
                }
            }
        }
    }
    let mut arenas: Vec<(u64, u64)> = found.into_iter().collect();
    arenas.sort_unstable();
    arenas.dedup_by(|next, before| next.0 < before.1);
    arenas
}

/// The arenas of a table at `address`: none unless there are pools in its first arenas that name their records.
fn table_at(
    image: &Image<'_>,
    places: &Places,
    pools: &[Pool<'_>],
    address: u64,
    size: u64,
) -> impl Iterator<Item = u64> + use<> {
    /// As many arenas of a mebibyte are a tebibyte.
    const MAX_ARENAS: u64 = 1 << 20;
    /// Among this many records of a table is one whose arena has pools.
    const FIRST: u64 = 16;
    let mut arenas = Vec::new();
    let mut confirmed = false;
    for index in 0..MAX_ARENAS {
        let Some((arena, total)) = record(image, places, address, index) else { break };
        // A record whose arena was given back is kept.
        if arena != 0 {
            let first = pools.partition_point(|pool| pool.span.start < arena);
            let there =
                || pools[first..].iter().take_while(|pool| pool.span.end() <= arena.saturating_add(size));
            let fits = arena.is_multiple_of(POOL_SIZES[0])
                && (POOLS_PER_ARENA - 1..=POOLS_PER_ARENA).contains(&total)
                && there().all(|pool| u64::from(pool.arena) == index);
            if !fits {
                break;
            }
            confirmed |= there().next().is_some();
            arenas.push(arena);
        }
        if total > POOLS_PER_ARENA || index >= FIRST && !confirmed {
            break;
        }
    }
    arenas.truncate(if confirmed { arenas.len() } else { 0 });
    arenas.into_iter()
}

/// Address and number of pools of the arena that a record in a table of arenas is about.
fn record(image: &Image<'_>, places: &Places, table: u64, index: u64) -> Option<(u64, u64)> {
    let record = image.from(table.checked_add(index.checked_mul(places.arena_object_size?)?)?)?;
    Some((record.word(places.arena_address?)?, u64::from(record.half(places.arena_total_pools?)?)))
}
