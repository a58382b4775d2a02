//! Names of types, also of those whose name is in no dumped byte.
//!
//! A class made by Python code carries its qualified name and module on the heap. A type that is a C
//! structure has only `tp_name`, a constant in a read-only segment, which cores leave out. Such a type is
//! named by who refers to it: the dict of `builtins`, an object that is always of that type, or the dict of
//! the C module that defines it.

use std::ops::ControlFlow;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::address::{Address, Ptr};
use crate::layout::ReadError;
use crate::layout::member::{
    self, DictObject, HeapTypeObject, InterpreterState, ModuleObject, Object, StaticTypeState, TypeObject,
};
use crate::objects::kind::{self, TypeFlags};
use crate::objects::unicode::read_string;
use crate::objects::{aliases, dict, repr};
use crate::runtime::python::Python;

/// Longest name that is read.
const MAX_NAME: usize = 512;
/// Most static types that an interpreter keeps a table of (`_Py_MAX_STATIC_BUILTIN_TYPES` is 200 or fewer).
const MAX_STATIC_TYPES: u64 = 4096;
/// Most modules and names in a module that are looked at.
const MAX_ENTRIES: usize = 100_000;

/// Name of a type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TypeName {
    /// `__module__`; `None` where the class has none, or none that is a `str`.
    pub module: Option<String>,
    /// `__qualname__`.
    pub qualname: String,
    /// How it was found.
    pub found_by: FoundBy,
}

/// How the name of a type was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FoundBy {
    /// It stands in the type itself.
    Type,
    /// The type is a value of `builtins`, or of an object there.
    Builtins,
    /// The type is a value in the dict of a module written in C, under this name.
    Module,
    /// The type's memory is lost; its name stands at its address in a dict that was taken for that of `builtins`, or
    /// objects that name it are used as only those of this type are.
    Inferred,
    /// Not at all; the name holds the type's address.
    Nothing,
}

impl TypeName {
    /// As reports spell it: types of `builtins` and `__main__` without the module.
    pub fn display(&self) -> String {
        match self.module.as_deref() {
            None | Some("builtins" | "__main__") => self.qualname.clone(),
            Some(module) => format!("{module}.{}", self.qualname),
        }
    }

    /// As `repr()` spells it: types of `builtins` without the module.
    pub fn qualified(&self) -> String {
        match self.module.as_deref() {
            None | Some("builtins") => self.qualname.clone(),
            Some(module) => format!("{module}.{}", self.qualname),
        }
    }

    /// `__name__`: what follows the last dot.
    pub fn name(&self) -> &str {
        self.qualname.rsplit('.').next().unwrap_or_default()
    }

    /// Whether the name is known.
    pub fn is_known(&self) -> bool {
        self.found_by != FoundBy::Nothing
    }
}

/// Names of the types of one process. Made at once; the names are looked up when they are first asked for.
#[derive(Debug)]
pub struct TypeNames {
    interpreter: Ptr<InterpreterState>,
    type_type: Ptr<TypeObject>,
    builtins: OnceLock<Builtins>,
    modules: OnceLock<FxHashMap<Ptr<TypeObject>, TypeName>>,
    inferred: FxHashMap<Ptr<TypeObject>, TypeName>,
}

#[derive(Debug, Default)]
struct Builtins {
    names: FxHashMap<Ptr<TypeObject>, TypeName>,
    object: Option<Ptr<TypeObject>>,
}

impl TypeNames {
    /// Names the types that an interpreter knows; `type_type` is `PyType_Type`.
    pub fn new(_: &Python<'_>, interpreter: Ptr<InterpreterState>, type_type: Ptr<TypeObject>) -> Self {
        Self {
            interpreter,
            type_type,
            builtins: OnceLock::new(),
            modules: OnceLock::new(),
            inferred: FxHashMap::default(),
        }
    }

    /// Adds names of types that were recovered without the roots of the interpreter.
    pub(crate) fn with_inferred(self, inferred: FxHashMap<Ptr<TypeObject>, TypeName>) -> Self {
        Self { inferred, ..self }
    }

    /// The type that was inferred to have a name of `builtins`.
    pub(crate) fn inferred(&self, name: &str) -> Option<Ptr<TypeObject>> {
        self.inferred.iter().find(|(_, found)| found.qualname == name).map(|(&of, _)| of)
    }

    /// `PyType_Type`.
    pub fn type_type(&self) -> Ptr<TypeObject> {
        self.type_type
    }

    /// `PyBaseObject_Type`.
    pub fn object_type(&self, python: &Python<'_>) -> Option<Ptr<TypeObject>> {
        self.builtins(python).object.or_else(|| self.inferred("object"))
    }

    /// The dict of a type, `tp_dict` or what the interpreter holds in its stead.
    ///
    /// # Errors
    /// When the type, or the interpreter's record of it, is not there.
    pub fn dict_of(
        &self,
        python: &Python<'_>,
        of: Ptr<TypeObject>,
    ) -> Result<Option<Ptr<DictObject>>, ReadError> {
        match python.read(of, member::TYPE_DICT)? {
            Some(dict) => Ok(Some(dict)),
            None => static_type_dict(python, self.interpreter, of),
        }
    }

    /// The name of a type; where it cannot be found, a mark that holds the address.
    pub fn name_of(&self, python: &Python<'_>, of: Ptr<TypeObject>) -> TypeName {
        self.find(python, of).unwrap_or_else(|| TypeName {
            module: None,
            qualname: format!("<unknown type at {}>", of.address()),
            found_by: FoundBy::Nothing,
        })
    }

    /// The name of a type, or `None` where nothing tells it.
    pub fn find(&self, python: &Python<'_>, of: Ptr<TypeObject>) -> Option<TypeName> {
        if let Some(name) = self.inferred.get(&of).or_else(|| self.builtins(python).names.get(&of)) {
            return Some(name.clone());
        }
        let flags = kind::flags(python, of).ok()?;
        if flags.has(TypeFlags::HEAP_TYPE) {
            return heap_type_name(python, of).ok();
        }
        static_type_name(python, of).or_else(|| self.modules(python).get(&of).cloned()).or_else(|| {
            let base = python.read(of, member::TYPE_BASE).ok().flatten()?;
            ordered_view_name(self.modules(python).get(&base)?)
        })
    }

    /// The module that `sys.modules` holds under a name.
    pub(crate) fn module(&self, python: &Python<'_>, name: &str) -> Option<Ptr<Object>> {
        dict::lookup_str(python, self.sys_modules(python)?, name).ok()?
    }

    fn sys_modules(&self, python: &Python<'_>) -> Option<Ptr<DictObject>> {
        let of = if python.layout().has(member::INTERP_MODULES) {
            member::INTERP_MODULES
        } else {
            member::INTERP_IMPORTS_MODULES
        };
        Some(python.read(self.interpreter, of).ok()??.cast())
    }

    fn builtins(&self, python: &Python<'_>) -> &Builtins {
        self.builtins.get_or_init(|| {
            let dict = python.read(self.interpreter, member::INTERP_BUILTINS).ok().flatten();
            dict.map(|dict| builtins(self, python, dict.cast())).unwrap_or_default()
        })
    }

    fn modules(&self, python: &Python<'_>) -> &FxHashMap<Ptr<TypeObject>, TypeName> {
        self.modules.get_or_init(|| {
            self.sys_modules(python).map(|dict| module_types(python, dict)).unwrap_or_default()
        })
    }
}

/// `ht_qualname`, and `__module__` in the class's dict.
fn heap_type_name(python: &Python<'_>, of: Ptr<TypeObject>) -> Result<TypeName, ReadError> {
    let heap_type = of.cast::<HeapTypeObject>();
    let qualname = python.read(heap_type, member::HEAP_TYPE_QUALNAME)?;
    let qualname = qualname.ok_or(ReadError::Null("PyHeapTypeObject.ht_qualname"))?;
    let qualname = read_string(python, qualname, MAX_NAME)?;
    let module = match python.read(of, member::TYPE_DICT)? {
        Some(class_dict) => dict::lookup_str(python, class_dict, "__module__")?,
        None => None,
    };
    let module = module.and_then(|module| match read_string(python, module.cast(), MAX_NAME) {
        Ok(name) => Some(name),
        // One that is not a `str` is none; one that is not there is another than `__main__`.
        Err(error @ ReadError::Fault(_)) => Some(repr::mark(&error)),
        Err(_) => None,
    });
    Ok(TypeName { module, qualname, found_by: FoundBy::Type })
}

/// The dict of a static type of the interpreter (3.12+), which keeps it in a table of its own.
///
/// `tp_subclasses` is then the index in that table, plus one (`_PyStaticType_GetState` of
/// Objects/typeobject.c at v3.13.0).
fn static_type_dict(
    python: &Python<'_>,
    interpreter: Ptr<InterpreterState>,
    of: Ptr<TypeObject>,
) -> Result<Option<Ptr<DictObject>>, ReadError> {
    let layout = python.layout();
    let (tables, size, of_type, dict) = if layout.has(member::INTERP_MANAGED_TYPES) {
        let tables = vec![member::INTERP_MANAGED_TYPES, member::INTERP_EXTENSION_TYPES];
        (tables, member::MANAGED_TYPE_SIZE, member::MANAGED_TYPE_TYPE, member::MANAGED_TYPE_DICT)
    } else if layout.has(member::INTERP_STATIC_TYPES) {
        let tables = vec![member::INTERP_STATIC_TYPES];
        (tables, member::STATIC_TYPE_SIZE, member::STATIC_TYPE_TYPE, member::STATIC_TYPE_DICT)
    } else {
        return Ok(None);
    };
    let Address(index) = python.read(of, member::TYPE_SUBCLASSES)?;
    if !(1..=MAX_STATIC_TYPES).contains(&index) {
        return Ok(None);
    }
    for table in tables {
        let first = python.address_of(interpreter, table)?;
        let state = Ptr::<StaticTypeState>::new(first.wrapping_add((index - 1) * layout.size_of(size)?));
        if let Some(state) = state
            && python.read(state, of_type)? == Some(of)
        {
            return python.read(state, dict);
        }
    }
    Ok(None)
}

/// `tp_name`, where the read-only data of the module is at hand.
fn static_type_name(python: &Python<'_>, of: Ptr<TypeObject>) -> Option<TypeName> {
    let address = python.read(of, member::TYPE_NAME).ok().filter(|address| address.0 != 0)?;
    let bytes = python.space().c_string(address, MAX_NAME).ok()?;
    let text = String::from_utf8(bytes).ok().filter(|text| !text.is_empty())?;
    let (module, qualname) = text.rsplit_once('.').unwrap_or(("builtins", &text));
    Some(TypeName { module: Some(module.to_owned()), qualname: qualname.to_owned(), found_by: FoundBy::Type })
}

/// Names the types in `builtins`, those of its objects that have a type of their own, and of objects that
/// these types hold.
fn builtins(types: &TypeNames, python: &Python<'_>, builtins: Ptr<DictObject>) -> Builtins {
    let mut found = Builtins::default();
    let mut name = |of: Ptr<TypeObject>, qualname: &str| {
        found.names.entry(of).or_insert_with(|| TypeName {
            module: Some("builtins".to_owned()),
            qualname: qualname.to_owned(),
            found_by: FoundBy::Builtins,
        });
    };
    let entries = dict::entries(python, builtins, MAX_ENTRIES).unwrap_or_default().items;
    let mut object = None;
    let mut samples: FxHashMap<String, Ptr<Object>> = FxHashMap::default();
    for (key, value) in entries {
        let Ok(key) = read_string(python, key.cast(), MAX_NAME) else { continue };
        if python.type_of(value) == Ok(types.type_type)
            && kind::flags(python, value.cast()).is_ok_and(|flags| !flags.has(TypeFlags::HEAP_TYPE))
        {
            // OSError goes by three names (IOError and EnvironmentError are the others).
            if !matches!(key.as_str(), "IOError" | "EnvironmentError") {
                name(value.cast(), &key);
            }
            if key == "object" {
                object = Some(value.cast());
            }
        }
        samples.insert(key, value);
    }
    for &(sample, qualname) in aliases::TYPES_OF_BUILTINS {
        if let Some(of) = samples.get(sample).and_then(|&value| python.type_of(value).ok()) {
            name(of, qualname);
        }
    }
    for &(class, attribute, qualname) in aliases::TYPES_OF_ATTRIBUTES {
        if let Some(of) =
            samples.get(class).and_then(|&class| type_of_attribute(types, python, class.cast(), attribute))
        {
            name(of, qualname);
        }
    }
    found.object = object;
    found
}

/// The type of the object that a class holds under a name.
fn type_of_attribute(
    types: &TypeNames,
    python: &Python<'_>,
    class: Ptr<TypeObject>,
    attribute: &str,
) -> Option<Ptr<TypeObject>> {
    let class_dict = types.dict_of(python, class).ok()??;
    let value = dict::lookup_str(python, class_dict, attribute).ok()??;
    python.type_of(value).ok()
}

/// Names the C types that are values in the dicts of modules.
fn module_types(python: &Python<'_>, modules: Ptr<DictObject>) -> FxHashMap<Ptr<TypeObject>, TypeName> {
    let mut found: FxHashMap<Ptr<TypeObject>, (u8, TypeName)> = FxHashMap::default();
    let entries = dict::entries(python, modules, MAX_ENTRIES).unwrap_or_default().items;
    for (key, module) in entries {
        let Ok(module_name) = read_string(python, key.cast(), MAX_NAME) else { continue };
        let Some(globals) = module_dict(python, module) else { continue };
        let written_in_c = is_written_in_c(python, &module_name, globals);
        if !written_in_c && !aliases::is_listed(&module_name) {
            continue;
        }
        if module_name == "sys" {
            found.extend(structure_types(python, globals));
        }
        let _ = dict::for_each(python, globals, |key, value| {
            if let Some(of) = static_type(python, value)
                && let Ok(key) = read_string(python, key.cast(), MAX_NAME)
                && let Some((rank, name)) = name_in_module(python, &module_name, &key, written_in_c)
            {
                // Of several modules the best ranked; the order of import decides between equals.
                match found.get(&of) {
                    Some((other, _)) if *other <= rank => {}
                    _ => drop(found.insert(of, (rank, name))),
                }
            }
            ControlFlow::Continue(())
        });
    }
    found.into_iter().map(|(of, (_, name))| (of, name)).collect()
}

/// The name of a C type that a module shows as `key`, and how sure that is.
fn name_in_module(
    python: &Python<'_>,
    module: &str,
    key: &str,
    written_in_c: bool,
) -> Option<(u8, TypeName)> {
    let style = python.dialect().repr_style;
    let named = |module: &str, qualname: &str| TypeName {
        module: Some(module.to_owned()),
        qualname: qualname.to_owned(),
        found_by: FoundBy::Module,
    };
    if style.bare_type_names
        && let Some(name) = aliases::bare(module, key)
    {
        return Some((0, named("builtins", name)));
    }
    let (rank, module, name) = aliases::resolve(module, key, written_in_c)?;
    Some(match name {
        // `_collections_abc` takes the type of `iter("")` for that of all strings.
        "str_iterator" if style.ascii_str_iterator => (rank, named(module, "str_ascii_iterator")),
        name => (rank, named(module, name)),
    })
}

/// The types of the struct sequences in `sys`.
fn structure_types(
    python: &Python<'_>,
    sys: Ptr<DictObject>,
) -> impl Iterator<Item = (Ptr<TypeObject>, (u8, TypeName))> {
    aliases::STRUCTURES_OF_SYS.iter().filter_map(move |&key| {
        let value = dict::lookup_str(python, sys, key).ok()??;
        let name =
            TypeName { module: Some("sys".to_owned()), qualname: key.to_owned(), found_by: FoundBy::Module };
        Some((python.type_of(value).ok()?, (0, name)))
    })
}

/// The views of an `OrderedDict`: no module shows their types, but they alone derive from those of dicts.
fn ordered_view_name(name_of_base: &TypeName) -> Option<TypeName> {
    let qualname = match name_of_base.qualified().as_str() {
        "dict_keys" => "odict_keys",
        "dict_values" => "odict_values",
        "dict_items" => "odict_items",
        _ => return None,
    };
    Some(TypeName { qualname: qualname.to_owned(), ..name_of_base.clone() })
}

/// The namespace of a module object, or of an instance of a class derived from it.
pub(crate) fn module_dict(python: &Python<'_>, module: Ptr<Object>) -> Option<Ptr<DictObject>> {
    let globals = python.read(module.cast::<ModuleObject>(), member::MODULE_DICT).ok()??;
    dict::len(python, globals).is_ok().then_some(globals)
}

fn static_type(python: &Python<'_>, value: Ptr<Object>) -> Option<Ptr<TypeObject>> {
    let of = kind::as_type(python, value)?;
    (!kind::flags(python, of).ok()?.has(TypeFlags::HEAP_TYPE)).then_some(of)
}

/// Only these define static types: built into the interpreter (no `__file__`), or a shared library.
fn is_written_in_c(python: &Python<'_>, name: &str, globals: Ptr<DictObject>) -> bool {
    if name == "__main__" || name.starts_with("_frozen_importlib") || name == "zipimport" {
        return false;
    }
    match dict::lookup_str(python, globals, "__file__") {
        Ok(Some(file)) => {
            read_string(python, file.cast(), 4096).is_ok_and(|file| file.as_bytes().ends_with(b".so"))
        }
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Whether `class` is, or is derived from, a type; along `tp_base` only.
pub fn derives_from(python: &Python<'_>, class: Ptr<TypeObject>, base: Ptr<TypeObject>) -> bool {
    let mut next = Some(class);
    for _ in 0..512 {
        match next {
            Some(at) if at == base => return true,
            Some(at) => next = python.read(at, member::TYPE_BASE).ok().flatten(),
            None => return false,
        }
    }
    false
}
