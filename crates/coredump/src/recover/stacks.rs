//! Stacks of threads, put together from what is left of them.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, ThreadState};
use crate::recover::data_stack::{self, DataStack, Top};
use crate::recover::{RecoveredBy, StackRecovery};
use crate::runtime::code::CodeCache;
use crate::runtime::frames::{self, FramePlace, MAX_FRAMES, Stack, Stopped};
use crate::runtime::python::Python;

/// The stack of a thread whose thread state is there.
pub(super) fn of_state(python: &Python<'_>, codes: &CodeCache, thread: Ptr<ThreadState>) -> Stack {
    let data = data_stack_of(python, codes, thread).unwrap_or_default();
    match frames::innermost(python, thread) {
        Ok(start) => follow(python, codes, start, &data),
        Err(error) => from_top(python, codes, &data, Stopped::Fault(error)),
    }
}

/// The stack of a thread of which nothing but its data stack is there.
pub(super) fn of_data_stack(python: &Python<'_>, codes: &CodeCache, data: &DataStack) -> Stack {
    from_top(python, codes, data, Stopped::Fault(ReadError::Null("the data stack")))
}

fn data_stack_of(python: &Python<'_>, codes: &CodeCache, thread: Ptr<ThreadState>) -> Option<DataStack> {
    let newest = python.read(thread, member::TSTATE_DATASTACK_CHUNK).ok()??;
    let top = python.read(thread, member::TSTATE_DATASTACK_TOP).ok()?;
    Some(data_stack::read(python, codes, newest, Top::At(top)))
}

fn from_top(python: &Python<'_>, codes: &CodeCache, data: &DataStack, otherwise: Stopped) -> Stack {
    match data.frames.last() {
        Some(&top) => {
            let mut walk = Walk::new(python, codes, data);
            walk.by = RecoveredBy::DataStack;
            walk.run(Some(FramePlace::Interpreter(top)))
        }
        None => Stack { frames: Vec::new(), stopped: otherwise, recovery: Some(StackRecovery::default()) },
    }
}

fn follow(python: &Python<'_>, codes: &CodeCache, start: Option<FramePlace>, data: &DataStack) -> Stack {
    Walk::new(python, codes, data).run(start)
}

/// A walk that goes on with the next frame of the data stack wherever the chain of frames breaks.
struct Walk<'a, 'm> {
    python: &'a Python<'m>,
    codes: &'a CodeCache,
    data: &'a DataStack,
    index: FxHashMap<FramePlace, usize>,
    /// Frames of the data stack from here on were passed.
    passed: usize,
    by: RecoveredBy,
    stack: Stack,
    recovery: StackRecovery,
}

impl<'a, 'm> Walk<'a, 'm> {
    fn new(python: &'a Python<'m>, codes: &'a CodeCache, data: &'a DataStack) -> Self {
        let places = data.frames.iter().map(|&frame| FramePlace::Interpreter(frame));
        Self {
            python,
            codes,
            data,
            index: places.enumerate().map(|(index, place)| (place, index)).collect(),
            passed: data.frames.len(),
            by: RecoveredBy::ThreadState,
            stack: Stack { frames: Vec::new(), stopped: Stopped::Bottom, recovery: None },
            recovery: StackRecovery::default(),
        }
    }

    fn run(mut self, start: Option<FramePlace>) -> Stack {
        self.walk(start);
        Stack { recovery: Some(self.recovery), ..self.stack }
    }

    fn walk(&mut self, start: Option<FramePlace>) {
        let mut seen = FxHashSet::default();
        let mut at = start;
        while let Some(place) = at {
            if !seen.insert(place) {
                self.stack.stopped = Stopped::Cycle(place.address());
                return;
            }
            if seen.len() > MAX_FRAMES {
                self.stack.stopped = Stopped::Limit;
                return;
            }
            at = match self.step(place) {
                Ok(next) => next,
                Err(error) => self.next_in_data_stack(error),
            };
        }
    }

    /// Takes one frame, and tells the one before it.
    fn step(&mut self, place: FramePlace) -> Result<Option<FramePlace>, ReadError> {
        if let Some(&index) = self.index.get(&place) {
            self.passed = self.passed.min(index);
        }
        let frame = frames::read_frame(self.python, self.codes, place)?;
        let by = self.by;
        match frame {
            Some(frame) if frame.code.is_nameless() => self.recovery.nameless += 1,
            Some(frame) => {
                self.stack.frames.push(frame);
                self.recovery.by.push(by);
            }
            None => {}
        }
        frames::previous(self.python, place)
    }

    /// What lies below the last frame of the data stack that was passed.
    fn next_in_data_stack(&mut self, error: ReadError) -> Option<FramePlace> {
        if let Some(below) = self.passed.checked_sub(1) {
            self.passed = below;
            self.by = RecoveredBy::DataStack;
            self.recovery.breaks += 1;
            return self.data.frames.get(below).map(|&frame| FramePlace::Interpreter(frame));
        }
        // The outermost frame was called by C code, which is all that is missing.
        let at_bottom = self.data.is_whole && !self.data.frames.is_empty();
        self.stack.stopped = if at_bottom { Stopped::Bottom } else { Stopped::Fault(error) };
        None
    }
}
