//! Generators, coroutines and async generators: where each stands, and what it delegates to.
//!
//! Sources: `_PyGen_yf` of Objects/genobject.c at v3.8.18 to v3.15.2, `enum _framestate` of
//! `Include/internal/pycore_frame.h`.

use std::cell::OnceCell;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{
    self, CodeObject, FrameObject, GenObject, InterpreterFrame, Object, TypeObject, UnicodeObject,
};
use crate::objects::dict::lookup_str;
use crate::objects::kind;
use crate::objects::types::module_dict;
use crate::objects::unicode::read_string;
use crate::runtime::attach::PythonRuntime;
use crate::runtime::dialect::{Instruction, Suspension};
use crate::runtime::frames::FramePlace;
use crate::runtime::python::Python;

/// Longest name that is read.
const MAX_NAME: usize = 4096;
/// `YIELD_FROM` (Include/opcode.h at v3.8.18 to v3.10.13).
const YIELD_FROM: u8 = 72;
/// `RESUME`, and what it becomes when it has run often or is traced (Include/opcode.h at v3.11.7 and v3.12.1).
const RESUMES: [u8; 3] = [151, 150, 240];
/// `RESUME` with an argument from here on follows a `yield from` or an `await`.
const RESUME_AFTER_YIELD_FROM: u8 = 2;

/// The three kinds of functions that can be suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GeneratorKind {
    /// `yield` in a function.
    Generator,
    /// `async def`.
    Coroutine,
    /// `yield` in an `async def`.
    AsyncGenerator,
}

/// What a generator is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorState {
    /// It was made, and has not begun.
    Created,
    /// It waits to be resumed.
    Suspended {
        /// What it waits for, at an `await` or `yield from`.
        on: Option<Ptr<Object>>,
    },
    /// It is running, or waits for a function that it called.
    Running,
    /// It has ended.
    Finished,
}

/// A generator, coroutine or async generator.
#[derive(Clone, Copy, Debug)]
pub struct Generator {
    /// The object.
    pub object: Ptr<GenObject>,
    /// Which of the three it is.
    pub kind: GeneratorKind,
    /// Its frame, unless it has ended.
    pub frame: Option<FramePlace>,
    /// What it is doing.
    pub state: GeneratorState,
}

/// The types of generators in one process, which all interpreters share.
#[derive(Debug, Default)]
pub(crate) struct GeneratorTypes {
    found: OnceCell<Vec<(Ptr<TypeObject>, GeneratorKind)>>,
}

impl GeneratorTypes {
    /// Which kind of generator the instances of a type are.
    pub(crate) fn kind(&self, runtime: &PythonRuntime<'_>, of: Ptr<TypeObject>) -> Option<GeneratorKind> {
        let found = self.found.get_or_init(|| find_types(runtime));
        found.iter().find(|entry| entry.0 == of).map(|entry| entry.1)
    }

    /// The type of one kind.
    pub(crate) fn of_kind(
        &self,
        runtime: &PythonRuntime<'_>,
        kind: GeneratorKind,
    ) -> Option<Ptr<TypeObject>> {
        let found = self.found.get_or_init(|| find_types(runtime));
        found.iter().find(|entry| entry.1 == kind).map(|entry| entry.0)
    }
}

/// Where modules of the standard library show the types; the first is imported by every interpreter.
const SHOWN_AS: [(&str, [(&str, GeneratorKind); 3]); 2] = [
    (
        "_collections_abc",
        [
            ("generator", GeneratorKind::Generator),
            ("coroutine", GeneratorKind::Coroutine),
            ("async_generator", GeneratorKind::AsyncGenerator),
        ],
    ),
    (
        "types",
        [
            ("GeneratorType", GeneratorKind::Generator),
            ("CoroutineType", GeneratorKind::Coroutine),
            ("AsyncGeneratorType", GeneratorKind::AsyncGenerator),
        ],
    ),
];

fn find_types(runtime: &PythonRuntime<'_>) -> Vec<(Ptr<TypeObject>, GeneratorKind)> {
    let python = runtime.python();
    let mut found = Vec::new();
    for (module, names) in SHOWN_AS {
        let Some(globals) = runtime.module_globals(module) else { continue };
        for (name, kind) in names {
            let Ok(Some(object)) = lookup_str(python, globals, name) else { continue };
            if let Some(of) = kind::as_type(python, object)
                && !found.iter().any(|entry: &(_, GeneratorKind)| entry.1 == kind)
                && is_as_large(python, of)
            {
                found.push((of, kind));
            }
        }
    }
    found
}

/// All three have the size of a generator or a little more; from 3.11 on their last member is the frame, whose
/// slots are counted apart.
fn is_as_large(python: &Python<'_>, of: Ptr<TypeObject>) -> bool {
    let size = python.read(of, member::TYPE_BASICSIZE).ok().and_then(|size| u64::try_from(size).ok());
    let least = python.layout().offset(member::GEN_QUALNAME).unwrap_or(u64::MAX);
    size.is_some_and(|size| size > least && size < least + 512)
}

impl PythonRuntime<'_> {
    /// The generator, coroutine or async generator at `object`; `None` for any other object.
    ///
    /// # Errors
    /// When it is one and cannot be read.
    pub fn generator(&self, object: Ptr<Object>) -> Result<Option<Generator>, ReadError> {
        let of = self.python().type_of(object)?;
        match self.generator_types().kind(self, of) {
            Some(kind) => read(self.python(), object.cast(), kind).map(Some),
            None => Ok(None),
        }
    }

    /// The namespace of a module of the main interpreter.
    pub(crate) fn module_globals(&self, name: &str) -> Option<Ptr<member::DictObject>> {
        self.module_globals_of(*self.interpreters().last()?, name)
    }

    /// The namespace of a module of an interpreter.
    pub(crate) fn module_globals_of(
        &self,
        interpreter: Ptr<member::InterpreterState>,
        name: &str,
    ) -> Option<Ptr<member::DictObject>> {
        let module = lookup_str(self.python(), self.modules(interpreter)?.cast(), name).ok()??;
        module_dict(self.python(), module)
    }
}

impl Generator {
    /// Its `__name__`.
    pub fn name(&self, python: &Python<'_>) -> Option<String> {
        text(python, python.read(self.object, member::GEN_NAME))
    }

    /// Its `__qualname__`.
    pub fn qualname(&self, python: &Python<'_>) -> Option<String> {
        text(python, python.read(self.object, member::GEN_QUALNAME))
    }
}

fn text(python: &Python<'_>, name: Result<Option<Ptr<UnicodeObject>>, ReadError>) -> Option<String> {
    read_string(python, name.ok()??, MAX_NAME).ok()
}

fn read(python: &Python<'_>, object: Ptr<GenObject>, kind: GeneratorKind) -> Result<Generator, ReadError> {
    let (frame, state) = if python.dialect().suspension == Suspension::YieldFrom {
        match python.read(object, member::GEN_FRAME)? {
            Some(frame) => (Some(FramePlace::Object(frame)), state_of_object(python, frame)?),
            None => (None, GeneratorState::Finished),
        }
    } else {
        let frame = Ptr::new(python.address_of(object, member::GEN_IFRAME)?);
        let frame = frame.ok_or(ReadError::Null("PyGenObject.gi_iframe"))?;
        match state_of_interpreter_frame(python, object, frame)? {
            GeneratorState::Finished => (None, GeneratorState::Finished),
            state => (Some(FramePlace::Interpreter(frame)), state),
        }
    };
    Ok(Generator { object, kind, frame, state })
}

/// A frame object tells by `f_stacktop` (3.8, 3.9) or `f_state` (3.10) whether it is running.
fn state_of_object(python: &Python<'_>, frame: Ptr<FrameObject>) -> Result<GeneratorState, ReadError> {
    let lasti = python.read(frame, member::FRAME_LASTI)?;
    let layout = python.layout();
    let top = if layout.has(member::FRAME_STACKTOP) {
        if python.read(frame, member::FRAME_EXECUTING)? != 0 {
            return Ok(GeneratorState::Running);
        }
        match python.read(frame, member::FRAME_STACKTOP)? {
            Address(0) => return Ok(GeneratorState::Finished),
            top => top,
        }
    } else {
        // FRAME_CREATED is -2, FRAME_SUSPENDED -1, FRAME_EXECUTING 0 (`Include/internal/pycore_frame.h` at v3.11.7,
        // Include/cpython/frameobject.h at v3.10.13).
        match python.read(frame, member::FRAME_STATE)? {
            -2 => return Ok(GeneratorState::Created),
            -1 => {}
            0 => return Ok(GeneratorState::Running),
            _ => return Ok(GeneratorState::Finished),
        }
        let depth = u64::try_from(python.read(frame, member::FRAME_STACKDEPTH)?).unwrap_or(0);
        let word = python.space().target().word_size as u64;
        python.read(frame, member::FRAME_VALUESTACK)?.wrapping_add(depth.saturating_mul(word))
    };
    let Ok(lasti) = u64::try_from(lasti) else { return Ok(GeneratorState::Created) };
    let next = match python.dialect().instruction {
        Instruction::LastiBytes => lasti + 2,
        _ => (lasti + 1) * 2,
    };
    let on = match python.read(frame, member::FRAME_CODE)? {
        Some(code) if instruction_at(python, code, next)? == Some(YIELD_FROM) => pushed_last(python, top, 1)?,
        _ => None,
    };
    Ok(GeneratorState::Suspended { on })
}

/// The instruction at an offset into the bytes object `co_code`.
fn instruction_at(python: &Python<'_>, code: Ptr<CodeObject>, offset: u64) -> Result<Option<u8>, ReadError> {
    let bytes = python.read(code, member::CODE_CODE)?.ok_or(ReadError::Null("PyCodeObject.co_code"))?;
    let len = python.read(bytes.cast(), member::VAR_SIZE)?;
    if !u64::try_from(len).is_ok_and(|len| offset < len) {
        return Ok(None);
    }
    let at = python.address_of(bytes, member::BYTES_DATA)?.wrapping_add(offset);
    Ok(python.bytes(at, 1)?.first().copied())
}

fn state_of_interpreter_frame(
    python: &Python<'_>,
    object: Ptr<GenObject>,
    frame: Ptr<InterpreterFrame>,
) -> Result<GeneratorState, ReadError> {
    let state = python.read(object, member::GEN_FRAME_STATE)?;
    let delegates = match (python.dialect().suspension, state) {
        (Suspension::ResumeArgument, -2)
        | (Suspension::FrameState, -3)
        | (Suspension::CountedFrameState, 0) => {
            return Ok(GeneratorState::Created);
        }
        (Suspension::ResumeArgument, -1) => resumes_after_yield_from(python, frame)?,
        (Suspension::FrameState, -2) | (Suspension::CountedFrameState, 1) => false,
        (Suspension::FrameState, -1) | (Suspension::CountedFrameState, 2 | 3) => true,
        (Suspension::ResumeArgument | Suspension::FrameState, 0) | (Suspension::CountedFrameState, 4) => {
            return Ok(GeneratorState::Running);
        }
        _ => return Ok(GeneratorState::Finished),
    };
    let on = if delegates { delegate(python, frame)? } else { None };
    Ok(GeneratorState::Suspended { on })
}

/// Whether the next instruction is a `RESUME` that follows an `await` or `yield from` (3.11, 3.12).
fn resumes_after_yield_from(python: &Python<'_>, frame: Ptr<InterpreterFrame>) -> Result<bool, ReadError> {
    let next = python.read(frame, member::IFRAME_PREV_INSTR)?.wrapping_add(2);
    let bytes = python.bytes(next, 2)?;
    let (Some(code), Some(argument)) = (bytes.first(), bytes.get(1)) else { return Ok(false) };
    Ok(RESUMES.contains(code) && *argument >= RESUME_AFTER_YIELD_FROM)
}

/// What a frame that stands at an `await` has on top of its stack; from 3.15 on there is one more word above.
fn delegate(python: &Python<'_>, frame: Ptr<InterpreterFrame>) -> Result<Option<Ptr<Object>>, ReadError> {
    let word = python.space().target().word_size as u64;
    let top = if python.layout().has(member::IFRAME_STACKPOINTER) {
        python.read(frame, member::IFRAME_STACKPOINTER)?
    } else {
        let depth = u64::try_from(python.read(frame, member::IFRAME_STACKTOP)?).unwrap_or(0);
        python.address_of(frame, member::IFRAME_LOCALSPLUS)?.wrapping_add(depth.saturating_mul(word))
    };
    let depth = if python.dialect().suspension == Suspension::CountedFrameState { 2 } else { 1 };
    pushed_last(python, top, depth)
}

/// The object that was pushed as the `depth`th from the top.
fn pushed_last(python: &Python<'_>, top: Address, depth: u64) -> Result<Option<Ptr<Object>>, ReadError> {
    let word = python.space().target().word_size as u64;
    let at = top.wrapping_sub(depth * word);
    let address = python.dialect().references.address(python.word(at)?);
    let what = "no object on the stack of a frame that awaits one";
    Ok(Ptr::new(Address(address.ok_or(ReadError::Invalid { at, what })?)))
}
