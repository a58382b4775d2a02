//! What log stores print with the newest line first.
//!
//! A source that is one block is turned round. Of a longer one, whose end is not there yet when its first lines are
//! taken in, it is said that it was not.

use pycoroner_findings::{Gap, GapKind, Timestamp};

use super::SourceScanner;
use crate::document::Place;
use crate::explanation::LineOrder;
use crate::line_time::LineTimes;
use crate::lines::Block;
use crate::needles::Needles;
use crate::stream::LineContext;

/// Steps back in time that are no accident.
const FEWEST_STEPS: u32 = 3;

impl SourceScanner<'_> {
    /// Takes in a source's only block from its last line to its first, if its newest line stands first; `false` when
    /// it does not.
    pub(super) fn turned_round(&mut self, block: &Block, bytes: &[u8]) -> bool {
        if self.lines > 0 || block.is_cut {
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
        let why = "its newest line stands first, and only up to a mebibyte is turned round: tracebacks of several lines stand upside down";
        let mut gap = Gap::new(GapKind::Limit, what, why);
        gap.citation = whole.citation(&self.collector.sources);
        self.collector.add_gap(gap.remedy("turn it round and give that: tac LOG > turned.log"));
    }

    /// The time of the first line, if every line has a time of its own, and none is later than the one before it.
    ///
    /// Most logs are told by their first lines.
    fn newest_of_first(&mut self, bytes: &[u8]) -> Option<Timestamp> {
        let mut newest = None;
        let mut previous: Option<Timestamp> = None;
        let mut steps = 0;
        let mut times = LineTimes::default();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let stamp = times.of(&mut self.clock, self.wrapping, line)?;
            newest.get_or_insert(stamp);
            if let Some(previous) = previous {
                if stamp.time > previous.time {
                    return None;
                }
                steps += u32::from(stamp.time < previous.time);
            }
            previous = Some(stamp);
        }
        newest.filter(|_| steps >= FEWEST_STEPS)
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
