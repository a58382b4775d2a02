//! Text of the containers in `collections`, `types` and `array`, and of views of dicts.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, ArrayObject, DequeObject, DictObject, Object, OrderedDictNode};
use crate::objects::attributes::{self, Storage};
use crate::objects::float::float_repr;
use crate::objects::repr::Objects;
use crate::objects::repr::form::{Form, Order};
use crate::objects::repr::rule::Formatter;
use crate::objects::sequence::{self, Elements};
use crate::objects::types::TypeName;
use crate::objects::{deque, dict, quoted, unicode};

type Made = Result<Form, ReadError>;

/// `dictview_repr` of keys: the class's name around a list.
pub(super) fn dict_keys(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    dict_view(objects, object, limit, Half::Keys)
}

/// `dictview_repr` of values.
pub(super) fn dict_values(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    dict_view(objects, object, limit, Half::Values)
}

/// What a view shows of each entry.
#[derive(Clone, Copy)]
enum Half {
    Keys,
    Values,
}

fn dict_view(objects: &Objects<'_>, object: Ptr<Object>, limit: usize, half: Half) -> Made {
    let name = objects.type_name_of(object)?;
    let entries = viewed(objects, object, &name, limit)?;
    let shown = |&(key, value): &(Ptr<Object>, Ptr<Object>)| match half {
        Half::Keys => Some(key),
        Half::Values => Some(value),
    };
    let items = entries.items.iter().map(shown).collect();
    let elements = Elements { items, len: entries.len, fault: entries.fault };
    Ok(Form::text(format!("{}([", name.name())).elements(&elements).and("])"))
}

/// `dictview_repr` of items: a list of pairs.
pub(super) fn dict_items(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let name = objects.type_name_of(object)?;
    let entries = viewed(objects, object, &name, limit)?;
    Ok(pair_list(Form::text(format!("{}([", name.name())), &entries).and("])"))
}

fn viewed(
    objects: &Objects<'_>,
    view: Ptr<Object>,
    name: &TypeName,
    limit: usize,
) -> Result<dict::DictEntries, ReadError> {
    let viewed = objects.python().read(view.cast(), member::DICT_VIEW_DICT)?;
    let viewed = viewed.ok_or(ReadError::Null("_PyDictViewObject.dv_dict"))?;
    if name.name().starts_with("odict_") {
        return ordered_entries(objects, viewed, limit);
    }
    dict::entries(objects.python(), viewed, limit)
}

/// `(key, value)` pairs with `, ` between them.
fn pair_list(mut form: Form, entries: &dict::DictEntries) -> Form {
    for (index, &(key, value)) in entries.items.iter().enumerate() {
        form = form.and(if index == 0 { "(" } else { ", (" });
        form = form.object(Some(key)).and(", ").object(Some(value)).and(")");
    }
    form.rest(entries.items.len(), entries.len, entries.fault)
}

/// `mappingproxy_repr`.
pub(super) fn mapping_proxy(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let mapping = objects.python().read(object.cast(), member::MAPPINGPROXY_MAPPING)?;
    Ok(Form::text("mappingproxy(").object(mapping).and(")"))
}

/// `namespace_repr`: sorted by name up to 3.8, in order of insertion since.
pub(super) fn namespace(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let name = objects.type_name_of(object)?;
    let shown = if name.qualified() == "types.SimpleNamespace" { "namespace" } else { name.name() };
    let form = Form::text(format!("{shown}("));
    match attributes::storage(objects.python(), object)? {
        Storage::Dict(attributes) => {
            let sorted = objects.python().dialect().repr_style.namespace_sorted;
            let order = if sorted { Order::ByName } else { Order::Inserted };
            Ok(form.keywords(objects, attributes, order, limit)?.and(")"))
        }
        _ => Ok(form.and(")")),
    }
}

/// `deque_repr`.
pub(super) fn deque(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let name = objects.type_name_of(object)?;
    let elements = deque::elements(python, object.cast(), limit)?;
    let form = Form::text(format!("{}([", name.name())).elements(&elements);
    Ok(match python.read(object.cast::<DequeObject>(), member::DEQUE_MAXLEN)? {
        ..0 => form.and("])"),
        most => form.and(format!("], maxlen={most})")),
    })
}

/// `defdict_repr`.
pub(super) fn default_dict(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let name = objects.type_name_of(object)?;
    let factory = objects.python().read(object.cast(), member::DEFAULTDICT_FACTORY)?;
    let form = Form::text(format!("{}(", name.name()));
    let form = if factory.is_none() { form.and("None") } else { form.object(factory) };
    Ok(form.and(", ").base(object, Formatter::Dict).and(")"))
}

/// `odict_repr`: a list of pairs up to 3.11, a dict since; in the order of the list of nodes.
pub(super) fn ordered_dict(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let name = objects.type_name_of(object)?;
    let entries = ordered_entries(objects, object.cast(), limit)?;
    if entries.len == 0 {
        return Ok(Form::text(format!("{}()", name.name())));
    }
    Ok(if python.dialect().repr_style.ordered_dict_as_dict {
        let form = Form::text(format!("{}({{", name.name()));
        form.pairs(&entries.items, ": ", entries.len, entries.fault).and("})")
    } else {
        pair_list(Form::text(format!("{}([", name.name())), &entries).and("])")
    })
}

/// The entries of an `OrderedDict` in its own order, which `move_to_end` and deletion change.
fn ordered_entries(
    objects: &Objects<'_>,
    object: Ptr<DictObject>,
    limit: usize,
) -> Result<dict::DictEntries, ReadError> {
    let python = objects.python();
    let mut entries = dict::entries(python, object, limit)?;
    if !entries.is_complete() {
        return Ok(entries);
    }
    let mut order = Vec::new();
    let mut node: Option<Ptr<OrderedDictNode>> = python.read(object.cast(), member::ODICT_FIRST)?;
    while let Some(at) = node
        && order.len() < entries.items.len()
    {
        order.extend(python.read(at, member::ODICT_NODE_KEY)?);
        node = python.read(at, member::ODICT_NODE_NEXT)?;
    }
    let places: rustc_hash::FxHashMap<_, _> =
        order.iter().enumerate().map(|(place, &key)| (key, place)).collect();
    // The nodes hold the very key objects that the dict holds.
    entries.items.sort_by_key(|(key, _)| places.get(key).copied().unwrap_or(usize::MAX));
    Ok(entries)
}

/// `array_repr`.
pub(super) fn array(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let name = objects.type_name_of(object)?;
    let array = object.cast::<ArrayObject>();
    let len = sequence::len(python, object.cast())?;
    let descr = python.read(array, member::ARRAY_DESCR)?.ok_or(ReadError::Null("arrayobject.ob_descr"))?;
    let code = char::from(python.read(descr, member::ARRAY_DESCR_TYPECODE)?);
    let size = python.read(descr, member::ARRAY_DESCR_ITEMSIZE)?;
    if len == 0 {
        return Ok(Form::text(format!("{}('{code}')", name.name())));
    }
    let invalid = ReadError::Invalid { at: object.address(), what: "array of impossible item size" };
    let size = usize::try_from(size).ok().filter(|&size| matches!(size, 1 | 2 | 4 | 8)).ok_or(invalid)?;
    let wanted = len.min(limit as u64);
    let start = python.read(array, member::ARRAY_ITEMS)?;
    let (bytes, fault) = unicode::bytes_as_far_as_there(python, start, wanted * size as u64);
    let form = Form::text(format!("{}('{code}', ", name.name()));
    if matches!(code, 'u' | 'w') {
        let codes: Vec<u32> =
            bytes.chunks_exact(size).map(|unit| python.space().target().unsigned(unit) as u32).collect();
        let mut text = String::new();
        quoted::push_codes(&mut text, &codes, usize::MAX);
        let form = form.and(text);
        return Ok(if codes.len() as u64 == len {
            form.and(")")
        } else {
            form.rest(1, len, fault.map(ReadError::from))
        });
    }
    let mut form = form.and("[");
    let mut count = 0;
    for item in bytes.chunks_exact(size) {
        let number = array_item(code, python.space().target().unsigned(item), size);
        let Some(number) = number else { return Err(invalid) };
        form = if count > 0 { form.and(format!(", {number}")) } else { form.and(number) };
        count += 1;
    }
    Ok(form.rest(count, len, fault.map(ReadError::from)).and("])"))
}

/// One number, by the type code of Modules/arraymodule.c.
fn array_item(code: char, bits: u64, size: usize) -> Option<String> {
    let unused = 64 - 8 * size as u32;
    Some(match code {
        'b' | 'h' | 'i' | 'l' | 'q' => ((bits << unused) as i64 >> unused).to_string(),
        'B' | 'H' | 'I' | 'L' | 'Q' => bits.to_string(),
        'f' if size == 4 => float_repr(f64::from(f32::from_bits(bits as u32))),
        'd' if size == 8 => float_repr(f64::from_bits(bits)),
        _ => return None,
    })
}
