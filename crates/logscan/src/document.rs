//! The contract `pycoroner.logs/1`: plain data, additive only, every field may be missing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pycoroner_findings::{Citation, Finding, Gap, Severity, SourceId, Span, TimeBasis, Timestamp, UtcTime};
use serde::{Deserialize, Serialize};

use crate::changes::{Change, LevelsOverTime, RateTest, Silence};
use crate::dead_process::DeadProcess;
use crate::explanation::Explanation;
use crate::format::FormatName;
use crate::frame::Frame;
use crate::level::Level;
use crate::part::LogPart;
use crate::requests::Requests;
use crate::separation::Separations;
use crate::stream::LineContext;
use crate::workers::Worker;
use crate::{fingerprint, requests, template};

/// Name and version of the document.
pub const SCHEMA: &str = "pycoroner.logs/1";

/// What a scan found, as `pycoroner logs --format json` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// The inputs, in the order they were given; `source` fields are indexes into it.
    pub sources: Vec<LogSource>,
    /// Records by level.
    pub levels: BTreeMap<String, u64>,
    /// One entry per exception, and one per thread of a dump, in the order of sources and lines.
    pub tracebacks: Vec<Traceback>,
    /// Typed facts, in the order of sources and lines.
    pub events: Vec<LogEvent>,
    /// Worker processes of servers, in the order in which they are first told of.
    pub workers: Vec<Worker>,
    /// Message templates, the most frequent of the highest level first.
    pub templates: Vec<Template>,
    /// Records by level, over all times.
    pub levels_over_time: LevelsOverTime,
    /// Requests that records name; missing when none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
    /// The process that the core is of; missing without a core, or when the logs do not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<DeadProcess>,
    /// The last record before the death, whoever wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_record: Option<LogRecord>,
    /// What processes that died alike said last, against what others said; missing when fewer than four did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separations: Option<Separations>,
    /// The rules by which things were told or grouped.
    pub rules: Rules,
    /// The last records of level warning and above; of the window, when there is one.
    pub warnings: Vec<LogRecord>,
    /// The crash window, when one was asked for.
    pub window: Option<WindowSummary>,
    /// What was concluded.
    pub findings: Vec<Finding>,
    /// What could not be known.
    pub gaps: Vec<Gap>,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            schema: Cow::Borrowed(SCHEMA),
            sources: Vec::new(),
            levels: BTreeMap::new(),
            tracebacks: Vec::new(),
            events: Vec::new(),
            workers: Vec::new(),
            templates: Vec::new(),
            levels_over_time: LevelsOverTime::default(),
            requests: None,
            process: None,
            last_record: None,
            separations: None,
            rules: Rules::default(),
            warnings: Vec::new(),
            window: None,
            findings: Vec::new(),
            gaps: Vec::new(),
        }
    }
}

/// The rules by which things were told or grouped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// What counts for a traceback's fingerprint.
    pub fingerprints: Vec<Cow<'static, str>>,
    /// The wildcards of templates.
    pub templates: Vec<Cow<'static, str>>,
    /// What makes a request, its start and its end.
    pub requests: Vec<Cow<'static, str>>,
}

impl Default for Rules {
    fn default() -> Self {
        let all = |rules: &'static [&'static str]| rules.iter().copied().map(Cow::Borrowed).collect();
        Self {
            fingerprints: all(fingerprint::RULES),
            templates: all(template::RULES),
            requests: all(requests::RULES),
        }
    }
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSource {
    /// Its number in the evidence register.
    pub id: SourceId,
    /// Its path as the caller gave it.
    pub path: String,
    /// What its lines were taken for; a collector's wrapping counts before what it wraps.
    pub format: FormatName,
    /// What the wrapped lines were taken for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_format: Option<FormatName>,
    /// Bytes that were read.
    pub bytes: u64,
    /// Lines that were read.
    pub lines: u64,
    /// Records that were found.
    pub records: u64,
    /// Bytes of lines that belong to no record, no traceback and no dump.
    pub unparsed_bytes: u64,
    /// The earliest time of a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<UtcTime>,
    /// The latest time of a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<UtcTime>,
    /// How the times are known: the weakest basis that its records have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_basis: Option<TimeBasis>,
    /// Who said its lines, where a collector names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub producers: Vec<String>,
    /// It is the next file of the rotated log that the source before it belongs to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues_previous: bool,
    /// The part that was read, when not all was: counts and times are of that part, and places have no lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<LogPart>,
    /// How it was read, when that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Box<Explanation>>,
}

/// Lines of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Index of the source.
    pub source: usize,
    /// First line, counted from 1; 0, and missing in a document, where the source was read in part: it is not known.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub line: u64,
    /// Last line, included; lines of other producers may stand between.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub last_line: u64,
    /// Offset of the first byte of the first line.
    #[serde(default)]
    pub offset: u64,
    /// Bytes to the end of the last line.
    #[serde(default)]
    pub bytes: u64,
}

impl Place {
    /// Extends it to a line, which may stand in front of it where the newest line comes first.
    pub(crate) fn include(&mut self, context: &LineContext) {
        let end = (self.offset + self.bytes).max(context.offset + context.len);
        self.offset = self.offset.min(context.offset);
        self.bytes = end - self.offset;
        self.line = self.line.min(context.number);
        self.last_line = self.last_line.max(context.number);
    }

    /// Extends it to lines of the same source.
    pub(crate) fn unite(&mut self, other: &Self) {
        let end = (self.offset + self.bytes).max(other.offset + other.bytes);
        self.offset = self.offset.min(other.offset);
        self.bytes = end - self.offset;
        self.line = self.line.min(other.line);
        self.last_line = self.last_line.max(other.last_line);
    }

    /// Points at the lines.
    pub fn citation(&self, sources: &[LogSource]) -> Option<Citation> {
        let source = sources.get(self.source)?;
        let (offset, len) = (self.offset, self.bytes);
        let span = match source.part {
            None => Span::Lines { first: self.line, last: self.last_line, offset, len },
            Some(_) => Span::Bytes { offset, len, address: None },
        };
        Some(Citation::new(source.id, span))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_unknown(line: &u64) -> bool {
    *line == 0
}

/// What kind of stack an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TracebackKind {
    /// An exception's traceback; frames are outermost first, as Python prints them.
    Traceback,
    /// One thread of a `faulthandler` dump; frames are innermost first, as `faulthandler` prints them.
    Faulthandler,
}

/// How an exception belongs to its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The parent was raised `from` it.
    Cause,
    /// The parent was raised while it was handled.
    Context,
    /// The parent is an exception group that holds it.
    GroupMember,
}

/// What the interpreter or `logging` wrote in front of a traceback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Introduction {
    /// `Exception in thread …`: it ended the thread.
    ExceptionInThread,
    /// `Exception ignored in …`: raised where nothing could catch it.
    ExceptionIgnored,
    /// `… exception was never retrieved`: an asyncio task or future.
    NeverRetrieved,
    /// `--- Logging error ---`: a log call could not be written.
    LoggingError,
    /// `Process …:`, as `multiprocessing` writes it: it ended the process.
    ExceptionInProcess,
    /// `Exception in callback …`: the event loop called what raised it.
    ExceptionInCallback,
    /// `Error in atexit._run_exitfuncs:`: raised while the interpreter was shut down.
    ExitFunction,
    /// `Error in sys.excepthook:`: raised while another exception was reported, which follows.
    ExceptHook,
}

/// One exception, or one thread of a dump. Equal trees of exceptions are counted, not repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "a document's fields are independent facts")]
pub struct Traceback {
    /// Which of the two it is.
    pub kind: TracebackKind,
    /// The type as it was printed; of a dump, `Fatal Python error` or `Timeout`. `None` when the text was torn.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// The message with its notes; of a dump, what the error was.
    pub message: String,
    /// Lines right behind the message that may belong to it: nothing says where it ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailing: Vec<String>,
    /// How it belongs to its parent.
    pub relation: Option<Relation>,
    /// Index of the entry that it belongs to.
    pub parent: Option<usize>,
    /// How often the whole tree was seen.
    pub count: u64,
    /// How often within the window.
    #[serde(default)]
    pub in_window: u64,
    /// Seen in the window and never before it. Missing as for templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_in_window: Option<bool>,
    /// Time of the first occurrence.
    pub first: Option<UtcTime>,
    /// Time of the last occurrence.
    pub last: Option<UtcTime>,
    /// How the first time is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_basis: Option<TimeBasis>,
    /// The first time may be off by this much.
    #[serde(default)]
    pub time_uncertainty_ms: u64,
    /// Equal for equal types that were raised along equal frames of the application; line numbers do not count.
    pub fingerprint: String,
    /// Where the first occurrence stands.
    #[serde(flatten)]
    pub place: Place,
    /// Its lines in the next file, when the log was rotated in the midst of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Place>,
    /// Where the last occurrence stands, when there is more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Place>,
    /// The process, container or stream that wrote it.
    pub producer: Option<String>,
    /// Process id, where the record or its collector names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// It is the dead process's: by its process id, or, of a dump, by identifiers of threads. Processes that were forked
    /// share those, so that of several such dumps the one counts that the time or the logs tell from the others.
    #[serde(default)]
    pub same_process: bool,
    /// Thread: its identifier `0x…` in a dump, otherwise its name.
    pub thread: Option<String>,
    /// Its name, where a dump of 3.14 or later gives both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_name: Option<String>,
    /// In a dump: the thread that was running when the process died.
    pub current_thread: bool,
    /// The stack, in the order that [`TracebackKind`] says.
    pub frames: Vec<Frame>,
    /// Frames that were left out of the middle of a very deep stack.
    #[serde(default)]
    pub omitted_frames: u64,
    /// Parts are missing: the text was torn or cut.
    pub truncated: bool,
    /// It was raised in another process and carried over as text.
    #[serde(default)]
    pub remote: bool,
    /// Where a `SyntaxError` lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Frame>,
    /// What stood in front of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduced_by: Option<Introduction>,
    /// First line of the record that carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_message: Option<String>,
    /// Level of that record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Logger of that record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// Request or trace id of that record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// In a dump: the thread was collecting garbage.
    #[serde(default)]
    pub collecting_garbage: bool,
    /// In a dump: what stands in place of frames, such as `<no Python frame>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// In a dump, at its first thread: extension modules that were loaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension_modules: Vec<String>,
    /// In a dump of 3.14 or later, at its first thread: the C stack of the current thread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub c_stack: Vec<String>,
}

/// A typed fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEvent {
    /// `fatal-error`, `worker-timeout`, `worker-killed`, `worker-exit`, `worker-boot`, `oom-kill`,
    /// `kernel-segfault`, `native-abort`, `signal`, `restart`, `shutdown`, `main-process-exited`, …
    pub kind: Cow<'static, str>,
    /// When, and how that is known.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How much it matters.
    pub severity: Severity,
    /// The line that states it.
    pub message: String,
    /// What the line says beyond that, or what it does not prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// The process that it is about.
    pub pid: Option<u64>,
    /// The signal that it names.
    pub signal: Option<u32>,
    /// Who said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// It lies in the window.
    #[serde(default)]
    pub in_window: bool,
    /// The process is the dead process.
    #[serde(default)]
    pub same_process: bool,
}

/// A message with its variable parts replaced: `order <n> failed for <uuid>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The text; what varies is named by its kind, as the document's `rules` say. `<…>` at the end stands for all
    /// messages that start so and have no template of their own.
    pub template: String,
    /// Level of its records.
    pub level: Option<Level>,
    /// Records.
    pub count: u64,
    /// Records within the window.
    #[serde(default)]
    pub in_window: u64,
    /// Of those in the window, the ones for which it cannot be told whether they were before the death: it is not known
    /// as exactly as that.
    #[serde(default)]
    pub around_death: u64,
    /// Of those in the window, the ones after the death.
    #[serde(default)]
    pub after_death: u64,
    /// Records before the window.
    #[serde(default)]
    pub before: u64,
    /// Earliest time.
    pub first: Option<UtcTime>,
    /// Latest time.
    pub last: Option<UtcTime>,
    /// Seen in the window and never before it. Missing when there is no window, or when less of its logs lies before
    /// the window than in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_in_window: Option<bool>,
    /// Its rate changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// It had a pace and stopped before the death.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
    /// Where the first one stands.
    #[serde(flatten)]
    pub place: Place,
    /// Where the first one in the window stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_in_window: Option<Place>,
}

/// One record that is worth showing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// When, and how that is known.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Its level.
    pub level: Option<Level>,
    /// Its logger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// Its message, with further lines that are no traceback.
    pub message: String,
    /// Process id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// Thread name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Request or trace id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Who said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
}

/// The crash window, and how the log in it compares with the log before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSummary {
    /// Its start; `None` when it is open.
    pub from: Option<UtcTime>,
    /// Its end; `None` when it is open.
    pub to: Option<UtcTime>,
    /// The time around which it was laid.
    pub anchor: Option<UtcTime>,
    /// Records in it.
    #[serde(default)]
    pub records: u64,
    /// Records before it.
    #[serde(default)]
    pub records_before: u64,
    /// Records in it, by level.
    #[serde(default)]
    pub levels: BTreeMap<String, u64>,
    /// Records before it, by level.
    #[serde(default)]
    pub levels_before: BTreeMap<String, u64>,
    /// Records in it, by level and time.
    #[serde(default)]
    pub levels_over_time: LevelsOverTime,
    /// How the rate of errors, critical ones included, changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Change>,
    /// How changes and silences were told from chance; missing when nothing could be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<RateTest>,
}
