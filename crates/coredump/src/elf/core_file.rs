//! A core file on disk, compressed or not, as bytes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use crate::mapped_file::MappedFile;

/// The bytes of a core file, mapped.
///
/// A compressed core is unpacked into an unlinked sparse temporary file first, so memory stays flat and
/// nothing is left behind; offsets then count in the unpacked content.
#[derive(Debug)]
pub struct CoreFile {
    bytes: MappedFile,
    compression: Option<Compression>,
}

/// How a core file was packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard frames (RFC 8878).
    Zstd,
    /// gzip members (RFC 1952).
    Gzip,
}

/// Bounds on what a compressed core may grow to.
#[derive(Clone, Copy, Debug)]
pub struct UnpackLimits {
    /// Bytes that are not part of an all-zero 4 KiB block: what it may take on disk.
    pub data_bytes: u64,
    /// Bytes in all, holes included.
    pub apparent_bytes: u64,
}

impl Default for UnpackLimits {
    /// 64 GiB of data, 16 TiB of apparent size.
    fn default() -> Self {
        Self { data_bytes: 64 << 30, apparent_bytes: 16 << 40 }
    }
}

/// Why a core file could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = path.display())]
pub struct OpenError {
    path: PathBuf,
    source: io::Error,
}

impl CoreFile {
    /// Opens the file at `path`, unpacking it when its first bytes say that it is compressed.
    ///
    /// A compressed stream that ends early or turns bad gives what was unpacked until there.
    ///
    /// # Errors
    /// When the file cannot be opened or mapped, or unpacks to more than `limits` allow.
    pub fn open(path: &Path, limits: UnpackLimits) -> Result<Self, OpenError> {
        Self::open_inner(path, limits).map_err(|source| OpenError { path: path.to_owned(), source })
    }

    fn open_inner(path: &Path, limits: UnpackLimits) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut magic = Vec::new();
        if file.metadata()?.is_file() {
            (&mut file).take(4).read_to_end(&mut magic)?;
            file.seek(SeekFrom::Start(0))?;
        }
        let Some(compression) = Compression::of(&magic) else {
            return Ok(Self { bytes: MappedFile::map(&file)?, compression: None });
        };
        let unpacked = unpack(file, compression, limits)?;
        Ok(Self { bytes: MappedFile::map(&unpacked)?, compression: Some(compression) })
    }

    /// How it was packed, if it was.
    pub fn compression(&self) -> Option<Compression> {
        self.compression
    }
}

impl Deref for CoreFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Compression {
    /// The compression that a file beginning with `magic` has, if one that is known.
    pub fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            _ => None,
        }
    }
}

fn unpack(file: File, compression: Compression, limits: UnpackLimits) -> io::Result<File> {
    let mut sparse = SparseFile::new(limits)?;
    let packed = io::BufReader::with_capacity(1 << 16, file);
    let outcome = match compression {
        Compression::Zstd => unpack_zstd(packed, &mut sparse),
        Compression::Gzip => copy(&mut flate2::bufread::MultiGzDecoder::new(packed), &mut sparse),
    };
    match outcome {
        // A damaged or cut stream still gave its beginning; the core's own headers tell what is missing.
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge || sparse.apparent == 0 => Err(error),
        _ => sparse.finish(),
    }
}

fn unpack_zstd(mut packed: impl io::BufRead, sparse: &mut SparseFile) -> io::Result<()> {
    while !packed.fill_buf()?.is_empty() {
        let mut frame = ruzstd::decoding::StreamingDecoder::new(&mut packed)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        copy(&mut frame, sparse)?;
    }
    Ok(())
}

fn copy(from: &mut impl Read, to: &mut SparseFile) -> io::Result<()> {
    let mut block = vec![0; 1 << 16];
    loop {
        let mut filled = 0;
        // Fill the block, so that holes are seen whole.
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match from.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    to.append(block.get(..filled).unwrap_or_default())?;
                    return Err(error);
                }
            }
        }
        if filled == 0 {
            return Ok(());
        }
        to.append(block.get(..filled).unwrap_or_default())?;
    }
}

/// An unlinked temporary file in which all-zero blocks take no space.
struct SparseFile {
    file: File,
    limits: UnpackLimits,
    data: u64,
    apparent: u64,
}

impl SparseFile {
    const BLOCK: usize = 4096;

    fn new(limits: UnpackLimits) -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile()?, limits, data: 0, apparent: 0 })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        for block in bytes.chunks(Self::BLOCK) {
            self.apparent += block.len() as u64;
            if block.iter().all(|&byte| byte == 0) {
                self.file.seek(SeekFrom::Current(block.len() as i64))?;
            } else {
                self.data += block.len() as u64;
                self.file.write_all(block)?;
            }
        }
        if self.data > self.limits.data_bytes || self.apparent > self.limits.apparent_bytes {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!(
                    "unpacks to more than the limit of {} bytes of data, {} in all",
                    self.limits.data_bytes, self.limits.apparent_bytes
                ),
            ));
        }
        Ok(())
    }

    fn finish(self) -> io::Result<File> {
        self.file.set_len(self.apparent)?;
        Ok(self.file)
    }
}
