//! The code that has to do with an owner of the heap, by the owner's path.

use crate::Incident;
use crate::sections::TracebackEntry;

/// Where an owner is added to: where a profiler saw its memory allocated, or under which call of its module an
/// allocation failed; in words that go on behind its name.
pub(crate) fn adding_site(incident: &Incident, path: &str) -> Option<String> {
    allocated(incident, path).or_else(|| failed(incident, path))
}

fn allocated(incident: &Incident, path: &str) -> Option<String> {
    let finding = incident.findings.iter().find(|finding| {
        finding.id == "allocation-site-of-owner" && finding.subject.as_deref() == Some(path)
    })?;
    let (_, place) = finding.title.split_once(" was allocated at ")?;
    Some(format!("a profiler saw its memory allocated at {place}"))
}

/// The outermost call in the owner's module on the way to a failed allocation: what adds calls what makes.
fn failed(incident: &Incident, path: &str) -> Option<String> {
    let threads = incident.core.iter().flat_map(|core| &core.threads);
    let exceptions = threads.flat_map(|thread| &thread.exceptions);
    let of_memory = exceptions.filter(|exception| exception.type_name.as_deref() == Some("MemoryError"));
    let is_there =
        |entry: &&TracebackEntry| entry.file.as_deref().is_some_and(|file| is_in_module_of(file, path));
    let entry = of_memory.flat_map(|exception| &exception.traceback).find(is_there)?;
    let function = entry.qualname.as_deref().or(entry.function.as_deref())?;
    let (file, line) = (entry.file.as_deref()?, entry.line?);
    Some(format!("an allocation failed under {function} at {file}:{line}, in the module that holds it"))
}

/// Whether a file is that of a module in which the owner may lie.
pub(crate) fn is_in_module_of(file: &str, path: &str) -> bool {
    modules(path).any(|module| is_file_of(file, module))
}

/// `shop.cache.STORE['a']` may lie in the modules `shop.cache` and `shop`; never in all of `shop.cache.STORE`.
fn modules(path: &str) -> impl Iterator<Item = &str> {
    let end = path.find(['[', '<']).unwrap_or(path.len());
    let names = path.get(..end).unwrap_or_default();
    names.match_indices('.').map(|(at, _)| &names[..at]).filter(|module| *module != "__main__")
}

/// Whether a file is where a module of that name is found on `sys.path`.
fn is_file_of(file: &str, module: &str) -> bool {
    let stem = file.strip_suffix("/__init__.py").or_else(|| file.strip_suffix(".py"));
    let (Some(stem), path) = (stem, module.replace('.', "/")) else { return false };
    !path.is_empty()
        && stem.strip_suffix(path.as_str()).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_modules() {
        let check = |path: &str, file: &str, expected: bool| {
            assert_eq!(modules(path).any(|module| is_file_of(file, module)), expected, "{path} {file}");
        };
        check("shop.sessions.SESSIONS", "/srv/app/shop/sessions.py", true);
        check("shop.sessions.SESSIONS", "shop/sessions/__init__.py", true);
        check("shop.sessions.SESSIONS['a.b'].rows", "/srv/app/shop/sessions.py", true);
        check("shop.sessions.SESSIONS", "/srv/app/workshop/sessions.py", false);
        check("shop.sessions.SESSIONS", "/srv/app/myshop/sessions.py", false);
        check("shop.sessions.SESSIONS", "/srv/app/shop/other.py", false);
        check("__main__.ROWS", "/srv/app/__main__.py", false);
        check("<thread 'x.y'>.<frame shop>.rows", "/srv/app/shop.py", false);
    }
}
