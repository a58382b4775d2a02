//! Text of `datetime` objects (Modules/_datetimemodule.c).

use std::borrow::Cow;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, DateObject, DateTimeObject, Object, TimeDelta, TimeObject, TimeZone};
use crate::objects::repr::Objects;
use crate::objects::repr::callable::c_type_name;
use crate::objects::repr::form::Form;

type Made = Result<Form, ReadError>;

pub(super) fn date(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let data =
        data(objects, objects.python().address_of(object.cast::<DateObject>(), member::DATE_DATA)?, 4)?;
    let [high, low, month, day] = *data else { return Err(impossible(object)) };
    let year = u16::from_be_bytes([high, low]);
    Ok(Form::text(format!("{}({year}, {month}, {day})", class(objects, object)?)))
}

pub(super) fn datetime(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let moment = object.cast::<DateTimeObject>();
    let data = data(objects, python.address_of(moment, member::DATETIME_DATA)?, 10)?;
    let [high, low, month, day, hour, minute, second, micros @ ..] = &*data else {
        return Err(impossible(object));
    };
    let year = u16::from_be_bytes([*high, *low]);
    let rest = clock_rest(*second, micros);
    let form =
        Form::text(format!("{}({year}, {month}, {day}, {hour}, {minute}{rest}", class(objects, object)?));
    // Only with a time zone does the object have room for one.
    let zone = match python.read(moment, member::DATETIME_HAS_TZINFO)? {
        0 => None,
        _ => python.read(moment, member::DATETIME_TZINFO)?,
    };
    Ok(finish(form, python.read(moment, member::DATETIME_FOLD)?, zone))
}

pub(super) fn time(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let time = object.cast::<TimeObject>();
    let data = data(objects, python.address_of(time, member::TIME_DATA)?, 6)?;
    let [hour, minute, second, micros @ ..] = &*data else { return Err(impossible(object)) };
    let rest = clock_rest(*second, micros);
    let form = Form::text(format!("{}({hour}, {minute}{rest}", class(objects, object)?));
    let zone = match python.read(time, member::TIME_HAS_TZINFO)? {
        0 => None,
        _ => python.read(time, member::TIME_TZINFO)?,
    };
    Ok(finish(form, python.read(time, member::TIME_FOLD)?, zone))
}

/// Seconds and microseconds, which are left out when zero.
fn clock_rest(second: u8, micros: &[u8]) -> String {
    let micros = micros.iter().fold(0_u32, |value, &byte| value << 8 | u32::from(byte));
    match (second, micros) {
        (0, 0) => String::new(),
        (second, 0) => format!(", {second}"),
        (second, micros) => format!(", {second}, {micros}"),
    }
}

fn finish(mut form: Form, fold: u8, zone: Option<Ptr<Object>>) -> Form {
    if fold != 0 {
        form = form.and(", fold=1");
    }
    if zone.is_some() {
        form = form.and(", tzinfo=").object(zone);
    }
    form.and(")")
}

/// `delta_repr`: only what is not zero.
pub(super) fn timedelta(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let delta = object.cast::<TimeDelta>();
    let parts = [
        ("days", python.read(delta, member::TIMEDELTA_DAYS)?),
        ("seconds", python.read(delta, member::TIMEDELTA_SECONDS)?),
        ("microseconds", python.read(delta, member::TIMEDELTA_MICROSECONDS)?),
    ];
    let shown: Vec<String> = if python.dialect().repr_style.timedelta_unnamed {
        // From the first to the last that is not zero, and the days always.
        let last = parts.iter().rposition(|part| part.1 != 0).unwrap_or(0);
        parts.iter().take(last + 1).map(|(_, value)| value.to_string()).collect()
    } else {
        parts.iter().filter(|part| part.1 != 0).map(|(name, value)| format!("{name}={value}")).collect()
    };
    let shown = if shown.is_empty() { "0".to_owned() } else { shown.join(", ") };
    Ok(Form::text(format!("{}({shown})", class(objects, object)?)))
}

/// `timezone_repr`; UTC, the only one without a name at offset zero, is an object of its own.
pub(super) fn timezone(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let zone = object.cast::<TimeZone>();
    let offset = python.read(zone, member::TIMEZONE_OFFSET)?;
    let name = python.read(zone, member::TIMEZONE_NAME)?;
    if name.is_none() && offset.is_some_and(|offset| is_zero(objects, offset)) {
        return Ok(Form::text("datetime.timezone.utc"));
    }
    let form = Form::text(format!("{}(", class(objects, object)?)).object(offset);
    Ok(if name.is_some() { form.and(", ").object(name).and(")") } else { form.and(")") })
}

fn is_zero(objects: &Objects<'_>, delta: Ptr<Object>) -> bool {
    let delta = delta.cast::<TimeDelta>();
    [member::TIMEDELTA_DAYS, member::TIMEDELTA_SECONDS, member::TIMEDELTA_MICROSECONDS]
        .into_iter()
        .all(|part| objects.python().read(delta, part) == Ok(0))
}

fn class(objects: &Objects<'_>, object: Ptr<Object>) -> Result<String, ReadError> {
    Ok(c_type_name(objects, objects.python().type_of(object)?))
}

fn data<'a>(objects: &Objects<'a>, at: Address, len: u64) -> Result<Cow<'a, [u8]>, ReadError> {
    Ok(objects.python().bytes(at, len)?)
}

fn impossible(object: Ptr<Object>) -> ReadError {
    ReadError::Invalid { at: object.address(), what: "impossible date" }
}
