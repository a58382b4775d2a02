//! Libraries that were built for another Python, and libraries whose files were replaced under the process.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::layout::flavor::Flavor;
use crate::snapshot::document::ProcessSnapshot;

/// Libraries that are told one by one.
const MOST: usize = 10;

/// Both judgements.
pub(super) fn findings(snapshot: &ProcessSnapshot) -> impl Iterator<Item = Finding> {
    foreign(snapshot).into_iter().chain(replaced(snapshot))
}

/// A Python as file names state it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stated {
    minor: u32,
    free_threaded: bool,
}

/// Extensions whose names or folders state another Python than the one that loaded them.
fn foreign(snapshot: &ProcessSnapshot) -> Option<Finding> {
    let python = snapshot.process.python.as_ref()?;
    let minor = python.version.strip_prefix("3.")?.split('.').next()?.parse().ok()?;
    let own = Stated { minor, free_threaded: python.flavor == Flavor::FreeThreaded };
    let found: Vec<_> = snapshot
        .process
        .modules
        .iter()
        .filter_map(|module| Some((module.path.as_str(), why_foreign(&module.path, own)?)))
        .collect();
    let &(first, _) = found.first()?;
    let name = first.rsplit('/').next().unwrap_or_default();
    let more = match found.len() {
        1 => "is".to_owned(),
        count => format!("and {} more are", count - 1),
    };
    let title = format!("{name} {more} of another Python than the {} that loaded it", python.version);
    let tagged = found.iter().any(|(_, why)| why.by_tag);
    let confidence = if tagged { Confidence::Strong } else { Confidence::Moderate };
    let mut finding = Finding::new("foreign-extension", Severity::Warning, confidence, title).about(name);
    for (path, why) in found.iter().take(MOST) {
        let statement = format!("{path}: {}, the process ran {}", why.in_words, python.version);
        finding = finding.with_evidence(Evidence::new(Basis::Observed, statement));
    }
    Some(finding.refuted_if("the library uses nothing but the stable ABI"))
}

struct Why {
    by_tag: bool,
    in_words: String,
}

fn why_foreign(path: &str, own: Stated) -> Option<Why> {
    let path = path.trim_end_matches(" (deleted)");
    let name = path.rsplit('/').next().unwrap_or_default();
    if let Some((_, tag)) = name.split_once(".cpython-") {
        let tag = tag.split(['-', '.']).next().unwrap_or_default();
        let stated = of_text(tag.strip_prefix('3')?)?;
        return (stated != own)
            .then(|| Why { by_tag: true, in_words: format!("its name carries the tag cpython-{tag}") });
    }
    let mut folders = path.rsplit('/').skip(1);
    while let Some(folder) = folders.next() {
        if !matches!(folder, "site-packages" | "dist-packages" | "lib-dynload") {
            continue;
        }
        let of = folders.next()?;
        let stated = of_text(of.strip_prefix("python3.")?)?;
        return (stated != own)
            .then(|| Why { by_tag: false, in_words: format!("it lies in {folder} of {of}") });
    }
    None
}

/// `12` or `13t`; debug builds (`d`) load what release builds do.
fn of_text(text: &str) -> Option<Stated> {
    let digits = text.trim_end_matches(['t', 'd']);
    Some(Stated { minor: digits.parse().ok()?, free_threaded: text.contains('t') })
}

/// Libraries whose files were unlinked, as an upgrade does it, while the process had them mapped.
fn replaced(snapshot: &ProcessSnapshot) -> Option<Finding> {
    let is_file = |path: &&str| {
        path.ends_with(" (deleted)")
            && !["/memfd:", "/dev/", "/SYSV"].iter().any(|start| path.starts_with(start))
    };
    let modules = &snapshot.process.modules;
    let found: Vec<&str> = modules.iter().map(|module| module.path.as_str()).filter(is_file).collect();
    let first = found.first()?.trim_end_matches(" (deleted)");
    let name = first.rsplit('/').next().unwrap_or_default();
    let title = match found.len() {
        1 => format!("The file of {name} was replaced or deleted while the process ran"),
        count => {
            format!(
                "The files of {name} and {} more were replaced or deleted while the process ran",
                count - 1
            )
        }
    };
    let mut finding =
        Finding::new("module-replaced", Severity::Warning, Confidence::Certain, title).about(first);
    for path in found.iter().take(MOST) {
        let path = path.trim_end_matches(" (deleted)");
        let statement = format!("the kernel's list of mapped files (NT_FILE) says that {path} was deleted");
        finding = finding.with_evidence(Evidence::new(Basis::Observed, statement));
    }
    let others = modules.iter().filter(|module| is_file(&module.path.as_str()));
    for why in others.filter_map(|module| module.binary_mismatch.as_ref()).take(MOST) {
        finding = finding.with_evidence(Evidence::new(Basis::Observed, why.clone()));
    }
    Some(finding.refuted_if("the file was deleted on purpose after it was loaded, as some loaders do"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_and_folders_state() {
        let check = |path: &str, minor, free_threaded, expected: Option<bool>| {
            let own = Stated { minor, free_threaded };
            assert_eq!(why_foreign(path, own).map(|why| why.by_tag), expected, "{path} in 3.{minor}");
        };
        check("/srv/_x.cpython-312-x86_64-linux-gnu.so", 12, false, None);
        check("/srv/_x.cpython-311-x86_64-linux-gnu.so", 12, false, Some(true));
        check("/srv/_x.cpython-311-x86_64-linux-gnu.so (deleted)", 12, false, Some(true));
        check("/srv/_x.cpython-38-x86_64-linux-gnu.so", 8, false, None);
        check("/srv/_x.cpython-313t-x86_64-linux-gnu.so", 13, false, Some(true));
        check("/srv/_x.cpython-313t-x86_64-linux-gnu.so", 13, true, None);
        check("/srv/_x.cpython-313-x86_64-linux-gnu.so", 13, true, Some(true));
        check("/srv/_x.cpython-314d-x86_64-linux-gnu.so", 14, false, None);
        check("/srv/_x.abi3.so", 12, false, None);
        check("/v/lib/python3.11/site-packages/a.libs/libz.so.1", 12, false, Some(false));
        check("/v/lib/python3.12/site-packages/a.libs/libz.so.1", 12, false, None);
        check("/v/lib/python3.12/site-packages/a/b.abi3.so", 13, false, Some(false));
        check("/usr/lib/python3/dist-packages/a/b.so", 13, false, None);
        check("/usr/lib/x86_64-linux-gnu/libc.so.6", 12, false, None);
        check("/srv/_x.cpython-999999999999-x.so", 12, false, None);
        check("", 12, false, None);
    }
}
