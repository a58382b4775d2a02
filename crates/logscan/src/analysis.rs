//! What lines say by themselves: where they are, which needles they hold, and the heads of records.
//!
//! Nothing here depends on the lines before, so that several threads can look at a source's blocks at once.

mod course;
mod mentions;
mod run;
mod voices;

use crate::ascii::line_len;
use crate::envelope::Wrapping;
use crate::header::{Counted, Header, Heads, Known, Names, NumberColumn};
use crate::json_layout::Layouts;
use crate::json_record::{Head, JsonRecord};
use crate::level::Level;
use crate::lines::Block;
use crate::needles::{Hits, Needles, Search};
use crate::template::{Named, Namer};
pub(crate) use course::{Course, Spot};
pub(crate) use mentions::Mentioned;
use run::{Further, Index, OpenRun};
pub(crate) use run::{LastLine, Run, Second, Sighted};
pub(crate) use voices::{Process, Utterance, Voice};

/// Lines and runs that are held of one block; what is behind them is looked at when these were taken in.
const MAX_ITEMS: usize = 4096;

/// The same for voices, which take more memory.
const MAX_VOICES: usize = 2048;

/// The same for mentions of requests.
const MAX_MENTIONS: usize = 1 << 14;

/// Lines of a block that are taken into no run until no more runs are tried in it.
const MAX_MISSES: usize = 8;

/// One line of a block.
pub(crate) struct Line<'b> {
    /// Without its end, and without NULs in front.
    pub(crate) text: &'b [u8],
    /// Where it starts in the input.
    pub(crate) offset: u64,
    /// Bytes with its end.
    pub(crate) len: u64,
    pub(crate) hits: Hits,
    pub(crate) kind: Kind<'b>,
}

/// What a line is by its own text.
pub(crate) enum Kind<'b> {
    /// It starts a record; with the name of its template, where templates are counted.
    Record(Header<'b>, Option<Named<'b>>),
    /// It does not.
    Bare,
    /// It is an object that is a record, with this number of [`Lines::objects`].
    Object(usize),
    /// It is wrapped, holds escapes or is an object that is no record: the scanner looks into it.
    Whole,
}

impl Kind<'_> {
    /// It is a record that is only counted when nothing is under assembly.
    pub(crate) fn is_quiet(&self, hits: Hits) -> bool {
        match self {
            Self::Record(header, _) => hits.is_empty() && header.level.is_none_or(is_quiet),
            _ => false,
        }
    }
}

#[inline]
fn is_quiet(level: Level) -> bool {
    level < Level::Warning
}

/// Lines, one behind the other.
pub(crate) enum Item<'b> {
    Line(Line<'b>),
    Run(Run<'b>),
}

/// The lines of a block.
#[derive(Default)]
pub(crate) struct Lines<'b> {
    pub(crate) items: Vec<Item<'b>>,
    pub(crate) objects: Vec<JsonRecord<'b>>,
    /// What the runs hold.
    pub(crate) seconds: Vec<Second>,
    pub(crate) sighted: Vec<Sighted<'b>>,
    pub(crate) processes: Vec<Process>,
    pub(crate) voices: Vec<Voice<'b>>,
    pub(crate) mentions: Vec<Mentioned<'b>>,
    /// Where the lines that were not looked at start.
    pub(crate) end: usize,
}

impl Lines<'_> {
    /// With room for as much as the last block had.
    pub(crate) fn with_capacity([items, objects, seconds, sighted, mentions]: [usize; 5]) -> Self {
        Self {
            items: Vec::with_capacity(items),
            objects: Vec::with_capacity(objects),
            seconds: Vec::with_capacity(seconds),
            sighted: Vec::with_capacity(sighted),
            processes: Vec::new(),
            voices: Vec::new(),
            mentions: Vec::with_capacity(mentions),
            end: 0,
        }
    }

    pub(crate) fn counts(&self) -> [usize; 5] {
        let Self { items, objects, seconds, sighted, mentions, .. } = self;
        [items.len(), objects.len(), seconds.len(), sighted.len(), mentions.len()]
    }

    /// No more is looked at before these were taken in.
    fn are_many(&self) -> bool {
        self.items.len() >= MAX_ITEMS || self.hold_much()
    }

    /// The same of what a run holds.
    #[inline]
    fn hold_much(&self) -> bool {
        self.voices.len() >= MAX_VOICES || self.mentions.len() >= MAX_MENTIONS
    }
}

/// How the lines of a source are to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One JSON document.
    Document,
    /// Lines, wrapped in the same way, and what a bare number is in their heads.
    Lines(Option<Wrapping>, NumberColumn),
}

/// What is wanted of lines.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// The names of templates.
    pub(crate) templates: bool,
    /// Records that are only counted are summed up.
    pub(crate) runs: bool,
    /// Who wrote these.
    pub(crate) writers: bool,
}

/// Looks at blocks. What it remembers makes it faster, and changes nothing.
pub(crate) struct Analyst {
    wanted: Wanted,
    heads: Heads,
    layouts: Layouts,
    namer: Namer,
    index: Index,
}

/// Where a line starts in its block, and where the next one does.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    next: usize,
}

/// What one line says.
enum Told<'b> {
    /// It may be summed up.
    Counted(Counted<'b>, Option<Further<'b>>),
    Line(Kind<'b>),
}

impl Analyst {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            heads: Heads::default(),
            layouts: Layouts::default(),
            namer: Namer::default(),
            index: Index::default(),
        }
    }

    /// Fills `found` with the lines of a block from `start` on.
    pub(crate) fn look<'b>(
        &mut self,
        bytes: &'b [u8],
        start: usize,
        block: &Block,
        shape: Shape,
        found: &mut Lines<'b>,
    ) {
        found.end = bytes.len();
        let Shape::Lines(wrapping, column) = shape else { return };
        self.heads.set_column(column);
        // A byte order mark is no part of the first line.
        let has_mark = block.offset == 0 && start == 0 && bytes.starts_with(b"\xef\xbb\xbf");
        let mut start = if has_mark { 3 } else { start };
        let all = bytes.get(start..).unwrap_or_default();
        let is_plain = wrapping.is_none() && memchr::memchr(0x1b, all).is_none();
        let needles = Needles::get();
        let mut search = needles.search(bytes);
        // Something may be under assembly where a block starts, so its first record stands alone.
        let mut is_settled = false;
        let mut run: Option<OpenRun> = None;
        let mut misses = 0;
        while start < bytes.len() {
            if found.are_many() {
                found.end = start;
                break;
            }
            if is_settled && is_plain && self.wanted.runs && misses < MAX_MISSES {
                let next = match bytes.get(start) {
                    Some(b'{') => self.run_on_objects(bytes, start, &mut run, found),
                    _ if self.wanted.templates => self.run_on::<true>(bytes, start, &mut run, found),
                    _ => self.run_on::<false>(bytes, start, &mut run, found),
                };
                misses = if next == start { misses + 1 } else { 0 };
                start = next;
            }
            let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) else { break };
            // A remembered head holds no newline, so that its line ends behind it.
            let known = if is_plain { self.heads.recalled(rest) } else { None };
            let behind = known.as_ref().map_or(rest, |known| known.message);
            let len = rest.len() - behind.len() + line_len(behind);
            let span = Span { start, next: start + (len + 1).min(rest.len()) };
            start = span.next;
            let text = rest.get(..len).unwrap_or_default();
            // A journal's export may hold any bytes.
            let text = if wrapping == Some(Wrapping::Export) { text } else { bare(text) };
            let is_whole = !is_plain && (wrapping.is_some() || memchr::memchr(0x1b, text).is_some());
            let may_count = is_settled && self.wanted.runs;
            let (told, hits) = if let Some(known) = known {
                let hits = known.hits(needles, (text.len() + behind.len()).saturating_sub(rest.len()));
                (
                    told_of(
                        &known.ending_at(text),
                        may_count && hits.is_empty(),
                        self.wanted,
                        &mut self.namer,
                    ),
                    hits,
                )
            } else if is_whole {
                (Told::Line(Kind::Whole), search.hits_in(span.start, span.next))
            } else if text.first() == Some(&b'{') {
                self.object(text, span, may_count, &mut search, found)
            } else {
                let hits = search.hits_in(span.start, span.next);
                let told = match self.heads.parse(text) {
                    Some(header) => self.record(header, may_count && hits.is_empty()),
                    None => Told::Line(Kind::Bare),
                };
                (told, hits)
            };
            let kind = match told {
                Told::Counted(counted, further) => {
                    let further = further.as_ref();
                    OpenRun::extend(&mut run, counted, further, span, bytes, &mut self.index, found);
                    continue;
                }
                Told::Line(kind) => kind,
            };
            close(&mut run, bytes, found);
            is_settled = kind.is_quiet(hits);
            let (offset, len) = (block.offset + span.start as u64, (span.next - span.start) as u64);
            found.items.push(Item::Line(Line { text, offset, len, hits, kind }));
        }
        close(&mut run, bytes, found);
    }

    /// Takes lines into a run as long as they have remembered heads and are only counted; where the first other one
    /// starts. This is where a scan spends its time; so nothing that only templates need is in the loop without them, and
    /// the end of a line is looked for before its head is known, which the processor need not wait for then: no
    /// remembered head is shorter than what is passed over.
    fn run_on<'b, const TEMPLATES: bool>(
        &mut self,
        bytes: &'b [u8],
        mut start: usize,
        run: &mut Option<OpenRun>,
        found: &mut Lines<'b>,
    ) -> usize {
        let needles = Needles::get();
        while !(TEMPLATES && found.hold_much())
            && let Some(rest) = bytes.get(start..)
            && let Some(first) = rest.first_chunk()
            && let len = Heads::SHORTEST + line_len(rest.get(Heads::SHORTEST..).unwrap_or_default())
            && let Some(known) = self.heads.recall(first, rest)
            && is_quiet(known.level())
        {
            let head = rest.len() - known.message.len();
            let message = rest.get(head..len).unwrap_or_default();
            let message = message.strip_suffix(b"\r").unwrap_or(message);
            if !known.hits(needles, message.len()).is_empty() {
                break;
            }
            let counted = known.counted(message);
            let further = if TEMPLATES {
                Some(further_of(&known, message, self.wanted, &mut self.namer))
            } else {
                None
            };
            let span = Span { start, next: start + (len + 1).min(rest.len()) };
            OpenRun::extend(run, counted, further.as_ref(), span, bytes, &mut self.index, found);
            start = span.next;
        }
        start
    }

    /// The same for objects that are laid out in a known way.
    fn run_on_objects<'b>(
        &mut self,
        bytes: &'b [u8],
        mut start: usize,
        run: &mut Option<OpenRun>,
        found: &mut Lines<'b>,
    ) -> usize {
        let needles = Needles::get();
        let mut head = Head::default();
        while !found.hold_much()
            && let Some(rest) = bytes.get(start..)
            && rest.first() == Some(&b'{')
        {
            let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let text = rest.get(..len).unwrap_or_default();
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let Some(known) = self.layouts.read(text, needles, &mut head) else { break };
            if !head.level.is_some_and(is_quiet) || known.is_escaped && self.wanted.templates {
                break;
            }
            let Some(counted) = known.counted(&head) else { break };
            let names = Names { thread: head.thread, logger: head.logger };
            let further = if self.wanted.templates {
                Some(self.further(counted.message, head.level, head.request_id, names))
            } else {
                None
            };
            let span = Span { start, next: start + (len + 1).min(rest.len()) };
            OpenRun::extend(run, counted, further.as_ref(), span, bytes, &mut self.index, found);
            start = span.next;
        }
        start
    }

    /// What more is wanted of a record. Requests are followed where templates are counted.
    #[inline]
    fn further<'b>(
        &mut self,
        message: &'b [u8],
        level: Option<Level>,
        request_id: &'b [u8],
        names: Names<'b>,
    ) -> Further<'b> {
        Further {
            named: self.namer.name(message, level),
            request_id,
            names: self.wanted.writers.then_some(names),
        }
    }

    /// What a line says that starts a record.
    fn record<'b>(&mut self, header: Header<'b>, may_count: bool) -> Told<'b> {
        let Header { message, level, request_id, thread, logger, .. } = header;
        let further = if self.wanted.templates {
            Some(self.further(message, level, request_id, Names { thread, logger }))
        } else {
            None
        };
        if may_count && let Some(counted) = Counted::of(&header).filter(|counted| is_quiet(counted.level)) {
            return Told::Counted(counted, further);
        }
        Told::Line(Kind::Record(header, further.map(|further| further.named)))
    }

    /// What a line says that starts with `{`.
    fn object<'b>(
        &mut self,
        text: &'b [u8],
        span: Span,
        may_count: bool,
        search: &mut Search<'_>,
        found: &mut Lines<'b>,
    ) -> (Told<'b>, Hits) {
        let mut head = Head::default();
        let known = self.layouts.read(text, Needles::get(), &mut head);
        let is_escaped = known.is_some_and(|known| known.is_escaped);
        let hits = match known {
            Some(known) if !is_escaped => {
                return (self.record(known.header(&head), may_count), Hits::default());
            }
            Some(known) => {
                // Without its template, nothing of the message is needed.
                let counted = known.counted(&head).filter(|counted| is_quiet(counted.level));
                if let Some(counted) = counted.filter(|_| may_count && !self.wanted.templates) {
                    return (Told::Counted(counted, None), Hits::default());
                }
                Hits::default()
            }
            None => search.hits_in(span.start, span.next),
        };
        let Some(record) = JsonRecord::parse(text) else { return (Told::Line(Kind::Whole), hits) };
        if !is_escaped && hits.is_empty() {
            self.layouts.learn(text, &record);
        }
        found.objects.push(record);
        (Told::Line(Kind::Object(found.objects.len() - 1)), hits)
    }
}

/// What more is wanted of a record with a remembered head.
#[inline]
fn further_of<'b>(
    known: &Known<'_, 'b>,
    message: &'b [u8],
    wanted: Wanted,
    namer: &mut Namer,
) -> Further<'b> {
    Further {
        named: namer.name(message, Some(known.level())),
        request_id: known.request_id().unwrap_or_default(),
        names: if wanted.writers { known.names() } else { None },
    }
}

/// What a line with a remembered head says.
#[inline]
fn told_of<'b>(known: &Known<'_, 'b>, may_count: bool, wanted: Wanted, namer: &mut Namer) -> Told<'b> {
    let further = if wanted.templates { Some(further_of(known, known.message, wanted, namer)) } else { None };
    if may_count && is_quiet(known.level()) {
        return Told::Counted(known.counted(known.message), further);
    }
    match known.header() {
        Some(header) => Told::Line(Kind::Record(header, further.map(|further| further.named))),
        None => Told::Line(Kind::Whole),
    }
}

/// Ends a run.
fn close<'b>(run: &mut Option<OpenRun>, bytes: &'b [u8], found: &mut Lines<'b>) {
    if let Some(run) = run.take() {
        run.close(bytes, found);
    }
}

/// A line without its end, and without the hole that a file starts with which was cut while it was written to.
#[inline]
fn bare(line: &[u8]) -> &[u8] {
    let mut line = line.strip_suffix(b"\r").unwrap_or(line);
    while let Some(rest) = line.strip_prefix(b"\0") {
        line = rest;
    }
    line
}
