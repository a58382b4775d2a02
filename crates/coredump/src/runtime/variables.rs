//! The variables that 3.6 has where later versions have `_PyRuntime`.
//!
//! `interp_head` of Python/pystate.c begins the list of interpreters. What is called `_PyRuntimeState` of such a process is
//! taken to begin there, and its members to lie as far from it as the variables do, whatever the distance. Symbols of the
//! module's file tell it; without them, some variables are told by what they hold (Python/pystate.c,
//! `Python/ceval_gil.h`, Modules/gcmodule.c at v3.6.15).

use std::ops::Range;

use rustc_hash::FxHashSet;

use crate::address::{Address, Ptr};
use crate::elf::module_file::ModuleFile;
use crate::elf::modules;
use crate::layout::Layout;
use crate::layout::member::{self, InterpreterState, RuntimeState};
use crate::runtime::locate;
use crate::runtime::process::DeadProcess;
use crate::runtime::python::Python;

/// How far from `interp_head` another variable of Python/pystate.c can be.
const SAME_SOURCE: u64 = 64;
/// How far from `gil_last_holder` the mutexes and conditions of the GIL can be.
const SAME_LOCK: u64 = 256;
/// How far from the lists of the collector its other variables with a value can be.
const SAME_DATA: u64 = 4096;
/// What a `pthread_mutex_t` or `pthread_cond_t` takes at most (aarch64 and `x86_64`).
const LARGEST_LOCK: u64 = 48;
/// Most thread states that are looked at.
const MAX_THREADS: usize = 1 << 20;

/// States where the list of interpreters begins.
pub(crate) fn begin(layout: &mut Layout) {
    layout.set(member::RUNTIME_INTERPRETERS_HEAD, 0);
}

/// The layout with the places of all variables that can be told.
pub(crate) fn placed(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    runtime: Ptr<RuntimeState>,
    interpreters: &[Ptr<InterpreterState>],
) -> Layout {
    let start = runtime.address();
    let mut layout = python.layout().clone();
    let Some(file) = process.module_files().iter().find(|file| file.module.contains(start)) else {
        return layout;
    };
    let words = Words::of_module(process, file);
    let symbol = |name| symbol_address(process, file, name);
    let away = |address: Address| address.0.wrapping_sub(start.0);

    let told = Told::new(&words, start, &thread_states(python, interpreters));
    if let Some(current) = symbol("_PyThreadState_Current").or(told.current) {
        layout.set(member::RUNTIME_TSTATE_CURRENT, away(current));
    }
    let locks = ["gil_mutex", "gil_cond", "switch_mutex", "switch_cond"].map(symbol);
    let gil = around(&locks.into_iter().flatten().collect::<Vec<_>>()).or(told.gil);
    // It counts only while the holder is known as well.
    if let Some(gil) = gil.filter(|_| layout.has(member::RUNTIME_TSTATE_CURRENT)) {
        layout.set(member::RUNTIME_GIL, away(gil.start));
        layout.set(member::GIL_COND, 0);
        layout.set(member::GIL_SIZE, gil.end.0.saturating_sub(gil.start.0));
    }
    if let Some(finalizing) = symbol("_Py_Finalizing") {
        layout.set(member::RUNTIME_FINALIZING_3_8, away(finalizing));
    }
    let youngest = symbol("_PyGC_generation0").and_then(|at| python.word(at).ok()).map(Address);
    if let Some(generations) = youngest.or_else(|| generations(python, &words)) {
        layout.set(member::RUNTIME_GC_GENERATIONS, away(generations));
        // Other sources could have variables of these names.
        let of_collector = symbol("enabled").filter(|at| at.0.abs_diff(generations.0) < SAME_DATA);
        if let (Some(enabled), Some(collecting)) = (of_collector, symbol("collecting")) {
            layout.set(member::RUNTIME_GC_ENABLED, away(enabled));
            layout.set(member::RUNTIME_GC_COLLECTING, away(collecting));
        }
    }
    layout
}

fn symbol_address(process: &DeadProcess<'_>, file: &ModuleFile, name: &str) -> Option<Address> {
    modules::symbol_address(file.bytes(process.core().target())?, file.module.bias?, name)
}

/// From the first lock to the end of the last one.
fn around(locks: &[Address]) -> Option<Range<Address>> {
    let (first, last) = (*locks.iter().min()?, *locks.iter().max()?);
    Some(first..last.checked_add(LARGEST_LOCK)?)
}

/// The words of a module's writable memory.
struct Words {
    words: Vec<(Address, u64)>,
}

impl Words {
    fn of_module(process: &DeadProcess<'_>, file: &ModuleFile) -> Self {
        let target = process.core().target();
        let parts = locate::writable_of_module(process, &file.module);
        let words = parts.flat_map(|(start, bytes)| {
            let size = target.word_size as u64;
            let words = target.words(bytes).enumerate();
            words
                .map(move |(index, word)| (start.wrapping_add(index as u64 * size), word))
                .collect::<Vec<_>>()
        });
        Self { words: words.filter(|&(_, word)| word != 0).collect() }
    }
}

/// All thread states of all interpreters.
fn thread_states(python: &Python<'_>, interpreters: &[Ptr<InterpreterState>]) -> FxHashSet<u64> {
    let mut found = FxHashSet::default();
    for &interpreter in interpreters {
        let mut at = python.read(interpreter, member::INTERP_TSTATE_HEAD).ok().flatten();
        while let Some(state) = at {
            if !found.insert(state.address().0) || found.len() >= MAX_THREADS {
                break;
            }
            at = python.read(state, member::TSTATE_NEXT).ok().flatten();
        }
    }
    found
}

/// Variables told by the thread states that they point at.
struct Told {
    /// `_PyThreadState_Current`, of the same source as `interp_head`.
    current: Option<Address>,
    /// What lies around `gil_last_holder`, which points at the same thread state while the GIL is held.
    gil: Option<Range<Address>>,
}

impl Told {
    fn new(words: &Words, start: Address, states: &FxHashSet<u64>) -> Self {
        let pointing = words.words.iter().filter(|(_, word)| states.contains(word));
        let (near, far): (Vec<_>, Vec<_>) =
            pointing.copied().partition(|(at, _)| at.0.abs_diff(start.0) <= SAME_SOURCE);
        let &[(current, holder)] = &*near else { return Self { current: None, gil: None } };
        let same: Vec<Address> =
            far.iter().filter(|&&(_, word)| word == holder).map(|&(address, _)| address).collect();
        // There is no GIL before the first thread is made, nor a thread that would not hold it.
        let is_alone = far.is_empty() && states.len() == 1;
        let gil = match *same {
            [last_holder] => {
                let start = Address(last_holder.0.saturating_sub(SAME_LOCK));
                Some(start..last_holder.wrapping_add(SAME_LOCK))
            }
            _ => None,
        };
        Self { current: (is_alone || !same.is_empty()).then_some(current), gil }
    }
}

/// Where the heads of three lists of the collector stand side by side; `None` where that holds of several places, or
/// all three lists are empty.
fn generations(python: &Python<'_>, words: &Words) -> Option<Address> {
    let layout = python.layout();
    let size = layout.size_of(member::GC_GENERATION_SIZE).ok()?;
    let next = layout.offset(member::GC_HEAD_NEXT_3_7).ok()?;
    let previous = layout.offset(member::GC_HEAD_PREV_3_7).ok()?;
    let is_head = |at: Address| {
        let word = |at: Address| python.word(at).ok().filter(|&word| word != 0).map(Address);
        let links = word(at.wrapping_add(next)).zip(word(at.wrapping_add(previous)));
        links.is_some_and(|(after, before)| {
            word(after.wrapping_add(previous)) == Some(at) && word(before.wrapping_add(next)) == Some(at)
        })
    };
    let is_empty = |at: Address| python.word(at.wrapping_add(next)) == Ok(at.0);
    let mut found = words.words.iter().map(|&(at, _)| at).filter(|&at| {
        let heads = [0, 1, 2].map(|index| at.wrapping_add(index * size));
        at.is_aligned(8) && heads.into_iter().all(is_head) && !heads.into_iter().all(is_empty)
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}
