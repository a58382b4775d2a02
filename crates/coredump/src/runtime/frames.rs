//! Python frames of a thread, innermost first.

use std::rc::Rc;

use rustc_hash::FxHashSet;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, CodeObject, FrameObject, InterpreterFrame, Object, ThreadState};
use crate::line_table::Position;
use crate::objects::dict;
use crate::objects::kind::{self, Kind};
use crate::objects::unicode::read_string;
use crate::recover::StackRecovery;
use crate::runtime::code::{Code, CodeCache, Variable, VariableKind};
use crate::runtime::dialect::{Bytecode, FrameChain, Instruction};
use crate::runtime::python::Python;

/// A Python function that was running, or waiting for one that it called.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Where the frame lies.
    pub place: FramePlace,
    /// What it runs.
    pub code: Rc<Code>,
    /// Where in the source it stands.
    pub position: Position,
}

/// The structure that a frame is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FramePlace {
    /// A frame object (up to 3.10).
    Object(Ptr<FrameObject>),
    /// An interpreter frame (3.11+).
    Interpreter(Ptr<InterpreterFrame>),
}

impl FramePlace {
    /// Where it lies.
    pub fn address(self) -> Address {
        match self {
            Self::Object(frame) => frame.address(),
            Self::Interpreter(frame) => frame.address(),
        }
    }
}

/// The frames of a thread and why the walk ended.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Innermost first.
    pub frames: Vec<Frame>,
    /// Why there are no more.
    pub stopped: Stopped,
    /// How it was put together, where the chain of frames is not whole.
    pub recovery: Option<StackRecovery>,
}

/// Why a walk over frames ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The outermost frame was reached.
    Bottom,
    /// A frame could not be read.
    Fault(ReadError),
    /// A frame came up twice.
    Cycle(Address),
    /// More frames than [`MAX_FRAMES`].
    Limit,
}

/// Walks end after this many frames; a million Python frames take half a GiB of the dead process.
pub const MAX_FRAMES: usize = 1_000_000;

/// A variable of a frame with the object that it is bound to.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Name and kind.
    pub variable: Variable,
    /// The object, or why it cannot be told.
    pub object: Result<Ptr<Object>, ReadError>,
}

/// Walks the frames of a thread.
pub(crate) fn walk(python: &Python<'_>, codes: &CodeCache, thread: Ptr<ThreadState>) -> Stack {
    match innermost(python, thread) {
        Ok(place) => walk_from(python, codes, place),
        Err(error) => Stack { frames: Vec::new(), stopped: Stopped::Fault(error), recovery: None },
    }
}

/// Walks the frames from `start` on.
pub(crate) fn walk_from(python: &Python<'_>, codes: &CodeCache, start: Option<FramePlace>) -> Stack {
    let mut stack = Stack { frames: Vec::new(), stopped: Stopped::Bottom, recovery: None };
    let mut seen = FxHashSet::default();
    let mut at = start;
    while let Some(place) = at {
        if !seen.insert(place) {
            stack.stopped = Stopped::Cycle(place.address());
            break;
        }
        if seen.len() > MAX_FRAMES {
            stack.stopped = Stopped::Limit;
            break;
        }
        match read_frame(python, codes, place) {
            Ok(frame) => stack.frames.extend(frame),
            Err(error) => {
                stack.stopped = Stopped::Fault(error);
                break;
            }
        }
        match previous(python, place) {
            Ok(previous) => at = previous,
            Err(error) => {
                stack.stopped = Stopped::Fault(error);
                break;
            }
        }
    }
    stack
}

pub(crate) fn innermost(
    python: &Python<'_>,
    thread: Ptr<ThreadState>,
) -> Result<Option<FramePlace>, ReadError> {
    let frame = match python.dialect().frame_chain {
        FrameChain::FrameObjects => {
            return Ok(python.read(thread, member::TSTATE_FRAME)?.map(FramePlace::Object));
        }
        FrameChain::CFrame => match python.read(thread, member::TSTATE_CFRAME)? {
            Some(cframe) => python.read(cframe, member::CFRAME_CURRENT_FRAME)?,
            None => None,
        },
        FrameChain::CurrentFrame => python.read(thread, member::TSTATE_CURRENT_FRAME)?,
    };
    Ok(frame.map(FramePlace::Interpreter))
}

/// Whether a thread has any frame.
pub(crate) fn has_frames(python: &Python<'_>, thread: Ptr<ThreadState>) -> bool {
    matches!(innermost(python, thread), Ok(Some(_)))
}

pub(crate) fn previous(python: &Python<'_>, place: FramePlace) -> Result<Option<FramePlace>, ReadError> {
    Ok(match place {
        FramePlace::Object(frame) => python.read(frame, member::FRAME_BACK)?.map(FramePlace::Object),
        FramePlace::Interpreter(frame) => {
            python.read(frame, member::IFRAME_PREVIOUS)?.map(FramePlace::Interpreter)
        }
    })
}

/// From this `owner` on, a frame only marks an entry into the interpreter loop: `FRAME_OWNED_BY_CSTACK` (3 in 3.12
/// and 3.13, 4 in 3.14) and `FRAME_OWNED_BY_INTERPRETER` (3 in 3.14 and later, alone in 3.15);
/// `Include/internal/pycore_interpframe_structs.h` at v3.14.10 and v3.15.2.
const FIRST_MARKER: u8 = 3;

/// Reads one frame; `None` for one that runs no Python code.
pub(crate) fn read_frame(
    python: &Python<'_>,
    codes: &CodeCache,
    place: FramePlace,
) -> Result<Option<Frame>, ReadError> {
    let Some(code_at) = code_of(python, codes, place)? else { return Ok(None) };
    let code = codes.get(python, code_at)?;
    let position = match traced_line(python, place)? {
        Some(line) => Position { line: Some(line), ..Position::default() },
        None => code.position(python, instruction_offset(python, place, code_at)?),
    };
    Ok(Some(Frame { place, code, position }))
}

pub(crate) fn code_of(
    python: &Python<'_>,
    codes: &CodeCache,
    place: FramePlace,
) -> Result<Option<Ptr<CodeObject>>, ReadError> {
    // No frame has a null pointer there: what looks like one is memory that was lost.
    let frame = match place {
        FramePlace::Object(frame) => {
            return python.read(frame, member::FRAME_CODE)?.map(Some).ok_or(ReadError::Null("f_code"));
        }
        FramePlace::Interpreter(frame) => frame,
    };
    let layout = python.layout();
    if !layout.has(member::IFRAME_IS_ENTRY) && python.read(frame, member::IFRAME_OWNER)? >= FIRST_MARKER {
        return Ok(None);
    }
    if layout.has(member::IFRAME_CODE) {
        return python.read(frame, member::IFRAME_CODE)?.map(Some).ok_or(ReadError::Null("f_code"));
    }
    let Address(word) = python.read(frame, member::IFRAME_EXECUTABLE)?;
    let executable = python.dialect().references.address(word).map(Address).and_then(Ptr::new);
    let executable = executable.ok_or(ReadError::Null("f_executable"))?;
    // The executable may be None or any object; only code objects have lines.
    match codes.check_type(python, executable) {
        Ok(()) => Ok(Some(executable)),
        Err(ReadError::Invalid { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `f_lineno` holds the line of a frame that is being traced (up to 3.9; `PyFrame_GetLineNumber`).
fn traced_line(python: &Python<'_>, place: FramePlace) -> Result<Option<u32>, ReadError> {
    let FramePlace::Object(frame) = place else { return Ok(None) };
    if python.read(frame, member::FRAME_TRACE)?.is_none() {
        return Ok(None);
    }
    let line = python.read(frame, member::FRAME_LINENO)?;
    Ok(u32::try_from(line).ok().filter(|&line| line > 0))
}

/// Offset in bytes of the instruction that the frame stands on; `None` before the first one.
pub(crate) fn instruction_offset(
    python: &Python<'_>,
    place: FramePlace,
    code: Ptr<CodeObject>,
) -> Result<Option<u64>, ReadError> {
    match (place, python.dialect().instruction) {
        (FramePlace::Object(frame), Instruction::LastiBytes) => {
            Ok(u64::try_from(python.read(frame, member::FRAME_LASTI)?).ok())
        }
        (FramePlace::Object(frame), _) => {
            Ok(u64::try_from(python.read(frame, member::FRAME_LASTI)?).ok().map(|units| units * 2))
        }
        (FramePlace::Interpreter(frame), instruction) => {
            let pointer = if instruction == Instruction::Current {
                python.read(frame, member::IFRAME_INSTR_PTR)?
            } else {
                python.read(frame, member::IFRAME_PREV_INSTR)?
            };
            let start = first_instruction(python, frame, code)?;
            Ok(pointer.0.checked_sub(start.0))
        }
    }
}

/// Most copies of its bytecode that a code object has: one for each thread.
const MAX_COPIES: u64 = 1 << 20;

/// Where the instructions begin that the frame's pointer points into.
fn first_instruction(
    python: &Python<'_>,
    frame: Ptr<InterpreterFrame>,
    code: Ptr<CodeObject>,
) -> Result<Address, ReadError> {
    let in_code = python.address_of(code, member::CODE_CODE_ADAPTIVE)?;
    if python.dialect().bytecode == Bytecode::InCode {
        return Ok(in_code);
    }
    // Copies are made when a second thread first runs the code; up to then there is no array.
    let Some(copies) = python.read(code, member::CODE_TLBC)? else { return Ok(in_code) };
    let index = u64::from(python.read(frame, member::IFRAME_TLBC_INDEX)?);
    let count = python.read(copies, member::CODE_ARRAY_SIZE)?;
    if index >= u64::try_from(count).unwrap_or(0).min(MAX_COPIES) {
        let what = "the frame's copy of the bytecode is none of its code object's";
        return Err(ReadError::Invalid { at: frame.address(), what });
    }
    let word = python.space().target().word_size as u64;
    let entry = python.address_of(copies, member::CODE_ARRAY_ENTRIES)?.wrapping_add(index * word);
    Ok(Address(python.word(entry)?))
}

/// `co_flags` of a function whose variables are in slots (`CO_OPTIMIZED`, Include/cpython/code.h).
const CO_OPTIMIZED: i32 = 0x1;

/// The variables of a class body or of `exec`: entries of a namespace that is not the module's own.
fn namespace(python: &Python<'_>, frame: &Frame) -> Result<Vec<Binding>, ReadError> {
    let (locals, globals) = match frame.place {
        FramePlace::Object(at) => {
            (python.read(at, member::FRAME_LOCALS)?, python.read(at, member::FRAME_GLOBALS)?)
        }
        FramePlace::Interpreter(at) => {
            (python.read(at, member::IFRAME_LOCALS)?, python.read(at, member::IFRAME_GLOBALS)?)
        }
    };
    let Some(locals) = locals.filter(|&locals| Some(locals) != globals) else { return Ok(Vec::new()) };
    if kind::of(python, locals)? != Kind::Dict {
        return Ok(Vec::new());
    }
    let entries = dict::entries(python, locals.cast(), MAX_SLOTS)?;
    let named = entries.items.into_iter().map(|(key, value)| {
        let name = read_string(python, key.cast(), MAX_NAME)?;
        let variable = Variable { name, kind: VariableKind::Local, in_cell: false };
        Ok(Binding { variable, object: Ok(value) })
    });
    named.collect()
}

/// Longest name of a variable that is read.
const MAX_NAME: usize = 4096;

/// Most slots that are looked at in one frame.
const MAX_SLOTS: usize = 1 << 16;

/// The variables of a frame that are bound, in the order of its slots.
pub(crate) fn bindings(python: &Python<'_>, frame: &Frame) -> Vec<Binding> {
    let slots = match frame.place {
        FramePlace::Object(at) => python.address_of(at, member::FRAME_LOCALSPLUS),
        FramePlace::Interpreter(at) => python.address_of(at, member::IFRAME_LOCALSPLUS),
    };
    let Ok(slots) = slots else { return Vec::new() };
    let word = python.space().target().word_size as u64;
    let variables = frame.code.variables.iter().take(MAX_SLOTS).enumerate();
    let bound = variables.filter_map(|(index, variable)| {
        let at = slots.wrapping_add(index as u64 * word);
        let object = match python.word(at).map(|value| python.dialect().references.address(value)) {
            Ok(Some(value)) => Ok(Ptr::new(Address(value))?),
            Ok(None) => Err(ReadError::Invalid { at, what: "a frame's slot that refers to no object" }),
            Err(fault) => Err(fault.into()),
        };
        let object = match object {
            Ok(cell) if variable.in_cell => in_cell(python, frame, cell)?,
            other => other,
        };
        Some(Binding { variable: variable.clone(), object })
    });
    let mut bindings: Vec<Binding> = bound.collect();
    if let Some(error) = frame.code.variables_lost {
        let variable = Variable { name: "<variables>".to_owned(), kind: VariableKind::Local, in_cell: false };
        bindings.push(Binding { variable, object: Err(error) });
    }
    if frame.code.flags & CO_OPTIMIZED == 0 {
        match namespace(python, frame) {
            Ok(found) => bindings.extend(found),
            Err(error) => {
                let name = "<namespace>".to_owned();
                let variable = Variable { name, kind: VariableKind::Local, in_cell: false };
                bindings.push(Binding { variable, object: Err(error) });
            }
        }
    }
    bindings
}

/// What a cell holds; `None` for an empty one. A cell variable that is an argument is in no cell until the
/// function's first instructions have run (3.11+).
fn in_cell(python: &Python<'_>, frame: &Frame, slot: Ptr<Object>) -> Option<Result<Ptr<Object>, ReadError>> {
    let is_cell = || -> Result<bool, ReadError> {
        let of_type = python.type_of(slot)?;
        let size = python.read(of_type, member::TYPE_BASICSIZE)?;
        let expected = python.layout().offset(member::CELL_REF)? + python.space().target().word_size as u64;
        Ok(u64::try_from(size) == Ok(expected) && python.read(of_type, member::TYPE_ITEMSIZE)? == 0)
    };
    let started = match frame.place {
        FramePlace::Object(_) => true,
        FramePlace::Interpreter(_) => match is_cell() {
            Ok(is_cell) => is_cell,
            Err(error) => return Some(Err(error)),
        },
    };
    if !started {
        return Some(Ok(slot));
    }
    match python.read(slot.cast(), member::CELL_REF) {
        Ok(value) => value.map(Ok),
        Err(error) => Some(Err(error)),
    }
}
