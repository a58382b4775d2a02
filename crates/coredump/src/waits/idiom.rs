//! What the Python frames of a thread say it waits for: the standard library waits in a few known functions.
//!
//! They are told by file and function, and, where classes share a function's name, by the class of `self`. That
//! holds from 3.8 to 3.15 (Lib/threading.py, Lib/queue.py, Lib/concurrent/futures/_base.py).

use crate::address::Ptr;
use crate::layout::member::{self, Object};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Frame, Stack};

/// A wait that the standard library has a name for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Idiom {
    /// `condition`, `event`, `queue`, `join`, ….
    pub(crate) kind: &'static str,
    /// The object that the program waits on.
    pub(crate) object: Option<Ptr<Object>>,
    /// The condition that is at the bottom of it.
    pub(crate) condition: Option<Ptr<Object>>,
    /// The lock that a thread in `Condition.wait` made for itself to be woken by.
    pub(crate) waiter: Option<Ptr<Object>>,
    /// The thread whose end is waited for.
    pub(crate) joined: Option<Ptr<Object>>,
}

/// File, function, variable that holds the object, class of that object (empty: any), kind.
const WAITS: &[(&str, &str, &str, &str, &str)] = &[
    ("threading.py", "wait", "self", "threading.Condition", "condition"),
    ("threading.py", "wait", "self", "threading.Event", "event"),
    ("threading.py", "wait", "self", "threading.Barrier", "barrier"),
    ("threading.py", "acquire", "self", "threading.Semaphore", "semaphore"),
    ("threading.py", "join", "self", "threading.Thread", "join"),
    ("threading.py", "_wait_for_tstate_lock", "self", "threading.Thread", "join"),
    ("queue.py", "get", "self", "queue.Queue", "queue"),
    ("queue.py", "put", "self", "queue.Queue", "queue"),
    ("queue.py", "join", "self", "queue.Queue", "queue"),
    ("_base.py", "result", "self", "concurrent.futures._base.Future", "future"),
    ("_base.py", "exception", "self", "concurrent.futures._base.Future", "future"),
    ("pool.py", "wait", "self", "multiprocessing.pool.ApplyResult", "future"),
];

/// Frames of the library above which a wait may lie.
const MAX_FRAMES: usize = 12;

/// The wait that the innermost frames are in, as the outermost of them that has a name knows it.
pub(crate) fn of_stack(runtime: &PythonRuntime<'_>, stack: &Stack) -> Option<Idiom> {
    let mut found: Option<Idiom> = None;
    for frame in stack.frames.iter().take(MAX_FRAMES) {
        if !WAITS.iter().any(|entry| entry.0 == basename(&frame.code.file)) {
            break;
        }
        let Some((kind, object)) = of_frame(runtime, frame) else { continue };
        let inner = found.unwrap_or_default();
        let is_condition = kind == "condition";
        found = Some(Idiom {
            kind,
            object: Some(object),
            condition: inner.condition.or_else(|| is_condition.then_some(object)),
            waiter: inner.waiter.or_else(|| variable(runtime, frame, "waiter").filter(|_| is_condition)),
            joined: inner.joined.or_else(|| (kind == "join").then_some(object)),
        });
    }
    found
}

fn of_frame(runtime: &PythonRuntime<'_>, frame: &Frame) -> Option<(&'static str, Ptr<Object>)> {
    let file = basename(&frame.code.file);
    WAITS.iter().filter(|entry| entry.0 == file && entry.1 == frame.code.name).find_map(|entry| {
        let object = variable(runtime, frame, entry.2)?;
        is_instance(runtime, object, entry.3).then_some((entry.4, object))
    })
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The object that a variable of a frame is bound to.
pub(crate) fn variable(runtime: &PythonRuntime<'_>, frame: &Frame, name: &str) -> Option<Ptr<Object>> {
    let bound = runtime.bindings(frame).into_iter().find(|binding| binding.variable.name == name)?;
    bound.object.ok()
}

/// Whether a class of that name is the object's, or a base of it.
pub(crate) fn is_instance(runtime: &PythonRuntime<'_>, object: Ptr<Object>, class: &str) -> bool {
    let python = runtime.python();
    let mut next = python.type_of(object).ok();
    for _ in 0..MAX_BASES {
        let Some(of) = next else { return false };
        if runtime.types().find(python, of).is_some_and(|name| name.qualified() == class) {
            return true;
        }
        next = python.read(of, member::TYPE_BASE).ok().flatten();
    }
    false
}

const MAX_BASES: usize = 64;
