//! Stand-ins for the static types and singletons whose memory is lost, by what `builtins` calls them.
//!
//! What a built-in type is does not depend on the process: its flags, its base, the size of its instances. With its
//! name known, readers get those from here instead of from its lost memory; see [`KnownWords`], which never hides
//! memory that is there.
//!
//! [`KnownWords`]: crate::runtime::known_words::KnownWords

use rustc_hash::FxHashMap;

use crate::address::{Address, Ptr};
use crate::layout::member::{self, TypeObject};
use crate::layout::{Layout, Member, SizeOf};
use crate::objects::types::{FoundBy, TypeName};
use crate::recover::builtins::Builtins;
use crate::runtime::process::DeadProcess;

/// Bit of the first `Py_TPFLAGS_…_SUBCLASS` (Include/object.h), that of `int`.
const FIRST_SUBCLASS: u32 = 24;
const EXCEPTION: u64 = 1 << 30;
const HAVE_GC: u64 = 1 << 14;

/// Built-in types whose flags say what they are, in the order of those flags, with `tp_itemsize`.
const FLAGGED: &[(&str, u64)] = &[
    ("int", 4),
    ("list", 0),
    ("tuple", 8),
    ("bytes", 1),
    ("str", 0),
    ("dict", 0),
    ("BaseException", 0),
    ("type", 40),
];
/// Others that are printed.
const OTHERS: &[&str] = &[
    "bytearray",
    "classmethod",
    "complex",
    "enumerate",
    "filter",
    "float",
    "frozenset",
    "map",
    "memoryview",
    "object",
    "property",
    "range",
    "reversed",
    "set",
    "slice",
    "staticmethod",
    "super",
    "zip",
];
/// Exceptions under their base (Objects/exceptions.c at v3.14.0).
const EXCEPTIONS: &[(&str, &[&str])] = &[
    ("object", &["BaseException"]),
    (
        "BaseException",
        &["BaseExceptionGroup", "Exception", "GeneratorExit", "KeyboardInterrupt", "SystemExit"],
    ),
    (
        "Exception",
        &[
            "ArithmeticError",
            "AssertionError",
            "AttributeError",
            "BufferError",
            "EOFError",
            "ImportError",
            "LookupError",
            "MemoryError",
            "NameError",
            "OSError",
            "ReferenceError",
            "RuntimeError",
            "StopAsyncIteration",
            "StopIteration",
            "SyntaxError",
            "SystemError",
            "TypeError",
            "ValueError",
            "Warning",
        ],
    ),
    ("ArithmeticError", &["FloatingPointError", "OverflowError", "ZeroDivisionError"]),
    ("ImportError", &["ModuleNotFoundError"]),
    ("LookupError", &["IndexError", "KeyError"]),
    ("NameError", &["UnboundLocalError"]),
    (
        "OSError",
        &[
            "BlockingIOError",
            "ChildProcessError",
            "ConnectionError",
            "FileExistsError",
            "FileNotFoundError",
            "InterruptedError",
            "IsADirectoryError",
            "NotADirectoryError",
            "PermissionError",
            "ProcessLookupError",
            "TimeoutError",
        ],
    ),
    (
        "ConnectionError",
        &["BrokenPipeError", "ConnectionAbortedError", "ConnectionRefusedError", "ConnectionResetError"],
    ),
    ("RuntimeError", &["NotImplementedError", "PythonFinalizationError", "RecursionError"]),
    ("SyntaxError", &["IndentationError"]),
    ("IndentationError", &["TabError"]),
    ("ValueError", &["UnicodeError"]),
    ("UnicodeError", &["UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError"]),
    (
        "Warning",
        &[
            "BytesWarning",
            "DeprecationWarning",
            "EncodingWarning",
            "FutureWarning",
            "ImportWarning",
            "PendingDeprecationWarning",
            "ResourceWarning",
            "RuntimeWarning",
            "SyntaxWarning",
            "UnicodeWarning",
            "UserWarning",
        ],
    ),
];
/// Singletons and their types, which have no name in `builtins`.
const SINGLETONS: &[(&str, &str)] =
    &[("None", "NoneType"), ("Ellipsis", "ellipsis"), ("NotImplemented", "NotImplementedType")];

/// Names of the types that `builtins` names, after readers were told what those types are.
pub(super) fn stand_in(
    process: &DeadProcess<'_>,
    layout: &Layout,
    builtins: &Builtins,
) -> FxHashMap<Ptr<TypeObject>, TypeName> {
    let stage = Stage { process, layout, builtins };
    let mut names = FxHashMap::default();
    let mut cast = |name: &str, base: Option<&str>, flags: u64, item: u64, size: Option<u64>| {
        if let Some(&at) = builtins.values.get(name) {
            stage.set_type(at, base.and_then(|base| builtins.values.get(base)), flags, item, size);
            names.extend(Ptr::new(at).map(|at| (at, inferred(name))));
        }
    };
    let size = |of: &str| size_of(layout, of);
    for (index, &(name, item)) in FLAGGED.iter().enumerate() {
        let flag = 1 << (FIRST_SUBCLASS + index as u32);
        cast(name, Some("object"), flag, item, size(name));
    }
    cast("bool", Some("int"), 1 << FIRST_SUBCLASS, 4, size("int"));
    for name in OTHERS {
        cast(name, Some("object").filter(|base| base != name), 0, 0, size(name));
    }
    for (base, derived) in EXCEPTIONS {
        for name in *derived {
            cast(name, Some(base), EXCEPTION | HAVE_GC, 0, size("BaseException"));
        }
    }
    for (index, (name, of_type)) in SINGLETONS.iter().enumerate() {
        let Some(&at) = builtins.values.get(*name) else { continue };
        // Its type has an address, but nothing tells it; this one is nowhere else.
        let stand_in = Ptr::<TypeObject>::nowhere().address().wrapping_add((index as u64 + 1) << 12);
        stage.set(at, member::OBJECT_TYPE, stand_in.0);
        let of = stage
            .process
            .space()
            .word(at.wrapping_add(layout.offset(member::OBJECT_TYPE).unwrap_or_default()));
        let of = of.map_or(stand_in, Address);
        stage.set_type(of, None, 0, 0, None);
        names.extend(Ptr::new(of).map(|of| (of, inferred(of_type))));
    }
    stage.set_bool("False", 0);
    stage.set_bool("True", 1);
    names
}

/// A name that was told by a dict of `builtins`, or by how objects are used.
pub(super) fn inferred(name: &str) -> TypeName {
    TypeName { module: Some("builtins".to_owned()), qualname: name.to_owned(), found_by: FoundBy::Inferred }
}

/// `tp_basicsize`.
fn size_of(layout: &Layout, name: &str) -> Option<u64> {
    fn plain<S>(layout: &Layout, size: Member<S, SizeOf>) -> Option<u64> {
        layout.size_of(size).ok()
    }
    match name {
        "int" => plain(layout, member::LONG_SIZE).map(|size| size & !7),
        "list" => plain(layout, member::LIST_SIZE),
        "str" => plain(layout, member::UNICODE_SIZE),
        "dict" => plain(layout, member::DICT_SIZE),
        "type" => plain(layout, member::HEAP_TYPE_SIZE),
        "float" => plain(layout, member::FLOAT_SIZE),
        "set" | "frozenset" => plain(layout, member::SET_SIZE),
        "BaseException" => plain(layout, member::EXC_SIZE),
        "object" => plain(layout, member::OBJECT_SIZE),
        _ => None,
    }
}

/// Where the stand-ins are put.
struct Stage<'a, 'd> {
    process: &'a DeadProcess<'d>,
    layout: &'a Layout,
    builtins: &'a Builtins,
}

impl Stage<'_, '_> {
    fn set<S, T>(&self, at: Address, member: Member<S, T>, value: u64) {
        if let Ok(offset) = self.layout.offset(member) {
            self.process.known().insert(self.process.core().target(), at.wrapping_add(offset), value);
        }
    }

    fn set_type(&self, at: Address, base: Option<&Address>, flags: u64, item: u64, size: Option<u64>) {
        self.set(at, member::TYPE_FLAGS, flags);
        self.set(at, member::TYPE_ITEMSIZE, item);
        self.set(at, member::TYPE_BASE, base.map_or(0, |base| base.0));
        if let Some(size) = size {
            self.set(at, member::TYPE_BASICSIZE, size);
        }
        let exception_dict = self.layout.offset(member::EXC_DICT).ok().filter(|_| flags & EXCEPTION != 0);
        self.set(at, member::TYPE_DICTOFFSET, exception_dict.unwrap_or_default());
        // What no reader finds here it looks for elsewhere.
        for nothing in [member::TYPE_MRO, member::TYPE_BASES] {
            self.set(at, nothing, 0);
        }
        self.set(at, member::TYPE_DICT, 0);
        // No other type has this function.
        self.set(at, member::TYPE_REPR, at.0);
        self.set(at, member::TYPE_NAME, 0);
        self.set(at, member::TYPE_SUBCLASSES, 0);
        self.set(at, member::TYPE_WEAKLISTOFFSET, 0);
        if let Some(of) = self.builtins.values.get("type") {
            self.set(at, member::OBJECT_TYPE, of.0);
        }
    }

    fn set_bool(&self, name: &str, value: u64) {
        let of = self.builtins.values.get("bool");
        let (Some(&at), Some(of)) = (self.builtins.values.get(name), of) else { return };
        self.set(at, member::OBJECT_TYPE, of.0);
        if self.layout.has(member::LONG_TAG) {
            // A digit, or the sign of zero (`Include/internal/pycore_long.h` at v3.12.1).
            self.set(at, member::LONG_TAG, if value == 0 { 1 } else { 1 << 3 });
            self.set(at, member::LONG_TAGGED_DIGITS, value);
        } else {
            self.set(at, member::VAR_SIZE, value);
            self.set(at, member::LONG_DIGITS, value);
        }
    }
}
