//! Where the files of modules are looked for.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::elf::modules::{BuildId, Module, build_id_of_file};
use crate::elf::sysroot;
use crate::mapped_file::MappedFile;
use crate::memory::Target;

/// Where files of modules are looked for. The default is their recorded paths on this machine.
///
/// Whatever is found is used only if it is of the build that the core was made with.
#[derive(Clone, Debug, Default)]
pub struct ModuleFinder {
    /// All files are looked up under this folder only; links in it never lead out of it.
    pub sysroot: Option<PathBuf>,
    /// Stands for the executable.
    pub executable: Option<PathBuf>,
    /// Folders that are searched first, with all folders below them: by file name, then by build ID.
    pub module_path: Vec<PathBuf>,
    /// Asked for what is not on this machine.
    pub download: Option<Arc<dyn Download>>,
}

/// Gets files by build ID from somewhere else, such as a debuginfod server.
pub trait Download: fmt::Debug + Send + Sync {
    /// The path of a local copy; none when nobody has such a file. It is checked like any other file.
    ///
    /// # Errors
    /// Says in words why it is not known whether there is one.
    fn download(&self, build_id: &BuildId, kind: FileKind) -> Result<Option<PathBuf>, String>;
}

/// What is wanted of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// The executable or shared library that was mapped.
    Executable,
    /// Its symbols and debug information, as a file of its own.
    DebugInfo,
}

/// Files and folders of the search path that are looked at.
const MOST_ENTRIES: usize = 200_000;
/// Files whose build ID is read.
const MOST_BUILD_IDS: usize = 20_000;
/// Folders within folders.
const MOST_DEPTH: usize = 16;

/// A finder with what it found out about its folders, shared by all modules.
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub(crate) finder: ModuleFinder,
    by_name: OnceLock<BTreeMap<OsString, Vec<PathBuf>>>,
    by_build_id: OnceLock<BTreeMap<Vec<u8>, Vec<PathBuf>>>,
}

impl Search {
    pub(crate) fn new(finder: ModuleFinder) -> Self {
        Self { finder, ..Self::default() }
    }

    /// Where a module's own file may be, the likely places first; nothing is downloaded.
    pub(crate) fn of_module<'s>(
        &'s self,
        module: &'s Module,
        is_executable: bool,
        target: Target,
    ) -> impl Iterator<Item = PathBuf> + 's {
        let given = self.finder.executable.iter().filter(move |_| is_executable).cloned();
        let recorded = self.at_path(Path::new(module.recorded_path())).into_iter();
        let name = Path::new(module.recorded_path()).file_name();
        let named = name.into_iter().flat_map(|name| self.named(name).iter().cloned());
        // Reading all build IDs of a folder is work; it is done last, and only if it comes to that.
        let last = [Place::SameBuild, Place::DebugFolder].into_iter().flat_map(move |place| {
            let Some(wanted) = &module.build_id else { return Vec::new() };
            match place {
                Place::SameBuild => self.of_build(wanted, target).to_vec(),
                Place::DebugFolder => self.in_debug_folder(wanted, "").into_iter().collect(),
            }
        });
        given.chain(named).chain(recorded).chain(last)
    }

    /// Where a module's separate debug file may be; `link` is the name that its own file gives (`.gnu_debuglink`),
    /// `beside` where that was found.
    pub(crate) fn of_debug<'s>(
        &'s self,
        module: &'s Module,
        link: Option<&'s OsStr>,
        beside: Option<&'s Path>,
        target: Target,
    ) -> impl Iterator<Item = PathBuf> + 's {
        let by_id = module.build_id.iter().filter_map(move |wanted| self.in_debug_folder(wanted, ".debug"));
        let folder = Path::new(module.recorded_path()).parent();
        let linked = link.into_iter().flat_map(move |link| {
            let recorded = folder.into_iter().flat_map(move |folder| {
                let below = folder.strip_prefix("/").unwrap_or(folder);
                let places = [
                    folder.join(link),
                    folder.join(".debug").join(link),
                    Path::new(DEBUG).join(below).join(link),
                ];
                places.into_iter().filter_map(|path| self.at_path(&path))
            });
            let beside = beside.and_then(Path::parent).into_iter();
            let beside = beside.flat_map(move |folder| [folder.join(link), folder.join(".debug").join(link)]);
            self.named(link).iter().cloned().chain(beside).chain(recorded)
        });
        let same_build =
            module.build_id.iter().flat_map(move |wanted| self.of_build(wanted, target).iter().cloned());
        by_id.chain(linked).chain(same_build)
    }

    /// A path of the dead process on this machine.
    fn at_path(&self, path: &Path) -> Option<PathBuf> {
        if !path.is_absolute() {
            return None;
        }
        match &self.finder.sysroot {
            // A debugger outside of the root tree writes the tree's own path in front.
            Some(root) => sysroot::resolve(root, path.strip_prefix(root).unwrap_or(path)),
            None => Some(path.to_owned()),
        }
    }

    /// `/usr/lib/debug/.build-id/ab/cdef….debug`, in the root and in the folders of the search path.
    fn in_debug_folder(&self, wanted: &BuildId, ending: &str) -> Option<PathBuf> {
        let hex = wanted.to_string();
        let (first, rest) = hex.split_at_checked(2)?;
        let below = Path::new(".build-id").join(first).join(format!("{rest}{ending}"));
        let given = self
            .finder
            .module_path
            .iter()
            .flat_map(|folder| [folder.join(&below), folder.join("usr/lib/debug").join(&below)]);
        let mut places = given.chain(self.at_path(&Path::new(DEBUG).join(&below)));
        places.find(|path| path.is_file())
    }

    /// Files of the search path by name.
    fn named(&self, name: &OsStr) -> &[PathBuf] {
        self.by_name().get(name).map_or(&[], Vec::as_slice)
    }

    fn by_name(&self) -> &BTreeMap<OsString, Vec<PathBuf>> {
        self.by_name.get_or_init(|| {
            let mut names: BTreeMap<OsString, Vec<PathBuf>> = BTreeMap::new();
            for folder in &self.finder.module_path {
                for path in files_below(folder) {
                    if let Some(name) = path.file_name() {
                        names.entry(name.to_owned()).or_default().push(path);
                    }
                }
            }
            names
        })
    }

    /// Files of the search path by the build ID that they state.
    fn of_build(&self, wanted: &BuildId, target: Target) -> &[PathBuf] {
        let builds = self.by_build_id.get_or_init(|| {
            let mut builds: BTreeMap<Vec<u8>, Vec<PathBuf>> = BTreeMap::new();
            for path in self.by_name().values().flatten().take(MOST_BUILD_IDS) {
                let file = MappedFile::open(path).ok();
                if let Some(found) = file.and_then(|file| build_id_of_file(&file, target)) {
                    builds.entry(found.as_bytes().to_vec()).or_default().push(path.clone());
                }
            }
            builds
        });
        builds.get(wanted.as_bytes()).map_or(&[], Vec::as_slice)
    }
}

/// Where distributions put debug files (GDB manual, "Debugging Information in Separate Files").
const DEBUG: &str = "/usr/lib/debug";

enum Place {
    SameBuild,
    DebugFolder,
}

/// All files below a folder, or the file itself; links to folders are not followed.
fn files_below(path: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![(path.to_owned(), 0)];
    let mut seen = 0;
    while let Some((path, depth)) = left.pop() {
        let Ok(entries) = fs::read_dir(&path) else {
            files.push(path);
            continue;
        };
        let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            seen += 1;
            if seen > MOST_ENTRIES {
                return files;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < MOST_DEPTH => left.push((entry.path(), depth + 1)),
                Ok(kind) if kind.is_file() || kind.is_symlink() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}
