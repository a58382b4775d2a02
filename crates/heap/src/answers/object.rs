//! What there is to say of one object.

use pycoroner_coredump::objects::attributes;
use pycoroner_coredump::objects::repr::ReprLimits;
use pycoroner_coredump::{Address, ReadError};

use crate::answers::measures::Measures;
use crate::document::{AttributeRow, ObjectRow};
use crate::expression::parse;
use crate::naming::look::{Look, MAX_KEY};
use crate::objects::kinds::Shape;
use crate::objects::sizes::Size;

/// The object at `address`; what it retains, and the path to it, are filled in by who knows all objects.
pub(crate) fn describe(look: &Look<'_, '_, '_>, expr: &str, address: u64, limits: &ReprLimits) -> ObjectRow {
    let measures = Measures::of(look, address);
    let text = look.repr(address, limits);
    let (attributes, left_out) = attribute_rows(look, address, limits);
    ObjectRow {
        expr: expr.to_owned(),
        name: parse::last_name(expr),
        path: None,
        address: Address(address),
        r#type: look.type_name(address),
        truncated: text.as_ref().is_some_and(|text| text.truncated),
        repr: text.map(|text| text.text).unwrap_or_default(),
        length: measures.length,
        buffer_bytes: measures.buffer_bytes,
        shape: measures.shape,
        shallow_bytes: look.size(address).and_then(Size::whole),
        retained_bytes: None,
        retained_objects: None,
        attributes,
        attributes_left_out: left_out,
    }
}

/// The attributes of an instance, a class or a module, and how many more there are.
fn attribute_rows(look: &Look<'_, '_, '_>, address: u64, limits: &ReprLimits) -> (Vec<AttributeRow>, u64) {
    let Some(facts) = look.facts(address) else { return (Vec::new(), 0) };
    let mut found: Vec<(String, u64)> = Vec::new();
    let mut left_out = 0;
    let mut add = |name: String, value: u64| {
        if found.len() < limits.items {
            found.push((name, value));
        } else {
            left_out += 1;
        }
    };
    let namespace = match facts.shape {
        Shape::Type => look.bytes(address).map(|class| look.reader.type_dict(class)),
        _ if look.is_derived(facts.address, "module") => look.module_dict(address),
        _ => None,
    };
    match namespace {
        Some(dict) => look.dict_items(dict, |key, value| {
            if let Some(name) = look.text(key, MAX_KEY).filter(|_| look.is_str(key)) {
                add(name, value);
            }
        }),
        None => {
            for attribute in attributes_of(look, address).unwrap_or_default() {
                add(attribute.name, attribute.value.address().0);
            }
        }
    }
    let row = |(name, value): (String, u64)| AttributeRow {
        name,
        r#type: look.type_name(value),
        repr: look.repr(value, limits).map(|text| text.text).unwrap_or_default(),
    };
    (found.into_iter().map(row).collect(), left_out)
}

/// Attributes of instances of classes made by Python code, those in slots too.
fn attributes_of(look: &Look<'_, '_, '_>, address: u64) -> Result<Vec<attributes::Attribute>, ReadError> {
    /// An instance with more is one in which attributes are no names any more.
    const MOST: usize = 1_000_000;
    Ok(attributes::attributes(look.runtime.python(), Look::pointer(address)?, MOST).items)
}
