//! An unlinked temporary file in which zeros take no space.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// The unit in which holes are made: a page of most machines, a block of most file systems.
const BLOCK: usize = 4096;

/// A temporary file that has no name, so that nothing of it stays however the process ends.
#[derive(Debug)]
pub(crate) struct SparseFile {
    file: File,
    /// Where the file's own position stands.
    position: u64,
    /// Bytes appended, holes included.
    pub(crate) apparent: u64,
    /// Bytes that were written.
    pub(crate) data: u64,
}

impl SparseFile {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile()?, position: 0, apparent: 0, data: 0 })
    }

    /// Appends bytes; only the last call may give a part of a block.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut run_start = 0;
        let mut at = 0;
        for block in bytes.chunks(BLOCK) {
            if is_zero(block) {
                self.write(bytes.get(run_start..at).unwrap_or_default())?;
                self.apparent += block.len() as u64;
                run_start = at + block.len();
            }
            at += block.len();
        }
        self.write(bytes.get(run_start..).unwrap_or_default())
    }

    fn write(&mut self, run: &[u8]) -> io::Result<()> {
        if run.is_empty() {
            return Ok(());
        }
        if self.position != self.apparent {
            self.position = self.file.seek(SeekFrom::Start(self.apparent))?;
        }
        self.file.write_all(run)?;
        self.position += run.len() as u64;
        self.apparent += run.len() as u64;
        self.data += run.len() as u64;
        Ok(())
    }

    /// The file, as long as all that was appended.
    pub(crate) fn finish(self) -> io::Result<File> {
        self.file.set_len(self.apparent)?;
        Ok(self.file)
    }
}

fn is_zero(block: &[u8]) -> bool {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    ZEROS.get(..block.len()) == Some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_not_written_and_still_there() {
        use std::io::Read;
        let mut content = vec![0; 3 * BLOCK];
        content.extend([7; BLOCK + 5]);
        content.resize(9 * BLOCK, 0);
        content.extend([8; 17]);
        let mut sparse = SparseFile::new().unwrap();
        for piece in content.chunks(2 * BLOCK) {
            sparse.append(piece).unwrap();
        }
        assert_eq!(sparse.apparent, content.len() as u64);
        assert!(sparse.data <= 2 * BLOCK as u64 + 17, "{}", sparse.data);
        let mut file = sparse.finish().unwrap();
        let mut found = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut found).unwrap();
        assert!(found == content);
    }
}
