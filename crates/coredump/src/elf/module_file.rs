//! A module's file on this machine, and its separate debug file, opened when first asked for.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use goblin::elf::header::ELFMAG;
use pycoroner_findings::{Gap, GapKind};
use schemars::JsonSchema;
use serde::Serialize;

use crate::elf::finder::{FileKind, Search};
use crate::elf::fingerprint::{Comparison, Fingerprint};
use crate::elf::modules::{BuildId, Module, build_id_of_file, section};
use crate::mapped_file::MappedFile;
use crate::memory::Target;

/// A module with its files.
#[derive(Debug)]
pub(crate) struct ModuleFile {
    pub(crate) module: Module,
    is_executable: bool,
    /// Tells the file of a module that states no build ID.
    fingerprint: Option<Fingerprint>,
    search: Arc<Search>,
    file: OnceLock<Opened>,
    debug: OnceLock<Opened>,
}

/// What came of looking for a file.
#[derive(Debug, Default)]
struct Opened {
    file: Option<(MappedFile, PathBuf)>,
    matched_by: Option<MatchedBy>,
    refused: Option<Mismatch>,
    gaps: Vec<Gap>,
}

/// What tells that a file is of the module's build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MatchedBy {
    /// It states the same build ID.
    BuildId,
    /// All relocated addresses, or constants, that the core holds of the module are as the file says.
    Addresses,
    /// Only its dynamic section could be compared: unverified, a build with code of the same size would pass as well.
    DynamicSection,
}

/// A file that stands where a module's own should, and is of another build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// The file on this machine.
    pub(crate) path: PathBuf,
    /// What is wrong with it.
    pub(crate) why: String,
    /// False where nothing tells whether it is the same.
    is_certain: bool,
}

impl ModuleFile {
    pub(crate) fn new(
        module: Module,
        is_executable: bool,
        fingerprint: Option<Fingerprint>,
        search: Arc<Search>,
    ) -> Self {
        Self { module, is_executable, fingerprint, search, file: OnceLock::new(), debug: OnceLock::new() }
    }

    /// The file's bytes, if a file of the same build is there.
    pub(crate) fn bytes(&self, target: Target) -> Option<&[u8]> {
        self.opened(target).file.as_ref().map(|(file, _)| &**file)
    }

    /// The bytes of the file's separate debug information, if one of the same build is there.
    pub(crate) fn debug_bytes(&self, target: Target) -> Option<&[u8]> {
        let opened = self.debug.get_or_init(|| self.open_debug(target));
        opened.file.as_ref().map(|(file, _)| &**file)
    }

    /// Where its file was found, if it was looked for.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.get()?.file.as_ref().map(|(_, path)| path.as_path())
    }

    /// What told that its file is of the same build, if one was found.
    pub(crate) fn matched_by(&self) -> Option<MatchedBy> {
        self.file.get()?.matched_by
    }

    /// A file of another build that stood in the place of its own.
    pub(crate) fn mismatch(&self) -> Option<&Mismatch> {
        let opened = self.file.get()?;
        opened.refused.as_ref().filter(|refused| opened.file.is_none() && refused.is_certain)
    }

    /// What was wrong with the files that were looked at.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = &Gap> {
        [self.file.get(), self.debug.get()].into_iter().flatten().flat_map(|opened| &opened.gaps)
    }

    fn opened(&self, target: Target) -> &Opened {
        self.file.get_or_init(|| self.open(target))
    }

    fn open(&self, target: Target) -> Opened {
        let mut opened = Opened::default();
        // Of what is not known to be a module at all, nothing is to be said.
        if self.module.build_id.is_none() && self.module.bias.is_none() {
            return opened;
        }
        for path in self.search.of_module(&self.module, self.is_executable, target) {
            // A script that was started by its own path is no executable.
            let Some(file) = MappedFile::open(&path).ok().filter(|file| file.starts_with(ELFMAG)) else {
                continue;
            };
            match self.check(&file, target) {
                Ok(matched_by) => {
                    opened
                        .gaps
                        .extend((matched_by == MatchedBy::DynamicSection).then(|| self.unverified(&path)));
                    opened.matched_by = Some(matched_by);
                    opened.file = Some((file, path));
                    return opened;
                }
                Err((is_certain, why)) => {
                    opened.refused = opened.refused.or(Some(Mismatch { path, why, is_certain }));
                }
            }
        }
        self.download(FileKind::Executable, target, &mut opened);
        if let Some(refused) = opened.refused.as_ref().filter(|_| opened.file.is_none()) {
            let why = format!("{} {}; it is not used", refused.path.display(), refused.why);
            opened.gaps.push(Gap::new(GapKind::Missing, self.what(), why).remedy(
                "give the files of the crashed build with --sysroot or --module-path; the core alone is enough for Python",
            ));
        }
        opened
    }

    fn unverified(&self, path: &Path) -> Gap {
        let why = format!(
            "the core holds no build ID of it, only its dynamic section; that of {} is the same, and the file is used",
            path.display()
        );
        Gap::new(GapKind::Unknown, format!("whether {} is of the same build", self.what()), why)
    }

    fn what(&self) -> String {
        format!("the file of {}", self.module.name())
    }

    /// Whether a file is of the module's build; else what speaks against it, and whether it is known to be another.
    fn check(&self, file: &[u8], target: Target) -> Result<MatchedBy, (bool, String)> {
        match (&self.module.build_id, &self.fingerprint) {
            (Some(wanted), _) => same_build(wanted, build_id_of_file(file, target).as_ref())
                .map(|()| MatchedBy::BuildId)
                .map_err(|why| (true, why)),
            (None, Some(fingerprint)) => match fingerprint.check(file, target) {
                Comparison::Same => Ok(MatchedBy::Addresses),
                Comparison::Alike => Ok(MatchedBy::DynamicSection),
                Comparison::Other(why) => Err((true, why.to_owned())),
                Comparison::Unknown => Err((false, TOO_LITTLE.to_owned())),
            },
            (None, None) => Err((false, TOO_LITTLE.to_owned())),
        }
    }

    fn open_debug(&self, target: Target) -> Opened {
        let mut opened = Opened::default();
        let own = self.opened(target).file.as_ref();
        let link = own.and_then(|(file, _)| DebugLink::of(file, target));
        let name = link.as_ref().map(|link| link.name.as_os_str());
        let beside = own.map(|(_, path)| path.as_path());
        for path in self.search.of_debug(&self.module, name, beside, target) {
            let Ok(file) = MappedFile::open(&path) else { continue };
            if self.is_debug_file(&file, link.as_ref(), target) {
                opened.file = Some((file, path));
                break;
            }
        }
        // A binary that has all in itself needs no other file.
        if opened.file.is_none() && own.is_none_or(|(file, _)| section(file, ".debug_info").is_none()) {
            self.download(FileKind::DebugInfo, target, &mut opened);
        }
        if let Some(supplement) = opened.file.as_ref().and_then(|(file, _)| supplement(file)) {
            let what = format!("parts of the debug information of {}", self.module.name());
            let why = format!(
                "they lie in {}, a supplement that dwz made; such are not read",
                Path::new(&supplement).display()
            );
            opened.gaps.push(Gap::new(GapKind::Unknown, what, why));
        }
        opened
    }

    /// Whether a file holds symbols or DWARF of the same build, by its build ID, else by the checksum of the link.
    fn is_debug_file(&self, file: &[u8], link: Option<&DebugLink>, target: Target) -> bool {
        if section(file, ".debug_info").is_none() && section(file, ".symtab").is_none() {
            return false;
        }
        match (&self.module.build_id, build_id_of_file(file, target)) {
            (Some(wanted), Some(found)) => *wanted == found,
            _ => link.is_some_and(|link| link.checksum == checksum(file)),
        }
    }

    fn download(&self, kind: FileKind, target: Target, opened: &mut Opened) {
        let (Some(download), Some(wanted)) = (&self.search.finder.download, &self.module.build_id) else {
            return;
        };
        let outcome = download.download(wanted, kind).and_then(|path| {
            let Some(path) = path else { return Ok(None) };
            let file = MappedFile::open(&path).map_err(|error| error.to_string())?;
            same_build(wanted, build_id_of_file(&file, target).as_ref())
                .map_err(|why| format!("the file that was downloaded {why}"))?;
            Ok(Some((file, path)))
        });
        match outcome {
            Ok(file) => {
                opened.matched_by = file.as_ref().map(|_| MatchedBy::BuildId);
                opened.file = file;
            }
            Err(why) => {
                let what = match kind {
                    FileKind::Executable => self.what(),
                    FileKind::DebugInfo => format!("the debug information of {}", self.module.name()),
                };
                opened.gaps.push(Gap::new(GapKind::Missing, what, why));
            }
        }
    }
}

const TOO_LITTLE: &str =
    "has no build ID, and the core shows too little of the module to tell that it is the same";

fn same_build(wanted: &BuildId, found: Option<&BuildId>) -> Result<(), String> {
    if found == Some(wanted) {
        return Ok(());
    }
    let mut why = "has ".to_owned();
    // Writing to a string cannot fail.
    let _ = match found {
        Some(found) => write!(why, "build ID {found}"),
        None => write!(why, "no build ID"),
    };
    let _ = write!(why, ", the core was made with {wanted}");
    Err(why)
}

/// `.gnu_debuglink`: the name of the debug file, padded to four bytes, then its CRC32.
struct DebugLink {
    name: OsString,
    checksum: u32,
}

impl DebugLink {
    fn of(file: &[u8], target: Target) -> Option<Self> {
        let content = section(file, ".gnu_debuglink")?;
        let len = content.iter().position(|&byte| byte == 0)?;
        let name = os_string(content.get(..len)?);
        let at = len.checked_add(1)?.checked_next_multiple_of(4)?;
        let checksum = target.unsigned(content.get(at..at.checked_add(4)?)?) as u32;
        // It is a name, and no way to somewhere else.
        (Path::new(&name).file_name() == Some(&name)).then_some(Self { name, checksum })
    }
}

/// `.gnu_debugaltlink`: the path of a `dwz` supplement, then its build ID.
fn supplement(file: &[u8]) -> Option<OsString> {
    section(file, ".gnu_debugaltlink")?.split(|&byte| byte == 0).next().map(os_string)
}

fn checksum(file: &[u8]) -> u32 {
    let mut checksum = flate2::Crc::new();
    checksum.update(file);
    checksum.sum()
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}
