//! Paths of the dead process under a folder that holds its root file system.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Links that are followed in one path, as many as Linux does (`MAXSYMLINKS`).
const MOST_LINKS: usize = 40;

/// The file that `path` of the dead process is under `root`; none when it is not there.
///
/// Links are followed as the process would have: absolute ones and `..` never lead out of `root`.
pub(crate) fn resolve(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut left: VecDeque<OsString> = VecDeque::new();
    let mut found: Vec<OsString> = Vec::new();
    let mut links = 0;
    push_front(&mut left, path);
    while let Some(name) = left.pop_front() {
        if name == ".." {
            found.pop();
            continue;
        }
        found.push(name);
        let here = on_disk(root, &found);
        let metadata = fs::symlink_metadata(&here).ok()?;
        if metadata.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            let to = fs::read_link(&here).ok()?;
            if to.is_absolute() {
                found.clear();
            } else {
                found.pop();
            }
            push_front(&mut left, &to);
        }
    }
    Some(on_disk(root, &found))
}

fn on_disk(root: &Path, names: &[OsString]) -> PathBuf {
    root.iter().chain(names.iter().map(OsString::as_os_str)).collect()
}

fn push_front(left: &mut VecDeque<OsString>, path: &Path) {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    for name in names.collect::<Vec<_>>().into_iter().rev() {
        left.push_front(name);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_never_lead_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("usr/lib/python3")).unwrap();
        fs::write(folder.path().join("outside"), "outside").unwrap();
        fs::write(root.join("usr/lib/libc.so"), "inside").unwrap();
        fs::write(root.join("outside"), "inside").unwrap();
        symlink("/usr/lib", root.join("lib")).unwrap();
        symlink("../../../../outside", root.join("usr/lib/up")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("libc.so", root.join("usr/lib/libc.so.6")).unwrap();
        symlink(folder.path().join("outside"), root.join("usr/lib/absolute")).unwrap();
        let read =
            |path: &str| resolve(&root, Path::new(path)).and_then(|file| fs::read_to_string(file).ok());
        for path in
            ["/lib/libc.so.6", "lib/libc.so", "/lib/up", "/../../outside", "/lib/python3/../../../outside"]
        {
            assert_eq!(read(path).as_deref(), Some("inside"), "{path}");
        }
        for path in ["/loop", "/lib/absolute", "/nothing", "/usr/lib/libc.so/below"] {
            assert_eq!(read(path), None, "{path}");
        }
    }
}
