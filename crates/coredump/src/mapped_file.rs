//! Files as bytes without reading them: the only unsafe code of the workspace.
#![allow(unsafe_code, reason = "mapping a file is unsafe by nature; this file is the one place for it")]

use std::fs::File;
use std::io;
use std::ops::Deref;
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
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}
