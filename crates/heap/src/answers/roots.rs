//! What keeps objects alive from outside: interpreters, modules, threads and their frames.

use pycoroner_coredump::{Address, Ptr};
use rustc_hash::FxHashMap;

use crate::answers::counts::IMMORTAL;
use crate::graph::Node;
use crate::heap::Heap;
use crate::naming::look::Look;
use crate::naming::roots::{self as naming, NamedAddress, RootName, RootText};
use crate::objects::kinds::Shape;

/// An object that is alive by itself.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) node: Node,
    pub(crate) name: RootName,
}

/// Finds the roots that have a name, and makes them known to the heap.
pub(crate) fn collect(heap: &mut Heap<'_, '_>) -> Vec<Root> {
    let found = naming::find(heap.runtime).into_iter();
    let root = |found: NamedAddress| {
        Some(Root { node: heap.admit(found.address)?, name: RootName::Text(found.name) })
    };
    found.filter_map(root).collect()
}

/// What threads have in `threading.local` objects that keep it themselves (3.13+), and in their contexts: it has a name
/// by the thread, but other objects keep it alive.
pub(crate) fn of_threads(heap: &Heap<'_, '_>) -> Vec<Root> {
    let locals = match heap.reader.places.local_localdicts {
        Some(_) => objects_of(heap, "_thread._local"),
        None => Vec::new(),
    };
    let mut found = Vec::new();
    for &interpreter in heap.runtime.interpreters() {
        for (thread, label) in naming::threads(heap.runtime, interpreter) {
            found.extend(naming::locals_of_objects(heap.runtime, &thread, &label, &locals));
            found.extend(naming::context_variables(heap.runtime, &thread, &label));
        }
    }
    let root = |found: NamedAddress| {
        Some(Root { node: heap.objects.find(found.address)?, name: RootName::Text(found.name) })
    };
    found.into_iter().filter_map(root).collect()
}

/// Constants that stay when all that refers to them goes: those that are immortal (3.12+), and the small numbers that every
/// interpreter keeps (`NSMALLNEGINTS` and `NSMALLPOSINTS` of Objects/longobject.c at v3.8.18).
pub(crate) fn kept_constants(heap: &Heap<'_, '_>) -> Vec<Node> {
    let is_kept = |&node: &Node| match heap.facts(node).shape {
        Shape::Int => is_immortal(heap, node) || is_small_number(heap, node),
        Shape::Str | Shape::Atom => is_immortal(heap, node),
        _ => false,
    };
    (0..heap.objects.len() as Node).filter(is_kept).collect()
}

fn is_immortal(heap: &Heap<'_, '_>, node: Node) -> bool {
    heap.refcount(node) >= IMMORTAL
}

fn is_small_number(heap: &Heap<'_, '_>, node: Node) -> bool {
    let value = heap.reader.small_int(heap.objects.address(node));
    value.is_some_and(|value| (-5..=256).contains(&value)) && !heap.facts(node).is_heap_type()
}

/// Addresses of all objects whose type has a name or derives from one that has.
pub(crate) fn objects_of(heap: &Heap<'_, '_>, type_name: &str) -> Vec<u64> {
    let look = Look::new(heap.runtime, &heap.reader);
    let ids = 0..heap.types.len() as u32;
    let wanted: Vec<bool> = ids.map(|id| look.is_derived(heap.types.facts(id).address, type_name)).collect();
    let nodes = 0..heap.objects.len() as Node;
    let is_wanted = |&node: &Node| wanted.get(heap.objects.type_id(node) as usize) == Some(&true);
    nodes.filter(is_wanted).map(|node| heap.objects.address(node)).collect()
}

/// Modules and their globals as roots of paths, in the order in which a path prefers them.
///
/// A class or function goes by the module that it says it is from, not by one that imported it.
pub(crate) fn named_globals(heap: &Heap<'_, '_>) -> Vec<Root> {
    let mut modules = Vec::new();
    for &interpreter in heap.runtime.interpreters() {
        let prefix = naming::prefix(heap.runtime, interpreter);
        let found = heap.runtime.modules(interpreter).and_then(|dict| heap.objects.find(dict.address().0));
        for (key, module) in found.map(|dict| items(heap, dict)).unwrap_or_default() {
            if let Some(name) = heap.reader.text(key) {
                modules.push((prefix.clone(), name, module));
            }
        }
    }
    // The main program imports from the others, seldom they from it.
    modules.sort_by_key(|(_, name, _)| name == "__main__");
    let by_name: FxHashMap<String, Node> =
        modules.iter().map(|(prefix, name, module)| (format!("{prefix}{name}"), *module)).collect();
    let mut first = Vec::new();
    let mut own = Vec::new();
    let mut imported = Vec::new();
    for (prefix, name, module) in &modules {
        let text = format!("{prefix}{name}");
        first.push(Root { node: *module, name: RootName::Text(RootText::plain(text.clone())) });
        let Some(dict) = module_dict(heap, *module) else { continue };
        let exact = format!("{text}.__dict__");
        first.push(Root { node: dict, name: RootName::Text(RootText::namespace(text.clone(), exact)) });
        for (key, value) in items(heap, dict) {
            let same_name =
                heap.reader.text(key).and_then(|key| by_name.get(&format!("{text}.{key}")).copied());
            let is_shadowed = same_name.is_some_and(|module| module != value);
            let root =
                Root { node: value, name: RootName::Global { module: text.clone(), key, is_shadowed } };
            match stated_module(heap, value) {
                Some(stated) if stated != *name => imported.push(root),
                _ => own.push(root),
            }
        }
    }
    let is_module = |root: &Root| modules.iter().any(|(_, _, module)| *module == root.node);
    let globals = own.into_iter().chain(imported);
    first.extend(globals.filter(|root| heap.facts(root.node).is_heap_type() || !is_module(root)));
    first
}

fn module_dict(heap: &Heap<'_, '_>, module: Node) -> Option<Node> {
    heap.objects.find(heap.bytes(module)?.word(heap.reader.places.module_dict?)?)
}

/// Keys, by address, and values of a dict.
fn items(heap: &Heap<'_, '_>, dict: Node) -> Vec<(u64, Node)> {
    let mut found = Vec::new();
    if let Some(object) = heap.bytes(dict) {
        let mut sink = |target: u64, step: crate::references::visit::Step| {
            use crate::references::visit::Step;
            if let (Step::Item(key) | Step::Attribute(key), Some(value)) = (step, heap.objects.find(target)) {
                found.push((key, value));
            }
        };
        let _ = heap.reader.visit_dict(object, &mut sink);
    }
    found
}

/// `__module__` of a class or function.
fn stated_module(heap: &Heap<'_, '_>, node: Node) -> Option<String> {
    let facts = heap.facts(node);
    if facts.is_metatype() {
        let of = Ptr::new(Address(heap.objects.address(node)))?;
        return heap.runtime.types().find(heap.runtime.python(), of)?.module;
    }
    if heap.type_name(node) == "function" {
        return heap.reader.text(heap.bytes(node)?.word(heap.reader.places.function_module?)?);
    }
    None
}
