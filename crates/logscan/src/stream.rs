//! The lines of one producer: what is under assembly, and the record that they belong to.

use std::hash::{Hash, Hasher};

use pycoroner_findings::{GapKind, TimeBasis, Timestamp};
use rustc_hash::FxHasher;

use crate::ascii::lossy;
use crate::collector::{Carrier, Collector};
use crate::document::{Introduction, Place};
use crate::dump::{DumpBuilder, FedDump};
use crate::events::Fact;
use crate::format::FormatName;
use crate::header::{self, Header};
use crate::level::Level;
use crate::traceback::{Delivery, Exception, Fed, TracebackBuilder};

/// Tracebacks that threads of one producer write at the same time.
const MAX_INTERLEAVED: usize = 64;
/// Things that wait for the next record's time.
const MAX_WAITING: usize = 64;
/// Bytes of a record's line that are kept for what follows it.
const HEAD_LIMIT: usize = 1024;
/// Lines behind a torn traceback in which its rest is looked for.
const TORN_LINES: u64 = 200;

/// What a time is worth that only one neighbour gives: nothing says how far off it is.
const ONE_SIDED_MS: u64 = 86_400_000;

/// One line with its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineContext {
    /// Index of the source.
    pub(crate) source: usize,
    pub(crate) number: u64,
    pub(crate) offset: u64,
    /// Bytes with the line's end.
    pub(crate) len: u64,
    /// The line's own time, where a collector states it.
    pub(crate) stamp: Option<Timestamp>,
    pub(crate) pid: Option<u64>,
    pub(crate) level: Option<Level>,
}

/// The last record: what a bare traceback behind it belongs to.
#[derive(Debug, Default)]
struct LastRecord {
    /// The start of its line; read again only when something follows it.
    line: Vec<u8>,
    stamp: Option<Timestamp>,
    level: Option<Level>,
    pid: Option<u64>,
    /// Nothing stood between it and the present line.
    is_adjacent: bool,
    exists: bool,
}

/// A traceback or dump under assembly.
struct Open {
    stack: OpenStack,
    carrier: Carrier,
    /// The time is the record's own, and not only near.
    is_dated: bool,
    /// The producer inside the stream whose records carry the lines, as long as that may be.
    key: Option<u64>,
    /// Bytes that the collector counts for it.
    charged: usize,
}

enum OpenStack {
    Traceback(Box<TracebackBuilder>),
    Dump(Box<DumpBuilder>),
}

/// Something complete whose time is that of its neighbours.
enum Waiting {
    Tree(Vec<Exception>, Carrier),
    Dump(Box<crate::dump::Dump>, Carrier),
    Fact(Box<Fact>, Carrier),
}

/// The state of one producer.
#[derive(Default)]
pub(crate) struct Stream {
    pub(crate) producer: Option<String>,
    last: LastRecord,
    open: Option<Open>,
    /// Tracebacks each of whose lines is a record, by the records' process and thread.
    interleaved: Vec<Open>,
    introduction: Option<(Introduction, Option<String>)>,
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    torn_until: u64,
    after_quote: bool,
    /// The last record was kept, and takes further lines.
    pub(crate) record_kept: bool,
    /// The start of a line that came in parts.
    pub(crate) partial: Vec<u8>,
    /// Records of each format in the present source.
    formats: [u64; FormatName::ALL.len()],
}

/// Tells the producers inside one stream apart.
pub(crate) fn key_of(header: &Header<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    header.pid.hash(&mut hasher);
    header.thread.hash(&mut hasher);
    hasher.finish()
}

impl Stream {
    pub(crate) fn new(producer: Option<String>) -> Self {
        Self { producer, ..Self::default() }
    }

    /// Nothing is open, so that a record without needles needs no more than to be counted.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.is_none()
            && self.interleaved.is_empty()
            && self.waiting.is_empty()
            && self.torn_until == 0
            && self.introduction.is_none()
            && !self.record_kept
            && !self.after_quote
    }

    #[inline]
    pub(crate) fn count_format(&mut self, format: FormatName) {
        if let Some(count) = self.formats.get_mut(format as usize) {
            *count += 1;
        }
    }

    /// The records of each format since this was last asked.
    pub(crate) fn take_formats(&mut self) -> [u64; FormatName::ALL.len()] {
        std::mem::replace(&mut self.formats, [0; FormatName::ALL.len()])
    }

    /// Whether a record came before.
    pub(crate) fn has_record(&self) -> bool {
        self.last.exists
    }

    /// Forgets what stood in front of a record and is over now.
    pub(crate) fn start_record(&mut self, number: u64) {
        self.record_kept = false;
        self.introduction = None;
        self.after_quote = false;
        if number >= self.torn_until {
            self.torn_until = 0;
        }
    }

    pub(crate) fn has_open(&self) -> bool {
        self.open.is_some()
    }

    /// Remembers a record.
    pub(crate) fn set_record(
        &mut self,
        line: &[u8],
        stamp: Option<Timestamp>,
        level: Option<Level>,
        pid: Option<u64>,
    ) {
        self.last.line.clear();
        self.last.line.extend_from_slice(line.get(..HEAD_LIMIT).unwrap_or(line));
        self.last.stamp = stamp.or(self.last.stamp);
        self.last.level = level;
        self.last.pid = pid;
        self.last.is_adjacent = true;
        self.last.exists = true;
    }

    /// Closes what a record's line ends, or hands the line on to what it continues; `true` when it was taken.
    pub(crate) fn before_record(
        &mut self,
        header: &Header<'_>,
        context: &LineContext,
        collector: &mut Collector<'_>,
    ) -> bool {
        if let Some(open) = self.open.take() {
            let is_undecided = match &open.stack {
                OpenStack::Traceback(builder) => open.key.is_some() && !builder.has_content(),
                OpenStack::Dump(_) => false,
            };
            if is_undecided {
                if self.interleaved.len() >= MAX_INTERLEAVED {
                    let oldest = self.interleaved.remove(0);
                    self.close(oldest, true, context.number, collector);
                }
                self.interleaved.push(open);
            } else {
                let torn = !open.is_complete();
                self.close(open, torn, context.number, collector);
            }
        }
        if collector.room() == 0 {
            self.close_for_room(context.number, collector);
        }
        let key = key_of(header);
        let Some(at) = self.interleaved.iter().position(|open| open.key == Some(key)) else { return false };
        let Some(open) = self.interleaved.get_mut(at) else { return false };
        let fed = match &mut open.stack {
            OpenStack::Traceback(builder) => builder.feed(header.message, Delivery::Prefixed),
            OpenStack::Dump(_) => Fed::Done,
        };
        match fed {
            Fed::Stack | Fed::Message => {
                open.extend(context, collector);
                true
            }
            Fed::Done | Fed::Torn => {
                let open = self.interleaved.remove(at);
                self.close(open, fed == Fed::Torn, context.number, collector);
                false
            }
        }
    }

    /// Offers a line that starts no record to what is open; `true` when it was taken.
    pub(crate) fn feed_bare(
        &mut self,
        line: &[u8],
        context: &LineContext,
        collector: &mut Collector<'_>,
    ) -> bool {
        let delivery = if self.last.exists { Delivery::Bare } else { Delivery::Headless };
        if collector.room() == 0 {
            self.close_for_room(context.number, collector);
        }
        let Some(open) = &mut self.open else { return false };
        let mut torn = false;
        match &mut open.stack {
            OpenStack::Traceback(builder) => match builder.feed(line, delivery) {
                Fed::Stack | Fed::Message => {
                    open.extend(context, collector);
                    return true;
                }
                Fed::Done => {}
                Fed::Torn => torn = true,
            },
            OpenStack::Dump(builder) => match builder.feed(line) {
                FedDump::Taken => {
                    // An empty line may end the dump: it counts when something follows.
                    if !line.trim_ascii().is_empty() {
                        open.extend(context, collector);
                    }
                    return true;
                }
                FedDump::Done => {}
                FedDump::Another(at) => {
                    let start = line.get(at..).unwrap_or_default();
                    if let Some(open) = self.open.take() {
                        self.close(open, false, context.number, collector);
                    }
                    self.open_dump(start, context);
                    return true;
                }
            },
        }
        if let Some(open) = self.open.take() {
            self.close(open, torn, context.number, collector);
        }
        false
    }

    /// Starts a traceback. `record` is the record on whose line the header stands.
    pub(crate) fn open_traceback(&mut self, line: &[u8], record: Option<&Header<'_>>, context: &LineContext) {
        let builder = TracebackBuilder::open(line, self.after_quote);
        let key = record.map(key_of);
        let (carrier, is_dated) = self.carrier(context, record.is_some());
        self.open =
            Some(Open { stack: OpenStack::Traceback(Box::new(builder)), carrier, is_dated, key, charged: 0 });
    }

    /// Starts with a frame, where a torn traceback's rest may be.
    pub(crate) fn open_torn(&mut self, line: &[u8], context: &LineContext) {
        let mut builder = TracebackBuilder::open_torn(line);
        builder.feed(line, Delivery::Bare);
        let (mut carrier, is_dated) = self.carrier(context, false);
        carrier.log_message = None;
        let stack = OpenStack::Traceback(Box::new(builder));
        self.open = Some(Open { stack, carrier, is_dated, key: None, charged: 0 });
    }

    pub(crate) fn open_dump(&mut self, line: &[u8], context: &LineContext) {
        let builder = DumpBuilder::open(line);
        let (carrier, _) = self.carrier(context, false);
        let carrier = Carrier {
            log_message: None,
            level: None,
            logger: None,
            request_id: None,
            thread: None,
            pid: context.pid,
            ..carrier
        };
        let is_dated = context.stamp.is_some();
        self.open = Some(Open {
            stack: OpenStack::Dump(Box::new(builder)),
            carrier,
            is_dated,
            key: None,
            charged: 0,
        });
    }

    pub(crate) fn may_hold_torn_rest(&self, line: u64) -> bool {
        line < self.torn_until
    }

    /// Remembers what introduces the next traceback.
    pub(crate) fn introduce(&mut self, introduction: Introduction, thread: Option<String>) {
        self.introduction = Some((introduction, thread));
    }

    /// Notes the end of a line that nothing took.
    pub(crate) fn pass_bare(&mut self, line: &[u8], number: u64) {
        self.after_quote = line.trim_ascii() == b"\"\"\"";
        self.last.is_adjacent = false;
        if number >= self.torn_until {
            self.torn_until = 0;
        }
    }

    /// States a fact of a line that is no record: its time is its neighbours'.
    pub(crate) fn add_fact(
        &mut self,
        fact: Fact,
        own: Option<Timestamp>,
        context: &LineContext,
        collector: &mut Collector<'_>,
    ) {
        let (mut carrier, _) = self.carrier(context, false);
        if let Some(stamp) = own.or(context.stamp) {
            carrier.stamp = Some(stamp);
            collector.add_event(fact, &carrier);
            return;
        }
        carrier.stamp = self.last.stamp;
        self.wait(Waiting::Fact(Box::new(fact), carrier), size_of::<Fact>(), collector);
    }

    /// What is known of a line by the record in front of it; and whether the time is its own.
    fn carrier(&mut self, context: &LineContext, is_record: bool) -> (Carrier, bool) {
        let mut carrier = Carrier {
            stamp: context.stamp,
            place: context.place(),
            producer: self.producer.clone(),
            pid: context.pid,
            level: context.level,
            ..Carrier::default()
        };
        if let Some((introduction, thread)) = self.introduction.take() {
            carrier.introduced_by = Some(introduction);
            carrier.thread = thread;
        }
        let is_weighty = self.last.level.is_some_and(|level| level >= Level::Warning);
        let belongs = is_record || is_weighty || carrier.introduced_by == Some(Introduction::NeverRetrieved);
        if self.last.exists
            && belongs
            && (is_record || carrier.introduced_by != Some(Introduction::ExceptionInThread))
        {
            let header = header::parse(&self.last.line);
            let text = |bytes: &[u8]| (!bytes.is_empty()).then(|| lossy(bytes, 512));
            if let Some(header) = header {
                carrier.logger = text(header.logger);
                carrier.thread = carrier.thread.or_else(|| text(header.thread));
                carrier.request_id = text(header.request_id);
                carrier.log_message = text(header.message.trim_ascii())
                    .filter(|message| !message.starts_with("Traceback (most"));
                carrier.pid = carrier.pid.or(header.pid);
            }
            carrier.level = carrier.level.or(self.last.level);
            carrier.stamp = carrier.stamp.or(self.last.stamp);
            return (carrier, true);
        }
        let is_dated = carrier.stamp.is_some();
        carrier.stamp = carrier.stamp.or(self.last.stamp);
        (carrier, is_dated)
    }

    /// Gives up what is open, since all streams together hold too much.
    fn close_for_room(&mut self, line: u64, collector: &mut Collector<'_>) {
        let given_up = self.open.take().into_iter().chain(std::mem::take(&mut self.interleaved));
        for mut open in given_up.collect::<Vec<_>>() {
            if let OpenStack::Traceback(builder) = &mut open.stack {
                builder.hit_limit = true;
            }
            let torn = !open.is_complete();
            self.close(open, torn, line, collector);
        }
        self.settle(None, collector);
    }

    /// Finishes what was open.
    fn close(&mut self, open: Open, torn: bool, line: u64, collector: &mut Collector<'_>) {
        let Open { stack, carrier, is_dated, charged, .. } = open;
        collector.open_bytes = collector.open_bytes.saturating_sub(charged);
        match stack {
            OpenStack::Traceback(builder) => {
                if torn {
                    self.torn_until = line + TORN_LINES;
                }
                if !builder.has_content() {
                    let why = "other lines follow it, and which ones belong to it cannot be told";
                    collector.add_gap_at(
                        GapKind::Truncated,
                        "the traceback behind a header",
                        why,
                        carrier.place,
                    );
                    return;
                }
                if builder.hit_limit {
                    let why = "it is longer than a scan keeps of one traceback";
                    collector.add_gap_at(GapKind::Limit, "the rest of a traceback", why, carrier.place);
                }
                let exceptions = builder.finish();
                if is_dated {
                    collector.add_tree(exceptions, &carrier);
                } else {
                    self.wait(Waiting::Tree(exceptions, carrier), charged, collector);
                }
            }
            OpenStack::Dump(builder) => {
                if !builder.has_content() {
                    return;
                }
                let dump = builder.finish();
                if is_dated {
                    collector.add_dump(dump, &carrier);
                } else {
                    self.wait(Waiting::Dump(Box::new(dump), carrier), charged, collector);
                }
            }
        }
    }

    fn wait(&mut self, waiting: Waiting, charged: usize, collector: &mut Collector<'_>) {
        if self.waiting.len() >= MAX_WAITING || self.waiting_bytes + charged > collector.room() {
            self.settle(None, collector);
        }
        self.waiting.push(waiting);
        self.waiting_bytes += charged;
        collector.open_bytes += charged;
    }

    /// Dates what waits, between the last record and the next.
    ///
    /// A dump and a fact take the next record's time: it is the reaction to a death, while the last record before it
    /// may be hours old. A traceback takes the last record's.
    pub(crate) fn settle(&mut self, next: Option<Timestamp>, collector: &mut Collector<'_>) {
        collector.open_bytes = collector.open_bytes.saturating_sub(std::mem::take(&mut self.waiting_bytes));
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Tree(exceptions, mut carrier) => {
                    carrier.stamp = between(carrier.stamp.or(next), carrier.stamp, next);
                    collector.add_tree(exceptions, &carrier);
                }
                Waiting::Dump(dump, mut carrier) => {
                    carrier.stamp = between(next.or(carrier.stamp), carrier.stamp, next);
                    collector.add_dump(*dump, &carrier);
                }
                Waiting::Fact(fact, mut carrier) => {
                    carrier.stamp = between(next.or(carrier.stamp), carrier.stamp, next);
                    collector.add_event(*fact, &carrier);
                }
            }
        }
    }

    /// Ends the stream; `end` is when the file was last written.
    pub(crate) fn finish(&mut self, line: u64, end: Option<Timestamp>, collector: &mut Collector<'_>) {
        let open: Vec<Open> =
            self.open.take().into_iter().chain(std::mem::take(&mut self.interleaved)).collect();
        for open in open {
            let torn = !open.is_complete();
            self.close(open, torn, line, collector);
        }
        let end = end.filter(|end| self.last.stamp.is_none_or(|last| last.time <= end.time));
        self.settle(end, collector);
    }
}

impl Open {
    /// Takes the line into the place, and charges what the stack holds by now.
    fn extend(&mut self, context: &LineContext, collector: &mut Collector<'_>) {
        let weight = match &self.stack {
            OpenStack::Traceback(builder) => builder.weight,
            OpenStack::Dump(builder) => builder.weight,
        };
        collector.open_bytes = (collector.open_bytes + weight).saturating_sub(self.charged);
        self.charged = weight;
        if self.carrier.place.source != context.source {
            // A rotated log goes on in its next file.
            self.carrier.rest.get_or_insert_with(|| context.place());
        }
        let place = match &mut self.carrier.rest {
            Some(rest) => rest,
            None => &mut self.carrier.place,
        };
        place.last_line = context.number;
        place.bytes = (context.offset + context.len).saturating_sub(place.offset);
    }

    fn is_complete(&self) -> bool {
        match &self.stack {
            OpenStack::Traceback(builder) => builder.is_complete(),
            OpenStack::Dump(_) => true,
        }
    }
}

impl LineContext {
    pub(crate) fn place(&self) -> Place {
        Place {
            source: self.source,
            line: self.number,
            last_line: self.number,
            offset: self.offset,
            bytes: self.len,
        }
    }
}

/// A time that is a neighbour's, as uncertain as the neighbours are apart.
fn between(
    chosen: Option<Timestamp>,
    previous: Option<Timestamp>,
    next: Option<Timestamp>,
) -> Option<Timestamp> {
    let chosen = chosen?;
    if chosen.basis == TimeBasis::FileModified {
        return Some(Timestamp { uncertainty_ms: ONE_SIDED_MS, ..chosen });
    }
    let apart = match (previous, next) {
        (Some(previous), Some(next)) => next.time.millis_since(previous.time).unsigned_abs(),
        _ => ONE_SIDED_MS,
    };
    Some(Timestamp {
        time: chosen.time,
        basis: TimeBasis::InferredNeighbour,
        uncertainty_ms: chosen.uncertainty_ms.saturating_add(apart),
    })
}
