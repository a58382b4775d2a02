//! What an object that is called runs in C, and its name.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{
    self, CFunctionObject, CodeObject, FunctionObject, MemberDescr, MethodDef, MethodObject, MethodWrapper,
    Object, PartialObject, TypeObject,
};
use crate::objects::repr::callable::{MAX_ENTRIES, MAX_NAME, c_name, is_module, name_in_module};
use crate::objects::repr::{Objects, rule};
use crate::objects::types::TypeName;
use crate::objects::unicode::read_string;
use crate::objects::{attributes, dict, kind, sequence};

/// A callable that runs C code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CCallable {
    /// `time.sleep`, `_thread.lock.acquire`, `bytearray`.
    pub(crate) name: String,
    /// `function`, `method`, `type` or `object`.
    pub(crate) kind: &'static str,
    /// What is called at last.
    pub(crate) object: Ptr<Object>,
    /// What a method is called on, where whoever found the call knows it.
    pub(crate) receiver: Option<Ptr<Object>>,
}

/// Callables inside each other that are followed: methods bound to methods, partial calls of partial calls.
const MAX_LAYERS: usize = 16;

/// What calling an object runs in C; `None` for what runs Python code, and where the name is lost.
pub(crate) fn c_callable(objects: &Objects<'_>, called: Ptr<Object>) -> Option<CCallable> {
    let python = objects.python();
    let mut object = called;
    for _ in 0..MAX_LAYERS {
        if let Some(class) = kind::as_type(python, object) {
            let name = objects.type_name(class);
            return name.is_known().then(|| CCallable {
                name: plain(&name.qualified()),
                kind: "type",
                object,
                receiver: None,
            });
        }
        let of = known_type(objects, object)?;
        let made = |name: String, kind| Some(CCallable { name, kind, object, receiver: None });
        return match of.name() {
            "function" => None,
            "method" => {
                object = python.read(object.cast::<MethodObject>(), member::METHOD_FUNC).ok()??;
                continue;
            }
            "partial" => {
                object = python.read(object.cast::<PartialObject>(), member::PARTIAL_FN).ok()??;
                continue;
            }
            "builtin_function_or_method" | "builtin_method" => {
                let (name, kind) = builtin(objects, object)?;
                made(name, kind)
            }
            "method_descriptor" | "classmethod_descriptor" | "wrapper_descriptor" => {
                made(descriptor(objects, object.cast()).ok()??, "method")
            }
            "method-wrapper" | "method_wrapper" => {
                let wrapper = object.cast::<MethodWrapper>();
                let slot = python.read(wrapper, member::METHOD_WRAPPER_DESCR).ok()??;
                made(descriptor(objects, slot).ok()??, "method")
            }
            _ => {
                // An instance that C code makes callable; a Python `__call__` would have a frame of its own.
                let call =
                    rule::inherited_attribute(objects, python.type_of(object).ok()?, "__call__").ok()??;
                if objects.type_name_of(call).ok()?.name() == "function" {
                    return None;
                }
                let own = attributes::get(python, object, "__name__").ok().flatten();
                let own = own.and_then(|own| read_string(python, own.cast(), MAX_NAME).ok());
                let name = match own {
                    Some(own) => format!("{own} ({})", of.qualified()),
                    None => format!("<{} object>", of.qualified()),
                };
                (of.name() != "object").then_some(name).and_then(|name| made(name, "object"))
            }
        };
    }
    None
}

/// A function that calling an object runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PythonFunction {
    pub(crate) code: Ptr<CodeObject>,
    /// Arguments that it gets before those of the call: `self`, and those of `functools.partial`.
    pub(crate) bound: usize,
}

/// What calling an object runs in Python; `None` for what runs C code.
pub(crate) fn python_function(objects: &Objects<'_>, called: Ptr<Object>) -> Option<PythonFunction> {
    let python = objects.python();
    let (mut object, mut bound) = (called, 0usize);
    for _ in 0..MAX_LAYERS {
        match known_type(objects, object)?.name() {
            "function" => {
                let code = python.read(object.cast::<FunctionObject>(), member::FUNCTION_CODE).ok()??;
                return Some(PythonFunction { code, bound });
            }
            "method" => {
                object = python.read(object.cast::<MethodObject>(), member::METHOD_FUNC).ok()??;
                bound = bound.checked_add(1)?;
            }
            "partial" => {
                let partial = object.cast::<PartialObject>();
                if let Some(given) = python.read(partial, member::PARTIAL_ARGS).ok()? {
                    let given = sequence::len(python, given.cast()).ok()?;
                    bound = bound.checked_add(usize::try_from(given).ok()?)?;
                }
                object = python.read(partial, member::PARTIAL_FN).ok()??;
            }
            _ => {
                let class = python.type_of(object).ok()?;
                object = rule::inherited_attribute(objects, class, "__call__").ok()??;
                bound = bound.checked_add(1)?;
            }
        }
    }
    None
}

/// The name of the object's type, or of the nearest base that has one: `builtin_method`, which knows the class that
/// defines it (3.9+), is shown by no module.
fn known_type(objects: &Objects<'_>, object: Ptr<Object>) -> Option<TypeName> {
    let own = objects.python().type_of(object).ok()?;
    let classes = rule::resolution_order(objects, own).ok()?;
    classes.into_iter().map(|class| objects.type_name(class)).find(TypeName::is_known)
}

/// The `__enter__` that a `with` statement calls for a manager.
pub(crate) fn entered_by(objects: &Objects<'_>, manager: Ptr<Object>) -> Option<CCallable> {
    let class = objects.python().type_of(manager).ok()?;
    let enter = rule::inherited_attribute(objects, class, "__enter__").ok()??;
    c_callable(objects, enter)
}

/// Functions of modules by module and name, methods by the class that defines them.
fn builtin(objects: &Objects<'_>, object: Ptr<Object>) -> Option<(String, &'static str)> {
    let python = objects.python();
    let function = object.cast::<CFunctionObject>();
    let bound_to = python.read(function, member::CFUNCTION_SELF).ok()?;
    let definition = python.read(function, member::CFUNCTION_DEF).ok()??;
    let module = bound_to.filter(|&owner| is_module(objects, owner));
    if let (Some(owner), None) = (bound_to, module) {
        return method_of(objects, owner, definition).map(|name| (name, "method"));
    }
    let name = c_name(objects, definition).or_else(|| name_in_module(objects, module?, object))?;
    let stated = python.read(function, member::CFUNCTION_MODULE).ok().flatten();
    let stated = stated.filter(|&stated| kind::of(python, stated).is_ok_and(|kind| kind == kind::Kind::Str));
    let stated = stated.and_then(|stated| read_string(python, stated.cast(), MAX_NAME).ok());
    Some((plain(&stated.map_or_else(|| name.clone(), |module| format!("{module}.{name}"))), "function"))
}

/// A method by the definition that the dict of its class refers to.
fn method_of(objects: &Objects<'_>, owner: Ptr<Object>, definition: Ptr<MethodDef>) -> Option<String> {
    let python = objects.python();
    let own = kind::as_type(python, owner).or_else(|| python.type_of(owner).ok())?;
    for class in rule::resolution_order(objects, own).ok()? {
        let Some(class_dict) = objects.types().dict_of(python, class).ok()? else { continue };
        for (key, value) in dict::entries(python, class_dict, MAX_ENTRIES).ok()?.items {
            // The same place in other values holds a pointer too, but none to this definition.
            if python.read(value.cast(), member::METHOD_DESCR_METHOD) == Ok(Some(definition)) {
                return in_class(objects, class, &read_string(python, key.cast(), MAX_NAME).ok()?);
            }
        }
    }
    None
}

fn descriptor(objects: &Objects<'_>, descriptor: Ptr<MemberDescr>) -> Result<Option<String>, ReadError> {
    let python = objects.python();
    let name = python.read(descriptor, member::DESCR_NAME)?.ok_or(ReadError::Null("d_name"))?;
    let class = python.read(descriptor, member::DESCR_TYPE)?.ok_or(ReadError::Null("d_type"))?;
    Ok(in_class(objects, class, &read_string(python, name, MAX_NAME)?))
}

fn in_class(objects: &Objects<'_>, class: Ptr<TypeObject>, name: &str) -> Option<String> {
    let class = objects.type_name(class);
    class.is_known().then(|| plain(&format!("{}.{name}", class.qualified())))
}

/// As Python code writes it: what is built in needs no module.
fn plain(name: &str) -> String {
    name.strip_prefix("builtins.").unwrap_or(name).to_owned()
}
