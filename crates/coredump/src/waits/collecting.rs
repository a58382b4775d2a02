//! Which thread was inside a run of the cyclic garbage collector.

use crate::layout::member;
use crate::waits::Picture;

/// The thread that collects, where that can be told.
///
/// A flag says that a run is on, not whose it is. The thread that holds the GIL is the one, unless code that the
/// run calls (`__del__`) has let go of the GIL; then nobody is named.
pub(super) fn thread(picture: &Picture<'_, '_>) -> Option<usize> {
    let runtime = picture.runtime;
    let python = runtime.python();
    let mut threads = picture.walked.iter().enumerate();
    threads.find_map(|(index, one)| {
        let interpreter = one.thread.interpreter;
        let collecting = if python.layout().has(member::INTERP_GC_COLLECTING) {
            python.read(interpreter, member::INTERP_GC_COLLECTING)
        } else {
            python.read(runtime.address(), member::RUNTIME_GC_COLLECTING)
        };
        let collects = collecting.is_ok_and(|collecting| collecting == 1);
        let elsewhere = || {
            let mut others = picture.walked.iter().enumerate().filter(|&(other, _)| other != index);
            others.any(|(_, other)| other.stack.frames.iter().any(|frame| frame.code.name == "__del__"))
        };
        (collects && runtime.gil_holder(interpreter) == Some(one.thread.state) && !elsewhere())
            .then_some(index)
    })
}
