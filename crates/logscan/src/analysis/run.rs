//! Records that are only counted, and stand one behind the other: what is counted of them, summed up.

use std::ops::Range;

use super::course::{Course, Spot};
use super::{Item, Lines, Mentioned, Span, bare};
use crate::header::{Counted, Form, Names};
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
    /// What of the lists of [`Lines`] is the run's.
    pub(crate) seconds: Range<usize>,
    pub(crate) sighted: Range<usize>,
    pub(crate) processes: Range<usize>,
    pub(crate) voices: Range<usize>,
    pub(crate) mentions: Range<usize>,
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
    pub(crate) course: Course,
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
    /// Where its seconds, templates, mentions of requests and writers start.
    seconds: usize,
    sighted: usize,
    mentions: usize,
    pub(super) processes: usize,
    pub(super) voices: usize,
    /// The voice of the last record, counted from the run's first.
    pub(super) voice: usize,
    is_full: bool,
    number: u64,
}

/// What is known of a record that is taken into a run, beyond what is counted in any case.
#[derive(Clone, Copy)]
pub(super) struct Further<'b> {
    pub(super) named: Named<'b>,
    /// The request that its head names.
    pub(super) request_id: &'b [u8],
    pub(super) names: Option<Names<'b>>,
}

/// Templates of a run; one more ends it.
const MAX_SIGHTED: usize = SLOTS / 2;
const SLOTS: usize = 64;

/// Finds the template of a run that a record has: a hash table, which each run finds empty.
pub(super) struct Index {
    slots: [Slot; SLOTS],
    runs: u64,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    name: u64,
    run: u64,
    /// Its place among the templates of the block.
    at: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self { slots: [Slot::default(); SLOTS], runs: 0 }
    }
}

impl Index {
    /// The slot of a name, or the free one that it is to have. At most half of them are taken.
    #[inline]
    fn slot_of(&mut self, name: u64, run: u64) -> Option<&mut Slot> {
        let start = (name >> 58) as usize;
        let at = (start..start + SLOTS)
            .map(|at| at % SLOTS)
            .find(|at| self.slots.get(*at).is_some_and(|slot| slot.run != run || slot.name == name))?;
        self.slots.get_mut(at)
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
            mentions: found.mentions.len(),
            processes: found.processes.len(),
            voices: found.voices.len(),
            voice: 0,
            is_full: false,
            number: index.runs,
        }
    }

    /// Whether a record belongs to the run.
    #[inline]
    pub(super) fn takes(&self, counted: &Counted<'_>) -> bool {
        let is_near =
            counted.seconds == self.second.seconds || counted.seconds.div_euclid(QUARTER) == self.quarter;
        is_near && counted.form == self.form && !self.is_full
    }

    /// Adds a record to the open run, or to a new one where that does not take it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "measured: what is counted would be written and read once more")]
    pub(super) fn extend<'b>(
        open: &mut Option<Self>,
        counted: Counted<'b>,
        further: Option<&Further<'b>>,
        span: Span,
        bytes: &'b [u8],
        index: &mut Index,
        found: &mut Lines<'b>,
    ) {
        match open {
            Some(run) if run.takes(&counted) => run.add(&counted, further, span, index, found),
            _ => Self::extend_anew(open, counted, further, span, bytes, index, found),
        }
    }

    /// Ends what is open, and starts a run with a record.
    #[cold]
    #[inline(never)]
    fn extend_anew<'b>(
        open: &mut Option<Self>,
        counted: Counted<'b>,
        further: Option<&Further<'b>>,
        span: Span,
        bytes: &'b [u8],
        index: &mut Index,
        found: &mut Lines<'b>,
    ) {
        if let Some(run) = open.take() {
            run.close(bytes, found);
        }
        let run = open.insert(Self::start(&counted, span, index, found));
        run.add(&counted, further, span, index, found);
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "most of it falls away where nothing further is known")]
    fn add<'b>(
        &mut self,
        counted: &Counted<'b>,
        further: Option<&Further<'b>>,
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
        let spot = Spot { line: self.lines + 1, start: span.start, end: span.next };
        self.lines += 1;
        self.last = span;
        (self.nanos, self.level, self.pid) = (counted.nanos, counted.level, counted.pid);
        if let Some(further) = further {
            self.add_further(counted, further, spot, index, found);
        }
    }

    #[inline(never)]
    fn add_further<'b>(
        &mut self,
        counted: &Counted<'b>,
        further: &Further<'b>,
        spot: Spot,
        index: &mut Index,
        found: &mut Lines<'b>,
    ) {
        let Further { named, request_id, names } = further;
        self.sight(counted, named, spot, index, found);
        if let Some(id) = named.request(request_id) {
            found.mentions.push(Mentioned::new(id, counted, named, spot));
        }
        if let Some(names) = *names {
            self.is_full |= !self.hear(counted, names, request_id, spot, found);
        }
    }

    #[inline]
    fn sight<'b>(
        &mut self,
        counted: &Counted<'b>,
        named: &Named<'b>,
        spot: Spot,
        index: &mut Index,
        found: &mut Lines<'b>,
    ) {
        let nanos = counted.time();
        let Some(slot) = index.slot_of(named.name, self.number) else { return };
        if slot.run == self.number
            && let Some(sighted) = found.sighted.get_mut(slot.at)
        {
            return sighted.course.add(nanos, spot);
        }
        *slot = Slot { name: named.name, run: self.number, at: found.sighted.len() };
        found.sighted.push(Sighted {
            message: counted.message,
            name: named.name,
            level: counted.level,
            course: Course::of(nanos, spot),
        });
        self.is_full |= found.sighted.len() - self.sighted >= MAX_SIGHTED;
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
            processes: self.processes..found.processes.len(),
            voices: self.voices..found.voices.len(),
            mentions: self.mentions..found.mentions.len(),
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
