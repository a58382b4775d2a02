//! Frames, series and indexes of pandas, by shape and types of their columns.
//!
//! What they print is laid out by much Python code; shown is what tells one from another. The structures of
//! pandas' own extension modules are not described anywhere, so their members are looked for: a word of the
//! object that points at an object of the type that the member must have.
//! <https://github.com/pandas-dev/pandas/blob/v2.2.0/pandas/_libs/internals.pyx>

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, Object, RangeObject};
use crate::objects::repr::Objects;
use crate::objects::repr::form::Form;
use crate::objects::{attributes, integer, ndarray, sequence};

/// Most words of an object that are looked at.
const MAX_WORDS: u64 = 64;
/// Most blocks of one frame; pandas warns of fragmentation at a hundred.
const MAX_BLOCKS: usize = 1000;

type Made = Result<Form, ReadError>;

/// `<pandas.DataFrame shape=(3, 2) dtypes: int64, object; rows not shown>`.
pub(super) fn frame(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    described(objects, object, 2)
}

/// `<pandas.Series shape=(3,) dtypes: int64; rows not shown>`.
pub(super) fn series(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    described(objects, object, 1)
}

/// `<pandas.Index len=3; values not shown>`.
pub(super) fn index(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let name = objects.type_name_of(object)?.qualified();
    let len = index_len(objects, object).map_or_else(|| "?".to_owned(), |len| len.to_string());
    Ok(Form::text(format!("<{name} len={len}; values not shown>")).inexact())
}

fn described(objects: &Objects<'_>, object: Ptr<Object>, dimensions: usize) -> Made {
    let python = objects.python();
    let name = objects.type_name_of(object)?.qualified();
    let manager = attributes::get(python, object, "_mgr")?.ok_or(ReadError::Null("_mgr"))?;
    // The manager of a series is a Python object; that of a frame keeps both in members of C.
    let named = ["axes", "blocks"].map(|name| attributes::get(python, manager, name).ok().flatten());
    let words: Vec<_> = named.into_iter().flatten().chain(words(objects, manager)?).collect();
    let is_index = |item: Ptr<Object>| is_of(objects, item, "pandas.core.indexes.", "Index");
    let is_block = |item: Ptr<Object>| is_of(objects, item, "pandas.core.internals.blocks", "Block");
    let axes = words.iter().find_map(|&word| {
        let axes = sequence::list(python, word.cast(), 4).ok()?;
        let axes: Vec<Ptr<Object>> = axes.items.into_iter().flatten().collect();
        (axes.len() == dimensions && axes.iter().all(|&axis| is_index(axis))).then_some(axes)
    });
    let blocks = words.iter().find_map(|&word| {
        let blocks = sequence::tuple(python, word.cast(), MAX_BLOCKS).ok()?;
        let blocks: Vec<Ptr<Object>> = blocks.items.into_iter().flatten().collect();
        (!blocks.is_empty() && blocks.iter().all(|&block| is_block(block))).then_some(blocks)
    });
    // The columns are the first axis of the manager, and the second of the frame.
    let lengths = axes
        .iter()
        .flatten()
        .rev()
        .map(|&axis| index_len(objects, axis).map_or_else(|| "?".to_owned(), |len| len.to_string()));
    let lengths: Vec<String> = lengths.collect();
    let comma = if dimensions == 1 { "," } else { "" };
    let shape = if lengths.is_empty() { "?".to_owned() } else { lengths.join(", ") + comma };
    let mut types: Vec<String> = blocks.iter().flatten().map(|&block| block_type(objects, block)).collect();
    types.dedup();
    let types = if types.is_empty() { "?".to_owned() } else { types.join(", ") };
    Ok(Form::text(format!("<{name} shape=({shape}) dtypes: {types}; rows not shown>")).inexact())
}

/// The objects that the words of `object` point at, in their order.
fn words(objects: &Objects<'_>, object: Ptr<Object>) -> Result<Vec<Ptr<Object>>, ReadError> {
    let python = objects.python();
    let size = python.read(python.type_of(object)?, member::TYPE_BASICSIZE)?;
    let target = python.space().target();
    let size = u64::try_from(size).unwrap_or(0).min(MAX_WORDS * target.word_size as u64);
    let bytes = python.bytes(object.address(), size)?;
    let header = python.layout().size_of(member::OBJECT_SIZE)? as usize / target.word_size;
    let pointers = target.words(&bytes).skip(header).filter(|word| word % target.word_size as u64 == 0);
    let found = pointers.filter_map(|word| Ptr::<Object>::new(Address(word)));
    Ok(found.filter(|&found| objects.type_name_of(found).is_ok_and(|name| name.is_known())).collect())
}

/// Whether a type of the object is called like this.
fn is_of(objects: &Objects<'_>, object: Ptr<Object>, module: &str, name: &str) -> bool {
    let Ok(of) = objects.python().type_of(object) else { return false };
    let classes = super::rule::resolution_order(objects, of).unwrap_or_default();
    classes.into_iter().any(|class| {
        let found = objects.type_name(class);
        let in_module =
            found.module.as_deref().is_some_and(|found| found.starts_with(module) || found == "pandas");
        in_module && found.name().ends_with(name)
    })
}

/// Number of labels of an index.
fn index_len(objects: &Objects<'_>, index: Ptr<Object>) -> Option<u64> {
    let python = objects.python();
    if let Ok(Some(range)) = attributes::get(python, index, "_range") {
        let part = |member| {
            let part: Option<Ptr<Object>> = python.read(range.cast::<RangeObject>(), member).ok()?;
            integer::read_i128(python, part?.cast()).ok()
        };
        let (start, stop, step) =
            (part(member::RANGE_START)?, part(member::RANGE_STOP)?, part(member::RANGE_STEP)?);
        let (distance, step) = if step > 0 { (stop - start, step) } else { (start - stop, -step) };
        let len = if distance > 0 && step > 0 { (distance - 1) / step + 1 } else { 0 };
        return u64::try_from(len).ok();
    }
    let data = attributes::get(python, index, "_data").ok()??;
    array_of(objects, data)?.shape.first().copied()
}

/// `int64`, or the name of the array's class.
fn block_type(objects: &Objects<'_>, block: Ptr<Object>) -> String {
    let found = words(objects, block).unwrap_or_default();
    let named = found.iter().find_map(|&values| {
        let name = objects.type_name_of(values).ok()?;
        match name.qualified().as_str() {
            "numpy.ndarray" => ndarray::read(objects, values.cast()).ok()?.element.name(),
            _ if name.name().ends_with("Array") => Some(name.name().to_owned()),
            _ => None,
        }
    });
    named.unwrap_or_else(|| "?".to_owned())
}

/// The array itself, or the one that an extension array is made around.
fn array_of(objects: &Objects<'_>, data: Ptr<Object>) -> Option<ndarray::Array> {
    let is_array = |object: Ptr<Object>| {
        objects.type_name_of(object).is_ok_and(|name| name.qualified() == "numpy.ndarray")
    };
    if is_array(data) {
        return ndarray::read(objects, data.cast()).ok();
    }
    let inner = words(objects, data).ok()?.into_iter().find(|&object| is_array(object));
    let inner = inner.or_else(|| attributes::get(objects.python(), data, "_codes").ok().flatten());
    ndarray::read(objects, inner?.cast()).ok()
}
