//! Counts runs of records as a whole.

use pycoroner_findings::{Timestamp, UtcTime};

use super::SourceScanner;
use crate::analysis::{Course, Lines, Mentioned, Process, Run, Second, Sighted, Spot, Utterance, Voice};
use crate::dead_process::{LAST, Said};
use crate::document::Place;
use crate::format::FormatName;
use crate::level_times::LevelTimes;
use crate::lines::Block;
use crate::requests::{Mention, Tracker};
use crate::tally::{Batch, Moment};
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

/// What all records of a run have in common.
#[derive(Clone, Copy)]
struct Common {
    clock: RunClock,
    moment: Moment,
    format: FormatName,
    source: usize,
    log: u64,
    /// The line in front of the run.
    line: u64,
    /// Where the block starts.
    offset: u64,
}

impl Common {
    fn place(&self, spot: Spot) -> Place {
        let line = self.line + spot.line;
        Place {
            source: self.source,
            line,
            last_line: line,
            offset: self.offset + spot.start as u64,
            bytes: (spot.end - spot.start) as u64,
        }
    }

    fn batch(&self, course: &Course) -> Option<Batch> {
        let at = |nanos: i64| self.clock.at(nanos).map(|stamp| stamp.time);
        let both = |[from, to]: [i64; 2]| Some([at(from)?, at(to)?]);
        Some(Batch {
            count: course.count,
            moment: self.moment,
            log: self.log,
            place: self.place(course.first),
            newest: self.place(course.newest),
            start: at(course.start)?,
            ends: both(course.ends)?,
            gap: both(course.gap)?,
        })
    }

    fn mention<'a>(&self, mentioned: &Mentioned<'a>) -> Mention<'a> {
        let Mentioned { id, spot, nanos, level, pid, template, message, is_access_log } = *mentioned;
        let time = self.clock.at(nanos).map(|stamp| stamp.time);
        let (level, place) = (Some(level), self.place(spot));
        Mention { id, time, level, pid, template, message, is_access_log, place }
    }

    fn said<'a>(&self, voice: &Voice<'a>, said: &Utterance<'a>) -> Said<'a> {
        Said {
            at: self.clock.at(said.nanos),
            level: said.level,
            message: said.message,
            format: self.format,
            logger: voice.names.logger,
            thread: voice.names.thread,
            request_id: said.request_id,
            place: self.place(said.spot),
        }
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
        let processes = found.processes.get(run.processes.clone())?;
        let voices = found.voices.get(run.voices.clone())?;
        let mentions = found.mentions.get(run.mentions.clone())?;
        let last = self.clock.resolve(run.form.time(run.last.nanos))?;
        let clock = RunClock { last, shift: last.time.0.checked_sub(run.last.nanos)? };
        let (ends, position) = self.ends_of(seconds, clock)?;
        let common = Common {
            clock,
            moment: self.moment_of(ends, position, last)?,
            format: run.form.format,
            source: self.source,
            log: self.log,
            line: self.lines,
            offset: block.offset,
        };
        if self.collector.comparison.is_some() && !self.may_be_added(sighted, processes, &common) {
            return None;
        }
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
        for Sighted { message, name, level, course } in sighted {
            let batch = common.batch(course)?;
            self.collector.templates.add(*name, Some(*level), message, |tally| tally.add_all(&batch));
        }
        for mentions in mentions.chunks(Tracker::AHEAD) {
            self.collector.requests.read_ahead(mentions.iter().map(|mentioned| mentioned.id));
            for mentioned in mentions {
                self.collector.requests.add(&common.mention(mentioned));
            }
        }
        for process in processes {
            self.count_process(process, voices, &common);
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

    /// The moment of all records of a run that lie at one position; `None` when they are of several.
    fn moment_of(&self, ends: [UtcTime; 2], position: Position, last: Timestamp) -> Option<Moment> {
        let Some(comparison) = self.collector.comparison.filter(|_| self.collector.options().templates)
        else {
            return Some(Moment::Elsewhere);
        };
        // Moments follow each other as times do.
        let [first, last] = ends.map(|time| comparison.moment(position, Some(Timestamp { time, ..last })));
        (first == last).then_some(first)
    }

    /// Whether all of a run's templates and processes are counted at once with the same result.
    fn may_be_added(&self, sighted: &[Sighted<'_>], processes: &[Process], common: &Common) -> bool {
        let templates = &self.collector.templates;
        let producer = self.streams.first().and_then(|state| state.producer.as_deref());
        templates.has_room(sighted.len())
            && sighted.iter().all(|Sighted { name, course, .. }| {
                common.batch(course).is_some_and(|batch| templates.takes(*name, &batch))
            })
            && processes.iter().all(|Process { pid, course }| {
                let writers = &self.collector.writers;
                common.batch(course).is_some_and(|batch| writers.takes(producer, *pid, &batch))
            })
    }

    /// Counts what one process wrote of a run, and keeps the last of it.
    fn count_process(&mut self, process: &Process, voices: &[Voice<'_>], common: &Common) -> Option<()> {
        let anchor = self.collector.options().anchor.as_ref()?;
        let batch = common.batch(&process.course)?;
        let producer = self.streams.first()?.producer.as_deref();
        let writer = self.collector.writers.add_all(producer, process.pid, &batch)?;
        if !batch.moment.is_kept() {
            return None;
        }
        let mut last: Vec<(&Voice<'_>, &Utterance<'_>, bool)> = Vec::new();
        for voice in voices.iter().filter(|voice| voice.pid == process.pid) {
            let is_crashed = writer.meets(voice.names.thread, voice.names.logger, anchor);
            last.extend(voice.last().iter().map(|said| (voice, said, is_crashed)));
        }
        last.sort_unstable_by_key(|(_, said, _)| said.spot.line);
        let of_thread = last.iter().filter(|(_, _, is_crashed)| *is_crashed).count();
        let crashed = last.iter().filter(|(_, _, is_crashed)| *is_crashed);
        for (voice, said, _) in crashed.skip(of_thread.saturating_sub(LAST)) {
            writer.last_of_thread.push(&common.said(voice, said));
        }
        for (voice, said, _) in last.iter().skip(last.len().saturating_sub(LAST)) {
            writer.last.push(&common.said(voice, said));
        }
        None
    }
}
