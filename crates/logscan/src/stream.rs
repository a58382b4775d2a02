//! The lines of one producer: what is under assembly, and the record that they belong to.

mod closing;
mod items;
mod open;
mod waiting;

use std::hash::{Hash, Hasher};

use pycoroner_findings::Timestamp;
use rustc_hash::FxHasher;

use self::open::{Open, OpenStack};
use self::waiting::Waiting;
use crate::ascii::{indent, lossy, trim_start};
use crate::before::Before;
use crate::collector::{Carrier, Collector, WarningNumber};
use crate::document::{Introduction, Place};
use crate::dump::{DumpBuilder, FedDump};
use crate::events::Fact;
use crate::format::FormatName;
use crate::frame::Frame;
use crate::header::{self, Header};
use crate::level::Level;
use crate::prefix::Prefix;
use crate::records::Item;
use crate::traceback::{Delivery, Fed, TracebackBuilder};

/// Tracebacks that threads of one producer write at the same time.
const MAX_INTERLEAVED: usize = 64;
/// Things that wait for the next record's time.
const MAX_WAITING: usize = 64;
/// Bytes of a record's line that are kept for what follows it.
const HEAD_LIMIT: usize = 1024;
/// Lines of others after which no more is expected of a traceback that is told by its prefix, and of one that may be whole.
const PATIENCE: u64 = 10_000;
const PATIENCE_WHEN_WHOLE: u64 = 500;
/// Lines behind a torn traceback in which its rest is looked for.
const TORN_LINES: u64 = 200;

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
    /// Where records are handed out.
    item: Option<Item>,
}

/// The state of one producer.
#[derive(Default)]
pub(crate) struct Stream {
    /// Its place among the streams of its source.
    index: usize,
    pub(crate) producer: Option<String>,
    last: LastRecord,
    open: Option<Open>,
    /// Tracebacks and dumps whose lines are told by their prefix, or by their records' process and thread.
    interleaved: Vec<Open>,
    introduction: Option<(Introduction, Option<String>)>,
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    torn_until: u64,
    /// A bare line that is not indented was read.
    has_outer_line: bool,
    before: Before,
    /// The last record, if it was kept as a warning: it takes further lines.
    pub(crate) kept: Option<WarningNumber>,
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
    header.level.hash(&mut hasher);
    hasher.finish()
}

impl Stream {
    pub(crate) fn new(index: usize, producer: Option<String>) -> Self {
        Self { index, producer, ..Self::default() }
    }

    /// Nothing is open, so that a record without needles needs no more than to be counted.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.is_none()
            && self.interleaved.is_empty()
            && self.waiting.is_empty()
            && self.torn_until == 0
            && self.introduction.is_none()
            && self.kept.is_none()
            && self.before.is_empty()
    }

    #[inline]
    pub(crate) fn count_formats(&mut self, format: FormatName, records: u64) {
        if let Some(count) = self.formats.get_mut(format as usize) {
            *count += records;
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
        self.kept = None;
        self.introduction = None;
        self.before.clear();
        if number >= self.torn_until {
            self.torn_until = 0;
        }
    }

    pub(crate) fn has_open(&self) -> bool {
        self.open.is_some() || !self.interleaved.is_empty()
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
        line: &[u8],
        header: &Header<'_>,
        context: &LineContext,
        collector: &mut Collector<'_>,
    ) -> bool {
        if let Some(open) = self.open.take() {
            if open.is_undecided() {
                self.torn_until = context.number + TORN_LINES;
                self.set_aside(open, context.number, collector);
            } else {
                let torn = !open.is_complete();
                self.close(open, torn, context.number, collector);
            }
        }
        if collector.room() == 0 {
            self.close_for_room(context.number, collector);
        }
        if self.interleaved.is_empty() {
            return false;
        }
        if self.feed_by_prefix(line, context, collector) {
            return true;
        }
        self.feed_by_key(header, context, collector)
    }

    /// Offers a record's message to the stack of the same process and thread, when its lines have no prefix in common.
    fn feed_by_key(
        &mut self,
        header: &Header<'_>,
        context: &LineContext,
        collector: &mut Collector<'_>,
    ) -> bool {
        let key = key_of(header);
        let found = self.interleaved.iter().position(|open| open.key == Some(key) && !open.is_prefixed);
        let Some((at, open)) = found.and_then(|at| Some((at, self.interleaved.get(at)?))) else {
            return false;
        };
        if open.is_undecided() && Frame::parse(without_margin(header.message)).is_none() {
            return false;
        }
        self.feed_interleaved(at, header.message, context, collector)
    }

    /// Keeps a header whose lines are to be told from others.
    fn set_aside(&mut self, open: Open, line: u64, collector: &mut Collector<'_>) {
        if self.interleaved.len() >= MAX_INTERLEAVED {
            let oldest = self.interleaved.remove(0);
            self.close(oldest, true, line, collector);
        }
        self.interleaved.push(open);
    }

    /// Gives up what waits for too long, so that not every line is compared with it.
    fn expire(&mut self, line: u64, collector: &mut Collector<'_>) {
        let is_over = |open: &Open| {
            let is_whole = !open.is_undecided() && open.is_complete();
            let patience = if is_whole { PATIENCE_WHEN_WHOLE } else { PATIENCE };
            open.carrier.place.last_line + patience < line
        };
        while self.interleaved.first().is_some_and(is_over) {
            let open = self.interleaved.remove(0);
            let torn = !open.is_complete();
            self.close(open, torn, line, collector);
        }
    }

    /// Offers a line to the stack whose prefix it has.
    fn feed_by_prefix(&mut self, line: &[u8], context: &LineContext, collector: &mut Collector<'_>) -> bool {
        self.expire(context.number, collector);
        for open in self.interleaved.iter_mut().filter(|open| open.is_undecided()) {
            open.shorten_prefix(line);
        }
        let found = self.interleaved.iter().enumerate().find_map(|(at, open)| {
            open.prefix.as_ref().and_then(|prefix| prefix.strip(line)).map(|rest| (at, rest))
        });
        let Some((at, rest)) = found else { return false };
        let is_taken = self.feed_interleaved(at, rest, context, collector);
        if is_taken && let Some(open) = self.interleaved.get_mut(at) {
            open.is_prefixed = true;
        }
        is_taken
    }

    fn feed_interleaved(
        &mut self,
        at: usize,
        text: &[u8],
        context: &LineContext,
        collector: &mut Collector<'_>,
    ) -> bool {
        let Some(open) = self.interleaved.get_mut(at) else { return false };
        match open.feed_prefixed(text) {
            Fed::Stack | Fed::Message => {
                open.extend(context, collector);
                true
            }
            // It is a record of its own, unless what follows shows that it was none.
            Fed::Trailing => false,
            fed @ (Fed::Done | Fed::Torn) => {
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
        if collector.room() == 0 {
            self.close_for_room(context.number, collector);
        }
        if !self.interleaved.is_empty() && self.feed_by_prefix(line, context, collector) {
            return true;
        }
        let Some(mut open) = self.open.take() else { return false };
        if open.is_undecided() {
            open.shorten_prefix(line);
        }
        if open.is_undecided()
            && let Some(rest) = open.prefix.as_ref().and_then(|prefix| prefix.strip(line))
            && matches!(open.feed_prefixed(rest), Fed::Stack | Fed::Message)
        {
            open.is_prefixed = true;
            open.extend(context, collector);
            self.set_aside(open, context.number, collector);
            return true;
        }
        self.feed_open(open, line, context, collector)
    }

    fn feed_open(
        &mut self,
        mut open: Open,
        line: &[u8],
        context: &LineContext,
        collector: &mut Collector<'_>,
    ) -> bool {
        if open.is_undecided() && DumpBuilder::start_of(line).is_some_and(|at| at > indent(line)) {
            // Another writer's dump starts behind that one's prefix.
            self.set_aside(open, context.number, collector);
            return false;
        }
        let mut torn = false;
        match &mut open.stack {
            OpenStack::Traceback(builder) => match builder.feed(line, Delivery::Bare) {
                fed @ (Fed::Stack | Fed::Message) => {
                    if fed == Fed::Message {
                        self.before.clear();
                    }
                    open.extend(context, collector);
                    self.open = Some(open);
                    return true;
                }
                Fed::Trailing => {
                    // It may as well be what introduces the next one.
                    self.before.note(line);
                    self.open = Some(open);
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
                    self.open = Some(open);
                    return true;
                }
                FedDump::Done => {}
                FedDump::Another(at) => {
                    self.close(open, false, context.number, collector);
                    let (prefix, start) = line.split_at_checked(at).unwrap_or_default();
                    self.open_dump(start, prefix, at > indent(line), None, context, collector);
                    return true;
                }
            },
        }
        if open.prefix.is_some() && open.is_undecided() {
            self.torn_until = context.number + TORN_LINES;
            self.set_aside(open, context.number, collector);
        } else {
            self.close(open, torn, context.number, collector);
        }
        false
    }

    /// Ends a traceback that lacks nothing, in front of a line that says something else.
    pub(crate) fn end_complete(&mut self, line: u64, collector: &mut Collector<'_>) {
        let is_over = self.open.as_ref().is_some_and(|open| match &open.stack {
            OpenStack::Traceback(builder) => builder.has_content() && builder.is_complete(),
            OpenStack::Dump(_) => false,
        });
        if is_over && let Some(open) = self.open.take() {
            self.close(open, false, line, collector);
        }
    }

    /// Starts a traceback, `prefix` being what stands in front of its header. `record` is the record on whose line
    /// that is.
    pub(crate) fn open_traceback(
        &mut self,
        line: &[u8],
        prefix: &[u8],
        record: Option<&Header<'_>>,
        context: &LineContext,
        collector: &mut Collector<'_>,
    ) {
        let mut builder = TracebackBuilder::open(line, self.before.is_quote);
        if let Some(inner) = self.before.never_raised() {
            builder.put_before(&inner);
        }
        if self.introduction.is_none() {
            self.introduction = self.before.introduction();
        }
        self.before.clear();
        if record.is_none() && self.last.is_adjacent {
            builder.name_in_front = self.last.line.strip_prefix(b"[ERROR] ").map(<[u8]>::to_vec);
        }
        let (carrier, is_dated) = self.carrier(context, record.is_some(), collector);
        let mut open = Open::new(OpenStack::Traceback(Box::new(builder)), carrier, is_dated);
        open.key = record.map(key_of);
        open.prefix = Prefix::new(prefix);
        self.open = Some(open);
    }

    /// Starts with a frame, where a torn traceback's rest may be.
    pub(crate) fn open_torn(&mut self, line: &[u8], context: &LineContext, collector: &mut Collector<'_>) {
        let mut builder = TracebackBuilder::open_torn(line);
        builder.feed(line, Delivery::Bare);
        let (mut carrier, is_dated) = self.carrier(context, false, collector);
        carrier.log_message = None;
        carrier.item = collector.next_item(self.index);
        self.open = Some(Open::new(OpenStack::Traceback(Box::new(builder)), carrier, is_dated));
    }

    /// Starts a dump, `prefix` being what stands in front of its first line; `is_inside` when that is no record's head.
    /// `item` is the record on whose line it starts.
    pub(crate) fn open_dump(
        &mut self,
        line: &[u8],
        prefix: &[u8],
        is_inside: bool,
        item: Option<Item>,
        context: &LineContext,
        collector: &mut Collector<'_>,
    ) {
        let builder = if is_inside { DumpBuilder::open_inside(line) } else { DumpBuilder::open(line) };
        let (carrier, _) = self.carrier(context, false, collector);
        let carrier = Carrier {
            item: item.or_else(|| collector.next_item(self.index)),
            log_message: None,
            level: None,
            logger: None,
            request_id: None,
            thread: None,
            pid: context.pid,
            ..carrier
        };
        let is_dated = context.stamp.is_some();
        let mut open = Open::new(OpenStack::Dump(Box::new(builder)), carrier, is_dated);
        open.prefix = Prefix::new(prefix);
        self.open = Some(open);
    }

    pub(crate) fn may_hold_torn_rest(&self, line: u64) -> bool {
        // A log that was cut may start inside of a traceback: with lines that are indented.
        line < self.torn_until || !self.last.exists && !self.has_outer_line
    }

    /// Remembers what introduces the next traceback.
    pub(crate) fn introduce(&mut self, introduction: Introduction, thread: Option<String>) {
        self.introduction = Some((introduction, thread));
    }

    /// Notes the end of a line that nothing took.
    pub(crate) fn pass_bare(&mut self, line: &[u8], number: u64) {
        self.before.note(line);
        self.has_outer_line |= !line.first().is_none_or(u8::is_ascii_whitespace);
        if line.ends_with(b" (most recent call last):") {
            // `Stack (most recent call last):` is followed by frames that are no traceback.
            self.torn_until = 0;
        }
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
        let (mut carrier, _) = self.carrier(context, false, collector);
        if let Some(stamp) = own.or(context.stamp) {
            carrier.stamp = Some(stamp);
            collector.add_event(fact, &carrier);
            return;
        }
        carrier.stamp = self.last.stamp;
        self.wait(Waiting::Fact(Box::new(fact), carrier), size_of::<Fact>(), collector);
    }

    /// What is known of a line by the record in front of it; and whether the time is its own.
    fn carrier(
        &mut self,
        context: &LineContext,
        is_record: bool,
        collector: &mut Collector<'_>,
    ) -> (Carrier, bool) {
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
            carrier.item = self.last.item;
            return (carrier, true);
        }
        carrier.item = collector.next_item(self.index);
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

/// A line of a group's own stack without the group's margin.
fn without_margin(line: &[u8]) -> &[u8] {
    trim_start(line).strip_prefix(b"|").unwrap_or(line)
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
