//! The packed side of a decoder: counted, and looked ahead into.

use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// How far a stream was read, also while a decoder owns it.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    offset: AtomicU64,
    at_end: AtomicBool,
    failure: OnceLock<io::ErrorKind>,
}

impl Place {
    /// Bytes taken from the stream.
    pub(super) fn offset(&self) -> u64 {
        self.0.offset.load(Ordering::Relaxed)
    }

    /// Whether somebody asked for more than the stream has.
    pub(super) fn is_at_end(&self) -> bool {
        self.0.at_end.load(Ordering::Relaxed)
    }

    /// How reading the file itself failed, if it did.
    pub(super) fn failure(&self) -> Option<io::ErrorKind> {
        self.0.failure.get().copied()
    }

    fn took<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                let _ = self.0.failure.set(error.kind());
            }
        })
    }
}

/// A packed stream whose reads are full unless it ends: some decoders take a short read for the end.
#[derive(Debug)]
pub(super) struct Stream<R> {
    inner: R,
    /// Bytes that were looked at and not taken.
    ahead: Vec<u8>,
    place: Place,
}

impl<R: BufRead> Stream<R> {
    pub(super) fn new(inner: R) -> (Self, Place) {
        let place = Place::default();
        (Self { inner, ahead: Vec::new(), place: place.clone() }, place)
    }

    /// Whether somebody asked for more than the stream has.
    pub(super) fn is_at_end(&self) -> bool {
        self.place.is_at_end()
    }

    /// The next four bytes, which are not taken; fewer at the end of the stream.
    pub(super) fn magic(&mut self) -> io::Result<&[u8]> {
        let missing = 4usize.saturating_sub(self.ahead.len()) as u64;
        self.place.took((&mut self.inner).take(missing).read_to_end(&mut self.ahead))?;
        Ok(&self.ahead)
    }

    /// Takes a whole skippable frame, at whose magic number the stream stands.
    pub(super) fn skip_frame(&mut self) -> io::Result<()> {
        let mut head = [0; 8];
        self.read_exact(&mut head)?;
        let [.., a, b, c, d] = head;
        let len = u64::from(u32::from_le_bytes([a, b, c, d]));
        if io::copy(&mut self.take(len), &mut io::sink())? < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// Frames of user data that zstd and lz4 decoders pass over (RFC 8878, 3.1.2).
pub(super) fn is_skippable(magic: [u8; 4]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

impl<R: BufRead> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let outcome = if self.ahead.is_empty() {
                self.inner.read(rest)
            } else {
                let count = self.ahead.as_slice().read(rest)?;
                self.ahead.drain(..count);
                Ok(count)
            };
            match outcome {
                Ok(0) => {
                    self.place.0.at_end.store(true, Ordering::Relaxed);
                    break;
                }
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What was read first is given out first; the error comes again.
                Err(_) if filled > 0 => break,
                Err(error) => return self.place.took(Err(error)),
            }
        }
        self.place.0.offset.fetch_add(filled as u64, Ordering::Relaxed);
        Ok(filled)
    }
}

impl<R: BufRead> BufRead for Stream<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.ahead.is_empty() {
            return Ok(&self.ahead);
        }
        let bytes = self.place.took(self.inner.fill_buf())?;
        if bytes.is_empty() {
            self.place.0.at_end.store(true, Ordering::Relaxed);
        }
        Ok(bytes)
    }

    fn consume(&mut self, count: usize) {
        if self.ahead.is_empty() {
            self.inner.consume(count);
        } else {
            self.ahead.drain(..count.min(self.ahead.len()));
        }
        self.place.0.offset.fetch_add(count as u64, Ordering::Relaxed);
    }
}
