//! Which thread was inside a run of the cyclic garbage collector.

use crate::layout::member;
use crate::waits::Picture;

/// Who collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collector {
    /// No run is on.
    Nobody,
    /// The thread with this index.
    Thread(usize),
    /// Whether a run is on cannot be told, or not whose it is.
    Unknown,
}

impl Collector {
    /// Whether the thread with this index collects, where that can be told.
    pub(super) fn is(self, index: usize) -> Option<bool> {
        match self {
            Self::Nobody => Some(false),
            Self::Thread(collector) => Some(collector == index),
            Self::Unknown => None,
        }
    }
}

/// The thread that collects, where that can be told.
///
/// A flag says that a run is on, not whose it is. The thread that holds the GIL is the one, unless code that the
/// run calls (`__del__`) has let go of the GIL, or there is none; then nobody is named.
pub(super) fn collector(picture: &Picture<'_, '_>) -> Collector {
    let runtime = picture.runtime;
    let python = runtime.python();
    let mut found = Collector::Nobody;
    for (index, one) in picture.walked.iter().enumerate() {
        let interpreter = one.thread.interpreter;
        let collecting = if python.layout().has(member::INTERP_GC_COLLECTING) {
            python.read(interpreter, member::INTERP_GC_COLLECTING)
        } else {
            python.read(runtime.address(), member::RUNTIME_GC_COLLECTING)
        };
        let elsewhere = || {
            let mut others = picture.walked.iter().enumerate().filter(|&(other, _)| other != index);
            others.any(|(_, other)| other.stack.frames.iter().any(|frame| frame.code.name == "__del__"))
        };
        match collecting {
            Ok(0) => {}
            Ok(1) if runtime.gil_holder(interpreter) == Some(one.thread.state) && !elsewhere() => {
                return Collector::Thread(index);
            }
            _ => found = Collector::Unknown,
        }
    }
    found
}
