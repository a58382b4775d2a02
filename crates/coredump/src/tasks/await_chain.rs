//! What a coroutine or generator waits for: its own frame, those of all that it awaits, and what stands at the end.

use rustc_hash::FxHashSet;

use crate::address::Ptr;
use crate::layout::member::{self, AnextAwaitable, AsyncGenStep, CoroutineWrapper, Object};
use crate::layout::{Member, ReadError, SizeOf};
use crate::objects::kind::{self, TypeFlags};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::Frame;
use crate::runtime::generators::{Generator, GeneratorKind, GeneratorState};

/// Longest chain that is followed: Python's own limit of recursion is a thousand by default.
const MAX_CHAIN: usize = 100_000;

/// The frames from a generator down to what it waits for.
#[derive(Clone, Debug, Default)]
pub(crate) struct AwaitChain {
    /// Outermost first: that of the generator at which it begins.
    pub(crate) frames: Vec<Frame>,
    /// The objects of these frames.
    pub(crate) generators: Vec<Generator>,
    /// What stands at the end and has no frame.
    pub(crate) end: Option<Ptr<Object>>,
    /// The last one is running, so that a thread's stack goes on from there.
    pub(crate) is_running: bool,
    /// Why the chain could not be followed to its end.
    pub(crate) broken: Option<ReadError>,
}

/// Follows what `start` awaits.
pub(crate) fn follow(runtime: &PythonRuntime<'_>, start: Ptr<Object>) -> AwaitChain {
    let mut chain = AwaitChain::default();
    if let Err(error) = follow_into(runtime, start, &mut chain) {
        chain.broken = Some(error);
    }
    chain
}

fn follow_into(
    runtime: &PythonRuntime<'_>,
    start: Ptr<Object>,
    chain: &mut AwaitChain,
) -> Result<(), ReadError> {
    let mut seen = FxHashSet::default();
    let mut next = Some(start);
    while let Some(object) = next {
        if !seen.insert(object) || seen.len() > MAX_CHAIN {
            let what = "the chain of awaits does not end";
            return Err(ReadError::Invalid { at: object.address(), what });
        }
        let Some(generator) = runtime.generator(object)? else {
            next = inside(runtime, object)?;
            if next.is_none() {
                chain.end = Some(object);
            }
            continue;
        };
        if let Some(place) = generator.frame
            && let Some(frame) = runtime.frame_at(place)?
        {
            chain.frames.push(frame);
            chain.generators.push(generator);
        }
        next = match generator.state {
            GeneratorState::Suspended { on } => on,
            GeneratorState::Running => {
                chain.is_running = true;
                None
            }
            GeneratorState::Created | GeneratorState::Finished => None,
        };
    }
    Ok(())
}

/// The generator that is resumed when what stands at an `await` is.
pub(crate) fn generator_behind(runtime: &PythonRuntime<'_>, awaited: Ptr<Object>) -> Option<Ptr<Object>> {
    let mut object = awaited;
    // `anext()` around a step of an async generator is the longest such chain.
    for _ in 0..4 {
        if runtime.generator(object).ok()?.is_some() {
            return Some(object);
        }
        object = inside(runtime, object).ok()??;
    }
    None
}

/// What a C object that stands between two frames goes on to: a coroutine's `__await__`, a step of an async generator,
/// or `anext()` with a default.
///
/// No module shows these types. They are told by their size and by what they hold: the first member of each is the
/// object that it goes on to, of a type that is known.
fn inside(runtime: &PythonRuntime<'_>, object: Ptr<Object>) -> Result<Option<Ptr<Object>>, ReadError> {
    let python = runtime.python();
    let of = python.type_of(object)?;
    if kind::flags(python, of)?.has(TypeFlags::HEAP_TYPE) {
        return Ok(None);
    }
    let size = u64::try_from(python.read(of, member::TYPE_BASICSIZE)?).unwrap_or(0);
    let is = |found: Option<Ptr<Object>>, kind| -> Result<Option<Ptr<Object>>, ReadError> {
        let Some(found) = found else { return Ok(None) };
        let wanted = runtime.generator_types().of_kind(runtime, kind);
        Ok((wanted.is_some() && Some(python.type_of(found)?) == wanted).then_some(found))
    };
    if has_size(runtime, size, member::CORO_WRAPPER_SIZE) {
        let wrapper = object.cast::<CoroutineWrapper>();
        let coroutine = python.read(wrapper, member::CORO_WRAPPER_COROUTINE)?;
        if let Some(found) = is(coroutine, GeneratorKind::Coroutine)? {
            return Ok(Some(found));
        }
    }
    let step = object.cast::<AsyncGenStep>();
    if has_size(runtime, size, member::ASEND_SIZE)
        && let Some(found) = is(python.read(step, member::ASEND_GEN)?, GeneratorKind::AsyncGenerator)?
    {
        return Ok(Some(found));
    }
    if has_size(runtime, size, member::ATHROW_SIZE)
        && let Some(found) = is(python.read(step, member::ATHROW_GEN)?, GeneratorKind::AsyncGenerator)?
    {
        return Ok(Some(found));
    }
    if has_size(runtime, size, member::ANEXT_SIZE) {
        return inside_anext(runtime, object.cast());
    }
    Ok(None)
}

/// `anext()` with a default: what it wraps must itself be such an object, or a coroutine.
fn inside_anext(
    runtime: &PythonRuntime<'_>,
    object: Ptr<AnextAwaitable>,
) -> Result<Option<Ptr<Object>>, ReadError> {
    let python = runtime.python();
    let Some(wrapped) = python.read(object, member::ANEXT_WRAPPED)? else { return Ok(None) };
    let Ok(of) = python.type_of(wrapped) else { return Ok(None) };
    if runtime.generator_types().kind(runtime, of).is_some() {
        return Ok(Some(wrapped));
    }
    let Ok(size) = python.read(of, member::TYPE_BASICSIZE) else { return Ok(None) };
    let size = u64::try_from(size).unwrap_or(0);
    let wanted = runtime.generator_types().of_kind(runtime, GeneratorKind::AsyncGenerator);
    let generator = python.read(wrapped.cast(), member::ASEND_GEN).ok().flatten();
    let is_step = has_size(runtime, size, member::ASEND_SIZE)
        && wanted.is_some()
        && generator.is_some_and(|generator| python.type_of(generator).ok() == wanted);
    Ok(is_step.then_some(wrapped))
}

fn has_size<S>(runtime: &PythonRuntime<'_>, size: u64, of: Member<S, SizeOf>) -> bool {
    runtime.python().layout().size_of(of) == Ok(size)
}
