//! Files with their newest line first, of any size: known by reading them once, and then read from their last line to
//! their first.

use std::io::{self, Read, SeekFrom};
use std::ops::Range;

use pycoroner_findings::Timestamp;

use crate::clock::Clock;
use crate::envelope::Wrapping;
use crate::input::{ReadSeek, Stretch};
use crate::line_time::LineTimes;
use crate::lines::{BUFFER, BlockSizes, Blocks, Buffer};

/// Steps back in time that are no accident.
const FEWEST_STEPS: u32 = 3;
/// Bytes that are read at a time.
const BLOCK: u64 = 64 << 10;

/// A file that is read from its last line to its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turned {
    /// Its bytes and lines.
    bytes: u64,
    lines: u64,
    /// Its last line lacks an end, which is given out nevertheless.
    lacks_newline: bool,
}

/// Where a line stands.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) number: u64,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

impl Turned {
    /// Where in the file a line stands, by where it is given out.
    pub(crate) fn standing(&self, given_out: Standing) -> Standing {
        let all = self.bytes + u64::from(self.lacks_newline);
        let offset = all.saturating_sub(given_out.offset + given_out.len);
        Standing {
            number: (self.lines + 1).saturating_sub(given_out.number),
            offset,
            len: given_out.len.min(self.bytes.saturating_sub(offset)),
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Whether lines are told with the newest one first: each has a time of its own, and none is later than the one before
/// it.
#[derive(Default)]
pub(crate) struct NewestFirst {
    newest: Option<Timestamp>,
    previous: Option<Timestamp>,
    steps: u32,
    times: LineTimes,
}

impl NewestFirst {
    /// Takes in whole lines; `false` when one of them shows that it is not so. Most logs are told by their first ones.
    pub(crate) fn goes_on(&mut self, clock: &mut Clock, wrapping: Option<Wrapping>, lines: &[u8]) -> bool {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Some(stamp) = self.times.of(clock, wrapping, line) else { return false };
            self.newest.get_or_insert(stamp);
            if let Some(previous) = self.previous {
                if stamp.time > previous.time {
                    return false;
                }
                self.steps += u32::from(stamp.time < previous.time);
            }
            self.previous = Some(stamp);
        }
        true
    }

    /// The time of the first line, when there were enough.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.newest.filter(|_| self.steps >= FEWEST_STEPS)
    }
}

/// Reads a file to see whether its newest line stands first. `None` of one that is no longer than a block, which is
/// turned round in memory, and of one with lines that do not fit.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn turned(
    file: &mut (dyn ReadSeek + Send),
    mut clock: Clock,
    wrapping: Option<Wrapping>,
) -> io::Result<Option<Turned>> {
    let bytes = file.seek(SeekFrom::End(0))?;
    if bytes <= BUFFER as u64 {
        return Ok(None);
    }
    let sizes = BlockSizes { first: BLOCK as usize, others: BLOCK as usize };
    let mut blocks = Blocks::new(Box::new(Stretch::new(file, 0, Some(bytes))), 0, sizes);
    let mut buffer = Buffer::default();
    let mut told = NewestFirst::default();
    let (mut lines, mut lacks_newline, mut wrapping) = (0, false, wrapping);
    while let Some(block) = blocks.next(&mut buffer) {
        let text = buffer.block(&block);
        if block.offset == 0 {
            wrapping = Wrapping::detect(text).or(wrapping);
        }
        if block.is_cut || block.skipped > 0 || !told.goes_on(&mut clock, wrapping, text) {
            return Ok(None);
        }
        lacks_newline = !text.ends_with(b"\n");
        lines += memchr::memchr_iter(b'\n', text).count() as u64 + u64::from(lacks_newline);
    }
    if let Some(error) = blocks.take_error() {
        return Err(error);
    }
    let is_whole = blocks.offset() == bytes && told.newest().is_some();
    Ok(is_whole.then_some(Turned { bytes, lines, lacks_newline }))
}

/// Gives out the lines of a file, the last one first.
pub(crate) struct Backwards<'a> {
    file: &'a mut (dyn ReadSeek + Send),
    /// What is in front of this was not given out.
    end: u64,
    /// Lines to give out, and how far they were.
    ready: Vec<u8>,
    at: usize,
    /// A line that is longer than a block, as far as it was not given out.
    long: Range<u64>,
}

impl<'a> Backwards<'a> {
    pub(crate) fn new(file: &'a mut (dyn ReadSeek + Send), turned: &Turned) -> Self {
        Self { file, end: turned.bytes, ready: Vec::new(), at: 0, long: 0..0 }
    }

    /// Looks for the lines in front of the end.
    fn fill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.at = 0;
        let start = self.end.saturating_sub(BLOCK);
        let block = self.block(start..self.end)?;
        // The end of the last line in it is no end of a line in front of it.
        let ends = block.get(..block.len().saturating_sub(1)).unwrap_or_default();
        let first = if start == 0 { Some(0) } else { memchr::memchr(b'\n', ends).map(|newline| newline + 1) };
        let Some(first) = first else {
            let from = self.start_of_line(start)?;
            self.long = from..self.end;
            self.end = from;
            return Ok(());
        };
        let mut lines = block.get(first..).unwrap_or_default();
        while !lines.is_empty() {
            let ends = lines.get(..lines.len() - 1).unwrap_or_default();
            let at = memchr::memrchr(b'\n', ends).map_or(0, |newline| newline + 1);
            let (before, line) = lines.split_at_checked(at).unwrap_or((b"", lines));
            self.ready.extend_from_slice(line);
            if !line.ends_with(b"\n") {
                self.ready.push(b'\n');
            }
            lines = before;
        }
        self.end = start + first as u64;
        Ok(())
    }

    /// Where the line starts that goes on at an offset.
    fn start_of_line(&mut self, mut end: u64) -> io::Result<u64> {
        while end > 0 {
            let start = end.saturating_sub(BLOCK);
            let block = self.block(start..end)?;
            if let Some(newline) = memchr::memrchr(b'\n', &block) {
                return Ok(start + newline as u64 + 1);
            }
            end = start;
        }
        Ok(0)
    }

    fn block(&mut self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut block = vec![0; usize::try_from(range.end - range.start).unwrap_or(0)];
        self.file.seek(SeekFrom::Start(range.start))?;
        self.file.read_exact(&mut block)?;
        Ok(block)
    }
}

impl Read for Backwards<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = self.ready.get(self.at..).unwrap_or_default();
            if !ready.is_empty() || buffer.is_empty() {
                let len = ready.len().min(buffer.len());
                let (now, _) = ready.split_at(len);
                if let Some(slot) = buffer.get_mut(..len) {
                    slot.copy_from_slice(now);
                }
                self.at += len;
                return Ok(len);
            }
            if !self.long.is_empty() {
                let end = self.long.end.min(self.long.start + BLOCK);
                self.ready = self.block(self.long.start..end)?;
                self.at = 0;
                self.long.start = end;
                if self.long.is_empty() && !self.ready.ends_with(b"\n") {
                    self.ready.push(b'\n');
                }
                continue;
            }
            if self.end == 0 {
                return Ok(0);
            }
            self.fill()?;
        }
    }
}
