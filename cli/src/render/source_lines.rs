//! Lines of Python source files, where the user says that they are there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use pycoroner_redact::{Ledger, Policy, Redactor};

/// Larger files are no source that a person wrote.
const MOST_BYTES: u64 = 16 << 20;
/// Files that are read; a hostile core can name any number.
const MOST_FILES: usize = 1000;

/// The source files under a folder, by the paths that the dead process had them at.
#[derive(Debug)]
pub(crate) struct SourceLines {
    sysroot: Option<PathBuf>,
    redactor: Redactor,
    files: RefCell<BTreeMap<String, Option<String>>>,
}

impl SourceLines {
    /// Looks under `sysroot`; without one, no source is shown, for nothing says that this machine has the same.
    pub(crate) fn new(sysroot: Option<&Path>, policy: Policy) -> Self {
        Self {
            sysroot: sysroot.map(Path::to_owned),
            redactor: Redactor::new(policy),
            files: RefCell::default(),
        }
    }

    /// The line as it stands there, masked, without its end; `None` when there is no such file or line.
    pub(super) fn line(&self, file: &str, line: u64) -> Option<String> {
        let root = self.sysroot.as_deref()?;
        let mut files = self.files.borrow_mut();
        if files.len() >= MOST_FILES && !files.contains_key(file) {
            return None;
        }
        let text = files.entry(file.to_owned()).or_insert_with(|| read(root, file)).as_deref()?;
        let line = text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
        Some(self.redactor.text(line, &mut Ledger::default()).into_owned())
    }
}

/// Only Python files are read, and only below the root: the path comes from the core.
fn read(root: &Path, file: &str) -> Option<String> {
    let recorded = Path::new(file);
    let stays_below =
        recorded.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !recorded.is_absolute() || !stays_below || recorded.extension()? != "py" {
        return None;
    }
    let path = root.join(recorded.strip_prefix("/").ok()?);
    let found = fs::metadata(&path).ok().filter(|found| found.is_file() && found.len() <= MOST_BYTES);
    found.and_then(|_| fs::read(&path).ok()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
