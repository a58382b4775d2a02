//! Where Python's allocators have put blocks, told by the shape of their own records: no symbol is needed.

pub(crate) mod glibc;
pub(crate) mod index;
pub(crate) mod mimalloc;
pub(crate) mod pymalloc;

use crate::memory::image::{Bytes, Image};
use crate::memory::places::Places;

/// Who made a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allocator {
    /// Python's own (`Objects/obmalloc.c`).
    Pymalloc,
    /// The one of free-threaded builds, and of `PYTHONMALLOC=mimalloc`.
    Mimalloc,
}

/// A run of blocks of one size: a pool of pymalloc, a page of mimalloc.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'d> {
    pub(crate) allocator: Allocator,
    /// First address of the memory that the span takes, its records included.
    pub(crate) start: u64,
    /// Bytes of that memory.
    pub(crate) len: u64,
    /// Address of the first block.
    pub(crate) first: u64,
    /// Bytes of each block.
    pub(crate) block_size: u64,
    /// Blocks that are in use or on a chain of free ones.
    pub(crate) carved: u64,
    /// Blocks that are in use.
    pub(crate) live: u64,
    /// Whether it holds what objects own, and no objects.
    pub(crate) raw: bool,
    /// From the first block on.
    blocks: Bytes<'d>,
    /// Heads of the chains of free blocks.
    chains: [u64; 2],
    /// Head of the chain of blocks that other threads gave back, which still count as in use.
    given_back: u64,
}

/// A block in use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'d> {
    pub(crate) size: u64,
    pub(crate) bytes: Bytes<'d>,
    pub(crate) index: u64,
}

/// Which blocks of a span are free, one bit each; kept between spans so that none allocates.
#[derive(Debug, Default)]
pub(crate) struct FreeBlocks(Vec<u64>);

impl<'d> Span<'d> {
    /// The blocks in use, or `None` when the chains of free blocks contradict the span's numbers.
    pub(crate) fn live_blocks<'f>(
        &self,
        free: &'f mut FreeBlocks,
    ) -> Option<impl Iterator<Item = Block<'d>> + use<'d, 'f>> {
        free.0.clear();
        free.0.resize(self.carved.div_ceil(64) as usize, 0);
        let unused = self.mark(self.chains[0], free)? + self.mark(self.chains[1], free)?;
        if self.carved - unused != self.live {
            return None;
        }
        self.mark(self.given_back, free)?;
        let Self { blocks, block_size, carved, .. } = *self;
        let free = &free.0;
        let live = (0..carved).filter(move |&index| free[(index / 64) as usize] & 1 << (index % 64) == 0);
        Some(live.filter_map(move |index| {
            Some(Block { size: block_size, bytes: blocks.skip(index * block_size)?, index })
        }))
    }

    /// Marks the blocks of a chain and counts them.
    fn mark(&self, head: u64, free: &mut FreeBlocks) -> Option<u64> {
        let (mut at, mut count) = (head, 0);
        while at != 0 {
            let offset = at.checked_sub(self.first)?;
            let index = offset / self.block_size;
            if offset % self.block_size != 0 || index >= self.carved {
                return None;
            }
            let (word, bit) = ((index / 64) as usize, 1 << (index % 64));
            if free.0[word] & bit != 0 {
                return None;
            }
            free.0[word] |= bit;
            count += 1;
            at = self.blocks.word(offset)?;
        }
        Some(count)
    }

    /// One past the last address.
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

/// What an allocator has of the process.
#[derive(Debug, Default)]
pub(crate) struct Blocks<'d> {
    /// All spans with a block in use, by rising address.
    pub(crate) spans: Vec<Span<'d>>,
    /// First address and end of all that pymalloc got, by rising address: arenas.
    pub(crate) arenas: Vec<(u64, u64)>,
    /// First address and end of all that mimalloc got, by rising address: segments.
    pub(crate) segments: Vec<(u64, u64)>,
    /// Blocks that were given back but still count as in use.
    pub(crate) delayed: Vec<u64>,
}

/// Finds the blocks of all allocators.
pub(crate) fn find<'d>(image: &Image<'d>, places: &Places) -> Blocks<'d> {
    let mut blocks = pymalloc::find(image, places);
    if let Some(mimalloc) = mimalloc::Records::of(places) {
        mimalloc::find(image, &mimalloc, &mut blocks);
    }
    blocks.spans.sort_by_key(|span| span.start);
    // Two claims to the same bytes cannot both be right: the earlier one stands.
    let mut end = 0;
    blocks.spans.retain(|span| {
        let apart = span.start >= end;
        end = if apart { span.end() } else { end };
        apart
    });
    blocks
}

/// Whether most blocks begin as debug hooks mark them (`PYTHONMALLOC=debug`): 8 bytes of size, a letter for
/// the domain, 7 bytes of 0xFD (Objects/obmalloc.c, `_PyMem_DebugRawAlloc` at v3.13.0).
pub(crate) fn has_debug_hooks(spans: &[Span<'_>]) -> bool {
    let mut free = FreeBlocks::default();
    let (mut marked, mut all) = (0, 0);
    for span in spans.iter().step_by(spans.len().div_ceil(64).max(1)) {
        let Some(blocks) = span.live_blocks(&mut free) else { continue };
        for block in blocks {
            all += 1;
            marked += u64::from(is_marked(block.bytes));
        }
    }
    marked > all / 2
}

/// Whether a block begins as debug hooks mark one.
pub(crate) fn is_marked(block: Bytes<'_>) -> bool {
    /// `FORBIDDENBYTE` of Objects/obmalloc.c at v3.8.18 and at v3.6.15.
    const MARKS: [[u8; 7]; 2] = [[0xfd; 7], [0xfb; 7]];
    let head = block.as_slice();
    matches!(head.get(8), Some(b'o' | b'm' | b'r'))
        && head.get(9..16).is_some_and(|bytes| MARKS.iter().any(|mark| bytes == mark))
}

/// Bytes that debug hooks put in front of a block's content; half as many follow it.
pub(crate) const DEBUG_PREFIX: u64 = 16;
