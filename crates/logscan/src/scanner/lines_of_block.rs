//! The lines of one block: those that are only counted, and those that more is to be done with.

use std::ops::Range;

use pycoroner_findings::Timestamp;

use super::SourceScanner;
use crate::analysis::{Item, Kind, LastLine, Line, Lines, Shape};
use crate::backwards::Standing;
use crate::header::Header;
use crate::json_record::JsonRecord;
use crate::lines::Block;
use crate::stream::{LineContext, Stream};

/// A record that its stream was not told of yet.
#[derive(Clone, Copy)]
enum Untold<'b> {
    /// And the time that counts where the record states none. Its own is resolved again when it is told: to hand it
    /// on from record to record would cost more.
    Line(&'b Line<'b>, Option<Timestamp>),
    Run(LastLine<'b>, Timestamp),
}

impl SourceScanner<'_> {
    /// Takes in lines of a block.
    pub(super) fn lines_of(&mut self, found: &Lines<'_>, block: &Block, bytes: &[u8]) {
        // The stream is told of its last record only when more than counting is to be done.
        let mut untold: Option<Untold<'_>> = None;
        let mut is_idle = self.is_idle();
        for item in &found.items {
            match item {
                Item::Line(line) if is_idle && line.kind.is_quiet(line.hits) => {
                    untold = self.quiet_line(line, untold);
                }
                Item::Line(line) => {
                    self.tell(untold.take());
                    self.other_line(line, &found.objects);
                    is_idle = self.is_idle();
                }
                Item::Run(run) => {
                    let is_counted = is_idle && self.turned.is_none();
                    let last = if is_counted { self.run(run, found, block) } else { None };
                    if let Some(stamp) = last {
                        untold = Some(Untold::Run(run.last, stamp));
                    } else {
                        self.tell(untold.take());
                        self.rest_of(run.bytes.clone(), block, bytes);
                        is_idle = self.is_idle();
                    }
                }
            }
        }
        self.tell(untold);
    }

    /// Takes in lines one by one.
    pub(super) fn rest_of(&mut self, range: Range<usize>, block: &Block, bytes: &[u8]) {
        let mut start = range.start;
        let Some(bytes) = bytes.get(..range.end) else { return };
        while start < bytes.len() {
            let mut lines = Lines::default();
            self.analyst.look(bytes, start, block, Shape::Lines(self.wrapping, self.column), &mut lines);
            self.lines_of(&lines, block, bytes);
            start = lines.end;
        }
    }

    fn is_idle(&self) -> bool {
        self.streams.first().is_some_and(Stream::is_idle)
    }

    fn tell(&mut self, untold: Option<Untold<'_>>) {
        let Some(untold) = untold else { return };
        let stamp = self.time_of(&untold);
        let (text, level, pid) = match untold {
            Untold::Line(line, _) => match &line.kind {
                Kind::Record(header, _) => (line.text, header.level, header.pid),
                _ => return,
            },
            Untold::Run(LastLine { text, level, pid, .. }, _) => (text, Some(level), pid),
        };
        if let Some(state) = self.streams.first_mut() {
            state.set_record(text, stamp, level, pid);
        }
    }

    fn time_of(&mut self, untold: &Untold<'_>) -> Option<Timestamp> {
        match untold {
            Untold::Run(_, stamp) => Some(*stamp),
            Untold::Line(Line { kind: Kind::Record(Header { time: Some(time), .. }, _), .. }, earlier) => {
                self.clock.resolve(*time).or(*earlier)
            }
            Untold::Line(_, earlier) => *earlier,
        }
    }

    /// Counts a record while nothing is under assembly.
    fn quiet_line<'b>(&mut self, line: &'b Line<'b>, before: Option<Untold<'b>>) -> Option<Untold<'b>> {
        let Kind::Record(header, named) = &line.kind else { return before };
        let stamp = header.time.and_then(|time| self.clock.resolve(time));
        let context = LineContext { stamp, pid: header.pid, level: header.level, ..self.next_line(line) };
        self.count(0, line.text, header, *named, &context);
        let has_time = stamp.is_some();
        let earlier = before.filter(|_| !has_time).and_then(|before| self.time_of(&before));
        Some(Untold::Line(line, earlier))
    }

    fn next_line(&mut self, line: &Line<'_>) -> LineContext {
        self.lines += 1;
        let stands = Standing { number: self.lines, offset: line.offset, len: line.len };
        let Standing { number, offset, len } = self.turned.map_or(stands, |turned| turned.standing(stands));
        LineContext { source: self.source, number, offset, len, stamp: None, pid: None, level: None }
    }

    fn other_line(&mut self, line: &Line<'_>, objects: &[JsonRecord<'_>]) {
        let context = self.next_line(line);
        match &line.kind {
            Kind::Record(header, named) => {
                self.named_record(0, line.text, header, *named, context, line.hits);
            }
            Kind::Bare => self.bare(0, line.text, context, line.hits),
            Kind::Object(index) => {
                let is_taken = objects
                    .get(*index)
                    .is_some_and(|record| self.object(0, record, line.text, context, line.hits, 0));
                if !is_taken {
                    self.raw_line(line.text, context, line.hits);
                }
            }
            Kind::Whole => self.raw_line(line.text, context, line.hits),
        }
    }
}
