//! The records of logs, one by one.
//!
//! The machines are those of [`scan`](crate::scan): blocks from [`Feed`], what lines say from [`Analyst`], and
//! [`Intake`], whose collector has an [`Assembly`] here instead of counts. So what is a record, what belongs to it and
//! where a traceback ends is decided in one place.

mod assembly;
mod text;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use pycoroner_findings::{Gap, GapKind, Timestamp};

use crate::analysis::{Analyst, Lines, Wanted};
use crate::collector::{Carrier, Collector, weight};
use crate::document::{LogSource, Place, Traceback, TracebackKind};
use crate::format::FormatName;
use crate::input::Input;
use crate::level::Level;
use crate::lines::{BlockSizes, Buffer};
use crate::part::forget_lines_of_place;
use crate::pipeline::Feed;
use crate::scan::Options;
use crate::scanner::Intake;

pub(crate) use assembly::{Assembly, Item};
pub use text::Text;

/// One record with all that belongs to it, or a stack that no record carries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// When it was written, and how that is known.
    pub time: Option<Timestamp>,
    /// Its level.
    pub level: Option<Level>,
    /// Its logger.
    pub logger: Option<Text>,
    /// Name of its thread.
    pub thread: Option<Text>,
    /// Request or trace id.
    pub request_id: Option<Text>,
    /// Process id.
    pub pid: Option<u64>,
    /// Who said it, where a collector names it.
    pub producer: Option<Arc<str>>,
    /// What its line was taken for; `None` for a stack that no record carries: it has no message.
    pub format: Option<FormatName>,
    /// The first line of its message.
    pub message: Text,
    /// The further lines that are no stack; empty ones are left out.
    pub further: Vec<Text>,
    /// Bytes of further lines beyond the mebibyte that is kept of them.
    pub omitted_bytes: u64,
    /// Its line and its further lines. Stacks have places of their own: [`Record::span`] spans all.
    pub place: Place,
    /// Its tracebacks and dumps: of each, the exceptions in the order of the text, or the threads. Parents are indexes
    /// into the list of the same traceback; nothing is counted or compared.
    pub tracebacks: Vec<Vec<Traceback>>,
}

impl Record {
    /// A stack that no record carries.
    fn of_stack(entries: Vec<Traceback>, carrier: &Carrier) -> Self {
        Self {
            time: carrier.stamp,
            level: carrier.level,
            logger: None,
            thread: None,
            request_id: None,
            pid: carrier.pid,
            producer: None,
            format: None,
            message: Text::default(),
            further: Vec::new(),
            omitted_bytes: 0,
            place: carrier.place,
            tracebacks: vec![entries],
        }
    }

    /// The message with its further lines.
    pub fn text(&self) -> Cow<'_, str> {
        if self.further.is_empty() {
            return self.message.to_str();
        }
        let lines = std::iter::once(&self.message).chain(&self.further).map(Text::to_str);
        Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
    }

    /// The exceptions that its tracebacks tell of, without those that are only their causes, contexts or members.
    pub fn exceptions(&self) -> impl Iterator<Item = &Traceback> {
        let entries = self.tracebacks.iter().flatten();
        entries.filter(|entry| entry.kind == TracebackKind::Traceback && entry.parent.is_none())
    }

    /// The bytes from its first line to its last one, those of its stacks included. Lines of others may stand between;
    /// what stands in the next file of a rotated log is [`Traceback::rest`].
    pub fn span(&self) -> Place {
        let mut span = self.place;
        for entry in self.tracebacks.iter().flatten() {
            if entry.place.source == span.source {
                span.unite(&entry.place);
            }
        }
        span
    }

    /// Lets go of the blocks that its texts share, and keeps copies: for records that are kept for long.
    pub fn detach(&mut self) {
        let named = [&mut self.logger, &mut self.thread, &mut self.request_id].into_iter().flatten();
        named.chain([&mut self.message]).chain(&mut self.further).for_each(Text::detach);
    }

    /// Bytes that it takes.
    fn weight(&self) -> usize {
        let named = [&self.logger, &self.thread, &self.request_id].into_iter().flatten();
        let texts = named.chain([&self.message]).chain(&self.further).map(Text::weight);
        size_of::<Self>() + texts.sum::<usize>() + self.tracebacks.iter().flatten().map(weight).sum::<usize>()
    }
}

/// What stopped the reading of an input.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReadError {
    /// Its path, as [`Input::path`] says.
    pub path: String,
    /// Where the reading had come to, in bytes of the log.
    pub offset: u64,
    /// What the reader said.
    pub source: io::Error,
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: reading stopped at byte {}", self.path, self.offset)
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Reads logs record by record: the same records, spans and tracebacks that [`scan`](crate::scan) finds.
///
/// Records of one producer come in their order, those of several ones nearly. A record is given out when nothing more
/// can belong to it, and at most 16 MiB wait for that; beyond, records are given out as they are, and a stack of theirs
/// comes as a record of its own. Texts share the block that was read, so that nothing is copied for records that are
/// dropped soon.
///
/// An input that fails gives an error, behind the records that were read of it; then the next one is read. Lines that
/// are longer than a mebibyte are cut there, which is a gap: [`Records::gaps`].
///
/// One thread reads, whatever [`Options::jobs`] says. Records outside of [`Options::window`] are given out, too, as far
/// as they are read.
///
/// ```
/// use std::io::Read;
///
/// use pycoroner_findings::SourceId;
/// use pycoroner_logscan::{Input, Options, Records};
///
/// # fn main() -> Result<(), pycoroner_logscan::ReadError> {
/// let log = "2024-05-01 12:00:00,123 ERROR shop.orders: charge failed
/// Traceback (most recent call last):
///   File \"/srv/shop/app.py\", line 34, in charge
///     raise KeyError(order)
/// KeyError: 7
/// 2024-05-01 12:00:01,007 INFO shop.orders: order 8 placed
/// ";
/// // Of a file: `Box::new(File::open(path)?)`; of a packed one, a reader that unpacks it.
/// let reader: Box<dyn Read + Send> = Box::new(log.as_bytes());
/// let options = Options::default();
/// let mut told = Vec::new();
/// for record in Records::new([Input::new(SourceId(1), "app.log", reader)], &options) {
///     let record = record?;
///     let (first, last) = (record.span().line, record.span().last_line);
///     told.push(format!("{first}-{last} {}: {}", record.logger.as_ref().unwrap(), record.message));
///     told.extend(record.exceptions().filter_map(|exception| exception.type_name.clone()));
/// }
/// assert_eq!(
///     told,
///     ["1-5 shop.orders: charge failed", "KeyError", "6-6 shop.orders: order 8 placed"]
/// );
/// # Ok(())
/// # }
/// ```
pub struct Records<'a> {
    feed: Feed<'a, 'a>,
    analyst: Analyst,
    buffer: Arc<Buffer>,
    state: State<'a>,
    ready: VecDeque<Result<Record, ReadError>>,
    /// What stopped the last input, whose last records may not be complete, and the index of the one behind it.
    failure: Option<(usize, ReadError)>,
}

enum State<'a> {
    Reading(Box<Intake<'a>>),
    /// The collector holds the sources and the gaps.
    Done(Box<Collector<'a>>),
}

impl<'a> Records<'a> {
    /// Reads inputs one behind the other.
    pub fn new(inputs: impl IntoIterator<Item = Input<'a>>, options: &'a Options) -> Self {
        Self::in_blocks(BlockSizes::default(), inputs, options)
    }

    /// The same in blocks of other sizes, which make no difference.
    pub(crate) fn in_blocks(
        sizes: BlockSizes,
        inputs: impl IntoIterator<Item = Input<'a>>,
        options: &'a Options,
    ) -> Self {
        let mut collector = Collector::new(options);
        collector.assembly = Some(Box::default());
        Self {
            feed: Feed::new(inputs.into_iter().collect(), options, sizes),
            analyst: Analyst::new(Wanted::default()),
            buffer: Arc::default(),
            state: State::Reading(Box::new(Intake::new(collector))),
            ready: VecDeque::new(),
            failure: None,
        }
    }

    /// The inputs that were opened; what they say is complete when the records are at their end.
    pub fn sources(&self) -> &[LogSource] {
        &self.collector().sources
    }

    /// What could not be known so far.
    pub fn gaps(&self) -> &[Gap] {
        &self.collector().gaps
    }

    fn collector(&self) -> &Collector<'a> {
        match &self.state {
            State::Reading(intake) => intake.collector(),
            State::Done(collector) => collector,
        }
    }

    /// Reads one block; `false` when there is none.
    fn read_block(&mut self) -> bool {
        let State::Reading(intake) = &mut self.state else { return false };
        if Arc::get_mut(&mut self.buffer).is_none() {
            // Records that are still held share it.
            self.buffer = Arc::default();
        }
        let Some(buffer) = Arc::get_mut(&mut self.buffer) else { return false };
        let Some(mut piece) = self.feed.next(buffer) else {
            self.finish();
            return false;
        };
        let mut lines = Lines::default();
        let bytes = piece.block.as_ref().map_or(&[][..], |block| self.buffer.block(block));
        if let Some(block) = &piece.block {
            self.analyst.look(bytes, 0, block, piece.shape, &mut lines);
        }
        if let Some(assembly) = intake.assembly() {
            assembly.share(Some(Arc::clone(&self.buffer)));
        }
        intake.take(&piece, bytes, &lines);
        if let Some(assembly) = intake.assembly() {
            assembly.share(None);
        }
        let complete = intake.complete_records();
        self.give_out(complete);
        if let Some(end) = &mut piece.end
            && let Some(source) = end.error.take()
        {
            let path = self.sources().last().map(|source| source.path.clone()).unwrap_or_default();
            self.ready.extend(self.failure.take().map(|(_, error)| Err(error)));
            self.failure = Some((self.sources().len(), ReadError { path, offset: end.offset, source }));
        }
        true
    }

    fn finish(&mut self) {
        let empty = State::Done(Box::new(Collector::new(self.feed.options())));
        let State::Reading(intake) = std::mem::replace(&mut self.state, empty) else { return };
        let mut collector = intake.finish();
        let mut complete = None;
        if let Some(mut assembly) = collector.assembly.take() {
            if assembly.lost_lines > 0 {
                let what = format!("{} further lines of records", assembly.lost_lines);
                let why = "more records were open at a time than are kept";
                collector.add_gap(Gap::new(GapKind::Limit, what, why));
            }
            complete = Some(assembly.take_complete());
        }
        collector.add_limit_gaps();
        self.state = State::Done(Box::new(collector));
        self.give_out(complete.into_iter().flatten());
        self.ready.extend(self.failure.take().map(|(_, error)| Err(error)));
    }

    fn give_out(&mut self, complete: impl Iterator<Item = Record>) {
        let sources = match &self.state {
            State::Reading(intake) => &intake.collector().sources,
            State::Done(collector) => &collector.sources,
        };
        for mut record in complete {
            if let Some((_, error)) = self.failure.take_if(|(behind, _)| record.place.source >= *behind) {
                self.ready.push_back(Err(error));
            }
            forget_lines_of_record(&mut record, sources);
            self.ready.push_back(Ok(record));
        }
    }
}

/// Of a source that was read in part, the numbers of lines are not known.
fn forget_lines_of_record(record: &mut Record, sources: &[LogSource]) {
    forget_lines_of_place(&mut record.place, sources);
    for entry in record.tracebacks.iter_mut().flatten() {
        let places = [Some(&mut entry.place), entry.rest.as_mut()];
        places.into_iter().flatten().for_each(|place| forget_lines_of_place(place, sources));
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && self.read_block() {}
        self.ready.pop_front()
    }
}
