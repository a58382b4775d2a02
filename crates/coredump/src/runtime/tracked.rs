//! The objects that the cyclic garbage collector keeps track of, by its own lists.
//!
//! A generation is a circle of `PyGC_Head`s that begins at the generation itself; the object stands behind its head
//! (Modules/gcmodule.c at v3.8.18, Python/gc.c at v3.13.0). The lowest bits of a link are flags. Free-threaded builds have
//! no such lists.

use std::ops::ControlFlow;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{self, GcHead, InterpreterState, Object, TypeObject};
use crate::runtime::attach::PythonRuntime;

/// Flags in a link: `PREV_MASK_COLLECTING` and `NEXT_MASK_UNREACHABLE`, `_PyGC_NEXT_MASK_OLD_SPACE_1` in 3.14.
const FLAGS: u64 = 3;
/// Generations that are collected; the permanent one comes on top.
const GENERATIONS: u64 = 3;

/// How a walk over all tracked objects went.
#[derive(Debug, Default)]
pub struct Walk {
    /// Objects that were looked at.
    pub objects: u64,
    /// The build's lists are not known, or it has none.
    pub no_lists: bool,
    /// There are more objects than were to be looked at.
    pub is_cut: bool,
    /// Where lists break off.
    pub faults: Vec<ReadError>,
}

/// Calls `visit` with each object of an interpreter that is tracked, its type and its generation, at most `most` times.
///
/// Generations are numbered as by `gc.get_objects(generation=N)`, the youngest is 0; the permanent one, into which
/// `gc.freeze` puts objects, is 3.
pub fn for_each(
    runtime: &PythonRuntime<'_>,
    interpreter: Ptr<InterpreterState>,
    most: u64,
    mut visit: impl FnMut(Ptr<Object>, Ptr<TypeObject>, u8),
) -> Walk {
    let mut walk = Walk::default();
    let Some(lists) = lists(runtime, interpreter) else { return Walk { no_lists: true, ..walk } };
    for (generation, list) in (0..).zip(lists) {
        match walk_list(runtime, list, most, &mut walk, &mut |object, of| visit(object, of, generation)) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            Err(error) => walk.faults.push(error),
        }
    }
    walk
}

/// Where the lists begin, the youngest first.
fn lists(runtime: &PythonRuntime<'_>, interpreter: Ptr<InterpreterState>) -> Option<Vec<Address>> {
    let python = runtime.python();
    let layout = python.layout();
    layout.size_of(member::GC_HEAD_SIZE).ok()?;
    let (first, permanent) = if layout.has(member::INTERP_GC_GENERATIONS) {
        (
            python.address_of(interpreter, member::INTERP_GC_GENERATIONS).ok()?,
            python.address_of(interpreter, member::INTERP_GC_PERMANENT),
        )
    } else {
        (
            python.address_of(runtime.address(), member::RUNTIME_GC_GENERATIONS).ok()?,
            python.address_of(runtime.address(), member::RUNTIME_GC_PERMANENT),
        )
    };
    let size = layout.size_of(member::GC_GENERATION_SIZE).ok()?;
    let generations = (0..GENERATIONS).map(|index| first.wrapping_add(index * size));
    Some(generations.chain(permanent.ok()).collect())
}

fn walk_list(
    runtime: &PythonRuntime<'_>,
    list: Address,
    most: u64,
    walk: &mut Walk,
    visit: &mut impl FnMut(Ptr<Object>, Ptr<TypeObject>),
) -> Result<ControlFlow<()>, ReadError> {
    let python = runtime.python();
    let layout = python.layout();
    let target = python.space().target();
    let head_size = layout.size_of(member::GC_HEAD_SIZE)?;
    let next = if layout.has(member::GC_HEAD_NEXT) { member::GC_HEAD_NEXT } else { member::GC_HEAD_NEXT_3_7 };
    let next_at = layout.offset(next)? as usize;
    let type_at = (head_size + layout.offset(member::OBJECT_TYPE)?) as usize;
    let (word, wanted) = (target.word_size, type_at + target.word_size);
    let number = |bytes: &[u8], at: usize| target.unsigned(bytes.get(at..at + word).unwrap_or_default());
    let start = Ptr::<GcHead>::new(list).ok_or(ReadError::Null("gc_generation.head"))?;
    let Address(mut at) = python.read(start, next)?;
    at &= !FLAGS;
    // A circle that does not come back to where it began is caught by an object that lags behind (Brent's algorithm).
    let (mut steps, mut until, mut mark) = (0_u64, 1_u64, 0_u64);
    while at != list.0 {
        if walk.objects >= most {
            walk.is_cut = true;
            return Ok(ControlFlow::Break(()));
        }
        if at == mark || at == 0 {
            let what = "a list of the garbage collector does not come back to its head";
            return Err(ReadError::Invalid { at: Address(at), what });
        }
        let bytes = python.bytes(Address(at), wanted as u64)?;
        let of = Ptr::new(Address(number(&bytes, type_at)));
        if let (Some(object), Some(of)) = (Ptr::new(Address(at).wrapping_add(head_size)), of) {
            walk.objects += 1;
            visit(object, of);
        }
        steps += 1;
        if steps == until {
            (mark, until) = (at, until.saturating_mul(2));
        }
        at = number(&bytes, next_at) & !FLAGS;
    }
    Ok(ControlFlow::Continue(()))
}
