//! How the objects of a type are read: which references they hold and how large they are.

/// What the fixed part of an object looks like, which it has from the type that its class derives from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// No references: numbers, bytes, None.
    Atom,
    /// `int`.
    Int,
    /// `str`.
    Str,
    /// `bytearray`.
    ByteArray,
    /// `tuple`.
    Tuple,
    /// `list`.
    List,
    /// `dict`, and the `frozendict` of 3.15, which is one with a hash behind it.
    Dict,
    /// `collections.OrderedDict`: a dict with a list of its keys.
    OrderedDict,
    /// `set` and `frozenset`.
    Set,
    /// `type`: a class.
    Type,
    /// `weakref.ref`: refers to its object without keeping it.
    WeakRef,
    /// `frame`.
    Frame,
    /// `generator`, `coroutine`, `async_generator`.
    Generator,
    /// `code`.
    Code,
    /// `collections.deque`.
    Deque,
    /// `array.array`.
    Array,
    /// A structure all of whose aligned words that point at an object are references to it.
    Words,
    /// What `functools.lru_cache` makes: results in a dict, and in a ring by age when they are bounded.
    LruCache,
    /// A link of that ring; what it holds counts as the cache's.
    LruLink,
    /// `xml.etree.ElementTree.Element`: attributes and children are kept apart.
    Element,
    /// `contextvars.ContextVar`: the value that it remembers is the context's.
    ContextVar,
    /// `queue.SimpleQueue`, which keeps its items in a ring (3.13+).
    SimpleQueue,
    /// `numpy.ndarray`: its elements can be objects.
    Ndarray,
    /// `io.BytesIO`.
    BytesIo,
    /// `io.BufferedReader`, `BufferedWriter` and `BufferedRandom`.
    Buffered,
    /// `struct.Struct`.
    Struct,
    /// `decimal.Decimal`: no references.
    Decimal,
    /// Instances of Python classes: slots only.
    Instance,
    /// A C structure that nobody here knows; its words are taken for references where they point at an object.
    Unknown,
}

impl Shape {
    /// The shape of a type by its name, for the types that have one of their own.
    pub(crate) fn of_name(module: &str, name: &str) -> Option<Self> {
        let builtins = module == "builtins";
        Some(match name {
            "object" if builtins => Self::Instance,
            "int" | "bool" if builtins => Self::Int,
            "str" if builtins => Self::Str,
            "bytearray" if builtins => Self::ByteArray,
            "tuple" if builtins => Self::Tuple,
            "list" if builtins => Self::List,
            "dict" | "frozendict" if builtins => Self::Dict,
            "set" | "frozenset" if builtins => Self::Set,
            "type" if builtins => Self::Type,
            "frame" if builtins => Self::Frame,
            "generator" | "coroutine" | "async_generator" if builtins => Self::Generator,
            "code" if builtins => Self::Code,
            "float" | "complex" | "bytes" | "NoneType" | "NotImplementedType" | "ellipsis" if builtins => {
                Self::Atom
            }
            "ReferenceType" | "weakref" | "weakproxy" | "ProxyType" | "CallableProxyType"
            | "weakcallableproxy" => Self::WeakRef,
            "OrderedDict" if module == "collections" => Self::OrderedDict,
            "deque" if module == "collections" => Self::Deque,
            "array" if module == "array" => Self::Array,
            "date" | "time" | "datetime" | "timedelta" | "timezone" if module == "datetime" => Self::Words,
            "partial" if module == "functools" => Self::Words,
            "_lru_cache_wrapper" if module == "functools" => Self::LruCache,
            "_lru_list_elem" if module == "functools" => Self::LruLink,
            "ContextVar" if matches!(module, "_contextvars" | "builtins") => Self::ContextVar,
            "Pattern" | "Match" if module == "re" => Self::Words,
            "Element" if matches!(module, "xml.etree.ElementTree" | "_elementtree") => Self::Element,
            "SimpleQueue" if module == "_queue" => Self::SimpleQueue,
            "ndarray" if module == "numpy" => Self::Ndarray,
            "BytesIO" if module == "_io" => Self::BytesIo,
            "BufferedReader" | "BufferedWriter" | "BufferedRandom" if module == "_io" => Self::Buffered,
            "Struct" if matches!(module, "_struct" | "struct" | "builtins") => Self::Struct, // up to 3.8 it names no module
            "Decimal" if module == "decimal" => Self::Decimal,
            _ if builtins && WORDS.contains(&name) => Self::Words,
            _ => return None,
        })
    }
}

impl Shape {
    /// Whether the type that gives its objects this shape has a `__sizeof__` of its own, and it is known here.
    pub(crate) fn has_size(self) -> bool {
        match self {
            Self::Int
            | Self::Str
            | Self::ByteArray
            | Self::List
            | Self::Dict
            | Self::OrderedDict
            | Self::Set
            | Self::Type
            | Self::Frame
            | Self::Generator
            | Self::Code
            | Self::Deque
            | Self::Array
            | Self::Element
            | Self::SimpleQueue
            | Self::Ndarray
            | Self::BytesIo
            | Self::Buffered
            | Self::Struct
            | Self::Decimal => true,
            Self::Atom
            | Self::Tuple
            | Self::WeakRef
            | Self::Words
            | Self::LruCache
            | Self::LruLink
            | Self::ContextVar
            | Self::Instance
            | Self::Unknown => false,
        }
    }
}

/// Built-in types that own whatever their words point at.
const WORDS: &[&str] = &[
    "BaseException",
    "builtin_function_or_method",
    "bytearray_iterator",
    "bytes_iterator",
    "callable_iterator",
    "cell",
    "classmethod",
    "classmethod_descriptor",
    "coroutine_wrapper",
    "dict_itemiterator",
    "dict_items",
    "dict_keyiterator",
    "dict_keys",
    "dict_valueiterator",
    "dict_values",
    "enumerate",
    "filter",
    "function",
    "getset_descriptor",
    "iterator",
    "list_iterator",
    "list_reverseiterator",
    "longrange_iterator",
    "map",
    "mappingproxy",
    "member_descriptor",
    "memoryview",
    "method",
    "method-wrapper",
    "method_descriptor",
    "module",
    "property",
    "range",
    "range_iterator",
    "reversed",
    "set_iterator",
    "slice",
    "staticmethod",
    "str_iterator",
    "super",
    "traceback",
    "tuple_iterator",
    "wrapper_descriptor",
    "zip",
];
