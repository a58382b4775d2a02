//! Frames on a thread's data stack, found by their order in it instead of by their chain (3.11+).
//!
//! Python code that calls Python code puts its frames one behind the other into chunks that the thread owns
//! (`_PyThreadState_PushFrame`, Python/pystate.c at v3.12.1). The chain of frames runs through the C stack, which
//! a cut core loses; the order in the chunks does not. Whatever lies below a frame that is in use is in use.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, CodeObject, InterpreterFrame, StackChunk};
use crate::runtime::code::CodeCache;
use crate::runtime::frames::{self, FramePlace};
use crate::runtime::python::Python;

/// More chunks than a stack of [`frames::MAX_FRAMES`] takes.
const MAX_CHUNKS: usize = 1 << 16;
/// A shim's frame is smaller than this many words.
const LARGEST_SHIM: u64 = 64;
/// `FRAME_OWNED_BY_THREAD`.
const OWNED_BY_THREAD: u8 = 0;

/// The frames of one data stack.
#[derive(Clone, Debug, Default)]
pub(super) struct DataStack {
    /// Those in use, outermost first.
    pub(super) frames: Vec<Ptr<InterpreterFrame>>,
    /// The first chunk is there, so the first frame is the outermost one.
    pub(super) is_whole: bool,
}

/// How far a data stack is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Top {
    /// Up to an address that the thread state tells.
    At(Address),
    /// As far as its frames show it.
    Unknown,
}

/// The frames of the data stack whose newest chunk is `newest`.
pub(super) fn read(python: &Python<'_>, codes: &CodeCache, newest: Ptr<StackChunk>, top: Top) -> DataStack {
    let (chunks, is_whole) = chain(python, newest);
    let mut frames = Vec::new();
    for (index, &chunk) in chunks.iter().rev().enumerate() {
        let is_newest = index + 1 == chunks.len();
        let end = if is_newest {
            match top {
                Top::At(address) => Some(address),
                Top::Unknown => None,
            }
        } else {
            filled_up_to(python, chunk).ok()
        };
        frames.extend(in_chunk(python, codes, chunk, end));
        if frames.len() > frames::MAX_FRAMES {
            break;
        }
    }
    if top == Top::Unknown {
        let used =
            frames.iter().rposition(|&frame| is_in_use(python, codes, frame)).map_or(0, |last| last + 1);
        frames.truncate(used);
    }
    DataStack { frames, is_whole }
}

/// Chunks that no other chunk follows: each is the newest of a thread's data stack.
pub(super) fn newest_chunks(python: &Python<'_>, chunks: &[Ptr<StackChunk>]) -> Vec<Ptr<StackChunk>> {
    let followed: BTreeMap<_, _> = chunks
        .iter()
        .filter_map(|&chunk| Some((python.read(chunk, member::CHUNK_PREVIOUS).ok()??, chunk)))
        .collect();
    chunks.iter().copied().filter(|chunk| !followed.contains_key(chunk)).collect()
}

/// The chunks from the newest to the first, and whether the first one was reached.
pub(super) fn chain(python: &Python<'_>, newest: Ptr<StackChunk>) -> (Vec<Ptr<StackChunk>>, bool) {
    let (mut chunks, mut seen) = (Vec::new(), FxHashSet::default());
    let mut at = newest;
    loop {
        // A size can be read exactly when the chunk is there.
        if python.read(at, member::CHUNK_BYTES).is_err() || !seen.insert(at) || chunks.len() >= MAX_CHUNKS {
            return (chunks, false);
        }
        chunks.push(at);
        match python.read(at, member::CHUNK_PREVIOUS) {
            Ok(Some(previous)) => at = previous,
            Ok(None) => return (chunks, true),
            Err(_) => return (chunks, false),
        }
    }
}

/// Where a chunk ended to be used when the next one was begun.
fn filled_up_to(python: &Python<'_>, chunk: Ptr<StackChunk>) -> Result<Address, ReadError> {
    let top = python.read(chunk, member::CHUNK_TOP)?;
    let word = python.space().target().word_size as u64;
    Ok(python.address_of(chunk, member::CHUNK_DATA)?.wrapping_add(top.saturating_mul(word)))
}

/// Frames from the chunk's start on, as far as each begins where the one before ends.
fn in_chunk(
    python: &Python<'_>,
    codes: &CodeCache,
    chunk: Ptr<StackChunk>,
    end: Option<Address>,
) -> Vec<Ptr<InterpreterFrame>> {
    let mut found = Vec::new();
    let bounds = || -> Result<(Address, Address), ReadError> {
        let data = python.address_of(chunk, member::CHUNK_DATA)?;
        let last = chunk.address().wrapping_add(python.read(chunk, member::CHUNK_BYTES)?);
        // The first word of a thread's first chunk is never used, so that the chunk is never freed.
        let is_first = python.read(chunk, member::CHUNK_PREVIOUS)?.is_none();
        let skipped = if is_first { python.space().target().word_size as u64 } else { 0 };
        Ok((data.wrapping_add(skipped), end.unwrap_or(last).min(last)))
    };
    let Ok((mut at, end)) = bounds() else { return found };
    while at < end {
        let Some(frame) = Ptr::new(at) else { break };
        let Some(next) = end_of(python, codes, frame).or_else(|| behind_shim(python, codes, frame, end))
        else {
            break;
        };
        found.push(frame);
        at = next;
    }
    found
}

/// One past the last word of a frame that runs a code object.
fn end_of(python: &Python<'_>, codes: &CodeCache, frame: Ptr<InterpreterFrame>) -> Option<Address> {
    let slots = slots(python, codes, frame)?;
    let word = python.space().target().word_size as u64;
    let first = python.address_of(frame, member::IFRAME_LOCALSPLUS).ok()?;
    first.checked_add((slots.variables + slots.stack) * word)
}

/// The code of a frame that a shim lies in is part of the interpreter's binary. The frame behind it names it as
/// its predecessor.
fn behind_shim(
    python: &Python<'_>,
    codes: &CodeCache,
    shim: Ptr<InterpreterFrame>,
    end: Address,
) -> Option<Address> {
    if python.read(shim, member::IFRAME_OWNER).ok()? != OWNED_BY_THREAD {
        return None;
    }
    let word = python.space().target().word_size as u64;
    let first = python.address_of(shim, member::IFRAME_LOCALSPLUS).ok()?;
    let places = (0..LARGEST_SHIM).map(|index| first.wrapping_add(index * word)).take_while(|&at| at < end);
    places.filter_map(Ptr::<InterpreterFrame>::new).find_map(|next| {
        let follows = python.read(next, member::IFRAME_PREVIOUS).ok()? == Some(shim);
        (follows && slots(python, codes, next).is_some()).then(|| next.address())
    })
}

/// How many variables and stack items a frame has room for.
struct Slots {
    variables: u64,
    stack: u64,
}

fn slots(python: &Python<'_>, codes: &CodeCache, frame: Ptr<InterpreterFrame>) -> Option<Slots> {
    if python.read(frame, member::IFRAME_OWNER).ok()? != OWNED_BY_THREAD {
        return None;
    }
    let code: Ptr<CodeObject> = frames::code_of(python, codes, FramePlace::Interpreter(frame)).ok()??;
    codes.check_type(python, code).ok()?;
    let count = |member| u64::try_from(python.read(code, member).ok()?).ok().filter(|&count| count < 1 << 20);
    Some(Slots { variables: count(member::CODE_NLOCALSPLUS)?, stack: count(member::CODE_STACKSIZE)? })
}

/// How many words of a frame's variables and stack are filled, as the frame states it.
fn stack_top(python: &Python<'_>, frame: Ptr<InterpreterFrame>) -> Result<i64, ReadError> {
    if python.layout().has(member::IFRAME_STACKTOP) {
        return python.read(frame, member::IFRAME_STACKTOP).map(i64::from);
    }
    // 3.14+: a pointer. It is stored before every call into C, whose arguments still lie below it then.
    let Address(top) = python.read(frame, member::IFRAME_STACKPOINTER)?;
    let first = python.address_of(frame, member::IFRAME_LOCALSPLUS)?;
    let word = python.space().target().word_size as u64;
    Ok(top.checked_sub(first.0).and_then(|bytes| i64::try_from(bytes / word).ok()).unwrap_or_default())
}

/// Whether a frame shows by itself that it is in use.
///
/// While a frame runs, or waits for C code, its `stacktop` is -1; while it waits for a generator, more than its
/// variables lie on its stack. What has returned has emptied its stack: `stacktop` is 0 once the frame was
/// cleared, and the number of variables when a frame object took it over (`_PyFrame_ClearExceptCode`,
/// Python/frame.c at v3.12.1).
fn is_in_use(python: &Python<'_>, codes: &CodeCache, frame: Ptr<InterpreterFrame>) -> bool {
    let (Some(slots), Ok(top)) = (slots(python, codes, frame), stack_top(python, frame)) else {
        return false;
    };
    match u64::try_from(top) {
        Ok(top) => (slots.variables + 1..=slots.variables + slots.stack).contains(&top),
        Err(_) => top == -1,
    }
}
