//! What keeps objects alive from outside: interpreters, modules, threads and their frames.

use pycoroner_coredump::{Address, FramePlace, Ptr, PythonRuntime, Thread, member};

use crate::graph::Node;
use crate::heap::Heap;
use crate::memory::image::WORD;

/// An object that is alive by itself.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) node: Node,
    pub(crate) name: RootName,
}

/// How a path from a root begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RootName {
    /// What Python code writes, or a name in angle brackets.
    Text(String),
    /// A global variable: name of the module, address of the variable's name.
    Global(String, u64),
    /// Held by nothing that can be seen, while its reference count says that something does.
    Native,
}

/// Ends the names of roots that are namespaces.
pub(crate) const NAMESPACE: &str = ".__dict__";

/// Most frames of one thread whose variables become roots.
const MAX_FRAMES: usize = 100_000;

/// Finds the roots that have a name, and makes them known to the heap.
pub(crate) fn collect(heap: &mut Heap<'_, '_>) -> Vec<Root> {
    let runtime = heap.runtime;
    let mut addresses = Vec::new();
    for &interpreter in runtime.interpreters() {
        let python = runtime.python();
        if let Some(modules) = runtime.modules(interpreter) {
            addresses.push((modules.address().0, "sys.modules".to_owned()));
        }
        for (place, name) in
            [(member::INTERP_SYSDICT, "sys.__dict__"), (member::INTERP_BUILTINS, "builtins.__dict__")]
        {
            if let Ok(Some(object)) = python.read(interpreter, place) {
                addresses.push((object.address().0, name.to_owned()));
            }
        }
        for thread in runtime.threads(interpreter).0 {
            thread_roots(runtime, &thread, &mut addresses);
        }
    }
    let root = |(address, name): (u64, String)| {
        Some(Root { node: heap.admit(address)?, name: RootName::Text(name) })
    };
    addresses.into_iter().filter_map(root).collect()
}

fn thread_roots(runtime: &PythonRuntime<'_>, thread: &Thread, addresses: &mut Vec<(u64, String)>) {
    let python = runtime.python();
    let references = python.dialect().references;
    let thread_name = match &thread.name {
        Some(name) => format!("<thread '{name}'>"),
        None => format!("<thread {:#x}>", thread.ident),
    };
    for frame in runtime.stack(thread.state).frames.iter().take(MAX_FRAMES) {
        let frame_name = format!("{thread_name}.<frame {}>", frame.code.name);
        let at = match frame.place {
            // A frame object refers to its variables itself.
            FramePlace::Object(at) => {
                addresses.push((at.address().0, frame_name));
                continue;
            }
            FramePlace::Interpreter(at) => at,
        };
        if let Ok(slots) = python.address_of(at, member::IFRAME_LOCALSPLUS) {
            for (slot, variable) in (0u64..).zip(&frame.code.variables) {
                let word = python.word(slots.wrapping_add(slot * WORD)).ok();
                if let Some(object) = word.and_then(|word| references.address(word)) {
                    addresses.push((object, format!("{frame_name}.{}", variable.name)));
                }
            }
        }
        for place in [member::IFRAME_FUNCOBJ, member::IFRAME_EXECUTABLE] {
            let word = python.read(at, place).ok();
            if let Some(object) = word.and_then(|Address(word)| references.address(word)) {
                addresses.push((object, frame_name.clone()));
            }
        }
        for place in [member::IFRAME_FUNC, member::IFRAME_LOCALS] {
            if let Ok(Some(object)) = python.read(at, place) {
                addresses.push((object.address().0, frame_name.clone()));
            }
        }
        if let Ok(Some(code)) = python.read(at, member::IFRAME_CODE) {
            addresses.push((code.address().0, frame_name.clone()));
        }
        if let Ok(Some(object)) = python.read(at, member::IFRAME_FRAME_OBJ) {
            addresses.push((object.address().0, frame_name));
        }
    }
    for (place, name) in [
        (member::TSTATE_DICT, "<thread-local>"),
        (member::TSTATE_CONTEXT, "<context>"),
        (member::TSTATE_CURRENT_EXCEPTION, "<exception>"),
        (member::TSTATE_CUREXC_VALUE, "<exception>"),
    ] {
        if let Ok(Some(object)) = python.read(thread.state, place) {
            addresses.push((object.address().0, format!("{thread_name}.{name}")));
        }
    }
    let handled = python.read(thread.state, member::TSTATE_EXC_INFO).ok().flatten();
    if let Some(Ok(Some(object))) = handled.map(|item| python.read(item, member::ERR_EXC_VALUE)) {
        addresses.push((object.address().0, format!("{thread_name}.<handled exception>")));
    }
}

/// Modules and their globals as roots of paths, in the order in which a path prefers them.
///
/// A class or function goes by the module that it says it is from, not by one that imported it.
pub(crate) fn named_globals(heap: &Heap<'_, '_>) -> Vec<Root> {
    let mut modules = Vec::new();
    for &interpreter in heap.runtime.interpreters() {
        let found = heap.runtime.modules(interpreter).and_then(|dict| heap.objects.find(dict.address().0));
        for (key, module) in found.map(|dict| items(heap, dict)).unwrap_or_default() {
            if let Some(name) = heap.reader.text(key) {
                modules.push((name, module));
            }
        }
    }
    // The main program imports from the others, seldom they from it.
    modules.sort_by_key(|(name, _)| name == "__main__");
    let mut own = Vec::new();
    let mut imported = Vec::new();
    for (name, module) in &modules {
        own.push(Root { node: *module, name: RootName::Text(name.clone()) });
        let Some(dict) = module_dict(heap, *module) else { continue };
        own.push(Root { node: dict, name: RootName::Text(format!("{name}{NAMESPACE}")) });
        for (key, value) in items(heap, dict) {
            let root = Root { node: value, name: RootName::Global(name.clone(), key) };
            match stated_module(heap, value) {
                Some(stated) if stated != *name => imported.push(root),
                _ => own.push(root),
            }
        }
    }
    let is_module = |root: &Root| modules.iter().any(|(_, module)| *module == root.node);
    let (mut first, globals): (Vec<_>, Vec<_>) =
        own.into_iter().partition(|root| matches!(root.name, RootName::Text(_)));
    first.extend(
        globals
            .into_iter()
            .chain(imported)
            .filter(|root| heap.facts(root.node).is_heap_type() || !is_module(root)),
    );
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
