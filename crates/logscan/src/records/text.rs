use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::lines::Buffer;

/// Bytes of a log, shared with the block of it that was read: a copy costs nothing, and keeps the block.
///
/// A block is 64 KiB mostly and a mebibyte at most. [`Text::detach`] keeps the bytes alone.
#[derive(Clone, Default)]
pub struct Text {
    buffer: Arc<Buffer>,
    start: u32,
    len: u32,
}

impl Text {
    /// Shares a part of a buffer; `None` when it is none.
    pub(super) fn within(buffer: &Arc<Buffer>, part: &[u8]) -> Option<Self> {
        let start = (part.as_ptr() as usize).checked_sub(buffer.held().as_ptr() as usize)?;
        buffer.held().get(start..start.checked_add(part.len())?)?;
        Some(Self {
            buffer: Arc::clone(buffer),
            start: u32::try_from(start).ok()?,
            len: u32::try_from(part.len()).ok()?,
        })
    }

    /// Copies bytes.
    pub(super) fn copy_of(part: &[u8]) -> Self {
        let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
        Self { buffer: Arc::new(Buffer::of(part)), start: 0, len }
    }

    /// The bytes as they stand in the log, or as they were meant where the log's format escapes them.
    pub fn as_bytes(&self) -> &[u8] {
        let start = self.start as usize;
        self.buffer.held().get(start..start + self.len as usize).unwrap_or_default()
    }

    /// The text; what is no UTF-8 becomes U+FFFD.
    pub fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + size_of::<Buffer>() + self.len as usize
    }

    /// Lets go of the block and keeps a copy of the bytes.
    pub fn detach(&mut self) {
        if self.len as usize != self.buffer.held().len() {
            *self = Self::copy_of(self.as_bytes());
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.to_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str(), formatter)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}
