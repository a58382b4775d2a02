//! Exceptions that a thread was raising or handling, and what hangs on them.

use rustc_hash::FxHashSet;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{
    self, BaseExceptionObject, ErrStackItem, GenObject, Object, ThreadState, TracebackObject, TypeObject,
};
use crate::line_table::Position;
use crate::memory::FaultKind;
use crate::runtime::code::CodeCache;
use crate::runtime::dialect::ExceptionState;
use crate::runtime::frames::{self, Frame, FramePlace};
use crate::runtime::python::Python;

/// An exception in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Whether it is on its way up, or being handled.
    pub role: Role,
    /// The exception object.
    pub exception: Ptr<BaseExceptionObject>,
    /// The traceback, where the thread keeps it apart from the object (up to 3.11).
    pub traceback: Option<Ptr<TracebackObject>>,
}

/// What was happening to an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// On its way up the stack.
    Raised,
    /// Inside `except` or `finally`.
    Handled,
}

const MAX_NESTED_HANDLERS: usize = 10_000;
const MAX_TRACEBACK: usize = 100_000;
const BASE_EXC_SUBCLASS: u64 = 1 << 30;

/// The exceptions in force in a thread: the raised one, then the handled ones, innermost first. An error says
/// where the chain of handlers breaks off.
pub(crate) fn in_force(python: &Python<'_>, thread: Ptr<ThreadState>) -> (Vec<InForce>, Option<ReadError>) {
    let mut found = Vec::new();
    let result = raised(python, thread).and_then(|raised| {
        found.extend(raised);
        handled(python, thread, &mut found)
    });
    (found, result.err())
}

fn raised(python: &Python<'_>, thread: Ptr<ThreadState>) -> Result<Option<InForce>, ReadError> {
    let (value, traceback) = match python.dialect().exception_state {
        ExceptionState::Single => (python.read(thread, member::TSTATE_CURRENT_EXCEPTION)?, None),
        ExceptionState::InThread | ExceptionState::Triples | ExceptionState::TripleRaised => {
            let traceback = python.read(thread, member::TSTATE_CUREXC_TRACEBACK)?;
            (python.read(thread, member::TSTATE_CUREXC_VALUE)?, traceback)
        }
    };
    Ok(as_exception(python, value)?.map(|exception| InForce { role: Role::Raised, exception, traceback }))
}

fn handled(python: &Python<'_>, thread: Ptr<ThreadState>, found: &mut Vec<InForce>) -> Result<(), ReadError> {
    if python.dialect().exception_state == ExceptionState::InThread {
        return handled_in_thread(python, thread, found);
    }
    let mut at: Option<Ptr<ErrStackItem>> = python.read(thread, member::TSTATE_EXC_INFO)?;
    let mut seen = FxHashSet::default();
    while let Some(item) = at {
        if !seen.insert(item) || seen.len() > MAX_NESTED_HANDLERS {
            return Err(ReadError::Invalid {
                at: item.address(),
                what: "the chain of handled exceptions does not end",
            });
        }
        found.extend(handled_at(python, item)?);
        at = python.read(item, member::ERR_PREVIOUS)?;
    }
    Ok(())
}

/// The one that the thread handles, and those that callers of its generators handle (3.6).
fn handled_in_thread(
    python: &Python<'_>,
    thread: Ptr<ThreadState>,
    found: &mut Vec<InForce>,
) -> Result<(), ReadError> {
    let mut add = |value, traceback| -> Result<(), ReadError> {
        if let Some(exception) = as_exception(python, value)?
            && !found.iter().any(|known| (known.role, known.exception) == (Role::Handled, exception))
        {
            found.push(InForce { role: Role::Handled, exception, traceback });
        }
        Ok(())
    };
    add(python.read(thread, member::TSTATE_EXC_VALUE)?, python.read(thread, member::TSTATE_EXC_TRACEBACK)?)?;
    let mut seen = FxHashSet::default();
    let mut at = frames::innermost(python, thread)?;
    while let Some(FramePlace::Object(frame)) = at {
        if !seen.insert(frame) || seen.len() > frames::MAX_FRAMES {
            let what = "the chain of frames does not end";
            return Err(ReadError::Invalid { at: frame.address(), what });
        }
        add(python.read(frame, member::FRAME_EXC_VALUE)?, python.read(frame, member::FRAME_EXC_TRACEBACK)?)?;
        at = frames::previous(python, FramePlace::Object(frame))?;
    }
    Ok(())
}

fn handled_at(python: &Python<'_>, item: Ptr<ErrStackItem>) -> Result<Option<InForce>, ReadError> {
    let value = python.read(item, member::ERR_EXC_VALUE)?;
    let traceback = match python.dialect().exception_state {
        ExceptionState::Triples => python.read(item, member::ERR_EXC_TRACEBACK)?,
        ExceptionState::InThread | ExceptionState::TripleRaised | ExceptionState::Single => None,
    };
    let exception = as_exception(python, value)?;
    Ok(exception.map(|exception| InForce { role: Role::Handled, exception, traceback }))
}

/// The exception that a suspended generator is in the middle of handling; it takes that along when it is resumed.
pub(crate) fn handled_by(
    python: &Python<'_>,
    generator: Ptr<GenObject>,
) -> Result<Option<InForce>, ReadError> {
    // Frames keep it themselves up to 3.6, and are looked at only where they run.
    if !python.layout().has(member::GEN_EXC_STATE) {
        return Ok(None);
    }
    match Ptr::<ErrStackItem>::new(python.address_of(generator, member::GEN_EXC_STATE)?) {
        Some(item) => handled_at(python, item),
        None => Ok(None),
    }
}

/// None and values that were not made into exceptions yet (up to 3.11) are no exceptions.
pub(crate) fn as_exception(
    python: &Python<'_>,
    value: Option<Ptr<Object>>,
) -> Result<Option<Ptr<BaseExceptionObject>>, ReadError> {
    let Some(value) = value else { return Ok(None) };
    let is_exception = python.type_flags_of(value)? & BASE_EXC_SUBCLASS != 0;
    Ok(is_exception.then(|| value.cast()))
}

/// An entry of a traceback.
#[derive(Clone, Debug)]
pub struct TracebackEntry {
    /// The frame that the exception came through.
    pub frame: Frame,
    /// The line in it that was running then.
    pub position: Position,
}

/// The entries of a traceback, outermost first. An error says where the chain breaks off.
pub(crate) fn traceback(
    python: &Python<'_>,
    codes: &CodeCache,
    head: Option<Ptr<TracebackObject>>,
) -> (Vec<TracebackEntry>, Option<ReadError>) {
    let (mut entries, mut seen) = (Vec::new(), FxHashSet::default());
    let mut at = head;
    while let Some(entry) = at {
        if !seen.insert(entry) || seen.len() > MAX_TRACEBACK {
            let what = "the traceback does not end";
            return (entries, Some(ReadError::Invalid { at: entry.address(), what }));
        }
        match traceback_entry(python, codes, entry) {
            Ok((found, next)) => {
                entries.extend(found);
                at = next;
            }
            Err(error) => return (entries, Some(error)),
        }
    }
    (entries, None)
}

type Next = Option<Ptr<TracebackObject>>;

fn traceback_entry(
    python: &Python<'_>,
    codes: &CodeCache,
    at: Ptr<TracebackObject>,
) -> Result<(Option<TracebackEntry>, Next), ReadError> {
    let next = python.read(at, member::TRACEBACK_NEXT)?;
    let object = python.read(at, member::TRACEBACK_FRAME)?.ok_or(ReadError::Null("tb_frame"))?;
    let place = if python.layout().has(member::FRAME_FRAME) {
        FramePlace::Interpreter(python.read(object, member::FRAME_FRAME)?.ok_or(ReadError::Null("f_frame"))?)
    } else {
        FramePlace::Object(object)
    };
    let Some(frame) = frames::read_frame(python, codes, place)? else { return Ok((None, next)) };
    // The line is computed when first asked for (3.12+) and negative until then; the instruction always counts.
    let offset = u64::try_from(python.read(at, member::TRACEBACK_LASTI)?).ok();
    let line = u32::try_from(python.read(at, member::TRACEBACK_LINENO)?).ok().filter(|&line| line > 0);
    let mut position = frame.code.position(python, offset);
    if let Some(line) = line.filter(|&line| position.line != Some(line)) {
        position = Position { line: Some(line), ..Position::default() };
    }
    Ok((Some(TracebackEntry { frame, position }), next))
}

/// An exception's own links.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// `__cause__`.
    pub cause: Option<Ptr<BaseExceptionObject>>,
    /// `__context__`.
    pub context: Option<Ptr<BaseExceptionObject>>,
    /// `__suppress_context__`.
    pub suppress_context: bool,
    /// `__traceback__`.
    pub traceback: Option<Ptr<TracebackObject>>,
    /// Members of an exception group.
    pub members: Vec<Ptr<BaseExceptionObject>>,
}

/// Reads the links of an exception; `group_type` is `builtins.BaseExceptionGroup`.
pub(crate) fn links(
    python: &Python<'_>,
    group_type: Option<Ptr<TypeObject>>,
    at: Ptr<BaseExceptionObject>,
) -> Result<Links, ReadError> {
    Ok(Links {
        cause: python.read(at, member::EXC_CAUSE)?,
        context: python.read(at, member::EXC_CONTEXT)?,
        suppress_context: python.read(at, member::EXC_SUPPRESS_CONTEXT)? != 0,
        traceback: python.read(at, member::EXC_TRACEBACK)?,
        members: if is_group(python, group_type, at)? { group_members(python, at)? } else { Vec::new() },
    })
}

/// Most members of one exception group that are read.
const MAX_MEMBERS: u64 = 1_000;

/// Members of an exception group.
fn group_members(
    python: &Python<'_>,
    at: Ptr<BaseExceptionObject>,
) -> Result<Vec<Ptr<BaseExceptionObject>>, ReadError> {
    let tuple =
        python.read(at.cast(), member::EXC_GROUP_EXCS)?.ok_or(ReadError::Null("exceptions of a group"))?;
    let len = u64::try_from(python.read(tuple.cast(), member::VAR_SIZE)?).unwrap_or(0).min(MAX_MEMBERS);
    let word = python.space().target().word_size as u64;
    let items = python.bytes(python.address_of(tuple, member::TUPLE_ITEMS)?, len * word)?;
    let members = python.space().target().words(&items).filter_map(|item| Ptr::<Object>::new(Address(item)));
    members.filter_map(|item| as_exception(python, Some(item)).transpose()).collect()
}

/// Whether the exception's type derives from `group_type`, which is `builtins.BaseExceptionGroup`.
fn is_group(
    python: &Python<'_>,
    group_type: Option<Ptr<TypeObject>>,
    at: Ptr<BaseExceptionObject>,
) -> Result<bool, ReadError> {
    const MAX_BASES: usize = 1_000;
    if group_type.is_none() {
        return Ok(false);
    }
    let mut of_type = Some(python.type_of(at.cast())?);
    for _ in 0..MAX_BASES {
        match of_type {
            None => return Ok(false),
            found if found == group_type => return Ok(true),
            Some(at) => {
                of_type = match python.read(at, member::TYPE_BASE) {
                    // Of a base whose memory is lost nothing tells that it is a group.
                    Err(ReadError::Fault(fault)) if fault.kind == FaultKind::Truncated => return Ok(false),
                    base => base?,
                }
            }
        }
    }
    Ok(false)
}
