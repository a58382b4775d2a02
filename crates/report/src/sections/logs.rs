use pycoroner_findings::{Citation, Event, Severity, SourceId, Span, TimeBasis, Timestamp, UtcTime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the logs say: the document `pycoroner.logs/1`, as far as a report uses it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogsSection {
    /// The logs that were read.
    pub sources: Vec<LogSource>,
    /// Records by level.
    pub levels: Vec<LevelCount>,
    /// Tracebacks, one entry per exception.
    pub tracebacks: Vec<LogTraceback>,
    /// Messages with their variable parts cut out.
    pub templates: Vec<Template>,
    /// The time that was looked at.
    pub window: Window,
    /// The last record of all, where the producer names it.
    pub last_record: Option<LogRecord>,
    /// The last records of level warning and above.
    pub warnings: Vec<LogRecord>,
    /// What happened, as the document has it; a report shows it in its timeline.
    #[serde(skip_serializing)]
    pub events: Vec<LogEvent>,
}

/// One log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct LogSource {
    pub id: Option<SourceId>,
    pub path: String,
    pub format: Option<String>,
    pub bytes: Option<u64>,
    pub records: Option<u64>,
    pub unparsed_bytes: Option<u64>,
    pub first: Option<String>,
    pub last: Option<String>,
}

/// How many records have a level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct LevelCount {
    pub level: String,
    pub count: u64,
}

/// One exception of a logged traceback.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct LogTraceback {
    pub kind: Option<String>,
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    pub message: Option<String>,
    pub relation: Option<String>,
    pub count: Option<u64>,
    pub in_window: Option<u64>,
    pub first: Option<String>,
    pub last: Option<String>,
    pub source: Option<usize>,
    pub line: Option<u64>,
    pub producer: Option<String>,
    pub log_message: Option<String>,
    pub thread: Option<String>,
    pub current_thread: bool,
    pub note: Option<String>,
    pub frames: Vec<super::TracebackEntry>,
    pub truncated: bool,
    pub parent: Option<usize>,
}

/// Messages that differ in their variable parts only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Template {
    pub template: String,
    pub level: Option<String>,
    pub count: Option<u64>,
    pub first: Option<String>,
    pub last: Option<String>,
    pub new_in_window: bool,
}

/// The time that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Window {
    pub from: Option<String>,
    pub to: Option<String>,
    pub anchor: Option<String>,
}

/// One log record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct LogRecord {
    pub time: Option<UtcTime>,
    pub time_basis: Option<TimeBasis>,
    pub time_uncertainty_ms: Option<u64>,
    pub level: Option<String>,
    pub message: String,
    pub pid: Option<u64>,
    pub producer: Option<String>,
    pub source: Option<usize>,
    pub line: Option<u64>,
    pub last_line: Option<u64>,
    pub offset: Option<u64>,
    pub bytes: Option<u64>,
}

impl LogRecord {
    /// The record as an event: `log-warning`, `log-error` or `log-critical`.
    pub(crate) fn to_event(&self) -> LogEvent {
        let (kind, severity) = match self.level.as_deref() {
            Some("CRITICAL" | "FATAL") => ("log-critical", Severity::Error),
            Some("ERROR") => ("log-error", Severity::Error),
            _ => ("log-warning", Severity::Warning),
        };
        LogEvent {
            kind: kind.to_owned(),
            severity: Some(severity),
            time: self.time,
            time_basis: self.time_basis,
            time_uncertainty_ms: self.time_uncertainty_ms,
            message: self.message.clone(),
            pid: self.pid,
            producer: self.producer.clone(),
            source: self.source,
            line: self.line,
            last_line: self.last_line,
            offset: self.offset,
            bytes: self.bytes,
            ..LogEvent::default()
        }
    }
}

/// One event, as the contract writes it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct LogEvent {
    pub kind: String,
    pub time: Option<UtcTime>,
    pub time_basis: Option<TimeBasis>,
    pub time_uncertainty_ms: Option<u64>,
    pub severity: Option<Severity>,
    pub message: String,
    pub pid: Option<u64>,
    pub signal: Option<u32>,
    pub producer: Option<String>,
    pub detail: Option<String>,
    pub source: Option<usize>,
    pub line: Option<u64>,
    pub last_line: Option<u64>,
    pub offset: Option<u64>,
    pub bytes: Option<u64>,
}

impl LogEvent {
    /// The event as a timeline has it; cited when the document says which bytes state it.
    pub(crate) fn into_event(self, sources: &[LogSource]) -> Event {
        let at = self.time.map(|time| Timestamp {
            time,
            basis: self.time_basis.unwrap_or(TimeBasis::Stated),
            uncertainty_ms: self.time_uncertainty_ms.unwrap_or(0),
        });
        let citation = self.citation(sources);
        let severity = self.severity.unwrap_or(Severity::Warning);
        let message = match self.detail {
            Some(detail) => format!("{} ({detail})", self.message),
            None => self.message,
        };
        Event {
            at,
            pid: self.pid,
            signal: self.signal,
            producer: self.producer,
            citation,
            ..Event::new(self.kind, severity, message)
        }
    }

    fn citation(&self, sources: &[LogSource]) -> Option<Citation> {
        let id = sources.get(self.source?)?.id?;
        let first = self.line?;
        let span = Span::Lines {
            first,
            last: self.last_line.unwrap_or(first),
            offset: self.offset?,
            len: self.bytes?,
        };
        Some(Citation::new(id, span))
    }
}

/// Turns the object of levels into rows, so that no key of a report comes from a log.
pub(crate) fn list_levels(document: &mut Value) {
    let Some(levels) = document.get_mut("levels") else { return };
    if let Value::Object(counts) = levels.take() {
        *levels = counts.into_iter().map(|(level, count)| json!({"level": level, "count": count})).collect();
    }
}
