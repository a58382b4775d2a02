//! Which dumped byte belongs to whom.

use pycoroner_coredump::Core;

use crate::document::LedgerRow;
use crate::heap::Heap;

/// Partitions the file sizes of all segments; the rows add up to them exactly.
pub(crate) fn partition(heap: &Heap<'_, '_>) -> Vec<LedgerRow> {
    let core: &Core<'_> = heap.runtime.process().core();
    let pools = heap.objects.pools;
    let outside = covered_outside_pools(heap);
    let mut modules = 0u64;
    let mut anonymous = 0u64;
    let (mut stacks, mut lost) = (0u64, 0u64);
    let mut claimed = Claimed::new(heap.objects.pool_ranges().chain(outside.iter().copied()));
    for segment in core.segments() {
        lost += segment.dumped - segment.present;
        let end = segment.address.0.saturating_add(segment.present);
        let rest = segment.present - claimed.within(segment.address.0, end);
        let is_stack =
            core.notes().threads.iter().any(|thread| {
                stack_pointer(core, thread).is_some_and(|at| segment.address.0 <= at && at < end)
            });
        let is_file = core.notes().files.iter().any(|file| {
            file.start.0 < segment.address.0.saturating_add(segment.len) && segment.address.0 < file.end.0
        });
        match (is_stack, is_file) {
            (true, _) => stacks += rest,
            (false, true) => modules += rest,
            (false, false) => anonymous += rest,
        }
    }
    let large: u64 = outside.iter().map(|(start, end)| end - start).sum();
    let rows = [
        ("python-objects", pools.object_bytes + large),
        ("python-buffers", pools.raw_bytes),
        ("pymalloc-free", pools.bytes - pools.object_bytes - pools.raw_bytes),
        ("stacks", stacks),
        ("modules", modules),
        ("anonymous", anonymous),
        ("truncated", lost),
    ];
    rows.into_iter()
        .map(|(owner, bytes)| LedgerRow { owner: owner.into(), bytes })
        .filter(|row| row.bytes > 0)
        .collect()
}

fn stack_pointer(core: &Core<'_>, thread: &pycoroner_coredump::ThreadStatus) -> Option<u64> {
    let register = match core.machine() {
        pycoroner_coredump::Machine::X86_64 => 19,
        pycoroner_coredump::Machine::Aarch64 => 31,
        pycoroner_coredump::Machine::Other(_) => return None,
    };
    thread.registers.get(register).copied()
}

/// Runs of present bytes outside of pools that objects and their buffers take, merged, by address.
fn covered_outside_pools(heap: &Heap<'_, '_>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = heap.large.clone();
    ranges.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (start, end) in ranges {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    let mut pools = Claimed::new(heap.objects.pool_ranges());
    let mut out = Vec::new();
    for (start, end) in merged {
        for piece in heap.reader.image.pieces_within(start, end) {
            pools.subtract(piece, &mut out);
        }
    }
    out
}

/// Sorted ranges without overlap.
struct Claimed(Vec<(u64, u64)>);

impl Claimed {
    fn new(ranges: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut ranges: Vec<_> = ranges.collect();
        ranges.sort_unstable();
        Self(ranges)
    }

    fn overlapping(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let first = self.0.partition_point(move |range| range.1 <= start);
        self.0[first..].iter().copied().take_while(move |range| range.0 < end)
    }

    /// How many bytes of a range are claimed.
    fn within(&mut self, start: u64, end: u64) -> u64 {
        self.overlapping(start, end).map(|range| range.1.min(end) - range.0.max(start)).sum()
    }

    /// Adds the parts of `range` that are not claimed to `out`.
    fn subtract(&mut self, range: (u64, u64), out: &mut Vec<(u64, u64)>) {
        let mut start = range.0;
        for claimed in self.overlapping(range.0, range.1) {
            if claimed.0 > start {
                out.push((start, claimed.0));
            }
            start = start.max(claimed.1);
        }
        if start < range.1 {
            out.push((start, range.1));
        }
    }
}
