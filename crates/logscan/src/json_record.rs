//! Records in JSON, in the dialects of Python formatters, collectors and log stores.

mod fields;

use std::borrow::Cow;

use crate::ascii::{contains, whole_number};
use crate::format::FormatName;
use crate::json::{self, Members, Value};
use crate::level::Level;
use crate::stated_time::{self, StatedTime};
pub(crate) use fields::{Field, Place};

/// What one JSON object says as a record. Strings are still escaped.
#[derive(Clone, Debug, Default)]
pub(crate) struct JsonRecord<'a> {
    pub(crate) head: Head<'a>,
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
    /// The collector that wrote the record, if one did.
    collected: Option<FormatName>,
}

/// What is needed of every record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) time: Option<StatedTime>,
    pub(crate) level: Option<Level>,
    pub(crate) logger: &'a [u8],
    pub(crate) message: Option<Value<'a>>,
    pub(crate) pid: Option<u64>,
    pub(crate) thread: &'a [u8],
    pub(crate) request_id: &'a [u8],
}

/// Objects inside of one record that are read.
pub(crate) const MAX_OBJECTS: usize = 24;

impl<'a> JsonRecord<'a> {
    /// Reads an object; `None` when nothing in it is what records have.
    pub(crate) fn parse(object: &'a [u8]) -> Option<Self> {
        let mut record = Self::default();
        // Objects inside are read after the record's own members; most records have none.
        let mut queue: Vec<(Place, &[u8])> = Vec::new();
        let mut next = Some((Place::Record, object));
        let mut read = 0;
        while let Some((place, text)) = next {
            for (key, value) in Members::new(text)? {
                if let Value::Object(inner) = value
                    && let Some(place) = place.inside(key)
                    && queue.len() < MAX_OBJECTS
                {
                    queue.push((place, inner));
                } else if let Some(field) = Field::at(place, key) {
                    record.take(field, value);
                }
            }
            next = queue.get(read).copied();
            read += 1;
        }
        let head = &mut record.head;
        head.message = head.message.or(record.text);
        let is_record = head.time.is_some() || head.level.is_some() || head.message.is_some();
        if record.exception.is_none()
            && let Some(Value::String(text)) = record.text
            && memchr::memmem::find(text, b"Traceback (most recent call last)").is_some()
        {
            record.exception = record.text;
        }
        (is_record || record.line.is_some() || record.exception.is_some()).then_some(record)
    }

    fn take(&mut self, field: Field, value: Value<'a>) {
        match field {
            Field::JournalTime => {
                self.collected = Some(FormatName::Journal);
                self.head.set(Field::Time, value, stated_time::any);
            }
            Field::JournalMessage => {
                self.line = Some(value);
                self.collected = Some(FormatName::Journal);
            }
            Field::TextPayload => match value {
                Value::String(text) if !contains(text, b"\\n") => self.line = Some(value),
                _ => self.head.set(Field::Message, value, stated_time::any),
            },
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
            Field::Exception => self.set_exception(value),
            Field::ExceptionType => self.exception_type = value.raw(),
            Field::ExceptionMessage => self.exception_message = Some(value),
            Field::Line => {
                if matches!(value, Value::String(_)) {
                    self.line = Some(value);
                }
            }
            Field::Stream => {
                self.producer = value.raw();
                self.collected = Some(FormatName::DockerJson);
            }
            Field::Identifier => self.producer = value.raw(),
            of_head => self.head.set(of_head, value, stated_time::any),
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
            let value = value.filter(|_| !matches!(key, b"message" | b"event" | b"attributes"));
            if let (Some(value), Some(field)) = (value, Field::at(Place::Record, key)) {
                self.take(field, value);
            }
        }
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

    /// What the record is taken for.
    pub(crate) fn format(&self) -> FormatName {
        self.collected.unwrap_or(FormatName::Json)
    }

    /// The message, decoded.
    pub(crate) fn message_text(&self) -> Cow<'a, [u8]> {
        self.head.message.and_then(Value::text).unwrap_or_default()
    }
}

impl<'a> Head<'a> {
    /// Takes the value of a field, unless it is none of a head's; `time` reads times.
    #[inline]
    pub(crate) fn set(
        &mut self,
        field: Field,
        value: Value<'a>,
        time: impl FnOnce(&[u8]) -> Option<StatedTime>,
    ) {
        match field {
            Field::Time => {
                let scalar = || match value {
                    Value::Object(_) | Value::Array(_) => None,
                    Value::String(raw) | Value::Literal(raw) => time(raw),
                };
                self.time = self.time.or_else(scalar);
            }
            Field::Level => self.level = self.level.or_else(|| level_of(value)),
            Field::OtelSeverity => self.level = self.level.or_else(|| otel_level(value)),
            Field::Message if self.message.is_some() => {}
            Field::Message | Field::Body => self.message = Some(value),
            Field::Logger => self.logger = value.raw(),
            Field::Process => self.pid = self.pid.or_else(|| whole_number(value.raw())),
            Field::ProcessName if !self.thread.is_empty() => {}
            Field::ProcessName | Field::Thread => self.thread = value.raw(),
            Field::TraceId if !self.request_id.is_empty() => {}
            Field::RequestId | Field::TraceId => self.request_id = value.raw(),
            _ => {}
        }
    }
}

fn level_of(value: Value<'_>) -> Option<Level> {
    match value {
        Value::Object(_) | Value::Array(_) => None,
        _ => Level::from_any_case(value.raw()).or_else(|| Level::from_number(whole_number(value.raw())?)),
    }
}

/// 1 to 24, in fours from trace to fatal (OpenTelemetry's logs data model).
fn otel_level(value: Value<'_>) -> Option<Level> {
    Some(match whole_number(value.raw())? {
        1..=4 => Level::Trace,
        5..=8 => Level::Debug,
        9..=12 => Level::Info,
        13..=16 => Level::Warning,
        17..=20 => Level::Error,
        21..=24 => Level::Critical,
        _ => return None,
    })
}
