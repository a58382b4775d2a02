//! Records in JSON, in the dialects of Python formatters, collectors and log stores.

use std::borrow::Cow;

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
        match key {
            b"timestamp" | b"time" | b"ts" | b"@timestamp" | b"asctime" | b"datetime" | b"date" | b"t"
            | b"created" | b"timeUnixNano" | b"_time" => self.set_time(value),
            b"__REALTIME_TIMESTAMP" => {
                self.format = FormatName::Journal;
                self.set_time(value);
            }
            b"level" | b"levelname" | b"severity" | b"severityText" | b"severity_text" | b"lvl"
            | b"log.level" | b"status" | b"PRIORITY" | b"level_name" | b"log_level" | b"loglevel" => {
                self.set_level(value);
            }
            b"message" | b"msg" | b"event" | b"textPayload" | b"body" => {
                self.message = self.message.or(Some(value));
            }
            b"MESSAGE" => {
                self.line = Some(value);
                self.format = FormatName::Journal;
            }
            b"text" => self.text = Some(value),
            b"attributes" => self.take_attributes(value),
            b"COREDUMP_PID" => {
                let signal = self.core_dump.and_then(|(_, signal)| signal);
                self.core_dump = whole_number(value.raw()).map(|pid| (pid, signal));
            }
            b"COREDUMP_SIGNAL" => {
                let signal = whole_number(value.raw()).and_then(|signal| u32::try_from(signal).ok());
                self.core_dump = Some((self.core_dump.map_or(0, |(pid, _)| pid), signal));
            }
            b"logger" | b"name" | b"logger_name" | b"log.logger" => self.logger = value.raw(),
            b"process" | b"pid" | b"process.pid" | b"process_id" | b"_PID" => {
                self.pid = self.pid.or(whole_number(value.raw()));
            }
            b"thread" | b"threadName" | b"thread_name" => self.thread = value.raw(),
            b"request_id"
            | b"trace_id"
            | b"req_id"
            | b"correlation_id"
            | b"trace.id"
            | b"traceId"
            | b"requestId"
            | b"dd.trace_id"
            | b"logging.googleapis.com/trace"
            | b"trace"
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
            b"error.type" | b"exception.type" | b"exc_type" => self.exception_type = value.raw(),
            b"error.message" | b"exception.message" => self.exception_message = Some(value),
            b"severityNumber" | b"severity_number" => self.set_otel_severity(value),
            b"log" | b"line" | b"_raw" if matches!(value, Value::String(_)) => self.line = Some(value),
            b"stream" => {
                self.producer = value.raw();
                self.format = FormatName::DockerJson;
            }
            b"SYSLOG_IDENTIFIER" => self.producer = value.raw(),
            _ => {}
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
