//! Reads sources block by block, on one thread or several, with the same result.
//!
//! A thread takes the next block, looks at its lines by themselves ([`crate::analysis`]: most of the work), and takes it
//! in once all blocks before it were taken in. So blocks are taken in one by one, in the order of sources and bytes,
//! however many threads there are. Until it is a block's turn its thread goes on with further ones, a few of which it
//! holds: threads that slept and woke for each block would do little else.

mod turns;

use std::collections::VecDeque;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use pycoroner_findings::{SourceId, UtcTime};

use crate::analysis::{Analyst, Lines, Shape, Wanted};
use crate::backwards::{Backwards, Turned};
use crate::clock::Clock;
use crate::collector::Collector;
use crate::envelope::Wrapping;
use crate::header::NumberColumn;
use crate::input::{Input, Reader, Stretch};
use crate::lines::{Block, BlockSizes, Blocks, Buffer, without_ansi};
use crate::part::{LogPart, Plan, plan};
use crate::scan::Options;
use crate::scanner::is_document;
use turns::{Looked, Turns};

/// More threads than this only wait for each other.
const MAX_JOBS: usize = 16;
/// Blocks that each of several threads holds at most.
const MOST_HELD: usize = 4;

/// How to read; the result is the same for any way.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    /// Records that are only counted are summed up where that can be.
    pub(crate) sums_up: bool,
    /// Bytes of the first block, and of the others.
    pub(crate) blocks: BlockSizes,
}

impl Default for Way {
    fn default() -> Self {
        Self { sums_up: true, blocks: BlockSizes::default() }
    }
}

/// Reads all inputs to their ends.
pub(crate) fn read<'o>(inputs: Vec<Input<'_>>, collector: Collector<'o>, way: Way) -> Collector<'o> {
    let jobs = collector.options().jobs.clamp(1, MAX_JOBS);
    let templates = collector.options().templates;
    let wanted = Wanted { templates, runs: way.sums_up, writers: templates && collector.compares_writers() };
    let feed = Mutex::new(Feed::new(inputs, collector.options(), way.blocks));
    let turns = Turns::new(collector);
    if jobs == 1 {
        work(wanted, 1, &feed, &turns);
    } else {
        thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    let outcome =
                        panic::catch_unwind(AssertUnwindSafe(|| work(wanted, MOST_HELD, &feed, &turns)));
                    // The others must not wait for what this thread held.
                    outcome
                        .inspect_err(|_| turns.fail())
                        .unwrap_or_else(|failure| panic::resume_unwind(failure));
                });
            }
        });
    }
    turns.finish()
}

fn work(wanted: Wanted, most_held: usize, feed: &Mutex<Feed<'_, '_>>, turns: &Turns<'_>) {
    let mut buffers: Vec<Buffer> = Vec::new();
    buffers.resize_with(most_held, Buffer::default);
    let mut analyst = Analyst::new(wanted);
    let mut expected = [0; 5];
    let mut is_more = true;
    while is_more {
        let mut looked = VecDeque::with_capacity(most_held);
        for buffer in &mut buffers {
            let Some(piece) = lock(feed).next(buffer) else {
                is_more = false;
                break;
            };
            let bytes = piece.block.as_ref().map_or(&[][..], |block| buffer.block(block));
            let mut lines = Lines::with_capacity(expected);
            if let Some(block) = &piece.block {
                analyst.look(bytes, 0, block, piece.shape, &mut lines);
            }
            expected = lines.counts();
            looked.push_back(Looked { piece, bytes, lines });
            turns.take_next(&mut looked);
            // The first buffer is still in the processor's cache.
            if looked.is_empty() {
                break;
            }
        }
        is_more &= turns.take_all(looked);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One block, or the end of a source.
pub(crate) struct Piece {
    number: u64,
    /// Set in a source's first piece.
    pub(crate) start: Option<Start>,
    pub(crate) shape: Shape,
    pub(crate) block: Option<Block>,
    /// Set in a source's last piece, which has no block.
    pub(crate) end: Option<End>,
}

/// What is known of a source before it is read.
#[derive(Clone)]
pub(crate) struct Start {
    pub(crate) id: SourceId,
    pub(crate) path: String,
    pub(crate) modified: Option<UtcTime>,
    /// It belongs to the same log as the source before it.
    pub(crate) continues: bool,
    /// What the source before it left open goes on in it.
    pub(crate) carries_on: bool,
    /// The part that is read, if not all is.
    pub(crate) part: Option<LogPart>,
    /// Why all is read where a part would have done.
    pub(crate) whole_because: Option<&'static str>,
    /// It is read from its last line to its first.
    pub(crate) turned: Option<Turned>,
}

/// How the reading of a source ended.
pub(crate) struct End {
    /// Where the reading came to.
    pub(crate) offset: u64,
    pub(crate) error: Option<io::Error>,
}

/// Hands out the blocks of all inputs.
pub(crate) struct Feed<'i, 'o> {
    options: &'o Options,
    inputs: std::vec::IntoIter<Input<'i>>,
    current: Option<Current<'i>>,
    /// How the lines of the last source were wrapped.
    wrapping: Option<Wrapping>,
    /// The last source was read to its end.
    reaches_end: bool,
    pieces: u64,
    sizes: BlockSizes,
}

struct Current<'i> {
    blocks: Blocks<'i>,
    start: Option<Start>,
    shape: Shape,
}

impl<'i, 'o> Feed<'i, 'o> {
    pub(crate) fn new(inputs: Vec<Input<'i>>, options: &'o Options, sizes: BlockSizes) -> Self {
        let inputs = inputs.into_iter();
        Self { options, inputs, current: None, wrapping: None, reaches_end: true, pieces: 0, sizes }
    }

    pub(crate) fn options(&self) -> &'o Options {
        self.options
    }

    /// Decides what of an input is read.
    fn open(&mut self, input: Input<'i>) -> Current<'i> {
        let Input { id, path, modified, continues, reader } = input;
        self.wrapping = self.wrapping.filter(|_| continues);
        let (mut part, mut whole_because, mut turned) = (None, None, None);
        let blocks = match reader {
            Reader::Stream(stream) => Blocks::new(Box::new(stream), 0, self.sizes),
            Reader::Owned(stream) => Blocks::new(stream, 0, self.sizes),
            Reader::File(file) => {
                let clock = || Clock::of_source(self.options, id, modified);
                // A file that cannot be looked at says so again when it is read.
                match plan(file, clock, self.wrapping, self.options).unwrap_or(Plan::Whole(None)) {
                    Plan::Part(found, wrapping) => {
                        part = Some(found);
                        self.wrapping = wrapping;
                    }
                    Plan::Whole(because) => whole_because = because,
                    Plan::Turned(found, because) => (turned, whole_because) = (Some(found), because),
                }
                let from = part.map_or(0, |part| part.from);
                let len = part.filter(|part| part.to < part.of).map(|part| part.to - part.from);
                match turned {
                    Some(turned) => Blocks::new(Box::new(Backwards::new(file, &turned)), 0, self.sizes),
                    None => Blocks::new(Box::new(Stretch::new(file, from, len)), from, self.sizes),
                }
            }
        };
        let starts_so = turned.is_none() && part.is_none_or(|part| part.from == 0);
        let carries_on = continues && self.reaches_end && starts_so;
        self.reaches_end = part.is_none_or(|part| part.to >= part.of);
        let start = Start { id, path, modified, continues, carries_on, part, whole_because, turned };
        Current { blocks, start: Some(start), shape: Shape::Lines(self.wrapping, NumberColumn::Unknown) }
    }

    pub(crate) fn next(&mut self, buffer: &mut Buffer) -> Option<Piece> {
        if self.current.is_none() {
            let input = self.inputs.next()?;
            self.current = Some(self.open(input));
        }
        let current = self.current.as_mut()?;
        let block = current.blocks.next(buffer);
        let start = current.start.take();
        let mut end = None;
        if let Some(block) = &block {
            if let Some(start) = &start {
                current.shape = shape_of(block, buffer, self.wrapping, start.part.is_some());
                if let Shape::Lines(wrapping, _) = current.shape {
                    self.wrapping = wrapping;
                }
            }
        } else {
            end = Some(End { offset: current.blocks.offset(), error: current.blocks.take_error() });
        }
        let piece = Piece { number: self.pieces, start, shape: current.shape, block, end };
        self.pieces += 1;
        if piece.end.is_some() {
            self.current = None;
        }
        Some(piece)
    }
}

/// Looks at a source's first block. A short rest of a rotated log is wrapped like what it continues.
/// How a part is wrapped was told by the start of its file.
fn shape_of(block: &Block, buffer: &Buffer, continued: Option<Wrapping>, is_part: bool) -> Shape {
    let bytes = buffer.block(block);
    if !block.is_cut && !is_part && is_document(bytes) {
        return Shape::Document;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = bytes.get(..bytes.len().min(64 << 10)).unwrap_or_default();
    let mut plain = Vec::new();
    let head = without_ansi(head, &mut plain);
    let wrapping = if is_part { continued } else { Wrapping::detect(head).or(continued) };
    Shape::Lines(wrapping, NumberColumn::learn(head, wrapping))
}

#[cfg(test)]
mod tests;
