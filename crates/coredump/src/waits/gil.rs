//! Where a thread is blocked when it waits for the GIL.

use std::ops::Range;

use crate::layout::member;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::threads::Thread;

/// The addresses of the conditions and mutexes of the GIL that a thread needs.
///
/// Up to 3.11 there is one in `_PyRuntime.ceval.gil`, later each interpreter points at its own.
pub(super) fn addresses(runtime: &PythonRuntime<'_>, thread: &Thread) -> Option<Range<u64>> {
    let python = runtime.python();
    let layout = python.layout();
    let start = if layout.has(member::INTERP_GIL) {
        python.read(thread.interpreter, member::INTERP_GIL).ok()??.address()
    } else {
        python.address_of(runtime.address(), member::RUNTIME_GIL).ok()?
    };
    let end = start.checked_add(layout.size_of(member::GIL_SIZE).ok()?)?;
    Some(start.checked_add(layout.offset(member::GIL_COND).ok()?)?.0..end.0)
}
