//! Counts runs of records as a whole.

use pycoroner_findings::{Timestamp, UtcTime};

use super::SourceScanner;
use crate::analysis::{Lines, Run, Second, Sighted};
use crate::document::Place;
use crate::level_times::LevelTimes;
use crate::lines::Block;
use crate::tally::{Moment, Sighting};
use crate::window::Position;

/// Makes timestamps of the times of a run: within a quarter of an hour all are shifted alike.
#[derive(Clone, Copy)]
struct RunClock {
    last: Timestamp,
    shift: i64,
}

impl RunClock {
    /// `None` where a time lies beyond what can be told.
    fn at(self, nanos: i64) -> Option<Timestamp> {
        let time = UtcTime(nanos.checked_add(self.shift)?);
        Some(Timestamp { time, ..self.last })
    }
}

impl SourceScanner<'_> {
    /// Counts a run as if its lines were counted one by one, while nothing is under assembly; when its last record was
    /// written.
    ///
    /// `None`, and nothing is counted, when its records have to be told apart.
    pub(super) fn run(&mut self, run: &Run<'_>, found: &Lines<'_>, block: &Block) -> Option<Timestamp> {
        let seconds = found.seconds.get(run.seconds.clone())?;
        let sighted = found.sighted.get(run.sighted.clone())?;
        let last = self.clock.resolve(run.form.time(run.last.nanos))?;
        let clock = RunClock { last, shift: last.time.0.checked_sub(run.last.nanos)? };
        let (ends, position) = self.ends_of(seconds, clock)?;
        if let Some(state) = self.streams.first_mut() {
            state.count_formats(run.form.format, run.lines);
        }
        self.records += run.lines;
        self.tally.uses.records += run.lines;
        self.tally.times(Some((last.basis, last.uncertainty_ms)), run.lines);
        self.first = Some(self.first.map_or(ends[0], |first| first.min(ends[0])));
        self.last = Some(self.last.map_or(ends[1], |last| last.max(ends[1])));
        for second in seconds {
            let time = clock.at(second.ends()[0])?.time;
            self.collector.count_records(&second.levels, time, position);
        }
        for sighted in sighted {
            self.count_sighted(sighted, clock, block);
        }
        self.lines += run.lines;
        Some(last)
    }

    /// The earliest and the latest time, and where all of them lie; `None` when that is not one place, or when a second
    /// is not counted as one.
    fn ends_of(&self, seconds: &[Second], clock: RunClock) -> Option<([UtcTime; 2], Position)> {
        let mut ends = [clock.last.time; 2];
        let position = self.collector.position(Some(clock.last));
        for second in seconds {
            let [least, most] = second.ends();
            let (least, most) = (clock.at(least)?, clock.at(most)?);
            if !LevelTimes::are_together(least.time, most.time) {
                return None;
            }
            ends = [ends[0].min(least.time), ends[1].max(most.time)];
        }
        let is_one = ends
            .into_iter()
            .all(|time| self.collector.position(Some(Timestamp { time, ..clock.last })) == position);
        is_one.then_some((ends, position))
    }

    fn count_sighted(&mut self, sighted: &Sighted<'_>, clock: RunClock, block: &Block) {
        let [first, last] = sighted.ends.map(|nanos| clock.at(nanos).map(|stamp| stamp.time));
        let line = self.lines + sighted.line;
        let place = Place {
            source: self.source,
            line,
            last_line: line,
            offset: block.offset + sighted.bytes.start as u64,
            bytes: sighted.bytes.len() as u64,
        };
        let sighting = Sighting { time: first, moment: Moment::Elsewhere, place, log: self.log };
        let Sighted { name, level, count, message, .. } = *sighted;
        self.collector
            .templates
            .add(name, Some(level), message, |tally| tally.add_many(count, &sighting, last));
    }
}
