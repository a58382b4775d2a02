//! Text of functions, classes, modules and what belongs to them.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{
    self, CFunctionObject, CodeObject, ContextVar, FunctionObject, GenObject, MemberDescr, MethodDef,
    MethodObject, MethodWrapper, Object, PartialObject, SuperObject, TypeObject, UnicodeObject,
    WeakReference,
};
use crate::objects::attributes;
use crate::objects::kind;
use crate::objects::repr::form::{Form, Order};
use crate::objects::repr::{Objects, mark, rule};
use crate::objects::types::module_dict;
use crate::objects::unicode::read_string;
use crate::objects::{dict, integer, sequence};

/// Longest name or path that is printed whole.
pub(super) const MAX_NAME: usize = 4096;
/// Most entries of a namespace that are searched for a function.
pub(super) const MAX_ENTRIES: usize = 100_000;

type Made = Result<Form, ReadError>;

/// `type_repr`.
#[expect(clippy::unnecessary_wraps, reason = "all formatters have one signature")]
pub(super) fn class(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let name = objects.type_name(object.cast());
    let form = Form::text(format!("<class '{}'>", name.qualified()));
    Ok(if name.is_known() { form } else { form.inexact() })
}

/// `func_repr`.
pub(super) fn function(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let qualname = objects.python().read(object.cast::<FunctionObject>(), member::FUNCTION_QUALNAME)?;
    Ok(Form::text(format!("<function {} at {object:?}>", name(objects, qualname))))
}

/// `method_repr`: the function's qualified name, and the `repr()` of the object it is bound to.
pub(super) fn method(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let method = object.cast::<MethodObject>();
    let bound_to = python.read(method, member::METHOD_SELF)?;
    let function =
        python.read(method, member::METHOD_FUNC)?.ok_or(ReadError::Null("PyMethodObject.im_func"))?;
    let form = if objects.type_name_of(function)?.qualified() == "function" {
        let qualname = python.read(function.cast::<FunctionObject>(), member::FUNCTION_QUALNAME)?;
        Form::text(format!("<bound method {} of ", name(objects, qualname)))
    } else {
        Form::text("<bound method ? of ").inexact()
    };
    Ok(form.object(bound_to).and(">"))
}

/// `meth_repr`.
pub(super) fn builtin_function(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let function = object.cast::<CFunctionObject>();
    let bound_to = python.read(function, member::CFUNCTION_SELF)?;
    let module = bound_to.filter(|&owner| is_module(objects, owner));
    let definition =
        python.read(function, member::CFUNCTION_DEF)?.ok_or(ReadError::Null("PyCFunctionObject.m_ml"))?;
    let name = match (module, bound_to) {
        _ if c_name(objects, definition).is_some() => c_name(objects, definition),
        (Some(module), _) => name_in_module(objects, module, object),
        (None, Some(owner)) => name_in_classes(objects, owner, definition),
        (None, None) => None,
    };
    let known = name.is_some();
    let name = name.unwrap_or_else(|| "<name not dumped>".to_owned());
    let form = match bound_to {
        Some(owner) if module.is_none() => {
            let of = c_type_name(objects, python.type_of(owner)?);
            Form::text(format!("<built-in method {name} of {of} object at {owner:?}>"))
        }
        _ => Form::text(format!("<built-in function {name}>")),
    };
    Ok(if known { form } else { form.inexact() })
}

/// `ml_name`, where the read-only data of its module is at hand.
pub(super) fn c_name(objects: &Objects<'_>, definition: Ptr<MethodDef>) -> Option<String> {
    let at = objects.python().read(definition, member::METHOD_DEF_NAME).ok().filter(|at| at.0 != 0)?;
    let bytes = objects.python().space().c_string(at, 256).ok()?;
    String::from_utf8(bytes).ok().filter(|name| !name.is_empty())
}

/// A module's functions stand in its dict under the names that their definitions give.
pub(super) fn name_in_module(
    objects: &Objects<'_>,
    module: Ptr<Object>,
    function: Ptr<Object>,
) -> Option<String> {
    let python = objects.python();
    let entries = dict::entries(python, module_dict(python, module)?, MAX_ENTRIES).ok()?;
    let (key, _) = entries.items.into_iter().find(|&(_, value)| value == function)?;
    read_string(python, key.cast(), MAX_NAME).ok()
}

/// A type's methods stand in its dict as descriptors that refer to the same definition.
fn name_in_classes(objects: &Objects<'_>, owner: Ptr<Object>, definition: Ptr<MethodDef>) -> Option<String> {
    let python = objects.python();
    let class = kind::as_type(python, owner).or_else(|| python.type_of(owner).ok())?;
    for class in rule::resolution_order(objects, class).ok()? {
        let Some(class_dict) = objects.types().dict_of(python, class).ok()? else { continue };
        for (key, value) in dict::entries(python, class_dict, MAX_ENTRIES).ok()?.items {
            // The same place in other values holds a pointer too, but none to this definition.
            if python.read(value.cast(), member::METHOD_DESCR_METHOD) == Ok(Some(definition)) {
                return read_string(python, key.cast(), MAX_NAME).ok();
            }
        }
    }
    None
}

pub(super) fn is_module(objects: &Objects<'_>, object: Ptr<Object>) -> bool {
    let python = objects.python();
    let Ok(of) = python.type_of(object) else { return false };
    let module = |class: &Ptr<TypeObject>| objects.type_name(*class).qualified() == "module";
    rule::resolution_order(objects, of).is_ok_and(|classes| classes.iter().any(module))
}

/// `tp_name`: of a class made by Python code the bare name, of others with the module.
pub(super) fn c_type_name(objects: &Objects<'_>, of: Ptr<TypeObject>) -> String {
    let python = objects.python();
    let address = python.read(of, member::TYPE_NAME).unwrap_or_default();
    let bytes = python.space().c_string(address, MAX_NAME).unwrap_or_default();
    match String::from_utf8(bytes) {
        Ok(text) if !text.is_empty() => text,
        _ => objects.type_name(of).qualified(),
    }
}

/// `importlib._bootstrap._module_repr`.
pub(super) fn module(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let Some(globals) = module_dict(python, object) else {
        return Ok(Form::text("<module ?>").inexact());
    };
    let get = |name| {
        Ok::<_, ReadError>(dict::lookup_str(python, globals, name)?.filter(|&value| !is_none(objects, value)))
    };
    if objects.python().dialect().repr_style.importers_show_modules
        && let (Some(name), Some(loader)) = (get("__name__")?, get("__loader__")?)
    {
        // `BuiltinImporter.module_repr` and `FrozenImporter.module_repr` (Lib/importlib/_bootstrap.py at v3.8.18).
        let origin = match objects.type_name(loader.cast()).name() {
            "BuiltinImporter" => Some(" (built-in)>"),
            "FrozenImporter" => Some(" (frozen)>"),
            _ => None,
        };
        if let Some(origin) = origin {
            return Ok(Form::text("<module ").object(Some(name)).and(origin));
        }
    }
    if let Some(spec) = get("__spec__")? {
        return module_by_spec(objects, spec);
    }
    let form = Form::text("<module ");
    let form = match get("__name__")? {
        Some(name) => form.object(Some(name)),
        None => form.and("'?'"),
    };
    Ok(match (dict::lookup_str(python, globals, "__file__")?, get("__loader__")?) {
        (Some(file), _) => form.and(" from ").object(Some(file)).and(">"),
        (None, Some(loader)) => form.and(" (").object(Some(loader)).and(")>"),
        (None, None) => form.and(">"),
    })
}

/// `importlib._bootstrap._module_repr_from_spec`.
fn module_by_spec(objects: &Objects<'_>, spec: Ptr<Object>) -> Made {
    let python = objects.python();
    let get = |name| {
        Ok::<_, ReadError>(attributes::get(python, spec, name)?.filter(|&value| !is_none(objects, value)))
    };
    let form = Form::text("<module ");
    let form = match get("name")? {
        Some(name) => form.object(Some(name)),
        None => form.and("'?'"),
    };
    let has_location = match attributes::get(python, spec, "_set_fileattr")? {
        Some(flag) => integer::read_i128(python, flag.cast()).is_ok_and(|flag| flag != 0),
        None => false,
    };
    let Some(origin) = get("origin")? else {
        return Ok(match get("loader")? {
            None => form.and(">"),
            Some(loader) => match attributes::get(python, loader, "_path")? {
                // The portions of a namespace package are a list in `_NamespacePath._path`.
                Some(path) if objects.type_name_of(loader)?.name().contains("NamespaceLoader") => {
                    let portions = attributes::get(python, path, "_path")?;
                    form.and(" (namespace) from ").object(portions).and(">")
                }
                _ => form.and(" (").object(Some(loader)).and(")>"),
            },
        });
    };
    Ok(if has_location {
        form.and(" from ").object(Some(origin)).and(">")
    } else {
        let origin = name(objects, Some(origin.cast()));
        form.and(format!(" ({origin})>"))
    })
}

/// `gen_repr` and those of coroutines and async generators.
pub(super) fn generator(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let qualname = objects.python().read(object.cast::<GenObject>(), member::GEN_QUALNAME)?;
    let of = objects.type_name_of(object)?;
    Ok(Form::text(format!("<{} object {} at {object:?}>", of.name(), name(objects, qualname))))
}

/// `code_repr`.
pub(super) fn code(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let code = object.cast::<CodeObject>();
    let file = name(objects, python.read(code, member::CODE_FILENAME)?);
    let line = python.read(code, member::CODE_FIRSTLINENO)?;
    let name = name(objects, python.read(code, member::CODE_NAME)?);
    // Zero means that there is none.
    let line = if line == 0 { -1 } else { line };
    Ok(Form::text(format!("<code object {name} at {object:?}, file \"{file}\", line {line}>")))
}

/// `cell_repr`.
pub(super) fn cell(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    Ok(match python.read(object.cast(), member::CELL_REF)? {
        None => Form::text(format!("<cell at {object:?}: empty>")),
        Some(value) => {
            let of = c_type_name(objects, python.type_of(value)?);
            Form::text(format!("<cell at {object:?}: {of} object at {value:?}>"))
        }
    })
}

/// `sm_repr` (3.10+; before, they have none of their own).
pub(super) fn static_method(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let callable = objects.python().read(object.cast(), member::STATICMETHOD_CALLABLE)?;
    Ok(Form::text("<staticmethod(").object(callable).and(")>"))
}

/// `cm_repr` (3.10+; before, they have none of their own).
pub(super) fn class_method(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let callable = objects.python().read(object.cast(), member::CLASSMETHOD_CALLABLE)?;
    Ok(Form::text("<classmethod(").object(callable).and(")>"))
}

/// `member_repr`.
pub(super) fn member_descriptor(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    descriptor(objects, object, "member")
}

/// `getset_repr`.
pub(super) fn attribute_descriptor(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    descriptor(objects, object, "attribute")
}

/// `method_repr` of Objects/descrobject.c.
pub(super) fn method_descriptor(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    descriptor(objects, object, "method")
}

/// `wrapperdescr_repr`.
pub(super) fn wrapper_descriptor(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    descriptor(objects, object, "slot wrapper")
}

/// `wrapper_repr`: a bound slot wrapper.
pub(super) fn method_wrapper(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let wrapper = object.cast::<MethodWrapper>();
    let descriptor = python.read(wrapper, member::METHOD_WRAPPER_DESCR)?;
    let descriptor = descriptor.ok_or(ReadError::Null("wrapperobject.descr"))?;
    let name = name(objects, python.read(descriptor, member::DESCR_NAME)?);
    let owner =
        python.read(wrapper, member::METHOD_WRAPPER_SELF)?.ok_or(ReadError::Null("wrapperobject.self"))?;
    let of = c_type_name(objects, python.type_of(owner)?);
    Ok(Form::text(format!("<method-wrapper '{name}' of {of} object at {owner:?}>")))
}

/// `contextvar_tp_repr`.
pub(super) fn context_var(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let variable = object.cast::<ContextVar>();
    let form = Form::text("<ContextVar name=").object(python.read(variable, member::CONTEXT_VAR_NAME)?);
    let form = match python.read(variable, member::CONTEXT_VAR_DEFAULT)? {
        Some(default) => form.and(" default=").object(Some(default)),
        None => form,
    };
    Ok(form.and(format!(" at {object:?}>")))
}

fn descriptor(objects: &Objects<'_>, object: Ptr<Object>, word: &str) -> Made {
    let python = objects.python();
    let descriptor = object.cast::<MemberDescr>();
    let name = name(objects, python.read(descriptor, member::DESCR_NAME)?);
    let of = python.read(descriptor, member::DESCR_TYPE)?.ok_or(ReadError::Null("PyDescrObject.d_type"))?;
    Ok(Form::text(format!("<{word} '{name}' of '{}' objects>", c_type_name(objects, of))))
}

/// `weakref_repr`, with the `__name__` of classes, functions and modules.
pub(super) fn weak_reference(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let referent = python.read(object.cast::<WeakReference>(), member::WEAKREF_OBJECT)?;
    let Some(referent) = referent.filter(|&referent| !is_none(objects, referent)) else {
        return Ok(Form::text(format!("<weakref at {object:?}; dead>")));
    };
    let of = c_type_name(objects, python.type_of(referent)?);
    let own_name = if let Some(class) = kind::as_type(python, referent) {
        Some(objects.type_name(class).name().to_owned())
    } else if of == "function" {
        Some(name(objects, python.read(referent.cast::<FunctionObject>(), member::FUNCTION_NAME)?))
    } else {
        None
    };
    let own_name = own_name.map(|name| format!(" ({name})")).unwrap_or_default();
    Ok(Form::text(format!("<weakref at {object:?}; to '{of}' at {referent:?}{own_name}>")))
}

/// `partial_repr`.
pub(super) fn partial(objects: &Objects<'_>, object: Ptr<Object>, limit: usize) -> Made {
    let python = objects.python();
    let partial = object.cast::<PartialObject>();
    let of = objects.type_name_of(object)?;
    let mut form =
        Form::text(format!("{}(", of.qualified())).object(python.read(partial, member::PARTIAL_FN)?);
    if let Some(arguments) = python.read(partial, member::PARTIAL_ARGS)? {
        let elements = sequence::tuple(python, arguments, limit)?;
        if elements.len > 0 {
            form = form.and(", ").elements(&elements);
        }
    }
    if let Some(keywords) = python.read(partial, member::PARTIAL_KW)?
        && dict::len(python, keywords)? > 0
    {
        form = form.and(", ").keywords(objects, keywords, Order::Inserted, limit)?;
    }
    Ok(form.and(")"))
}

/// `super_repr`.
pub(super) fn super_object(objects: &Objects<'_>, object: Ptr<Object>, _: usize) -> Made {
    let python = objects.python();
    let proxy = object.cast::<SuperObject>();
    let name =
        |of: Option<Ptr<TypeObject>>| of.map_or_else(|| "NULL".to_owned(), |of| c_type_name(objects, of));
    let of = name(python.read(proxy, member::SUPER_TYPE)?);
    Ok(Form::text(match python.read(proxy, member::SUPER_OBJ_TYPE)? {
        Some(bound_to) => format!("<super: <class '{of}'>, <{} object>>", name(Some(bound_to))),
        None => format!("<super: <class '{of}'>, NULL>"),
    }))
}

pub(super) fn is_none(objects: &Objects<'_>, object: Ptr<Object>) -> bool {
    objects.type_name_of(object).is_ok_and(|name| name.qualified() == "NoneType")
}

/// The characters of a name, or a mark in its place.
pub(super) fn name(objects: &Objects<'_>, text: Option<Ptr<UnicodeObject>>) -> String {
    match text {
        Some(text) => read_string(objects.python(), text, MAX_NAME).unwrap_or_else(|error| mark(&error)),
        None => "<NULL>".to_owned(),
    }
}
