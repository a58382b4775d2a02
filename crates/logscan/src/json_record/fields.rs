//! What the members of JSON objects are, by their names and by where they stand.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

/// Objects inside a record whose members count as the record's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
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
    /// What wrote a record in Google's log store.
    Resource,
    ResourceLabels,
}

/// What a member of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Time,
    JournalTime,
    Level,
    Message,
    /// OpenTelemetry's body: it goes before other messages.
    Body,
    JournalMessage,
    /// A line that Google's collector read, or a message of several lines.
    TextPayload,
    Text,
    Attributes,
    CoreDumpPid,
    CoreDumpSignal,
    Logger,
    Process,
    /// Names the thread where nothing else does.
    ProcessName,
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
    (Field::Message, &["message", "msg", "event", "body"]),
    (Field::TextPayload, &["textPayload"]),
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
    /// A member of a record itself. Looked up in a table: comparing with all names took most of the time of a record.
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

    /// What a member is that stands at a place.
    pub(crate) fn at(place: Place, key: &[u8]) -> Option<Self> {
        Some(match (place, key) {
            (Place::Record, _) => return Self::named(key),
            (Place::LevelObject, b"level" | b"name")
            | (Place::Labels, b"level" | b"detected_level" | b"severity") => Self::Level,
            (Place::LevelObject, b"logger") | (Place::Labels, b"python_logger" | b"logger") => Self::Logger,
            (Place::Error | Place::Exception, b"stack_trace" | b"stack" | b"stacktrace" | b"traceback") => {
                Self::Exception
            }
            (Place::Error | Place::Exception, b"type" | b"kind") => Self::ExceptionType,
            (Place::Error | Place::Exception, b"message" | b"value") => Self::ExceptionMessage,
            (Place::Labels, b"request_id" | b"trace_id") => Self::TraceId,
            (Place::ResourceLabels, b"pod_name" | b"instance_id") => Self::Identifier,
            (Place::Process, b"pid" | b"id") => Self::Process,
            (Place::Process, b"name") => Self::ProcessName,
            (Place::Thread, b"name") => Self::Thread,
            (Place::Trace, b"id") => Self::RequestId,
            (Place::Time, b"timestamp") => Self::Time,
            (Place::Body, b"stringValue") => Self::Body,
            _ => return None,
        })
    }
}

impl Place {
    /// The place that an object is which stands at this place; `None` for one that counts for nothing.
    pub(crate) fn inside(self, key: &[u8]) -> Option<Self> {
        match (self, key) {
            (Self::Record, b"log" | b"level") => Some(Self::LevelObject),
            (Self::Record, b"error") => Some(Self::Error),
            (Self::Record, b"exception") => Some(Self::Exception),
            (Self::Record, b"process") => Some(Self::Process),
            (Self::Record, b"trace") => Some(Self::Trace),
            (Self::Record, b"time") => Some(Self::Time),
            (Self::Record, b"body") => Some(Self::Body),
            (Self::Record, b"labels" | b"logging.googleapis.com/labels") => Some(Self::Labels),
            (Self::Record, b"resource") => Some(Self::Resource),
            (Self::Resource, b"labels") => Some(Self::ResourceLabels),
            (Self::Record | Self::Process, b"thread") => Some(Self::Thread),
            (Self::Record, b"extra") => Some(Self::Record),
            // Wrappers: loguru, Elasticsearch, Datadog, Google Cloud, Splunk.
            (Self::Record, b"record" | b"_source" | b"attributes" | b"jsonPayload" | b"result") => {
                Some(Self::Record)
            }
            _ => None,
        }
    }
}
