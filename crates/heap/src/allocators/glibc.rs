//! glibc's malloc: heaps that are chains of chunks, told by walking them; the chain must end where the heap ends.
//!
//! A chunk begins with the size of the one before (when that is free) and its own size, with flags in the three
//! lowest bits (malloc/malloc.c at glibc-2.36, `struct malloc_chunk`). Chunks on a thread's cache and in fast bins
//! look as if they were in use: the chains that name them are found by their shape as well.

use rustc_hash::FxHashSet;

use crate::memory::image::{Bytes, Image, Piece, WORD};

/// A run of addresses that malloc has cut into chunks.
#[derive(Debug)]
pub(crate) struct Run {
    /// First address and end.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// By rising address: where a chunk starts, with what it is in the lowest bits.
    chunks: Vec<u64>,
}

/// What a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Somebody has it.
    Used,
    /// It can be handed out again.
    Free,
    /// What is left at the end of a heap.
    Top,
}

/// A piece of memory that malloc handed out or keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) used: Use,
}

/// What malloc has of the process.
#[derive(Debug, Default)]
pub(crate) struct Malloc {
    /// By rising address.
    pub(crate) runs: Vec<Run>,
    /// Where a chain of chunks breaks that was whole for long: something wrote over it.
    pub(crate) broken: Vec<u64>,
}

/// Bytes in front of what malloc hands out.
pub(crate) const HEADER: u64 = 2 * WORD;
/// `MINSIZE`, and what chunks are aligned to.
const MIN_CHUNK: u64 = 32;
const ALIGNMENT: u64 = 16;
/// Flags in a chunk's size: the one before is in use; it is a mapping of its own; it is of another arena.
const PREVIOUS_IN_USE: u64 = 1;
const MAPPED: u64 = 2;
const FLAGS: u64 = 7;
/// Heaps of arenas other than the main one are aligned to this (`HEAP_MAX_SIZE`).
const ARENA_ALIGNMENT: u64 = 64 << 20;
const PAGE: u64 = 4096;
/// Fewer chunks than this may be chance.
const LEAST_CHUNKS: usize = 8;

impl Run {
    /// All chunks.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = Chunk> + '_ {
        let ends = self.chunks.iter().skip(1).map(|&next| next & !FLAGS).chain([self.end]);
        self.chunks.iter().zip(ends).map(|(&chunk, end)| Chunk {
            start: chunk & !FLAGS,
            end,
            used: match chunk & FLAGS {
                0 => Use::Used,
                1 => Use::Free,
                _ => Use::Top,
            },
        })
    }

    fn position(&self, start: u64) -> Option<usize> {
        self.chunks.binary_search_by_key(&start, |&chunk| chunk & !FLAGS).ok()
    }
}

/// Finds malloc's heaps; pieces that `taken` says belong to somebody else are passed over.
pub(crate) fn find(image: &Image<'_>, taken: impl Fn(u64) -> bool) -> Malloc {
    let mut malloc = Malloc::default();
    for piece in image.pieces().iter().filter(|piece| piece.writable && piece.bytes.len() >= PAGE) {
        if taken(piece.start) {
            continue;
        }
        let start = first_chunk(piece);
        match start.and_then(|start| walk(piece, start, piece.end(), &mut malloc.broken)) {
            Some(run) => malloc.runs.push(run),
            None => mapped_chunks(piece, &taken, &mut malloc.runs),
        }
    }
    malloc.runs.sort_by_key(|run| run.start);
    malloc.mark_cached(image);
    malloc
}

/// Where the chunks of a piece start, if it looks like a heap: behind the headers of an arena, or at its start.
fn first_chunk(piece: &Piece<'_>) -> Option<u64> {
    /// `struct heap_info` and `struct malloc_state` together are smaller.
    const MAX_HEADERS: u64 = 4096;
    let whole = |start: &u64| {
        let mut at = *start;
        for _ in 0..LEAST_CHUNKS {
            match next_chunk(piece, at, piece.end()) {
                Some(next) if next == piece.end() => return true,
                Some(next) => at = next,
                None => return false,
            }
        }
        true
    };
    let is_arena = piece.start.is_multiple_of(ARENA_ALIGNMENT) && {
        let arena = piece.bytes.word(0).unwrap_or(0);
        arena != 0 && arena % ARENA_ALIGNMENT < PAGE || piece.bytes.word(2 * WORD) == Some(piece.bytes.len())
    };
    if is_arena {
        let starts = (piece.start + 2 * ALIGNMENT..piece.start + MAX_HEADERS).step_by(ALIGNMENT as usize);
        return starts.into_iter().find(whole);
    }
    Some(piece.start).filter(|start| start.is_multiple_of(ALIGNMENT)).filter(whole)
}

/// The chunk behind the one at `at`; none when what stands there is no chunk, or one that is not dumped whole.
fn next_chunk(piece: &Piece<'_>, at: u64, end: u64) -> Option<u64> {
    stated_end(piece, at).filter(|&next| next <= end)
}

/// Where the chunk at `at` says that it ends; none when what stands there is no chunk.
fn stated_end(piece: &Piece<'_>, at: u64) -> Option<u64> {
    /// A chunk of a heap is smaller.
    const MAX_CHUNK: u64 = 1 << 40;
    let stated = piece.bytes.word(at.checked_sub(piece.start)?.checked_add(WORD)?)?;
    let size = stated & !FLAGS;
    let fits = (MIN_CHUNK..MAX_CHUNK).contains(&size) && size.is_multiple_of(ALIGNMENT);
    at.checked_add(size).filter(|_| fits && stated & MAPPED == 0)
}

/// Follows the chunks from `start` to `end`.
fn walk(piece: &Piece<'_>, start: u64, end: u64, broken: &mut Vec<u64>) -> Option<Run> {
    let mut chunks: Vec<u64> = Vec::new();
    let mut at = start;
    while at < end {
        let Some(next) = next_chunk(piece, at, end) else {
            // The last chunks of a heap that can grow no further are fences, smaller than any chunk.
            if end - at > 2 * MIN_CHUNK {
                if chunks.len() < LEAST_CHUNKS * LEAST_CHUNKS {
                    return None;
                }
                // What follows may only not be dumped, as is much of what was never written to.
                broken.extend(stated_end(piece, at).is_none().then_some(at));
            }
            break;
        };
        let in_use =
            piece.bytes.word(next - piece.start + WORD).is_none_or(|size| size & PREVIOUS_IN_USE != 0);
        chunks.push(at | if next == end { 2 } else { u64::from(!in_use) });
        at = next;
    }
    (chunks.len() >= 2).then_some(Run { start, end: at, chunks })
}

/// Chunks that are mappings of their own: page-aligned, with a size in whole pages, one behind another.
fn mapped_chunks(piece: &Piece<'_>, taken: &impl Fn(u64) -> bool, runs: &mut Vec<Run>) {
    let mut at = piece.start.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
    while at < piece.end() && !taken(at) {
        let Some(bytes) = piece.bytes.skip(at - piece.start) else { break };
        let (Some(before), Some(stated)) = (bytes.word(0), bytes.word(WORD)) else { break };
        let size = stated & !FLAGS;
        let fits = before == 0 && stated & FLAGS == MAPPED && size.is_multiple_of(PAGE) && size > 0;
        let Some(end) = at.checked_add(size).filter(|&end| fits && end <= piece.end()) else { break };
        runs.push(Run { start: at, end, chunks: vec![at] });
        at = end;
    }
}

impl Malloc {
    /// Marks what lies in threads' caches and in fast bins as free.
    fn mark_cached(&mut self, image: &Image<'_>) {
        let mut cached: FxHashSet<u64> = FxHashSet::default();
        for run in &self.runs {
            for chunk in run.chunks().filter(|chunk| chunk.used == Use::Used) {
                if let Some(cache) = Cache::of_size(chunk.end - chunk.start)
                    && let Some(bytes) = image.from(chunk.start + HEADER)
                {
                    cached.extend(self.cached_by(cache, bytes, image).unwrap_or_default());
                }
            }
        }
        cached.extend(self.fast(image));
        for run in &mut self.runs {
            for chunk in &mut run.chunks {
                if *chunk & FLAGS == 0 && cached.contains(chunk) {
                    *chunk |= 1;
                }
            }
        }
    }

    /// The chunks on the chains of what may be a thread's cache; none when a chain is not one.
    fn cached_by(&self, cache: Cache, bytes: Bytes<'_>, image: &Image<'_>) -> Option<Vec<u64>> {
        let mut found = Vec::new();
        for bin in 0..cache.bins {
            let head = bytes.word(cache.entries + bin * WORD)?;
            // Bins behind these hold chunks of several sizes (glibc 2.42).
            let size = (bin < 64).then(|| MIN_CHUNK + bin * ALIGNMENT);
            self.follow(head, size, HEADER, image, &mut found)?;
        }
        Some(found)
    }

    /// Follows a chain of free chunks, whose links are exclusive-ored with their own address since glibc 2.32.
    fn follow(
        &self,
        head: u64,
        size: Option<u64>,
        into: u64,
        image: &Image<'_>,
        found: &mut Vec<u64>,
    ) -> Option<()> {
        /// Caches hold seven of a size unless told otherwise; fast bins grow.
        const MAX_LENGTH: usize = 1 << 20;
        let mut at = head;
        for _ in 0..MAX_LENGTH {
            if at == 0 {
                return Some(());
            }
            let chunk = at.checked_sub(into)?;
            let run = &self.runs[self.runs.partition_point(|run| run.start <= chunk).checked_sub(1)?];
            let position = run.position(chunk)?;
            let end = run.chunks.get(position + 1).map_or(run.end, |&next| next & !FLAGS);
            if size.is_some_and(|size| end - chunk != size) {
                return None;
            }
            found.push(chunk);
            let link_at = at.checked_add(HEADER - into)?;
            let link = image.word(link_at)?;
            let plain = link == 0
                || link.is_multiple_of(ALIGNMENT) && self.position_of(link.wrapping_sub(into)).is_some();
            at = if plain { link } else { link ^ (link_at >> 12) };
        }
        None
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.chunks.capacity() as u64 * WORD).sum()
    }

    fn position_of(&self, chunk: u64) -> Option<usize> {
        let run = &self.runs[self.runs.partition_point(|run| run.start <= chunk).checked_sub(1)?];
        run.position(chunk)
    }

    /// Chunks in fast bins: ten heads of chains right before the address of a heap's top (`struct malloc_state`).
    fn fast(&self, image: &Image<'_>) -> Vec<u64> {
        const BINS: u64 = 10;
        /// The state lies in the data of the C library, or at the start of a heap.
        const MAX_BYTES: u64 = 1 << 20;
        let tops: FxHashSet<u64> = self
            .runs
            .iter()
            .flat_map(|run| run.chunks().filter(|chunk| chunk.used == Use::Top).map(|chunk| chunk.start))
            .collect();
        let mut found = Vec::new();
        for piece in image.pieces().iter().filter(|piece| piece.writable) {
            let words = piece.bytes.words(0, piece.bytes.len().min(MAX_BYTES) / WORD);
            for (number, _) in (0u64..).zip(words).filter(|(_, word)| tops.contains(word)) {
                let Some(bins) = number.checked_sub(BINS).and_then(|at| piece.bytes.skip(at * WORD)) else {
                    continue;
                };
                let mut chains = Vec::new();
                let all = (0..BINS).try_for_each(|bin| {
                    self.follow(
                        bins.word(bin * WORD)?,
                        Some(MIN_CHUNK + bin * ALIGNMENT),
                        0,
                        image,
                        &mut chains,
                    )
                });
                found.extend(all.map(|()| chains).unwrap_or_default());
            }
        }
        found
    }
}

/// The shape of a thread's cache (`tcache_perthread_struct`), by the size of its chunk.
#[derive(Clone, Copy, Debug)]
struct Cache {
    entries: u64,
    bins: u64,
}

impl Cache {
    fn of_size(chunk: u64) -> Option<Self> {
        match chunk {
            // Counts of a byte (up to 2.29), of two (up to 2.41), and more bins (from 2.42 on).
            0x250 => Some(Self { entries: 64, bins: 64 }),
            0x290 => Some(Self { entries: 128, bins: 64 }),
            0x300 | 0x310 => Some(Self { entries: 152, bins: 76 }),
            _ => None,
        }
    }
}
