//! Looks for times of records at any place of a file.

use std::io::{self, SeekFrom};

use pycoroner_findings::Timestamp;

use crate::clock::Clock;
use crate::envelope::Wrapping;
use crate::input::ReadSeek;
use crate::line_time::LineTimes;
use crate::scanner::is_document;

/// Bytes that are looked at in one place.
const BLOCK: usize = 64 << 10;
/// Bytes that are looked at in all; where that does not suffice, times are too rare.
const MOST_BYTES: u64 = 128 << 20;

/// A record with a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Where its line starts.
    pub(super) offset: u64,
    pub(super) at: Timestamp,
}

pub(super) struct Prober<'f> {
    file: &'f mut (dyn ReadSeek + Send),
    len: u64,
    clock: Clock,
    times: LineTimes,
    wrapping: Option<Wrapping>,
    block: Vec<u8>,
    read: u64,
}

impl<'f> Prober<'f> {
    /// `None` for a file that is one document.
    pub(super) fn new(
        file: &'f mut (dyn ReadSeek + Send),
        len: u64,
        clock: Clock,
        wrapping: Option<Wrapping>,
    ) -> io::Result<Option<Self>> {
        let mut prober = Self {
            file,
            len,
            clock,
            times: LineTimes::default(),
            wrapping,
            block: vec![0; BLOCK + 1],
            read: 0,
        };
        let filled = prober.fill(0)?;
        let head = prober.block.get(..filled).unwrap_or_default();
        if is_document(head) {
            return Ok(None);
        }
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        prober.wrapping = Wrapping::detect(head).or(wrapping);
        Ok(Some(prober))
    }

    /// How the lines are wrapped.
    pub(super) fn wrapping(&self) -> Option<Wrapping> {
        self.wrapping
    }

    /// More was looked at than a bisection needs: what it says is void.
    pub(super) fn is_exhausted(&self) -> bool {
        self.read > MOST_BYTES
    }

    /// The place of a probe, when they are spread over the file up to the number `last`.
    pub(super) fn place(&self, probe: u64, last: u64) -> u64 {
        // A file is shorter than 2^63 bytes, and there are few probes.
        let room = u128::from(self.len.saturating_sub(BLOCK as u64));
        u64::try_from(room * u128::from(probe) / u128::from(last.max(1))).unwrap_or(0)
    }

    /// The records with a time whose lines start in the block at an offset.
    pub(super) fn look(&mut self, offset: u64) -> io::Result<Vec<Seen>> {
        self.first_of(offset, usize::MAX)
    }

    /// As many of them as asked for, from the first one on.
    fn first_of(&mut self, offset: u64, most: usize) -> io::Result<Vec<Seen>> {
        // With the byte in front, a line that starts right at the offset is seen to do so.
        let base = offset.saturating_sub(1);
        let filled = self.fill(base)?;
        let block = std::mem::take(&mut self.block);
        let bytes = block.get(..filled).unwrap_or_default();
        let reaches_end = base + filled as u64 >= self.len;
        let mut at = match offset {
            0 => 0,
            _ => memchr::memchr(b'\n', bytes).map_or(filled, |newline| newline + 1),
        };
        let mut seen = Vec::new();
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty() && seen.len() < most) {
            let newline = memchr::memchr(b'\n', rest);
            if newline.is_none() && !reaches_end {
                break;
            }
            let len = newline.unwrap_or(rest.len());
            if let Some(stamp) =
                self.times.of(&mut self.clock, self.wrapping, rest.get(..len).unwrap_or_default())
            {
                seen.push(Seen { offset: base + at as u64, at: stamp });
            }
            at += len + 1;
        }
        self.block = block;
        Ok(seen)
    }

    /// Where a condition begins to hold that holds from some record on: the last record known to be in front of
    /// that, and the first one known to be behind it.
    pub(super) fn boundary(&mut self, holds: impl Fn(Timestamp) -> bool) -> io::Result<(u64, u64)> {
        let (mut low, mut high) = (0, self.len);
        let (mut in_front, mut behind) = (0, self.len);
        while high - low > BLOCK as u64 && !self.is_exhausted() {
            let middle = low + (high - low) / 2;
            match self.first_from(middle, high)? {
                Some(record) if holds(record.at) => {
                    behind = record.offset;
                    high = middle;
                }
                Some(record) => {
                    in_front = record.offset;
                    low = record.offset + 1;
                }
                // A stretch without times belongs to the record in front of it.
                None => high = middle,
            }
        }
        Ok((in_front, behind))
    }

    /// Where the first record with a time starts, or the end of where it is looked for.
    pub(super) fn record_from(&mut self, offset: u64, end: u64) -> io::Result<u64> {
        if offset == 0 {
            return Ok(0);
        }
        Ok(self.first_from(offset, end)?.map_or(end, |record| record.offset))
    }

    fn first_from(&mut self, offset: u64, end: u64) -> io::Result<Option<Seen>> {
        let mut at = offset;
        while at < end && !self.is_exhausted() {
            if let Some(record) = self.first_of(at, 1)?.first().filter(|record| record.offset < end) {
                return Ok(Some(*record));
            }
            // One less: the last line of a block may start with the next one.
            at += BLOCK as u64 - 1;
        }
        Ok(None)
    }

    fn fill(&mut self, offset: u64) -> io::Result<usize> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut filled = 0;
        while let Some(free) = self.block.get_mut(filled..).filter(|free| !free.is_empty()) {
            match self.file.read(free) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.read += filled as u64;
        Ok(filled)
    }
}
