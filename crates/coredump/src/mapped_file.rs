//! Files as bytes without reading them: the only unsafe code of the workspace.
#![allow(unsafe_code, reason = "mapping a file is unsafe by nature; this file is the one place for it")]

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::path::Path;

use memmap2::{Mmap, MmapOptions};

/// A file mapped read-only.
///
/// Pages are read when touched. The file must not shrink while it is mapped: touching a page that is gone
/// raises SIGBUS. Core files are written once; nobody but `ulimit` cuts them, and that before we look.
#[derive(Debug)]
pub struct MappedFile {
    map: Option<Mmap>,
}

impl MappedFile {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// What opening or mapping it says; directories and devices are refused.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Opening a pipe would wait for somebody to write into it.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Self::map(&File::open(path)?)
    }

    /// Maps an open file.
    ///
    /// # Errors
    /// What mapping it says; directories and devices are refused.
    pub fn map(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        if metadata.len() == 0 {
            return Ok(Self { map: None });
        }
        // SAFETY: the map is read-only and private to this value. That the file does not shrink meanwhile is
        // the documented condition; other changes only show as other bytes, and all readers take any bytes.
        let map = unsafe { MmapOptions::new().map(file)? };
        Ok(Self { map: Some(map) })
    }

    /// Lets the system take back the pages at these addresses of this process, as far as they are this file's.
    ///
    /// What is borrowed of them stays valid: the next read brings them in again. Does nothing where that is not known to
    /// be so.
    pub(crate) fn give_back(&self, pages: &Range<usize>) {
        let Some(map) = &self.map else { return };
        let start = map.as_ptr() as usize;
        let from = pages.start.saturating_sub(start).min(map.len());
        let to = pages.end.saturating_sub(start).min(map.len());
        // A hint: nothing is lost when it is not taken.
        #[cfg(target_os = "linux")]
        if from < to {
            // SAFETY: the map is a file's and read-only. Of such, MADV_DONTNEED drops what maps its pages, and the next
            // read maps the same pages of the file again (madvise(2)): all borrowed bytes stay what they are.
            let _ =
                unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, from, to - from) };
        }
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}

/// The parts of a file of `len` bytes that are no holes, as the file system tells; all of it where that cannot.
#[cfg(target_os = "linux")]
pub(crate) fn data_extents(file: &File, len: u64) -> Vec<Range<u64>> {
    use rustix::fs::{SeekFrom, seek};
    /// A file in more pieces is read as one from there on.
    const MOST_EXTENTS: usize = 1 << 20;
    let mut extents: Vec<Range<u64>> = Vec::new();
    let mut at = 0;
    while at < len {
        let start = match seek(file, SeekFrom::Data(at)) {
            Ok(start) if extents.len() < MOST_EXTENTS => start,
            // Nothing but a hole is left.
            Err(rustix::io::Errno::NXIO) => break,
            _ => {
                extents.push(at..len);
                break;
            }
        };
        let end = seek(file, SeekFrom::Hole(start)).unwrap_or(len).min(len);
        if start >= end {
            break;
        }
        extents.push(start..end);
        at = end;
    }
    extents
}

/// The parts of a file of `len` bytes that are no holes; elsewhere than on Linux it is taken to have none.
#[cfg(not(target_os = "linux"))]
pub(crate) fn data_extents(_: &File, len: u64) -> Vec<Range<u64>> {
    vec![0..len]
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn pages_that_were_given_back_read_as_before() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        file.write_all(&content).unwrap();
        let map = MappedFile::map(&file).unwrap();
        let borrowed = &map[5000..300_000];
        assert_eq!(borrowed, &content[5000..300_000]);
        let start = map.as_ptr() as usize;
        map.give_back(&(start + 8192..start + 200_000));
        map.give_back(&(0..usize::MAX));
        assert_eq!(borrowed, &content[5000..300_000]);
        assert_eq!(map.to_vec(), content);
    }
}
