//! Which dumped byte belongs to whom.

use pycoroner_coredump::{Core, Segment, ThreadStatus};

use crate::allocators::Allocator;
use crate::allocators::glibc::{Run, Use};
use crate::answers::claims::Claims;
use crate::answers::native_stacks::stack_pointer;
use crate::document::LedgerRow;
use crate::heap::Heap;

/// Partitions the file sizes of all segments; the rows add up to them exactly.
pub(crate) fn partition(heap: &Heap<'_, '_>) -> Vec<LedgerRow> {
    let core = heap.runtime.process().core();
    let present: Claims =
        core.segments().iter().map(|it| (it.address.0, it.address.0.saturating_add(it.present))).collect();
    let mut book = Book { unclaimed: present, rows: Vec::new() };
    blocks(heap, &mut book);
    book.row("python-objects", &heap.large.iter().copied().collect());
    chunks(heap, &mut book);
    book.row("mimalloc-free", &reserved(heap));
    book.row("stacks", &stacks(core));
    book.row("modules", &files(heap, true));
    book.row("file-mappings", &files(heap, false));
    let large = large_regions(core, &book.unclaimed);
    book.row("large-anonymous", &large);
    let rest = book.unclaimed.bytes();
    book.add("anonymous", rest);
    // Segments that share addresses are dumped twice.
    let dumped: u64 = core.segments().iter().map(|segment| segment.dumped).fold(0, u64::saturating_add);
    let cut = core.segments().iter().map(|segment| segment.dumped - segment.present).sum();
    book.add("truncated", cut);
    let said: u64 = book.rows.iter().map(|row| row.bytes).sum();
    book.add("overlapping", dumped.saturating_sub(said));
    book.rows.retain(|row| row.bytes > 0);
    book.rows
}

/// The bytes that nobody has claimed yet, and who claimed the others.
struct Book {
    unclaimed: Claims,
    rows: Vec<LedgerRow>,
}

impl Book {
    /// Gives what is left of `claims` to `owner`.
    fn row(&mut self, owner: &str, claims: &Claims) {
        let bytes = self.take(claims);
        self.add(owner, bytes);
    }

    fn take(&mut self, claims: &Claims) -> u64 {
        let left = self.unclaimed.without(claims);
        let taken = self.unclaimed.bytes() - left.bytes();
        self.unclaimed = left;
        taken
    }

    fn add(&mut self, owner: &str, bytes: u64) {
        match self.rows.iter_mut().find(|row| row.owner == owner) {
            Some(row) => row.bytes += bytes,
            None => self.rows.push(LedgerRow { owner: owner.into(), bytes }),
        }
    }
}

/// Blocks in use, and the rest of what Python's allocators got.
fn blocks(heap: &Heap<'_, '_>, book: &mut Book) {
    for (allocator, free) in [(Allocator::Pymalloc, "pymalloc-free"), (Allocator::Mimalloc, "mimalloc-free")]
    {
        let totals = heap.objects.totals(allocator);
        let mut ground: Claims = heap.objects.grounds(allocator).iter().copied().collect();
        ground.join(&heap.objects.spans(allocator).collect());
        let all = book.take(&ground);
        let objects = totals.object_bytes.min(all);
        let buffers = totals.raw_bytes.min(all - objects);
        book.add("python-objects", objects);
        book.add("python-buffers", buffers);
        book.add(free, all - objects - buffers);
    }
}

/// What malloc has that no object owns.
fn chunks(heap: &Heap<'_, '_>, book: &mut Book) {
    for (owner, which) in [("malloc-free", Use::Free), ("malloc-top", Use::Top), ("malloc-used", Use::Used)] {
        let chunks = heap.objects.malloc.runs.iter().flat_map(Run::chunks);
        book.row(owner, &chunks.filter(|it| it.used == which).map(|it| (it.start, it.end)).collect());
    }
}

/// What mimalloc has reserved around its segments for more of them.
fn reserved(heap: &Heap<'_, '_>) -> Claims {
    let segments = heap.objects.grounds(Allocator::Mimalloc);
    let holds_one = |start: u64, end: u64| {
        let after = segments.partition_point(|segment| segment.0 < start);
        segments.get(after).is_some_and(|segment| segment.0 < end)
    };
    let pieces = heap.reader.image.pieces().iter().map(|piece| (piece.start, piece.end()));
    pieces.filter(|&(start, end)| holds_one(start, end)).collect()
}

/// What nobody claims of mappings of which much is left: buffers of native libraries, arenas of other allocators.
fn large_regions(core: &Core<'_>, unclaimed: &Claims) -> Claims {
    const LARGE: u64 = 32 << 20;
    let mapping = |segment: &Segment| -> Claims {
        let start = segment.address.0;
        std::iter::once((start, start.saturating_add(segment.present))).collect()
    };
    let left = |segment: &Segment| unclaimed.within(&mapping(segment));
    let mut large = Claims::default();
    // No more is left of a mapping than it has.
    for segment in core.segments().iter().filter(|segment| segment.present >= LARGE) {
        let left = left(segment);
        if left.bytes() >= LARGE {
            large.join(&left);
        }
    }
    large
}

/// The mappings that threads' stack pointers point into.
fn stacks(core: &Core<'_>) -> Claims {
    let around = |thread: &ThreadStatus| {
        let at = stack_pointer(core, thread)?;
        let segment = core.segment_at(pycoroner_coredump::Address(at))?;
        Some((segment.address.0, segment.address.0.saturating_add(segment.present)))
    };
    core.notes().threads.iter().filter_map(around).collect()
}

/// Mappings of files: of programs and libraries, or of others.
fn files(heap: &Heap<'_, '_>, programs: bool) -> Claims {
    let process = heap.runtime.process();
    let files = process.core().notes().files.iter();
    let is_program =
        |start| process.modules().any(|module| module.contains(pycoroner_coredump::Address(start)));
    files.filter(|file| is_program(file.start.0) == programs).map(|file| (file.start.0, file.end.0)).collect()
}
