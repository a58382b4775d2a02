use std::io::{self, Read};

/// Bytes that are held at a time. A line that is longer is cut here, and the rest is counted.
pub(crate) const BUFFER: usize = 1 << 20;

/// Reads whole lines in blocks, with one buffer of [`BUFFER`] bytes.
///
/// The buffer is always filled before it is cut into lines, so where a block ends depends on the bytes only and
/// never on how much a single `read` returned.
pub(crate) struct Blocks<'r> {
    reader: &'r mut dyn Read,
    buffer: Vec<u8>,
    /// Valid bytes of the buffer, and how many of them were already handed out.
    filled: usize,
    consumed: usize,
    offset: u64,
    at_end: bool,
    in_long_line: bool,
    error: Option<io::Error>,
}

/// Some whole lines; the last one may lack its newline.
pub(crate) struct Block<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where the block starts in the input.
    pub(crate) offset: u64,
    /// The block is the start of one line that does not fit.
    pub(crate) is_cut: bool,
    /// Bytes of the previous, cut line that were skipped, its newline included.
    pub(crate) skipped: u64,
}

impl<'r> Blocks<'r> {
    pub(crate) fn new(reader: &'r mut dyn Read) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER],
            filled: 0,
            consumed: 0,
            offset: 0,
            at_end: false,
            in_long_line: false,
            error: None,
        }
    }

    /// What stopped the reading before the end, if anything did.
    pub(crate) fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    /// Bytes that were read so far.
    pub(crate) fn offset(&self) -> u64 {
        self.offset + self.consumed as u64
    }

    pub(crate) fn next(&mut self) -> Option<Block<'_>> {
        self.refill();
        let skipped = if self.in_long_line { self.skip_line() } else { 0 };
        let held = self.buffer.get(..self.filled).unwrap_or_default();
        if held.is_empty() {
            return (skipped > 0).then_some(Block {
                bytes: &[],
                offset: self.offset,
                is_cut: false,
                skipped,
            });
        }
        let end = match memchr::memrchr(b'\n', held) {
            Some(newline) if !self.at_end => newline + 1,
            _ => held.len(),
        };
        self.consumed = end;
        let bytes = self.buffer.get(..end).unwrap_or_default();
        let is_cut = !self.at_end && bytes.last() != Some(&b'\n');
        self.in_long_line = is_cut;
        Some(Block { bytes, offset: self.offset, is_cut, skipped })
    }

    /// Moves what is left to the front and reads until the buffer is full.
    fn refill(&mut self) {
        self.buffer.copy_within(self.consumed..self.filled, 0);
        self.filled -= self.consumed;
        self.offset += self.consumed as u64;
        self.consumed = 0;
        while !self.at_end {
            let Some(free) = self.buffer.get_mut(self.filled..) else { break };
            if free.is_empty() {
                break;
            }
            match self.reader.read(free) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.filled = (self.filled + count).min(self.buffer.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(error);
                    self.at_end = true;
                }
            }
        }
    }

    /// Drops bytes up to the next newline; how many.
    fn skip_line(&mut self) -> u64 {
        let mut skipped = 0;
        loop {
            let held = self.buffer.get(..self.filled).unwrap_or_default();
            let newline = memchr::memchr(b'\n', held);
            self.consumed = newline.map_or(held.len(), |at| at + 1);
            skipped += self.consumed as u64;
            let ended = newline.is_some() || self.at_end;
            self.refill();
            if ended {
                self.in_long_line = false;
                return skipped;
            }
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

    #[test]
    fn a_line_that_does_not_fit_is_cut_once() {
        let mut input = vec![b'x'; BUFFER * 2 + 5];
        input.extend_from_slice(b"\nshort\n");
        let mut reader = input.as_slice();
        let mut blocks = Blocks::new(&mut reader);
        let first = blocks.next().unwrap();
        assert!(first.is_cut);
        assert_eq!(first.bytes.len(), BUFFER);
        let second = blocks.next().unwrap();
        assert_eq!((second.skipped, second.bytes), ((BUFFER + 6) as u64, &b"short\n"[..]));
        assert_eq!(second.offset, (BUFFER * 2 + 6) as u64);
        assert!(blocks.next().is_none());
    }
}
