//! Reads one source: blocks, lines, records.

mod json_lines;

use pycoroner_findings::{GapKind, TimeBasis, Timestamp, UtcTime};
use rustc_hash::FxHashMap;

use crate::ascii::{after, lossy, until};
use crate::clock::Clock;
use crate::collector::{Carrier, Collector};
use crate::document::{Introduction, LogRecord, LogSource, Place};
use crate::dump::DumpBuilder;
use crate::embedded;
use crate::envelope::{Envelope, Wrapping};
use crate::events;
use crate::exception_line::exception_line;
use crate::format::FormatName;
use crate::frame::Frame;
use crate::header::{self, Header};
use crate::json;
use crate::level::Level;
use crate::lines::{Block, Blocks, strip_ansi};
use crate::needles::{Hits, Needles};
use crate::scan::Input;
use crate::stream::{LineContext, Stream};
use crate::traceback::is_header;
use crate::window::Position;
pub(crate) use json_lines::is_document;

const MAX_PRODUCERS: usize = 2_048;
const PARTIAL_LIMIT: usize = 256 << 10;
const MESSAGE_LIMIT: usize = 2048;
const HEADER: &[u8] = b"Traceback (most recent call last)";

/// Reads a source to its end.
pub(crate) fn scan_source(input: Input<'_>, collector: &mut Collector<'_>) {
    let Input { id, path, modified, reader } = input;
    let source = collector.sources.len();
    let clock = Clock::new(&collector.options().assumed_zone, modified);
    collector.sources.push(LogSource {
        id,
        path,
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
    });
    let mut scanner = SourceScanner::new(source, clock, collector);
    let mut blocks = Blocks::new(reader);
    let mut is_first = true;
    let mut is_document_only = false;
    while let Some(block) = blocks.next() {
        if is_first && !block.is_cut && is_document(block.bytes) {
            scanner.document(&block);
            is_document_only = true;
        } else if is_document_only {
            scanner.rest_of_document(&block);
        } else {
            scanner.block(&block, is_first);
        }
        is_first = false;
    }
    let bytes = blocks.offset();
    let error = blocks.error().map(ToString::to_string);
    scanner.finish(bytes, modified, error.as_deref());
}

pub(crate) struct SourceScanner<'c, 'o> {
    collector: &'c mut Collector<'o>,
    source: usize,
    clock: Clock,
    wrapping: Option<Wrapping>,
    streams: Vec<Stream>,
    by_producer: FxHashMap<Vec<u8>, usize>,
    last_stream: usize,
    formats: [u64; FormatName::ALL.len()],
    lines: u64,
    records: u64,
    unparsed_bytes: u64,
    first: Option<UtcTime>,
    last: Option<UtcTime>,
    weakest: Option<TimeBasis>,
    scratch: Vec<u8>,
    /// The start of the line that the block before this one cut.
    cut: Option<Place>,
}

impl<'c, 'o> SourceScanner<'c, 'o> {
    fn new(source: usize, clock: Clock, collector: &'c mut Collector<'o>) -> Self {
        Self {
            collector,
            source,
            clock,
            wrapping: None,
            streams: vec![Stream::new(None)],
            by_producer: FxHashMap::default(),
            last_stream: 0,
            formats: [0; FormatName::ALL.len()],
            lines: 0,
            records: 0,
            unparsed_bytes: 0,
            first: None,
            last: None,
            weakest: None,
            scratch: Vec::new(),
            cut: None,
        }
    }

    fn block(&mut self, block: &Block<'_>, is_first: bool) {
        self.note_skipped(block.skipped);
        let mut bytes = block.bytes;
        let mut offset = block.offset;
        if is_first {
            // A byte order mark is no part of the first line.
            if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
                bytes = rest;
                offset += 3;
            }
            self.wrapping = Wrapping::detect(bytes.get(..bytes.len().min(64 << 10)).unwrap_or_default());
        }
        let may_escape = memchr::memchr(0x1b, bytes).is_some();
        let mut needles = Needles::get().find(bytes);
        let mut needle = needles.next();
        let mut start = 0;
        while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
            let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let end = start + len;
            let mut hits = Hits::default();
            while let Some((at, kind)) = needle
                && at < end
            {
                hits = hits.with(kind);
                needle = needles.next();
            }
            self.lines += 1;
            let whole = (len + 1).min(rest.len());
            let context = LineContext {
                source: self.source,
                number: self.lines,
                offset: offset + start as u64,
                len: whole as u64,
                stamp: None,
                pid: None,
                level: None,
            };
            self.raw_line(rest.get(..len).unwrap_or_default(), context, hits, may_escape);
            start = end + 1;
        }
        if block.is_cut {
            self.cut = Some(Place {
                source: self.source,
                line: self.lines,
                last_line: self.lines,
                offset: block.offset,
                bytes: block.bytes.len() as u64,
            });
        }
    }

    fn note_skipped(&mut self, skipped: u64) {
        let Some(mut place) = self.cut.take().filter(|_| skipped > 0) else { return };
        place.bytes += skipped;
        self.unparsed_bytes += skipped;
        let what = format!("{skipped} bytes of line {}", place.line);
        self.collector.add_gap_at(GapKind::Limit, &what, "the line is longer than a mebibyte", place);
    }

    #[inline]
    fn raw_line(&mut self, line: &[u8], context: LineContext, hits: Hits, may_escape: bool) {
        let mut line = line.strip_suffix(b"\r").unwrap_or(line);
        while let Some(rest) = line.strip_prefix(b"\0") {
            // A file that was cut while it was written to starts with a hole.
            line = rest;
        }
        if may_escape && memchr::memchr(0x1b, line).is_some() {
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
        if line.first() == Some(&b'{') && self.json(stream, line, context, hits, 0) {
            return;
        }
        match header::parse(line) {
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
        self.streams.push(Stream::new(Some(lossy(producer, 128))));
        self.by_producer.insert(producer.to_vec(), stream);
        stream
    }

    /// A line that starts a record.
    #[inline]
    fn record(&mut self, stream: usize, line: &[u8], header: &Header<'_>, context: LineContext, hits: Hits) {
        let Some(state) = self.streams.get_mut(stream) else { return };
        let stated = header.time.and_then(|time| self.clock.resolve(time));
        let stamp = match (stated, context.stamp) {
            // The collector's time has a zone where the record's own may lack it.
            (Some(own), Some(collected)) if own.basis != TimeBasis::Stated => Some(collected),
            (own, collected) => own.or(collected),
        };
        let level = header.level.or(context.level);
        if !state.is_idle() {
            let with_stamp = LineContext { stamp, ..context };
            if state.before_record(header, &with_stamp, self.collector) {
                return;
            }
            if stamp.is_some() {
                state.settle(stamp, self.collector);
            }
            state.start_record(context.number);
        }
        let pid = header.pid.or(context.pid);
        state.set_record(line, stamp, level, pid);
        self.records += 1;
        if let Some(count) = self.formats.get_mut(header.format as usize) {
            *count += 1;
        }
        self.note_time(stamp);
        let position = self.collector.position(stamp);
        self.collector.count_record(level, position);
        if self.collector.options().templates {
            self.collector.templates.add(header.message, level, stamp, position, context.place());
        }
        if level.is_some_and(|level| level >= Level::Warning) {
            self.keep_warning(stream, header, level, stamp, pid, position, context);
        }
        if !hits.is_empty() {
            self.record_hits(stream, header, LineContext { stamp, pid, level, ..context }, hits);
        }
    }

    #[inline]
    fn note_time(&mut self, stamp: Option<Timestamp>) {
        let Some(Timestamp { time, basis, .. }) = stamp else { return };
        if self.first.is_none_or(|first| time < first) {
            self.first = Some(time);
        }
        if self.last.is_none_or(|last| time > last) {
            self.last = Some(time);
        }
        if basis != TimeBasis::Stated {
            self.weakest = Some(basis);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all that `record` has worked out about one record")]
    fn keep_warning(
        &mut self,
        stream: usize,
        header: &Header<'_>,
        level: Option<Level>,
        at: Option<Timestamp>,
        pid: Option<u64>,
        position: Position,
        context: LineContext,
    ) {
        if self.collector.window.is_some() && position != Position::Inside {
            return;
        }
        let Some(state) = self.streams.get_mut(stream) else { return };
        let text = |bytes: &[u8]| (!bytes.is_empty()).then(|| lossy(bytes, 256));
        self.collector.keep_warning(LogRecord {
            at,
            level,
            logger: text(header.logger),
            message: lossy(header.message.trim_ascii_end(), MESSAGE_LIMIT),
            pid,
            thread: text(header.thread),
            request_id: text(header.request_id),
            producer: state.producer.clone(),
            place: context.place(),
        });
        state.record_kept = true;
    }

    /// What a record's own line holds beyond its message.
    fn record_hits(&mut self, stream: usize, header: &Header<'_>, context: LineContext, hits: Hits) {
        let message = header.message;
        let Some(state) = self.streams.get_mut(stream) else { return };
        if hits.has(Hits::TRACEBACK) {
            match header_in(message) {
                Some(HeaderInLine::AtEnd(line)) => return state.open_traceback(line, Some(header), &context),
                Some(HeaderInLine::Escaped(text)) => {
                    let trees = embedded::trees(&json::unescape(text));
                    let carrier = carrier_of(header, state.producer.clone(), &context);
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
            return state.open_dump(message.get(at..).unwrap_or_default(), &context);
        }
        if hits.has(Hits::INTRODUCTION) {
            introduce(state, message);
        }
        if hits.has(Hits::EVENT)
            && let Some(fact) = events::recognise(message)
        {
            state.add_fact(fact, context.stamp, &context, self.collector);
        }
    }

    /// A line that starts no record.
    fn bare(&mut self, stream: usize, line: &[u8], context: LineContext, hits: Hits) {
        if self.stack_takes(stream, line, context, hits) {
            return;
        }
        let Some(state) = self.streams.get_mut(stream) else { return };
        if hits.has(Hits::INTRODUCTION) {
            introduce(state, line);
        }
        if hits.has(Hits::EVENT)
            && let Some(fact) = events::recognise(line)
        {
            state.add_fact(fact, None, &context, self.collector);
        } else if state.record_kept {
            self.collector.extend_warning(line, &context);
        } else if !state.has_record() && !line.trim_ascii().is_empty() && hits.is_empty() {
            self.unparsed_bytes += context.len;
        }
        state.pass_bare(line, context.number);
    }

    /// Offers a line to the stack that is open, or opens one with it.
    fn stack_takes(&mut self, stream: usize, line: &[u8], context: LineContext, hits: Hits) -> bool {
        let Some(state) = self.streams.get_mut(stream) else { return false };
        if state.has_open() && state.feed_bare(line, &context, self.collector) {
            if hits.has(Hits::EVENT)
                && let Some((_, message)) = exception_line(line.trim_ascii())
                && let Some(fact) = events::recognise(message)
            {
                state.add_fact(fact, None, &context, self.collector);
            }
            return true;
        }
        if hits.has(Hits::TRACEBACK) {
            match header_in(line) {
                Some(HeaderInLine::AtEnd(text)) => {
                    let text = if is_header(line) { line } else { text };
                    state.open_traceback(text, None, &context);
                    return true;
                }
                Some(HeaderInLine::Escaped(text)) => {
                    let header = Header::new(None, FormatName::Plain, b"");
                    let carrier = carrier_of(&header, state.producer.clone(), &context);
                    for tree in embedded::trees(&json::unescape(text)) {
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
            state.open_dump(line.get(at..).unwrap_or_default(), &context);
            return true;
        }
        if state.may_hold_torn_rest(context.number)
            && Frame::parse(line).is_some_and(|frame| frame.function.is_some())
        {
            state.open_torn(line, &context);
            return true;
        }
        false
    }

    /// Ends the source and writes down what it was.
    fn finish(mut self, bytes: u64, modified: Option<UtcTime>, error: Option<&str>) {
        let end =
            modified.map(|time| Timestamp { time, basis: TimeBasis::FileModified, uncertainty_ms: 1000 });
        for mut stream in std::mem::take(&mut self.streams) {
            stream.finish(self.lines, end, self.collector);
        }
        let mut producers: Vec<String> = self.by_producer.keys().map(|name| lossy(name, 128)).collect();
        producers.sort();
        let inner = self.most_frequent_format(None);
        let (format, inner_format) = match self.wrapping {
            Some(Wrapping::Compose) => (FormatName::Compose, Some(inner)),
            Some(Wrapping::Cri) => (FormatName::Cri, Some(inner)),
            Some(Wrapping::Syslog) => (FormatName::Syslog, Some(inner)),
            Some(Wrapping::Kubectl | Wrapping::DockerTimes) => (FormatName::Timestamped, Some(inner)),
            None => self.collector_format().map_or((inner, None), |collector| {
                (collector, Some(self.most_frequent_format(Some(collector))))
            }),
        };
        if let Some(source) = self.collector.sources.get_mut(self.source) {
            source.format = format;
            source.inner_format = inner_format.filter(|inner| *inner != FormatName::Plain);
            source.bytes = bytes;
            source.lines = self.lines;
            source.records = self.records;
            source.unparsed_bytes = self.unparsed_bytes;
            source.first = self.first;
            source.last = self.last;
            source.time_basis = self.first.map(|_| self.weakest.unwrap_or(TimeBasis::Stated));
            source.producers = producers;
        }
        if let Some(first) = self.first {
            self.collector.earliest = Some(self.collector.earliest.map_or(first, |known| known.min(first)));
        }
        self.add_source_gaps(error);
    }

    /// The collector that wrapped at least half of the lines in JSON.
    fn collector_format(&self) -> Option<FormatName> {
        let count = |format: FormatName| self.formats.get(format as usize).copied().unwrap_or(0);
        [FormatName::DockerJson, FormatName::Syslog]
            .into_iter()
            .find(|format| count(*format) * 2 > self.lines)
    }

    fn most_frequent_format(&self, except: Option<FormatName>) -> FormatName {
        let mut best = (0, FormatName::Plain);
        for (format, count) in FormatName::ALL.into_iter().zip(self.formats) {
            if count > best.0 && format != FormatName::Plain && Some(format) != except {
                best = (count, format);
            }
        }
        best.1
    }

    fn add_source_gaps(&mut self, error: Option<&str>) {
        let place = Place { source: self.source, line: 1, last_line: self.lines.max(1), offset: 0, bytes: 0 };
        if let Some(error) = error {
            let why = format!("reading stopped: {error}");
            self.collector.add_gap_at(GapKind::Truncated, "the rest of a log", &why, place);
        }
        if self.clock.met_unknown_year {
            let why = "its times have no year, and neither a file date nor a crash time tells which";
            self.collector.add_gap_at(GapKind::Unknown, "times of a log", why, place);
        }
        if self.clock.met_undated {
            let why = "its clock tells no date: seconds since boot, or the time of day";
            self.collector.add_gap_at(GapKind::Unknown, "times of records", why, place);
        }
    }
}

/// A traceback's header inside a line.
enum HeaderInLine<'a> {
    /// It ends the line; its stack stands on the next ones.
    AtEnd(&'a [u8]),
    /// Its stack follows behind escaped newlines.
    Escaped(&'a [u8]),
}

/// Looks for a header that is no quotation.
fn header_in(message: &[u8]) -> Option<HeaderInLine<'_>> {
    if is_header(message) {
        return Some(HeaderInLine::AtEnd(message));
    }
    let at = memchr::memmem::find(message, HEADER)?;
    let rest = message.get(at + HEADER.len()..)?;
    if matches!(message.get(..at)?.trim_ascii_end().last(), Some(b'"' | b'\'' | b'`')) {
        return None;
    }
    let text = message.get(at..)?;
    if rest.trim_ascii() == b":" {
        return Some(HeaderInLine::AtEnd(text));
    }
    rest.starts_with(b":\\n").then_some(HeaderInLine::Escaped(text))
}

fn introduce(stream: &mut Stream, line: &[u8]) {
    if let Some(rest) = after(line, b"Exception in thread ") {
        let name = memchr::memrchr(b':', rest).and_then(|at| rest.get(..at)).unwrap_or(rest);
        stream.introduce(Introduction::ExceptionInThread, Some(lossy(name.trim_ascii(), 128)));
    } else if line.starts_with(b"Exception ignored in") {
        stream.introduce(Introduction::ExceptionIgnored, None);
    } else if memchr::memmem::find(line, b"exception was never retrieved").is_some() {
        stream.introduce(Introduction::NeverRetrieved, None);
    } else if line.starts_with(b"--- Logging error ---") {
        stream.introduce(Introduction::LoggingError, None);
    }
}

fn carrier_of(header: &Header<'_>, producer: Option<String>, context: &LineContext) -> Carrier {
    let text = |bytes: &[u8]| (!bytes.is_empty()).then(|| lossy(bytes, 512));
    Carrier {
        stamp: context.stamp,
        place: context.place(),
        producer,
        pid: header.pid.or(context.pid),
        thread: text(header.thread),
        request_id: text(header.request_id),
        log_message: text(header.message.trim_ascii())
            .filter(|message| !message.starts_with("Traceback (most")),
        logger: text(header.logger),
        level: header.level.or(context.level),
        introduced_by: None,
    }
}

fn first_line(text: &[u8]) -> &[u8] {
    until(text, b'\n')
}
