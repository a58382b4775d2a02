//! `logging.LogRecord`s.

use pycoroner_findings::{Gap, GapKind, UtcTime};

use crate::address::Ptr;
use crate::layout::member::{self, Object};
use crate::objects::kind::{self, Kind};
use crate::objects::{attributes, dict, integer, sequence, unicode};
use crate::runtime::attach::PythonRuntime;
use crate::snapshot::document::MemoryLogSection;
use crate::snapshot::memory_logs::percent::{self, Argument, Arguments, Number};
use crate::snapshot::memory_logs::{MAX_MESSAGE, Room};
use crate::snapshot::messages;
use crate::snapshot::values::Values;

/// Most records that are shown: the newest.
const MAX_RECORDS: usize = 10_000;
/// Most arguments of one message.
const MAX_ARGUMENTS: usize = 1000;

/// The records by the time at which they were made.
pub(super) fn sections(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    records: &[Ptr<Object>],
    room: &mut Room,
    gaps: &mut Vec<Gap>,
) -> Vec<MemoryLogSection> {
    let mut dated: Vec<_> = records.iter().map(|&record| (created(runtime, record), record)).collect();
    dated.sort();
    let older = dated.len().saturating_sub(MAX_RECORDS);
    if older > 0 {
        let why = format!("{older} more than {MAX_RECORDS}");
        gaps.push(Gap::new(GapKind::Limit, "older log records in memory", why));
    }
    let newest = dated.into_iter().skip(older).rev();
    let sections = newest.filter_map(|(created, record)| section(runtime, values, record, created));
    let mut found: Vec<_> = sections.take_while(|section| room.take(section)).collect();
    found.reverse();
    found
}

/// `created`, in nanoseconds; a float holds it to some hundred of them.
fn created(runtime: &PythonRuntime<'_>, record: Ptr<Object>) -> Option<UtcTime> {
    let python = runtime.python();
    let created = attributes::get(python, record, "created").ok()??;
    let of = python.type_of(created).ok()?;
    if runtime.types().name_of(python, of).qualified() != "float" {
        return None;
    }
    let seconds = f64::from_bits(python.read(created.cast(), member::FLOAT_VALUE).ok()?);
    let micros = (seconds * 1e6).round();
    (micros.abs() < 9e15).then_some(UtcTime(micros as i64 * 1000))
}

fn section(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    record: Ptr<Object>,
    created: Option<UtcTime>,
) -> Option<MemoryLogSection> {
    let python = runtime.python();
    let text = |name| {
        let found = attributes::get(python, record, name).ok()??;
        unicode::read_string(python, found.cast(), MAX_MESSAGE).ok()
    };
    // One that is being made has no message yet.
    let template = attributes::get(python, record, "msg").ok()??;
    let arguments = attributes::get(python, record, "args").ok().flatten();
    Some(MemoryLogSection {
        logger: text("name"),
        level: text("levelname"),
        time: created.map(|created| created.to_string()),
        message: message(runtime, values, template, arguments),
        found_in: "log-record",
    })
}

/// `LogRecord.getMessage()`: `str(msg)`, then `msg % args` if there are any.
fn message(
    runtime: &PythonRuntime<'_>,
    values: &Values<'_, '_>,
    template: Ptr<Object>,
    arguments: Option<Ptr<Object>>,
) -> String {
    let python = runtime.python();
    let template = messages::str_of(runtime, values, template);
    let Some(arguments) = arguments else { return template };
    let formatted = match kind::of(python, arguments) {
        Ok(Kind::Tuple) => {
            let elements = sequence::tuple(python, arguments.cast(), MAX_ARGUMENTS).unwrap_or_default();
            if elements.len == 0 {
                return template;
            }
            let given: Option<Vec<_>> =
                elements.items.iter().map(|item| item.map(|item| argument(runtime, values, item))).collect();
            given.and_then(|given| percent::format(&template, &Arguments::Tuple(&given)))
        }
        Ok(Kind::Dict) => {
            if dict::len(python, arguments.cast()) == Ok(0) {
                return template;
            }
            let lookup = |name: &str| {
                let found = dict::lookup_str(python, arguments.cast(), name).ok()??;
                Some(argument(runtime, values, found))
            };
            percent::format(&template, &Arguments::Mapping(&lookup))
        }
        // `None`, in a record that was prepared for a queue.
        _ => return template,
    };
    let unformatted = || format!("{template} <not formatted with {}>", values.repr(arguments).text);
    formatted.unwrap_or_else(unformatted)
}

fn argument(runtime: &PythonRuntime<'_>, values: &Values<'_, '_>, object: Ptr<Object>) -> Argument {
    let python = runtime.python();
    let number = || {
        if kind::of(python, object).ok()? == Kind::Int {
            let value = integer::read_i128(python, object.cast()).ok();
            let (text, is_whole) = integer::read(python, object.cast()).ok()?.to_text();
            return is_whole.then_some(Number::Int(text, value));
        }
        let of = python.type_of(object).ok()?;
        let is_float = runtime.types().name_of(python, of).qualified() == "float";
        let bits = python.read(object.cast(), member::FLOAT_VALUE).ok().filter(|_| is_float)?;
        Some(Number::Float(f64::from_bits(bits)))
    };
    Argument {
        str: messages::str_of(runtime, values, object),
        repr: values.repr(object).text,
        number: number(),
    }
}
