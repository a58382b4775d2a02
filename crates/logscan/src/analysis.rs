//! What lines say by themselves: where they are, which needles they hold, and the heads of records.
//!
//! Nothing here depends on the lines before, so that several threads can look at a source's blocks at once.

use crate::envelope::Wrapping;
use crate::header::{Header, Heads};
use crate::json_layout::Layouts;
use crate::json_record::JsonRecord;
use crate::lines::Block;
use crate::needles::{Hits, Needles};

/// One line of a block.
pub(crate) struct Line<'b> {
    /// Without its end, and without NULs in front.
    pub(crate) text: &'b [u8],
    /// Where it starts in the input.
    pub(crate) offset: u64,
    /// Bytes with its end.
    pub(crate) len: u64,
    pub(crate) hits: Hits,
    pub(crate) kind: Kind<'b>,
}

/// What a line is by its own text.
pub(crate) enum Kind<'b> {
    /// It starts a record.
    Record(Header<'b>),
    /// It does not.
    Bare,
    /// It is an object that is a record, with this number of [`Lines::objects`].
    Object(usize),
    /// It is wrapped, holds escapes or is an object that is no record: the scanner looks into it.
    Whole,
}

/// The lines of a block.
#[derive(Default)]
pub(crate) struct Lines<'b> {
    pub(crate) lines: Vec<Line<'b>>,
    pub(crate) objects: Vec<JsonRecord<'b>>,
}

impl Lines<'_> {
    /// With room for as many lines as the last block had.
    pub(crate) fn with_capacity(lines: usize, objects: usize) -> Self {
        Self { lines: Vec::with_capacity(lines), objects: Vec::with_capacity(objects) }
    }
}

/// How the lines of a source are to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One JSON document.
    Document,
    Lines(Option<Wrapping>),
}

/// Looks at blocks. What it remembers makes it faster, and changes nothing.
#[derive(Default)]
pub(crate) struct Analyst {
    heads: Heads,
    layouts: Layouts,
}

impl Analyst {
    /// Fills `lines` with the lines of a block.
    pub(crate) fn look<'b>(&mut self, bytes: &'b [u8], block: &Block, shape: Shape, found: &mut Lines<'b>) {
        let Shape::Lines(wrapping) = shape else { return };
        let may_escape = memchr::memchr(0x1b, bytes).is_some();
        let mut needles = Needles::get().search(bytes);
        // A byte order mark is no part of the first line.
        let mut start = if block.offset == 0 && bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
            let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let end = start + len;
            let text = rest.get(..len).unwrap_or_default();
            // A journal's export may hold any bytes.
            let text = if wrapping == Some(Wrapping::Export) { text } else { bare(text) };
            let is_whole = may_escape && memchr::memchr(0x1b, text).is_some() || wrapping.is_some();
            let is_object = !is_whole && text.first() == Some(&b'{');
            let known = if is_object { self.layouts.read(text, Needles::get()) } else { None };
            let whole = (len + 1).min(rest.len());
            let offset = block.offset + start as u64;
            start = end + 1;
            let (hits, is_escaped) = match known {
                Some(known) => {
                    needles.skip_to(end);
                    if !known.is_escaped {
                        let kind = Kind::Record(known.header);
                        found.lines.push(Line {
                            text,
                            offset,
                            len: whole as u64,
                            hits: Hits::default(),
                            kind,
                        });
                        continue;
                    }
                    (Hits::default(), true)
                }
                None => (needles.hits_before(end), false),
            };
            let kind = if is_whole {
                Kind::Whole
            } else if is_object {
                self.object(text, !is_escaped && hits.is_empty(), &mut found.objects)
            } else {
                self.heads.parse(text).map_or(Kind::Bare, Kind::Record)
            };
            found.lines.push(Line { text, offset, len: whole as u64, hits, kind });
        }
    }

    /// A line that starts with `{`.
    fn object<'b>(
        &mut self,
        text: &'b [u8],
        is_unknown: bool,
        objects: &mut Vec<JsonRecord<'b>>,
    ) -> Kind<'b> {
        let Some(record) = JsonRecord::parse(text) else { return Kind::Whole };
        if is_unknown {
            self.layouts.learn(text, &record);
        }
        objects.push(record);
        Kind::Object(objects.len() - 1)
    }
}

/// A line without its end, and without the hole that a file starts with which was cut while it was written to.
#[inline]
fn bare(line: &[u8]) -> &[u8] {
    let mut line = line.strip_suffix(b"\r").unwrap_or(line);
    while let Some(rest) = line.strip_prefix(b"\0") {
        line = rest;
    }
    line
}
