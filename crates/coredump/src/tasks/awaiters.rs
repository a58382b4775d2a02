//! Who awaits whom: from a future to the tasks that go on when it ends.
//!
//! A task keeps the future that it waits for. Between a task and the one that awaits it there may be futures that stand
//! for several tasks (`gather`, `wait`, `shield`); their functions learn of the end by a callback, whose closure holds the
//! future in between (`Lib/asyncio/tasks.py`, `taskgroups.py` and `futures.py` at v3.8.18 to v3.15.2).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{
    self, FunctionObject, InterpreterState, MethodObject, Object, PartialObject, TypeObject,
};
use crate::objects::dict::lookup_str;
use crate::objects::kind;
use crate::objects::unicode::read_string;
use crate::objects::{attributes, deque, sequence};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::code::VariableKind;
use crate::tasks::futures::Futures;

/// Most futures between one task and those that await it.
const MAX_BETWEEN: usize = 10_000;
/// Most steps from one future to the next, of all tasks together.
const MAX_STEPS: usize = 500_000;
/// Longest name of a function that is read.
const MAX_NAME: usize = 256;
/// Most free variables of a callback, and getters of a queue.
const MAX_CELLS: usize = 64;

/// Callbacks of `asyncio`, and the free variable that holds what goes on when they are called. The function around
/// them has an underscore in front of its name in some versions (`_gather` in 3.9), which is left out here.
const CLOSURES: [(&str, &str); 5] = [
    ("gather.<locals>._done_callback", "outer"),
    ("wait.<locals>._on_completion", "waiter"),
    ("shield.<locals>._inner_done_callback", "outer"),
    ("chain_future.<locals>._call_set_state", "destination"),
    ("as_completed.<locals>._on_completion", "done"),
];

/// Methods of `asyncio` that are callbacks, and the attribute of their object that holds what goes on.
const METHODS: [(&str, &str); 2] =
    [("TaskGroup._on_task_done", "_parent_task"), ("AsCompletedIterator._handle_completion", "_done")];

/// Finds the tasks that await others, within one interpreter.
pub(crate) struct Awaiters<'r, 'p> {
    runtime: &'r PythonRuntime<'p>,
    futures: &'r Futures<'r, 'p>,
    waiting: FxHashMap<Ptr<Object>, Vec<Ptr<Object>>>,
    callables: Callables,
    targets: RefCell<FxHashMap<Ptr<Object>, Option<&'static str>>>,
    steps_left: Cell<usize>,
}

/// The types of what a callback can be.
#[derive(Debug, Default)]
struct Callables {
    function: Option<Ptr<TypeObject>>,
    method: Option<Ptr<TypeObject>>,
    partial: Option<Ptr<TypeObject>>,
}

impl Callables {
    fn of_interpreter(runtime: &PythonRuntime<'_>, interpreter: Ptr<InterpreterState>) -> Self {
        let python = runtime.python();
        let class = |module, name| {
            let globals = runtime.module_globals_of(interpreter, module)?;
            kind::as_type(python, lookup_str(python, globals, name).ok()??)
        };
        Self {
            function: class("types", "FunctionType"),
            method: class("types", "MethodType"),
            partial: class("functools", "partial"),
        }
    }
}

impl<'r, 'p> Awaiters<'r, 'p> {
    /// Knows what each of `tasks` waits for.
    pub(crate) fn new(
        runtime: &'r PythonRuntime<'p>,
        interpreter: Ptr<InterpreterState>,
        futures: &'r Futures<'r, 'p>,
        tasks: &[Ptr<Object>],
    ) -> Self {
        let mut waiting: FxHashMap<_, Vec<_>> = FxHashMap::default();
        for &task in tasks {
            if let Some(future) = futures.waits_for(task) {
                waiting.entry(future).or_default().push(task);
            }
        }
        let callables = Callables::of_interpreter(runtime, interpreter);
        Self {
            runtime,
            futures,
            waiting,
            callables,
            targets: RefCell::default(),
            steps_left: Cell::new(MAX_STEPS),
        }
    }

    /// The tasks that await `task`, the nearest first.
    pub(crate) fn of(&self, task: Ptr<Object>) -> Vec<Ptr<Object>> {
        let mut found = Vec::new();
        let mut seen = FxHashSet::default();
        let mut between = VecDeque::from([task]);
        while let Some(future) = between.pop_front() {
            if seen.len() > MAX_BETWEEN || self.steps_left.get() == 0 {
                break;
            }
            let waiting = self.waiting.get(&future).into_iter().flatten().copied();
            let further =
                self.futures.callbacks(future).into_iter().flat_map(|callback| self.go_on(callback));
            let recorded = self.futures.recorded_awaiters(future);
            let next: Vec<_> = waiting.chain(further).chain(recorded).collect();
            self.steps_left.set(self.steps_left.get().saturating_sub(1 + next.len()));
            for awaiter in next {
                // A task may wait for itself; anything else is looked at once.
                if !seen.insert(awaiter) {
                    continue;
                }
                if self.futures.is_task(awaiter) {
                    found.push(awaiter);
                } else if self.futures.is_future(awaiter) && awaiter != task {
                    between.push_back(awaiter);
                }
            }
        }
        found
    }

    /// Whether some tasks were not asked for all that await them.
    pub(crate) fn is_cut(&self) -> bool {
        self.steps_left.get() == 0
    }

    /// The futures and tasks that go on when a callback is called.
    fn go_on(&self, callback: Ptr<Object>) -> Vec<Ptr<Object>> {
        self.try_go_on(callback).unwrap_or_default()
    }

    fn try_go_on(&self, callback: Ptr<Object>) -> Result<Vec<Ptr<Object>>, ReadError> {
        let python = self.runtime.python();
        let of = Some(python.type_of(callback)?);
        if of == self.callables.function {
            return self.by_closure(callback.cast());
        }
        if of == self.callables.method {
            return self.by_method(callback.cast());
        }
        if of == self.callables.partial {
            return self.by_partial(callback.cast());
        }
        Ok(Vec::new())
    }

    /// `wait_for` up to 3.11 gives its future to a function; `gather` of 3.6 gives a number to its closure.
    fn by_partial(&self, partial: Ptr<PartialObject>) -> Result<Vec<Ptr<Object>>, ReadError> {
        let python = self.runtime.python();
        let function = python.read(partial, member::PARTIAL_FN)?;
        let is_function = |function| python.type_of(function).ok() == self.callables.function;
        let Some(function) = function.filter(|&function| is_function(function)) else {
            return Ok(Vec::new());
        };
        if self.name(function.cast()).as_deref() != Some("release_waiter") {
            return self.by_closure(function.cast());
        }
        let Some(arguments) = python.read(partial, member::PARTIAL_ARGS)? else { return Ok(Vec::new()) };
        Ok(sequence::tuple(python, arguments, 1)?.items.into_iter().flatten().collect())
    }

    /// The qualified name of a function of `asyncio`, without underscores in front.
    fn name(&self, function: Ptr<FunctionObject>) -> Option<String> {
        let python = self.runtime.python();
        let module = python.read(function, member::FUNCTION_MODULE).ok()??;
        let module = read_string(python, module.cast(), MAX_NAME).ok()?;
        if module != "asyncio" && !module.starts_with("asyncio.") {
            return None;
        }
        let qualname = python.read(function, member::FUNCTION_QUALNAME).ok()??;
        let qualname = read_string(python, qualname, MAX_NAME).ok()?;
        Some(qualname.trim_start_matches('_').to_owned())
    }

    fn by_closure(&self, function: Ptr<FunctionObject>) -> Result<Vec<Ptr<Object>>, ReadError> {
        let python = self.runtime.python();
        let Some(code) = python.read(function, member::FUNCTION_CODE)? else { return Ok(Vec::new()) };
        let known = self.targets.borrow().get(&code.cast()).copied();
        let variable = known.unwrap_or_else(|| {
            let name = self.name(function);
            let entry = CLOSURES.iter().find(|entry| Some(entry.0) == name.as_deref());
            let variable = entry.map(|entry| entry.1);
            self.targets.borrow_mut().insert(code.cast(), variable);
            variable
        });
        let (Some(variable), Some(cells)) = (variable, python.read(function, member::FUNCTION_CLOSURE)?)
        else {
            return Ok(Vec::new());
        };
        let code = self.runtime.code(code)?;
        let free = code.variables.iter().filter(|variable| variable.kind == VariableKind::Free);
        let Some(index) = free.into_iter().position(|free| free.name == variable) else {
            return Ok(Vec::new());
        };
        let cells = sequence::tuple(python, cells.cast(), MAX_CELLS)?;
        let Some(cell) = cells.items.get(index).copied().flatten() else { return Ok(Vec::new()) };
        let Some(held) = python.read(cell.cast(), member::CELL_REF)? else { return Ok(Vec::new()) };
        self.held(held)
    }

    fn by_method(&self, method: Ptr<MethodObject>) -> Result<Vec<Ptr<Object>>, ReadError> {
        let python = self.runtime.python();
        let (Some(function), Some(object)) =
            (python.read(method, member::METHOD_FUNC)?, python.read(method, member::METHOD_SELF)?)
        else {
            return Ok(Vec::new());
        };
        if Some(python.type_of(function)?) != self.callables.function {
            return Ok(Vec::new());
        }
        let name = self.name(function.cast());
        let entry = METHODS.iter().find(|entry| Some(entry.0) == name.as_deref());
        match entry.map(|entry| attributes::get(python, object, entry.1)).transpose()?.flatten() {
            Some(held) => self.held(held),
            None => Ok(Vec::new()),
        }
    }

    /// A future, or the futures of those who wait for an item of a queue.
    fn held(&self, held: Ptr<Object>) -> Result<Vec<Ptr<Object>>, ReadError> {
        if self.futures.is_future(held) {
            return Ok(vec![held]);
        }
        let python = self.runtime.python();
        match attributes::get(python, held, "_getters")? {
            Some(getters) => {
                let elements = deque::elements(python, getters.cast(), MAX_CELLS)?;
                Ok(elements.items.into_iter().flatten().collect())
            }
            None => Ok(Vec::new()),
        }
    }
}
