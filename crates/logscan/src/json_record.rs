//! Records in JSON, in the dialects of Python formatters, collectors and log stores.

use std::borrow::Cow;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::ascii::whole_number;
use crate::format::FormatName;
use crate::json::{self, Members, Value};
use crate::level::Level;
use crate::stated_time::{self, StatedTime};

/// What one JSON object says as a record. Strings are still escaped.
#[derive(Clone, Debug)]
pub(crate) struct JsonRecord<'a> {
    pub(crate) time: Option<StatedTime>,
    pub(crate) level: Option<Level>,
    pub(crate) logger: &'a [u8],
    pub(crate) message: Option<Value<'a>>,
    pub(crate) pid: Option<u64>,
    pub(crate) thread: &'a [u8],
    pub(crate) request_id: &'a [u8],
    /// The traceback, as text or as data.
    pub(crate) exception: Option<Value<'a>>,
    pub(crate) exception_type: &'a [u8],
    pub(crate) exception_message: Option<Value<'a>>,
    /// loguru's whole rendering of the record.
    text: Option<Value<'a>>,
    /// The process that dumped core, and by which signal: systemd-coredump's own entry of the journal.
    pub(crate) core_dump: Option<(u64, Option<u32>)>,
    /// A whole line of output that a collector wrapped.
    pub(crate) line: Option<Value<'a>>,
    /// Who said it, where a collector names it.
    pub(crate) producer: &'a [u8],
    pub(crate) format: FormatName,
}

/// Objects inside a record whose members count as the record's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Record,
    /// ECS `log`, loguru `record.level`.
    LevelObject,
    Error,
    Process,
    Thread,
    Trace,
    Time,
    /// loguru `record.exception`.
    Exception,
    /// OpenTelemetry's `body`.
    Body,
    /// Labels of a record in Google's log store.
    Labels,
}

const MAX_OBJECTS: usize = 24;

/// What a member of a record is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Time,
    JournalTime,
    Level,
    Message,
    JournalMessage,
    Text,
    Attributes,
    CoreDumpPid,
    CoreDumpSignal,
    Logger,
    Process,
    Thread,
    RequestId,
    /// Where there is no request's own.
    TraceId,
    Exception,
    ExceptionType,
    ExceptionMessage,
    OtelSeverity,
    Line,
    Stream,
    Identifier,
}

const NAMES: &[(Field, &[&str])] = &[
    (
        Field::Time,
        &[
            "timestamp",
            "time",
            "ts",
            "@timestamp",
            "asctime",
            "datetime",
            "date",
            "t",
            "created",
            "timeUnixNano",
            "_time",
        ],
    ),
    (Field::JournalTime, &["__REALTIME_TIMESTAMP"]),
    (
        Field::Level,
        &[
            "level",
            "levelname",
            "severity",
            "severityText",
            "severity_text",
            "lvl",
            "log.level",
            "status",
            "PRIORITY",
            "level_name",
            "log_level",
            "loglevel",
        ],
    ),
    (Field::Message, &["message", "msg", "event", "textPayload", "body"]),
    (Field::JournalMessage, &["MESSAGE"]),
    (Field::Text, &["text"]),
    (Field::Attributes, &["attributes"]),
    (Field::CoreDumpPid, &["COREDUMP_PID"]),
    (Field::CoreDumpSignal, &["COREDUMP_SIGNAL"]),
    (Field::Logger, &["logger", "name", "logger_name", "log.logger"]),
    (Field::Process, &["process", "pid", "process.pid", "process_id", "_PID"]),
    (Field::Thread, &["thread", "threadName", "thread_name"]),
    (Field::RequestId, &["request_id"]),
    (
        Field::TraceId,
        &[
            "trace_id",
            "req_id",
            "correlation_id",
            "trace.id",
            "traceId",
            "requestId",
            "dd.trace_id",
            "logging.googleapis.com/trace",
            "trace",
        ],
    ),
    (
        Field::Exception,
        &[
            "exception",
            "exc_info",
            "exc_text",
            "stack",
            "stack_trace",
            "stacktrace",
            "traceback",
            "error.stack_trace",
            "exception.stacktrace",
            "error",
        ],
    ),
    (Field::ExceptionType, &["error.type", "exception.type", "exc_type"]),
    (Field::ExceptionMessage, &["error.message", "exception.message"]),
    (Field::OtelSeverity, &["severityNumber", "severity_number"]),
    (Field::Line, &["log", "line", "_raw"]),
    (Field::Stream, &["stream"]),
    (Field::Identifier, &["SYSLOG_IDENTIFIER"]),
];

impl Field {
    /// Looked up in a table: comparing with all names took most of the time of a record.
    fn named(key: &[u8]) -> Option<Self> {
        static BY_NAME: OnceLock<FxHashMap<&[u8], Field>> = OnceLock::new();
        let by_name = BY_NAME.get_or_init(|| {
            NAMES
                .iter()
                .flat_map(|(field, names)| names.iter().map(|name| (name.as_bytes(), *field)))
                .collect()
        });
        by_name.get(key).copied()
    }
}

impl<'a> JsonRecord<'a> {
    /// Reads an object; `None` when nothing in it is what records have.
    pub(crate) fn parse(object: &'a [u8]) -> Option<Self> {
        let mut record = Self {
            time: None,
            level: None,
            logger: b"",
            message: None,
            pid: None,
            thread: b"",
            request_id: b"",
            exception: None,
            exception_type: b"",
            exception_message: None,
            text: None,
            core_dump: None,
            line: None,
            producer: b"",
            format: FormatName::Json,
        };
        // Objects inside are read after the record's own members; most records have none.
        let mut queue: Vec<(Place, &[u8])> = Vec::new();
        let mut next = Some((Place::Record, object));
        let mut read = 0;
        while let Some((place, text)) = next {
            for (key, value) in Members::new(text)? {
                if let Value::Object(inner) = value
                    && let Some(place) = place_of(place, key)
                    && queue.len() < MAX_OBJECTS
                {
                    queue.push((place, inner));
                } else {
                    record.take(place, key, value);
                }
            }
            next = queue.get(read).copied();
            read += 1;
        }
        record.message = record.message.or(record.text);
        if record.exception.is_none()
            && let Some(Value::String(text)) = record.text
            && memchr::memmem::find(text, b"Traceback (most recent call last)").is_some()
        {
            record.exception = record.text;
        }
        let is_record = record.time.is_some() || record.level.is_some() || record.message.is_some();
        (is_record || record.line.is_some() || record.exception.is_some()).then_some(record)
    }

    fn take(&mut self, place: Place, key: &'a [u8], value: Value<'a>) {
        match place {
            Place::Record => self.take_own(key, value),
            Place::LevelObject => match key {
                b"level" | b"name" => self.set_level(value),
                b"logger" => self.logger = value.raw(),
                _ => {}
            },
            Place::Error | Place::Exception => match key {
                b"stack_trace" | b"stack" | b"stacktrace" | b"traceback" => self.set_exception(value),
                b"type" | b"kind" => self.exception_type = value.raw(),
                b"message" | b"value" => self.exception_message = Some(value),
                _ => {}
            },
            Place::Labels => match key {
                b"python_logger" | b"logger" => self.logger = value.raw(),
                b"level" | b"detected_level" | b"severity" => self.set_level(value),
                b"request_id" | b"trace_id" if self.request_id.is_empty() => self.request_id = value.raw(),
                _ => {}
            },
            Place::Process => match key {
                b"pid" | b"id" => self.pid = self.pid.or(whole_number(value.raw())),
                b"name" if self.thread.is_empty() => self.thread = value.raw(),
                _ => {}
            },
            Place::Thread if key == b"name" => self.thread = value.raw(),
            Place::Trace if key == b"id" => self.request_id = value.raw(),
            Place::Time if key == b"timestamp" => self.set_time(value),
            Place::Body if key == b"stringValue" => self.message = Some(value),
            _ => {}
        }
    }

    fn take_own(&mut self, key: &'a [u8], value: Value<'a>) {
        let Some(field) = Field::named(key) else { return };
        match field {
            Field::Time => self.set_time(value),
            Field::JournalTime => {
                self.format = FormatName::Journal;
                self.set_time(value);
            }
            Field::Level => self.set_level(value),
            Field::Message => self.message = self.message.or(Some(value)),
            Field::JournalMessage => {
                self.line = Some(value);
                self.format = FormatName::Journal;
            }
            Field::Text => self.text = Some(value),
            Field::Attributes => self.take_attributes(value),
            Field::CoreDumpPid => {
                let signal = self.core_dump.and_then(|(_, signal)| signal);
                self.core_dump = whole_number(value.raw()).map(|pid| (pid, signal));
            }
            Field::CoreDumpSignal => {
                let signal = whole_number(value.raw()).and_then(|signal| u32::try_from(signal).ok());
                self.core_dump = Some((self.core_dump.map_or(0, |(pid, _)| pid), signal));
            }
            Field::Logger => self.logger = value.raw(),
            Field::Process => self.pid = self.pid.or(whole_number(value.raw())),
            Field::Thread => self.thread = value.raw(),
            Field::TraceId if !self.request_id.is_empty() => {}
            Field::RequestId | Field::TraceId => self.request_id = value.raw(),
            Field::Exception => self.set_exception(value),
            Field::ExceptionType => self.exception_type = value.raw(),
            Field::ExceptionMessage => self.exception_message = Some(value),
            Field::OtelSeverity => self.set_otel_severity(value),
            Field::Line => {
                if matches!(value, Value::String(_)) {
                    self.line = Some(value);
                }
            }
            Field::Stream => {
                self.producer = value.raw();
                self.format = FormatName::DockerJson;
            }
            Field::Identifier => self.producer = value.raw(),
        }
    }

    /// OpenTelemetry's list of attributes, each an object with `key` and `value`.
    fn take_attributes(&mut self, value: Value<'a>) {
        let Value::Array(list) = value else { return };
        for item in json::items(list).take(64) {
            let Value::Object(attribute) = item else { continue };
            let member = |object: &'a [u8], name: &[u8]| {
                Members::new(object)?.find(|(key, _)| *key == name).map(|(_, value)| value)
            };
            let Some(Value::String(key)) = member(attribute, b"key") else { continue };
            let Some(Value::Object(any)) = member(attribute, b"value") else { continue };
            let value = member(any, b"stringValue").or_else(|| member(any, b"intValue"));
            // The body is the message.
            if let Some(value) = value.filter(|_| !matches!(key, b"message" | b"event" | b"attributes")) {
                self.take_own(key, value);
            }
        }
    }

    /// 1 to 24, in fours from trace to fatal (OpenTelemetry's logs data model).
    fn set_otel_severity(&mut self, value: Value<'a>) {
        let level = whole_number(value.raw()).and_then(|number| {
            Some(match number {
                1..=4 => Level::Trace,
                5..=8 => Level::Debug,
                9..=12 => Level::Info,
                13..=16 => Level::Warning,
                17..=20 => Level::Error,
                21..=24 => Level::Critical,
                _ => return None,
            })
        });
        self.level = self.level.or(level);
    }

    fn set_time(&mut self, value: Value<'a>) {
        if self.time.is_none() && matches!(value, Value::String(_) | Value::Literal(_)) {
            self.time = stated_time::any(value.raw());
        }
    }

    fn set_level(&mut self, value: Value<'a>) {
        let level = match value {
            Value::Object(_) | Value::Array(_) => None,
            _ => Level::from_any_case(value.raw()).or_else(|| Level::from_number(whole_number(value.raw())?)),
        };
        self.level = self.level.or(level);
    }

    fn set_exception(&mut self, value: Value<'a>) {
        let holds_something = match value {
            Value::Literal(_) => false,
            Value::String(raw) => !raw.is_empty(),
            Value::Object(_) | Value::Array(_) => true,
        };
        if holds_something && self.exception.is_none() {
            self.exception = Some(value);
        }
    }

    /// The message, decoded.
    pub(crate) fn message_text(&self) -> Cow<'a, [u8]> {
        self.message.and_then(Value::text).unwrap_or_default()
    }
}

fn place_of(place: Place, key: &[u8]) -> Option<Place> {
    match (place, key) {
        (Place::Record, b"log" | b"level") => Some(Place::LevelObject),
        (Place::Record, b"error") => Some(Place::Error),
        (Place::Record, b"exception") => Some(Place::Exception),
        (Place::Record, b"process") => Some(Place::Process),
        (Place::Record, b"trace") => Some(Place::Trace),
        (Place::Record, b"time") => Some(Place::Time),
        (Place::Record, b"body") => Some(Place::Body),
        (Place::Record, b"labels" | b"logging.googleapis.com/labels") => Some(Place::Labels),
        (Place::Record | Place::Process, b"thread") => Some(Place::Thread),
        (Place::Record, b"extra") => Some(Place::Record),
        // Wrappers: loguru, Elasticsearch, Datadog, Google Cloud, Splunk.
        (Place::Record, b"record" | b"_source" | b"attributes" | b"jsonPayload" | b"result") => {
            Some(Place::Record)
        }
        _ => None,
    }
}
