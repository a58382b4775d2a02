//! Paths as text: what Python code would write to get at the object, where it can.

use std::fmt::Write as _;

use rustc_hash::FxHashMap;

use crate::answers::paths::Trail;
use crate::answers::roots::{NAMESPACE, RootName};
use crate::graph::Node;
use crate::heap::Heap;
use crate::memory::image::{Bytes, WORD};
use crate::references::visit::Step;

/// What the step before leads to, where that decides how the next one is written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Context {
    /// An ordinary object.
    Plain,
    /// The dict of a module, class or instance: its items are attributes.
    Namespace,
    /// The closure of this function.
    Closure(Node),
    /// The frame of a generator, which the step before named.
    OwnFrame,
}

/// Where a path leads, in words.
pub(crate) struct Described {
    pub(crate) text: String,
    /// The object is part of another: the dict of a module, class or instance, a closure, a generator's frame.
    pub(crate) is_namespace: bool,
}

/// The steps between the objects of some trails.
///
/// An object is read once for all trails through it: a dict of a million entries may lead to many owners.
pub(crate) struct Steps(FxHashMap<(Node, Node), Step>);

impl Steps {
    pub(crate) fn of<'t>(heap: &Heap<'_, '_>, trails: impl Iterator<Item = &'t Trail<'t>>) -> Self {
        let mut steps: FxHashMap<(Node, Node), Step> = FxHashMap::default();
        let mut pairs: Vec<(Node, Node)> = Vec::new();
        for trail in trails {
            pairs.extend(trail.nodes.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))));
        }
        pairs.sort_unstable();
        pairs.dedup();
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(from, _)) = group.first() else { continue };
            heap.visit(from, |to, step| {
                if group.binary_search(&(from, to)).is_ok() {
                    let known = steps.entry((from, to)).or_insert(step);
                    // A name is better than being a key.
                    if matches!(known, Step::Key | Step::Word(_)) {
                        *known = step;
                    }
                }
            });
        }
        Self(steps)
    }
}

/// Writes a path.
pub(crate) fn describe(heap: &Heap<'_, '_>, steps: &Steps, trail: &Trail<'_>) -> Described {
    let first = trail.nodes.first().copied();
    let mut text = match trail.root {
        RootName::Text(text) => text.clone(),
        RootName::Global(module, key) => {
            format!("{module}.{}", heap.reader.text(*key).unwrap_or_else(|| "<unreadable name>".into()))
        }
        RootName::Native => first.map_or_else(|| "<native>".into(), |node| native(heap, node)),
    };
    if trail.omitted > 0 {
        let _ = write!(text, ".<{} more steps>", trail.omitted);
    }
    let mut context = Context::Plain;
    if let Some(owner) = text.strip_suffix(NAMESPACE) {
        text.truncate(owner.len());
        context = Context::Namespace;
    }
    for pair in trail.nodes.windows(2) {
        let &[from, to] = pair else { continue };
        let step = steps.0.get(&(from, to)).copied();
        context = write_step(heap, &mut text, from, step, &context);
    }
    Described { text, is_namespace: context != Context::Plain }
}

fn native(heap: &Heap<'_, '_>, node: Node) -> String {
    if heap.facts(node).is_metatype() {
        let name = heap.name_of_class(heap.objects.address(node));
        return format!("<class {name}>");
    }
    format!("<native>.<{} at {:#x}>", heap.type_name(node), heap.objects.address(node))
}

fn write_step(
    heap: &Heap<'_, '_>,
    text: &mut String,
    from: Node,
    step: Option<Step>,
    context: &Context,
) -> Context {
    let name_of = |key: u64| heap.reader.text(key).unwrap_or_else(|| "<unreadable name>".into());
    match (step, context) {
        (Some(Step::Item(key)), Context::Namespace) | (Some(Step::Attribute(key)), _) => {
            let _ = write!(text, ".{}", name_of(key));
        }
        (Some(Step::Item(key)), _) => {
            let _ = write!(text, "[{}]", key_text(heap, key));
        }
        (Some(Step::Index(index)), Context::Closure(function)) => {
            text.push_str(&closure_variable(heap, *function, index));
        }
        (Some(Step::Index(index)), _) => {
            let _ = write!(text, "[{index}]");
        }
        (Some(Step::Key), _) => text.push_str(".<key>"),
        (Some(Step::Member), _) => text.push_str(".<member>"),
        (Some(Step::Temporary), _) => text.push_str(".<stack>"),
        (Some(Step::Local(slot)), _) => local_variable(heap, text, from, slot, context),
        (Some(Step::Named("__dict__")), _) => return Context::Namespace,
        (Some(Step::Named(name)), _) => {
            let _ = write!(text, ".{name}");
        }
        (Some(Step::Word(offset)), _) => return write_word(heap, text, from, offset),
        (None, _) => text.push_str(".<?>"),
    }
    Context::Plain
}

fn key_text(heap: &Heap<'_, '_>, key: u64) -> String {
    match heap.objects.find(key) {
        Some(node) => heap.reader.key_text(key, &heap.facts(node), &heap.type_name(node)),
        None => format!("<object at {key:#x}>"),
    }
}

/// A member of a C structure, or a slot.
fn write_word(heap: &Heap<'_, '_>, text: &mut String, from: Node, offset: u64) -> Context {
    let facts = heap.facts(from);
    if u64::try_from(facts.dict_offset) == Ok(offset) {
        return Context::Namespace;
    }
    let places = &heap.reader.places;
    let at = Some(offset);
    let type_name = heap.type_name(from);
    let named: &[(Option<u64>, &str)] = match type_name.as_str() {
        "function" if at == places.function_closure => return Context::Closure(from),
        "function" => &[
            (places.function_defaults, "__defaults__"),
            (places.function_kwdefaults, "__kwdefaults__"),
            (places.function_dict, "__dict__"),
            (places.function_globals, "__globals__"),
            (places.function_annotations, "__annotations__"),
            (places.function_code, "__code__"),
        ],
        "cell" if at == places.cell_ref => return Context::Plain,
        "module" => &[(places.module_dict, "__dict__")],
        "method" => &[(places.method_func, "__func__"), (places.method_self, "__self__")],
        "generator" | "coroutine" | "async_generator" if at == places.gen_frame => {
            text.push_str(&generator(heap, from));
            return Context::OwnFrame;
        }
        "traceback" => &[(places.traceback_next, "tb_next"), (places.traceback_frame, "tb_frame")],
        "frame" => &[
            (places.frame_back, "f_back"),
            (places.frame_code, "f_code"),
            (places.frame_locals, "f_locals"),
            (places.frame_globals, "f_globals"),
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
        ],
        _ => &[],
    };
    match named.iter().find(|(place, _)| *place == at) {
        Some((_, "__dict__")) => return Context::Namespace,
        Some((_, name)) => {
            let _ = write!(text, ".{name}");
        }
        None => {
            let name = slot_name(heap, from, offset).unwrap_or_else(|| format!("<word {offset:#x}>"));
            let _ = write!(text, ".{name}");
        }
    }
    Context::Plain
}

/// The name of the slot at an offset: a member descriptor in the class, or in one that it derives from.
fn slot_name(heap: &Heap<'_, '_>, of: Node, offset: u64) -> Option<String> {
    const MAX_BASES: usize = 64;
    let places = &heap.reader.places;
    let mut class = heap.facts(of).address;
    for _ in 0..MAX_BASES {
        let object = heap.reader.image.from(class)?;
        let dict = heap.objects.find(heap.reader.type_dict(object))?;
        let mut name = None;
        heap.visit(dict, |target, step| {
            if let Step::Item(key) = step
                && member_offset(heap, target) == Some(offset)
            {
                name = Some(key);
            }
        });
        if let Some(name) = name {
            return heap.reader.text(name);
        }
        class = object.word(places.type_base).filter(|&base| base != 0)?;
    }
    None
}

/// The offset that a member descriptor stands for.
fn member_offset(heap: &Heap<'_, '_>, node: Node) -> Option<u64> {
    let places = &heap.reader.places;
    if heap.type_name(node) != "member_descriptor" {
        return None;
    }
    let member = heap.bytes(node)?.word(places.descr_member?)?;
    heap.reader.image.word(member.wrapping_add(places.member_def_offset?))
}

fn closure_variable(heap: &Heap<'_, '_>, function: Node, index: u64) -> String {
    let places = &heap.reader.places;
    let name = || heap.reader.text(heap.bytes(function)?.word(places.function_name?)?);
    let variable = || {
        let code = heap.reader.image.from(heap.bytes(function)?.word(places.function_code?)?)?;
        if let Some(names) = places.code_freevars {
            return name_in(heap, code.word(names)?, index);
        }
        // Free variables come last (3.11+).
        let names = heap.reader.image.from(code.word(places.code_localsplusnames?)?)?;
        let closure = heap.reader.image.from(heap.bytes(function)?.word(places.function_closure?)?)?;
        let first = names.word(places.var_len)?.checked_sub(closure.word(places.var_len)?)?;
        name_in(heap, code.word(places.code_localsplusnames?)?, first + index)
    };
    format!(
        ".<closure {}>.{}",
        name().unwrap_or_else(|| "?".into()),
        variable().unwrap_or_else(|| format!("<cell {index}>"))
    )
}

fn generator(heap: &Heap<'_, '_>, node: Node) -> String {
    let name = || heap.reader.text(heap.bytes(node)?.word(heap.reader.places.gen_name?)?);
    format!(".<{} {}>", heap.type_name(node).replace('_', "-"), name().unwrap_or_else(|| "?".into()))
}

fn local_variable(heap: &Heap<'_, '_>, text: &mut String, from: Node, slot: u64, context: &Context) {
    let places = &heap.reader.places;
    let object = heap.bytes(from);
    let in_generator = places.gen_iframe.filter(|_| heap.type_name(from) != "frame");
    let frame = match (in_generator, places.frame_own_frame) {
        (Some(at), _) => object.and_then(|object| object.skip(at)),
        (None, Some(_)) => {
            object.and_then(|object| heap.reader.image.from(object.word(places.frame_frame?)?))
        }
        (None, None) => object,
    };
    let code = |frame: Bytes<'_>| match places.frame_own_frame {
        Some(_) => heap.reader.code_of(frame),
        None => frame.word(places.frame_code?),
    };
    let code = frame.and_then(code);
    if in_generator.is_some() {
        text.push_str(&generator(heap, from));
    } else if *context != Context::OwnFrame && !text.ends_with('>') {
        let name = || heap.reader.text(heap.reader.image.from(code?)?.word(places.code_name?)?);
        let _ = write!(text, ".<frame {}>", name().unwrap_or_else(|| "?".into()));
    }
    let variable = code.and_then(|code| variable_name(heap, code, slot));
    let _ = write!(text, ".{}", variable.unwrap_or_else(|| format!("<local {slot}>")));
}

/// The name of a frame's slot: variables, then cells, then free variables.
fn variable_name(heap: &Heap<'_, '_>, code: u64, slot: u64) -> Option<String> {
    let places = &heap.reader.places;
    let code = heap.reader.image.from(code)?;
    if let Some(names) = places.code_localsplusnames {
        return name_in(heap, code.word(names)?, slot);
    }
    let mut slot = slot;
    for names in [places.code_varnames?, places.code_cellvars?, places.code_freevars?] {
        let names = code.word(names)?;
        let len = heap.reader.image.from(names)?.word(places.var_len)?;
        if slot < len {
            return name_in(heap, names, slot);
        }
        slot -= len;
    }
    None
}

fn name_in(heap: &Heap<'_, '_>, tuple: u64, index: u64) -> Option<String> {
    let places = &heap.reader.places;
    let tuple = heap.reader.image.from(tuple)?;
    if index >= tuple.word(places.var_len)? {
        return None;
    }
    heap.reader.text(tuple.word(places.tuple_items.checked_add(index.checked_mul(WORD)?)?)?)
}
