//! The bytes behind citations: read in one pass over each file, hashed, or handed on to be shown.
//!
//! Offsets, lines and pointers are those of the decompressed content. What a digest is of:
//! * bytes and lines: exactly the bytes from the offset on, the end of the last line included;
//! * a JSON pointer: the value's own bytes in the file, from its first to its last, without the space around it.

mod pointer;
mod ranges;
mod stated;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::path::Path;

use pycoroner_findings::{Citation, Span};
use sha2::{Digest, Sha256};

pub(crate) use stated::{StatedReport, parse, stated};

/// Digits of a citation's digest.
const DIGITS: usize = 12;
/// Larger files are not searched for JSON values.
const MOST_JSON_BYTES: u64 = 256 << 20;

/// The digests of what is cited of one file, in the order of the citations; `None` where the file has no such place.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn digests(path: &Path, citations: &[&Citation]) -> io::Result<Vec<Option<String>>> {
    let places = places(path, citations)?;
    let mut hashes: Vec<Sha256> = vec![Sha256::new(); citations.len()];
    let whole = ranges::read(path, &places, |index, bytes| {
        if let Some(hash) = hashes.get_mut(index) {
            hash.update(bytes);
        }
    })?;
    Ok(hashes.into_iter().zip(whole).map(|(hash, whole)| whole.then(|| short(hash.finalize()))).collect())
}

/// The bytes that one citation points at, at most so many, and how many it points at; `None` where there are none.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn bytes(path: &Path, citation: &Citation, most: usize) -> io::Result<Option<(Vec<u8>, u64)>> {
    let places = places(path, &[citation])?;
    let Some(Some(place)) = places.first().cloned() else { return Ok(None) };
    let mut found = Vec::new();
    let whole = ranges::read(path, &places, |_, bytes| {
        let room = most.saturating_sub(found.len()).min(bytes.len());
        found.extend_from_slice(bytes.get(..room).unwrap_or_default());
    })?;
    let is_whole = whole.first() == Some(&true);
    Ok(is_whole.then_some((found, place.end - place.start)))
}

/// Digests of all citations, by their text form, over the files that a function finds.
pub(crate) fn all_digests<'p>(
    citations: &[Citation],
    mut file: impl FnMut(&Citation) -> Option<&'p Path>,
) -> BTreeMap<String, String> {
    let mut by_file: BTreeMap<&Path, Vec<&Citation>> = BTreeMap::new();
    for citation in citations {
        if let Some(path) = file(citation) {
            by_file.entry(path).or_default().push(citation);
        }
    }
    let mut all = BTreeMap::new();
    for (path, cited) in by_file {
        // A file that cannot be read now leaves its citations without a digest, which says so.
        let Ok(digests) = digests(path, &cited) else { continue };
        let named = cited.iter().zip(digests);
        all.extend(named.filter_map(|(citation, digest)| Some((citation.to_string(), digest?))));
    }
    all
}

fn short(digest: impl IntoIterator<Item = u8>) -> String {
    let mut text = String::with_capacity(DIGITS);
    for byte in digest.into_iter().take(DIGITS / 2) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Where in the decompressed content each citation lies.
fn places(path: &Path, citations: &[&Citation]) -> io::Result<Vec<Option<Range<u64>>>> {
    let mut places: Vec<Option<Range<u64>>> =
        citations.iter().map(|citation| stated_place(citation)).collect();
    // A report in Markdown states lines without their offsets.
    let numbered: Vec<(usize, u64, u64)> = citations
        .iter()
        .enumerate()
        .filter_map(|(index, citation)| match citation.span {
            Span::Lines { first, last, len: 0, .. } => Some((index, first, last)),
            _ => None,
        })
        .collect();
    if !numbered.is_empty() {
        let lines: Vec<(u64, u64)> = numbered.iter().map(|(_, first, last)| (*first, *last)).collect();
        for ((index, _, _), place) in numbered.iter().zip(ranges::of_lines(path, &lines)?) {
            places[*index] = place;
        }
    }
    let pointers: Vec<(usize, &str)> = citations
        .iter()
        .enumerate()
        .filter_map(|(index, citation)| match &citation.span {
            Span::Pointer { pointer } => Some((index, pointer.as_str())),
            _ => None,
        })
        .collect();
    if !pointers.is_empty() {
        let json = ranges::content(path, MOST_JSON_BYTES)?;
        let wanted: Vec<&str> = pointers.iter().map(|(_, pointer)| *pointer).collect();
        for ((index, _), range) in pointers.iter().zip(pointer::ranges(&json, &wanted)) {
            places[*index] = range.map(|range| range.start as u64..range.end as u64);
        }
    }
    Ok(places)
}

fn stated_place(citation: &Citation) -> Option<Range<u64>> {
    match citation.span {
        Span::Lines { len: 0, .. } | Span::Pointer { .. } => None,
        Span::Bytes { offset, len, .. } | Span::Lines { offset, len, .. } => {
            Some(offset..offset.checked_add(len)?)
        }
    }
}
