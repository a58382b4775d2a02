use pycoroner_findings::{Citation, SourceId, Span};

/// Where a document stands in its file, so that values in it can be cited.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// It is all of the file: values are cited by JSON pointers.
    Whole(SourceId),
    /// It is one of several in the file: values are cited by the document's lines.
    Lines(Citation),
}

impl Place {
    /// Cites the value that a JSON pointer leads to.
    pub(crate) fn cite(&self, pointer: impl Into<String>) -> Citation {
        match self {
            Self::Whole(source) => Citation::new(*source, Span::Pointer { pointer: pointer.into() }),
            Self::Lines(citation) => citation.clone(),
        }
    }
}

/// Cites one line of a text, counted from 1; the offset is that of its first byte.
pub(crate) fn cite_line(source: SourceId, number: u64, offset: usize, line: &[u8]) -> Citation {
    let (offset, len) = (offset as u64, line.len() as u64);
    Citation::new(source, Span::Lines { first: number, last: number, offset, len })
}
