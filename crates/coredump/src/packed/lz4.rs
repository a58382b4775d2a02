//! LZ4 frames, one behind the other.

use std::io::{self, BufRead, Read};

use lz4_flex::frame::FrameDecoder;

use super::stream::{Stream, is_skippable};

/// Frames as `lz4 -l` writes them; they have no end mark and last until the stream ends.
const LEGACY_MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// All frames of an lz4 stream as one content; the decoder verifies their checksums.
pub(super) struct Lz4Frames<S: Read> {
    /// Between two frames.
    waiting: Option<S>,
    /// Inside of a frame.
    frame: Option<FrameDecoder<S>>,
    is_legacy: bool,
}

impl<R: BufRead> Lz4Frames<Stream<R>> {
    pub(super) fn new(packed: Stream<R>) -> Self {
        Self { waiting: Some(packed), frame: None, is_legacy: false }
    }

    /// Enters the next frame; false at the end of the stream.
    fn enter(&mut self) -> io::Result<bool> {
        let Some(mut packed) = self.waiting.take() else { return Ok(false) };
        loop {
            match *packed.magic()? {
                [] => return Ok(false),
                [a, b, c, d] if is_skippable([a, b, c, d]) => packed.skip_frame()?,
                _ => break,
            }
        }
        self.is_legacy = packed.magic()? == LEGACY_MAGIC;
        self.frame = Some(FrameDecoder::new(packed));
        Ok(true)
    }
}

impl<R: BufRead> Read for Lz4Frames<Stream<R>> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let Some(frame) = &mut self.frame else {
                if self.enter()? {
                    continue;
                }
                return Ok(0);
            };
            let count = frame.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            // The decoder reads on behind an end mark only in here: what ended before one was cut.
            let Some(packed) = self.frame.take().map(FrameDecoder::into_inner) else { return Ok(0) };
            if packed.is_at_end() && !self.is_legacy {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.waiting = Some(packed);
        }
    }
}
