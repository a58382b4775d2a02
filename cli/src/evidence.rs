//! The files that a command was given: found, sniffed, counted, hashed.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use pycoroner_findings::{Gap, GapKind, Source, SourceId, UtcTime};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::rotation;
use crate::sniff::{Kind, sniff};

/// Files that are taken out of directories.
const MOST_FILES: usize = 10_000;
/// Directories below a given one that are entered.
const MOST_DEPTH: usize = 16;

/// One file of evidence.
#[derive(Debug)]
pub(crate) struct Item {
    /// Its number in the register.
    pub(crate) id: SourceId,
    /// Its path as the user gave it; `-` for stdin.
    pub(crate) shown: String,
    /// Where its bytes are.
    pub(crate) path: PathBuf,
    /// What it was taken for.
    pub(crate) kind: Kind,
    /// Its size on disk.
    pub(crate) bytes: u64,
    /// When it was last changed; unknown for what came through a pipe.
    pub(crate) modified: Option<UtcTime>,
    /// It is the next file of the rotated log that the item before it belongs to.
    pub(crate) continues: bool,
    /// Keeps what came through a pipe.
    _spooled: Option<Spooled>,
}

/// What came through a pipe, in a temporary file that goes with the value.
#[derive(Debug)]
enum Spooled {
    /// It has no name, so that nothing of it stays however the program ends.
    #[cfg(target_os = "linux")]
    Unnamed(File),
    Named(NamedTempFile),
}

impl Spooled {
    fn new() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            let spooled = Self::Unnamed(tempfile::tempfile()?);
            // Without /proc, a name is needed to open it again.
            if spooled.path().exists() {
                return Ok(spooled);
            }
        }
        NamedTempFile::new().map(Self::Named)
    }

    fn file(&mut self) -> &mut File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => file,
            Self::Named(file) => file.as_file_mut(),
        }
    }

    /// By what it can be opened while the value lives.
    fn path(&self) -> PathBuf {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => {
                Path::new("/proc/self/fd").join(std::os::fd::AsRawFd::as_raw_fd(file).to_string())
            }
            Self::Named(file) => file.path().to_owned(),
        }
    }
}

/// All evidence of one run.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// The files, in the order they were given; those of a directory by name.
    pub(crate) items: Vec<Item>,
    /// What could not be opened or was not looked into.
    pub(crate) gaps: Vec<Gap>,
}

impl Evidence {
    /// Finds and sniffs the files; directories are searched, `-` and pipes are read whole.
    ///
    /// # Errors
    /// When not one file can be opened.
    pub(crate) fn gather(paths: &[PathBuf]) -> Result<Self> {
        let mut evidence = Self::default();
        let mut errors = Vec::new();
        for path in paths {
            for file in files_under(path, &mut evidence.gaps) {
                match Item::open(&file, evidence.items.len()) {
                    Ok(item) => evidence.items.push(item),
                    Err(error) => errors.push((file, error)),
                }
            }
        }
        if evidence.items.is_empty() {
            return Err(nothing_found(errors.into_iter().next()));
        }
        evidence.items = rotation::arrange(std::mem::take(&mut evidence.items), &mut evidence.gaps);
        for (file, error) in errors {
            let gap = Gap::new(GapKind::Unknown, format!("all of {}", file.display()), error.to_string());
            evidence.gaps.push(gap.remedy("check the path and the permissions of the file"));
        }
        for item in &evidence.items {
            if let Kind::NotUnderstood(why) = item.kind {
                evidence.gaps.push(Gap::new(GapKind::Unknown, format!("all of {}", item.shown), why));
            }
        }
        Ok(evidence)
    }

    /// Adds the cores that the other one is compared with, or marks them where they are among the files.
    ///
    /// # Errors
    /// When one cannot be read or is no core.
    pub(crate) fn add_older(&mut self, paths: &[PathBuf]) -> Result<()> {
        let same = |a: &Path, b: &Path| {
            a == b || fs::canonicalize(a).ok().is_some_and(|a| fs::canonicalize(b).ok() == Some(a))
        };
        for path in paths {
            let item = core_item(path)?;
            if let Some(known) = self.items.iter_mut().find(|known| same(&known.path, &item.path)) {
                known.kind = Kind::OlderCore;
                continue;
            }
            let id = SourceId(u32::try_from(self.items.len()).unwrap_or(u32::MAX).saturating_add(1));
            self.items.push(Item { id, kind: Kind::OlderCore, ..item });
        }
        Ok(())
    }

    /// What there is not to be read, and why.
    pub(crate) fn unread(&self) -> impl Iterator<Item = String> {
        let empty = self.of(&Kind::Empty).map(|item| format!("{}: it is empty", item.shown));
        empty.chain(self.gaps.iter().map(|gap| format!("{}: {}", gap.what, gap.why)))
    }

    /// The items of a kind.
    pub(crate) fn of(&self, kind: &Kind) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.kind == *kind)
    }

    /// The file behind a number of the register.
    pub(crate) fn file_of(&self, id: SourceId) -> Option<&Path> {
        self.items.iter().find(|item| item.id == id).map(|item| item.path.as_path())
    }

    /// The files behind the items.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.items.iter().map(|item| item.path.as_path())
    }
}

impl Item {
    /// Opens and sniffs one file as number `index`, counted from 0.
    pub(crate) fn open(file: &Path, index: usize) -> io::Result<Self> {
        let id = SourceId(u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1));
        let shown = file.display().to_string();
        let spooled = spool(file)?;
        let path = spooled.as_ref().map_or_else(|| file.to_owned(), Spooled::path);
        let metadata = fs::metadata(&path)?;
        let since_1970 = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = since_1970.and_then(|since| i64::try_from(since.as_nanos()).ok()).map(UtcTime);
        Ok(Self {
            id,
            shown,
            kind: sniff(&path)?,
            bytes: metadata.len(),
            modified: modified.filter(|_| spooled.is_none()),
            path,
            continues: false,
            _spooled: spooled,
        })
    }

    /// Its row in the register of evidence, with its digest.
    pub(crate) fn source(&self, sha256: String) -> Source {
        Source {
            id: self.id,
            path: self.shown.clone(),
            kind: self.kind.name().to_owned(),
            bytes: self.bytes,
            sha256: Some(sha256),
            shifted_ms: None,
        }
    }
}

/// Copies what cannot be read twice into a temporary file.
fn spool(file: &Path) -> io::Result<Option<Spooled>> {
    if file == Path::new("-") {
        return spooled(&mut io::stdin().lock()).map(Some);
    }
    let metadata = fs::metadata(file)?;
    if metadata.is_file() {
        return Ok(None);
    }
    if is_pipe(&metadata) {
        return spooled(&mut File::open(file)?).map(Some);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a file nor a pipe"))
}

fn spooled(from: &mut dyn Read) -> io::Result<Spooled> {
    let mut spooled = Spooled::new()?;
    io::copy(from, spooled.file())?;
    Ok(spooled)
}

#[cfg(unix)]
fn is_pipe(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &fs::Metadata) -> bool {
    false
}

/// The files of a directory and of those below it, by name; links to directories are not followed.
fn files_under(path: &Path, gaps: &mut Vec<Gap>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut files = Vec::new();
    let mut left = vec![(path.to_owned(), 0)];
    while let Some((folder, depth)) = left.pop() {
        let mut entries: Vec<PathBuf> = match fs::read_dir(&folder) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
            Err(error) => {
                gaps.push(Gap::new(
                    GapKind::Unknown,
                    format!("all of {}", folder.display()),
                    error.to_string(),
                ));
                continue;
            }
        };
        entries.sort();
        let is_folder = |path: &PathBuf| path.is_dir() && !path.is_symlink();
        let (folders, plain): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_folder);
        files.extend(plain.into_iter().filter(|path| path.is_file()));
        if depth == MOST_DEPTH || files.len() > MOST_FILES {
            let why = format!("more than {MOST_FILES} files or {MOST_DEPTH} levels of directories");
            gaps.push(Gap::new(GapKind::Limit, format!("the rest of {}", folder.display()), why));
        } else {
            left.extend(folders.into_iter().rev().map(|folder| (folder, depth + 1)));
        }
    }
    files.truncate(MOST_FILES);
    files
}

fn nothing_found(first: Option<(PathBuf, io::Error)>) -> anyhow::Error {
    match first {
        Some((file, error)) => anyhow::Error::new(error).context(format!(
            "cannot read {}; check the path and the permissions of the file",
            file.display()
        )),
        None => anyhow::anyhow!("the directories hold no files; give a core file or a log"),
    }
}

/// The SHA-256 of a file, in hex.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    sha256_until(path, &AtomicBool::new(false))
}

/// The same; when `stop` is set meanwhile, an error.
///
/// # Errors
/// When it cannot be read, or was stopped.
pub(crate) fn sha256_until(path: &Path, stop: &AtomicBool) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match file.read(&mut block) {
            Ok(0) => break,
            Ok(count) => hash.update(&block[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut digest = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(digest, "{byte:02x}");
    }
    Ok(digest)
}

/// Opens the file as a core.
///
/// # Errors
/// When it is none, with what it seems to be.
pub(crate) fn core_item(path: &Path) -> Result<Item> {
    let item = Item::open(path, 0).with_context(|| {
        format!("cannot read {}; check the path and the permissions of the file", path.display())
    })?;
    match item.kind {
        Kind::Core | Kind::OlderCore => Ok(item),
        Kind::Log => bail!("{} is a log and no core file; try: pycoroner logs {0}", path.display()),
        Kind::Export(format) => bail!(
            "{} is an export ({}) and no core file; try: pycoroner analyze",
            path.display(),
            format.name()
        ),
        Kind::Empty => bail!("{} is no core file: it is empty", path.display()),
        Kind::NotUnderstood(why) => bail!(
            "{} is no core file: {why}; a core is the ELF file that the kernel or gcore wrote, maybe compressed with zstd, lz4, xz, bzip2 or gzip",
            path.display()
        ),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_came_through_a_pipe_has_no_name() {
        let spooled = spooled(&mut &b"a core, perhaps"[..]).unwrap();
        assert_eq!(fs::read(spooled.path()).unwrap(), b"a core, perhaps");
        // From the beginning once more: each opening has a position of its own.
        assert_eq!(fs::read(spooled.path()).unwrap(), b"a core, perhaps");
        let link = fs::read_link(spooled.path()).unwrap();
        assert!(!link.exists(), "{}", link.display());
    }
}
