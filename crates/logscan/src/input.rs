use std::io::{self, Read, Seek, SeekFrom};

use pycoroner_findings::{SourceId, UtcTime};

/// One log.
pub struct Input<'a> {
    /// Its number in the evidence register.
    pub id: SourceId,
    /// Its path, to be shown; it is not opened.
    pub path: String,
    /// When the file was last changed: gives the year to times that lack it, and an end to undated dumps.
    pub modified: Option<UtcTime>,
    /// It is the next file of the rotated log that the input before it belongs to: what that left open goes on here.
    pub continues: bool,
    /// Its bytes, decompressed.
    pub reader: Reader<'a>,
}

impl<'a> Input<'a> {
    /// A log that continues no other, with an unknown time of its last change.
    pub fn new(id: SourceId, path: impl Into<String>, reader: impl Into<Reader<'a>>) -> Self {
        Self { id, path: path.into(), modified: None, continues: false, reader: reader.into() }
    }
}

/// Where the bytes of a log come from.
pub enum Reader<'a> {
    /// Read from where it stands to its end.
    Stream(&'a mut (dyn Read + Send)),
    /// The same, of a reader that nobody else holds.
    Owned(Box<dyn Read + Send + 'a>),
    /// Read from its start to its end, or from its last line to its first where its newest line stands first; of a large
    /// one with times in order only the window, when there is one, as
    /// [`PartialReading`](crate::PartialReading) says.
    File(&'a mut (dyn ReadSeek + Send)),
}

impl<'a, R: Read + Send> From<&'a mut R> for Reader<'a> {
    /// A stream.
    fn from(reader: &'a mut R) -> Self {
        Self::Stream(reader)
    }
}

impl<'a> From<Box<dyn Read + Send + 'a>> for Reader<'a> {
    /// A stream.
    fn from(reader: Box<dyn Read + Send + 'a>) -> Self {
        Self::Owned(reader)
    }
}

/// What can be read from any place.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// A stretch of a file, as a stream.
pub(crate) struct Stretch<'a> {
    file: &'a mut (dyn ReadSeek + Send),
    /// Where to begin; taken when the reading does.
    start: Option<u64>,
    /// Bytes that are left; `None` up to the end, wherever that is by then.
    left: Option<u64>,
}

impl<'a> Stretch<'a> {
    pub(crate) fn new(file: &'a mut (dyn ReadSeek + Send), start: u64, len: Option<u64>) -> Self {
        Self { file, start: Some(start), left: len }
    }
}

impl Read for Stretch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(start) = self.start {
            self.file.seek(SeekFrom::Start(start))?;
            self.start = None;
        }
        let room = self
            .left
            .map_or(buffer.len(), |left| usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len()));
        let count = self.file.read(buffer.get_mut(..room).unwrap_or_default())?;
        self.left = self.left.map(|left| left.saturating_sub(count as u64));
        Ok(count)
    }
}
