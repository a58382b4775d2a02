//! Distribution packages with their versions, from the lists of files that the import system keeps.
//!
//! `sys.path_importer_cache` has a `FileFinder` for each folder that was searched, and that keeps the names of all files
//! of its folder in `_path_cache` (`Lib/importlib/_bootstrap_external.py`, alike from v3.8.0 to v3.15.0a1). Among them
//! are the folders of metadata that every installed distribution has, `NAME-VERSION.dist-info` or `.egg-info`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::address::Ptr;
use crate::layout::member::{self, DictObject, Object};
use crate::objects::attributes::attributes;
use crate::objects::unicode::read_string;
use crate::objects::{dict, sequence, set};
use crate::runtime::attach::PythonRuntime;
use crate::snapshot::document::{Distribution, Distributions};

/// Folders of `sys.path` that are looked at.
const MOST_FOLDERS: usize = 200;
/// Names of files that are looked at, in all folders.
const MOST_FILES: usize = 100_000;
/// Folders that are known to the import system.
const MOST_FINDERS: usize = 10_000;
/// Attributes of a finder; it has six.
const MOST_ATTRIBUTES: usize = 20;
/// Characters of a path.
const MOST_CHARACTERS: usize = 4096;
/// Characters of a file name, as most file systems have it.
const MOST_NAME: usize = 255;

/// What folders of `sys.path` held; none where `sys` is not there.
pub(super) fn of_runtime(runtime: &PythonRuntime<'_>) -> Option<Distributions> {
    let python = runtime.python();
    let main = *runtime.interpreters().last()?;
    let sys: Ptr<DictObject> = python.read(main, member::INTERP_SYSDICT).ok()??.cast();
    let get = |name: &str| dict::lookup_str(python, sys, name).ok().flatten();
    let finders = dict::entries(python, get("path_importer_cache")?.cast(), MOST_FINDERS).ok()?;
    let text = |object: Ptr<Object>| read_string(python, object.cast(), MOST_CHARACTERS).ok();
    let finders: BTreeMap<String, Ptr<Object>> =
        finders.items.iter().filter_map(|&(folder, finder)| Some((text(folder)?, finder))).collect();
    let path = sequence::list(python, get("path")?.cast(), MOST_FOLDERS).ok()?;
    let folders = path.items.into_iter().flatten().filter_map(text);
    let mut distributions = Distributions::default();
    let (mut seen, mut left) = (BTreeSet::new(), MOST_FILES);
    for folder in folders.filter(|folder| seen.insert(folder.clone())) {
        let finder = finders.get(&folder).copied();
        // What is no folder, such as an archive that does not exist, has None.
        if finder.is_some_and(|finder| !is_file_finder(runtime, finder)) {
            continue;
        }
        match finder.and_then(|finder| listing(runtime, finder, &mut left)) {
            Some(names) => distributions.found.extend(names.into_iter().map(|(name, version)| {
                Distribution { name, version, folder: folder.clone(), found_by: "directory-listing" }
            })),
            None => distributions.not_listed.push(folder),
        }
    }
    Some(distributions)
}

fn is_file_finder(runtime: &PythonRuntime<'_>, finder: Ptr<Object>) -> bool {
    let python = runtime.python();
    let class = python.type_of(finder);
    class.is_ok_and(|class| runtime.types().name_of(python, class).name() == "FileFinder")
}

/// The distributions in a finder's list of its folder, by name; none where it has no list or that is not there.
fn listing(
    runtime: &PythonRuntime<'_>,
    finder: Ptr<Object>,
    left: &mut usize,
) -> Option<BTreeSet<(String, String)>> {
    let python = runtime.python();
    let found = attributes(python, finder, MOST_ATTRIBUTES);
    let attribute = |name: &str| found.items.iter().find(|attribute| attribute.name == name);
    let is_of = |object: Ptr<Object>, class: &str| {
        let of = python.type_of(object);
        of.is_ok_and(|of| runtime.types().name_of(python, of).qualified() == class)
    };
    let files = attribute("_path_cache").filter(|files| is_of(files.value, "set"))?.value;
    // It is the number -1 until the folder is read.
    let was_read = attribute("_path_mtime").is_some_and(|time| is_of(time.value, "float"));
    let mut distributions = BTreeSet::new();
    let mut is_empty = true;
    let fault = set::for_each(python, files.cast(), |name| {
        is_empty = false;
        let Some(rest) = left.checked_sub(1) else { return ControlFlow::Break(()) };
        *left = rest;
        let name = read_string(python, name.cast(), MOST_NAME).unwrap_or_default();
        distributions.extend(distribution_of(&name));
        ControlFlow::Continue(())
    });
    let is_whole = (was_read || !is_empty) && *left > 0 && fault.is_ok_and(|fault| fault.is_none());
    is_whole.then_some(distributions)
}

/// Name and version out of the name of a folder of metadata ("Recording installed projects" of the Python Packaging
/// User Guide); setuptools' `.egg-info` may end in the Python version.
fn distribution_of(file: &str) -> Option<(String, String)> {
    let stem = file.strip_suffix(".dist-info").or_else(|| {
        let stem = file.strip_suffix(".egg-info")?;
        Some(stem.rsplit_once("-py").map_or(stem, |(stem, _)| stem))
    })?;
    // Hyphens within the two are written as underscores.
    let (name, version) = stem.split_once('-')?;
    let is_version = version.starts_with(|first: char| first.is_ascii_digit() || first == 'v');
    (!name.is_empty() && is_version).then(|| (name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_metadata() {
        let check = |file: &str, expected: Option<(&str, &str)>| {
            let found = distribution_of(file);
            let found = found.as_ref().map(|(name, version)| (name.as_str(), version.as_str()));
            assert_eq!(found, expected, "{file}");
        };
        check("requests-2.31.0.dist-info", Some(("requests", "2.31.0")));
        check("zope.interface-6.1.dist-info", Some(("zope.interface", "6.1")));
        check("torch-2.1.0+cu118.dist-info", Some(("torch", "2.1.0+cu118")));
        check("PyYAML-6.0.1-py3.11.egg-info", Some(("PyYAML", "6.0.1")));
        check("shop_models-1!2.0rc1.egg-info", Some(("shop_models", "1!2.0rc1")));
        for other in
            ["requests", "requests.py", "shop.egg-info", "-1.dist-info", "~ip-x.dist-info", ".dist-info"]
        {
            check(other, None);
        }
    }
}
