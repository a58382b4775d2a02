//! The contract `pycoroner.telemetry/1`: plain data, additive only, every field may be missing.

use std::borrow::Cow;

use pycoroner_findings::{Citation, Event, Finding, Gap, Severity, SourceId, Timestamp, UtcTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::ExportFormat;
use crate::skew::Skew;
use crate::time::stated;

/// Name and version of the document.
pub const SCHEMA: &str = "pycoroner.telemetry/1";

/// What one export says, or what several say together.
///
/// All text is raw evidence: masking and escaping happen where it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Telemetry {
    /// [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// The files, in the order they were given.
    pub exports: Vec<Export>,
    /// Metrics over time.
    pub series: Vec<Series>,
    /// Spans worth showing: those that failed, the last ones, those that never ended.
    pub spans: Vec<TraceSpan>,
    /// How many spans each export had.
    pub span_totals: Vec<SpanTotals>,
    /// Where threads stood while the process still lived.
    pub stacks: Vec<StackDump>,
    /// Where memory was allocated, the largest sites of each profile.
    pub allocations: Vec<AllocationSite>,
    /// The totals of profiles of memory, of which [`Self::allocations`] has the largest parts.
    pub profiles: Vec<AllocationProfile>,
    /// What orchestrators say of containers that ended.
    pub containers: Vec<ContainerEnd>,
    /// What was read of processes: by `psutil`, by systemd-coredump.
    pub processes: Vec<ProcessRecord>,
    /// Errors that the service reported to a collector.
    pub reports: Vec<ErrorReport>,
    /// What people wrote down about the service.
    pub context: Option<Context>,
    /// How far clocks of sources are apart, where that can be told.
    pub skews: Vec<Skew>,
    /// Rows for a timeline.
    pub events: Vec<Event>,
    /// What was concluded.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            schema: Cow::Borrowed(SCHEMA),
            exports: Vec::new(),
            series: Vec::new(),
            spans: Vec::new(),
            span_totals: Vec::new(),
            stacks: Vec::new(),
            allocations: Vec::new(),
            profiles: Vec::new(),
            containers: Vec::new(),
            processes: Vec::new(),
            reports: Vec::new(),
            context: None,
            skews: Vec::new(),
            events: Vec::new(),
            findings: Vec::new(),
            gaps: Vec::new(),
        }
    }
}

impl Telemetry {
    /// Adds what another export says; the first context that people wrote stays.
    pub fn extend(&mut self, other: Self) {
        self.exports.extend(other.exports);
        self.series.extend(other.series);
        self.spans.extend(other.spans);
        self.span_totals.extend(other.span_totals);
        self.stacks.extend(other.stacks);
        self.allocations.extend(other.allocations);
        self.profiles.extend(other.profiles);
        self.containers.extend(other.containers);
        self.processes.extend(other.processes);
        self.reports.extend(other.reports);
        self.context = self.context.take().or(other.context);
        self.skews.extend(other.skews);
        self.events.extend(other.events);
        self.findings.extend(other.findings);
        self.gaps.extend(other.gaps);
    }

    /// Adds how a container ended, also as an event.
    pub(crate) fn add_container(&mut self, end: ContainerEnd) {
        let code = end.exit_code.map_or("no exit code".to_owned(), |code| format!("exit code {code}"));
        let reason = end.reason.as_deref().map_or(String::new(), |reason| format!(", {reason}"));
        let severity = if end.exit_code == Some(0) { Severity::Info } else { Severity::Error };
        let message = format!("container {} ended: {code}{reason}", end.name);
        self.events.push(Event {
            at: end.finished.map(stated),
            signal: end.signal,
            producer: Some(end.name.clone()),
            citation: Some(end.citation.clone()),
            ..Event::new("container-ended", severity, message)
        });
        self.containers.push(end);
    }
}

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Export {
    /// Its number in the evidence register.
    pub id: SourceId,
    /// What it was taken for.
    pub format: ExportFormat,
    /// Records in it: samples, spans, alerts, frames, …
    pub records: u64,
    /// The earliest time in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<UtcTime>,
    /// The latest time in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<UtcTime>,
}

impl Export {
    /// An export of so many records, from the first event to the last.
    pub(crate) fn of(id: SourceId, format: ExportFormat, records: usize, events: &[Event]) -> Self {
        let times = || events.iter().filter_map(|event| Some(event.at?.time));
        Self { id, format, records: records as u64, first: times().min(), last: times().max() }
    }

    /// An export of so many samples, from the first point to the last.
    pub(crate) fn of_series(id: SourceId, format: ExportFormat, records: usize, series: &[Series]) -> Self {
        let first = series.iter().filter_map(|series| series.points.first()).map(|(time, _)| *time).min();
        let last = series.iter().filter_map(|series| series.points.last()).map(|(time, _)| *time).max();
        Self { id, format, records: records as u64, first, last }
    }
}

/// One metric of one target, by rising time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// The metric's name, such as `process_resident_memory_bytes`.
    pub name: String,
    /// Its labels, without the name.
    #[serde(default)]
    pub labels: Vec<Label>,
    /// Whether it only ever rises within one life of the process.
    #[serde(default)]
    pub is_counter: bool,
    /// Time and value; what was not scraped has no point.
    pub points: Vec<(UtcTime, f64)>,
    /// The value of an export that states no time for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What was measured, by the labels that tell targets apart; findings about it name it so.
    #[serde(default)]
    pub target: String,
    /// First samples of each further process that answered as this target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restarts: Vec<UtcTime>,
    /// Several processes answer in turn: no sample is known to be of one of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takes_turns: bool,
    /// How many failed answers (5xx) a counter of answers with such a status counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_answers: Option<u64>,
    /// Points were left out: the others no longer have the numbers of their samples.
    #[serde(default)]
    pub is_thinned: bool,
    /// Where the values stand.
    pub citation: Citation,
}

impl Series {
    /// A series without points, of which nothing is concluded yet.
    pub(crate) fn new(name: String, labels: Vec<Label>, is_counter: bool, citation: Citation) -> Self {
        Self {
            name,
            labels,
            is_counter,
            points: Vec::new(),
            value: None,
            target: String::new(),
            restarts: Vec::new(),
            takes_turns: false,
            failed_answers: None,
            is_thinned: false,
            citation,
        }
    }
}

/// A label, tag or attribute: what the evidence names is a value here, never a key of the document.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// One span of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TraceSpan {
    /// Hex digits of the trace's id, in lower case.
    pub trace_id: String,
    /// Hex digits of its own id.
    pub span_id: String,
    /// Hex digits of its parent's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// Whether the same process should have exported its parent, and the export has none.
    #[serde(default)]
    pub parent_missing: bool,
    /// What was done.
    pub name: String,
    /// The service that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The process that did it, where the resource names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// When it began.
    pub start: UtcTime,
    /// When it ended; `None` when no end was exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<UtcTime>,
    /// Whether it says that it failed.
    #[serde(default)]
    pub failed: bool,
    /// What it says about its failure: the status, or the exception's type and message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where it stands.
    pub citation: Citation,
}

/// How many spans an export had, as only those worth showing are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpanTotals {
    /// The export.
    pub source: SourceId,
    /// All of them.
    pub spans: u64,
    /// Those that say that they failed.
    pub failed: u64,
    /// Those for which no end was exported.
    pub without_end: u64,
    /// Those among the latest whose parent never arrived.
    pub parent_missing: u64,
}

/// Where the threads of a process stood at one time, or in many samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StackDump {
    /// When; unknown for most text forms.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The process, where the dump names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// Its command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Its threads, or, for samples, its distinct stacks.
    pub threads: Vec<ThreadStack>,
    /// Where it stands.
    pub citation: Citation,
}

/// One thread's stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ThreadStack {
    /// The thread's id, as the tool writes it: the kernel's, or `threading.get_ident()`'s in hex.
    pub id: Option<String>,
    /// What `threading.get_ident()` gives for it, in hex, where the tool writes both.
    pub ident: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Whether the tool says that it was running, or idle.
    pub active: Option<bool>,
    /// Whether it held the interpreter's lock.
    pub holds_gil: Option<bool>,
    /// How many samples have this stack; 1 for a dump.
    pub samples: u64,
    /// Innermost first.
    pub frames: Vec<StackFrame>,
}

/// One frame of a stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StackFrame {
    /// The function's name.
    pub function: String,
    /// Its file.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u64>,
}

/// Memory by the place that allocated it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AllocationSite {
    /// The frames that allocated, innermost first: those that all of it has in common.
    pub frames: Vec<StackFrame>,
    /// Bytes; none where the tool only counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Blocks, or objects; none where the tool does not count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<u64>,
    /// By how many blocks it grew since the tool last counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<u64>,
    /// By how many bytes it grew between two snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth_bytes: Option<u64>,
    /// The type of the objects, where the tool counts by type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Which allocations are counted.
    #[serde(default)]
    pub counted: Counted,
    /// The stack that most of it was allocated with, where there were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heaviest: Option<StackShare>,
    /// Where it stands.
    pub citation: Citation,
}

/// One stack of several, and what was allocated with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StackShare {
    /// Innermost first.
    pub frames: Vec<StackFrame>,
    /// Bytes.
    pub bytes: u64,
    /// Blocks.
    pub blocks: u64,
}

/// Which allocations a profile counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// All that were ever made, also what was freed.
    Allocated,
    /// What was not freed when the profile was taken.
    Live,
    /// What was live when memory was at its peak.
    Peak,
    /// The file does not say.
    #[default]
    Unknown,
}

/// The totals of one profile of memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AllocationProfile {
    /// The tool that made it: `tracemalloc`, `memray`, `objgraph`.
    pub tool: String,
    /// Which allocations are counted.
    #[serde(default)]
    pub counted: Counted,
    /// Bytes in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Blocks in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<u64>,
    /// The most bytes that were live at once, where the tool says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_bytes: Option<u64>,
    /// The process, where the file names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// How many frames the tool kept of each stack at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceback_limit: Option<u64>,
    /// Blocks whose stack had more frames than were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_tracebacks: Option<u64>,
    /// Bytes by tracemalloc's domain, where it tells them apart; 0 is Python's own memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<DomainBytes>,
    /// Where they stand.
    pub citation: Citation,
}

/// What one domain of tracemalloc holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DomainBytes {
    /// Its number; 0 is Python's own memory, 389047 that of NumPy's arrays.
    pub domain: u64,
    /// Bytes.
    pub bytes: u64,
    /// Blocks.
    pub blocks: u64,
}

/// How a container ended, and what it was allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerEnd {
    /// Its name, with pod and namespace where there are any.
    pub name: String,
    /// Its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// When it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<UtcTime>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<UtcTime>,
    /// Its exit code; 128 plus the signal for a process that a signal ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// The signal, where it is named apart from the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<u32>,
    /// The reason that the orchestrator gives: `OOMKilled`, `Error`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it says that memory ran out; `None` when it says nothing about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_killed: Option<bool>,
    /// How often it was started again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u64>,
    /// Its memory limit, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<u64>,
    /// Where it stands.
    pub citation: Citation,
}

/// What a tool wrote down about a process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessRecord {
    /// When.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// The signal that ended it, where it is about its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<u32>,
    /// Its executable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// Its command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The systemd unit or control group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Resident memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
    /// Address space, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_bytes: Option<u64>,
    /// Threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
    /// Open file descriptors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<u64>,
    /// Paths of open files, each once, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_files: Vec<String>,
    /// Seconds of CPU time that it had used, in user and system mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// When it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<UtcTime>,
    /// Where its core file was put, or why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_file: Option<String>,
    /// Where it stands.
    pub citation: Citation,
}

impl ProcessRecord {
    /// A record that says nothing yet.
    pub(crate) fn new(citation: Citation) -> Self {
        Self {
            at: None,
            pid: None,
            signal: None,
            executable: None,
            command: None,
            unit: None,
            resident_bytes: None,
            virtual_bytes: None,
            threads: None,
            descriptors: None,
            open_files: Vec::new(),
            cpu_seconds: None,
            started: None,
            core_file: None,
            citation,
        }
    }
}

/// An error as the service reported it to a collector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorReport {
    /// When.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Its exceptions, the one that was raised last first.
    pub exceptions: Vec<ReportedException>,
    /// Its tags, release and environment among them.
    #[serde(default)]
    pub tags: Vec<Label>,
    /// What the service did before: one line each, by rising time.
    #[serde(default)]
    pub breadcrumbs: Vec<Breadcrumb>,
    /// Where it stands.
    pub citation: Citation,
}

/// One exception of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReportedException {
    /// Its type.
    pub type_name: String,
    /// Its message.
    pub message: String,
    /// Whether the program caught it; `None` when the report does not say.
    pub handled: Option<bool>,
    /// Innermost first.
    pub frames: Vec<StackFrame>,
}

/// One thing that the service did before an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Breadcrumb {
    /// When.
    pub time: Option<UtcTime>,
    /// Its category: `http`, `query`, a logger's name.
    pub category: Option<String>,
    /// Its level.
    pub level: Option<String>,
    /// What was done.
    pub message: String,
}

/// What people wrote down by hand about the service: `incident.toml`, or the same as YAML.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Context {
    /// The service's name.
    pub service: Option<String>,
    /// Its environment: `prod`, …
    pub environment: Option<String>,
    /// Teams that own it; teams, never persons.
    pub owners: Vec<String>,
    /// What changed before the incident.
    pub changes: Vec<Change>,
    /// What was noticed, by users or on dashboards.
    pub impact: Option<String>,
    /// Where it stands.
    pub citation: Option<Citation>,
}

/// A deploy or another change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Change {
    /// When.
    pub time: Option<UtcTime>,
    /// `deploy`, `configuration`, `traffic`, …
    pub kind: Option<String>,
    /// What changed.
    pub what: String,
}
