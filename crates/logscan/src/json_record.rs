//! Records in JSON, in the dialects of Python formatters, collectors and log stores.

use std::borrow::Cow;

use crate::ascii::whole_number;
use crate::format::FormatName;
use crate::json::{Members, Value};
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
}

const MAX_OBJECTS: usize = 24;

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
            line: None,
            producer: b"",
            format: FormatName::Json,
        };
        let mut queue: [Option<(Place, &[u8])>; MAX_OBJECTS] = [None; MAX_OBJECTS];
        let mut filled = 1;
        if let Some(first) = queue.first_mut() {
            *first = Some((Place::Record, object));
        }
        let mut next = 0;
        while let Some(Some((place, text))) = queue.get(next).copied() {
            next += 1;
            for (key, value) in Members::new(text)? {
                if let Value::Object(inner) = value
                    && let Some(place) = place_of(place, key)
                    && let Some(slot) = queue.get_mut(filled)
                {
                    *slot = Some((place, inner));
                    filled += 1;
                } else {
                    record.take(place, key, value);
                }
            }
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
        match key {
            b"timestamp" | b"time" | b"ts" | b"@timestamp" | b"asctime" | b"datetime" | b"date" | b"t"
            | b"created" | b"timeUnixNano" | b"_time" => self.set_time(value),
            b"__REALTIME_TIMESTAMP" => {
                self.format = FormatName::Syslog;
                self.set_time(value);
            }
            b"level" | b"levelname" | b"severity" | b"severityText" | b"lvl" | b"log.level" | b"status"
            | b"PRIORITY" | b"level_name" | b"log_level" | b"loglevel" => self.set_level(value),
            b"message" | b"msg" | b"event" | b"textPayload" | b"body" => {
                self.message = self.message.or(Some(value));
            }
            b"MESSAGE" => {
                self.line = Some(value);
                self.format = FormatName::Syslog;
            }
            b"text" if self.message.is_none() => self.message = Some(value),
            b"logger" | b"name" | b"logger_name" | b"log.logger" => self.logger = value.raw(),
            b"process" | b"pid" | b"process.pid" | b"process_id" | b"_PID" => {
                self.pid = self.pid.or(whole_number(value.raw()));
            }
            b"thread" | b"threadName" | b"thread_name" => self.thread = value.raw(),
            b"request_id" | b"trace_id" | b"req_id" | b"correlation_id" | b"trace.id" | b"traceId"
            | b"requestId"
                if self.request_id.is_empty() || key == b"request_id" =>
            {
                self.request_id = value.raw();
            }
            b"exception"
            | b"exc_info"
            | b"exc_text"
            | b"stack"
            | b"stack_trace"
            | b"stacktrace"
            | b"traceback"
            | b"error.stack_trace"
            | b"exception.stacktrace"
            | b"error" => self.set_exception(value),
            b"log" | b"line" | b"_raw" => self.line = Some(value),
            b"stream" => {
                self.producer = value.raw();
                self.format = FormatName::DockerJson;
            }
            b"SYSLOG_IDENTIFIER" => self.producer = value.raw(),
            _ => {}
        }
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
        (Place::Record, b"thread") => Some(Place::Thread),
        (Place::Record, b"trace") => Some(Place::Trace),
        (Place::Record, b"time") => Some(Place::Time),
        (Place::Record, b"body") => Some(Place::Body),
        // Wrappers: loguru, Elasticsearch, Datadog, Google Cloud, Splunk.
        (Place::Record, b"record" | b"_source" | b"attributes" | b"jsonPayload" | b"result" | b"labels") => {
            Some(Place::Record)
        }
        _ => None,
    }
}
