//! What log stores print with the newest line first.
//!
//! A source that is one block is turned round here, a longer file as [`crate::backwards`] says. Of a longer stream, whose
//! end is not there yet when its first lines are taken in, it is said that it was not.

use pycoroner_findings::{Gap, GapKind, Timestamp};

use super::SourceScanner;
use crate::backwards::NewestFirst;
use crate::document::Place;
use crate::explanation::LineOrder;
use crate::lines::Block;
use crate::needles::Needles;
use crate::stream::LineContext;

impl SourceScanner<'_> {
    /// Takes in a source's only block from its last line to its first, if its newest line stands first; `false` when
    /// it does not.
    pub(super) fn turned_round(&mut self, block: &Block, bytes: &[u8]) -> bool {
        if self.lines > 0 || self.turned.is_some() || block.is_cut {
            return false;
        }
        let Some(newest) = self.newest_of_first(bytes) else { return false };
        if block.is_all {
            self.order = Some(LineOrder::TurnedRound);
            self.lines_backwards(block, bytes);
        } else {
            self.order = Some(LineOrder::NewestFirst);
            self.newest = Some(newest.time);
        }
        block.is_all
    }

    /// Says of a longer source that it was not turned round, if no line of it is later than the first one.
    pub(super) fn check_order(&mut self, whole: Place) {
        if self.order != Some(LineOrder::NewestFirst) {
            return;
        }
        if self.last > self.newest {
            self.order = None;
            return;
        }
        let what = "what several lines of a log say together";
        let why = "its newest line stands first, and it is too long to be turned round as it was read: tracebacks of several lines stand upside down";
        let mut gap = Gap::new(GapKind::Limit, what, why);
        gap.citation = whole.citation(&self.collector.sources);
        self.collector.add_gap(gap.remedy("turn it round and give that: tac LOG > turned.log"));
    }

    /// The time of the first line, when that is the newest one.
    fn newest_of_first(&mut self, bytes: &[u8]) -> Option<Timestamp> {
        let mut told = NewestFirst::default();
        told.goes_on(&mut self.clock, self.wrapping, bytes).then(|| told.newest())?
    }

    /// Takes in lines from the last to the first; they keep their numbers.
    fn lines_backwards(&mut self, block: &Block, bytes: &[u8]) {
        let all = memchr::memchr_iter(b'\n', bytes).count() as u64 + u64::from(!bytes.ends_with(b"\n"));
        let mut number = all;
        let mut end = bytes.len();
        while end > 0 {
            let before = bytes.get(..end - 1).unwrap_or_default();
            let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
            let line = bytes.get(start..end).unwrap_or_default();
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let context = LineContext {
                source: self.source,
                number,
                offset: block.offset + start as u64,
                len: line.len() as u64,
                stamp: None,
                pid: None,
                level: None,
            };
            self.raw_line(text, context, Needles::get().in_line(text));
            number = number.saturating_sub(1);
            end = start;
        }
        self.lines = all;
    }
}
