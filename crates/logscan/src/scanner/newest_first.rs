//! What log stores print with the newest line first.

use pycoroner_findings::Timestamp;

use super::SourceScanner;
use crate::line_time::time_of;
use crate::lines::Block;
use crate::needles::Needles;
use crate::stream::LineContext;

/// Steps back in time that are no accident.
const FEWEST_STEPS: u32 = 3;

impl SourceScanner<'_> {
    /// Whether every line has a time of its own, and none is later than the one before it.
    ///
    /// Most logs are told by their first lines.
    pub(super) fn is_newest_first(&mut self, bytes: &[u8]) -> bool {
        let mut previous: Option<Timestamp> = None;
        let mut steps = 0;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Some(stamp) = time_of(&mut self.clock, self.wrapping, line) else { return false };
            if let Some(previous) = previous {
                if stamp.time > previous.time {
                    return false;
                }
                steps += u32::from(stamp.time < previous.time);
            }
            previous = Some(stamp);
        }
        steps >= FEWEST_STEPS
    }

    /// Takes in lines from the last to the first; they keep their numbers.
    pub(super) fn lines_backwards(&mut self, block: &Block, bytes: &[u8]) {
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
