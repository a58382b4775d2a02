//! One pass over all memory that is left, for everything that stands on its own.

use rustc_hash::FxHashMap;

use crate::address::{Address, Ptr};
use crate::elf::parse::Machine;
use crate::layout::ReadError;
use crate::layout::member::{self, CodeObject, InterpreterState, StackChunk, ThreadState};
use crate::memory::FaultKind;
use crate::recover::builtins::{self, Builtins};
use crate::recover::dumped::{Page, pages, word_at, words};
use crate::recover::shape::{CoreTypes, pointer};
use crate::runtime::native_threads::thread_pointer;
use crate::runtime::process::DeadProcess;
use crate::runtime::python::Python;

/// Most findings of one kind that are kept.
const MAX_KEPT: usize = 1 << 20;
/// `DATA_STACK_CHUNK_SIZE` of Python/pystate.c: chunks are of this size, doubled until the frame fits.
const SMALLEST_CHUNK: u64 = 16 << 10;
/// A chunk that is larger than this would hold a frame of a hundred million variables.
const LARGEST_CHUNK: u64 = 1 << 30;

/// What lies around.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Objects of the code type.
    pub(super) codes: Vec<Ptr<CodeObject>>,
    /// Places that may be thread states, with the native thread that each belongs to.
    pub(super) thread_states: Vec<(Ptr<ThreadState>, u64)>,
    /// Places that may be chunks of a data stack (3.11+).
    pub(super) chunks: Vec<Ptr<StackChunk>>,
    /// What `builtins` holds, when the types that it is told by were given.
    pub(super) builtins: Option<Builtins>,
}

/// Scans the memory; `types`, with the minor version, tell where `builtins` is.
pub(super) fn scan(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    code_type: Address,
    types: Option<(&CoreTypes, u8)>,
) -> Found {
    let target = process.core().target();
    let threads = KnownThreads::of(process, python);
    let has_chunks = python.layout().has(member::CHUNK_BYTES);
    let type_at = python.layout().offset(member::OBJECT_TYPE).unwrap_or_default();
    let order = types.map(|(_, minor)| builtins::order(minor)).unwrap_or_default();
    let types = types.map(|(types, _)| types);
    let mut found = Found::default();
    for page in pages(process.core()) {
        if has_chunks && found.chunks.len() < MAX_KEPT {
            found.chunks.extend(chunk_at(python, &page));
        }
        for (at, word) in words(target, page.bytes) {
            if word == code_type.0 {
                let object = page.address.wrapping_add(at as u64).wrapping_sub(type_at);
                let code = Ptr::<CodeObject>::new(object).filter(|_| object.is_aligned(8));
                found.codes.extend(code.filter(|_| found.codes.len() < MAX_KEPT));
            } else if let Some(types) = types.filter(|types| word == types.string.0)
                && found.builtins.is_none()
            {
                found.builtins = builtins::around(python, types, &order, &page, at);
            } else if word >= threads.lowest && word <= threads.highest {
                let place = page.address.wrapping_add(at as u64);
                if let Some(state) = threads.state_at(python, place, word)
                    && found.thread_states.len() < MAX_KEPT
                {
                    found.thread_states.push(state);
                }
            }
        }
    }
    found.thread_states = consistent(python, code_type, &found.thread_states);
    found
}

/// The chunk that begins at a page: chunks are mapped one by one.
fn chunk_at(python: &Python<'_>, page: &Page<'_>) -> Option<Ptr<StackChunk>> {
    let layout = python.layout();
    let target = python.space().target();
    let word = |offset: u64| word_at(target, page.bytes, usize::try_from(offset).ok()?);
    let size = word(layout.offset(member::CHUNK_BYTES).ok()?)?;
    if !size.is_power_of_two() || !(SMALLEST_CHUNK..=LARGEST_CHUNK).contains(&size) {
        return None;
    }
    let top = word(layout.offset(member::CHUNK_TOP).ok()?)?;
    let previous = word(layout.offset(member::CHUNK_PREVIOUS).ok()?)?;
    let is_mapped = previous == 0 || (pointer(previous).is_some() && previous.is_multiple_of(4096));
    (top < size / 8 && is_mapped).then(|| Ptr::new(page.address)).flatten()
}

/// What the core's notes say about threads, as far as thread states repeat it.
struct KnownThreads {
    /// By the word that a thread state holds.
    tids: FxHashMap<u64, u64>,
    lowest: u64,
    highest: u64,
    by_native_id: bool,
}

impl KnownThreads {
    /// On x86-64 a thread state repeats the thread pointer, which the registers hold; elsewhere only the native
    /// id (3.11+) is known.
    fn of(process: &DeadProcess<'_>, python: &Python<'_>) -> Self {
        let core = process.core();
        let threads = &core.notes().threads;
        let by_pointer: FxHashMap<u64, u64> = threads
            .iter()
            .filter(|_| core.machine() == Machine::X86_64)
            .filter_map(|thread| Some((thread_pointer(core.machine(), thread)?, thread.tid)))
            .collect();
        let by_native_id = by_pointer.is_empty() && python.layout().has(member::TSTATE_NATIVE_THREAD_ID);
        let tids = if by_native_id {
            threads.iter().map(|thread| (thread.tid, thread.tid)).collect()
        } else {
            by_pointer
        };
        let lowest = tids.keys().copied().min().unwrap_or(u64::MAX);
        let highest = tids.keys().copied().max().unwrap_or(0);
        Self { tids, lowest, highest, by_native_id }
    }

    /// The thread state around a word that is an id of a thread, if the rest of it fits.
    fn state_at(&self, python: &Python<'_>, place: Address, word: u64) -> Option<(Ptr<ThreadState>, u64)> {
        let &tid = self.tids.get(&word)?;
        let layout = python.layout();
        let stands_at = if self.by_native_id {
            layout.offset(member::TSTATE_NATIVE_THREAD_ID).ok()?
        } else {
            layout.offset(member::TSTATE_THREAD_ID).ok()?
        };
        let state = Ptr::<ThreadState>::new(place.wrapping_sub(stands_at))
            .filter(|state| state.address().is_aligned(8))?;
        if layout.has(member::TSTATE_NATIVE_THREAD_ID)
            && python.read(state, member::TSTATE_NATIVE_THREAD_ID).ok()? != tid
        {
            return None;
        }
        pointer(python.read(state, member::TSTATE_THREAD_ID).ok()?)?;
        pointer(python.read(state, member::TSTATE_INTERP).ok()??.address().0)?;
        Some((state, tid))
    }
}

/// Keeps the places that bear each other out: thread states of one interpreter are linked with each other, and
/// what they run is code. Where two would be the same thread of the same interpreter, none is kept.
fn consistent(
    python: &Python<'_>,
    code_type: Address,
    places: &[(Ptr<ThreadState>, u64)],
) -> Vec<(Ptr<ThreadState>, u64)> {
    let linked = |&(state, tid): &(Ptr<ThreadState>, u64)| {
        let interpreter = python.read(state, member::TSTATE_INTERP).ok()??;
        let fits = match python.read(state, member::TSTATE_NEXT).ok()? {
            None => true,
            Some(next) => match python.read(next, member::TSTATE_INTERP) {
                Ok(owner) => owner == Some(interpreter),
                Err(error) => matches!(error, ReadError::Fault(fault) if fault.kind == FaultKind::Truncated),
            },
        };
        (fits && runs_code(python, code_type, state)).then_some((state, tid, interpreter))
    };
    let linked: Vec<_> = places.iter().filter_map(linked).collect();
    let mut votes: FxHashMap<Ptr<InterpreterState>, usize> = FxHashMap::default();
    for &(.., interpreter) in &linked {
        *votes.entry(interpreter).or_default() += 1;
    }
    let most = votes.values().copied().max().unwrap_or_default();
    let is_interpreter = |interpreter| match first_thread(python, interpreter) {
        Ok(first) => {
            first.is_some_and(|first| python.read(first, member::TSTATE_INTERP) == Ok(Some(interpreter)))
        }
        Err(_) => votes.get(&interpreter) == Some(&most),
    };
    let kept: Vec<_> = linked.into_iter().filter(|&(.., interpreter)| is_interpreter(interpreter)).collect();
    let mut of_one: FxHashMap<(u64, Ptr<InterpreterState>), usize> = FxHashMap::default();
    for &(_, tid, interpreter) in &kept {
        *of_one.entry((tid, interpreter)).or_default() += 1;
    }
    let alone = kept.into_iter().filter(|&(_, tid, interpreter)| of_one.get(&(tid, interpreter)) == Some(&1));
    alone.map(|(state, tid, _)| (state, tid)).collect()
}

fn first_thread(
    python: &Python<'_>,
    interpreter: Ptr<InterpreterState>,
) -> Result<Option<Ptr<ThreadState>>, ReadError> {
    if python.layout().has(member::INTERP_THREADS_HEAD) {
        python.read(interpreter, member::INTERP_THREADS_HEAD)
    } else {
        python.read(interpreter, member::INTERP_TSTATE_HEAD)
    }
}

/// Up to 3.10, a thread state points at a frame object, and that at its code.
fn runs_code(python: &Python<'_>, code_type: Address, state: Ptr<ThreadState>) -> bool {
    if !python.layout().has(member::TSTATE_FRAME) {
        return true;
    }
    let code = || -> Result<bool, ReadError> {
        let Some(frame) = python.read(state, member::TSTATE_FRAME)? else { return Ok(false) };
        let Some(code) = python.read(frame, member::FRAME_CODE)? else { return Ok(false) };
        Ok(python.type_of(code.cast())?.address() == code_type)
    };
    // A frame whose memory is lost speaks neither for nor against.
    code().unwrap_or_else(
        |error| matches!(error, ReadError::Fault(fault) if fault.kind == FaultKind::Truncated),
    )
}
