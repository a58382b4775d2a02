//! Compressed streams: told apart by their first bytes, decoded frame by frame in bounded memory.
//!
//! Whatever was decoded before a stream breaks off is given out; the error that follows says where and why.

mod lz4;
pub(crate) mod sparse_file;
mod stream;
mod zstd;

use std::fmt;
use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;

use crate::packed::lz4::Lz4Frames;
use crate::packed::stream::{Place, Stream, is_skippable};
use crate::packed::zstd::ZstdFrames;

/// How a file was packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Zstandard frames (RFC 8878).
    Zstd,
    /// gzip members (RFC 1952).
    Gzip,
    /// LZ4 frames (`lz4_Frame_format.md`).
    Lz4,
    /// XZ streams (`xz-file-format.txt`).
    Xz,
    /// bzip2 streams, as rotation set to best compression leaves them.
    Bzip2,
}

impl Compression {
    /// Bytes of the beginning of a file that [`Compression::of`] should see.
    pub const HEAD_BYTES: u64 = 4096;

    /// The compression that a file beginning with `head` has, if one that is known.
    ///
    /// Frames to be skipped, such as `pzstd` puts in front, are looked behind as far as `head` goes.
    pub fn of(head: &[u8]) -> Option<Self> {
        let mut rest = head;
        loop {
            return match rest {
                [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
                [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => Some(Self::Lz4),
                [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
                [0x1f, 0x8b, ..] => Some(Self::Gzip),
                // The size of a block, then the block's magic number, or that of the end of an empty stream.
                [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
                | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => {
                    Some(Self::Bzip2)
                }
                _ => {
                    let (_, behind) =
                        rest.split_first_chunk::<4>().filter(|(magic, _)| is_skippable(**magic))?;
                    let (len, behind) = behind.split_first_chunk::<4>()?;
                    rest = behind.get(usize::try_from(u32::from_le_bytes(*len)).ok()?..)?;
                    continue;
                }
            };
        }
    }

    /// The command that unpacks a file to its standard output.
    pub fn tool(self) -> &'static str {
        match self {
            Self::Zstd => "zstd -dc",
            Self::Gzip => "gzip -dc",
            Self::Lz4 => "lz4 -dc",
            Self::Xz => "xz -dc",
            Self::Bzip2 => "bzip2 -dc",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        })
    }
}

/// Bytes that a decoder may keep for references back: what `zstd -d` takes by default.
const MAX_WINDOW: u64 = 128 << 20;
/// KiB that an xz decoder may take: a dictionary as large as [`MAX_WINDOW`] and its tables.
const MAX_XZ_KIB: u32 = (128 << 10) + (1 << 10);

/// The content of a compressed stream: all its frames, members or streams, one behind the other.
///
/// It reads as an ordinary stream. One that was cut ends with an error of kind `UnexpectedEof`, a damaged one with
/// `InvalidData`, one that would take too much memory with `OutOfMemory`; further reads give the same error.
pub struct Unpacker<R: BufRead> {
    decoder: Decoder<R>,
    place: Place,
    compression: Compression,
    unpacked: u64,
    broken: Option<(io::ErrorKind, String)>,
}

enum Decoder<R: BufRead> {
    Zstd(Box<ZstdFrames<Stream<R>>>),
    Gzip(Box<MultiGzDecoder<Stream<R>>>),
    Lz4(Box<Lz4Frames<Stream<R>>>),
    Xz(Box<XzReader<Stream<R>>>),
    Bzip2(Box<MultiBzDecoder<Stream<R>>>),
}

impl<R: BufRead> Unpacker<R> {
    /// Decodes `packed`, which stands at its beginning.
    pub fn new(packed: R, compression: Compression) -> Self {
        let (stream, place) = Stream::new(packed);
        let decoder = match compression {
            Compression::Zstd => Decoder::Zstd(Box::new(ZstdFrames::new(stream))),
            Compression::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(stream))),
            Compression::Lz4 => Decoder::Lz4(Box::new(Lz4Frames::new(stream))),
            Compression::Xz => Decoder::Xz(Box::new(XzReader::new_mem_limit(stream, true, MAX_XZ_KIB))),
            Compression::Bzip2 => Decoder::Bzip2(Box::new(MultiBzDecoder::new(stream))),
        };
        Self { decoder, place, compression, unpacked: 0, broken: None }
    }

    /// Bytes of the packed stream that were read.
    pub fn packed_bytes(&self) -> u64 {
        self.place.offset()
    }

    fn explain(&self, error: &io::Error) -> (io::ErrorKind, String) {
        let at = format!("offset {:#x} of the packed file", self.place.offset());
        let behind = format!("after {} unpacked bytes", self.unpacked);
        let name = self.compression;
        if error.kind() == io::ErrorKind::OutOfMemory {
            let why = format!("it needs more than {} MiB of memory to unpack ({error})", MAX_WINDOW >> 20);
            return (
                io::ErrorKind::OutOfMemory,
                format!("the {name} stream was left at {at}, {behind}: {why}"),
            );
        }
        if let Some(failed) = self.place.failure() {
            return (failed, format!("the file cannot be read on at {at}: {error}"));
        }
        if self.place.is_at_end() {
            return (io::ErrorKind::UnexpectedEof, format!("the {name} stream is cut at {at}, {behind}"));
        }
        (io::ErrorKind::InvalidData, format!("the {name} stream is damaged near {at}, {behind}: {error}"))
    }
}

impl<R: BufRead> Read for Unpacker<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.broken.is_none() {
            let outcome = match &mut self.decoder {
                Decoder::Zstd(decoder) => decoder.read(buffer),
                Decoder::Gzip(decoder) => decoder.read(buffer),
                Decoder::Lz4(decoder) => decoder.read(buffer),
                Decoder::Xz(decoder) => decoder.read(buffer),
                Decoder::Bzip2(decoder) => decoder.read(buffer),
            };
            match outcome {
                Ok(count) => {
                    self.unpacked += count as u64;
                    return Ok(count);
                }
                // A decoder that failed is not asked again: what it would do then is its own secret.
                Err(error) => self.broken = Some(self.explain(&error)),
            }
        }
        let (kind, why) = self.broken.clone().unwrap_or((io::ErrorKind::InvalidData, String::new()));
        Err(io::Error::new(kind, why))
    }
}

impl<R: BufRead> fmt::Debug for Unpacker<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpacker")
            .field("compression", &self.compression)
            .field("unpacked", &self.unpacked)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
