//! Classes on the heap, found by their type, and what they tell.

use std::ops::ControlFlow;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::address::{Address, Ptr};
use crate::layout::member::{self, FunctionObject, TypeObject};
use crate::objects::dict;
use crate::objects::kind::{self, Kind, TypeFlags};
use crate::objects::repr;
use crate::objects::types::TypeNames;
use crate::recover::dumped::{pages, words};
use crate::runtime::process::DeadProcess;
use crate::runtime::python::Python;

/// Most classes that are kept.
const MAX_CLASSES: usize = 1 << 17;
/// Classes between one and its base.
const MAX_BASES: usize = 64;
/// Classes whose functions are looked at, and functions that are enough.
const SAMPLED_CLASSES: usize = 400;
const ENOUGH_FUNCTIONS: usize = 16;

/// What the classes tell.
#[derive(Debug, Default)]
pub(super) struct Classes {
    /// Classes of exceptions.
    pub(super) exceptions: FxHashSet<Address>,
    /// `threading.Thread` and what is derived from it.
    pub(super) threads: FxHashSet<Address>,
    /// The type of functions.
    pub(super) function: Option<Ptr<TypeObject>>,
}

/// What `all`, the classes that were found, tell.
pub(super) fn read(
    python: &Python<'_>,
    types: &TypeNames,
    all: &[Ptr<TypeObject>],
    code_type: Address,
) -> Classes {
    let exceptions = all.iter().filter(|&&class| kind_of(python, class) == Some(Kind::Exception));
    let bases: FxHashSet<_> = all.iter().copied().filter(|&class| is_thread(python, types, class)).collect();
    let derives = |&&class: &&Ptr<TypeObject>| {
        let next = |&at: &Ptr<TypeObject>| python.read(at, member::TYPE_BASE).ok().flatten();
        std::iter::successors(Some(class), next).take(MAX_BASES).any(|at| bases.contains(&at))
    };
    Classes {
        exceptions: exceptions.map(|class| class.address()).collect(),
        threads: if bases.is_empty() {
            FxHashSet::default()
        } else {
            all.iter().filter(derives).map(|class| class.address()).collect()
        },
        function: function_type(python, all, code_type),
    }
}

/// Finds the classes whose type is `type_type`.
pub(super) fn find(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    type_type: Address,
) -> Vec<Ptr<TypeObject>> {
    let target = process.core().target();
    let type_at = python.layout().offset(member::OBJECT_TYPE).unwrap_or_default();
    let mut found = Vec::new();
    for page in pages(process.core()) {
        for (at, word) in words(target, page.bytes) {
            if word != type_type.0 {
                continue;
            }
            let class = Ptr::<TypeObject>::new(page.address.wrapping_add(at as u64).wrapping_sub(type_at));
            let is_class = |&class: &Ptr<TypeObject>| {
                kind::flags(python, class).is_ok_and(|flags| flags.has(TypeFlags::HEAP_TYPE))
            };
            found.extend(class.filter(is_class));
            if found.len() >= MAX_CLASSES {
                return found;
            }
        }
    }
    found
}

fn kind_of(python: &Python<'_>, class: Ptr<TypeObject>) -> Option<Kind> {
    kind::flags(python, class).ok().map(TypeFlags::kind)
}

fn is_thread(python: &Python<'_>, types: &TypeNames, class: Ptr<TypeObject>) -> bool {
    kind_of(python, class) == Some(Kind::Other)
        && types.find(python, class).is_some_and(|name| {
            name.qualname == "Thread"
                && name.module.is_none_or(|module| module == "threading" || repr::is_mark(&module))
        })
}

/// The type of what the classes' dicts hold that has a code object where functions have theirs.
fn function_type(
    python: &Python<'_>,
    all: &[Ptr<TypeObject>],
    code_type: Address,
) -> Option<Ptr<TypeObject>> {
    let mut votes: FxHashMap<Ptr<TypeObject>, usize> = FxHashMap::default();
    for &class in all.iter().take(SAMPLED_CLASSES) {
        let Ok(Some(class_dict)) = python.read(class, member::TYPE_DICT) else { continue };
        let _ = dict::for_each(python, class_dict, |_, value| {
            let code = python.read(value.cast::<FunctionObject>(), member::FUNCTION_CODE).ok().flatten();
            let has_code = code.and_then(|code| python.type_of(code.cast()).ok());
            if has_code.is_some_and(|of| of.address() == code_type)
                && let Ok(of) = python.type_of(value)
            {
                *votes.entry(of).or_default() += 1;
            }
            ControlFlow::Continue(())
        });
        if votes.values().any(|&count| count >= ENOUGH_FUNCTIONS) {
            break;
        }
    }
    let (of, count) = votes.into_iter().max_by_key(|&(of, count)| (count, of))?;
    (count >= ENOUGH_FUNCTIONS / 2).then_some(of)
}
