//! Names of what stands in C structures: members, slots, the variables of frames and closures.

use crate::expression::parse::name_in_angle;
use crate::memory::image::{Bytes, WORD};
use crate::naming::look::{Look, MAX_KEY};
use crate::objects::kinds::Shape;

/// What the word at an offset of an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// Its dict.
    Dict,
    /// What a `mappingproxy` shows.
    Mapping,
    /// The closure of a function.
    Closure,
    /// The frame of a generator; Python's name for it.
    GeneratorFrame(&'static str),
    /// What a cell holds.
    Contents,
    /// A member or slot with a name.
    Named(String),
    /// Nothing that has a name.
    Unnamed {
        /// The structure is not known; the word only looks like a reference.
        conservative: bool,
    },
}

/// The member of the object at `from` that stands at `offset`.
pub(crate) fn member(look: &Look<'_, '_, '_>, from: u64, offset: u64) -> Member {
    let Some(facts) = look.facts(from) else { return Member::Unnamed { conservative: true } };
    if u64::try_from(facts.dict_offset) == Ok(offset) {
        return Member::Dict;
    }
    let places = &look.reader.places;
    let at = Some(offset);
    let type_name = look.type_name(from);
    let named: &[(Option<u64>, &str)] = match type_name.as_str() {
        "function" if at == places.function_closure => return Member::Closure,
        "function" => &[
            (places.function_defaults, "__defaults__"),
            (places.function_kwdefaults, "__kwdefaults__"),
            (places.function_dict, "__dict__"),
            (places.function_globals, "__globals__"),
            (places.function_annotations, "__annotations__"),
            (places.function_code, "__code__"),
            (places.function_name, "__name__"),
            (places.function_qualname, "__qualname__"),
            (places.function_doc, "__doc__"),
            (places.function_module, "__module__"),
        ],
        "builtin_function_or_method" => {
            &[(places.cfunction_self, "__self__"), (places.cfunction_module, "__module__")]
        }
        "mappingproxy" if at == places.mappingproxy_mapping => return Member::Mapping,
        "dict_keys" | "dict_values" | "dict_items" => &[(places.dict_view_dict, "<dict>")],
        "memoryview" => &[(places.memoryview_obj, "obj")],
        "functools._lru_cache_wrapper" => &[(places.lru_cache, "<cache>"), (places.lru_func, "<function>")],
        "xml.etree.ElementTree.Element" => {
            &[(places.element_tag, "tag"), (places.element_text, "text"), (places.element_tail, "tail")]
        }
        "numpy.ndarray" => &[(places.ndarray_base, "base"), (places.ndarray_dtype, "dtype")],
        "_io.BufferedReader" | "_io.BufferedWriter" | "_io.BufferedRandom" => &[(places.buffered_raw, "raw")],
        "_io.TextIOWrapper" => &[(places.text_io_buffer, "buffer")],
        "_io.BytesIO" => &[(places.bytes_io_buffer, "<buffer>")],
        "bytearray" => &[(places.bytearray_object, "<buffer>")],
        "_asyncio.Future" | "_asyncio.Task" => &[
            (places.future_loop, "_loop"),
            (places.future_callbacks, "_callbacks"),
            (places.future_callback0, "<callback>"),
            (places.future_exception, "_exception"),
            (places.task_coro.filter(|_| type_name.ends_with("Task")), "_coro"),
            (places.task_fut_waiter.filter(|_| type_name.ends_with("Task")), "_fut_waiter"),
            (places.task_name.filter(|_| type_name.ends_with("Task")), "<name>"),
        ],
        "cell" if at == places.cell_ref => return Member::Contents,
        "module" => &[(places.module_dict, "__dict__"), (places.module_name, "<name>")],
        "method" => &[(places.method_func, "__func__"), (places.method_self, "__self__")],
        "generator" if at == places.gen_frame => return Member::GeneratorFrame("gi_frame"),
        "coroutine" if at == places.gen_frame => return Member::GeneratorFrame("cr_frame"),
        "async_generator" if at == places.gen_frame => return Member::GeneratorFrame("ag_frame"),
        "traceback" => &[(places.traceback_next, "tb_next"), (places.traceback_frame, "tb_frame")],
        "frame" => &[
            (places.frame_back, "f_back"),
            (places.frame_code, "f_code"),
            (places.frame_locals, "f_locals"),
            (places.frame_globals, "f_globals"),
            (places.frame_builtins, "f_builtins"),
            (places.frame_trace, "f_trace"),
        ],
        "functools.partial" => {
            &[(places.partial_fn, "func"), (places.partial_args, "args"), (places.partial_kw, "keywords")]
        }
        "collections.defaultdict" => &[(places.defaultdict_factory, "default_factory")],
        _ if facts.is_exception() => &[
            (places.exc_dict, "__dict__"),
            (places.exc_args, "args"),
            (places.exc_traceback, "__traceback__"),
            (places.exc_context, "__context__"),
            (places.exc_cause, "__cause__"),
            (places.exc_notes, "__notes__"),
        ],
        _ => &[],
    };
    match named.iter().find(|(place, _)| place.is_some() && *place == at) {
        Some((Some(_), "__dict__")) => Member::Dict,
        Some((_, name)) => Member::Named((*name).to_owned()),
        None => match slot_name(look, facts.address, offset) {
            Some(name) => Member::Named(name),
            None => Member::Unnamed { conservative: facts.shape == Shape::Unknown },
        },
    }
}

/// The name of the slot at an offset: a member descriptor in the class, or in one that it derives from.
fn slot_name(look: &Look<'_, '_, '_>, class: u64, offset: u64) -> Option<String> {
    const MAX_BASES: usize = 64;
    let places = &look.reader.places;
    let mut class = class;
    for _ in 0..MAX_BASES {
        let object = look.bytes(class)?;
        let mut name = None;
        look.dict_items(look.reader.type_dict(object), |key, value| {
            if name.is_none() && member_offset(look, value) == Some(offset) {
                name = Some(key);
            }
        });
        if let Some(name) = name {
            return look.text(name, MAX_KEY);
        }
        class = object.word(places.type_base).filter(|&base| base != 0)?;
    }
    None
}

/// The offset that a member descriptor stands for.
fn member_offset(look: &Look<'_, '_, '_>, descriptor: u64) -> Option<u64> {
    let places = &look.reader.places;
    if look.type_name(descriptor) != "member_descriptor" {
        return None;
    }
    let member = look.bytes(descriptor)?.word(places.descr_member?)?;
    look.reader.image.word(member.checked_add(places.member_def_offset?)?)
}

/// The name of a function, for angle brackets.
pub(crate) fn function_name(look: &Look<'_, '_, '_>, function: u64) -> String {
    let name = || look.text(look.bytes(function)?.word(look.reader.places.function_name?)?, MAX_KEY);
    name_in_angle(&name().unwrap_or_else(|| "?".into()))
}

/// The name of a variable in the closure of a function.
pub(crate) fn closure_variable(look: &Look<'_, '_, '_>, function: u64, index: u64) -> Option<String> {
    let places = &look.reader.places;
    let function = look.bytes(function)?;
    let code = look.bytes(function.word(places.function_code?)?)?;
    if let Some(names) = places.code_freevars {
        return name_in(look, code.word(names)?, index);
    }
    // Free variables come last (3.11+).
    let names = look.bytes(code.word(places.code_localsplusnames?)?)?;
    let closure = look.bytes(function.word(places.function_closure?)?)?;
    let first = names.word(places.var_len)?.checked_sub(closure.word(places.var_len)?)?;
    name_in(look, code.word(places.code_localsplusnames?)?, first.checked_add(index)?)
}

/// `<frame name>`, or `<generator name>`, `<coroutine name>`, `<async-generator name>`.
pub(crate) fn frame_or_generator(look: &Look<'_, '_, '_>, from: u64) -> String {
    let places = &look.reader.places;
    if look.facts(from).is_some_and(|facts| facts.shape == Shape::Generator) {
        let name = || look.text(look.bytes(from)?.word(places.gen_name?)?, MAX_KEY);
        let name = name_in_angle(&name().unwrap_or_else(|| "?".into()));
        return format!("<{} {name}>", look.type_name(from).replace('_', "-"));
    }
    let name = || look.text(look.bytes(code(look, from)?)?.word(places.code_name?)?, MAX_KEY);
    format!("<frame {}>", name_in_angle(&name().unwrap_or_else(|| "?".into())))
}

/// The code object that a frame or a generator runs.
fn code(look: &Look<'_, '_, '_>, from: u64) -> Option<u64> {
    let places = &look.reader.places;
    let object = look.bytes(from)?;
    let frame: Bytes<'_> = if look.facts(from)?.shape == Shape::Generator {
        match places.gen_iframe {
            Some(at) => object.skip(at)?,
            None => look.bytes(object.word(places.gen_frame?)?)?,
        }
    } else if places.frame_own_frame.is_some() {
        look.bytes(object.word(places.frame_frame?)?)?
    } else {
        object
    };
    match places.frame_own_frame {
        Some(_) => look.reader.code_of(frame),
        None => frame.word(places.frame_code?),
    }
}

/// The name of a local variable of a frame or a generator.
pub(crate) fn local_variable(look: &Look<'_, '_, '_>, from: u64, slot: u64) -> Option<String> {
    variable_name(look, code(look, from)?, slot)
}

/// The name of a frame's slot: variables, then cells, then free variables.
fn variable_name(look: &Look<'_, '_, '_>, code: u64, slot: u64) -> Option<String> {
    let places = &look.reader.places;
    let code = look.bytes(code)?;
    if let Some(names) = places.code_localsplusnames {
        return name_in(look, code.word(names)?, slot);
    }
    let mut slot = slot;
    for names in [places.code_varnames?, places.code_cellvars?, places.code_freevars?] {
        let names = code.word(names)?;
        let len = look.bytes(names)?.word(places.var_len)?;
        if slot < len {
            return name_in(look, names, slot);
        }
        slot -= len;
    }
    None
}

fn name_in(look: &Look<'_, '_, '_>, tuple: u64, index: u64) -> Option<String> {
    let places = &look.reader.places;
    let tuple = look.bytes(tuple)?;
    if index >= tuple.word(places.var_len)? {
        return None;
    }
    look.text(tuple.word(places.tuple_items.checked_add(index.checked_mul(WORD)?)?)?, MAX_KEY)
}

/// What `[index]` would give of a list, tuple or deque that is `len` long.
pub(crate) fn len_of_sequence(look: &Look<'_, '_, '_>, object: u64) -> Option<u64> {
    let shape = look.facts(object)?.shape;
    if !matches!(shape, Shape::List | Shape::Tuple | Shape::Deque) {
        return None;
    }
    look.bytes(object)?.word(look.reader.places.var_len)
}

/// An attribute as its class and those that it derives from define it.
pub(crate) fn class_attribute(look: &Look<'_, '_, '_>, class: u64, name: &str) -> Option<u64> {
    const MAX_CLASSES: u64 = 512;
    let places = &look.reader.places;
    let mro = look.bytes(look.bytes(class)?.word(places.type_mro)?)?;
    let len = mro.word(places.var_len)?.min(MAX_CLASSES);
    mro.words(places.tuple_items, len)
        .find_map(|class| look.dict_item(look.reader.type_dict(look.bytes(class)?), name))
}
