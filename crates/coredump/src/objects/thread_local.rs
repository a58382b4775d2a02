//! What a thread has in `threading.local` objects.
//!
//! Up to 3.12 a thread state's dict holds, for each such object, a dummy with the attributes
//! (Modules/_threadmodule.c at v3.8.18 to v3.12.1). From 3.13 on each object has a dict with the attributes of all threads, by
//! a key that each thread state has (v3.13.0).

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, DictObject, LocalDummy, LocalObject, Object, ThreadState};
use crate::objects::dict;
use crate::objects::kind::{self, Kind};
use crate::objects::unicode::read_string;
use crate::runtime::python::Python;

/// Most `threading.local` objects of one thread, and attributes of one of them.
const MAX_ENTRIES: usize = 10_000;
/// Longest key or name that is read.
const MAX_NAME: usize = 4096;
/// What the keys of a thread state's dict begin with; the address of the object follows (`local_new` at v3.12.1).
const KEY: &str = "thread.local.";

/// The attributes that a thread has in one `threading.local`.
#[derive(Clone, Debug)]
pub struct Attributes {
    /// The `threading.local`.
    pub object: Ptr<Object>,
    /// The dict that holds them.
    pub dict: Ptr<DictObject>,
    /// Names and values.
    pub items: Vec<(String, Ptr<Object>)>,
}

/// What the dict of a thread state holds; empty from 3.13 on.
///
/// # Errors
/// When the dict is not there.
pub fn of_thread_state(python: &Python<'_>, thread: Ptr<ThreadState>) -> Result<Vec<Attributes>, ReadError> {
    let expected = match python.layout().size_of(member::LOCAL_DUMMY_SIZE) {
        Ok(size) if python.layout().has(member::LOCAL_DUMMY_DICT) => size,
        _ => return Ok(Vec::new()),
    };
    let Some(held) = python.read(thread, member::TSTATE_DICT)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (key, dummy) in dict::entries(python, held.cast(), MAX_ENTRIES)?.items {
        if kind::of(python, key)? != Kind::Str {
            continue;
        }
        let key = read_string(python, key.cast(), MAX_NAME)?;
        let Some(object) = key.strip_prefix(KEY).and_then(|text| text.strip_prefix("0x")) else { continue };
        let object = u64::from_str_radix(object, 16).ok().map(Address).and_then(Ptr::new);
        let size = python.read(python.type_of(dummy)?, member::TYPE_BASICSIZE)?;
        if let Some(object) = object
            && u64::try_from(size) == Ok(expected)
            && let Some(attributes) = python.read(dummy.cast::<LocalDummy>(), member::LOCAL_DUMMY_DICT)?
        {
            let dict = attributes.cast();
            found.push(Attributes { object, dict, items: items(python, dict)? });
        }
    }
    Ok(found)
}

/// What a thread has in `local`, where that keeps the attributes of all threads (3.13+).
///
/// # Errors
/// When they are not there.
pub fn of_object(
    python: &Python<'_>,
    local: Ptr<LocalObject>,
    thread: Ptr<ThreadState>,
) -> Result<Option<Attributes>, ReadError> {
    let key = python.read(thread, member::TSTATE_LOCAL_KEY)?;
    let Some(all) = python.read(local, member::LOCAL_LOCALDICTS)? else { return Ok(None) };
    let entries = dict::entries(python, all.cast(), MAX_ENTRIES)?;
    let Some((_, attributes)) = entries.items.into_iter().find(|entry| Some(entry.0) == key) else {
        return Ok(None);
    };
    let dict = attributes.cast();
    Ok(Some(Attributes { object: local.cast(), dict, items: items(python, dict)? }))
}

fn items(python: &Python<'_>, attributes: Ptr<DictObject>) -> Result<Vec<(String, Ptr<Object>)>, ReadError> {
    let entries = dict::entries(python, attributes, MAX_ENTRIES)?;
    let named = |(key, value): (Ptr<Object>, _)| Ok((read_string(python, key.cast(), MAX_NAME)?, value));
    entries.items.into_iter().map(named).collect()
}
