//! Text of struct sequences such as `time.struct_time`, and of generic aliases and unions.

use std::ops::ControlFlow;

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, GenericAlias, Object, TypeObject, UnionObject};
use crate::objects::kind;
use crate::objects::repr::Objects;
use crate::objects::repr::callable::{c_type_name, is_none};
use crate::objects::repr::form::Form;
use crate::objects::unicode::read_string;
use crate::objects::{dict, sequence};

/// Longest name of a field.
const MAX_NAME: usize = 256;

type Made = Result<Form, ReadError>;

/// Whether a type is made by `PyStructSequence_NewType` or its like: it says how many fields there are.
pub(super) fn is_sequence_type(objects: &Objects<'_>, of: Ptr<TypeObject>) -> Result<bool, ReadError> {
    match objects.types().dict_of(objects.python(), of)? {
        Some(class_dict) => Ok(dict::lookup_str(objects.python(), class_dict, "n_unnamed_fields")?.is_some()),
        None => Ok(false),
    }
}

/// `structseq_repr`: the names are those of the type's member descriptors, in order.
pub(super) fn sequence(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let of = python.type_of(object)?;
    let values = sequence::tuple(python, object.cast(), limit)?;
    let mut names = Vec::new();
    let class_dict = objects.types().dict_of(python, of)?.ok_or(ReadError::Null("PyTypeObject.tp_dict"))?;
    let fault = dict::for_each(python, class_dict, |key, value| {
        if names.len() < values.items.len()
            && objects.type_name_of(value).is_ok_and(|name| name.qualified() == "member_descriptor")
            && let Ok(name) = read_string(python, key.cast(), MAX_NAME)
        {
            names.push(name);
        }
        ControlFlow::Continue(())
    })?;
    fault.map_or(Ok(()), Err)?;
    let mut form = Form::text(format!("{}(", c_type_name(objects, of)));
    for (index, value) in values.items.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        form = match names.get(index) {
            Some(name) => form.and(format!("{comma}{name}=")),
            None => form.and(format!("{comma}?=")).inexact(),
        };
        form = form.object(*value);
    }
    Ok(form.rest(values.items.len(), values.len, values.fault).and(")"))
}

/// `ga_repr`: `list[int]`.
pub(super) fn generic_alias(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let alias = object.cast::<GenericAlias>();
    let origin =
        python.read(alias, member::GENERIC_ALIAS_ORIGIN)?.ok_or(ReadError::Null("gaobject.origin"))?;
    let args = python.read(alias, member::GENERIC_ALIAS_ARGS)?.ok_or(ReadError::Null("gaobject.args"))?;
    let args = sequence::tuple(python, args, limit)?;
    let form = operand(objects, Form::default(), Some(origin)).and("[");
    if args.len == 0 {
        return Ok(form.and("()]"));
    }
    Ok(operands(objects, form, &args, ", ").and("]"))
}

/// `union_repr`: `int | str`.
pub(super) fn union(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let args = python.read(object.cast::<UnionObject>(), member::UNION_ARGS)?;
    let args = sequence::tuple(python, args.ok_or(ReadError::Null("unionobject.args"))?, limit)?;
    Ok(operands(objects, Form::default(), &args, " | "))
}

fn operands(objects: &Objects<'_>, mut form: Form, args: &sequence::Elements, between: &'static str) -> Form {
    for (index, &arg) in args.items.iter().enumerate() {
        if index > 0 {
            form = form.and(between);
        }
        form = operand(objects, form, arg);
    }
    form.rest(args.items.len(), args.len, args.fault)
}

/// A class by its name, `None` and `...` as they are written, anything else by its `repr()`.
fn operand(objects: &Objects<'_>, form: Form, arg: Option<Ptr<Object>>) -> Form {
    let Some(object) = arg else { return form.object(None) };
    if let Some(class) = kind::as_type(objects.python(), object) {
        let name = objects.type_name(class);
        let name = if name.qualified() == "NoneType" { "None".to_owned() } else { name.qualified() };
        return form.and(name);
    }
    match objects.type_name_of(object) {
        Ok(name) if name.qualified() == "ellipsis" => form.and("..."),
        _ if is_none(objects, object) => form.and("None"),
        _ => form.object(arg),
    }
}
