//! Which of CPython's `__repr__`s prints the instances of a type.

use crate::address::Ptr;
use crate::layout::ReadError;
use crate::layout::member::{self, CodeObject, FunctionObject, Object, TupleObject, TypeObject};
use crate::objects::kind::{self, Kind, TypeFlags};
use crate::objects::repr::form::Form;
use crate::objects::repr::{
    Objects, builtin, callable, collections, decimal, library, moment, numpy, pandas, regex, structure,
    threads,
};
use crate::objects::types::FoundBy;
use crate::objects::unicode::read_string;
use crate::objects::{dict, sequence};

/// Most classes of a method resolution order that are looked at.
const MAX_CLASSES: usize = 512;
/// Longest name that is read.
const MAX_NAME: usize = 512;

/// How the instances of a type are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// By code that is known.
    Known(Formatter),
    /// By code that is not.
    Unknown,
    /// The type cannot be read.
    Unreadable(ReadError),
}

macro_rules! formatters {
    ($($name:ident: $($type_name:literal)|*, $form:expr;)*) => {
        /// A `__repr__` that is known, named by the types that define it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Formatter {
            /// Text, which is written as it is read.
            Str,
            /// Bytes, which are written as they are read.
            Bytes,
            /// Bytes, which are written as they are read.
            ByteArray,
            $(#[doc = concat!($("`", $type_name, "` "),*)] $name),*
        }

        impl Formatter {
            /// The `__repr__` that the type of this name defines.
            fn of(type_name: &str) -> Option<Self> {
                match type_name {
                    "str" => Some(Self::Str),
                    "bytes" => Some(Self::Bytes),
                    "bytearray" => Some(Self::ByteArray),
                    $($($type_name)|* => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The pieces of an object's text; of containers at most `limit` elements.
            pub(super) fn form(
                self,
                objects: &Objects<'_>,
                object: Ptr<Object>,
                limit: usize,
            ) -> Result<Form, ReadError> {
                let form: fn(&Objects<'_>, Ptr<Object>, usize) -> Result<Form, ReadError> = match self {
                    Self::Str | Self::Bytes | Self::ByteArray => |_, _, _| Ok(Form::default()),
                    $(Self::$name => $form),*
                };
                form(objects, object, limit)
            }
        }
    };
}

formatters! {
    Object: "object", builtin::object;
    Int: "int", builtin::int;
    Bool: "bool", builtin::bool;
    Float: "float", builtin::float;
    Complex: "complex", builtin::complex;
    NoneType: "NoneType", |_, _, _| Ok(Form::text("None"));
    EllipsisType: "ellipsis", |_, _, _| Ok(Form::text("Ellipsis"));
    NotImplementedType: "NotImplementedType", |_, _, _| Ok(Form::text("NotImplemented"));
    Tuple: "tuple", builtin::tuple;
    List: "list", builtin::list;
    Dict: "dict", builtin::dict;
    Set: "set" | "frozenset", builtin::set;
    Range: "range", builtin::range;
    Slice: "slice", builtin::slice;
    MemoryView: "memoryview", builtin::memoryview;
    Exception: "BaseException", builtin::exception;
    Type: "type", callable::class;
    Function: "function", callable::function;
    Method: "method", callable::method;
    BuiltinFunction: "builtin_function_or_method", callable::builtin_function;
    Module: "module", callable::module;
    Generator: "generator" | "coroutine" | "async_generator", callable::generator;
    Code: "code", callable::code;
    Cell: "cell", callable::cell;
    StaticMethod: "staticmethod", callable::static_method;
    ClassMethod: "classmethod", callable::class_method;
    MemberDescriptor: "member_descriptor", callable::member_descriptor;
    GetSetDescriptor: "getset_descriptor", callable::attribute_descriptor;
    MethodDescriptor: "method_descriptor" | "classmethod_descriptor", callable::method_descriptor;
    WrapperDescriptor: "wrapper_descriptor", callable::wrapper_descriptor;
    MethodWrapper: "method-wrapper", callable::method_wrapper;
    ContextVar: "_contextvars.ContextVar" | "ContextVar", callable::context_var;
    Weakref: "weakref" | "weakref.ReferenceType", callable::weak_reference;
    Partial: "functools.partial", callable::partial;
    Super: "super", callable::super_object;
    DictKeys: "dict_keys", collections::dict_keys;
    DictValues: "dict_values", collections::dict_values;
    DictItems: "dict_items", collections::dict_items;
    MappingProxy: "mappingproxy", collections::mapping_proxy;
    Namespace: "types.SimpleNamespace", collections::namespace;
    Deque: "collections.deque", collections::deque;
    DefaultDict: "collections.defaultdict", collections::default_dict;
    OrderedDict: "collections.OrderedDict", collections::ordered_dict;
    Array: "array.array", collections::array;
    Pattern: "re.Pattern" | "_sre.SRE_Pattern", regex::pattern;
    Match: "re.Match" | "_sre.SRE_Match", regex::match_object;
    Lock: "_thread.lock", threads::lock;
    RLock: "_thread.RLock", threads::rlock;
    GenericAlias: "types.GenericAlias", structure::generic_alias;
    Union: "types.UnionType", structure::union;
    StructSequence: "<struct sequence>", structure::sequence;
    Date: "datetime.date", moment::date;
    DateTime: "datetime.datetime", moment::datetime;
    Time: "datetime.time", moment::time;
    TimeDelta: "datetime.timedelta", moment::timedelta;
    TimeZone: "datetime.timezone", moment::timezone;
    Decimal: "decimal.Decimal", decimal::decimal;
    Ndarray: "numpy.ndarray", numpy::array;
    NumpyDtype: "numpy.dtype", numpy::dtype;
    NumpyScalar: "numpy.generic" | "numpy.bool" | "numpy.bool_" | "numpy.int8" | "numpy.int16" | "numpy.int32"
        | "numpy.int64" | "numpy.longlong" | "numpy.uint8" | "numpy.uint16" | "numpy.uint32" | "numpy.uint64"
        | "numpy.ulonglong" | "numpy.integer" | "numpy.float16" | "numpy.float32" | "numpy.float64"
        | "numpy.complex64" | "numpy.complex128" | "numpy.str_" | "numpy.bytes_", numpy::scalar;
    // In Python: the module and the qualified name of the function.
    Counter: "collections Counter.__repr__", library::counter;
    UserData: "collections UserDict.__repr__" | "collections UserList.__repr__" | "collections UserString.__repr__",
        library::user_data;
    NamedTuple: "collections <namedtuple>", library::named_tuple;
    DataClass: "dataclasses <dataclass>", library::data_class;
    ChainMap: "collections ChainMap.__repr__", library::chain_map;
    WeakDict: "weakref WeakValueDictionary.__repr__" | "weakref WeakKeyDictionary.__repr__", library::weak_dict;
    ArgumentNamespace: "argparse _AttributeHolder.__repr__", library::argument_namespace;
    Logger: "logging Logger.__repr__", library::logger;
    IpAddress: "ipaddress _BaseAddress.__repr__", library::ip_address;
    DataFrame: "pandas.core.frame DataFrame.__repr__", pandas::frame;
    Series: "pandas.core.series Series.__repr__", pandas::series;
    Index: "pandas.core.indexes.base Index.__repr__", pandas::index;
    Thread: "threading Thread.__repr__", threads::thread;
    Condition: "threading Condition.__repr__", threads::condition;
    Event: "threading Event.__repr__", threads::event;
    Semaphore: "threading Semaphore.__repr__", threads::semaphore;
    BoundedSemaphore: "threading BoundedSemaphore.__repr__", threads::bounded_semaphore;
    Barrier: "threading Barrier.__repr__", threads::barrier;
    Enum: "enum Enum.__repr__", library::enum_member;
    Flag: "enum Flag.__repr__", library::flag;
    Fraction: "fractions Fraction.__repr__", library::fraction;
    Uuid: "uuid UUID.__repr__", library::uuid;
    Path: "pathlib PurePath.__repr__" | "pathlib._local PurePath.__repr__", library::path;
}

/// What Python prints for an object that is being printed already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CycleMarker {
    /// This.
    Text(&'static str),
    /// The name of the class, then `(...)`.
    TypeName,
}

impl Formatter {
    /// What stands for the object inside of itself; `None` where Python recurses until it raises.
    pub(super) fn cycle_marker(self) -> Option<CycleMarker> {
        Some(match self {
            Self::List | Self::Deque => CycleMarker::Text("[...]"),
            Self::Dict => CycleMarker::Text("{...}"),
            Self::Tuple => CycleMarker::Text("(...)"),
            Self::OrderedDict
            | Self::DataClass
            | Self::Partial
            | Self::DictKeys
            | Self::DictValues
            | Self::DictItems => CycleMarker::Text("..."),
            Self::Set | Self::Namespace => CycleMarker::TypeName,
            _ => return None,
        })
    }
}

/// Finds out which `__repr__` prints instances of a type.
pub(super) fn of(objects: &Objects<'_>, of: Ptr<TypeObject>) -> Rule {
    find(objects, of).unwrap_or_else(Rule::Unreadable)
}

fn find(objects: &Objects<'_>, of: Ptr<TypeObject>) -> Result<Rule, ReadError> {
    let python = objects.python();
    if let Some(rule) = inferred(objects, of)? {
        return Ok(rule);
    }
    let own = python.read(of, member::TYPE_REPR)?;
    if objects.object_repr() == Some(own) {
        return Ok(Rule::Known(Formatter::Object));
    }
    let classes = resolution_order(objects, of)?;
    for &class in &classes {
        if let Some(rule) = inferred(objects, class)? {
            return Ok(rule);
        }
        if !kind::flags(python, class)?.has(TypeFlags::HEAP_TYPE) {
            break;
        }
        let Some(class_dict) = python.read(class, member::TYPE_DICT)? else { continue };
        if let Some(found) = dict::lookup_str(python, class_dict, "__repr__")? {
            if objects.type_name_of(found)?.qualified() == "function" {
                return Ok(python_rule(objects, class, found.cast())?.map_or(Rule::Unknown, Rule::Known));
            }
            break;
        }
    }
    // The C function is that of the most basic type that has it.
    let mut owner = of;
    for class in classes {
        if python.read(class, member::TYPE_REPR)? == own {
            owner = class;
        }
    }
    if let Some(formatter) = Formatter::of(&objects.type_name(owner).qualified()) {
        return Ok(Rule::Known(formatter));
    }
    let is_sequence =
        kind::flags(python, owner)?.kind() == Kind::Tuple && structure::is_sequence_type(objects, owner)?;
    Ok(if is_sequence { Rule::Known(Formatter::StructSequence) } else { Rule::Unknown })
}

/// The rule of a static type whose name was inferred, since its memory is lost. Every built-in type that has such a
/// name has a C function of its own; exceptions have that of the most basic one.
fn inferred(objects: &Objects<'_>, of: Ptr<TypeObject>) -> Result<Option<Rule>, ReadError> {
    let name = objects.type_name(of);
    if name.found_by != FoundBy::Inferred {
        return Ok(None);
    }
    let is_exception = kind::flags(objects.python(), of)?.kind() == Kind::Exception;
    let name = if is_exception { "BaseException" } else { &name.qualname };
    Ok(Some(Formatter::of(name).map_or(Rule::Unknown, Rule::Known)))
}

pub(super) fn resolution_order(
    objects: &Objects<'_>,
    of: Ptr<TypeObject>,
) -> Result<Vec<Ptr<TypeObject>>, ReadError> {
    let python = objects.python();
    let Some(mro) = python.read(of, member::TYPE_MRO)? else { return Ok(vec![of]) };
    let classes = sequence::tuple(python, mro.cast::<TupleObject>(), MAX_CLASSES)?;
    classes.fault.map_or(Ok(()), Err)?;
    Ok(classes.items.into_iter().flatten().map(Ptr::cast).collect())
}

/// Recognises functions of the standard library.
fn python_rule(
    objects: &Objects<'_>,
    class: Ptr<TypeObject>,
    function: Ptr<FunctionObject>,
) -> Result<Option<Formatter>, ReadError> {
    let python = objects.python();
    let text = |object: Option<Ptr<Object>>| match object {
        Some(object) => read_string(python, object.cast(), MAX_NAME),
        None => Ok(String::new()),
    };
    let module = python.read(function, member::FUNCTION_MODULE)?;
    let module = text(module)?;
    let qualname = text(python.read(function, member::FUNCTION_QUALNAME)?.map(Ptr::cast))?;
    if let Some(formatter) = Formatter::of(&format!("{module} {qualname}")) {
        return Ok(Some(formatter));
    }
    // These are made anew for each class; what they are made of is not.
    let Some(code) = python.read(function, member::FUNCTION_CODE)? else { return Ok(None) };
    let (name, file) = code_names(objects, code)?;
    let holds = |name| Ok::<_, ReadError>(class_attribute(objects, class, name)?.is_some());
    let is_named_tuple = ends_with_path(&file, "collections/__init__.py")
        // Up to 3.6 the whole class is compiled out of a text, which it keeps.
        || (file == "<string>" && module.starts_with("namedtuple_") && holds("_source")?);
    Ok(if name == "__repr__" && is_named_tuple && holds("_fields")? {
        Some(Formatter::NamedTuple)
    } else if name == "wrapper"
        && (ends_with_path(&file, "dataclasses.py") || ends_with_path(&file, "reprlib.py"))
        && holds("__dataclass_fields__")?
    {
        Some(Formatter::DataClass)
    } else {
        None
    })
}

fn code_names(objects: &Objects<'_>, code: Ptr<CodeObject>) -> Result<(String, String), ReadError> {
    let python = objects.python();
    let name = python.read(code, member::CODE_NAME)?.ok_or(ReadError::Null("PyCodeObject.co_name"))?;
    let file =
        python.read(code, member::CODE_FILENAME)?.ok_or(ReadError::Null("PyCodeObject.co_filename"))?;
    Ok((read_string(python, name, MAX_NAME)?, read_string(python, file, 4096)?))
}

/// Whether a path is `tail`, or ends in it as whole components.
fn ends_with_path(path: &str, tail: &str) -> bool {
    path.strip_suffix(tail).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        || path == format!("<frozen {}>", tail.trim_end_matches(".py"))
}

/// The value that a class itself, not its bases, holds under a name.
pub(super) fn class_attribute(
    objects: &Objects<'_>,
    class: Ptr<TypeObject>,
    name: &str,
) -> Result<Option<Ptr<Object>>, ReadError> {
    match objects.python().read(class, member::TYPE_DICT)? {
        Some(class_dict) => dict::lookup_str(objects.python(), class_dict, name),
        None => Ok(None),
    }
}

/// The value that a class or the nearest of its bases holds under a name.
pub(super) fn inherited_attribute(
    objects: &Objects<'_>,
    class: Ptr<TypeObject>,
    name: &str,
) -> Result<Option<Ptr<Object>>, ReadError> {
    for class in resolution_order(objects, class)? {
        if let Some(found) = class_attribute(objects, class, name)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
