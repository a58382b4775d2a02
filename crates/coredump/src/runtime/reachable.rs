//! The objects that modules and frames lead to, for builds whose garbage collector keeps no lists.
//!
//! Containers, instances, generators and functions are followed; what only C structures refer to is not found.

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{
    self, FunctionObject, InterpreterState, MethodObject, Object, TextIoObject, TypeObject,
};
use crate::objects::attributes;
use crate::objects::kind::{self, Kind};
use crate::objects::types::module_dict;
use crate::objects::{deque, dict, sequence, set};
use crate::runtime::attach::PythonRuntime;

/// Most elements of one container that are followed.
const MAX_ELEMENTS: usize = 100_000;
/// Most attributes of one instance that are followed.
const MAX_ATTRIBUTES: usize = 1000;

/// Calls `visit` with each object that is found, and its type; at most `most` objects are looked at. Says whether there were
/// more.
pub(crate) fn for_each(
    runtime: &PythonRuntime<'_>,
    interpreter: Ptr<InterpreterState>,
    most: usize,
    mut visit: impl FnMut(Ptr<Object>, Ptr<TypeObject>),
) -> bool {
    let mut left: VecDeque<Ptr<Object>> = VecDeque::new();
    // What was seen waits only once: many objects may refer to one.
    let mut seen: FxHashSet<Ptr<Object>> = FxHashSet::default();
    left.extend(roots(runtime, interpreter).into_iter().filter(|&object| seen.insert(object)));
    while let Some(object) = left.pop_front() {
        if seen.len() > most {
            return true;
        }
        let Ok(of) = runtime.python().type_of(object) else { continue };
        visit(object, of);
        // What cannot be read leads nowhere.
        let referents = referents(runtime, object, of).unwrap_or_default();
        left.extend(referents.into_iter().filter(|&object| seen.insert(object)));
    }
    false
}

/// Variables of frames, then names of modules.
fn roots(runtime: &PythonRuntime<'_>, interpreter: Ptr<InterpreterState>) -> Vec<Ptr<Object>> {
    let python = runtime.python();
    let mut found = Vec::new();
    for thread in runtime.threads(interpreter).0 {
        for frame in runtime.stack(thread.state).frames {
            found.extend(runtime.bindings(&frame).into_iter().filter_map(|binding| binding.object.ok()));
        }
    }
    let modules = runtime.modules(interpreter);
    let modules = modules.and_then(|modules| dict::entries(python, modules.cast(), MAX_ELEMENTS).ok());
    let modules = modules.into_iter().flat_map(|modules| modules.items);
    found.extend(modules.filter_map(|(_, module)| module_dict(python, module)).map(Ptr::cast));
    found
}

fn referents(
    runtime: &PythonRuntime<'_>,
    object: Ptr<Object>,
    of: Ptr<TypeObject>,
) -> Result<Vec<Ptr<Object>>, ReadError> {
    let python = runtime.python();
    match kind::flags(python, of)?.kind() {
        Kind::Int | Kind::Str | Kind::Bytes => return Ok(Vec::new()),
        Kind::List => {
            return Ok(sequence::list(python, object.cast(), MAX_ELEMENTS)?
                .items
                .into_iter()
                .flatten()
                .collect());
        }
        Kind::Tuple => {
            return Ok(sequence::tuple(python, object.cast(), MAX_ELEMENTS)?
                .items
                .into_iter()
                .flatten()
                .collect());
        }
        Kind::Dict => {
            let entries = dict::entries(python, object.cast(), MAX_ELEMENTS)?;
            return Ok(entries.items.into_iter().map(|entry| entry.1).collect());
        }
        Kind::Type => {
            let Some(of_class) = runtime.types().dict_of(python, object.cast())? else {
                return Ok(Vec::new());
            };
            let entries = dict::entries(python, of_class, MAX_ELEMENTS)?;
            return Ok(entries.items.into_iter().map(|entry| entry.1).collect());
        }
        Kind::Exception | Kind::Other => {}
    }
    if let Some(generator) = runtime.generator(object)? {
        let Some(frame) = generator.frame.map(|place| runtime.frame_at(place)).transpose()?.flatten() else {
            return Ok(Vec::new());
        };
        return Ok(runtime.bindings(&frame).into_iter().filter_map(|binding| binding.object.ok()).collect());
    }
    let several = |members: [Option<Ptr<Object>>; 2]| Ok(members.into_iter().flatten().collect());
    match runtime.types().name_of(python, of).qualified().as_str() {
        "set" | "frozenset" => {
            Ok(set::elements(python, object.cast(), MAX_ELEMENTS)?.items.into_iter().flatten().collect())
        }
        "collections.deque" => {
            Ok(deque::elements(python, object.cast(), MAX_ELEMENTS)?.items.into_iter().flatten().collect())
        }
        "cell" => Ok(python.read(object.cast(), member::CELL_REF)?.into_iter().collect()),
        "function" => {
            several([python.read(object.cast::<FunctionObject>(), member::FUNCTION_CLOSURE)?, None])
        }
        "method" => {
            let method = object.cast::<MethodObject>();
            several([python.read(method, member::METHOD_SELF)?, python.read(method, member::METHOD_FUNC)?])
        }
        "_io.TextIOWrapper" => {
            several([python.read(object.cast::<TextIoObject>(), member::TEXT_IO_BUFFER)?, None])
        }
        "weakref.ReferenceType" | "weakref" => {
            several([python.read(object.cast(), member::WEAKREF_OBJECT)?, None])
        }
        _ => {
            let found = attributes::attributes(python, object, MAX_ATTRIBUTES).items;
            Ok(found.into_iter().map(|attribute| attribute.value).collect())
        }
    }
}
