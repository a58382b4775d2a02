use memchr::memchr_iter;
use pycoroner_findings::{Citation, Gap, GapKind, SourceId, Span};
use serde_json::value::RawValue;
use serde_json::{Deserializer, Error};

use crate::place::Place;

/// One JSON document of a file that may hold several.
pub(crate) struct Document<'a> {
    /// Its text, not yet parsed.
    pub(crate) text: &'a RawValue,
    /// Where it stands.
    pub(crate) place: Place,
}

/// The JSON lists and objects of a file: one, one per line, or any that follow each other.
///
/// What cannot be parsed is skipped up to the next line that starts with a brace or bracket, so the time is linear
/// in the file's length.
pub(crate) struct Documents<'a> {
    bytes: &'a [u8],
    source: SourceId,
    /// Offset of what comes next.
    at: usize,
    /// Line breaks before [`Self::at`].
    line_breaks: u64,
    /// Whether anything but blanks was read.
    has_begun: bool,
    broken: u64,
    first_break: Option<(Citation, Error)>,
}

impl<'a> Documents<'a> {
    pub(crate) fn new(bytes: &'a [u8], source: SourceId) -> Self {
        let at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { bytes, source, at, line_breaks: 0, has_begun: false, broken: 0, first_break: None }
    }

    /// What could not be parsed, as one gap.
    pub(crate) fn into_gap(self) -> Option<Gap> {
        let (citation, error) = self.first_break?;
        let what = match self.broken {
            1 => "a part of the export".to_owned(),
            count => format!("{count} parts of the export"),
        };
        Some(Gap::new(GapKind::Corrupt, what, format!("no valid JSON: {error}")).at(citation))
    }

    fn advance(&mut self, to: usize) {
        let passed = self.bytes.get(self.at..to).unwrap_or_default();
        self.line_breaks += memchr_iter(b'\n', passed).count() as u64;
        self.at = to;
    }

    /// Notes what is broken, and moves to the next line, from the error on, where a document may start.
    fn skip_broken(&mut self, error: Error) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let start = (self.line_breaks + 1, self.at, self.broken);
        let lines_read = error.line().saturating_sub(1);
        let mut next = None;
        let mut offset = 0;
        for (number, line) in rest.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if number > 0 && number >= lines_read && matches!(line.first(), Some(b'{' | b'[')) {
                next = Some(offset);
                break;
            }
            offset += line.len();
        }
        let len = next.unwrap_or(rest.len());
        self.advance(self.at + len);
        self.broken += 1;
        if start.2 == 0 {
            let (first, offset) = (start.0, start.1 as u64);
            let text = self.bytes.get(start.1..self.at).unwrap_or_default();
            let breaks = memchr_iter(b'\n', text.trim_ascii_end()).count() as u64;
            let span = Span::Lines { first, last: first + breaks, offset, len: len as u64 };
            self.first_break = Some((Citation::new(self.source, span), error));
        }
    }
}

impl<'a> Iterator for Documents<'a> {
    type Item = Document<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            let blank = rest.len() - rest.trim_ascii_start().len();
            self.advance(self.at + blank);
            let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
            let is_first = !std::mem::replace(&mut self.has_begun, true);
            let mut parser = Deserializer::from_slice(rest).into_iter::<&RawValue>();
            match parser.next()? {
                Ok(text) => {
                    let len = parser.byte_offset();
                    let is_whole = is_first && rest.get(len..)?.trim_ascii().is_empty();
                    let (first, offset) = (self.line_breaks + 1, self.at as u64);
                    self.advance(self.at + len);
                    if !text.get().starts_with(['{', '[']) {
                        continue;
                    }
                    let last = self.line_breaks + 1;
                    let len = (len + line_end(rest.get(len..).unwrap_or_default())) as u64;
                    let span = Span::Lines { first, last, offset, len };
                    let place = if is_whole {
                        Place::Whole(self.source)
                    } else {
                        Place::Lines(Citation::new(self.source, span))
                    };
                    return Some(Document { text, place });
                }
                Err(error) => self.skip_broken(error),
            }
        }
    }
}

/// Bytes up to the end of the line, that end included, when nothing else stands on it.
fn line_end(rest: &[u8]) -> usize {
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    if rest.get(blanks) == Some(&b'\n') { blanks + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cited_with_their_ends() {
        let spans = Documents::new(b"{}\r\n{\n}\n{} {}", SourceId(1)).map(|document| match document.place {
            Place::Lines(Citation { span: Span::Lines { offset, len, .. }, .. }) => (offset, len),
            other => panic!("{other:?}"),
        });
        assert_eq!(spans.collect::<Vec<_>>(), [(0, 4), (4, 4), (8, 2), (11, 2)]);
    }

    #[test]
    fn documents_and_what_is_broken() {
        let check = |text: &str, expected: &[&str], broken: &str| {
            let mut documents = Documents::new(text.as_bytes(), SourceId(1));
            let found: Vec<String> = documents
                .by_ref()
                .map(|document| format!("{} {}", document.place.cite("/a"), document.text.get()))
                .collect();
            assert_eq!(found, expected, "{text}");
            let gap = documents.into_gap();
            let gap = gap.map(|gap| format!("{} {}", gap.what, gap.citation.unwrap()));
            assert_eq!(gap.unwrap_or_default(), broken, "{text}");
        };
        check(" {\"a\": 1}\n", &["[E1#/a] {\"a\": 1}"], "");
        check("{}\n\n[1]\n", &["[E1:L1] {}", "[E1:L3] [1]"], "");
        check("{\n}\n{\n}", &["[E1:L1-L2] {\n}", "[E1:L3-L4] {\n}"], "");
        check(
            "{}\n{\"a\": \"cut\n{\"b\": 1}\n",
            &["[E1:L1] {}", "[E1:L3] {\"b\": 1}"],
            "a part of the export [E1:L2]",
        );
        check("{\"a\": [1,\n{}\n{}\n", &["[E1:L3] {}"], "a part of the export [E1:L1-L2]");
        check("{x\ny\n{z\n", &[], "2 parts of the export [E1:L1-L2]");
        check("7 {}", &["[E1:L1] {}"], "");
        check("", &[], "");
        check(&"{\"a\":[\n".repeat(100_000), &[], "a part of the export [E1:L1-L100000]");
    }
}
