//! Greenlets: whether each is suspended, and the frames on the stack that it put aside.
//!
//! All greenlets of a thread take turns on one C stack. Of one that waits, the innermost frame is kept in its own
//! state; whatever other greenlets needed of its C stack was copied to the heap. Python frames lie elsewhere, but from
//! 3.12 on entries into the interpreter loop, which lie on the C stack, are links of their chain.
//!
//! Sources: `src/greenlet/TStackState.cpp` and `TPythonState.cpp` of greenlet at 3.1.1 and 3.5.3, `greenlet_greenlet.hpp` at
//! 2.0.2 and 3.0.3, `greenlet.h` at 1.1.3.

use std::borrow::Cow;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::columns::{self, GreenletVersion};
use crate::layout::member::{self, FrameObject, Greenlet, Object};
use crate::memory::{Fault, Memory, Space};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::frames::{FramePlace, Stack};
use crate::runtime::python::Python;

/// What a greenlet is doing.
#[derive(Clone, Debug)]
pub(crate) enum Doing {
    /// It has not begun, or has ended.
    Nothing,
    /// It has the C stack of its thread, or none of its callers is written in Python.
    NoFramesOfItsOwn,
    /// It waits to be switched to; these are its frames.
    Suspended(Stack),
}

/// Reads the greenlets of one version.
pub(crate) struct Greenlets<'r, 'p> {
    runtime: &'r PythonRuntime<'p>,
    /// With the places of that version's structures.
    python: Python<'p>,
}

impl<'r, 'p> Greenlets<'r, 'p> {
    /// For greenlets of `version`, the newest where that is not known; `None` when how they lie is not known for this
    /// build.
    pub(crate) fn of_version(
        runtime: &'r PythonRuntime<'p>,
        version: Option<GreenletVersion>,
    ) -> Option<Self> {
        let python = runtime.python();
        let mut layout = python.layout().clone();
        let header = layout.size_of(member::OBJECT_SIZE).ok()?;
        layout.add(&columns::greenlets(runtime.version().minor, header, version)?);
        Some(Self { runtime, python: Python::new(*python.space(), layout, *python.dialect()) })
    }

    /// What `object.__basicsize__` of the type is.
    pub(crate) fn size(&self) -> Result<u64, ReadError> {
        self.python.layout().size_of(member::GREENLET_SIZE)
    }

    /// Reads the state of a greenlet, an object of that type or a type derived from it.
    ///
    /// # Errors
    /// When the state cannot be read, or is not what greenlet leaves behind.
    pub(crate) fn read(&self, object: Ptr<Object>) -> Result<Doing, ReadError> {
        let state = State::of(&self.python, object)?;
        let Some(saved) = SavedStack::of(&self.python, &state)? else { return Ok(Doing::Nothing) };
        let Some(top) = state.top_frame else { return Ok(Doing::NoFramesOfItsOwn) };
        let place = place_of(self.runtime, top)?;
        if saved.len == 0 {
            return Ok(Doing::Suspended(self.runtime.frames_from(&self.python, place)));
        }
        let space = Space::new(&saved, self.python.space().target());
        let python = Python::new(space, self.python.layout().clone(), *self.python.dialect());
        Ok(Doing::Suspended(self.runtime.frames_from(&python, place)))
    }
}

/// What a greenlet keeps.
struct State {
    at: Address,
    stack_start: Address,
    stack_stop: Address,
    stack_copy: Address,
    stack_saved: i64,
    top_frame: Option<Ptr<FrameObject>>,
}

impl State {
    fn of(python: &Python<'_>, object: Ptr<Object>) -> Result<Self, ReadError> {
        if python.layout().has(member::GREENLET_1_STACK_START) {
            return Self::in_object(python, object.cast());
        }
        let state = python.read(object.cast(), member::GREENLET_STATE)?.ok_or(ReadError::Null("pimpl"))?;
        let owner = if python.layout().has(member::GREENLET_OBJECT) {
            python.read(state, member::GREENLET_OBJECT)?
        } else {
            // `MainGreenlet` has it there as well.
            python.read(state, member::GREENLET_OWNER)?
        };
        if owner != Some(object) {
            let what = "the state of a greenlet belongs to another object";
            return Err(ReadError::Invalid { at: state.address(), what });
        }
        Ok(Self {
            at: state.address(),
            stack_start: python.read(state, member::GREENLET_STACK_START)?,
            stack_stop: python.read(state, member::GREENLET_STACK_STOP)?,
            stack_copy: python.read(state, member::GREENLET_STACK_COPY)?,
            stack_saved: python.read(state, member::GREENLET_STACK_SAVED)?,
            top_frame: python.read(state, member::GREENLET_TOP_FRAME)?,
        })
    }

    /// Up to 1.1 the object itself is all.
    fn in_object(python: &Python<'_>, object: Ptr<Greenlet>) -> Result<Self, ReadError> {
        Ok(Self {
            at: object.address(),
            stack_start: python.read(object, member::GREENLET_1_STACK_START)?,
            stack_stop: python.read(object, member::GREENLET_1_STACK_STOP)?,
            stack_copy: python.read(object, member::GREENLET_1_STACK_COPY)?,
            stack_saved: python.read(object, member::GREENLET_1_STACK_SAVED)?,
            top_frame: python.read(object, member::GREENLET_1_TOP_FRAME)?,
        })
    }
}

/// Where the frame lies that a frame object stands for, verified to be one.
fn place_of(runtime: &PythonRuntime<'_>, frame: Ptr<FrameObject>) -> Result<FramePlace, ReadError> {
    let python = runtime.python();
    let of = python.type_of(frame.cast())?;
    if runtime.types().name_of(python, of).name() != "frame" {
        let what = "the innermost frame of a greenlet is no frame";
        return Err(ReadError::Invalid { at: frame.address(), what });
    }
    if !python.layout().has(member::FRAME_FRAME) {
        return Ok(FramePlace::Object(frame));
    }
    let inner = python.read(frame, member::FRAME_FRAME)?.ok_or(ReadError::Null("f_frame"))?;
    if python.read(inner, member::IFRAME_FRAME_OBJ)? != Some(frame) {
        let what = "a frame object belongs to another frame";
        return Err(ReadError::Invalid { at: frame.address(), what });
    }
    Ok(FramePlace::Interpreter(inner))
}

/// The memory that a greenlet would find if it ran: what was copied away from its C stack is back in place.
struct SavedStack<'m> {
    space: Space<'m>,
    /// Where the copied bytes belong.
    start: u64,
    len: u64,
    /// Where they are.
    copy: Address,
}

impl<'m> SavedStack<'m> {
    /// `None` for a greenlet that has not begun or has ended.
    fn of(python: &Python<'m>, state: &State) -> Result<Option<Self>, ReadError> {
        let (Address(start), Address(stop), copy) = (state.stack_start, state.stack_stop, state.stack_copy);
        let len = u64::try_from(state.stack_saved).ok();
        let fits = |len: &u64| start.checked_add(*len).is_some_and(|end| end <= stop || *len == 0);
        let Some(len) = len.filter(fits).filter(|&len| (len > 0) == (copy != Address(0))) else {
            let what = "what a greenlet saved of its stack does not fit the stack";
            return Err(ReadError::Invalid { at: state.at, what });
        };
        let is_active = start != 0 && stop != 0;
        Ok(is_active.then_some(Self { space: *python.space(), start, len, copy }))
    }
}

impl Memory for SavedStack<'_> {
    fn bytes(&self, address: Address, len: usize) -> Result<Cow<'_, [u8]>, Fault> {
        let (saved_end, from) = (self.start.saturating_add(self.len), address.0);
        let Some(end) = from.checked_add(len as u64).filter(|&end| end > self.start && from < saved_end)
        else {
            return self.space.bytes(address, len as u64);
        };
        let (first, last) = (from.max(self.start), end.min(saved_end));
        let copied = self.space.bytes(self.copy.wrapping_add(first - self.start), last - first)?;
        if (first, last) == (from, end) {
            return Ok(copied);
        }
        let mut whole = self.space.bytes(address, first - from)?.into_owned();
        whole.extend_from_slice(&copied);
        whole.extend_from_slice(&self.space.bytes(Address(last), end - last)?);
        Ok(Cow::Owned(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{FaultKind, Target};

    /// The bytes 0, 1, 2, … from address 0 on.
    struct Counting;

    impl Memory for Counting {
        fn bytes(&self, address: Address, len: usize) -> Result<Cow<'_, [u8]>, Fault> {
            let fault = Fault { address, len: len as u64, kind: FaultKind::Unmapped };
            let start = u8::try_from(address.0).map_err(|_| fault)?;
            let all: Option<Vec<u8>> = (0..len).map(|at| start.checked_add(u8::try_from(at).ok()?)).collect();
            all.map(Cow::Owned).ok_or(fault)
        }
    }

    #[test]
    fn what_was_copied_away_is_read_from_the_copy() {
        let space = Space::new(&Counting, Target { little_endian: true, word_size: 8 });
        let saved = SavedStack { space, start: 10, len: 4, copy: Address(100) };
        let bytes = |at, len| saved.bytes(Address(at), len).map(Cow::into_owned);
        assert_eq!(bytes(6, 4).unwrap(), [6, 7, 8, 9]);
        assert_eq!(bytes(14, 2).unwrap(), [14, 15]);
        assert_eq!(bytes(11, 2).unwrap(), [101, 102]);
        assert_eq!(bytes(8, 4).unwrap(), [8, 9, 100, 101]);
        assert_eq!(bytes(12, 4).unwrap(), [102, 103, 14, 15]);
        assert_eq!(bytes(9, 6).unwrap(), [9, 100, 101, 102, 103, 14]);
        assert!(bytes(u64::MAX - 1, 8).is_err());
    }
}
