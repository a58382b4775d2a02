//! Exceptions that a hook written in Python was told of: while it runs, no thread state names them any more.

use crate::address::Ptr;
use crate::layout::member::{self, BaseExceptionObject, CodeObject, DictObject, InterpreterState, Object};
use crate::objects::dict::lookup_str;
use crate::objects::repr::{Objects, python_function};
use crate::objects::sequence;
use crate::runtime::arguments;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::exceptions::as_exception;
use crate::runtime::frames::Stack;

/// Where a hook stands, and what it is called with.
const HOOKS: [(&str, &str, Arguments); 3] = [
    ("sys", "excepthook", Arguments::TypeValueTraceback),
    ("sys", "unraisablehook", Arguments::Record),
    ("threading", "excepthook", Arguments::Record),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arguments {
    /// The exception is the second one.
    TypeValueTraceback,
    /// The exception is the second member of the only one (`UnraisableHookArgs`, `ExceptHookArgs`).
    Record,
}

/// The code of the hooks of an interpreter that Python functions were put in the place of.
pub(super) struct Hooks(Vec<Hook>);

struct Hook {
    code: Ptr<CodeObject>,
    arguments: Arguments,
    /// Methods have `self` before what they are called with, and `functools.partial` puts more there.
    first: usize,
}

impl Hooks {
    /// Looks up the hooks of an interpreter.
    pub(super) fn of(runtime: &PythonRuntime<'_>, interpreter: Ptr<InterpreterState>) -> Self {
        let python = runtime.python();
        let sys: Option<Ptr<DictObject>> =
            python.read(interpreter, member::INTERP_SYSDICT).ok().flatten().map(Ptr::cast);
        let objects = Objects::new(python, runtime.types());
        let found = HOOKS.iter().filter_map(|&(module, name, arguments)| {
            let globals = match module {
                "sys" => sys?,
                _ => runtime.module_globals_of(interpreter, module)?,
            };
            let hook = lookup_str(python, globals, name).ok()??;
            let function = python_function(&objects, hook)?;
            Some(Hook { code: function.code, arguments, first: function.bound })
        });
        Self(found.collect())
    }

    /// The exceptions that the hooks on a stack were told of, innermost first.
    pub(super) fn reported(
        &self,
        runtime: &PythonRuntime<'_>,
        stack: &Stack,
    ) -> Vec<Ptr<BaseExceptionObject>> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let told = stack.frames.iter().filter_map(|frame| {
            let hook = self.0.iter().find(|hook| hook.code == frame.code.address)?;
            let wanted = match hook.arguments {
                Arguments::TypeValueTraceback => hook.first + 1,
                Arguments::Record => hook.first,
            };
            exception_in(runtime, arguments::positional(runtime, frame, wanted)?, hook.arguments)
        });
        told.take(MAX_REPORTED).collect()
    }
}

/// Most hooks inside each other that are told.
const MAX_REPORTED: usize = 16;

fn exception_in(
    runtime: &PythonRuntime<'_>,
    argument: Ptr<Object>,
    arguments: Arguments,
) -> Option<Ptr<BaseExceptionObject>> {
    let python = runtime.python();
    let value = match arguments {
        Arguments::TypeValueTraceback => argument,
        Arguments::Record => {
            sequence::tuple(python, argument.cast(), 2).ok()?.items.get(1).copied().flatten()?
        }
    };
    as_exception(python, Some(value)).ok().flatten()
}
