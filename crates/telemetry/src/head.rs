use crate::outline::Outline;

/// How much of an export is looked at to tell what it is, in bytes.
const LONGEST: usize = 1 << 16;

/// The beginning of a file, looked at in each way that formats are told apart by.
pub(crate) struct Head<'a> {
    /// Its bytes, without a byte order mark.
    pub(crate) bytes: &'a [u8],
    /// The members of its first JSON document.
    pub(crate) outline: Outline,
}

impl<'a> Head<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        Self { bytes, outline: Outline::of(bytes) }
    }

    /// Its lines, the last one maybe cut; none of what is no text.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &'a [u8]> {
        let text = if self.bytes.contains(&0) { &[] } else { self.bytes };
        text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end)
    }

    /// Whether a line starts so, without indentation.
    pub(crate) fn has_line(&self, start: &str) -> bool {
        self.lines().any(|line| line.starts_with(start.as_bytes()))
    }
}
