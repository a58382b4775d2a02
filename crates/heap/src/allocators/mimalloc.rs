//! mimalloc: segments of 32 MiB or more in slices of 64 KiB; some slices are a page, which serves blocks of one size.
//!
//! A segment is told by its cookie: exclusive-ored with the segment's address it gives the same secret number for
//! all segments of a process (`_mi_ptr_cookie`, Include/internal/mimalloc/mimalloc/internal.h at v3.13.5). What its
//! pages are for is written in them: each thread has one heap for memory, one for objects without the collector's
//! care, and two for those with it, without and with words in front of them (`_Py_mimalloc_heap_id`).

use rustc_hash::{FxHashMap, FxHashSet};

use crate::allocators::{Allocator, Blocks, Span};
use crate::memory::image::{Bytes, Image, WORD};
use crate::memory::places::{BitField, Places};

/// Segments are aligned to this (`MI_SEGMENT_SIZE`).
const SEGMENT_ALIGNMENT: u64 = 32 << 20;
/// `MI_SEGMENT_SLICE_SIZE`.
const SLICE: u64 = 64 << 10;
/// `MI_SLICES_PER_SEGMENT`.
const MAX_ENTRIES: u64 = SEGMENT_ALIGNMENT / SLICE;
/// `_Py_MIMALLOC_HEAP_MEM`: what objects own.
const TAG_MEMORY: u64 = 0;
/// Most blocks on one chain of delayed frees.
const MAX_DELAYED: usize = 1 << 24;

/// Where mimalloc's records have their members.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records {
    cookie: u64,
    info_slices: u64,
    slice_count: u64,
    entries: u64,
    slices: u64,
    page_size: u64,
    page_slice_count: u64,
    page_slice_offset: u64,
    capacity: u64,
    free: u64,
    local_free: u64,
    thread_free: u64,
    used: u64,
    heap: u64,
    delayed_free: u64,
    shape: PageShape,
}

/// What changed in pages between versions.
#[derive(Clone, Copy, Debug)]
enum PageShape {
    /// 3.13: half words; where the blocks start follows from their size.
    Computed { tag: BitField, block_size: u64 },
    /// 3.14 and later: the page says it.
    Stated { tag: u64, block_size: u64, start: u64 },
}

impl Records {
    /// Takes the places out of the layout; none when the build has no mimalloc that is known.
    pub(crate) fn of(places: &Places) -> Option<Self> {
        let shape = match (places.mimalloc_page_tag, places.mimalloc_page_block_size) {
            (Some(tag), Some(block_size)) => PageShape::Computed { tag, block_size },
            _ => PageShape::Stated {
                tag: places.mimalloc_page_heap_tag?,
                block_size: places.mimalloc_page_block_size_word?,
                start: places.mimalloc_page_start?,
            },
        };
        Some(Self {
            cookie: places.mimalloc_segment_cookie?,
            info_slices: places.mimalloc_segment_info_slices?,
            slice_count: places.mimalloc_segment_slice_count?,
            entries: places.mimalloc_segment_entries?,
            slices: places.mimalloc_segment_slices?,
            page_size: places.mimalloc_page_size?,
            page_slice_count: places.mimalloc_page_slice_count?,
            page_slice_offset: places.mimalloc_page_slice_offset?,
            capacity: places.mimalloc_page_capacity?,
            free: places.mimalloc_page_free?,
            local_free: places.mimalloc_page_local_free?,
            thread_free: places.mimalloc_page_thread_free?,
            used: places.mimalloc_page_used?,
            heap: places.mimalloc_page_heap?,
            delayed_free: places.mimalloc_heap_delayed_free?,
            shape,
        })
    }
}

/// Adds mimalloc's segments and pages to `blocks`.
pub(crate) fn find<'d>(image: &Image<'d>, records: &Records, blocks: &mut Blocks<'d>) {
    let mut heaps: FxHashSet<u64> = FxHashSet::default();
    for segment in segments(image, records) {
        blocks.segments.push((segment.start, segment.end));
        for page in pages(&segment, records) {
            heaps.extend(page.heap);
            blocks.spans.extend(page.span.filter(|span| span.live > 0));
        }
    }
    let mut delayed: Vec<u64> = heaps.into_iter().flat_map(|heap| delayed(image, heap, records)).collect();
    delayed.sort_unstable();
    blocks.delayed = delayed;
}

/// A segment as its header describes it.
struct Segment<'d> {
    start: u64,
    end: u64,
    bytes: Bytes<'d>,
    entries: u64,
}

/// All segments, by rising address.
fn segments<'d>(image: &Image<'d>, records: &Records) -> Vec<Segment<'d>> {
    let mut found = Vec::new();
    for piece in image.pieces().iter().filter(|piece| piece.writable) {
        let mut at = piece.start.checked_next_multiple_of(SEGMENT_ALIGNMENT);
        while let Some(start) = at.filter(|&start| start < piece.end()) {
            found.extend(
                piece.bytes.skip(start - piece.start).and_then(|bytes| recognise(start, bytes, records)),
            );
            at = start.checked_add(SEGMENT_ALIGNMENT);
        }
    }
    let secret = |segment: &Segment<'_>| segment.bytes.word(records.cookie).unwrap_or(0) ^ segment.start;
    let mut votes: FxHashMap<u64, usize> = FxHashMap::default();
    for segment in &found {
        *votes.entry(secret(segment)).or_default() += 1;
    }
    let elected = votes.into_iter().max_by_key(|&(secret, votes)| (votes, secret)).map(|(secret, _)| secret);
    found.retain(|segment| Some(secret(segment)) == elected);
    found
}

/// Takes what stands at an aligned address for a segment when its header is consistent.
fn recognise<'d>(start: u64, bytes: Bytes<'d>, records: &Records) -> Option<Segment<'d>> {
    /// Slices that the header takes, with room for guard pages.
    const MAX_INFO_SLICES: u64 = 8;
    let (slices, entries) = (bytes.word(records.slice_count)?, bytes.word(records.entries)?);
    let info = bytes.word(records.info_slices)?;
    let fits = (1..=MAX_INFO_SLICES).contains(&info)
        && (info..=MAX_ENTRIES).contains(&entries)
        && slices >= entries
        && bytes.word(records.cookie)? != 0
        && u64::from(bytes.half(records.slices + records.page_slice_count)?) == info;
    let end = start.checked_add(slices.checked_mul(SLICE)?)?;
    fits.then_some(Segment { start, end, bytes, entries })
}

/// A page: its blocks, and the heap that it belongs to.
struct Page<'d> {
    span: Option<Span<'d>>,
    heap: Option<u64>,
}

/// The pages of a segment that hold blocks.
fn pages<'d>(segment: &Segment<'d>, records: &Records) -> Vec<Page<'d>> {
    let mut pages = Vec::new();
    let mut index = 0;
    while index < segment.entries {
        let offset = records.slices + index * records.page_size;
        let Some(page) = segment.bytes.skip(offset) else { break };
        let count = page.half(records.page_slice_count).map_or(0, u64::from);
        // The first slices hold the header itself.
        if index > 0 && page.half(records.page_slice_offset) == Some(0) && count > 0 {
            let heap = page.word(records.heap).filter(|&heap| heap != 0);
            pages.push(Page { span: span(segment, index, count, page, records), heap });
        }
        index += count.max(1);
    }
    pages
}

/// The blocks of a page; none when no blocks were carved, or the page contradicts itself.
fn span<'d>(
    segment: &Segment<'d>,
    index: u64,
    slices: u64,
    page: Bytes<'d>,
    records: &Records,
) -> Option<Span<'d>> {
    let start = segment.start.checked_add(index * SLICE)?;
    let len = slices.checked_mul(SLICE)?.min(segment.end.checked_sub(start)?);
    let (tag, block_size, first, used) = match records.shape {
        PageShape::Computed { tag, block_size } => {
            let size = u64::from(page.half(block_size)?);
            let live = u64::from(page.half(records.used)?);
            (u64::from(tag.of(page)?), size, start.checked_add(first_offset(size))?, live)
        }
        PageShape::Stated { tag, block_size, start } => {
            let live = u64::from(page.pair(records.used)?);
            (u64::from(page.byte(tag)?), page.word(block_size)?, page.word(start)?, live)
        }
    };
    let carved = u64::from(page.pair(records.capacity)?);
    let into = first.checked_sub(start)?;
    let fits = (WORD..1 << 32).contains(&block_size)
        && carved > 0
        && carved.checked_mul(block_size)? <= len.checked_sub(into)?
        && used <= carved;
    fits.then_some(Span {
        allocator: Allocator::Mimalloc,
        start,
        len,
        first,
        block_size,
        carved,
        live: used,
        raw: tag == TAG_MEMORY,
        blocks: segment.bytes.skip(first.checked_sub(segment.start)?)?,
        chains: [page.word(records.free)?, page.word(records.local_free)?],
        // The two lowest bits say whether more may be added.
        given_back: page.word(records.thread_free)? & !3,
    })
}

/// How far into a page its blocks start (`_mi_segment_page_start_from_slice`, Objects/mimalloc/segment.c at v3.13.5).
fn first_offset(block_size: u64) -> u64 {
    match block_size {
        WORD..=64 => 3 * block_size,
        65..=512 => block_size,
        _ => 0,
    }
}

/// Blocks of full pages that other threads gave back: a chain in the heap.
fn delayed(image: &Image<'_>, heap: u64, records: &Records) -> Vec<u64> {
    let mut found = Vec::new();
    let mut at = image.word(heap.wrapping_add(records.delayed_free)).unwrap_or(0);
    while at != 0 && at.is_multiple_of(WORD) && found.len() < MAX_DELAYED {
        found.push(at);
        at = image.word(at).unwrap_or(0);
    }
    found
}
