//! Takes in the lines of a source, in their order: records, and what belongs to them.

mod counting;
mod ending;
mod export;
mod heads;
mod intake;
mod json_lines;
mod lines_of_block;
mod loki;
mod newest_first;
mod runs;

use pycoroner_findings::{GapKind, TimeBasis, Timestamp, UtcTime};
use rustc_hash::FxHashMap;

use self::heads::{HeaderInLine, header_in, introduce, says_something_else};
use crate::analysis::{Analyst, Lines, Shape, Wanted};
use crate::ascii::{indent, lossy, until};
use crate::backwards::Turned;
use crate::clock::{Clock, own_or_collected};
use crate::collector::{Carrier, Collector};
use crate::document::{LogSource, Place};
use crate::dump::DumpBuilder;
use crate::embedded;
use crate::envelope::{Envelope, Wrapping};
use crate::events;
use crate::exception_line::exception_line;
use crate::explanation::{LineOrder, LineTally, Why};
use crate::format::FormatName;
use crate::frame::Frame;
use crate::header::{self, Header, NumberColumn};
use crate::json;
use crate::json_record::JsonRecord;
use crate::level::Level;
use crate::lines::{Block, strip_ansi};
use crate::needles::{Hits, Needles};
use crate::pipeline::Start;
use crate::records::Item;
use crate::separation::Spoken;
use crate::stream::{LineContext, Stream};
use crate::template::Named;
use crate::traceback::{Exception, is_box, is_header};
use crate::window::Position;
pub(crate) use export::is_export;
pub(crate) use intake::{Carried, Intake};
pub(crate) use json_lines::{holds_record, is_document};

const MAX_PRODUCERS: usize = 2_048;
const PARTIAL_LIMIT: usize = 256 << 10;
const MOST_OF_A_YEAR_MS: i64 = 300 * 86_400_000;

pub(crate) struct SourceScanner<'o> {
    collector: Collector<'o>,
    source: usize,
    /// The bit of its log.
    log: u64,
    /// When what is read of it was last changed.
    modified: Option<UtcTime>,
    whole_because: Option<&'static str>,
    /// Its lines come from the last one to the first.
    turned: Option<Turned>,
    /// How its first lines stand; `None` for the usual order.
    order: Option<LineOrder>,
    /// The time of its first line, when that is the newest one.
    newest: Option<UtcTime>,
    has_document: bool,
    clock: Clock,
    wrapping: Option<Wrapping>,
    /// What a bare number is in the heads of its records.
    column: NumberColumn,
    streams: Vec<Stream>,
    by_producer: FxHashMap<Vec<u8>, usize>,
    last_stream: usize,
    /// Records that a collector's wrapping in JSON holds, and documents.
    wrapped: [u64; FormatName::ALL.len()],
    lines: u64,
    records: u64,
    tally: LineTally,
    first: Option<UtcTime>,
    last: Option<UtcTime>,
    /// Times without a year went back by most of one: the log is longer than that.
    goes_back_a_year: bool,
    scratch: Vec<u8>,
    /// The entry of a journal's export that is being read.
    entry: export::Entry,
    /// The start of the line that the block before this one cut.
    cut: Option<Place>,
    /// Looks at lines that are taken in one by one.
    analyst: Analyst,
}

impl<'o> SourceScanner<'o> {
    fn new(start: &Start, carried: Option<Carried>, mut collector: Collector<'o>) -> Self {
        let source = collector.sources.len();
        let log = collector.add_log(&start.path, start.continues);
        let clock = Clock::of_source(collector.options(), start.id, start.modified);
        collector.sources.push(LogSource {
            id: start.id,
            path: start.path.clone(),
            format: FormatName::Plain,
            inner_format: None,
            bytes: 0,
            lines: 0,
            records: 0,
            unparsed_bytes: 0,
            first: None,
            last: None,
            time_basis: None,
            producers: Vec::new(),
            continues_previous: start.carries_on && carried.is_some(),
            part: start.part,
            explanation: None,
        });
        let carried = carried.unwrap_or_default();
        Self {
            collector,
            source,
            log,
            // What is behind the part may be written later.
            modified: start.modified.filter(|_| start.part.is_none_or(|part| part.to >= part.of)),
            whole_because: start.whole_because,
            turned: start.turned,
            order: start.turned.map(|_| LineOrder::TurnedRound),
            newest: None,
            has_document: false,
            clock,
            wrapping: carried.wrapping,
            column: NumberColumn::Unknown,
            streams: carried.streams,
            by_producer: carried.by_producer,
            last_stream: carried.last_stream,
            wrapped: [0; FormatName::ALL.len()],
            lines: 0,
            records: 0,
            tally: LineTally::default(),
            first: None,
            last: None,
            goes_back_a_year: false,
            scratch: Vec::new(),
            entry: export::Entry::default(),
            cut: None,
            analyst: Analyst::new(Wanted::default()),
        }
    }

    fn block(&mut self, block: &Block, shape: Shape, bytes: &[u8], lines: &Lines<'_>) {
        match shape {
            Shape::Document if self.has_document => return self.rest_of_document(block, bytes),
            Shape::Document => {
                self.has_document = true;
                return self.document(block, bytes);
            }
            Shape::Lines(wrapping, column) => (self.wrapping, self.column) = (wrapping, column),
        }
        self.note_skipped(block.skipped);
        if !self.turned_round(block, bytes) {
            self.lines_of(lines, block, bytes);
            self.rest_of(lines.end..bytes.len(), block, bytes);
        }
        if block.is_cut {
            self.cut = Some(Place {
                source: self.source,
                line: self.lines,
                last_line: self.lines,
                offset: block.offset,
                bytes: block.len as u64,
            });
        }
    }

    fn note_skipped(&mut self, skipped: u64) {
        let Some(mut place) = self.cut.take().filter(|_| skipped > 0) else { return };
        place.bytes += skipped;
        self.tally.unparsed(Why::TooLong, b"", Place { bytes: skipped, ..place });
        let what = format!("{skipped} bytes of line {}", place.line);
        self.collector.add_gap_at(GapKind::Limit, &what, "the line is longer than a mebibyte", place);
    }

    fn raw_line(&mut self, line: &[u8], context: LineContext, hits: Hits) {
        if self.wrapping == Some(Wrapping::Export) {
            return self.export_line(line, context);
        }
        if memchr::memchr(0x1b, line).is_some() {
            let mut scratch = std::mem::take(&mut self.scratch);
            strip_ansi(line, &mut scratch);
            let hits = Needles::get().in_line(&scratch);
            self.line(&scratch, context, hits);
            self.scratch = scratch;
        } else {
            self.line(line, context, hits);
        }
    }

    #[inline]
    fn line(&mut self, line: &[u8], context: LineContext, hits: Hits) {
        match self.wrapping {
            None => self.text(0, line, context, hits),
            Some(wrapping) => match wrapping.peel(line) {
                Some(envelope) => self.enveloped(&envelope, context, hits),
                None => self.bare(self.last_stream, line, context, hits),
            },
        }
    }

    /// A line without its wrapping.
    #[inline]
    fn text(&mut self, stream: usize, line: &[u8], context: LineContext, hits: Hits) {
        if line.first() == Some(&b'{')
            && (self.json(stream, line, context, hits, 0) || self.document_line(line, context, hits))
        {
            return;
        }
        match header::parse_in(line, self.column) {
            Some(header) => self.record(stream, line, &header, context, hits),
            None if context.stamp.is_some() && !line.first().is_some_and(u8::is_ascii_whitespace) => {
                // The collector's time makes a record of every line that no traceback takes.
                if !self.stack_takes(stream, line, context, hits) {
                    let mut header = Header::new(None, FormatName::Plain, line);
                    header.level = context.level;
                    header.pid = context.pid;
                    self.record(stream, line, &header, context, hits);
                }
            }
            None => self.bare(stream, line, context, hits),
        }
    }

    fn enveloped(&mut self, envelope: &Envelope<'_>, mut context: LineContext, hits: Hits) {
        let stream = self.stream_of(envelope.producer);
        self.last_stream = stream;
        context.stamp = envelope.time.and_then(|time| self.clock.resolve(time));
        context.pid = envelope.pid;
        context.level = envelope.level;
        self.join_parts(stream, envelope.text, envelope.is_partial, context, hits);
    }

    /// Hands a line on, once its last part is there.
    fn join_parts(&mut self, stream: usize, text: &[u8], is_partial: bool, context: LineContext, hits: Hits) {
        let Some(state) = self.streams.get_mut(stream) else { return };
        if !is_partial && state.partial.is_empty() {
            return self.text(stream, text, context, hits);
        }
        let room = PARTIAL_LIMIT.saturating_sub(state.partial.len()).min(self.collector.room());
        let part = text.get(..room).unwrap_or(text);
        state.partial.extend_from_slice(part);
        self.collector.open_bytes += part.len();
        if !is_partial {
            let line = std::mem::take(&mut state.partial);
            self.collector.open_bytes = self.collector.open_bytes.saturating_sub(line.len());
            let hits = Needles::get().in_line(&line);
            self.text(stream, &line, context, hits);
        }
    }

    fn stream_of(&mut self, producer: &[u8]) -> usize {
        if producer.is_empty() {
            return 0;
        }
        if let Some(stream) = self.by_producer.get(producer) {
            return *stream;
        }
        if self.by_producer.len() >= MAX_PRODUCERS {
            return 0;
        }
        let stream = self.streams.len();
        self.streams.push(Stream::new(stream, Some(lossy(producer, 128))));
        self.by_producer.insert(producer.to_vec(), stream);
        stream
    }

    /// A line that starts a record.
    fn record(&mut self, stream: usize, line: &[u8], header: &Header<'_>, context: LineContext, hits: Hits) {
        self.named_record(stream, line, header, None, context, hits);
    }

    /// A line that starts a record, the name of whose template may be known.
    #[inline]
    fn named_record(
        &mut self,
        stream: usize,
        line: &[u8],
        header: &Header<'_>,
        named: Option<Named<'_>>,
        context: LineContext,
        hits: Hits,
    ) {
        let Some(state) = self.streams.get_mut(stream) else { return };
        let stated = header.time.and_then(|time| self.clock.resolve(time));
        if let (Some(own), Some(collected)) = (stated, context.stamp) {
            self.tally.skew(collected.time.millis_since(own.time));
        }
        let stamp = own_or_collected(stated, context.stamp);
        let level = header.level.or(context.level);
        if !state.is_idle() {
            let with_stamp = LineContext { stamp, ..context };
            if state.before_record(line, header, &with_stamp, &mut self.collector) {
                self.tally.uses.stacks += 1;
                return;
            }
            if stamp.is_some() {
                state.settle(stamp, &mut self.collector);
            }
            state.start_record(context.number);
        }
        let pid = header.pid.or(context.pid);
        state.set_record(line, stamp, level, pid);
        let context = LineContext { stamp, pid, level, ..context };
        let position = self.count(stream, line, header, named, &context);
        if level.is_some_and(|level| level >= Level::Warning) {
            self.keep_warning(stream, header, &context, position);
        }
        if !hits.is_empty() {
            self.record_hits(stream, line, header, context, hits);
        }
    }

    /// Counts a record whose context holds its time, level and process.
    #[inline]
    fn count(
        &mut self,
        stream: usize,
        line: &[u8],
        header: &Header<'_>,
        named: Option<Named<'_>>,
        context: &LineContext,
    ) -> Position {
        let stamp = context.stamp;
        self.records += 1;
        self.tally.uses.records += 1;
        self.note_time(stamp);
        if let Some(look) = &mut self.collector.look {
            look.take(&Spoken { line, header, named, context });
            return Position::Unknown;
        }
        if let Some(state) = self.streams.get_mut(stream) {
            state.count_formats(header.format, 1);
            if self.collector.assembly.is_some() {
                self.collector.begin_record(state, header, context);
                return Position::Unknown;
            }
        }
        let position = self.collector.position(stamp);
        self.collector.count_record(context.level, stamp.map(|stamp| stamp.time), position);
        if self.collector.options().templates {
            self.count_message(stream, header, context, position, named);
        }
        position
    }

    #[inline]
    fn note_time(&mut self, stamp: Option<Timestamp>) {
        self.tally.times(stamp.map(|stamp| (stamp.basis, stamp.uncertainty_ms)), 1);
        let Some(Timestamp { time, basis, .. }) = stamp else { return };
        if basis == TimeBasis::InferredYear
            && self.last.is_some_and(|last| last.millis_since(time) > MOST_OF_A_YEAR_MS)
        {
            self.goes_back_a_year = true;
        }
        if self.first.is_none_or(|first| time < first) {
            self.first = Some(time);
        }
        if self.last.is_none_or(|last| time > last) {
            self.last = Some(time);
        }
    }

    /// What a record's own line holds beyond its message.
    fn record_hits(
        &mut self,
        stream: usize,
        line: &[u8],
        header: &Header<'_>,
        context: LineContext,
        hits: Hits,
    ) {
        let message = header.message;
        let Some(state) = self.streams.get_mut(stream) else { return };
        if hits.has(Hits::TRACEBACK.with(Hits::STRUCTURED)) {
            let trees = carried_trees(line, header);
            if !trees.is_empty() {
                let carrier = carrier_of(header, state, state.last_item(), &context);
                for tree in trees {
                    self.collector.add_tree(tree, &carrier);
                }
                return;
            }
        }
        if hits.has(Hits::TRACEBACK) {
            match header_in(message) {
                Some(HeaderInLine::AtEnd(text)) => {
                    let prefix = line.strip_suffix(text).unwrap_or_default();
                    return state.open_traceback(text, prefix, Some(header), &context, &mut self.collector);
                }
                Some(HeaderInLine::Escaped(text)) => {
                    let trees = embedded::trees(&embedded::unescape(text));
                    let carrier = carrier_of(header, state, state.last_item(), &context);
                    for tree in trees {
                        self.collector.add_tree(tree, &carrier);
                    }
                    return;
                }
                None => {}
            }
        }
        if hits.has(Hits::DUMP)
            && let Some(at) = DumpBuilder::start_of(message)
        {
            let text = message.get(at..).unwrap_or_default();
            let prefix = line.strip_suffix(text).unwrap_or_default();
            let (item, is_inside) = (state.last_item(), at > indent(message));
            return state.open_dump(text, prefix, is_inside, item, &context, &mut self.collector);
        }
        if hits.has(Hits::INTRODUCTION) {
            introduce(state, message);
        }
        if hits.has(Hits::EVENT)
            && let Some(fact) = events::recognise(message)
        {
            let fact = fact.written_by(context.pid);
            state.add_fact(fact, context.stamp, &context, &mut self.collector);
        }
    }

    /// A line that starts no record.
    fn bare(&mut self, stream: usize, line: &[u8], context: LineContext, hits: Hits) {
        if self.stack_takes(stream, line, context, hits) {
            self.tally.uses.stacks += 1;
            return;
        }
        let Some(state) = self.streams.get_mut(stream) else { return };
        if hits.has(Hits::INTRODUCTION) {
            introduce(state, line);
        }
        let is_empty = line.trim_ascii().is_empty();
        if hits.has(Hits::EVENT)
            && let Some(fact) = events::recognise(line)
        {
            self.tally.uses.facts += 1;
            state.add_fact(fact, None, &context, &mut self.collector);
        } else if is_empty {
            self.tally.uses.empty += 1;
        } else if state.has_record() {
            self.tally.uses.continuations += 1;
        } else if hits.is_empty() {
            let is_object = line.first() == Some(&b'{') && line.trim_ascii_end().ends_with(b"}");
            let why = if is_object { Why::NoRecordInJson } else { Why::NoRecordBefore };
            self.tally.unparsed(why, line, context.place());
        } else {
            self.tally.uses.stacks += 1;
        }
        self.collector.further_line(state, line, &context);
        state.pass_bare(line, context.number);
    }

    /// Offers a line to the stack that is open, or opens one with it.
    fn stack_takes(&mut self, stream: usize, line: &[u8], context: LineContext, hits: Hits) -> bool {
        let Some(state) = self.streams.get_mut(stream) else { return false };
        if !hits.is_empty() && says_something_else(line, hits) {
            state.end_complete(context.number, &mut self.collector);
        }
        if state.has_open() && state.feed_bare(line, &context, &mut self.collector) {
            if hits.has(Hits::EVENT)
                && let Some((_, message)) = exception_line(line.trim_ascii())
                && let Some(fact) = events::recognise(message)
            {
                state.add_fact(fact, None, &context, &mut self.collector);
            }
            return true;
        }
        if hits.has(Hits::TRACEBACK) {
            match header_in(line) {
                Some(HeaderInLine::AtEnd(text)) => {
                    let text = if is_header(line) || is_box(line) { line } else { text };
                    let prefix = line.strip_suffix(text).unwrap_or_default();
                    state.open_traceback(text, prefix, None, &context, &mut self.collector);
                    return true;
                }
                Some(HeaderInLine::Escaped(text)) => {
                    let header = Header::new(None, FormatName::Plain, b"");
                    for tree in embedded::trees(&embedded::unescape(text)) {
                        let item = state.item_of_stack(&mut self.collector);
                        let carrier = carrier_of(&header, state, item, &context);
                        self.collector.add_tree(tree, &carrier);
                    }
                    return true;
                }
                None => {}
            }
        }
        if hits.has(Hits::DUMP)
            && let Some(at) = DumpBuilder::start_of(line)
        {
            let (prefix, text) = line.split_at_checked(at).unwrap_or_default();
            state.open_dump(text, prefix, at > indent(line), None, &context, &mut self.collector);
            return true;
        }
        if state.may_hold_torn_rest(context.number)
            && memchr::memmem::find(line, b", in ").is_some()
            && Frame::parse(line).is_some_and(|frame| frame.function.is_some())
        {
            state.open_torn(line, &context, &mut self.collector);
            return true;
        }
        false
    }
}

/// The tracebacks in a value of logfmt, or in a message that is JSON.
fn carried_trees(line: &[u8], header: &Header<'_>) -> Vec<Vec<Exception>> {
    if header.format == FormatName::Logfmt {
        let value = header::exception_of(line).unwrap_or_default();
        return embedded::trees(&json::unescape(value));
    }
    let object = header.message.trim_ascii();
    match JsonRecord::parse(object).filter(|_| object.ends_with(b"}")) {
        Some(record) => json_lines::exception_trees(&record, &record.message_text()),
        None => Vec::new(),
    }
}

fn carrier_of(header: &Header<'_>, stream: &Stream, item: Option<Item>, context: &LineContext) -> Carrier {
    let text = |bytes: &[u8]| (!bytes.is_empty()).then(|| lossy(bytes, 512));
    Carrier {
        stamp: context.stamp,
        place: context.place(),
        producer: stream.producer.clone(),
        pid: header.pid.or(context.pid),
        thread: text(header.thread),
        request_id: text(header.request_id),
        log_message: text(header.message.trim_ascii())
            .filter(|message| !message.starts_with("Traceback (most")),
        logger: text(header.logger),
        level: header.level.or(context.level),
        introduced_by: None,
        rest: None,
        item,
    }
}

fn first_line(text: &[u8]) -> &[u8] {
    until(text, b'\n')
}
