use std::collections::BTreeMap;
use std::rc::Rc;

use memchr::memchr_iter;
use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span};
use serde_json::Value;

use crate::yaml;

/// A document that was read whole, and where its values stand.
pub(crate) struct Tree {
    pub(crate) value: Value,
    place: TreePlace,
}

enum TreePlace {
    /// JSON: values are cited by pointers.
    Pointers(SourceId),
    /// YAML: values are cited by their lines.
    Lines { source: SourceId, lines: BTreeMap<String, (u64, u64)>, starts: Rc<[u64]> },
}

impl Tree {
    /// Reads a file that is one JSON document.
    ///
    /// # Errors
    /// With the gap that says why it is none.
    pub(crate) fn json(bytes: &[u8], source: SourceId) -> Result<Self, Box<Gap>> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match serde_json::from_slice(bytes) {
            Ok(value) => Ok(Self { value, place: TreePlace::Pointers(source) }),
            Err(error) => Err(Box::new(Gap::new(GapKind::Corrupt, "all of the export", error.to_string()))),
        }
    }

    /// Reads the documents of a YAML file; what cannot be read is among the gaps.
    pub(crate) fn yaml(bytes: &[u8], source: SourceId, gaps: &mut Vec<Gap>) -> Vec<Self> {
        let text = String::from_utf8_lossy(bytes);
        let starts = Self::line_starts(bytes);
        yaml::parse(&text, gaps)
            .into_iter()
            .map(|(value, lines)| {
                let starts = Rc::clone(&starts);
                Self { value, place: TreePlace::Lines { source, lines, starts } }
            })
            .collect()
    }

    /// A document of which it is known on which lines, counted from 1, its values stand.
    pub(crate) fn of_lines(
        value: Value,
        source: SourceId,
        lines: BTreeMap<String, (u64, u64)>,
        starts: Rc<[u64]>,
    ) -> Self {
        Self { value, place: TreePlace::Lines { source, lines, starts } }
    }

    /// Offsets of the lines of a text, and of its end.
    pub(crate) fn line_starts(bytes: &[u8]) -> Rc<[u64]> {
        std::iter::once(0)
            .chain(memchr_iter(b'\n', bytes).map(|offset| offset as u64 + 1))
            .chain([bytes.len() as u64])
            .collect()
    }

    /// Reads JSON or YAML, whichever it is.
    pub(crate) fn read(bytes: &[u8], source: SourceId, gaps: &mut Vec<Gap>) -> Vec<Self> {
        if !matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
            return Self::yaml(bytes, source, gaps);
        }
        match Self::json(bytes, source) {
            Ok(tree) => vec![tree],
            Err(gap) => {
                gaps.push(*gap);
                Vec::new()
            }
        }
    }

    /// Cites the value that a JSON pointer leads to; in YAML, its lines or those of what is around it.
    pub(crate) fn cite(&self, pointer: &str) -> Citation {
        match &self.place {
            TreePlace::Pointers(source) => {
                Citation::new(*source, Span::Pointer { pointer: pointer.to_owned() })
            }
            TreePlace::Lines { source, lines, starts } => {
                let mut around = pointer;
                let (first, last) = loop {
                    match (lines.get(around), around.rsplit_once('/')) {
                        (Some(found), _) => break *found,
                        (None, Some((parent, _))) => around = parent,
                        (None, None) => break (1, 1),
                    }
                };
                let start = |line: u64| starts.get(line as usize).or(starts.last()).copied().unwrap_or(0);
                let offset = start(first.saturating_sub(1));
                let len = start(last).saturating_sub(offset);
                Citation::new(*source, Span::Lines { first, last, offset, len })
            }
        }
    }
}
