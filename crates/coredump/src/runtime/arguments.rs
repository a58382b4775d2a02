//! What a running function was called with.

use crate::address::Ptr;
use crate::layout::member::{self, Object};
use crate::objects::sequence;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::Frame;

/// `CO_VARARGS` of Include/cpython/code.h.
const CO_VARARGS: i32 = 0x4;
/// Most members of `*args` that are looked at.
const MAX_ARGUMENTS: usize = 64;

/// The positional argument at `index`, counted with `self`: bound to a name, or in `*args`. A function may have bound
/// the name to something else since.
pub(crate) fn positional(runtime: &PythonRuntime<'_>, frame: &Frame, index: usize) -> Option<Ptr<Object>> {
    let python = runtime.python();
    let count = |member| usize::try_from(python.read(frame.code.address, member).ok()?).ok();
    let named = count(member::CODE_ARGCOUNT)?;
    let variable = |at: usize| {
        let name = &frame.code.variables.get(at)?.name;
        let bound = runtime.bindings(frame).into_iter().find(|binding| binding.variable.name == *name)?;
        bound.object.ok()
    };
    if index < named {
        return variable(index);
    }
    if frame.code.flags & CO_VARARGS == 0 {
        return None;
    }
    let rest = variable(named + count(member::CODE_KWONLYARGCOUNT)?)?;
    let within = index - named;
    sequence::tuple(python, rest.cast(), MAX_ARGUMENTS).ok()?.items.get(within).copied().flatten()
}
