//! The lines of one block: those that are only counted, and those that more is to be done with.

use std::ops::Range;

use pycoroner_findings::Timestamp;

use super::SourceScanner;
use crate::analysis::{Item, Kind, LastLine, Line, Lines, Shape};
use crate::json_record::JsonRecord;
use crate::level::Level;
use crate::lines::Block;
use crate::stream::{LineContext, Stream};

/// A record that its stream was not told of yet.
#[derive(Clone, Copy)]
struct Untold<'b> {
    text: &'b [u8],
    stamp: Option<Timestamp>,
    level: Option<Level>,
    pid: Option<u64>,
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
                    let last = if is_idle { self.run(run, found, block) } else { None };
                    if let Some(stamp) = last {
                        let LastLine { text, level, pid, .. } = run.last;
                        untold = Some(Untold { text, stamp: Some(stamp), level: Some(level), pid });
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
            self.analyst.look(bytes, start, block, Shape::Lines(self.wrapping), &mut lines);
            self.lines_of(&lines, block, bytes);
            start = lines.end;
        }
    }

    fn is_idle(&self) -> bool {
        self.streams.first().is_some_and(Stream::is_idle)
    }

    fn tell(&mut self, untold: Option<Untold<'_>>) {
        if let (Some(Untold { text, stamp, level, pid }), Some(state)) = (untold, self.streams.first_mut()) {
            state.set_record(text, stamp, level, pid);
        }
    }

    /// Counts a record while nothing is under assembly.
    fn quiet_line<'b>(&mut self, line: &Line<'b>, before: Option<Untold<'b>>) -> Option<Untold<'b>> {
        let Kind::Record(header, named) = &line.kind else { return before };
        let stamp = header.time.and_then(|time| self.clock.resolve(time));
        let context = LineContext { stamp, pid: header.pid, level: header.level, ..self.next_line(line) };
        self.count(0, header, *named, &context);
        let stamp = stamp.or(before.and_then(|before| before.stamp));
        Some(Untold { text: line.text, stamp, level: header.level, pid: header.pid })
    }

    fn next_line(&mut self, line: &Line<'_>) -> LineContext {
        self.lines += 1;
        LineContext {
            source: self.source,
            number: self.lines,
            offset: line.offset,
            len: line.len,
            stamp: None,
            pid: None,
            level: None,
        }
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
