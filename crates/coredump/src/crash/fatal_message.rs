//! The text given to `Py_FatalError`, found on the stack of the thread that called it.
//!
//! `fatal_error` (Python/pylifecycle.c) prints its `msg` and aborts; the pointer to the text is still in the frames of
//! `Py_FatalError` or of its caller. Text elsewhere in the core is not looked at.

use crate::address::{Address, Ptr};
use crate::crash::frames::{NearFrame, Owner};
use crate::layout::member::{self, Object};
use crate::objects::dict::lookup_str;
use crate::objects::kind::{self, Kind};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::process::DeadProcess;

/// The text and what speaks for it.
#[derive(Clone, Debug)]
pub(crate) struct FatalMessage {
    pub(crate) text: String,
    pub(crate) address: Address,
    pub(crate) len: u64,
    /// What was found, in words.
    pub(crate) found_by: String,
}

const MOST_TEXT: usize = 4096;
/// The frames of the functions that print the error are smaller than this.
const MOST_STACK: u64 = 4096;
/// Frames from the caller outwards that may still hold what was passed: `ffi_call` passes arguments on in two.
const CALLERS: usize = 4;
/// Functions that take part in a fatal error.
const FATAL: [&str; 8] = [
    "fatal_error",
    "fatal_error_exit",
    "Py_FatalError",
    "_Py_FatalErrorFunc",
    "_Py_FatalErrorFormat",
    "_Py_FatalRefcountErrorFunc",
    "_Py_FatalError_TstateNULL",
    "fatal_output_debug",
];

/// Looks for the message where native frames show a fatal error.
pub(crate) fn find(
    process: &DeadProcess<'_>,
    runtime: Option<&PythonRuntime<'_>>,
    frames: &[NearFrame],
    tid: Option<u64>,
) -> Option<FatalMessage> {
    let fatal = fatal_frames(frames)?;
    if !fatal.by_name && runtime.is_none_or(|runtime| is_in_os_abort(runtime, tid)) {
        return None;
    }
    let from = frames.get(fatal.first)?.stack_pointer;
    let start_of = |index: usize| frames.get(index).map(|frame| frame.stack_pointer);
    let near = start_of(fatal.caller + 1).unwrap_or_else(|| from.wrapping_add(1024));
    let until = start_of(fatal.caller + CALLERS).unwrap_or(near).max(near);
    let len = until.0.checked_sub(from.0)?.min(MOST_STACK);
    let words = process.space().bytes(from, len).ok()?;
    let target = process.core().target();
    let mut found = target.words(&words).enumerate().filter_map(|(index, word)| {
        let text = text_at(process, Address(word))?;
        Some((from.wrapping_add(index as u64 * 8), Address(word), text))
    });
    let best = found.find(|(slot, at, text)| {
        // Without the names of functions, and further out, only the text of an object will do.
        (fatal.by_name && *slot < near)
            || runtime.is_some_and(|runtime| is_text_of_object(runtime, *at, text.len()))
    })?;
    let (slot, address, text) = best;
    let of_str = runtime.is_some_and(|runtime| is_text_of_object(runtime, address, text.len()));
    let what = if of_str { "the characters of a str or bytes" } else { "a text" };
    let found_by = format!("{what}, to which the word at {slot} in the frames of {} points", fatal.name);
    Some(FatalMessage { len: text.len() as u64, text, address, found_by })
}

/// Whether the innermost Python frame of the thread has `os.abort` on its stack of values: it was called there.
fn is_in_os_abort(runtime: &PythonRuntime<'_>, tid: Option<u64>) -> bool {
    const FRAME_BYTES: u64 = 1024;
    let python = runtime.python();
    let abort = |interpreter| {
        let modules = runtime.modules(interpreter)?;
        let posix = lookup_str(python, modules.cast(), "posix").ok()??;
        let globals = python.read(posix.cast(), member::MODULE_DICT).ok()??;
        lookup_str(python, globals, "abort").ok()?
    };
    runtime.interpreters().iter().any(|&interpreter| {
        let Some(abort) = abort(interpreter) else { return false };
        let (threads, _) = runtime.threads(interpreter);
        threads.iter().filter(|thread| thread.tid == tid).any(|thread| {
            let stack = runtime.stack(thread.state);
            let Some(frame) = stack.frames.first() else { return false };
            let start = frame.place.address();
            let words =
                (0..FRAME_BYTES / 8).map_while(|index| python.word(start.wrapping_add(index * 8)).ok());
            // Tagged references (3.14+) have low bits set.
            words.into_iter().any(|word| word & !7 == abort.address().0)
        })
    })
}

/// Frames of the interpreter between the abort and its caller: a search of the stack takes old return addresses for
/// frames, too.
const MOST_INTERPRETER_FRAMES: usize = 8;

struct FatalFrames {
    /// Index of the innermost frame of the interpreter.
    first: usize,
    /// Index of the frame that called it.
    caller: usize,
    by_name: bool,
    name: String,
}

/// By name where symbols tell; else by who calls whom: the C library aborts for the interpreter, which was called by
/// an extension a few frames further out.
fn fatal_frames(frames: &[NearFrame]) -> Option<FatalFrames> {
    let first = frames.iter().position(|frame| frame.owner != Owner::System)?;
    let named = |frame: &NearFrame| {
        frame.place.function.clone().filter(|name| {
            let plain = name.split('.').next().unwrap_or_default();
            FATAL.contains(&plain)
        })
    };
    let start = frames.get(first)?;
    if start.owner != Owner::Interpreter {
        return None;
    }
    let inner = frames.iter().enumerate().skip(first).take(6);
    if let Some((last, name)) = inner.filter_map(|(index, frame)| Some((index, named(frame)?))).next_back() {
        return Some(FatalFrames { first, caller: last + 1, by_name: true, name });
    }
    if start.place.function.is_some() {
        return None;
    }
    let caller = frames.iter().skip(first).position(|frame| frame.owner != Owner::Interpreter)? + first;
    let called = caller - first <= MOST_INTERPRETER_FRAMES
        && frames.get(caller).is_some_and(|frame| matches!(frame.owner, Owner::Extension | Owner::System));
    called.then(|| FatalFrames {
        first,
        caller,
        by_name: false,
        name: "the interpreter and its caller".into(),
    })
}

/// Printable text of some length that ends with a NUL.
fn text_at(process: &DeadProcess<'_>, at: Address) -> Option<String> {
    const LEAST: usize = 4;
    Ptr::<()>::new(at)?;
    process.core().segment_at(at)?;
    let bytes = process.space().c_string(at, MOST_TEXT).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let printable = text.chars().all(|character| !character.is_control() || matches!(character, '\n' | '\t'));
    (text.len() >= LEAST && text.len() < MOST_TEXT && printable).then_some(text)
}

/// Whether the characters of a `str` or `bytes` of this length begin at `at`: right behind its header, as those of
/// all literals do.
fn is_text_of_object(runtime: &PythonRuntime<'_>, at: Address, len: usize) -> bool {
    let python = runtime.python();
    let layout = python.layout();
    let object_at = |size: u64| Ptr::<Object>::new(at.wrapping_sub(size));
    let is = |object: Ptr<Object>, wanted: Kind| kind::of(python, object).is_ok_and(|kind| kind == wanted);
    let sizes = [member::UNICODE_ASCII_SIZE, member::UNICODE_COMPACT_SIZE];
    let of_str = sizes.iter().filter_map(|&size| object_at(layout.size_of(size).ok()?)).any(|object| {
        is(object, Kind::Str)
            && python.read(object.cast(), member::UNICODE_LENGTH).is_ok_and(|length| length == len as i64)
    });
    let of_bytes = layout.offset(member::BYTES_DATA).ok().and_then(object_at).is_some_and(|object| {
        is(object, Kind::Bytes)
            && python.read(object.cast(), member::VAR_SIZE).is_ok_and(|length| length == len as i64)
    });
    of_str || of_bytes
}
