use pycoroner_findings::{Citation, SourceId, Timestamp, UtcTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What metrics, traces, alerts and the like say: the document `pycoroner.telemetry/1`, as far as a report uses it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TelemetrySection {
    /// The exports that were read.
    pub exports: Vec<Export>,
    /// Metrics over time.
    pub series: Vec<Series>,
    /// Spans worth showing.
    pub spans: Vec<TraceSpan>,
    /// Where threads stood while the process still lived.
    pub stacks: Vec<StackDump>,
    /// Where live memory was allocated.
    pub allocations: Vec<AllocationSite>,
    /// How containers ended.
    pub containers: Vec<ContainerEnd>,
    /// What was read of processes.
    pub processes: Vec<ProcessRecord>,
    /// Errors that the service reported to a collector.
    pub reports: Vec<ErrorReport>,
    /// What people wrote down about the service.
    pub context: Option<Context>,
}

/// One export.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Export {
    pub id: Option<SourceId>,
    pub format: Option<String>,
    pub records: Option<u64>,
    pub first: Option<UtcTime>,
    pub last: Option<UtcTime>,
}

/// One metric of one target, by rising time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Series {
    pub name: String,
    pub labels: Vec<Label>,
    pub is_counter: bool,
    pub points: Vec<(UtcTime, f64)>,
    pub target: String,
    /// First samples of each further process that answered as this target.
    pub restarts: Vec<UtcTime>,
    /// Several processes answer in turn: no sample is known to be of one of them.
    pub takes_turns: bool,
    pub failed_answers: Option<u64>,
    pub is_thinned: bool,
    pub citation: Option<Citation>,
}

/// A label of a series.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Label {
    pub name: String,
    pub value: String,
}

/// One span of a trace; without an end when none was exported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct TraceSpan {
    pub trace_id: String,
    pub name: String,
    pub service: Option<String>,
    pub pid: Option<u64>,
    pub start: Option<UtcTime>,
    pub end: Option<UtcTime>,
    pub failed: bool,
    pub error: Option<String>,
    pub citation: Option<Citation>,
}

/// Where the threads of a process stood at one time, or in many samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct StackDump {
    #[serde(flatten)]
    pub at: Option<Timestamp>,
    pub pid: Option<u64>,
    pub command: Option<String>,
    pub threads: Vec<ThreadStack>,
    pub citation: Option<Citation>,
}

/// One thread's stack, innermost first; in samples, one distinct stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct ThreadStack {
    pub id: Option<String>,
    pub name: Option<String>,
    pub active: Option<bool>,
    pub holds_gil: Option<bool>,
    pub samples: u64,
    pub frames: Vec<StackFrame>,
}

/// One frame of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct StackFrame {
    pub function: String,
    pub file: Option<String>,
    pub line: Option<u64>,
}

/// Live memory by the place that allocated it, innermost frame first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct AllocationSite {
    pub frames: Vec<StackFrame>,
    pub bytes: u64,
    pub blocks: u64,
    pub growth_bytes: Option<u64>,
    pub counted: Option<String>,
    pub type_name: Option<String>,
    pub citation: Option<Citation>,
}

/// How a container ended, and what it was allowed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct ContainerEnd {
    pub name: String,
    pub image: Option<String>,
    pub started: Option<UtcTime>,
    pub finished: Option<UtcTime>,
    pub exit_code: Option<i64>,
    pub signal: Option<u32>,
    pub reason: Option<String>,
    pub oom_killed: Option<bool>,
    pub restarts: Option<u64>,
    pub memory_limit: Option<u64>,
    pub citation: Option<Citation>,
}

/// What a tool wrote down about a process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct ProcessRecord {
    #[serde(flatten)]
    pub at: Option<Timestamp>,
    pub pid: Option<u64>,
    pub signal: Option<u32>,
    pub executable: Option<String>,
    pub command: Option<String>,
    pub unit: Option<String>,
    pub resident_bytes: Option<u64>,
    pub core_file: Option<String>,
    pub citation: Option<Citation>,
}

/// An error as the service reported it to a collector.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct ErrorReport {
    #[serde(flatten)]
    pub at: Option<Timestamp>,
    pub exceptions: Vec<ReportedException>,
    pub tags: Vec<Label>,
    pub breadcrumbs: Vec<Breadcrumb>,
    pub citation: Option<Citation>,
}

/// One exception of a report; `handled` is missing when the report does not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct ReportedException {
    pub type_name: String,
    pub message: String,
    pub handled: Option<bool>,
    pub frames: Vec<StackFrame>,
}

/// One thing that the service did before an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Breadcrumb {
    pub time: Option<UtcTime>,
    pub category: Option<String>,
    pub level: Option<String>,
    pub message: String,
}

/// What people wrote down by hand about the service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Context {
    /// The service's name.
    pub service: Option<String>,
    /// `prod`, …; under another name than the producer's, which redaction takes for variables of a process.
    #[serde(rename = "stage", alias = "environment")]
    pub stage: Option<String>,
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
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Change {
    pub time: Option<UtcTime>,
    pub kind: Option<String>,
    pub what: String,
}
