//! Locks that a `contextlib.ExitStack` will let go of: whoever has the stack has entered them.

use crate::address::Ptr;
use crate::layout::member::{self, FunctionObject, Object, TypeObject};
use crate::objects::types::derives_from;
use crate::objects::{attributes, deque, dict, kind, sequence};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::Frame;
use crate::waits::slots;

/// The classes of such stacks, in the interpreters that have imported `contextlib`.
pub(super) struct ExitStacks(Vec<Ptr<TypeObject>>);

/// Most callbacks of one stack that are looked at.
const MAX_CALLBACKS: usize = 1_000;

impl ExitStacks {
    pub(super) fn of(runtime: &PythonRuntime<'_>) -> Self {
        let python = runtime.python();
        let class = |&interpreter| {
            let globals = runtime.module_globals_of(interpreter, "contextlib")?;
            let base = dict::lookup_str(python, globals, "_BaseExitStack").ok()??;
            kind::as_type(python, base)
        };
        Self(runtime.interpreters().iter().filter_map(class).collect())
    }

    /// What the stacks among a frame's variables have entered, and not left yet.
    pub(super) fn entered(&self, runtime: &PythonRuntime<'_>, frame: &Frame) -> Vec<Ptr<Object>> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let bound = runtime.bindings(frame).into_iter().filter_map(|binding| binding.object.ok());
        bound.flat_map(|object| self.entered_by(runtime, object)).collect()
    }

    /// `_exit_callbacks` has a tuple for each `__exit__`, bound to what was entered, or for a function to call
    /// (Lib/contextlib.py at v3.8.18 to v3.14.0).
    fn entered_by(&self, runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> Vec<Ptr<Object>> {
        let python = runtime.python();
        let is_stack = |of| self.0.iter().any(|&base| derives_from(python, of, base));
        if !python.type_of(object).is_ok_and(is_stack) {
            return Vec::new();
        }
        let callbacks = attributes::get(python, object, "_exit_callbacks").ok().flatten();
        let Some(callbacks) = callbacks else { return Vec::new() };
        let callbacks = deque::elements(python, callbacks.cast(), MAX_CALLBACKS).unwrap_or_default();
        let exits = callbacks.items.into_iter().flatten().filter_map(|entry| {
            let pair = sequence::tuple(python, entry.cast(), 2).ok()?;
            let exit = pair.items.get(1).copied().flatten()?;
            slots::exit_of(runtime, exit).or_else(|| released_by(runtime, exit))
        });
        exits.collect()
    }
}

/// What `stack.callback(lock.release)` will let go of: the function that is kept refers to the method as `__wrapped__`
/// (`ExitStack.callback` of Lib/contextlib.py at v3.8.18 to v3.14.0).
fn released_by(runtime: &PythonRuntime<'_>, exit: Ptr<Object>) -> Option<Ptr<Object>> {
    let python = runtime.python();
    let attributes = python.read(exit.cast::<FunctionObject>(), member::FUNCTION_DICT);
    let is_function = runtime.types().find(python, python.type_of(exit).ok()?)?.qualname == "function";
    let method =
        dict::lookup_str(python, attributes.ok().flatten().filter(|_| is_function)?.cast(), "__wrapped__");
    slots::bound_by(runtime, method.ok()??, "release")
}
