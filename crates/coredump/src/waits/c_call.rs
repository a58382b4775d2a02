//! The C functions that Python frames have called: the innermost one of a thread, and those further out whose C function
//! called Python code again.
//!
//! The frame stands on its call until that returns, and what it called stays on the frame's stack for as long.
//! Where on the stack follows from the instruction, and how deep that is from the code.

use rustc_hash::FxHashMap;

use crate::address::Ptr;
use crate::bytecode::{Handler, Opcodes, depth_at};
use crate::layout::ReadError;
use crate::layout::member::{self, CodeObject, Object};
use crate::objects::bytes;
use crate::objects::repr::{CCallable, Objects, c_callable, entered_by};
use crate::runtime::activations;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Frame, instruction_offset};
use crate::waits::subject::bound_to;
use crate::waits::{Walked, slots};

/// Most runs of the interpreter's loop in one thread whose callers are looked at.
const MAX_OUTER: usize = 100;
/// Longest byte code that is looked at.
const MAX_CODE: u64 = 1 << 20;
/// Most handlers of one function.
const MAX_HANDLERS: usize = 1 << 14;
/// `CO_GENERATOR`, `CO_COROUTINE` and `CO_ASYNC_GENERATOR` of Include/cpython/code.h.
const CO_ANY_GENERATOR: i32 = 0x20 | 0x80 | 0x200;

/// Finds what threads have called; each place in the code is looked at once.
pub(super) struct Calls<'r, 'p> {
    runtime: &'r PythonRuntime<'p>,
    opcodes: Opcodes,
    known: FxHashMap<(Ptr<CodeObject>, u64), Option<Place>>,
}

/// Where on a frame's stack the called object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In this slot.
    Slot(u64),
    /// In this slot, or, when it is empty, in the one above.
    SlotOrAbove(u64),
    /// In this slot is what a `with` statement enters, or its `__exit__`.
    Manager(u64),
}

impl<'r, 'p> Calls<'r, 'p> {
    /// `None` for a version whose instructions are not known.
    pub(super) fn new(runtime: &'r PythonRuntime<'p>) -> Option<Self> {
        let opcodes = Opcodes::of(runtime.python().dialect().opcodes?);
        Some(Self { runtime, opcodes, known: FxHashMap::default() })
    }

    /// What the thread's innermost frame has called, if that is C code.
    pub(super) fn of(&mut self, one: &Walked) -> Option<CCallable> {
        self.of_frame(one.stack.frames.first().filter(|_| one.stack.recovery.is_none())?)
    }

    /// What the frames further out have called, if that is C code, with their places in the stack.
    pub(super) fn of_outer(&mut self, one: &Walked) -> Vec<(usize, CCallable)> {
        if one.stack.recovery.is_some() || one.stack.frames.len() < 2 {
            return Vec::new();
        }
        // Where a run of the interpreter's loop ends, C code called it.
        let runs = activations::of_thread(self.runtime.python(), one.thread.state, &one.stack);
        let mut next = 0;
        let mut found = Vec::new();
        for run in runs.iter().take(MAX_OUTER) {
            next += run.frames;
            let frame = one.stack.frames.get(next).filter(|_| next > 0);
            let callable = frame.and_then(|frame| self.of_frame(frame));
            found.extend(callable.map(|callable| (next, callable)));
        }
        found
    }

    /// What a frame has called, if that is C code.
    pub(super) fn of_frame(&mut self, frame: &Frame) -> Option<CCallable> {
        let python = self.runtime.python();
        let offset = instruction_offset(python, frame.place, frame.code.address).ok()??;
        let key = (frame.code.address, offset);
        let place = if let Some(&known) = self.known.get(&key) {
            known
        } else {
            let place = self.place(frame, offset).ok().flatten();
            self.known.insert(key, place);
            place
        }?;
        let objects = Objects::new(python, self.runtime.types());
        let slot = |index| slots::at(python, frame, index).ok();
        let (callable, above) = match place {
            Place::Slot(index) => (c_callable(&objects, slot(index)??)?, slot(index + 1).flatten()),
            Place::SlotOrAbove(index) => match slot(index)? {
                Some(called) => (c_callable(&objects, called)?, slot(index + 1).flatten()),
                None => (c_callable(&objects, slot(index + 1)??)?, None),
            },
            Place::Manager(index) => {
                let top: Ptr<Object> = slot(index)??;
                let manager = slots::exit_of(self.runtime, top).unwrap_or(top);
                (entered_by(&objects, manager)?, Some(manager))
            }
        };
        // A method that is not bound yet is called on what lies above it.
        let receiver =
            bound_to(self.runtime, callable.object).or(above.filter(|_| callable.kind == "method"));
        Some(CCallable { receiver, ..callable })
    }

    fn place(&self, frame: &Frame, offset: u64) -> Result<Option<Place>, ReadError> {
        let python = self.runtime.python();
        let code = frame.code.address;
        let bytes = instructions(self.runtime, code)?;
        let mut handlers = Vec::new();
        if python.layout().has(member::CODE_EXCEPTIONTABLE)
            && let Some(table) = python.read(code, member::CODE_EXCEPTIONTABLE)?
        {
            let table = bytes::bytes(python, table.cast(), slots::MAX_TABLE)?;
            handlers.extend(slots::handlers(&table.data).take(MAX_HANDLERS).filter_map(|entry| {
                // The exception itself is on top.
                let depth = entry.depth.checked_add(1 + u64::from(entry.pushes_offset))?;
                Some(Handler {
                    target: usize::try_from(entry.target).ok()?,
                    depth: i64::try_from(depth).ok()?,
                })
            }));
        }
        let Ok(unit) = usize::try_from(offset / slots::INSTRUCTION) else { return Ok(None) };
        let is_generator = frame.code.flags & CO_ANY_GENERATOR != 0;
        let Some((depth, opcode, argument)) = depth_at(&self.opcodes, &bytes, unit, is_generator, &handlers)
        else {
            return Ok(None);
        };
        let most = i64::from(python.read(code, member::CODE_STACKSIZE)?);
        Ok(called(&self.opcodes, opcode.name, i64::from(argument), depth).filter(|_| depth <= most))
    }
}

/// Where the instruction finds what it calls, on a stack that is `depth` deep before it.
fn called(opcodes: &Opcodes, name: &str, argument: i64, depth: i64) -> Option<Place> {
    let slot = |index: i64| u64::try_from(index).ok();
    // From 3.13 on the callable lies below `self`, before that above (`inst(CALL` of Python/bytecodes.c at v3.12.1 and
    // v3.13.0); `CALL_KW` came with that.
    let callable_first = opcodes.has("CALL_KW");
    match name {
        "CALL_FUNCTION" => slot(depth - argument - 1).map(Place::Slot),
        "CALL_FUNCTION_KW" => slot(depth - argument - 2).map(Place::Slot),
        "CALL_KW" => slot(depth - argument - 3).map(Place::Slot),
        "CALL" if callable_first => slot(depth - argument - 2).map(Place::Slot),
        // `PRECALL` is said to take the arguments away already, which only `CALL` does (3.11).
        "CALL" if opcodes.has("PRECALL") => slot(depth - 2).map(Place::SlotOrAbove),
        "CALL" | "CALL_METHOD" | "PRECALL" => slot(depth - argument - 2).map(Place::SlotOrAbove),
        "CALL_FUNCTION_EX" => {
            let keywords = argument & 1;
            slot(match (callable_first, opcodes.has("LOAD_SPECIAL")) {
                // The keywords are always there, or NULL in their place (3.14+).
                (true, true) => depth - 4,
                (true, false) => depth - 3 - keywords,
                (false, _) => depth - 2 - keywords,
            })
            .map(Place::Slot)
        }
        "SETUP_WITH" | "BEFORE_WITH" => slot(depth - 1).map(Place::Manager),
        _ => None,
    }
}

/// The byte code of a code object.
pub(super) fn instructions(runtime: &PythonRuntime<'_>, code: Ptr<CodeObject>) -> Result<Vec<u8>, ReadError> {
    let python = runtime.python();
    if python.layout().has(member::CODE_CODE_ADAPTIVE) {
        let units = u64::try_from(python.read(code.cast(), member::VAR_SIZE)?).unwrap_or(0);
        let start = python.address_of(code, member::CODE_CODE_ADAPTIVE)?;
        let len = units.saturating_mul(slots::INSTRUCTION).min(MAX_CODE);
        return Ok(python.bytes(start, len)?.into_owned());
    }
    let bytes = python.read(code, member::CODE_CODE)?.ok_or(ReadError::Null("co_code"))?;
    let limit = usize::try_from(MAX_CODE).unwrap_or(usize::MAX);
    Ok(bytes::bytes(python, bytes, limit)?.data.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::OpcodeSet;

    #[test]
    fn places_of_callables() {
        let check = |set, name, argument, depth, expected| {
            assert_eq!(called(&Opcodes::of(set), name, argument, depth), expected, "{set:?} {name}");
        };
        check(OpcodeSet::V3_8, "CALL_FUNCTION", 1, 2, Some(Place::Slot(0)));
        check(OpcodeSet::V3_10, "CALL_METHOD", 1, 3, Some(Place::SlotOrAbove(0)));
        check(OpcodeSet::V3_11, "PRECALL", 1, 3, Some(Place::SlotOrAbove(0)));
        check(OpcodeSet::V3_11, "CALL", 1, 2, Some(Place::SlotOrAbove(0)));
        check(OpcodeSet::V3_12, "CALL", 1, 3, Some(Place::SlotOrAbove(0)));
        check(OpcodeSet::V3_12, "CALL_FUNCTION_EX", 1, 4, Some(Place::Slot(1)));
        check(OpcodeSet::V3_13, "CALL_FUNCTION_EX", 1, 4, Some(Place::Slot(0)));
        check(OpcodeSet::V3_14, "CALL_KW", 1, 4, Some(Place::Slot(0)));
        check(OpcodeSet::V3_14, "CALL", 9, 3, None);
        check(OpcodeSet::V3_14, "BINARY_OP", 0, 3, None);
    }
}
