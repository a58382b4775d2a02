//! Attributes of instances: those in the instance's dict, then those in slots.

use std::ops::ControlFlow;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{
    self, DictKeys, DictObject, DictValues, HeapTypeObject, MemberDescr, Object, TypeObject,
};
use crate::objects::dict;
use crate::objects::integer;
use crate::objects::kind::{self, Kind, TypeFlags};
use crate::objects::sequence;
use crate::objects::unicode::{is_str, read_string};
use crate::runtime::dialect::{InstanceDict, IntFormat};
use crate::runtime::python::Python;

/// Longest name of an attribute that is read.
const MAX_NAME: usize = 256;
/// Most classes of a method resolution order that are looked at.
const MAX_CLASSES: usize = 512;
/// Most entries of a class's dict that are looked at for slots.
const MAX_CLASS_ENTRIES: usize = 10_000;
/// `Py_T_OBJECT` and `Py_T_OBJECT_EX` of Include/descrobject.h: members that hold an object.
const OBJECT_MEMBERS: [i32; 2] = [6, 16];

/// One attribute of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub value: Ptr<Object>,
}

/// The attributes of an instance as far as they were read.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// As `vars()` orders them, then those in slots.
    pub items: Vec<Attribute>,
    /// Whether there are more than were asked for.
    pub truncated: bool,
    /// What stood in the way of reading on.
    pub fault: Option<ReadError>,
}

/// Where an instance keeps the attributes that its class has no slots for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In a dict.
    Dict(Ptr<DictObject>),
    /// In an array of values whose names the class holds (3.11+).
    Values {
        /// The names.
        keys: Ptr<DictKeys>,
        /// The values.
        values: Ptr<DictValues>,
    },
    /// It has none, or none yet.
    Nowhere,
}

/// A slot that a class reserves in its instances (`__slots__`, or a member of a C structure that is an object).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Bytes from the start of the instance.
    pub offset: u64,
}

/// Reads the attributes of an instance, at most `limit` of them.
pub fn attributes(python: &Python<'_>, object: Ptr<Object>, limit: usize) -> Attributes {
    let mut found = Attributes::default();
    if let Err(error) = read_stored(python, object, limit, &mut found)
        .and_then(|()| read_slots(python, object, limit, &mut found))
    {
        found.fault = Some(error);
    }
    found
}

/// The attribute `name` of an instance, from its dict or a slot; class attributes are not looked at.
///
/// # Errors
/// When memory that is not there kept it from being found.
pub fn get(python: &Python<'_>, object: Ptr<Object>, name: &str) -> Result<Option<Ptr<Object>>, ReadError> {
    let found = match storage(python, object)? {
        Storage::Dict(dict) => dict::lookup_str(python, dict, name)?,
        Storage::Values { keys, values } => {
            let (mut found, mut unread) = (None, None);
            let fault = dict::for_each_value(python, keys, values, |key, value| {
                match is_str(python, key, name) {
                    Ok(true) => {
                        found = Some(value);
                        return ControlFlow::Break(());
                    }
                    Ok(false) => {}
                    Err(error) => unread = Some(error),
                }
                ControlFlow::Continue(())
            })?;
            match (found, fault.or(unread)) {
                (None, Some(error)) => return Err(error),
                (found, _) => found,
            }
        }
        Storage::Nowhere => None,
    };
    if found.is_some() {
        return Ok(found);
    }
    for slot in slots(python, python.type_of(object)?)? {
        if slot.name == name {
            return Ok(Ptr::new(Address(python.word(object.address().wrapping_add(slot.offset))?)));
        }
    }
    Ok(None)
}

/// Where the instance keeps its attributes.
///
/// # Errors
/// When the object, its type or what precedes the object is not there.
pub fn storage(python: &Python<'_>, object: Ptr<Object>) -> Result<Storage, ReadError> {
    let of = python.type_of(object)?;
    let flags = kind::flags(python, of)?;
    let word = python.space().target().word_size as u64;
    // Include/internal/pycore_object.h: words in front of the object, MANAGED_DICT_OFFSET and its forerunners.
    let before = |words: u64| python.word(object.address().wrapping_sub(words * word)).map(Address);
    let managed = flags.has(TypeFlags::MANAGED_DICT);
    let dict = |address| Ptr::new(address).map_or(Storage::Nowhere, Storage::Dict);
    match python.dialect().instance_dict {
        InstanceDict::ValuesAndDict if managed => match Ptr::new(before(4)?) {
            Some(values) => values_of(python, of, values),
            None => Ok(dict(before(3)?)),
        },
        InstanceDict::Tagged if managed => match before(3)? {
            tagged if tagged.0 & 1 == 1 => match Ptr::new(tagged.wrapping_add(1)) {
                Some(values) => values_of(python, of, values),
                None => Ok(Storage::Nowhere),
            },
            address => Ok(dict(address)),
        },
        InstanceDict::InlineValues if managed => inline_values(python, object, of, flags, before(3)?),
        InstanceDict::InlineValuesWithoutGcHead if managed => {
            inline_values(python, object, of, flags, before(1)?)
        }
        _ => match dict_offset(python, object, of)? {
            Some(at) => Ok(dict(Address(python.word(at)?))),
            None => Ok(Storage::Nowhere),
        },
    }
}

/// The dict when there is one, else the values behind the object (3.13+).
fn inline_values(
    python: &Python<'_>,
    object: Ptr<Object>,
    of: Ptr<TypeObject>,
    flags: TypeFlags,
    dict: Address,
) -> Result<Storage, ReadError> {
    if let Some(dict) = Ptr::new(dict) {
        return Ok(Storage::Dict(dict));
    }
    if !flags.has(TypeFlags::INLINE_VALUES) {
        return Ok(Storage::Nowhere);
    }
    let size = python.read(of, member::TYPE_BASICSIZE)?;
    match Ptr::new(object.address().wrapping_add(size as u64)) {
        Some(values) if python.read(values, member::VALUES_VALID)? != 0 => values_of(python, of, values),
        _ => Ok(Storage::Nowhere),
    }
}

fn values_of(
    python: &Python<'_>,
    of: Ptr<TypeObject>,
    values: Ptr<DictValues>,
) -> Result<Storage, ReadError> {
    let keys = python.read(of.cast::<HeapTypeObject>(), member::HEAP_TYPE_CACHED_KEYS)?;
    Ok(keys.map_or(Storage::Nowhere, |keys| Storage::Values { keys, values }))
}

/// Where the dict pointer of an instance stands, by `tp_dictoffset` (`_PyObject_GetDictPtr`).
fn dict_offset(
    python: &Python<'_>,
    object: Ptr<Object>,
    of: Ptr<TypeObject>,
) -> Result<Option<Address>, ReadError> {
    let offset = python.read(of, member::TYPE_DICTOFFSET)?;
    if offset > 0 {
        return Ok(Some(object.address().wrapping_add(offset as u64)));
    }
    if offset == 0 {
        return Ok(None);
    }
    // Negative: from the end of an object of variable size.
    let word = python.space().target().word_size as u64;
    let is_tagged_int =
        kind::flags(python, of)?.kind() == Kind::Int && python.dialect().int_format == IntFormat::Tag;
    let count = if is_tagged_int {
        integer::digit_count(python, object.cast())?
    } else {
        python.read(object.cast(), member::VAR_SIZE)?.unsigned_abs()
    };
    let basic = python.read(of, member::TYPE_BASICSIZE)? as u64;
    let item = python.read(of, member::TYPE_ITEMSIZE)? as u64;
    let size = basic.wrapping_add(count.wrapping_mul(item)).wrapping_add(word - 1) / word * word;
    Ok(Some(object.address().wrapping_add(size).wrapping_sub(offset.unsigned_abs())))
}

fn read_stored(
    python: &Python<'_>,
    object: Ptr<Object>,
    limit: usize,
    found: &mut Attributes,
) -> Result<(), ReadError> {
    let visit = |key: Ptr<Object>, value| {
        if found.items.len() >= limit {
            found.truncated = true;
            return ControlFlow::Break(());
        }
        match read_string(python, key.cast(), MAX_NAME) {
            Ok(name) => found.items.push(Attribute { name, value }),
            // A key of `vars()` that is no str, or not there, is no attribute that code could name.
            Err(error) => found.fault = Some(error),
        }
        ControlFlow::Continue(())
    };
    let fault = match storage(python, object)? {
        Storage::Dict(dict) => dict::for_each(python, dict, visit)?,
        Storage::Values { keys, values } => dict::for_each_value(python, keys, values, visit)?,
        Storage::Nowhere => None,
    };
    fault.map_or(Ok(()), Err)
}

fn read_slots(
    python: &Python<'_>,
    object: Ptr<Object>,
    limit: usize,
    found: &mut Attributes,
) -> Result<(), ReadError> {
    for slot in slots(python, python.type_of(object)?)? {
        let value = python.word(object.address().wrapping_add(slot.offset))?;
        if let Some(value) = Ptr::new(Address(value)) {
            if found.items.len() >= limit {
                found.truncated = true;
                break;
            }
            found.items.push(Attribute { name: slot.name, value });
        }
    }
    Ok(())
}

/// The slots of Python classes along the type's bases, the outermost base's first.
///
/// Of types written in C only those with descriptors for members that hold objects are found; the members
/// of built-in types are not asked for.
///
/// # Errors
/// When a class or its dict is not there.
pub fn slots(python: &Python<'_>, of: Ptr<TypeObject>) -> Result<Vec<Slot>, ReadError> {
    let mut classes = Vec::new();
    let mut next = Some(of);
    while let Some(class) = next {
        if !kind::flags(python, class)?.has(TypeFlags::HEAP_TYPE) || classes.len() == MAX_CLASSES {
            break;
        }
        classes.push(class);
        next = python.read(class, member::TYPE_BASE)?;
    }
    let mut found = Vec::new();
    for class in classes.into_iter().rev() {
        // Only classes with `__slots__` (or members of C) have any.
        let tuple = python.read(class.cast::<HeapTypeObject>(), member::HEAP_TYPE_SLOTS)?;
        if let Some(names) = tuple {
            own_slots(python, class, sequence::len(python, names.cast())?, &mut found)?;
        }
    }
    Ok(found)
}

/// Adds the slots that `class` itself defines, in the order in which they lie in the instance.
fn own_slots(
    python: &Python<'_>,
    class: Ptr<TypeObject>,
    expected: u64,
    found: &mut Vec<Slot>,
) -> Result<(), ReadError> {
    let Some(class_dict) = python.read(class, member::TYPE_DICT)? else { return Ok(()) };
    let before = found.len();
    for (_, value) in dict::entries(python, class_dict, MAX_CLASS_ENTRIES)?.items {
        if (found.len() - before) as u64 == expected {
            break;
        }
        if let Some(slot) = slot_of(python, class, value.cast()) {
            found.push(slot);
        }
    }
    if let Some(own) = found.get_mut(before..) {
        own.sort_by_key(|slot| slot.offset);
    }
    Ok(())
}

/// Takes a value of a class's dict for a member descriptor, when it is one of this class.
fn slot_of(python: &Python<'_>, class: Ptr<TypeObject>, descriptor: Ptr<MemberDescr>) -> Option<Slot> {
    // Other descriptors begin alike, and hold the class too; but of them only a member's definition has a
    // type for objects and an offset that lies inside the instance.
    if python.read(descriptor, member::DESCR_TYPE).ok()? != Some(class) {
        return None;
    }
    let definition = python.read(descriptor, member::DESCR_MEMBER).ok()??;
    let holds = python.read(definition, member::MEMBER_DEF_TYPE).ok()?;
    let offset = python.read(definition, member::MEMBER_DEF_OFFSET).ok()?;
    let size = python.read(class, member::TYPE_BASICSIZE).ok()?;
    let word = python.space().target().word_size as i64;
    if !OBJECT_MEMBERS.contains(&holds) || offset < 2 * word || offset > size - word || offset % word != 0 {
        return None;
    }
    let name = read_string(python, python.read(descriptor, member::DESCR_NAME).ok()??, MAX_NAME).ok()?;
    Some(Slot { name, offset: offset as u64 })
}
