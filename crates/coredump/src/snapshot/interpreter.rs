//! What `sys` says about an interpreter: paths, flags, and which modules were loaded.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::address::Ptr;
use crate::layout::member::{self, DictObject, Object};
use crate::objects::types::module_dict;
use crate::objects::unicode::read_string;
use crate::objects::{dict, integer, sequence};
use crate::runtime::attach::PythonRuntime;
use crate::runtime::python::Python;
use crate::snapshot::document::{LoadedModules, SysSection};

/// Entries of `sys.path` that are read.
const MOST_PATHS: usize = 200;
/// Modules of `sys.modules` whose names are read.
const MOST_MODULES: usize = 20_000;
/// Modules that are asked for their version.
const MOST_VERSIONS: usize = 200;
/// Entries of a module's namespace among which its version is looked for; it stands near the beginning.
const MOST_NAMES: usize = 100;
/// Characters of a path or a version.
const MOST_CHARACTERS: usize = 4096;

/// `sys.flags` up to 3.9, in order (`Python/sysmodule.c`, `flags_fields`); later versions add to the end.
const FLAGS: [&str; 15] = [
    "debug",
    "inspect",
    "interactive",
    "optimize",
    "dont_write_bytecode",
    "no_user_site",
    "no_site",
    "ignore_environment",
    "verbose",
    "bytes_warning",
    "quiet",
    "hash_randomization",
    "isolated",
    "dev_mode",
    "utf8_mode",
];

/// Reads `sys` of the main interpreter.
pub(super) fn sys(runtime: &PythonRuntime<'_>) -> Option<SysSection> {
    let python = runtime.python();
    let main = *runtime.interpreters().last()?;
    let sys: Ptr<DictObject> = python.read(main, member::INTERP_SYSDICT).ok()??.cast();
    let get = |name: &str| dict::lookup_str(python, sys, name).ok().flatten();
    let text = |name: &str| text(python, get(name)?);
    let (prefix, base_prefix) = (text("prefix"), text("base_prefix"));
    let is_venv = prefix.as_ref().zip(base_prefix.as_ref()).map(|(prefix, base)| prefix != base);
    Some(SysSection {
        executable: text("executable").filter(|path| !path.is_empty()),
        prefix,
        base_prefix,
        is_venv,
        path: get("path").map(|path| paths(python, path)).unwrap_or_default(),
        flags: get("flags").map(|flags| numbers(python, flags)).unwrap_or_default(),
        modules: runtime.modules(main).and_then(|modules| loaded(python, modules.cast())),
    })
}

fn text(python: &Python<'_>, object: Ptr<Object>) -> Option<String> {
    read_string(python, object.cast(), MOST_CHARACTERS).ok()
}

fn paths(python: &Python<'_>, list: Ptr<Object>) -> Vec<String> {
    let items =
        sequence::list(python, list.cast(), MOST_PATHS).map(|elements| elements.items).unwrap_or_default();
    items.into_iter().flatten().filter_map(|item| text(python, item)).collect()
}

/// The members of `sys.flags`, a tuple with names, that are set.
fn numbers(python: &Python<'_>, flags: Ptr<Object>) -> BTreeMap<&'static str, i64> {
    let items =
        sequence::tuple(python, flags.cast(), FLAGS.len()).map(|elements| elements.items).unwrap_or_default();
    let number = |item: Option<Ptr<Object>>| {
        integer::read_i128(python, item?.cast()).ok().and_then(|n| i64::try_from(n).ok())
    };
    FLAGS
        .into_iter()
        .zip(items)
        .filter_map(|(name, item)| Some((name, number(item)?)))
        .filter(|(_, set)| *set != 0)
        .collect()
}

/// How many modules there are, and the versions that packages state.
fn loaded(python: &Python<'_>, modules: Ptr<DictObject>) -> Option<LoadedModules> {
    let mut found = LoadedModules { count: dict::len(python, modules).ok()?, ..LoadedModules::default() };
    let mut asked = 0;
    let mut seen = 0;
    let fault = dict::for_each(python, modules, |name, module| {
        seen += 1;
        let name = read_string(python, name.cast(), 256).unwrap_or_default();
        // Parts of a package share its version, and what begins with an underscore is somebody's inside.
        let is_package = !name.is_empty() && !name.contains('.') && !name.starts_with('_');
        if is_package && asked < MOST_VERSIONS {
            asked += 1;
            if let Some(version) = version(python, module) {
                found.versions.insert(name, version);
            }
        }
        if seen < MOST_MODULES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    found.is_complete =
        fault.is_ok_and(|fault| fault.is_none()) && asked < MOST_VERSIONS && seen < MOST_MODULES;
    Some(found)
}

/// `__version__` of a module, where it is a string.
fn version(python: &Python<'_>, module: Ptr<Object>) -> Option<String> {
    let globals = module_dict(python, module)?;
    let mut seen = 0;
    let mut version = None;
    let _ = dict::for_each(python, globals, |name, value| {
        seen += 1;
        if crate::objects::unicode::is_str(python, name, "__version__").unwrap_or(false) {
            version = text(python, value);
            return ControlFlow::Break(());
        }
        if seen < MOST_NAMES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    version
}
