use std::io::{self, Read};

/// Bytes of the longest line that is read. One that is longer is cut here, and the rest is counted.
pub(crate) const BUFFER: usize = 1 << 20;
/// Bytes of a block of whole lines, unless a line is longer: what stays in a processor's cache.
const BLOCK: usize = 64 << 10;

/// Bytes of blocks, unless a line is longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockSizes {
    /// Of the first one, which tells whether a source is one document.
    pub(crate) first: usize,
    pub(crate) others: usize,
}

impl Default for BlockSizes {
    fn default() -> Self {
        Self { first: BUFFER, others: BLOCK }
    }
}

/// Reads whole lines in blocks.
///
/// A buffer is always filled before it is cut into lines, so where a block ends depends on the bytes only and never
/// on how much a single `read` returned.
pub(crate) struct Blocks<'r> {
    reader: Box<dyn Read + Send + 'r>,
    /// What was read behind the end of the last block.
    ahead: Vec<u8>,
    /// Where that starts in the input.
    offset: u64,
    is_first: bool,
    at_end: bool,
    in_long_line: bool,
    sizes: BlockSizes,
    error: Option<io::Error>,
}

/// Some whole lines of a buffer; the last one may lack its newline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Where the block starts in the input.
    pub(crate) offset: u64,
    /// Its bytes are the buffer's first ones.
    pub(crate) len: usize,
    /// The block is the start of one line that does not fit.
    pub(crate) is_cut: bool,
    /// Bytes of the previous, cut line that were skipped, its newline included.
    pub(crate) skipped: u64,
    /// The block is all of the input.
    pub(crate) is_all: bool,
}

/// Where a block is read into: its length is what was allocated, and not what is valid.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl Buffer {
    /// The bytes of the block that was read last.
    pub(crate) fn block(&self, block: &Block) -> &[u8] {
        self.bytes.get(..block.len).unwrap_or_default()
    }

    /// A copy of some bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), filled: bytes.len() }
    }

    /// The bytes that are valid.
    pub(crate) fn held(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    fn start_with(&mut self, bytes: &[u8]) {
        self.grow(bytes.len());
        if let Some(slot) = self.bytes.get_mut(..bytes.len()) {
            slot.copy_from_slice(bytes);
        }
        self.filled = bytes.len();
    }

    fn grow(&mut self, size: usize) {
        if self.bytes.len() < size {
            // The allocator has zeros at no cost, while `resize` writes each where nothing is optimised: a fuzzer, which
            // scans small inputs in such a build, did little else.
            let mut grown = vec![0; size];
            if let Some(start) = grown.get_mut(..self.bytes.len()) {
                start.copy_from_slice(&self.bytes);
            }
            self.bytes = grown;
        }
    }
}

impl<'r> Blocks<'r> {
    /// Reads what a reader gives, which starts at an offset of the input.
    pub(crate) fn new(reader: Box<dyn Read + Send + 'r>, offset: u64, sizes: BlockSizes) -> Self {
        Self {
            reader,
            ahead: Vec::new(),
            offset,
            is_first: true,
            at_end: false,
            in_long_line: false,
            sizes,
            error: None,
        }
    }

    /// What stopped the reading before the end, if anything did.
    pub(crate) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Where in the input the reading has come to.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn next(&mut self, buffer: &mut Buffer) -> Option<Block> {
        buffer.start_with(&self.ahead);
        self.ahead.clear();
        let skipped = if self.in_long_line { self.skip_line(buffer) } else { 0 };
        // Whether a source is one document is told by its first block.
        let is_first = std::mem::take(&mut self.is_first);
        self.fill(buffer, if is_first { self.sizes.first } else { self.sizes.others });
        if !self.at_end && memchr::memrchr(b'\n', buffer.held()).is_none() {
            self.fill(buffer, BUFFER);
        }
        let held = buffer.held();
        if held.is_empty() {
            let block = Block { offset: self.offset, len: 0, is_cut: false, skipped, is_all: false };
            return (skipped > 0).then_some(block);
        }
        let len = match memchr::memrchr(b'\n', held) {
            Some(newline) if !self.at_end => newline + 1,
            _ => held.len(),
        };
        let is_cut = !self.at_end && held.get(len - 1) != Some(&b'\n');
        self.ahead.extend_from_slice(held.get(len..).unwrap_or_default());
        self.in_long_line = is_cut;
        let is_all = is_first && self.at_end;
        let block = Block { offset: self.offset, len, is_cut, skipped, is_all };
        self.offset += len as u64;
        Some(block)
    }

    /// Reads until the buffer holds `size` bytes.
    fn fill(&mut self, buffer: &mut Buffer, size: usize) {
        buffer.grow(size);
        while !self.at_end {
            let Some(free) = buffer.bytes.get_mut(buffer.filled..size).filter(|free| !free.is_empty()) else {
                break;
            };
            match self.reader.read(free) {
                Ok(0) => self.at_end = true,
                Ok(count) => buffer.filled = (buffer.filled + count).min(size),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(error);
                    self.at_end = true;
                }
            }
        }
    }

    /// Drops bytes up to the next newline; how many.
    fn skip_line(&mut self, buffer: &mut Buffer) -> u64 {
        let mut skipped = 0;
        loop {
            let newline = memchr::memchr(b'\n', buffer.held());
            let dropped = newline.map_or(buffer.filled, |at| at + 1);
            skipped += dropped as u64;
            buffer.bytes.copy_within(dropped..buffer.filled, 0);
            buffer.filled -= dropped;
            if newline.is_some() || self.at_end {
                self.in_long_line = false;
                self.offset += skipped;
                return skipped;
            }
            self.fill(buffer, BLOCK);
        }
    }
}

/// Removes ANSI escape sequences (ECMA-48 control sequences and operating system commands) into `out`.
pub(crate) fn strip_ansi(line: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = line;
    while let Some(escape) = memchr::memchr(0x1b, rest) {
        out.extend_from_slice(rest.get(..escape).unwrap_or_default());
        let tail = rest.get(escape + 1..).unwrap_or_default();
        let len = match tail.first() {
            Some(b'[') => {
                1 + sequence_len(tail.get(1..).unwrap_or_default(), |byte| (0x40..=0x7e).contains(&byte))
            }
            Some(b']') => {
                1 + sequence_len(tail.get(1..).unwrap_or_default(), |byte| byte == 7 || byte == b'\\')
            }
            Some(_) => 1,
            None => 0,
        };
        rest = tail.get(len..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// A line without escape sequences; `scratch` holds it when it has some.
pub(crate) fn without_ansi<'l>(line: &'l [u8], scratch: &'l mut Vec<u8>) -> &'l [u8] {
    if memchr::memchr(0x1b, line).is_none() {
        return line;
    }
    strip_ansi(line, scratch);
    scratch
}

/// Length up to and with the first byte that ends a sequence; bounded, so that a lone escape costs little.
fn sequence_len(text: &[u8], is_final: impl Fn(u8) -> bool) -> usize {
    text.iter().take(128).position(|byte| is_final(*byte)).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_removed() {
        let check = |input: &str, expected: &str| {
            let mut out = Vec::new();
            strip_ansi(input.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check("\x1b[31mERROR\x1b[0m x", "ERROR x");
        check("\x1b[1;35mKeyError\x1b[0m: \x1b[35m'k'\x1b[0m", "KeyError: 'k'");
        check("\x1b]0;title\x07x", "x");
        check("end\x1b", "end");
    }

    /// Offset, length, whether cut, and what was skipped, of each block.
    fn blocks_of(mut input: &[u8]) -> Vec<(u64, usize, bool, u64)> {
        let mut blocks = Blocks::new(Box::new(&mut input), 0, BlockSizes::default());
        let mut buffer = Buffer::default();
        std::iter::from_fn(|| blocks.next(&mut buffer))
            .map(|block| (block.offset, block.len, block.is_cut, block.skipped))
            .collect()
    }

    #[test]
    fn a_line_that_does_not_fit_is_cut_once() {
        let long = BUFFER * 2 + 5;
        let mut input = vec![b'x'; long];
        input.extend_from_slice(b"\nshort\n");
        let first = (0, BUFFER, true, 0);
        let behind = (long as u64 + 1, 6, false, (BUFFER + 6) as u64);
        assert_eq!(blocks_of(&input), [first, behind]);
        input.truncate(long);
        assert_eq!(blocks_of(&input), [first, (long as u64, 0, false, (BUFFER + 5) as u64)]);
    }

    #[test]
    fn blocks_end_with_lines() {
        let check = |input: &[u8], expected: &[(u64, usize, bool, u64)]| {
            assert_eq!(blocks_of(input), expected);
        };
        check(b"", &[]);
        check(b"a\nb", &[(0, 3, false, 0)]);
        let mut lines = b"0123456789abcde\n".repeat(BUFFER / 16 + 1);
        check(&lines, &[(0, BUFFER, false, 0), (BUFFER as u64, 16, false, 0)]);
        let long = vec![b'x'; BLOCK + 1];
        lines.extend_from_slice(&long);
        let rest = 16 + long.len();
        check(
            &lines,
            &[
                (0, BUFFER, false, 0),
                (BUFFER as u64, 16, false, 0),
                (BUFFER as u64 + 16, rest - 16, false, 0),
            ],
        );
    }
}
