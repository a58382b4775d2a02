//! Futures and tasks as objects, those written in C and those written in Python.
//!
//! Sources: `FutureObj` and `TaskObj` of `Modules/_asynciomodule.c`, `Lib/asyncio/futures.py` and `tasks.py`, at v3.8.18
//! to v3.15.2.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{
    self, DictObject, FutureIter, FutureObject, InterpreterState, Object, TaskObject, TypeObject,
};
use crate::layout::{Bits, Member, SizeOf};
use crate::objects::dict::lookup_str;
use crate::objects::kind::{self, Kind, TypeFlags};
use crate::objects::types::derives_from;
use crate::objects::unicode::read_string;
use crate::objects::{attributes, integer, sequence, set};
use crate::runtime::attach::PythonRuntime;

/// Longest name of a task that is read.
const MAX_NAME: usize = 4096;
/// Most callbacks of one future that are looked at.
const MAX_CALLBACKS: usize = 10_000;

/// In which language a future is written, which decides where its members are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WrittenIn {
    C,
    Python,
}

/// What kind of future the instances of a type are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FutureKind {
    written_in: WrittenIn,
    is_task: bool,
}

/// Reads the futures of one interpreter.
pub struct Futures<'r, 'p> {
    runtime: &'r PythonRuntime<'p>,
    bases: Vec<(Ptr<TypeObject>, FutureKind)>,
    kinds: RefCell<FxHashMap<Ptr<TypeObject>, Option<FutureKind>>>,
    none: Option<Ptr<Object>>,
    /// The C types are there, but are not laid out as is known.
    pub(crate) refused: Option<ReadError>,
}

impl<'r, 'p> Futures<'r, 'p> {
    /// Finds the types that `asyncio` has in an interpreter; `None` where it was not imported.
    pub fn of_interpreter(
        runtime: &'r PythonRuntime<'p>,
        interpreter: Ptr<InterpreterState>,
    ) -> Option<Self> {
        let globals = |name| runtime.module_globals_of(interpreter, name);
        let (tasks, futures) = (globals("asyncio.tasks")?, globals("asyncio.futures"));
        let builtins = runtime.python().read(interpreter, member::INTERP_BUILTINS).ok().flatten();
        let none = builtins.and_then(|names| lookup_str(runtime.python(), names.cast(), "None").ok()?);
        let mut found = Self { runtime, bases: Vec::new(), kinds: RefCell::default(), none, refused: None };
        if let Some(in_c) = globals("_asyncio") {
            found.add_c_type(in_c, "Task", member::TASK_SIZE, true);
            found.add_c_type(in_c, "Future", member::FUTURE_SIZE, false);
        }
        for (globals, name, is_task) in [(Some(tasks), "_PyTask", true), (futures, "_PyFuture", false)] {
            let Some(of) = globals.and_then(|globals| found.class_in(globals, name)) else { continue };
            found.bases.push((of, FutureKind { written_in: WrittenIn::Python, is_task }));
        }
        Some(found)
    }

    fn class_in(&self, globals: Ptr<DictObject>, name: &str) -> Option<Ptr<TypeObject>> {
        let python = self.runtime.python();
        kind::as_type(python, lookup_str(python, globals, name).ok()??)
    }

    /// A C type counts when it is as large as the layout says.
    fn add_c_type<S>(
        &mut self,
        globals: Ptr<DictObject>,
        name: &str,
        size: Member<S, SizeOf>,
        is_task: bool,
    ) {
        let python = self.runtime.python();
        let Some(of) = self.class_in(globals, name) else { return };
        match (python.read(of, member::TYPE_BASICSIZE), python.layout().size_of(size)) {
            (Ok(found), Ok(expected)) if u64::try_from(found) == Ok(expected) => {
                self.bases.push((of, FutureKind { written_in: WrittenIn::C, is_task }));
            }
            (Ok(_), Ok(_)) => {
                let what = "a type of _asyncio whose size is not the one known for this version";
                self.refused = Some(ReadError::Invalid { at: of.address(), what });
            }
            (Err(error), _) | (_, Err(error)) => self.refused = Some(error),
        }
    }

    fn kind(&self, object: Ptr<Object>) -> Option<FutureKind> {
        let python = self.runtime.python();
        let of = python.type_of(object).ok()?;
        if let Some(kind) = self.kinds.borrow().get(&of) {
            return *kind;
        }
        // Tasks are futures as well: they stand first.
        let base = self.bases.iter().find(|base| derives_from(python, of, base.0));
        let kind = base.map(|base| base.1);
        self.kinds.borrow_mut().insert(of, kind);
        kind
    }

    /// The classes of tasks, those written in C and those written in Python.
    pub(crate) fn task_classes(&self) -> impl Iterator<Item = Ptr<TypeObject>> {
        self.bases.iter().filter(|base| base.1.is_task).map(|base| base.0)
    }

    /// Whether the instances of a class are tasks.
    pub fn is_class_of_tasks(&self, class: Ptr<TypeObject>) -> bool {
        self.task_classes().any(|base| derives_from(self.runtime.python(), class, base))
    }

    /// Whether it is a task.
    pub(crate) fn is_task(&self, object: Ptr<Object>) -> bool {
        self.kind(object).is_some_and(|kind| kind.is_task)
    }

    /// Whether it is a future, or a task.
    pub(crate) fn is_future(&self, object: Ptr<Object>) -> bool {
        self.kind(object).is_some()
    }

    /// Whether it has a result, an exception, or was cancelled.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn is_done(&self, future: Ptr<Object>) -> Result<bool, ReadError> {
        let python = self.runtime.python();
        match self.kind(future).map(|kind| kind.written_in) {
            Some(WrittenIn::C) => Ok(python.read(future.cast::<FutureObject>(), member::FUTURE_STATE)? != 0),
            _ => match attributes::get(python, future, "_state")? {
                Some(state) => Ok(read_string(python, state.cast(), MAX_NAME)? != "PENDING"),
                None => Ok(false),
            },
        }
    }

    /// Whether it ended with an exception that nobody has asked for: `asyncio` would complain when it is collected.
    pub(crate) fn exception_never_retrieved(&self, future: Ptr<Object>) -> Option<Ptr<Object>> {
        let python = self.runtime.python();
        match self.kind(future)?.written_in {
            WrittenIn::C => {
                let future = future.cast::<FutureObject>();
                let Bits(log) = python.read(future, member::FUTURE_LOG_TB).ok()?;
                python.read(future, member::FUTURE_EXCEPTION).ok()?.filter(|_| log != 0)
            }
            WrittenIn::Python => {
                let log = attributes::get(python, future, "_Future__log_traceback").ok()??;
                let log = integer::read_i128(python, log.cast()).ok()?;
                attributes::get(python, future, "_exception").ok()?.filter(|_| log != 0)
            }
        }
    }

    fn member(
        &self,
        future: Ptr<Object>,
        in_c: Member<FutureObject, Option<Ptr<Object>>>,
        in_python: &str,
    ) -> Option<Ptr<Object>> {
        let python = self.runtime.python();
        let found = match self.kind(future)?.written_in {
            WrittenIn::C => python.read(future.cast(), in_c).ok()?,
            WrittenIn::Python => attributes::get(python, future, in_python).ok()?,
        };
        found.filter(|&found| !self.is_none(found))
    }

    fn task_member(
        &self,
        task: Ptr<Object>,
        in_c: Member<TaskObject, Option<Ptr<Object>>>,
        in_python: &str,
    ) -> Option<Ptr<Object>> {
        let python = self.runtime.python();
        let found = match self.kind(task).filter(|kind| kind.is_task)?.written_in {
            WrittenIn::C => python.read(task.cast(), in_c).ok()?,
            WrittenIn::Python => attributes::get(python, task, in_python).ok()?,
        };
        found.filter(|&found| !self.is_none(found))
    }

    fn is_none(&self, object: Ptr<Object>) -> bool {
        self.none == Some(object)
    }

    /// The event loop.
    pub(crate) fn event_loop(&self, future: Ptr<Object>) -> Option<Ptr<Object>> {
        self.member(future, member::FUTURE_LOOP, "_loop")
    }

    /// The coroutine of a task.
    pub fn coroutine(&self, task: Ptr<Object>) -> Option<Ptr<Object>> {
        self.task_member(task, member::TASK_CORO, "_coro")
    }

    /// The future that a task waits for.
    pub(crate) fn waits_for(&self, task: Ptr<Object>) -> Option<Ptr<Object>> {
        self.task_member(task, member::TASK_FUT_WAITER, "_fut_waiter")
    }

    /// `get_name()`. A name that was never asked for is a number (`task_name` at v3.13.0).
    pub(crate) fn name(&self, task: Ptr<Object>) -> Option<String> {
        let python = self.runtime.python();
        let name = self.task_member(task, member::TASK_NAME, "_name")?;
        match kind::of(python, name).ok()? {
            Kind::Str => read_string(python, name.cast(), MAX_NAME).ok(),
            Kind::Int => Some(format!("Task-{}", integer::read_i128(python, name.cast()).ok()?)),
            _ => None,
        }
    }

    /// What is called when a future ends: functions and methods.
    pub(crate) fn callbacks(&self, future: Ptr<Object>) -> Vec<Ptr<Object>> {
        let python = self.runtime.python();
        let Some(kind) = self.kind(future) else { return Vec::new() };
        let first = match kind.written_in {
            WrittenIn::C => self.member(future, member::FUTURE_CALLBACK0, ""),
            WrittenIn::Python => None,
        };
        let further = self.member(future, member::FUTURE_CALLBACKS, "_callbacks");
        let listed = further.and_then(|list| sequence::list(python, list.cast(), MAX_CALLBACKS).ok());
        // Each is a tuple of the callback and its context (3.7+), or the callback itself.
        let callback = |entry: Ptr<Object>| match kind::of(python, entry).ok()? {
            Kind::Tuple => sequence::tuple(python, entry.cast(), 1).ok()?.items.first().copied().flatten(),
            _ => Some(entry),
        };
        let listed = listed.into_iter().flat_map(|list| list.items).flatten().filter_map(callback);
        first.into_iter().chain(listed).collect()
    }

    /// What `asyncio` itself keeps of who awaits a future (3.14+): tasks, or futures in between.
    pub(crate) fn recorded_awaiters(&self, future: Ptr<Object>) -> Vec<Ptr<Object>> {
        let python = self.runtime.python();
        let Some(kind) = self.kind(future) else { return Vec::new() };
        let (found, is_set) = match kind.written_in {
            WrittenIn::C => {
                let future = future.cast::<FutureObject>();
                let is_set = python.read(future, member::FUTURE_AWAITED_BY_IS_SET).unwrap_or(0) != 0;
                (python.read(future, member::FUTURE_AWAITED_BY).ok().flatten(), is_set)
            }
            WrittenIn::Python => {
                let found = attributes::get(python, future, "_Future__asyncio_awaited_by").ok().flatten();
                (found.filter(|&found| !self.is_none(found)), true)
            }
        };
        match found {
            Some(found) if is_set => {
                let elements = set::elements(python, found.cast(), MAX_CALLBACKS).unwrap_or_default();
                elements.items.into_iter().flatten().collect()
            }
            found => found.into_iter().collect(),
        }
    }

    /// The future that an object waits with in a coroutine's place, when it is a `_asyncio.FutureIter`. No module shows
    /// that type: it is told by its size and by the future that it holds.
    pub(crate) fn awaited_by_iterator(&self, object: Ptr<Object>) -> Option<Ptr<Object>> {
        let python = self.runtime.python();
        let of = python.type_of(object).ok()?;
        let size = python.read(of, member::TYPE_BASICSIZE).ok()?;
        if u64::try_from(size).ok() != python.layout().size_of(member::FUTURE_ITER_SIZE).ok() {
            return None;
        }
        let future = python.read(object.cast::<FutureIter>(), member::FUTURE_ITER_FUTURE).ok()??;
        self.kind(future).filter(|kind| kind.written_in == WrittenIn::C)?;
        Some(future)
    }

    /// Type with module of what stands at the end of a chain of awaits.
    pub(crate) fn name_of_end(&self, object: Ptr<Object>) -> Option<String> {
        let python = self.runtime.python();
        let of = python.type_of(object).ok()?;
        let is_heap_type = kind::flags(python, of).ok()?.has(TypeFlags::HEAP_TYPE);
        if !is_heap_type && self.awaited_by_iterator(object).is_some() {
            return Some("_asyncio.FutureIter".to_owned());
        }
        Some(self.runtime.types().name_of(python, of).display())
    }
}
