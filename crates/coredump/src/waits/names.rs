//! How Python code would name an object: a bounded search from modules and from the variables of frames.
//!
//! Breadth first, so that the shortest name is found. Modules of the program go before those that are installed,
//! packages (which pass on what their modules define) behind plain modules, `__main__` behind both. The standard
//! library and the variables of frames come last, and only when something is still without a name.

use std::ops::ControlFlow;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::Ptr;
use crate::layout::member::{self, DictObject, Object, TypeObject};
use crate::objects::kind::{self, Kind, TypeFlags};
use crate::objects::types::module_dict;
use crate::objects::unicode::read_string;
use crate::objects::{attributes, dict, integer, sequence};
use crate::runtime::attach::PythonRuntime;
use crate::waits::lock::{LockKind, LockTypes};

/// Containers of the program that are opened.
const MAX_OPENED: usize = 6_000;
/// Containers of the standard library, and then of frames, that are opened.
const MAX_OPENED_ELSEWHERE: usize = 3_000;
/// Steps from a module to what it names.
const MAX_DEPTH: u8 = 5;
/// Entries of one container that are looked at.
const MAX_ENTRIES: usize = 500;
/// Longest name that is read.
const MAX_NAME: usize = 256;

/// Names of objects, and the locks that were met on the way.
#[derive(Debug, Default)]
pub(crate) struct Names {
    nodes: Vec<Node>,
    by_object: FxHashMap<Ptr<Object>, usize>,
    locks: Vec<Ptr<Object>>,
    /// The search ended before everything was seen.
    pub(crate) cut: bool,
}

#[derive(Debug)]
struct Node {
    object: Ptr<Object>,
    parent: Option<usize>,
    step: String,
    depth: u8,
    /// It is the namespace of a module: its keys are names.
    is_namespace: bool,
}

/// How an object leads on to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Dict,
    Tuple,
    List,
    Class,
    Instance,
    Lock,
    /// Nowhere that is of interest here.
    Leaf,
}

/// What a search starts from: an object, its name, and whether it is the standard library's.
pub(crate) struct Root {
    pub(crate) name: String,
    pub(crate) object: Ptr<Object>,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Module,
    Package,
    Installed,
    Main,
    Library,
    Variable,
    End,
}

impl Root {
    /// A variable of a frame.
    pub(crate) fn variable(name: String, object: Ptr<Object>) -> Self {
        Self { name, object, order: Order::Variable }
    }
}

/// Searches from all modules and from `variables`, until all of `wanted` have names and the program's own
/// modules have been seen.
pub(crate) fn search(
    runtime: &PythonRuntime<'_>,
    types: &LockTypes,
    variables: Vec<Root>,
    wanted: &FxHashSet<Ptr<Object>>,
) -> Names {
    let mut roots = modules(runtime);
    roots.extend(variables);
    roots.sort_by_key(|root| root.order);
    let mut search =
        Search { runtime, types, shapes: FxHashMap::default(), names: Names::default(), next: 0, opened: 0 };
    let of = |orders: std::ops::Range<Order>| roots.iter().filter(move |root| orders.contains(&root.order));
    search.run(of(Order::Module..Order::Library), MAX_DEPTH, MAX_OPENED);
    for (orders, depth) in [(Order::Library..Order::Variable, 2), (Order::Variable..Order::End, 3)] {
        if wanted.iter().any(|object| !search.names.by_object.contains_key(object)) {
            search.opened = 0;
            search.run(of(orders), depth, MAX_OPENED_ELSEWHERE);
        }
    }
    search.names
}

impl Names {
    /// The name of an object, where one was found.
    pub(crate) fn of(&self, object: Ptr<Object>) -> Option<String> {
        let mut steps = Vec::new();
        let mut at = self.by_object.get(&object).copied();
        while let Some(node) = at.and_then(|index| self.nodes.get(index)) {
            steps.push(node.step.as_str());
            // A parent lies before its children.
            at = node.parent.filter(|&parent| Some(parent) < at);
        }
        steps.reverse();
        (!steps.is_empty()).then(|| steps.concat())
    }

    /// The locks that were met.
    pub(crate) fn locks(&self) -> &[Ptr<Object>] {
        &self.locks
    }
}

struct Search<'s, 'p> {
    runtime: &'s PythonRuntime<'p>,
    types: &'s LockTypes,
    shapes: FxHashMap<Ptr<TypeObject>, Shape>,
    names: Names,
    next: usize,
    opened: usize,
}

impl Search<'_, '_> {
    fn run<'r>(&mut self, roots: impl Iterator<Item = &'r Root>, max_depth: u8, budget: usize) {
        for root in roots {
            self.meet(root.object, None, root.name.clone(), 0);
            if let (true, Some(node)) = (root.order != Order::Variable, self.names.nodes.last_mut()) {
                node.is_namespace |= node.object == root.object;
            }
        }
        while let Some(node) = self.names.nodes.get(self.next) {
            let (object, depth, index, is_namespace) =
                (node.object, node.depth, self.next, node.is_namespace);
            if self.opened >= budget {
                self.names.cut = true;
                return;
            }
            self.next += 1;
            if is_namespace {
                self.opened += 1;
                self.open_namespace(object.cast(), index, depth + 1);
            } else if depth < max_depth {
                self.open(object, index, depth + 1);
            }
        }
    }

    /// Notes an object that was not met before.
    fn meet(&mut self, object: Ptr<Object>, parent: Option<usize>, step: String, depth: u8) {
        let shape = self.shape(object);
        if shape == Shape::Leaf || self.names.by_object.contains_key(&object) {
            return;
        }
        if shape == Shape::Lock {
            self.names.locks.push(object);
        }
        self.names.by_object.insert(object, self.names.nodes.len());
        self.names.nodes.push(Node { object, parent, step, depth, is_namespace: false });
    }

    fn shape(&mut self, object: Ptr<Object>) -> Shape {
        let python = self.runtime.python();
        let Ok(of) = python.type_of(object) else { return Shape::Leaf };
        if let Some(&shape) = self.shapes.get(&of) {
            return shape;
        }
        let shape = self.shape_of_type(of);
        self.shapes.insert(of, shape);
        shape
    }

    fn shape_of_type(&self, of: Ptr<TypeObject>) -> Shape {
        match self.types.kind(of) {
            Some(LockKind::Queue) => return Shape::Instance,
            Some(_) => return Shape::Lock,
            None => {}
        }
        let Ok(flags) = kind::flags(self.runtime.python(), of) else { return Shape::Leaf };
        match flags.kind() {
            Kind::Dict => Shape::Dict,
            Kind::Tuple => Shape::Tuple,
            Kind::List => Shape::List,
            Kind::Type => Shape::Class,
            Kind::Other if flags.has(TypeFlags::HEAP_TYPE) => Shape::Instance,
            _ => Shape::Leaf,
        }
    }

    fn open(&mut self, object: Ptr<Object>, index: usize, depth: u8) {
        let python = self.runtime.python();
        self.opened += 1;
        match self.shape(object) {
            Shape::Dict => self.open_dict(object.cast(), index, depth),
            Shape::Tuple => {
                let items = sequence::tuple(python, object.cast(), MAX_ENTRIES).map(|found| found.items);
                self.open_items(items.unwrap_or_default(), index, depth);
            }
            Shape::List => {
                let items = sequence::list(python, object.cast(), MAX_ENTRIES).map(|found| found.items);
                self.open_items(items.unwrap_or_default(), index, depth);
            }
            Shape::Class => {
                let of: Ptr<TypeObject> = object.cast();
                let is_python = kind::flags(python, of).is_ok_and(|flags| flags.has(TypeFlags::HEAP_TYPE));
                if is_python && let Ok(Some(dict)) = python.read(of, member::TYPE_DICT) {
                    self.open_namespace(dict, index, depth);
                }
            }
            Shape::Instance => {
                for attribute in attributes::attributes(python, object, MAX_ENTRIES).items {
                    self.meet(attribute.value, Some(index), format!(".{}", attribute.name), depth);
                }
            }
            Shape::Lock | Shape::Leaf => {}
        }
    }

    fn open_items(&mut self, items: Vec<Option<Ptr<Object>>>, index: usize, depth: u8) {
        for (position, item) in items.into_iter().enumerate() {
            if let Some(item) = item {
                self.meet(item, Some(index), format!("[{position}]"), depth);
            }
        }
    }

    /// The namespace of a module or a class.
    fn open_namespace(&mut self, dict: Ptr<DictObject>, index: usize, depth: u8) {
        let python = self.runtime.python();
        let mut left = MAX_ENTRIES * 10;
        let _ = dict::for_each(python, dict, |key, value| {
            left -= 1;
            if self.shape(value) != Shape::Leaf
                && let Ok(name) = read_string(python, key.cast(), MAX_NAME)
            {
                self.meet(value, Some(index), format!(".{name}"), depth);
            }
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    fn open_dict(&mut self, dict: Ptr<DictObject>, index: usize, depth: u8) {
        let python = self.runtime.python();
        for (key, value) in dict::entries(python, dict, MAX_ENTRIES).unwrap_or_default().items {
            if self.shape(value) == Shape::Leaf {
                continue;
            }
            let step = match kind::of(python, key) {
                Ok(Kind::Str) => {
                    read_string(python, key.cast(), MAX_NAME).ok().map(|key| format!("[{key:?}]"))
                }
                Ok(Kind::Int) => integer::read_i128(python, key.cast()).ok().map(|key| format!("[{key}]")),
                _ => None,
            };
            if let Some(step) = step {
                self.meet(value, Some(index), step.replace('"', "'"), depth);
            }
        }
    }
}

/// The namespaces of all modules.
fn modules(runtime: &PythonRuntime<'_>) -> Vec<Root> {
    let python = runtime.python();
    let mut roots = Vec::new();
    for modules in runtime.interpreters().iter().rev().filter_map(|&interpreter| runtime.modules(interpreter))
    {
        let entries = dict::entries(python, modules.cast(), MAX_ENTRIES * 100).unwrap_or_default().items;
        let file_of = |globals| {
            let file = dict::lookup_str(python, globals, "__file__").ok()??;
            read_string(python, file.cast(), 4096).ok()
        };
        let named: Vec<_> = entries
            .into_iter()
            .filter_map(|(key, module)| {
                Some((read_string(python, key.cast(), MAX_NAME).ok()?, module_dict(python, module)?))
            })
            .collect();
        let library = named.iter().find(|(name, _)| name == "os").and_then(|&(_, globals)| file_of(globals));
        let library = library.as_deref().and_then(|file| file.rsplit_once('/')).map(|(folder, _)| folder);
        for (name, globals) in named {
            let file = file_of(globals);
            let order = match order(&name, file.as_deref(), library) {
                Order::Library if file.is_none() && is_made_by_hand(runtime, globals) => Order::Module,
                order => order,
            };
            roots.push(Root { name, object: globals.cast(), order });
        }
    }
    roots
}

/// A module that no importer made has `None` for its `__spec__`.
fn is_made_by_hand(runtime: &PythonRuntime<'_>, globals: Ptr<DictObject>) -> bool {
    let python = runtime.python();
    let spec = dict::lookup_str(python, globals, "__spec__").ok().flatten();
    let of = spec.and_then(|spec| python.type_of(spec).ok());
    of.and_then(|of| runtime.types().find(python, of)).is_none_or(|name| name.qualname == "NoneType")
}

fn order(name: &str, file: Option<&str>, library: Option<&str>) -> Order {
    let Some(file) = file else {
        return if name == "__main__" { Order::Main } else { Order::Library };
    };
    let installed = ["/site-packages/", "/dist-packages/"].iter().any(|folder| file.contains(folder));
    if name == "__main__" || name == "__mp_main__" {
        Order::Main
    } else if installed {
        Order::Installed
    } else if library.is_some_and(|library| file.starts_with(library)) {
        Order::Library
    } else if file.ends_with("/__init__.py") {
        Order::Package
    } else {
        Order::Module
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_modules() {
        let check = |name, file, expected| {
            assert_eq!(order(name, file, Some("/usr/lib/python3.12")), expected, "{name}");
        };
        check("shop.locks", Some("/srv/app/shop/locks.py"), Order::Module);
        check("shop", Some("/srv/app/shop/__init__.py"), Order::Package);
        check("__main__", Some("/srv/app/app.py"), Order::Main);
        check("__main__", None, Order::Main);
        check("queue", Some("/usr/lib/python3.12/queue.py"), Order::Library);
        check("requests", Some("/usr/lib/python3.12/site-packages/requests/__init__.py"), Order::Installed);
        check("sys", None, Order::Library);
    }
}
