//! A core file on disk, compressed or not, as bytes.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pycoroner_findings::{Gap, GapKind};

use crate::elf::residence::Residence;
use crate::mapped_file::{MappedFile, data_extents};
use crate::packed::sparse_file::SparseFile;
use crate::packed::{Compression, Unpacker};

/// The bytes of a core file, mapped.
///
/// A compressed core is unpacked into an unlinked sparse temporary file first, so memory stays flat and
/// nothing is left behind; offsets then count in the unpacked content.
#[derive(Debug)]
pub struct CoreFile {
    bytes: MappedFile,
    file: File,
    extents: OnceLock<Vec<Range<u64>>>,
    residence: Option<Residence>,
    compression: Option<Compression>,
    gap: Option<Gap>,
}

/// Bounds on what a compressed core may grow to.
#[derive(Clone, Copy, Debug)]
pub struct UnpackLimits {
    /// Bytes that are not part of an all-zero 4 KiB block: what it may take on disk.
    pub data_bytes: u64,
    /// Bytes in all, holes included.
    pub apparent_bytes: u64,
    /// Such data bytes for each packed byte, once there is more than [`UnpackLimits::FREE_BYTES`] of them.
    pub ratio: u64,
}

impl UnpackLimits {
    /// Bytes of data up to which the ratio does not matter.
    pub const FREE_BYTES: u64 = 1 << 30;
}

impl Default for UnpackLimits {
    /// 64 GiB of data, 4 TiB of apparent size, a ratio of a thousand: memory of real processes packs to a third or
    /// a tenth, one that is full of equal objects to a hundredth.
    fn default() -> Self {
        Self { data_bytes: 64 << 30, apparent_bytes: 4 << 40, ratio: 1000 }
    }
}

/// Why a core file could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}", path = path.display())]
pub struct OpenError {
    path: PathBuf,
    error: io::Error,
}

impl CoreFile {
    /// Opens the file at `path`, unpacking it when its first bytes say that it is compressed.
    ///
    /// A compressed stream that ends early, turns bad or outgrows `limits` gives what was unpacked until there, and
    /// [`CoreFile::gap`] says so.
    ///
    /// # Errors
    /// When the file cannot be opened or mapped, gives not one byte, or there is no room for its content.
    pub fn open(path: &Path, limits: UnpackLimits) -> Result<Self, OpenError> {
        Self::open_inner(path, limits).map_err(|error| OpenError { path: path.to_owned(), error })
    }

    fn open_inner(path: &Path, limits: UnpackLimits) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut head = Vec::new();
        if file.metadata()?.is_file() {
            (&mut file).take(Compression::HEAD_BYTES).read_to_end(&mut head)?;
            file.seek(SeekFrom::Start(0))?;
        }
        let compression = Compression::of(&head);
        let (file, gap) = match compression {
            None => (file, None),
            Some(compression) => unpack(io::BufReader::with_capacity(1 << 17, file), compression, limits)?,
        };
        let bytes = MappedFile::map(&file)?;
        Ok(Self { bytes, file, extents: OnceLock::new(), residence: None, compression, gap })
    }

    /// Keeps what is read of the file in memory, but of what the system brings in around it no more than some `bytes`.
    ///
    /// For a caller that reads a little here and there, as [`capture`](crate::capture) does; one that goes through all of the
    /// file is better off without.
    #[must_use]
    pub fn keep_resident(mut self, bytes: usize) -> Self {
        self.residence = Some(Residence::new(bytes));
        self
    }

    /// Notes that these bytes of the file are about to be read.
    pub(super) fn read(&self, bytes: &[u8]) {
        if let Some(residence) = &self.residence {
            residence.read(bytes.as_ptr() as usize, bytes.len(), |pages| self.bytes.give_back(&pages));
        }
    }

    /// How it was packed, if it was.
    pub fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// What the packed file did not give, if it broke off.
    pub fn gap(&self) -> Option<&Gap> {
        self.gap.as_ref()
    }

    /// The parts of the file that are no holes, by rising offset; a file system that cannot tell makes it one part.
    ///
    /// Holes read as zeros, but each page of them that is touched takes time and memory.
    pub fn extents(&self) -> &[Range<u64>] {
        self.extents.get_or_init(|| data_extents(&self.file, self.bytes.len() as u64))
    }
}

impl Deref for CoreFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

fn unpack(
    packed: impl BufRead,
    compression: Compression,
    limits: UnpackLimits,
) -> io::Result<(File, Option<Gap>)> {
    let mut sparse = SparseFile::new().map_err(|error| no_room(&error, compression, 0))?;
    let mut unpacker = Unpacker::new(packed, compression);
    let mut block = vec![0; 1 << 18];
    let gap = loop {
        let (filled, outcome) = fill(&mut unpacker, &mut block);
        let content = block.get(..filled).unwrap_or_default();
        sparse.append(content).map_err(|error| no_room(&error, compression, sparse.data))?;
        match outcome {
            Err(error) if sparse.apparent == 0 => return Err(error),
            Err(error) => break Some(broken_off(&error, compression)),
            Ok(()) if filled < block.len() => break None,
            Ok(()) => {}
        }
        if let Some(why) = limits.exceeded(&sparse, unpacker.packed_bytes()) {
            let gap = Gap::new(GapKind::Limit, "the rest of the compressed core", why);
            break Some(gap.remedy(format!("if it is no forgery: unpack it with {}", compression.tool())));
        }
    };
    Ok((sparse.finish()?, gap))
}

/// Fills the block as far as the stream goes, so that holes are seen whole; says also what came behind.
fn fill(from: &mut impl Read, block: &mut [u8]) -> (usize, io::Result<()>) {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}

impl UnpackLimits {
    fn exceeded(self, unpacked: &SparseFile, packed: u64) -> Option<String> {
        if unpacked.data > self.data_bytes {
            return Some(format!("it unpacks to more than {} bytes of data", self.data_bytes));
        }
        if unpacked.apparent > self.apparent_bytes {
            return Some(format!("it unpacks to more than {} bytes", self.apparent_bytes));
        }
        let free = unpacked.data <= Self::FREE_BYTES || unpacked.data / self.ratio.max(1) <= packed;
        (!free).then(|| format!("{packed} packed bytes gave {} bytes that are not zero", unpacked.data))
    }
}

fn broken_off(error: &io::Error, compression: Compression) -> Gap {
    let kind = match error.kind() {
        io::ErrorKind::UnexpectedEof => GapKind::Truncated,
        io::ErrorKind::OutOfMemory => GapKind::Limit,
        _ => GapKind::Corrupt,
    };
    let gap = Gap::new(kind, "the rest of the compressed core", error.to_string());
    match kind {
        GapKind::Limit => gap.remedy(format!("unpack it first, with {}", compression.tool())),
        _ => gap.remedy("get the whole file: compare its size and checksum with the original"),
    }
}

/// Says what to do when the temporary file does not fit.
fn no_room(error: &io::Error, compression: Compression, written: u64) -> io::Error {
    let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let what = if is_full {
        format!("no room is left after {written} bytes of unpacked data")
    } else {
        format!("the temporary file for the unpacked core cannot be written ({error})")
    };
    let tool = compression.tool();
    io::Error::new(
        error.kind(),
        format!("{what}; set TMPDIR to a folder with more room, or unpack it there with {tool}"),
    )
}
