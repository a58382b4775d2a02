//! What C types are called in modules, where that differs from their own name.
//!
//! Compared with `__module__` and `__qualname__` of all static types that the standard library of
//! CPython 3.6 to 3.13 shows in a module.

/// Objects of `builtins` and the name of their type.
pub(super) const TYPES_OF_BUILTINS: &[(&str, &str)] = &[
    ("None", "NoneType"),
    ("NotImplemented", "NotImplementedType"),
    ("Ellipsis", "ellipsis"),
    ("len", "builtin_function_or_method"),
];

/// Struct sequences in `sys` that have a type of their own, which is called as they are.
pub(super) const STRUCTURES_OF_SYS: &[&str] =
    &["flags", "float_info", "hash_info", "int_info", "thread_info", "version_info"];

/// Types that belong to `builtins` by their name where [`bare_type_names`] holds, and that name.
///
/// [`bare_type_names`]: crate::runtime::dialect::ReprStyle::bare_type_names
const BARE: &[(&str, &str)] = &[
    ("CallableProxyType", "weakcallableproxy"),
    ("Context", "Context"),
    ("ContextVar", "ContextVar"),
    ("ProxyType", "weakproxy"),
    ("ReferenceType", "weakref"),
    ("Token", "Token"),
    ("ref", "weakref"),
];

/// Attributes of classes of `builtins` and the name of the attribute's type.
pub(super) const TYPES_OF_ATTRIBUTES: &[(&str, &str, &str)] = &[
    ("int", "real", "getset_descriptor"),
    ("int", "__repr__", "wrapper_descriptor"),
    ("int", "bit_length", "method_descriptor"),
    ("int", "from_bytes", "classmethod_descriptor"),
    ("complex", "real", "member_descriptor"),
];

/// Types of `builtins` that other modules have a name for.
const BUILTIN_TYPES: &[(&str, &str, &str)] = &[
    ("_collections_abc", "EllipsisType", "ellipsis"),
    ("_collections_abc", "FunctionType", "function"),
    ("_collections_abc", "framelocalsproxy", "FrameLocalsProxy"),
    ("_collections_abc", "async_generator", "async_generator"),
    ("_collections_abc", "bytearray_iterator", "bytearray_iterator"),
    ("_collections_abc", "bytes_iterator", "bytes_iterator"),
    ("_collections_abc", "coroutine", "coroutine"),
    ("_collections_abc", "dict_itemiterator", "dict_itemiterator"),
    ("_collections_abc", "dict_items", "dict_items"),
    ("_collections_abc", "dict_keyiterator", "dict_keyiterator"),
    ("_collections_abc", "dict_keys", "dict_keys"),
    ("_collections_abc", "dict_valueiterator", "dict_valueiterator"),
    ("_collections_abc", "dict_values", "dict_values"),
    ("_collections_abc", "generator", "generator"),
    ("_collections_abc", "list_iterator", "list_iterator"),
    ("_collections_abc", "list_reverseiterator", "list_reverseiterator"),
    ("_collections_abc", "longrange_iterator", "longrange_iterator"),
    ("_collections_abc", "mappingproxy", "mappingproxy"),
    ("_collections_abc", "range_iterator", "range_iterator"),
    ("_collections_abc", "set_iterator", "set_iterator"),
    ("_collections_abc", "str_iterator", "str_iterator"),
    ("_collections_abc", "tuple_iterator", "tuple_iterator"),
    ("_frozen_importlib_external", "_code_type", "code"),
    ("types", "AsyncGeneratorType", "async_generator"),
    ("types", "BuiltinFunctionType", "builtin_function_or_method"),
    ("types", "CellType", "cell"),
    ("types", "ClassMethodDescriptorType", "classmethod_descriptor"),
    ("types", "CodeType", "code"),
    ("types", "CoroutineType", "coroutine"),
    ("types", "EllipsisType", "ellipsis"),
    ("types", "FrameType", "frame"),
    ("types", "FunctionType", "function"),
    ("types", "GeneratorType", "generator"),
    ("types", "GetSetDescriptorType", "getset_descriptor"),
    ("types", "MappingProxyType", "mappingproxy"),
    ("types", "MemberDescriptorType", "member_descriptor"),
    ("types", "MethodDescriptorType", "method_descriptor"),
    ("types", "MethodType", "method"),
    ("types", "MethodWrapperType", "method-wrapper"),
    ("types", "ModuleType", "module"),
    ("types", "NoneType", "NoneType"),
    ("types", "NotImplementedType", "NotImplementedType"),
    ("types", "TracebackType", "traceback"),
    ("types", "WrapperDescriptorType", "wrapper_descriptor"),
];

/// Types that a module shows under another name than their own: module and key there, module and name.
const RENAMED: &[(&str, &str, &str, &str)] = &[
    ("_csv", "_Dialect", "_csv", "Dialect"),
    ("_functools", "_lru_cache_wrapper", "functools", "_lru_cache_wrapper"),
    ("_json", "make_encoder", "_json", "Encoder"),
    ("_json", "make_scanner", "_json", "Scanner"),
    ("_pickle", "PickleBuffer", "pickle", "PickleBuffer"),
    ("_sha512", "SHA384Type", "_sha512", "sha384"),
    ("_sha512", "SHA512Type", "_sha512", "sha512"),
    ("_socket", "SocketType", "_socket", "socket"),
    ("_ssl", "SSLSession", "_ssl", "Session"),
    ("_thread", "LockType", "_thread", "lock"),
    ("_thread", "_ExceptHookArgs", "_thread", "_ExceptHookArgs"),
    ("_weakref", "ref", "weakref", "ReferenceType"),
    ("array", "ArrayType", "array", "array"),
    ("pyexpat", "XMLParserType", "pyexpat", "xmlparser"),
    ("re", "Match", "re", "Match"),
    ("re", "Pattern", "re", "Pattern"),
    ("re", "_pattern_type", "_sre", "SRE_Pattern"),
    ("types", "GenericAlias", "types", "GenericAlias"),
    ("types", "SimpleNamespace", "types", "SimpleNamespace"),
    ("types", "UnionType", "types", "UnionType"),
];

/// C modules whose types say that they belong to the public module.
const PUBLIC: &[(&str, &str)] = &[
    ("_collections", "collections"),
    ("_datetime", "datetime"),
    ("_decimal", "decimal"),
    ("_elementtree", "xml.etree.ElementTree"),
    ("_functools", "functools"),
    ("_operator", "operator"),
    ("_signal", "signal"),
    ("_sqlite3", "sqlite3"),
    ("_typing", "typing"),
    ("_weakref", "weakref"),
    ("_zoneinfo", "zoneinfo"),
];

/// Types of NumPy by their own names; the module has further names for most of them, and two names that are
/// their own (`bool` of version 2, `bool_` of version 1).
const NUMPY_TYPES: &[&str] = &[
    "ndarray",
    "dtype",
    "generic",
    "bool",
    "bool_",
    "int8",
    "int16",
    "int32",
    "int64",
    "longlong",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "ulonglong",
    "float16",
    "float32",
    "float64",
    "longdouble",
    "complex64",
    "complex128",
    "clongdouble",
    "str_",
    "bytes_",
    "void",
    "object_",
    "datetime64",
    "timedelta64",
    "number",
    "integer",
    "signedinteger",
    "unsignedinteger",
    "inexact",
    "floating",
    "complexfloating",
    "flexible",
    "character",
    "ufunc",
    "flatiter",
    "nditer",
    "broadcast",
];

/// The name of a type of `_weakref` or `_contextvars` where these say no module.
pub(super) fn bare(module: &str, key: &str) -> Option<&'static str> {
    let found = BARE.iter().find(|entry| entry.0 == key && matches!(module, "_weakref" | "_contextvars"));
    found.map(|entry| entry.1)
}

/// Whether a module written in Python has names of C types in the tables.
pub(super) fn is_listed(module: &str) -> bool {
    matches!(module, "types" | "_collections_abc" | "_frozen_importlib_external" | "re" | "numpy")
}

/// Module and name of the C type that `module` shows as `key`, and how sure that is: lower is better.
pub(super) fn resolve<'a>(
    module: &'a str,
    key: &'a str,
    written_in_c: bool,
) -> Option<(u8, &'a str, &'a str)> {
    if let Some(&(.., name)) = BUILTIN_TYPES.iter().find(|entry| (entry.0, entry.1) == (module, key)) {
        return Some((0, "builtins", name));
    }
    if let Some(&(.., owner, name)) = RENAMED.iter().find(|entry| (entry.0, entry.1) == (module, key)) {
        return Some((0, owner, name));
    }
    if module == "numpy" {
        let rank = NUMPY_TYPES.iter().position(|&known| known == key)?;
        return Some((u8::try_from(rank).unwrap_or(u8::MAX), "numpy", key));
    }
    if module.starts_with("numpy.") {
        return written_in_c.then_some((u8::MAX, module, key));
    }
    if !written_in_c {
        return None;
    }
    // Private names of the module itself stay in it (`_collections._tuplegetter`).
    let owner = PUBLIC.iter().find(|entry| entry.0 == module && !key.starts_with('_')).map(|entry| entry.1);
    Some((if key.starts_with('_') { 2 } else { 1 }, owner.unwrap_or(module), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_c_types() {
        let check = |module, key, expected| {
            assert_eq!(resolve(module, key, true).map(|found| (found.1, found.2)), Some(expected));
        };
        check("_collections", "deque", ("collections", "deque"));
        check("_collections", "_deque_iterator", ("_collections", "_deque_iterator"));
        check("_io", "StringIO", ("_io", "StringIO"));
        check("_thread", "LockType", ("_thread", "lock"));
        check("types", "CodeType", ("builtins", "code"));
        check("itertools", "chain", ("itertools", "chain"));
        assert_eq!(resolve("pkgutil", "ModuleType", false), None);
    }
}
