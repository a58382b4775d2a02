//! The extension at fault, with the version that its Python module states.

use crate::crash::frames::{self, NearFrame};
use crate::crash::place::Place;
use crate::crash::{Death, signals};
use crate::elf::notes::SI_KERNEL;
use crate::layout::member;
use crate::objects::dict::lookup_str;
use crate::objects::unicode::read_string;
use crate::runtime::attach::PythonRuntime;
use crate::snapshot::document::ExtensionSection;

/// Longest path or version that is read.
const MAX_TEXT: usize = 4096;
/// Folders of a path that may be packages.
const MOST_PACKAGES: usize = 6;

/// The extension that failed or had called what failed; none where the end is no failure of code.
pub(super) fn section(runtime: Option<&PythonRuntime<'_>>, death: &Death) -> Option<ExtensionSection> {
    let first = death.first();
    let is_failure = match death.signal? {
        signals::SIGABRT => death.is_own() != Some(false),
        // What lies behind a mapped file's end is nobody's fault in code.
        signals::SIGBUS => false,
        signal => {
            signals::is_fault(signal) && first.is_none_or(|info| info.code > 0 || info.code == SI_KERNEL)
        }
    };
    let (index, frame) = frames::extension(&death.frames).filter(|_| is_failure)?;
    // A stack that ran over says something of the function that repeats, and of no caller further out.
    if matches!(death.place, Some(Place::StackEnd { .. })) && index > 0 {
        return None;
    }
    let path = frame.place.module.clone()?;
    let (python_module, version) = runtime.map(|runtime| module_of(runtime, &path)).unwrap_or_default();
    Some(ExtensionSection {
        build_id: frame.place.build_id.clone(),
        offset: frame.place.offset,
        function: function(frame),
        python_module,
        version,
        module: path,
        frames_within: index,
        found_by: frame.found_by,
    })
}

fn function(frame: &NearFrame) -> Option<String> {
    frame.place.function.clone()
}

/// The name in `sys.modules` and the `__version__` of what a shared library belongs to: itself, or its package.
fn module_of(runtime: &PythonRuntime<'_>, path: &str) -> (Option<String>, Option<String>) {
    let path = path.trim_end_matches(" (deleted)");
    let names = names(path);
    let own = names.iter().find(|name| text_of(runtime, name, "__file__").as_deref() == Some(path));
    let package = package(path).filter(|name| text_of(runtime, name, "__name__").is_some());
    let version = own
        .and_then(|name| text_of(runtime, name, "__version__"))
        .or_else(|| text_of(runtime, package.as_deref()?, "__version__"))
        .or_else(|| text_of(runtime, own?.split('.').next()?, "__version__"));
    (own.cloned().or(package), version)
}

/// Names under which a file may have been imported: `_umath`, `core._umath`, `numpy.core._umath`.
fn names(path: &str) -> Vec<String> {
    let mut parts = path.rsplit('/');
    let stem = parts.next().unwrap_or_default().split('.').next().unwrap_or_default();
    let mut names = vec![stem.to_owned()];
    for folder in parts.take(MOST_PACKAGES) {
        let inner = names.last().cloned().unwrap_or_default();
        names.push(format!("{folder}.{inner}"));
    }
    names
}

/// The folder below `site-packages`; wheels keep libraries that they bring along in `PACKAGE.libs`.
fn package(path: &str) -> Option<String> {
    let folders = ["/site-packages/", "/dist-packages/"];
    let below = folders.iter().find_map(|folder| path.split_once(folder))?.1;
    let name = below.split('/').next().filter(|name| name.len() < below.len())?;
    Some(name.trim_end_matches(".libs").to_owned())
}

/// A str in the namespace of a module of any interpreter.
fn text_of(runtime: &PythonRuntime<'_>, module: &str, name: &str) -> Option<String> {
    let python = runtime.python();
    runtime.interpreters().iter().find_map(|&interpreter| {
        let modules = runtime.modules(interpreter)?;
        let module = lookup_str(python, modules.cast(), module).ok()??;
        let globals = python.read(module.cast(), member::MODULE_DICT).ok()??;
        let value = lookup_str(python, globals, name).ok()??;
        read_string(python, value.cast(), MAX_TEXT).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_packages_come_from_the_path() {
        let path = "/opt/lib/python3.12/site-packages/numpy/core/_umath.cpython-312.so";
        assert_eq!(names(path).get(..3).unwrap_or_default(), ["_umath", "core._umath", "numpy.core._umath"]);
        assert_eq!(package(path).as_deref(), Some("numpy"));
        assert_eq!(package("/x/site-packages/numpy.libs/libopenblas.so").as_deref(), Some("numpy"));
        assert_eq!(package("/srv/app/_hx.so"), None);
    }
}
