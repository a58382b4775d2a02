//! Zstandard frames, one behind the other.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::MAX_WINDOW;
use super::stream::{Stream, is_skippable};

/// No block unpacks to more (RFC 8878, 3.1.1.2.4).
const MAX_BLOCK: usize = 128 << 10;

/// All frames of a zstd stream as one content; checksums are verified.
pub(super) struct ZstdFrames<S: Read> {
    /// Between two frames.
    waiting: Option<(S, FrameDecoder)>,
    /// Inside of a frame.
    frame: Option<StreamingDecoder<S, FrameDecoder>>,
    /// What was left inside of a decoder when its frame broke off, and the error to give behind it.
    broken: Option<(io::Cursor<Vec<u8>>, io::Error)>,
}

impl<R: BufRead> ZstdFrames<Stream<R>> {
    pub(super) fn new(packed: Stream<R>) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self { waiting: Some((packed, decoder)), frame: None, broken: None }
    }

    /// Enters the next frame; false at the end of the stream.
    fn enter(&mut self) -> io::Result<bool> {
        let Some((mut packed, decoder)) = self.waiting.take() else { return Ok(false) };
        loop {
            match *packed.magic()? {
                [] => return Ok(false),
                [a, b, c, d] if is_skippable([a, b, c, d]) => packed.skip_frame()?,
                _ => break,
            }
        }
        self.frame =
            Some(StreamingDecoder::new_with_decoder(packed, decoder).map_err(|error| into_io(&error))?);
        Ok(true)
    }

    /// Takes out what a broken frame still holds: a decoder keeps a whole window back.
    fn break_off(&mut self, error: io::Error) {
        // An empty last block ends the frame, and with it the reason to keep anything.
        const LAST_BLOCK_AND_CHECKSUM: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
        let mut rest = Vec::new();
        if let Some((_, mut decoder)) = self.frame.take().map(StreamingDecoder::into_parts)
            && !decoder.is_finished()
        {
            let all = ruzstd::decoding::BlockDecodingStrategy::All;
            if decoder.decode_blocks(&LAST_BLOCK_AND_CHECKSUM[..], all).is_ok() {
                rest = decoder.collect().unwrap_or_default();
            }
            if error.kind() != io::ErrorKind::UnexpectedEof {
                // The block that failed may have left some of what it took for its content.
                rest.truncate(rest.len().saturating_sub(MAX_BLOCK));
            }
        }
        self.broken = Some((io::Cursor::new(rest), error));
    }

    fn leave(&mut self) -> io::Result<()> {
        let Some((packed, decoder)) = self.frame.take().map(StreamingDecoder::into_parts) else {
            return Ok(());
        };
        let stated = decoder.get_checksum_from_data();
        if stated.is_some() && stated != decoder.get_calculated_checksum() {
            let why = "the content is not what its checksum says";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.waiting = Some((packed, decoder));
        Ok(())
    }
}

impl<R: BufRead> Read for ZstdFrames<Stream<R>> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some((rest, _)) = &mut self.broken {
                let count = rest.read(buffer)?;
                return match self.broken.take_if(|_| count == 0) {
                    Some((_, error)) => Err(error),
                    None => Ok(count),
                };
            }
            if let Some(frame) = &mut self.frame {
                match frame.read(buffer) {
                    Ok(0) => self.leave()?,
                    Ok(count) => return Ok(count),
                    Err(error) => {
                        let cut = frame.get_ref().is_at_end();
                        let kind = if cut { io::ErrorKind::UnexpectedEof } else { error.kind() };
                        self.break_off(io::Error::new(kind, error));
                    }
                }
            } else if !self.enter()? {
                return Ok(0);
            }
        }
    }
}

fn into_io(error: &FrameDecoderError) -> io::Error {
    let kind = match error {
        FrameDecoderError::WindowSizeTooBig { .. } => io::ErrorKind::OutOfMemory,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error.to_string())
}
