//! Exceptions and threads, found by their types in all memory that is left.

use std::ops::ControlFlow;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, BaseExceptionObject, Object, TypeObject};
use crate::memory::FaultKind;
use crate::objects::attributes::{self, Storage};
use crate::objects::dict;
use crate::objects::integer;
use crate::objects::kind::{self, Kind};
use crate::objects::unicode::read_string;
use crate::recover::classes::Classes;
use crate::recover::dumped::{pages, words};
use crate::recover::shape::CoreTypes;
use crate::recover::static_objects::put_string;
use crate::runtime::process::DeadProcess;
use crate::runtime::python::Python;

/// Most objects of one kind that are kept.
const MAX_KEPT: usize = 1 << 16;
/// Objects with a header for the collector start at multiples of this.
const ALIGNMENT: u64 = 16;
/// More references to one exception than this are none.
const MAX_REFERENCES: u64 = 1 << 24;
/// Longest name of a thread that is read.
const MAX_NAME: usize = 256;

/// The objects that were found.
#[derive(Debug, Default)]
pub(super) struct Instances {
    /// Exceptions that came through a frame.
    pub(super) exceptions: Vec<Ptr<BaseExceptionObject>>,
    /// Names of threads by native id.
    pub(super) names: FxHashMap<u64, String>,
}

/// Looks for instances of `classes`, and of the exceptions in `builtins`.
pub(super) fn find(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    types: &CoreTypes,
    classes: &Classes,
    builtin: &FxHashSet<Address>,
) -> Instances {
    let target = process.core().target();
    let type_at = python.layout().offset(member::OBJECT_TYPE).unwrap_or_default();
    let wanted = classes.exceptions.union(builtin).chain(&classes.threads);
    let (lowest, highest) =
        wanted.fold((u64::MAX, 0), |(low, high), class| (low.min(class.0), high.max(class.0)));
    let mut found = Instances::default();
    for page in pages(process.core()) {
        for (at, word) in words(target, page.bytes) {
            if word < lowest || word > highest || !word.is_multiple_of(8) {
                continue;
            }
            let Some(object) = Ptr::<Object>::new(page.address.wrapping_add(at as u64).wrapping_sub(type_at))
            else {
                continue;
            };
            let of = Address(word);
            if classes.threads.contains(&of) {
                if found.names.is_empty() {
                    note_name_key(process, python, types, object);
                }
                if let Some((tid, name)) = name_of(python, object)
                    && found.names.len() < MAX_KEPT
                {
                    found.names.insert(tid, name);
                }
            } else if (builtin.contains(&of) || classes.exceptions.contains(&of))
                && found.exceptions.len() < MAX_KEPT
                && object.address().is_aligned(ALIGNMENT)
                && was_raised(python, object.cast())
                && !process.modules().any(|module| module.contains(object.address()))
            {
                found.exceptions.push(object.cast());
            }
        }
    }
    keep_tracebacks(python, &mut found.exceptions);
    found
}

/// Drops what names as its traceback something of another type than all the others.
fn keep_tracebacks(python: &Python<'_>, exceptions: &mut Vec<Ptr<BaseExceptionObject>>) {
    let type_of = |&at: &Ptr<BaseExceptionObject>| {
        let traceback = python.read(at, member::EXC_TRACEBACK).ok()??;
        python.type_of(traceback.cast()).ok()
    };
    let mut votes: FxHashMap<Ptr<TypeObject>, usize> = FxHashMap::default();
    for of in exceptions.iter().filter_map(type_of) {
        *votes.entry(of).or_default() += 1;
    }
    let most = votes.into_iter().max_by_key(|&(of, count)| (count, of)).map(|(of, _)| of);
    exceptions.retain(|at| type_of(at).is_none_or(|of| Some(of) == most));
}

/// Whether the object is an exception that lives, and came through a frame.
///
/// One that was freed keeps its type, but lost its arguments and its traceback (`BaseException_clear`,
/// Objects/exceptions.c at v3.12.1).
fn was_raised(python: &Python<'_>, at: Ptr<BaseExceptionObject>) -> bool {
    let look = || {
        let first = python.word(at.address()).ok()?;
        let lives = match python.dialect().refcount.stated(first) {
            Some(count) => (1..MAX_REFERENCES).contains(&count),
            None => first != 0,
        };
        let args = python.read(at, member::EXC_ARGS).ok()??;
        let traceback = python.read(at, member::EXC_TRACEBACK).ok()??;
        let frame = python.read(traceback, member::TRACEBACK_FRAME);
        let fits = match (kind::of(python, args.cast()), frame) {
            (Ok(kind), Ok(frame)) => kind == Kind::Tuple && frame.is_some(),
            // One of the two may be lost: the empty tuple, or the traceback.
            (Ok(kind), Err(error)) => kind == Kind::Tuple && is_lost(&error),
            (Err(error), Ok(frame)) => is_lost(&error) && frame.is_some(),
            (Err(_), Err(_)) => false,
        };
        Some(lives && fits && python.read(at, member::EXC_SUPPRESS_CONTEXT).ok()? <= 1)
    };
    look().unwrap_or(false)
}

fn is_lost(error: &ReadError) -> bool {
    matches!(error, ReadError::Fault(fault) if fault.kind == FaultKind::Truncated)
}

/// Stands in for the key `_name`, which the interpreter holds by value in some versions: `Thread.__init__` sets the
/// name between `_target` and `_args` (Lib/threading.py, alike from v3.8.18 to v3.14.0).
fn note_name_key(process: &DeadProcess<'_>, python: &Python<'_>, types: &CoreTypes, thread: Ptr<Object>) {
    let mut keys: Vec<(Ptr<Object>, Result<String, ReadError>)> = Vec::new();
    let visit = |key: Ptr<Object>, _| {
        keys.push((key, read_string(python, key.cast(), MAX_NAME)));
        if keys.len() < MAX_NAME { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let _ = match attributes::storage(python, thread) {
        Ok(Storage::Dict(dict)) => dict::for_each(python, dict, visit),
        Ok(Storage::Values { keys, values }) => dict::for_each_value(python, keys, values, visit),
        Ok(Storage::Nowhere) | Err(_) => return,
    };
    for three in keys.windows(3) {
        if let [(_, Ok(before)), (key, Err(error)), (_, Ok(after))] = three
            && (before.as_str(), after.as_str()) == ("_target", "_args")
            && is_lost(error)
        {
            let _ = put_string(process, python, types, key.cast(), "_name");
        }
    }
}

/// Native id and name of a `threading.Thread` that was started.
fn name_of(python: &Python<'_>, thread: Ptr<Object>) -> Option<(u64, String)> {
    let native = attributes::get(python, thread, "_native_id").ok()??;
    let tid = integer::read_u64(python, native.cast()).ok()?;
    let name = attributes::get(python, thread, "_name").ok()??;
    Some((tid, read_string(python, name.cast(), MAX_NAME).ok()?))
}

/// The exceptions that no other one names as its cause or its context.
pub(super) fn outermost(
    python: &Python<'_>,
    all: &[Ptr<BaseExceptionObject>],
) -> Vec<Ptr<BaseExceptionObject>> {
    let linked = |&at: &Ptr<BaseExceptionObject>| {
        let cause = python.read(at, member::EXC_CAUSE).ok().flatten();
        let context = python.read(at, member::EXC_CONTEXT).ok().flatten();
        cause.into_iter().chain(context)
    };
    let inner: FxHashSet<_> = all.iter().flat_map(linked).collect();
    all.iter().copied().filter(|at| !inner.contains(at)).collect()
}
