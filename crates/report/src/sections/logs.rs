use pycoroner_findings::{Citation, Event, Severity, SourceId, Span, TimeBasis, Timestamp, UtcTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the logs say: the document `pycoroner.logs/1`, as far as a report uses it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Requests that were followed by their ids; missing when none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
    /// Records by level, over all times.
    pub levels_over_time: LevelsOverTime,
    /// The time that was looked at.
    pub window: Window,
    /// The dead process, where the logs tell which one it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<DeadProcess>,
    /// The last record before the death: the dead process's own, where the logs tell which are its.
    pub last_record: Option<LogRecord>,
    /// The logs do not tell which records are the dead process's: the last record is that of anyone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub last_record_is_anyones: bool,
    /// What processes that died alike said last, against what others said; missing when too few did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separations: Option<Separations>,
    /// The last records of level warning and above.
    pub warnings: Vec<LogRecord>,
    /// What happened, as the document has it; a report shows it in its timeline.
    #[serde(skip_serializing)]
    pub events: Vec<LogEvent>,
}

/// One log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The bytes that were read, when not all were: all else that is said of the log is of them.
    pub part: Option<LogPart>,
}

/// Which bytes of a log were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogPart {
    /// The first one.
    pub from: u64,
    /// The one behind the last.
    pub to: u64,
    /// How many the log has.
    pub of: u64,
}

/// How many records have a level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct LevelCount {
    pub level: String,
    pub count: u64,
}

/// One exception of a logged traceback.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct LogTraceback {
    pub kind: Option<String>,
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trailing: Vec<String>,
    pub relation: Option<String>,
    pub count: Option<u64>,
    pub in_window: Option<u64>,
    pub first: Option<String>,
    pub last: Option<String>,
    #[serde(flatten)]
    pub place: LogPlace,
    pub producer: Option<String>,
    pub pid: Option<u64>,
    pub log_message: Option<String>,
    pub request_id: Option<String>,
    pub thread: Option<String>,
    pub current_thread: bool,
    pub note: Option<String>,
    pub frames: Vec<super::TracebackEntry>,
    pub truncated: bool,
    pub parent: Option<usize>,
}

/// Messages that differ in their variable parts only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Template {
    pub template: String,
    pub level: Option<String>,
    pub count: Option<u64>,
    pub first: Option<String>,
    pub last: Option<String>,
    pub in_window: Option<u64>,
    pub before: Option<u64>,
    pub new_in_window: bool,
    pub change: Option<RateChange>,
    pub silence: Option<Silence>,
    /// Where the first one in the window stands.
    pub place_in_window: Option<LogPlace>,
    #[serde(flatten)]
    pub place: LogPlace,
}

/// Requests that were followed by their ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Requests {
    pub followed: u64,
    pub finished: u64,
    pub unfinished: u64,
    pub threads: Vec<RequestThread>,
}

/// One request: its first and its last records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct RequestThread {
    pub id: String,
    pub state: Option<String>,
    pub open_at_death: bool,
    /// The process that had it, when that was another one and ended before the death or then.
    pub ended_with: Option<u64>,
    pub same_process: bool,
    pub records: Option<u64>,
    pub first: Option<UtcTime>,
    pub last: Option<UtcTime>,
    pub entries: Vec<RequestRecord>,
}

/// One record of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct RequestRecord {
    pub time: Option<UtcTime>,
    pub level: Option<String>,
    pub message: Option<String>,
    #[serde(flatten)]
    pub place: LogPlace,
}

/// What processes that died alike said last, against what others said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Separations {
    pub end: String,
    pub deaths: u64,
    pub with_records: u64,
    pub test: SeparationTest,
    pub found: Vec<Separation>,
}

/// How values that go with deaths were told from chance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct SeparationTest {
    pub name: String,
    pub comparisons: u64,
}

/// A value that the last records of processes that died have, and others have seldom or never.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Separation {
    pub template: String,
    pub what: String,
    pub by: Option<String>,
    pub value: String,
    pub nearest: Option<String>,
    pub died: u64,
    pub died_with: u64,
    pub others: u64,
    pub others_with: u64,
    pub others_meanwhile: u64,
    pub others_meanwhile_with: u64,
    pub p_value: Option<f64>,
    pub died_places: Vec<LogPlace>,
    pub other_places: Vec<LogPlace>,
}

/// A rate in the window that differs from the one before it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct RateChange {
    pub direction: Option<String>,
    pub before: Option<u64>,
    pub before_ms: Option<u64>,
    pub inside: Option<u64>,
    pub inside_ms: Option<u64>,
    pub expected: Option<f64>,
}

/// Something that had a pace and stopped before the death.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Silence {
    pub since: Option<UtcTime>,
    pub silent_ms: Option<u64>,
    pub usual_interval_ms: Option<u64>,
    pub seen: Option<u64>,
    /// Where the last one stands.
    pub place: Option<LogPlace>,
    /// When it was seen again, and where that one stands.
    pub again: Option<UtcTime>,
    pub again_place: Option<LogPlace>,
}

/// Records by level, over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LevelsOverTime {
    /// Length of each bucket.
    pub bucket_ms: u64,
    /// Those that hold records, by time.
    pub buckets: Vec<LevelBucket>,
}

/// Records of one stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LevelBucket {
    /// Its start.
    pub from: Option<UtcTime>,
    /// Its records, those without a level included.
    pub records: u64,
    /// Its records by level.
    pub levels: Vec<LevelCount>,
}

/// The time that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct Window {
    pub from: Option<String>,
    pub to: Option<String>,
    pub anchor: Option<String>,
    pub records: Option<u64>,
    pub records_before: Option<u64>,
    pub levels: Vec<LevelCount>,
    pub levels_before: Vec<LevelCount>,
    pub levels_over_time: LevelsOverTime,
}

/// The dead process, as the logs tell it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the contract document")]
pub struct DeadProcess {
    pub pid: Option<u64>,
    /// Its number in the logs, another one when it ran in a container.
    pub log_pid: Option<u64>,
    /// How its lines were found.
    pub joined_by: Vec<String>,
    /// The last records before the death, while the time of the death is narrowed by them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub last_records: Vec<LogRecord>,
}

/// One log record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    #[serde(flatten)]
    pub place: LogPlace,
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
            place: self.place.clone(),
            ..LogEvent::default()
        }
    }
}

/// One event, as the contract writes it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
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
    #[serde(flatten)]
    pub place: LogPlace,
}

impl LogEvent {
    /// The event as a timeline has it; cited when the document says which bytes state it.
    pub(crate) fn into_event(self, sources: &[LogSource]) -> Event {
        let at = self.time.map(|time| Timestamp {
            time,
            basis: self.time_basis.unwrap_or(TimeBasis::Stated),
            uncertainty_ms: self.time_uncertainty_ms.unwrap_or(0),
        });
        let citation = self.place.citation(sources);
        let severity = self.severity.unwrap_or(Severity::Warning);
        Event {
            at,
            detail: self.detail,
            pid: self.pid,
            signal: self.signal,
            producer: self.producer,
            citation,
            ..Event::new(self.kind, severity, self.message)
        }
    }
}

impl LogsSection {
    /// The first message that had a pace and stopped before the death: nothing states it, and it says when work ceased.
    pub(crate) fn first_silence(&self) -> Option<Event> {
        let silent = self.templates.iter().filter_map(|row| Some((row, row.silence.as_ref()?)));
        let silent = silent.filter_map(|(row, silence)| Some((silence.since?, row, silence)));
        let (since, row, silence) = silent.min_by_key(|(since, row, _)| (*since, &row.template))?;
        let place = silence.place.as_ref().unwrap_or(&row.place);
        let pace =
            silence.usual_interval_ms.map(|ms| format!(", and came every {ms} ms on average until then"));
        Some(Event {
            at: Some(Timestamp {
                time: since,
                basis: self
                    .last_record
                    .as_ref()
                    .and_then(|record| record.time_basis)
                    .unwrap_or(TimeBasis::Stated),
                uncertainty_ms: 0,
            }),
            detail: Some(format!("this was the last one{}", pace.unwrap_or_default())),
            citation: place.citation.clone(),
            ..Event::new("message-silent", Severity::Warning, row.template.clone())
        })
    }

    /// Turns the places of tracebacks, records and templates into citations.
    pub(crate) fn cite(&mut self) {
        let Self {
            sources,
            tracebacks,
            templates,
            warnings,
            last_record,
            requests,
            process,
            separations,
            ..
        } = self;
        let found = separations.iter_mut().flat_map(|separations| &mut separations.found);
        let compared = found.flat_map(|one| one.died_places.iter_mut().chain(&mut one.other_places));
        let of_process = process.iter_mut().flat_map(|process| &mut process.last_records);
        let entries = requests.iter_mut().flat_map(|requests| &mut requests.threads);
        let entries = entries.flat_map(|thread| &mut thread.entries).map(|entry| &mut entry.place);
        let places = (tracebacks.iter_mut().map(|entry| &mut entry.place))
            .chain(templates.iter_mut().flat_map(|row| {
                let silence = row.silence.iter_mut();
                let ends =
                    silence.flat_map(|silence| silence.place.iter_mut().chain(&mut silence.again_place));
                [Some(&mut row.place), row.place_in_window.as_mut()].into_iter().flatten().chain(ends)
            }))
            .chain(entries)
            .chain(compared)
            .chain(warnings.iter_mut().chain(last_record).chain(of_process).map(|record| &mut record.place));
        for place in places {
            place.citation = place.citation(sources);
        }
    }
}

/// Where something stands in a log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LogPlace {
    /// Index into the sources of the document.
    pub source: Option<usize>,
    /// Its first line, counted from 1.
    pub line: Option<u64>,
    /// Its last line.
    pub last_line: Option<u64>,
    /// Offset of its first byte.
    pub offset: Option<u64>,
    /// Number of its bytes.
    pub bytes: Option<u64>,
    /// The same as a citation.
    pub citation: Option<Citation>,
}

impl LogPlace {
    /// The citation, when the document says which bytes it is.
    fn citation(&self, sources: &[LogSource]) -> Option<Citation> {
        let source = sources.get(self.source?)?;
        let (id, offset, len) = (source.id?, self.offset?, self.bytes?);
        if source.part.is_some() {
            return Some(Citation::new(id, Span::Bytes { offset, len, address: None }));
        }
        let first = self.line?;
        let last = self.last_line.unwrap_or(first);
        Some(Citation::new(id, Span::Lines { first, last, offset, len }))
    }
}

/// Takes the dead process's own last record for the last one: others may have told of its end behind it.
pub(crate) fn name_last_record(document: &mut Value) {
    let own = document.pointer("/process/last_records").and_then(Value::as_array).and_then(|all| all.last());
    let own = own.cloned();
    let Some(members) = document.as_object_mut() else { return };
    members.insert("last_record_is_anyones".to_owned(), own.is_none().into());
    if let Some(own) = own {
        members.insert("last_record".to_owned(), own);
    }
}

/// Turns objects of levels into rows, so that no key of a report comes from a log.
pub(crate) fn list_levels(document: &mut Value) {
    let mut left = vec![document];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(members) => {
                for (key, value) in members {
                    match value {
                        Value::Object(counts) if matches!(&**key, "levels" | "levels_before") => {
                            let row = |(level, count)| json!({"level": level, "count": count});
                            *value = std::mem::take(counts).into_iter().map(row).collect();
                        }
                        value => left.push(value),
                    }
                }
            }
            _ => {}
        }
    }
}
