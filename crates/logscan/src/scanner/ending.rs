//! The end of a source: what it was taken for, and what could not be known of it.

use pycoroner_findings::{GapKind, TimeBasis, Timestamp};

use super::{Carried, SourceScanner};
use crate::ascii::lossy;
use crate::collector::Collector;
use crate::document::Place;
use crate::explanation::{Explanation, FormatUse};
use crate::format::FormatName;

impl<'o> SourceScanner<'o> {
    /// Ends the source and writes down what it was.
    pub(super) fn finish(mut self, offset: u64, error: Option<&str>) -> (Carried, Collector<'o>) {
        self.end_entry(None);
        let end = self.modified.map(|time| Timestamp {
            time,
            basis: TimeBasis::FileModified,
            uncertainty_ms: 1000,
        });
        let mut producers: Vec<String> = self.by_producer.keys().map(|name| lossy(name, 128)).collect();
        producers.sort();
        let formats = self.formats_by_producer();
        let inner = most_frequent(&formats, &self.wrapped, None);
        let (format, inner_format) = match self.wrapping {
            Some(wrapping) => (wrapping.format(), Some(inner)),
            None => self.collector_format().map_or((inner, None), |collector| {
                (collector, Some(most_frequent(&formats, &self.wrapped, Some(collector))))
            }),
        };
        self.check_order(self.whole(offset));
        let explanation = self.collector.options().explain.then(|| {
            let zone = self.collector.options().assumed_zone.name();
            let explanation = self.tally.clone().explain(formats, &zone, self.whole_because);
            Box::new(Explanation { order: self.order, ..explanation })
        });
        self.end_part(offset);
        if let Some(source) = self.collector.sources.get_mut(self.source) {
            let from = source.part.map_or(0, |part| part.from).min(offset);
            source.format = format;
            source.inner_format = inner_format.filter(|inner| *inner != FormatName::Plain);
            source.bytes = (offset - from).min(self.turned.map_or(u64::MAX, |turned| turned.bytes()));
            source.lines = self.lines;
            source.records = self.records;
            source.unparsed_bytes = self.tally.unparsed_bytes();
            source.first = self.first;
            source.last = self.last;
            source.time_basis = self.tally.weakest_basis();
            source.producers = producers;
            source.explanation = explanation;
        }
        if let Some(first) = self.first {
            self.collector.earliest = Some(self.collector.earliest.map_or(first, |known| known.min(first)));
        }
        self.add_source_gaps(offset, error);
        let carried = Carried {
            wrapping: self.wrapping,
            streams: self.streams,
            by_producer: self.by_producer,
            last_stream: self.last_stream,
            lines: self.lines,
            end,
        };
        (carried, self.collector)
    }

    /// Notes how far a part was read, which a file that is cut meanwhile ends.
    fn end_part(&mut self, offset: u64) {
        let Some(source) = self.collector.sources.get_mut(self.source) else { return };
        let Some(part) = &mut source.part else { return };
        let wanted = std::mem::replace(&mut part.to, offset);
        if offset < wanted {
            let place = self.whole(offset);
            let why = format!("it was cut while it was read: at {offset}, and {wanted} was to be reached");
            self.collector.add_gap_at(GapKind::Truncated, "the rest of a log", &why, place);
        }
    }

    /// All that was read.
    fn whole(&self, offset: u64) -> Place {
        let part = self.collector.sources.get(self.source).and_then(|source| source.part);
        let from = part.map_or(0, |part| part.from);
        let bytes = part.map_or(0, |_| offset.saturating_sub(from));
        Place { source: self.source, line: 1, last_line: self.lines.max(1), offset: from, bytes }
    }

    /// What the records of each producer were taken for; the counts of the streams start anew.
    fn formats_by_producer(&mut self) -> Vec<FormatUse> {
        let mut uses: Vec<FormatUse> = Vec::new();
        for stream in &mut self.streams {
            let producer = stream.producer.clone();
            let counts = stream.take_formats();
            let start = uses.len();
            uses.extend(FormatName::ALL.into_iter().zip(counts).filter(|(_, records)| *records > 0).map(
                |(format, records)| FormatUse {
                    producer: producer.clone(),
                    format: (format != FormatName::Plain).then_some(format),
                    records,
                },
            ));
            if let Some(own) = uses.get_mut(start..) {
                own.sort_by_key(|use_| std::cmp::Reverse(use_.records));
            }
        }
        uses
    }

    /// The collector that wrapped at least half of the lines in JSON.
    fn collector_format(&self) -> Option<FormatName> {
        let count = |format: FormatName| self.wrapped.get(format as usize).copied().unwrap_or(0);
        [FormatName::DockerJson, FormatName::Journal]
            .into_iter()
            .find(|format| count(*format) * 2 > self.lines)
    }

    fn add_source_gaps(&mut self, offset: u64, error: Option<&str>) {
        let place = self.whole(offset);
        if let Some(error) = error {
            let why = format!("reading stopped: {error}");
            self.collector.add_gap_at(GapKind::Truncated, "the rest of a log", &why, place);
        }
        if self.clock.met_unknown_year {
            let why = "its times have no year, and neither a file date nor a crash time tells which";
            self.collector.add_gap_at(GapKind::Unknown, "times of a log", why, place);
        }
        if self.goes_back_a_year {
            let what = "the years of a log's times";
            let why = "the times have no year and span more than one: those in front of a step back may be a year too late";
            self.collector.add_gap_at(GapKind::Unknown, what, why, place);
        }
        if self.clock.met_undated {
            let why = "its clock tells no date: seconds since boot, or the time of day";
            self.collector.add_gap_at(GapKind::Unknown, "times of records", why, place);
        }
    }
}

/// The format that most records have, of any producer.
fn most_frequent(uses: &[FormatUse], wrapped: &[u64], except: Option<FormatName>) -> FormatName {
    let mut best = (0, FormatName::Plain);
    for (format, wrapped) in FormatName::ALL.into_iter().zip(wrapped) {
        let records = uses.iter().filter(|known| known.format == Some(format)).map(|known| known.records);
        let count = records.sum::<u64>() + wrapped;
        if count > best.0 && format != FormatName::Plain && Some(format) != except {
            best = (count, format);
        }
    }
    best.1
}
