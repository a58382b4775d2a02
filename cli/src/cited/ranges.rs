//! Parts of a file's decompressed content, in one pass.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use pycoroner_coredump::Compression;

use crate::sniff;

/// Bytes that are read at a time.
const BLOCK: usize = 1 << 18;

/// Hands on the bytes of each range, piece by piece in rising order, and says which ranges the content has whole.
///
/// # Errors
/// When the file cannot be opened.
pub(super) fn read(
    path: &Path,
    ranges: &[Option<Range<u64>>],
    mut take: impl FnMut(usize, &[u8]),
) -> io::Result<Vec<bool>> {
    let mut order: Vec<(u64, u64, usize)> = ranges
        .iter()
        .enumerate()
        .filter_map(|(index, range)| range.as_ref().map(|range| (range.start, range.end, index)))
        .collect();
    order.sort_unstable();
    let mut whole = vec![false; ranges.len()];
    let mut content = Content::open(path)?;
    let mut next = 0;
    let mut open: Vec<(u64, u64, usize)> = Vec::new();
    let mut block = vec![0; BLOCK];
    while let Some(wanted) = open.first().or(order.get(next)).map(|range| range.0) {
        if open.is_empty() && content.skip_to(wanted).is_err() {
            break;
        }
        let at = content.at;
        // What cannot be read any further is a range that is not there whole.
        let Ok(count @ 1..) = content.read(&mut block) else { break };
        let end = at + count as u64;
        while let Some(range) = order.get(next).filter(|range| range.0 < end) {
            open.push(*range);
            next += 1;
        }
        open.retain(|(from, to, index)| {
            let piece = (*from).max(at)..(*to).min(end);
            if piece.start < piece.end {
                let inside = (piece.start - at) as usize..(piece.end - at) as usize;
                take(*index, block.get(inside).unwrap_or_default());
            }
            let is_done = *to <= end;
            whole[*index] |= is_done;
            !is_done
        });
    }
    Ok(whole)
}

/// The ranges of whole lines, given as first and last, counted from 1.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn of_lines(path: &Path, lines: &[(u64, u64)]) -> io::Result<Vec<Option<Range<u64>>>> {
    // Where each line that is asked for begins; a last line ends where the next one begins.
    let mut wanted: Vec<u64> =
        lines.iter().flat_map(|(first, last)| [*first, last.saturating_add(1)]).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut starts = std::collections::BTreeMap::new();
    let mut wanted = wanted.into_iter().filter(|line| *line > 0).peekable();
    if wanted.next_if_eq(&1).is_some() {
        starts.insert(1, 0);
    }
    let mut content = Content::open(path)?;
    let mut block = vec![0; BLOCK];
    let mut line = 1_u64;
    while wanted.peek().is_some() {
        let at = content.at;
        let count = content.read(&mut block)?;
        let bytes = block.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        for (place, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            line += 1;
            if wanted.next_if_eq(&line).is_some() {
                starts.insert(line, at + place as u64 + 1);
            }
        }
    }
    // The last line may lack its end; what would begin behind it begins at the end of the file.
    let end = content.at;
    let range = |(first, last): &(u64, u64)| {
        let start = *starts.get(first)?;
        let stop = starts.get(&last.checked_add(1)?).copied().unwrap_or(end);
        (*first <= *last && *last <= line && start < stop).then_some(start..stop)
    };
    Ok(lines.iter().map(range).collect())
}

/// The whole content, up to so many bytes.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn content(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    sniff::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Decompressed content, and how far it was read.
struct Content {
    from: Source,
    at: u64,
}

enum Source {
    Plain(File),
    Packed(Box<dyn Read>),
}

impl Content {
    fn open(path: &Path) -> io::Result<Self> {
        let mut head = Vec::new();
        File::open(path)?.take(Compression::HEAD_BYTES).read_to_end(&mut head)?;
        let from = match Compression::of(&head) {
            None => Source::Plain(File::open(path)?),
            Some(_) => Source::Packed(sniff::open(path)?),
        };
        Ok(Self { from, at: 0 })
    }

    /// Moves forward to an offset; a core is large and little of it is cited.
    fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        match &mut self.from {
            Source::Plain(file) => self.at = file.seek(SeekFrom::Start(offset))?,
            Source::Packed(content) => {
                let ahead = offset.saturating_sub(self.at);
                self.at += io::copy(&mut content.take(ahead), &mut io::sink())?;
            }
        }
        Ok(())
    }

    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = match &mut self.from {
                Source::Plain(file) => file.read(block),
                Source::Packed(content) => content.read(block),
            };
            match count {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(count) => {
                    self.at += count as u64;
                    return Ok(count);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn lines_by_number() {
        let check = |content: &str, first, last, expected: Option<&str>| {
            let file = file(content.as_bytes());
            let range = of_lines(file.path(), &[(first, last)]).unwrap().remove(0);
            let found = range.map(|range| &content[range.start as usize..range.end as usize]);
            assert_eq!(found, expected, "{first}-{last} of {content:?}");
        };
        check("a\nb\nc\n", 1, 1, Some("a\n"));
        check("a\nb\nc\n", 2, 3, Some("b\nc\n"));
        check("a\nb\nc", 3, 3, Some("c"));
        check("a\r\n\nc", 2, 2, Some("\n"));
        check("a\n", 2, 2, None);
        check("a\n", 0, 1, None);
        check("a\nb\n", 2, 1, None);
        check("a\nb\n", 2, 9, None);
        check("", 1, 1, None);
    }

    #[test]
    fn ranges_that_overlap_and_lie_apart() {
        let content: Vec<u8> = (0..3 * BLOCK).map(|at| (at % 251) as u8).collect();
        let file = file(&content);
        let length = content.len() as u64;
        let block = BLOCK as u64;
        let ranges = [
            Some(5..9),
            Some(0..length),
            Some(block - 3..block + 3),
            None,
            Some(length - 1..length + 1),
            Some(length + 7..length + 8),
            Some(7..7),
        ];
        let mut found = vec![Vec::new(); ranges.len()];
        let whole = read(file.path(), &ranges, |index, bytes| found[index].extend_from_slice(bytes)).unwrap();
        assert_eq!(whole, [true, true, true, false, false, false, true]);
        assert_eq!(found[0], content[5..9]);
        assert_eq!(found[1], content);
        assert_eq!(found[2], content[BLOCK - 3..BLOCK + 3]);
    }
}
