//! What a frame holds besides its variables: the values that its instructions work on, and what it will leave.

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, CFunctionObject, FunctionObject, GenObject, MethodObject, Object};
use crate::objects::attributes;
use crate::objects::bytes;
use crate::objects::dict::lookup_str;
use crate::objects::unicode::is_str;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{Frame, FramePlace, instruction_offset};
use crate::runtime::python::Python;
use crate::waits::idiom::is_instance;

/// Most slots of a frame's stack that are looked at.
const MAX_SLOTS: u64 = 256;
/// Longest exception table that is read.
pub(crate) const MAX_TABLE: usize = 1 << 20;
/// `CO_MAXBLOCKS` of Include/cpython/code.h.
const MAX_BLOCKS: u64 = 20;

/// The objects in all slots of a frame's stack. Those above its top are left over from earlier instructions, so
/// what is found here must be confirmed by something else.
pub(crate) fn all(python: &Python<'_>, frame: &Frame) -> Vec<Ptr<Object>> {
    let depth = python.read(frame.code.address, member::CODE_STACKSIZE).ok();
    read(python, frame, depth.and_then(|depth| u64::try_from(depth).ok()).unwrap_or(0)).unwrap_or_default()
}

/// What a frame has entered by a `with` statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entered {
    /// The object.
    pub(crate) object: Ptr<Object>,
    /// How deep the frame's stack is where the block begins, which tells its blocks apart.
    pub(crate) level: u64,
}

/// The objects whose `with` block a frame is in, with those that a `@contextmanager` function is in for it.
pub(crate) fn entered(runtime: &PythonRuntime<'_>, frame: &Frame) -> Vec<Entered> {
    let mut found = entered_by(runtime, frame, EXIT);
    let mut next = 0;
    while let Some(&Entered { object, level }) = found.get(next).filter(|_| next < MAX_ENTERED) {
        next += 1;
        if let Some(inner) = frame_of_manager(runtime, object) {
            found.extend(
                entered_by(runtime, &inner, EXIT).into_iter().map(|inner| Entered { level, ..inner }),
            );
        }
    }
    found
}

/// The objects whose `async with` block a frame is in, the outermost first. One whose `__aenter__` the frame still
/// awaits may be among them.
pub(crate) fn entered_async(runtime: &PythonRuntime<'_>, frame: &Frame) -> Vec<Ptr<Object>> {
    entered_by(runtime, frame, "__aexit__").into_iter().map(|entered| entered.object).collect()
}

const EXIT: &str = "__exit__";

/// Most context managers of one frame that are followed.
const MAX_ENTERED: usize = 64;

/// The frame of the function behind a context manager that `contextlib` made: it waits at its `yield`, as long as the
/// manager has not been left.
fn frame_of_manager(runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> Option<Frame> {
    if !is_instance(runtime, object, "contextlib._GeneratorContextManager") {
        return None;
    }
    let python = runtime.python();
    let generator: Ptr<GenObject> = attributes::get(python, object, "gen").ok()??.cast();
    let place = if python.layout().has(member::GEN_IFRAME) {
        FramePlace::Interpreter(Ptr::new(python.address_of(generator, member::GEN_IFRAME).ok()?)?)
    } else {
        FramePlace::Object(python.read(generator, member::GEN_FRAME).ok()??)
    };
    runtime.frame_at(place).ok()?
}

/// The objects whose `with` block a frame is in, the outermost first.
///
/// A `with` statement keeps the `__exit__` that it will call in a slot of the frame's stack, below what its block
/// uses: up to 3.10 the frame's stack of blocks says how deep that is, from 3.11 on the exception table does. The
/// block is entered when `__enter__` has come back, so the object has been entered, and not been left yet.
fn entered_by(runtime: &PythonRuntime<'_>, frame: &Frame, exit: &str) -> Vec<Entered> {
    let python = runtime.python();
    let Some(depth) = live_depth(python, frame) else { return Vec::new() };
    let slots = read(python, frame, depth).unwrap_or_default();
    let mut found = Vec::new();
    for (index, &slot) in slots.iter().enumerate() {
        let below = index.checked_sub(1).and_then(|below| slots.get(below)).copied();
        let beside = below.filter(|&function| exits(runtime, function, slot, exit)).map(|_| slot);
        let object = bound_exit(runtime, slot, exit).or(beside);
        found.extend(object.map(|object| Entered { object, level: index as u64 + 1 }));
    }
    found
}

/// How many slots of the frame's stack are in use for certain.
fn live_depth(python: &Python<'_>, frame: &Frame) -> Option<u64> {
    match frame.place {
        FramePlace::Object(at) => {
            let count = u64::try_from(python.read(at, member::FRAME_IBLOCK).ok()?).ok()?;
            let size = python.layout().size_of(member::TRY_BLOCK_SIZE).ok()?;
            let innermost = count.checked_sub(1).filter(|&block| block < MAX_BLOCKS)?;
            let blocks = python.address_of(at, member::FRAME_BLOCKSTACK).ok()?;
            let block = Ptr::new(blocks.wrapping_add(innermost * size))?;
            u64::try_from(python.read(block, member::TRY_BLOCK_LEVEL).ok()?).ok()
        }
        FramePlace::Interpreter(_) => {
            let offset = instruction_offset(python, frame.place, frame.code.address).ok()??;
            let table = python.read(frame.code.address, member::CODE_EXCEPTIONTABLE).ok()??;
            let table = bytes::bytes(python, table.cast(), MAX_TABLE).ok()?;
            depth_at(&table.data, offset / INSTRUCTION)
        }
    }
}

/// Bytes of an instruction without its caches (3.6+).
pub(crate) const INSTRUCTION: u64 = 2;

/// The depth that an exception table states for an instruction.
fn depth_at(table: &[u8], instruction: u64) -> Option<u64> {
    let entry = handlers(table).find(|entry| entry.start.saturating_add(entry.length) > instruction)?;
    (entry.start <= instruction).then_some(entry.depth)
}

/// An entry of an exception table, in units of two bytes.
pub(crate) struct HandlerEntry {
    pub(crate) start: u64,
    pub(crate) length: u64,
    pub(crate) target: u64,
    /// How deep the stack is cut before the handler runs.
    pub(crate) depth: u64,
    /// The offset of the instruction that failed is pushed before the exception.
    pub(crate) pushes_offset: bool,
}

/// The entries of an exception table: start, length, target, depth and a flag, each in groups of six bits, the first
/// of an entry marked by bit 7 (`Objects/exception_handling_notes.txt` at v3.11.7).
pub(crate) fn handlers(table: &[u8]) -> impl Iterator<Item = HandlerEntry> + '_ {
    let mut bytes = table.iter().copied();
    let mut number = move || {
        let mut byte = bytes.next()?;
        let mut value = u64::from(byte & 0x3f);
        while byte & 0x40 != 0 {
            byte = bytes.next()?;
            value = value.checked_mul(64)? | u64::from(byte & 0x3f);
        }
        Some(value)
    };
    std::iter::from_fn(move || {
        let (start, length, target, depth) = (number()?, number()?, number()?, number()?);
        Some(HandlerEntry { start, length, target, depth: depth >> 1, pushes_offset: depth & 1 != 0 })
    })
}

/// The object in one slot of a frame's stack; `None` for an empty one.
pub(crate) fn at(python: &Python<'_>, frame: &Frame, index: u64) -> Result<Option<Ptr<Object>>, ReadError> {
    let word = python.space().target().word_size as u64;
    let at = base(python, frame)?.wrapping_add(index.wrapping_mul(word));
    let what = "a slot of a frame's stack that refers to no object";
    let address = python.dialect().references.address(python.word(at)?);
    Ok(Ptr::new(Address(address.ok_or(ReadError::Invalid { at, what })?)))
}

/// Where a frame's stack begins.
fn base(python: &Python<'_>, frame: &Frame) -> Result<Address, ReadError> {
    let word = python.space().target().word_size as u64;
    match frame.place {
        FramePlace::Object(at) => python.read(at, member::FRAME_VALUESTACK),
        FramePlace::Interpreter(at) => {
            let locals = python.read(frame.code.address, member::CODE_NLOCALSPLUS)?;
            let locals = u64::try_from(locals).unwrap_or(0);
            Ok(python.address_of(at, member::IFRAME_LOCALSPLUS)?.wrapping_add(locals.wrapping_mul(word)))
        }
    }
}

/// Reads the lowest `depth` slots of a frame's stack; empty ones are left out, so that positions shift only above
/// one (no live slot below the top is empty but for a method call that has no `self`).
fn read(python: &Python<'_>, frame: &Frame, depth: u64) -> Result<Vec<Ptr<Object>>, ReadError> {
    let word = python.space().target().word_size as u64;
    let bytes = python.bytes(base(python, frame)?, depth.min(MAX_SLOTS) * word)?;
    let references = python.dialect().references;
    let slots = python.space().target().words(&bytes).map(|slot| references.address(slot).map(Address));
    Ok(slots.filter_map(|slot| Ptr::new(slot?)).collect())
}

/// What a bound `__exit__` is bound to.
pub(crate) fn exit_of(runtime: &PythonRuntime<'_>, method: Ptr<Object>) -> Option<Ptr<Object>> {
    bound_exit(runtime, method, EXIT)
}

/// What a bound method of the name `exit` is bound to.
fn bound_exit(runtime: &PythonRuntime<'_>, method: Ptr<Object>, exit: &str) -> Option<Ptr<Object>> {
    let python = runtime.python();
    match runtime.types().find(python, python.type_of(method).ok()?)?.qualname.as_str() {
        "method" => {
            let method = method.cast::<MethodObject>();
            let bound = python.read(method, member::METHOD_SELF).ok()??;
            let function = python.read(method, member::METHOD_FUNC).ok()??;
            // `contextlib` binds the `__exit__` of a C type by itself.
            let is_exit = is_exit_function(python, function, exit)
                || exit_descriptor(runtime, bound, exit) == Some(function);
            is_exit.then_some(bound)
        }
        "builtin_function_or_method" => {
            let function = method.cast::<CFunctionObject>();
            let bound = python.read(function, member::CFUNCTION_SELF).ok()??;
            let definition = python.read(function, member::CFUNCTION_DEF).ok()??;
            let descriptor = exit_descriptor(runtime, bound, exit)?;
            (python.read(descriptor.cast(), member::METHOD_DESCR_METHOD).ok()? == Some(definition))
                .then_some(bound)
        }
        _ => None,
    }
}

/// What a method of C code is bound to, when it is the one of that name of the object's type.
pub(crate) fn bound_by(runtime: &PythonRuntime<'_>, method: Ptr<Object>, name: &str) -> Option<Ptr<Object>> {
    let python = runtime.python();
    if runtime.types().find(python, python.type_of(method).ok()?)?.qualname != "builtin_function_or_method" {
        return None;
    }
    let function = method.cast::<CFunctionObject>();
    let bound = python.read(function, member::CFUNCTION_SELF).ok()??;
    let definition = python.read(function, member::CFUNCTION_DEF).ok()??;
    let class_dict = runtime.types().dict_of(python, python.type_of(bound).ok()?).ok()??;
    let descriptor = lookup_str(python, class_dict, name).ok()??;
    (python.read(descriptor.cast(), member::METHOD_DESCR_METHOD).ok()? == Some(definition)).then_some(bound)
}

/// Whether `function` is the `exit` of the type of `object`: from 3.14 on the two stand side by side.
fn exits(runtime: &PythonRuntime<'_>, function: Ptr<Object>, object: Ptr<Object>, exit: &str) -> bool {
    let python = runtime.python();
    let Some(name) = python.type_of(function).ok().and_then(|of| runtime.types().find(python, of)) else {
        return false;
    };
    match name.qualname.as_str() {
        "function" => is_exit_function(python, function, exit) && inherits(runtime, object, function, exit),
        "method_descriptor" => exit_descriptor(runtime, object, exit) == Some(function),
        _ => false,
    }
}

fn is_exit_function(python: &Python<'_>, function: Ptr<Object>, exit: &str) -> bool {
    let name = python.read(function.cast::<FunctionObject>(), member::FUNCTION_NAME).ok().flatten();
    name.is_some_and(|name| is_str(python, name.cast(), exit).unwrap_or(false))
}

/// `exit` in the dict of the object's type.
fn exit_descriptor(runtime: &PythonRuntime<'_>, object: Ptr<Object>, exit: &str) -> Option<Ptr<Object>> {
    let python = runtime.python();
    let dict = runtime.types().dict_of(python, python.type_of(object).ok()?).ok()??;
    lookup_str(python, dict, exit).ok()?
}

/// Whether that function is what a class along the bases of the object's type has as `exit`.
fn inherits(runtime: &PythonRuntime<'_>, object: Ptr<Object>, function: Ptr<Object>, exit: &str) -> bool {
    let python = runtime.python();
    let mut next = python.type_of(object).ok();
    for _ in 0..MAX_BASES {
        let Some(class) = next else { return false };
        let dict = runtime.types().dict_of(python, class).ok().flatten();
        let own = dict.and_then(|dict| lookup_str(python, dict, exit).ok().flatten());
        if own.is_some() {
            return own == Some(function);
        }
        next = python.read(class, member::TYPE_BASE).ok().flatten();
    }
    false
}

const MAX_BASES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_by_exception_table() {
        // [4, 10) depth 1; [70, 90) depth 3 with the last instruction pushed.
        let table = [0x84, 6, 20, 1 << 1, 0x80 | 0x41, 6, 20, 30, (3 << 1) | 1];
        let check = |instruction, depth| assert_eq!(depth_at(&table, instruction), depth, "{instruction}");
        check(3, None);
        check(4, Some(1));
        check(9, Some(1));
        check(10, None);
        check(70, Some(3));
        check(89, Some(3));
        check(90, None);
        assert_eq!(depth_at(&[0xff, 0xff, 0xff], 1), None);
    }
}
