//! Runs of the interpreter's loop: which Python frames each of them runs, and where on the C stack it is.

use rustc_hash::FxHashSet;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, CFrame, ThreadState};
use crate::runtime::dialect::FrameChain;
use crate::runtime::frames::{self, FramePlace, MAX_FRAMES, Stack};
use crate::runtime::python::Python;

/// One call of `_PyEval_EvalFrameDefault` that has not returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Activation {
    /// How many of the thread's frames it runs.
    pub(crate) frames: usize,
    /// A local variable of that call, which lies in its native frame: the `CFrame` (3.10, 3.11) or the entry
    /// frame (3.12+).
    pub(crate) at: Option<Address>,
    /// The structure of its outermost Python frame.
    pub(crate) frame: Option<Address>,
}

/// The runs of a thread, innermost first; together they have all frames of `stack`.
///
/// Up to 3.10 every Python frame has a run of its own. From 3.11 on a Python function that calls another one
/// stays in the same run: a frame says that it is an entry (3.11, `is_entry`), or a marker frame follows it
/// (3.12+, `Include/internal/pycore_frame.h` at v3.12.0, `FRAME_OWNED_BY_CSTACK`; at v3.14.0
/// `FRAME_OWNED_BY_INTERPRETER`).
pub(crate) fn of_thread(python: &Python<'_>, thread: Ptr<ThreadState>, stack: &Stack) -> Vec<Activation> {
    let mut activations = Vec::new();
    let (mut running, mut outermost) = (0, None);
    let mut seen = FxHashSet::default();
    let mut frames = stack.frames.iter().map(|frame| frame.place).peekable();
    let mut at = frames::innermost(python, thread);
    while let Ok(Some(place)) = at {
        if !seen.insert(place) || seen.len() > MAX_FRAMES {
            break;
        }
        let is_python = frames.next_if_eq(&place).is_some();
        if is_python {
            running += 1;
            outermost = Some(place.address());
        }
        match role(python, place) {
            Ok(Role::Entry) if is_python => {
                activations.push(Activation { frames: running, at: None, frame: outermost.take() });
                running = 0;
            }
            Ok(Role::Marker) => {
                activations.push(Activation {
                    frames: running,
                    at: Some(place.address()),
                    frame: outermost.take(),
                });
                running = 0;
            }
            Ok(Role::Entry | Role::Inner) => {}
            Err(_) => break,
        }
        at = frames::previous(python, place);
    }
    let rest = running + frames.len();
    if rest > 0 {
        let frame = frames.last().map(FramePlace::address).or(outermost);
        activations.push(Activation { frames: rest, at: None, frame });
    }
    if activations.iter().all(|activation| activation.at.is_none()) {
        let places = c_frames(python, thread);
        if places.len() == activations.len() {
            for (activation, place) in activations.iter_mut().zip(places) {
                activation.at = Some(place);
            }
        }
    }
    activations
}

/// What a frame is to the run that it belongs to.
enum Role {
    /// The outermost one.
    Entry,
    /// Called by another Python frame of the same run.
    Inner,
    /// No Python frame: it lies in the native frame of the run, outside of its Python frames.
    Marker,
}

/// Owners below are the thread, a generator and a frame object; from here on the interpreter itself.
const FIRST_INTERPRETER_OWNER: u8 = 3;

fn role(python: &Python<'_>, place: FramePlace) -> Result<Role, ReadError> {
    let FramePlace::Interpreter(frame) = place else { return Ok(Role::Entry) };
    if python.layout().has(member::IFRAME_IS_ENTRY) {
        let is_entry = python.read(frame, member::IFRAME_IS_ENTRY)? != 0;
        return Ok(if is_entry { Role::Entry } else { Role::Inner });
    }
    let is_marker = python.read(frame, member::IFRAME_OWNER)? >= FIRST_INTERPRETER_OWNER;
    Ok(if is_marker { Role::Marker } else { Role::Inner })
}

/// Addresses of the thread's `CFrame`s (3.10, 3.11), innermost first, without the one in the thread state.
fn c_frames(python: &Python<'_>, thread: Ptr<ThreadState>) -> Vec<Address> {
    let layout = python.layout();
    let previous = if layout.has(member::CFRAME_PREVIOUS) {
        member::CFRAME_PREVIOUS
    } else {
        member::CFRAME_PREVIOUS_3_10
    };
    let mut places = Vec::new();
    if !layout.has(previous) || python.dialect().frame_chain == FrameChain::CurrentFrame {
        return places;
    }
    // Of threads other than the main one, `previous` in there is never set (Python/pystate.c at v3.10.0).
    let root = python.address_of(thread, member::TSTATE_ROOT_CFRAME).ok();
    let mut seen = FxHashSet::default();
    let mut at: Result<Option<Ptr<CFrame>>, _> = python.read(thread, member::TSTATE_CFRAME);
    while let Ok(Some(frame)) = at {
        if !seen.insert(frame) || seen.len() > MAX_FRAMES {
            return Vec::new();
        }
        if Some(frame.address()) == root {
            return places;
        }
        places.push(frame.address());
        at = python.read(frame, previous);
    }
    Vec::new()
}
