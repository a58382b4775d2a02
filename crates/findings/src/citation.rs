use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SourceId;

/// A pointer to bytes of a source that anyone can read again.
///
/// Its text form is what reports print: `[E1@0x3f8a10+64]` for bytes, `[E3:L10-L14]` for lines,
/// `[E5#/data/result/0]` for a place in a JSON document.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    /// The source that is cited.
    pub source: SourceId,
    /// Where in the source.
    pub span: Span,
    /// First 12 hex digits of the SHA-256 of the cited bytes, once they have been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl Citation {
    /// Cites a span whose bytes have not been hashed.
    pub fn new(source: SourceId, span: Span) -> Self {
        Self { source, span, digest: None }
    }
}

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Span {
    /// Bytes of the file; of its decompressed content when the file is compressed.
    Bytes {
        /// Offset of the first byte.
        offset: u64,
        /// Number of bytes.
        len: u64,
        /// Where the bytes stood in the memory of the dead process, as `0x…` when known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    /// Whole lines of a text.
    Lines {
        /// First line, counted from 1.
        first: u64,
        /// Last line, included.
        last: u64,
        /// Offset of the first byte of the first line.
        offset: u64,
        /// Number of bytes, the last line's end included.
        len: u64,
    },
    /// A place in a JSON document.
    Pointer {
        /// JSON pointer (RFC 6901).
        pointer: String,
    },
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.span {
            Span::Bytes { offset, len, .. } => write!(f, "[{}@{offset:#x}+{len}]", self.source),
            Span::Lines { first, last, .. } if first == last => write!(f, "[{}:L{first}]", self.source),
            Span::Lines { first, last, .. } => write!(f, "[{}:L{first}-L{last}]", self.source),
            Span::Pointer { pointer } => write!(f, "[{}#{pointer}]", self.source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms() {
        let check = |span, expected: &str| {
            assert_eq!(Citation::new(SourceId(3), span).to_string(), expected);
        };
        check(Span::Bytes { offset: 0x40, len: 8, address: None }, "[E3@0x40+8]");
        check(Span::Lines { first: 7, last: 7, offset: 0, len: 1 }, "[E3:L7]");
        check(Span::Lines { first: 7, last: 9, offset: 0, len: 1 }, "[E3:L7-L9]");
        check(Span::Pointer { pointer: "/a/0".into() }, "[E3#/a/0]");
    }

    #[test]
    fn json_round_trip() {
        let citation =
            Citation::new(SourceId(1), Span::Bytes { offset: 1, len: 2, address: Some("0x7f00".into()) });
        let json = serde_json::to_string(&citation).unwrap();
        assert_eq!(serde_json::from_str::<Citation>(&json).unwrap(), citation);
    }
}
