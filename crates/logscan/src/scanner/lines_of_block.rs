//! The lines of one block: those that are only counted, and those that more is to be done with.

use pycoroner_findings::Timestamp;

use super::SourceScanner;
use crate::analysis::{Kind, Line, Lines};
use crate::header::Header;
use crate::json_record::JsonRecord;
use crate::level::Level;
use crate::stream::{LineContext, Stream};

/// A record that its stream was not told of yet.
#[derive(Clone, Copy)]
struct Untold<'l, 'b> {
    text: &'l [u8],
    header: &'l Header<'b>,
    stamp: Option<Timestamp>,
}

impl SourceScanner<'_> {
    /// Takes in lines.
    pub(super) fn lines_of(&mut self, found: &Lines<'_>) {
        // The stream is told of its last record only when more than counting is to be done.
        let mut untold: Option<Untold<'_, '_>> = None;
        let mut is_idle = self.streams.first().is_some_and(Stream::is_idle);
        for line in &found.lines {
            self.lines += 1;
            let context = LineContext {
                source: self.source,
                number: self.lines,
                offset: line.offset,
                len: line.len,
                stamp: None,
                pid: None,
                level: None,
            };
            if let Kind::Record(header) = &line.kind
                && is_idle
                && line.hits.is_empty()
                && header.level.is_none_or(|level| level < Level::Warning)
            {
                let stamp = header.time.and_then(|time| self.clock.resolve(time));
                let context = LineContext { stamp, pid: header.pid, level: header.level, ..context };
                self.count(0, header, &context);
                let stamp = stamp.or(untold.and_then(|untold| untold.stamp));
                untold = Some(Untold { text: line.text, header, stamp });
                continue;
            }
            self.tell(untold.take());
            self.other_line(line, &found.objects, context);
            is_idle = self.streams.first().is_some_and(Stream::is_idle);
        }
        self.tell(untold);
    }

    fn tell(&mut self, untold: Option<Untold<'_, '_>>) {
        if let (Some(Untold { text, header, stamp }), Some(state)) = (untold, self.streams.first_mut()) {
            state.set_record(text, stamp, header.level, header.pid);
        }
    }

    fn other_line(&mut self, line: &Line<'_>, objects: &[JsonRecord<'_>], context: LineContext) {
        match &line.kind {
            Kind::Record(header) => self.record(0, line.text, header, context, line.hits),
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
