//! Which object starts at an address, for all that lie in blocks of spans.
//!
//! The index answers from three bits per block, so that it stays in the processor's cache: graph passes are
//! bound by gathers, not by reading.

use crate::allocators::{Allocator, Block, FreeBlocks, Span};

/// What is known of an allocator's blocks as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Number of spans with a block in use.
    pub(crate) spans: u64,
    /// Bytes of blocks in use that hold objects.
    pub(crate) object_bytes: u64,
    /// Bytes of blocks in use that hold something else, mostly what objects own.
    pub(crate) raw_bytes: u64,
    /// Spans whose chains of free blocks contradict their numbers; their blocks are not used.
    pub(crate) broken: u64,
}

/// Which object starts at an address, for all that lie in blocks.
#[derive(Debug, Default)]
pub(crate) struct BlockIndex {
    regions: Vec<Region>,
    /// By region and slot in it: number of the span there, or [`NO_SPAN`].
    slots: Vec<u32>,
    spans: Vec<IndexedSpan>,
    groups: Vec<Group>,
    /// Bytes of a slot: the least size of a span.
    slot_size: u64,
    /// Bytes that debug hooks put in front of each block's content.
    prefix: u64,
    /// What objects start at in their blocks: none, one or two of these.
    start_unit: u64,
    objects: u32,
}

const NO_SPAN: u32 = u32::MAX;

/// A run of addresses that holds spans.
#[derive(Clone, Copy, Debug)]
struct Region {
    start: u64,
    end: u64,
    first_slot: u32,
}

#[derive(Clone, Copy, Debug)]
struct IndexedSpan {
    /// Address of the first block.
    first: u64,
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
    /// It lies in a span, but no object starts there.
    NoObject,
    /// It lies in no span.
    Outside,
}

impl BlockIndex {
    /// Indexes `spans`; `starts` says how many bytes into a live block's content an object starts, if one does: none, one
    /// or two times `start_unit`.
    /// Blocks at the addresses of `delayed`, which rise, are free although they count as in use.
    pub(crate) fn build<'d>(
        spans: &[Span<'d>],
        delayed: &[u64],
        prefix: u64,
        start_unit: u64,
        mut starts: impl FnMut(Block<'d>) -> Option<u64>,
    ) -> (Self, [Totals; 2]) {
        let slot_size = spans.iter().map(|span| span.len).min().unwrap_or(1).max(1);
        let mut index = Self { slot_size, prefix, start_unit, ..Self::default() };
        let mut totals = [Totals::default(); 2];
        let mut free = FreeBlocks::default();
        for span in spans {
            index.add_slots(span);
            let first_group = index.groups.len();
            index.spans.push(IndexedSpan {
                first: span.first,
                first_group: first_group as u32,
                block_size: span.block_size as u32,
            });
            index.groups.resize(first_group + span.carved.div_ceil(64) as usize, Group::default());
            let totals = &mut totals[usize::from(span.allocator == Allocator::Mimalloc)];
            totals.spans += 1;
            let Some(blocks) = span.live_blocks(&mut free) else {
                totals.broken += 1;
                continue;
            };
            let in_use = blocks
                .filter(|block| delayed.is_empty() || delayed.binary_search(&block.bytes.start()).is_err());
            if span.raw {
                totals.raw_bytes += in_use.map(|block| block.size).sum::<u64>();
            } else {
                index.add_blocks(first_group, in_use, totals, &mut starts);
            }
        }
        index.number_objects();
        (index, totals)
    }

    fn add_blocks<'d>(
        &mut self,
        first_group: usize,
        blocks: impl Iterator<Item = Block<'d>>,
        totals: &mut Totals,
        starts: &mut impl FnMut(Block<'d>) -> Option<u64>,
    ) {
        for block in blocks {
            let Some(code) =
                content(block, self.prefix).and_then(&mut *starts).and_then(|start| self.code_of(start))
            else {
                totals.raw_bytes += block.size;
                continue;
            };
            totals.object_bytes += block.size;
            let group = &mut self.groups[first_group + block.index as usize / 64];
            group.low |= (code & 1) << (block.index % 64);
            group.high |= (code >> 1) << (block.index % 64);
        }
    }

    fn add_slots(&mut self, span: &Span<'_>) {
        // A hole of more slots than this costs more to index than a region of its own.
        const MAX_HOLE: u64 = 64;
        let number = self.spans.len() as u32;
        let slots = span.len.div_ceil(self.slot_size);
        let end = span.start + slots * self.slot_size;
        match self.regions.last_mut() {
            // Spans of different sizes may share a slot's worth of addresses only in a region of their own.
            Some(region)
                if span.start >= region.end
                    && span.start - region.end <= MAX_HOLE * self.slot_size
                    && (span.start - region.start).is_multiple_of(self.slot_size) =>
            {
                let holes = (span.start - region.end) / self.slot_size;
                self.slots.extend((0..holes).map(|_| NO_SPAN));
                region.end = end;
            }
            _ => {
                let first_slot = self.slots.len() as u32;
                self.regions.push(Region { start: span.start, end, first_slot });
            }
        }
        self.slots.extend((0..slots).map(|_| number));
    }

    fn number_objects(&mut self) {
        for group in &mut self.groups {
            group.first_id = self.objects;
            self.objects += (group.low | group.high).count_ones();
        }
    }

    /// Number of objects in blocks.
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
        let slot = (address - region.start) / self.slot_size;
        let number = self.slots[region.first_slot as usize + slot as usize];
        if number == NO_SPAN {
            return Found::Outside;
        }
        let span = self.spans[number as usize];
        let Some(offset) = address.checked_sub(span.first + self.prefix) else { return Found::NoObject };
        let (block, start) = (offset as u32 / span.block_size, offset as u32 % span.block_size);
        let at = span.first_group as usize + block as usize / 64;
        if at >= self.group_end(number as usize) {
            return Found::NoObject;
        }
        let (group, bit) = (self.groups[at], block % 64);
        let code = (group.low >> bit & 1) | (group.high >> bit & 1) << 1;
        if code == 0 || self.start_of(code) != u64::from(start) {
            return Found::NoObject;
        }
        let below = (group.low | group.high) & ((1 << bit) - 1);
        Found::Object(group.first_id + below.count_ones())
    }

    /// Codes 1 to 3 for objects that start no, one or two units into their block.
    fn code_of(&self, start: u64) -> Option<u64> {
        let units = start.checked_div(self.start_unit)?;
        (units < 3 && units * self.start_unit == start).then_some(units + 1)
    }

    fn start_of(&self, code: u64) -> u64 {
        (code - 1) * self.start_unit
    }

    /// One past the last group of a span.
    fn group_end(&self, span: usize) -> usize {
        self.spans.get(span + 1).map_or(self.groups.len(), |next| next.first_group as usize)
    }

    /// Addresses of all objects in blocks, in the order of their numbers.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = u64> + '_ {
        self.spans.iter().enumerate().flat_map(move |(number, &span)| {
            let groups = self.groups[span.first_group as usize..self.group_end(number)].iter().enumerate();
            groups.flat_map(move |(at, group)| {
                Bits(group.low | group.high).map(move |bit| {
                    let code = (group.low >> bit & 1) | (group.high >> bit & 1) << 1;
                    let block = at as u64 * 64 + u64::from(bit);
                    span.first + block * u64::from(span.block_size) + self.prefix + self.start_of(code)
                })
            })
        })
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> u64 {
        (self.slots.len() * 4 + self.spans.len() * 16 + self.groups.len() * 24) as u64
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
