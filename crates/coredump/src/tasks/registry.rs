//! Where `asyncio` keeps its tasks.
//!
//! Up to 3.13 they are in sets: `_all_tasks` (up to 3.11), `_scheduled_tasks` and `_eager_tasks` of `asyncio.tasks`
//! (`Lib/asyncio/tasks.py` at v3.7.16 to v3.13.0). In 3.6 the class has the set when it is written in Python; when it is
//! written in C, only a variable of that source has it (`all_tasks` of `Modules/_asynciomodule.c` at v3.6.15). From 3.14 on the tasks written in C form lists, one for each thread, and
//! one for those whose thread has ended (`asyncio_tasks_head` of `Include/internal/pycore_tstate.h` at v3.14.10).

use std::ops::ControlFlow;

use rustc_hash::FxHashSet;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, DictObject, InterpreterState, ListNode, Object, SetObject, WeakReference};
use crate::objects::dict::{self, lookup_str};
use crate::objects::{attributes, kind, set};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::locate;
use crate::runtime::threads::Thread;
use crate::tasks::futures::Futures;

/// Most tasks of one interpreter that are read.
pub(crate) const MAX_TASKS: usize = 1 << 20;

/// The tasks of one interpreter.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// All that were found, in no order that means anything.
    pub(crate) tasks: Vec<Ptr<Object>>,
    /// Those that their loop runs right now.
    pub(crate) current: FxHashSet<Ptr<Object>>,
    /// There are more than [`MAX_TASKS`].
    pub(crate) is_cut: bool,
    /// What stood in the way of finding them all.
    pub(crate) faults: Vec<ReadError>,
    seen: FxHashSet<Ptr<Object>>,
}

/// Finds the tasks of an interpreter.
pub(crate) fn find(
    runtime: &PythonRuntime<'_>,
    interpreter: Ptr<InterpreterState>,
    threads: &[Thread],
    futures: &Futures<'_, '_>,
) -> Registry {
    let mut found = Registry::default();
    let modules = ["asyncio.tasks", "_asyncio"].map(|name| runtime.module_globals_of(interpreter, name));
    let mut in_modules = false;
    for globals in modules.into_iter().flatten() {
        in_modules |= ["_all_tasks", "_scheduled_tasks"]
            .into_iter()
            .any(|name| matches!(lookup_str(runtime.python(), globals, name), Ok(Some(_))));
        for name in ["_all_tasks", "_scheduled_tasks", "_eager_tasks"] {
            if let Err(error) = from_set(runtime, globals, name, futures, &mut found) {
                found.faults.push(error);
            }
        }
        if let Err(error) = current_of_loops(runtime, globals, futures, &mut found) {
            found.faults.push(error);
        }
    }
    if !in_modules {
        of_classes(runtime, interpreter, futures, &mut found);
    }
    let python = runtime.python();
    for thread in threads.iter().filter(|thread| thread.interpreter == interpreter) {
        if let Ok(Some(task)) = python.read(thread.state, member::TSTATE_RUNNING_TASK) {
            found.add_current(task, futures);
        }
        from_list(runtime, python.address_of(thread.state, member::TSTATE_TASKS_HEAD), futures, &mut found);
    }
    from_list(runtime, python.address_of(interpreter, member::INTERP_TASKS_HEAD), futures, &mut found);
    add_awaited(futures, &mut found);
    found
}

impl Registry {
    fn add(&mut self, task: Ptr<Object>, futures: &Futures<'_, '_>) {
        if self.tasks.len() >= MAX_TASKS {
            self.is_cut = true;
        } else if futures.is_task(task) && self.seen.insert(task) {
            self.tasks.push(task);
        }
    }

    fn add_current(&mut self, task: Ptr<Object>, futures: &Futures<'_, '_>) {
        if futures.is_task(task) {
            self.current.insert(task);
            self.add(task, futures);
        }
    }
}

/// A set of tasks, or a `WeakSet`: an instance whose `data` is a set of weak references.
fn from_set(
    runtime: &PythonRuntime<'_>,
    globals: Ptr<DictObject>,
    name: &str,
    futures: &Futures<'_, '_>,
    found: &mut Registry,
) -> Result<(), ReadError> {
    let python = runtime.python();
    let Some(object) = lookup_str(python, globals, name)? else { return Ok(()) };
    add_set(runtime, object, futures, found)
}

fn add_set(
    runtime: &PythonRuntime<'_>,
    object: Ptr<Object>,
    futures: &Futures<'_, '_>,
    found: &mut Registry,
) -> Result<(), ReadError> {
    let python = runtime.python();
    let of = python.type_of(object)?;
    let is_set = runtime.types().name_of(python, of).qualified() == "set";
    let data = if is_set { Some(object) } else { attributes::get(python, object, "data")? };
    let Some(data) = data else { return Ok(()) };
    let fault = set::for_each(python, data.cast::<SetObject>(), |element| {
        let task = if is_set {
            Some(element)
        } else {
            python.read(element.cast::<WeakReference>(), member::WEAKREF_OBJECT).ok().flatten()
        };
        if let Some(task) = task {
            found.add(task, futures);
        }
        if found.is_cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    fault.map_or(Ok(()), Err)
}

/// `_current_tasks`: the running task of each loop that runs one.
fn current_of_loops(
    runtime: &PythonRuntime<'_>,
    globals: Ptr<DictObject>,
    futures: &Futures<'_, '_>,
    found: &mut Registry,
) -> Result<(), ReadError> {
    let Some(current) = lookup_str(runtime.python(), globals, "_current_tasks")? else { return Ok(()) };
    add_current_of(runtime, current.cast(), futures, found)
}

/// The values of a dict that are tasks; any other dict is left at its first value.
fn add_current_of(
    runtime: &PythonRuntime<'_>,
    current: Ptr<DictObject>,
    futures: &Futures<'_, '_>,
    found: &mut Registry,
) -> Result<(), ReadError> {
    let fault = dict::for_each(runtime.python(), current, |_, task| {
        if !futures.is_task(task) {
            return ControlFlow::Break(());
        }
        found.add_current(task, futures);
        ControlFlow::Continue(())
    })?;
    fault.map_or(Ok(()), Err)
}

/// What the classes of tasks, or the variables of the C source that one of them is in, refer to (3.6).
fn of_classes(
    runtime: &PythonRuntime<'_>,
    interpreter: Ptr<InterpreterState>,
    futures: &Futures<'_, '_>,
    found: &mut Registry,
) {
    let python = runtime.python();
    let weak_set = runtime
        .module_globals_of(interpreter, "_weakrefset")
        .and_then(|globals| kind::as_type(python, lookup_str(python, globals, "WeakSet").ok()??));
    let dict_type = runtime.modules(interpreter).and_then(|modules| python.type_of(modules).ok());
    for class in futures.task_classes() {
        if let Ok(Some(class_dict)) = python.read(class, member::TYPE_DICT) {
            let sets = from_set(runtime, class_dict, "_all_tasks", futures, found);
            let current = current_of_loops(runtime, class_dict, futures, found);
            found.faults.extend([sets.err(), current.err()].into_iter().flatten());
        }
        let process = runtime.process();
        let Some(module) = process.modules().find(|module| module.contains(class.address())) else {
            continue;
        };
        let parts = locate::writable_of_module(process, module);
        let words = parts.flat_map(|(_, bytes)| process.core().target().words(bytes));
        for object in words.filter_map(|word| Ptr::<Object>::new(Address(word)).filter(|_| word % 8 == 0)) {
            // Most words refer to nothing.
            let Ok(of) = python.type_of(object) else { continue };
            if Some(of) == weak_set {
                let _ = add_set(runtime, object, futures, found);
            } else if Some(of) == dict_type {
                let _ = add_current_of(runtime, object.cast(), futures, found);
            }
        }
    }
}

/// A list of tasks that begins and ends at `head`.
fn from_list(
    runtime: &PythonRuntime<'_>,
    head: Result<Address, ReadError>,
    futures: &Futures<'_, '_>,
    found: &mut Registry,
) {
    let python = runtime.python();
    let (Ok(head), Ok(within_task)) = (head, python.layout().offset(member::TASK_NODE)) else { return };
    let mut seen = FxHashSet::default();
    let mut at = head;
    loop {
        let node = Ptr::<ListNode>::new(at).ok_or(ReadError::Null("llist_node.next"));
        let next = match node.and_then(|node| python.read(node, member::LIST_NODE_NEXT)) {
            Ok(Some(next)) => next.address(),
            Ok(None) => return found.faults.push(ReadError::Null("llist_node.next")),
            Err(error) => return found.faults.push(error),
        };
        if next == head {
            return;
        }
        if !seen.insert(next) {
            let what = "the list of tasks does not come back to its head";
            return found.faults.push(ReadError::Invalid { at: next, what });
        }
        match Ptr::new(next.wrapping_sub(within_task)) {
            Some(task) if futures.is_task(task) => found.add(task, futures),
            _ => {
                let what = "the list of tasks holds something else";
                return found.faults.push(ReadError::Invalid { at: next, what });
            }
        }
        if found.is_cut {
            return;
        }
        at = next;
    }
}

/// Tasks that others wait for: those are found where the sets are damaged.
fn add_awaited(futures: &Futures<'_, '_>, found: &mut Registry) {
    let mut next = 0;
    while let Some(&task) = found.tasks.get(next) {
        if let Some(awaited) = futures.waits_for(task) {
            found.add(awaited, futures);
        }
        next += 1;
    }
}
