//! Checks that a place is the runtime and that a layout fits it, against the core's own objects.

use crate::address::{Address, Ptr};
use crate::layout::columns;
use crate::layout::flavor::Flavor;
use crate::layout::member::{self, DictObject, InterpreterState, Object, RuntimeState, TypeObject};
use crate::layout::{Member, ReadError, SizeOf};
use crate::memory::{Fault, FaultKind};
use crate::objects::dict::lookup_str;
use crate::objects::unicode::read_string;
use crate::runtime::python::Python;

/// Version of an interpreter as `sys.version` states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Major and minor.
    pub minor: (u8, u8),
    /// The first word: `3.12.1`, `3.13.0rc2`.
    pub text: String,
    /// The whole of `sys.version`.
    pub full: String,
}

impl Version {
    /// The patch level: 1 of `3.12.1`, 0 of `3.13.0rc2`.
    pub fn patch(&self) -> Option<u8> {
        let third = self.text.split('.').nth(2)?;
        third.split(|next: char| !next.is_ascii_digit()).next()?.parse().ok()
    }
}

/// Why a place or a layout was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Something could not be read where the layout says that it is.
    #[error("{what}: {error}")]
    Unreadable {
        /// What was looked for.
        what: &'static str,
        /// Why it was not there.
        error: ReadError,
    },
    /// Something contradicts the layout.
    #[error("{0}")]
    Contradiction(String),
    /// The version is not one that is known.
    #[error(
        "CPython {0} is not supported, {supported} are (releases and release candidates); a newer pycoroner may know it",
        supported = columns::supported()
    )]
    UnknownVersion(String),
    /// The build is of another flavor than the layout.
    #[error("CPython {version} is a {stated} build, the layout is that of a {read_as} build")]
    Flavor {
        /// Its version.
        version: String,
        /// What the core says.
        stated: Flavor,
        /// What the layout is of.
        read_as: Flavor,
    },
}

/// What verification found on its way.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    pub(crate) version: Version,
    /// All of them, the main one last.
    pub(crate) interpreters: Vec<Ptr<InterpreterState>>,
    /// The main one.
    pub(crate) interpreter: Ptr<InterpreterState>,
    pub(crate) type_type: Ptr<TypeObject>,
    pub(crate) debug_build: bool,
}

const MAX_INTERPRETERS: usize = 4096;
const DICT_SUBCLASS: u64 = 1 << 29;

/// Verifies that `runtime`, read as `python` does, holds together and is of version `minor`.
pub(crate) fn verify(
    python: &Python<'_>,
    runtime: Ptr<RuntimeState>,
    minor: (u8, u8),
) -> Result<Verified, Refusal> {
    let head = required(python.read(runtime, member::RUNTIME_INTERPRETERS_HEAD), "interpreters.head")?;
    let interpreters = interpreters(python, head);
    // A new interpreter goes to the front of the list; the main one is complete when all others are not yet.
    let interpreter = interpreters.last().copied().unwrap_or(head);
    let modules = modules_dict(python, interpreter)?;
    let sysdict = required(python.read(interpreter, member::INTERP_SYSDICT), "the interpreter's sys dict")?;
    let type_type = type_of_types(python, modules)?;
    for (dict, what) in [(modules, "sys.modules"), (sysdict, "the sys dict")] {
        let flags = python.type_flags_of(dict).map_err(|error| Refusal::Unreadable { what, error })?;
        if flags & DICT_SUBCLASS == 0 {
            return Err(Refusal::Contradiction(format!("{what} at {dict:?} is no dict")));
        }
    }
    let version = version(python, sysdict.cast())?;
    if version.minor != minor {
        return Err(Refusal::Contradiction(format!(
            "sys.version says {}, the layout is of {}.{}",
            version.text, minor.0, minor.1
        )));
    }
    let dict_type = required_type(python, modules)?;
    check_size(python, dict_type, member::DICT_SIZE, "dict")?;
    check_size(python, type_type, member::HEAP_TYPE_SIZE, "type")?;
    check_builtins(python, interpreter, type_type)?;
    // An emptied `sys.modules`, of an interpreter that is shut down, is no longer kept track of.
    let builtins = python.read(interpreter, member::INTERP_BUILTINS).ok().flatten();
    let tracked = [Some(modules), Some(sysdict.cast()), builtins];
    tracked.into_iter().flatten().find(|&tracked| is_behind_gc_head(python, tracked)).ok_or_else(|| {
        Refusal::Contradiction(format!("no header of the garbage collector stands before {modules:?}"))
    })?;
    let debug_build = matches!(lookup_str(python, sysdict.cast(), "gettotalrefcount"), Ok(Some(_)));
    Ok(Verified { version, interpreters, interpreter, type_type, debug_build })
}

fn interpreters(python: &Python<'_>, head: Ptr<InterpreterState>) -> Vec<Ptr<InterpreterState>> {
    let mut found = vec![head];
    let mut at = head;
    while let Ok(Some(next)) = python.read(at, member::INTERP_NEXT) {
        if found.contains(&next) || found.len() >= MAX_INTERPRETERS {
            break;
        }
        found.push(next);
        at = next;
    }
    found
}

/// `sys.modules` of an interpreter.
pub(crate) fn modules_dict(
    python: &Python<'_>,
    interpreter: Ptr<InterpreterState>,
) -> Result<Ptr<Object>, Refusal> {
    let modules = if python.layout().has(member::INTERP_IMPORTS_MODULES) {
        python.read(interpreter, member::INTERP_IMPORTS_MODULES)
    } else {
        python.read(interpreter, member::INTERP_MODULES)
    };
    required(modules, "sys.modules")
}

fn required<T>(answer: Result<Option<T>, ReadError>, what: &'static str) -> Result<T, Refusal> {
    match answer {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(Refusal::Unreadable { what, error: ReadError::Null(what) }),
        Err(error) => Err(Refusal::Unreadable { what, error }),
    }
}

fn required_type(python: &Python<'_>, object: Ptr<Object>) -> Result<Ptr<TypeObject>, Refusal> {
    python.type_of(object).map_err(|error| Refusal::Unreadable { what: "a type", error })
}

/// `PyType_Type`: the type of a type, and its own.
fn type_of_types(python: &Python<'_>, object: Ptr<Object>) -> Result<Ptr<TypeObject>, Refusal> {
    let metatype = required_type(python, required_type(python, object)?.cast())?;
    if required_type(python, metatype.cast())? == metatype {
        Ok(metatype)
    } else {
        Err(Refusal::Contradiction(format!("the type of types at {metatype:?} is not its own type")))
    }
}

fn version(python: &Python<'_>, sysdict: Ptr<DictObject>) -> Result<Version, Refusal> {
    let what = "sys.version";
    let text = required(lookup_str(python, sysdict, "version"), what)?;
    let full = read_string(python, text.cast(), 512).map_err(|error| Refusal::Unreadable { what, error })?;
    let text = full.split(' ').next().unwrap_or_default().trim_end_matches('+').to_owned();
    let mut numbers = text.split('.').map(|number| number.parse::<u8>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => Ok(Version { minor: (major, minor), text, full }),
        _ => Err(Refusal::Contradiction(format!("sys.version reads {full:?}"))),
    }
}

fn check_size<S>(
    python: &Python<'_>,
    of_type: Ptr<TypeObject>,
    size: Member<S, SizeOf>,
    name: &str,
) -> Result<(), Refusal> {
    let what = "tp_basicsize";
    let unreadable = |error| Refusal::Unreadable { what, error };
    let found = python.read(of_type, member::TYPE_BASICSIZE).map_err(unreadable)?;
    let expected = python.layout().size_of(size).map_err(unreadable)?;
    // Variable-sized objects may count the first item in the structure, but not in tp_basicsize.
    let items = python.read(of_type, member::TYPE_ITEMSIZE).map_err(unreadable)?;
    let slack = if items > 0 { 8 } else { 0 };
    if u64::try_from(found).is_ok_and(|found| found <= expected && expected - found <= slack) {
        Ok(())
    } else {
        Err(Refusal::Contradiction(format!("{name}.__basicsize__ is {found}, the layout says {expected}")))
    }
}

/// Whether the collector's header stands before an object that it keeps track of, up to 3.7: those around it in its
/// list point back.
fn is_behind_gc_head(python: &Python<'_>, tracked: Ptr<Object>) -> bool {
    let layout = python.layout();
    let (Ok(size), Ok(next), Ok(previous)) = (
        layout.size_of(member::GC_HEAD_SIZE),
        layout.offset(member::GC_HEAD_NEXT_3_7),
        layout.offset(member::GC_HEAD_PREV_3_7),
    ) else {
        return true;
    };
    let head = tracked.address().wrapping_sub(size);
    let points_back = |there, back| {
        let around = Address(python.word(head.wrapping_add(there))?);
        Ok(python.word(around.wrapping_add(back))? == head.0)
    };
    let lost = |fault: &Fault| matches!(fault.kind, FaultKind::Truncated | FaultKind::NotDumped);
    let holds = |answer: Result<bool, Fault>| answer.unwrap_or_else(|fault| lost(&fault));
    holds(points_back(next, previous)) && holds(points_back(previous, next))
}

fn check_builtins(
    python: &Python<'_>,
    interpreter: Ptr<InterpreterState>,
    type_type: Ptr<TypeObject>,
) -> Result<(), Refusal> {
    let builtins = required(python.read(interpreter, member::INTERP_BUILTINS), "the builtins dict")?;
    let check = |name: &'static str| -> Result<Ptr<TypeObject>, Refusal> {
        let found: Ptr<TypeObject> = required(lookup_str(python, builtins.cast(), name), name)?.cast();
        if required_type(python, found.cast())? == type_type {
            Ok(found)
        } else {
            Err(Refusal::Contradiction(format!("builtins.{name} is no type")))
        }
    };
    check_size(python, check("str")?, member::UNICODE_SIZE, "str")?;
    check_size(python, check("int")?, member::LONG_SIZE, "int")?;
    check_size(python, check("float")?, member::FLOAT_SIZE, "float")?;
    check_size(python, check("tuple")?, member::TUPLE_SIZE, "tuple")?;
    check_size(python, check("list")?, member::LIST_SIZE, "list")?;
    check_size(python, check("set")?, member::SET_SIZE, "set")?;
    check_size(python, check("BaseException")?, member::EXC_SIZE, "BaseException")
}
