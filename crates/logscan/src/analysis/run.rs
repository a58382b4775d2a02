//! Records that are only counted, and stand one behind the other: what is counted of them, summed up.

use std::ops::Range;

use super::{Item, Lines, Span, bare};
use crate::header::{Counted, Form};
use crate::level::Level;
use crate::template::Named;

/// Seconds in which a zone's offset does not change: transitions lie at whole quarters of an hour.
const QUARTER: i64 = 900;
const NANOS: i64 = 1_000_000_000;

/// Records of one form, of one quarter of an hour, without needles and below a warning.
pub(crate) struct Run<'b> {
    /// Where its lines stand in the block.
    pub(crate) bytes: Range<usize>,
    pub(crate) lines: u64,
    pub(crate) form: Form,
    /// What of [`Lines::seconds`] and of [`Lines::sighted`] is the run's.
    pub(crate) seconds: Range<usize>,
    pub(crate) sighted: Range<usize>,
    /// The last line.
    pub(crate) last: LastLine<'b>,
}

/// The last line of a run: what stands behind it may belong to it.
#[derive(Clone, Copy)]
pub(crate) struct LastLine<'b> {
    pub(crate) text: &'b [u8],
    /// Nanoseconds as [`Form::time`] takes them.
    pub(crate) nanos: i64,
    pub(crate) level: Level,
    pub(crate) pid: Option<u64>,
}

/// The records of one second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Second {
    seconds: i64,
    least: u32,
    most: u32,
    /// Records by level.
    pub(crate) levels: [u32; Level::ALL.len()],
}

impl Second {
    /// The earliest and the latest time, as [`Form::time`] takes them.
    pub(crate) fn ends(&self) -> [i64; 2] {
        [nanos_of(self.seconds, self.least), nanos_of(self.seconds, self.most)]
    }
}

/// The records of a run that have one template.
pub(crate) struct Sighted<'b> {
    /// One of their messages.
    pub(crate) message: &'b [u8],
    pub(crate) name: u64,
    pub(crate) level: Level,
    pub(crate) count: u64,
    /// The first one: its line, counted from the run's first, and its bytes in the block.
    pub(crate) line: u64,
    pub(crate) bytes: Range<usize>,
    /// The earliest and the latest time, as [`Form::time`] takes them.
    pub(crate) ends: [i64; 2],
}

/// A run that may go on.
pub(super) struct OpenRun {
    start: usize,
    lines: u64,
    /// The last line.
    last: Span,
    nanos: u32,
    level: Level,
    pid: Option<u64>,
    form: Form,
    quarter: i64,
    second: Second,
    /// Where its seconds and templates start.
    seconds: usize,
    sighted: usize,
    number: u64,
}

/// Finds the template of a run that a record has; what is not found is only told twice.
pub(super) struct Index {
    /// Name, number of the run and place among its templates.
    slots: [(u64, u64, usize); 64],
    runs: u64,
}

impl Default for Index {
    fn default() -> Self {
        Self { slots: [(0, 0, 0); 64], runs: 0 }
    }
}

impl OpenRun {
    pub(super) fn start(counted: &Counted<'_>, span: Span, index: &mut Index, found: &Lines<'_>) -> Self {
        index.runs += 1;
        Self {
            start: span.start,
            lines: 0,
            last: span,
            nanos: counted.nanos,
            level: counted.level,
            pid: counted.pid,
            form: counted.form,
            quarter: counted.seconds.div_euclid(QUARTER),
            second: Second::of(counted),
            seconds: found.seconds.len(),
            sighted: found.sighted.len(),
            number: index.runs,
        }
    }

    /// Whether a record belongs to the run.
    #[inline]
    pub(super) fn takes(&self, counted: &Counted<'_>) -> bool {
        let is_near =
            counted.seconds == self.second.seconds || counted.seconds.div_euclid(QUARTER) == self.quarter;
        is_near && counted.form == self.form
    }

    #[inline]
    pub(super) fn add<'b>(
        &mut self,
        counted: &Counted<'b>,
        named: Option<&Named<'b>>,
        span: Span,
        index: &mut Index,
        found: &mut Lines<'b>,
    ) {
        if counted.seconds != self.second.seconds {
            found.seconds.push(self.second);
            self.second = Second::of(counted);
        }
        let second = &mut self.second;
        second.least = second.least.min(counted.nanos);
        second.most = second.most.max(counted.nanos);
        if let Some(count) = second.levels.get_mut(counted.level as usize) {
            *count += 1;
        }
        self.lines += 1;
        self.last = span;
        (self.nanos, self.level, self.pid) = (counted.nanos, counted.level, counted.pid);
        if let Some(named) = named {
            self.sight(counted, named, span, index, found);
        }
    }

    #[inline]
    fn sight<'b>(
        &self,
        counted: &Counted<'b>,
        named: &Named<'b>,
        span: Span,
        index: &mut Index,
        found: &mut Lines<'b>,
    ) {
        let nanos = nanos_of(counted.seconds, counted.nanos);
        let Some(slot) = index.slots.get_mut((named.name >> 58) as usize) else { return };
        if slot.0 == named.name
            && slot.1 == self.number
            && let Some(sighted) = found.sighted.get_mut(slot.2)
        {
            sighted.count += 1;
            let [least, most] = sighted.ends;
            sighted.ends = [least.min(nanos), most.max(nanos)];
            return;
        }
        *slot = (named.name, self.number, found.sighted.len());
        found.sighted.push(Sighted {
            message: counted.message,
            name: named.name,
            level: counted.level,
            count: 1,
            line: self.lines,
            bytes: span.start..span.next,
            ends: [nanos, nanos],
        });
    }

    /// Ends the run.
    pub(super) fn close<'b>(self, bytes: &'b [u8], found: &mut Lines<'b>) {
        let line = bytes.get(self.last.start..self.last.next).unwrap_or_default();
        let last = LastLine {
            text: bare(line.strip_suffix(b"\n").unwrap_or(line)),
            nanos: nanos_of(self.second.seconds, self.nanos),
            level: self.level,
            pid: self.pid,
        };
        found.seconds.push(self.second);
        found.items.push(Item::Run(Run {
            bytes: self.start..self.last.next,
            lines: self.lines,
            form: self.form,
            seconds: self.seconds..found.seconds.len(),
            sighted: self.sighted..found.sighted.len(),
            last,
        }));
    }
}

impl Second {
    fn of(counted: &Counted<'_>) -> Self {
        Self {
            seconds: counted.seconds,
            least: counted.nanos,
            most: counted.nanos,
            levels: [0; Level::ALL.len()],
        }
    }
}

fn nanos_of(seconds: i64, nanos: u32) -> i64 {
    seconds * NANOS + i64::from(nanos)
}
