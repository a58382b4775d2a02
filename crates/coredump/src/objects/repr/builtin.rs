//! Text of the built-in types that hold values.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, BaseExceptionObject, FloatObject, Object, RangeObject, SliceObject};
use crate::objects::float::{complex_repr, float_repr};
use crate::objects::repr::Objects;
use crate::objects::repr::form::Form;
use crate::objects::{dict, integer, sequence, set};

type Made = Result<Form, ReadError>;

/// `object_repr` of Objects/typeobject.c.
pub(super) fn object(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let name = objects.type_name_of(object)?;
    let form = Form::text(format!("<{} object at {object:?}>", name.qualified()));
    Ok(if name.is_known() { form } else { form.inexact() })
}

pub(super) fn int(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let (text, whole) = integer::read(objects.python(), object.cast())?.to_text();
    let form = Form::text(text);
    Ok(if whole { form } else { form.inexact() })
}

pub(super) fn bool(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let value = integer::read_i128(objects.python(), object.cast())?;
    Ok(Form::text(if value == 0 { "False" } else { "True" }))
}

pub(super) fn float(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let bits = objects.python().read(object.cast::<FloatObject>(), member::FLOAT_VALUE)?;
    Ok(Form::text(float_repr(f64::from_bits(bits))))
}

pub(super) fn complex(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let real = python.read(object.cast(), member::COMPLEX_REAL)?;
    let imaginary = python.read(object.cast(), member::COMPLEX_IMAG)?;
    Ok(Form::text(complex_repr(f64::from_bits(real), f64::from_bits(imaginary))))
}

pub(super) fn tuple(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let elements = sequence::tuple(objects.python(), object.cast(), limit)?;
    let end = if elements.len == 1 { ",)" } else { ")" };
    Ok(Form::text("(").elements(&elements).and(end))
}

pub(super) fn list(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let elements = sequence::list(objects.python(), object.cast(), limit)?;
    Ok(Form::text("[").elements(&elements).and("]"))
}

pub(super) fn dict(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let entries = dict::entries(objects.python(), object.cast(), limit)?;
    Ok(Form::text("{").pairs(&entries.items, ": ", entries.len, entries.fault).and("}"))
}

/// `set_repr`: the name of the class around the braces, except for `set` itself.
pub(super) fn set(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let elements = set::elements(objects.python(), object.cast(), limit)?;
    let name = objects.type_name_of(object)?;
    if elements.len == 0 {
        return Ok(Form::text(format!("{}()", name.name())));
    }
    if name.qualified() == "set" {
        return Ok(Form::text("{").elements(&elements).and("}"));
    }
    Ok(Form::text(format!("{}({{", name.name())).elements(&elements).and("})"))
}

/// `range_repr`: the step is left out when it is 1.
pub(super) fn range(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let range = object.cast::<RangeObject>();
    let form = Form::text("range(")
        .object(python.read(range, member::RANGE_START)?)
        .and(", ")
        .object(python.read(range, member::RANGE_STOP)?);
    let step = python.read(range, member::RANGE_STEP)?;
    let is_one = step.is_some_and(|step| integer::read_i128(python, step.cast()) == Ok(1));
    Ok(if is_one { form.and(")") } else { form.and(", ").object(step).and(")") })
}

pub(super) fn slice(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let slice = object.cast::<SliceObject>();
    Ok(Form::text("slice(")
        .object(python.read(slice, member::SLICE_START)?)
        .and(", ")
        .object(python.read(slice, member::SLICE_STOP)?)
        .and(", ")
        .object(python.read(slice, member::SLICE_STEP)?)
        .and(")"))
}

/// `_Py_MEMORYVIEW_RELEASED` of Include/cpython/memoryobject.h.
const RELEASED: i32 = 1;

/// `memory_repr`.
pub(super) fn memoryview(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let flags = objects.python().read(object.cast(), member::MEMORYVIEW_FLAGS)?;
    let released = if flags & RELEASED == 0 { "" } else { "released " };
    Ok(Form::text(format!("<{released}memory at {object:?}>")))
}

/// `BaseException_repr`: the class's name, then the arguments.
pub(super) fn exception(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let name = objects.type_name_of(object)?.name().to_owned();
    let arguments = python.read(object.cast::<BaseExceptionObject>(), member::EXC_ARGS)?;
    let Some(arguments) = arguments else { return Ok(Form::text(name).and("()")) };
    let elements = sequence::tuple(python, arguments, limit)?;
    let as_tuple = python.dialect().repr_style.exception_args_as_tuple && elements.len == 1;
    Ok(Form::text(name).and("(").elements(&elements).and(if as_tuple { ",)" } else { ")" }))
}
