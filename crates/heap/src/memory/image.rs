//! Dumped memory in pieces that lie in the file as they lay in the process.

use std::cell::Cell;

use pycoroner_coredump::{Core, Segment};

/// Bytes in a pointer: only 64-bit cores are read.
pub(crate) const WORD: u64 = 8;

/// All dumped memory of a core, for reading by address without allocating.
#[derive(Debug)]
pub(crate) struct Image<'d> {
    pieces: Vec<Piece<'d>>,
    /// First address and end of what is no hole in the file, by rising address.
    data: Vec<(u64, u64)>,
    /// Index of the piece that was read last; most reads stay in one.
    last: Cell<usize>,
}

/// A run of addresses whose bytes are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'d> {
    /// Its first address.
    pub(crate) start: u64,
    /// What stands there.
    pub(crate) bytes: Bytes<'d>,
    /// The process could write there.
    pub(crate) writable: bool,
}

/// Bytes of the process with its byte order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'d> {
    slice: &'d [u8],
    little_endian: bool,
    /// Address of the first byte.
    start: u64,
}

impl<'d> Image<'d> {
    pub(crate) fn new(core: &Core<'d>) -> Self {
        let little_endian = core.target().little_endian;
        let piece = |segment: &Segment| Piece {
            start: segment.address.0,
            bytes: Bytes { slice: core.segment_bytes(segment), little_endian, start: segment.address.0 },
            writable: segment.writable,
        };
        let pieces = core.segments().iter().map(piece).filter(|piece| piece.bytes.len() > 0).collect();
        let data = core.segments().iter().flat_map(|segment| core.pieces(segment));
        let data = data.map(|(start, bytes)| (start.0, start.0.saturating_add(bytes.len() as u64))).collect();
        Self { pieces, data, last: Cell::new(0) }
    }

    /// All pieces by rising address.
    pub(crate) fn pieces(&self) -> &[Piece<'d>] {
        &self.pieces
    }

    /// The parts of a range of addresses that are no holes in the file; what lies between is zeros that nobody wrote.
    pub(crate) fn data_within(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let first = self.data.partition_point(move |data| data.1 <= start);
        let data = self.data.get(first..).unwrap_or_default().iter();
        data.take_while(move |data| data.0 < end).map(move |data| (data.0.max(start), data.1.min(end)))
    }

    /// The bytes from `address` to the end of its piece.
    pub(crate) fn from(&self, address: u64) -> Option<Bytes<'d>> {
        let last = self.last.get();
        if let Some(found) = self.pieces.get(last).and_then(|piece| piece.from(address)) {
            return Some(found);
        }
        let after = self.pieces.partition_point(|piece| piece.start <= address);
        let found = self.pieces.get(after.checked_sub(1)?)?.from(address)?;
        self.last.set(after - 1);
        Some(found)
    }

    /// The word at `address`.
    pub(crate) fn word(&self, address: u64) -> Option<u64> {
        self.from(address)?.word(0)
    }
}

impl<'d> Piece<'d> {
    /// One past its last address.
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len())
    }

    fn from(&self, address: u64) -> Option<Bytes<'d>> {
        self.bytes.skip(address.checked_sub(self.start)?)
    }
}

impl<'d> Bytes<'d> {
    pub(crate) fn len(self) -> u64 {
        self.slice.len() as u64
    }

    pub(crate) fn as_slice(self) -> &'d [u8] {
        self.slice
    }

    /// What follows the first `count` bytes; nothing when that is nothing.
    pub(crate) fn skip(self, count: u64) -> Option<Self> {
        let slice = self.slice.get(usize::try_from(count).ok()?..)?;
        (!slice.is_empty()).then_some(Self { slice, start: self.start.wrapping_add(count), ..self })
    }

    fn array<const N: usize>(self, offset: u64) -> Option<[u8; N]> {
        let start = usize::try_from(offset).ok()?;
        self.slice.get(start..)?.first_chunk().copied()
    }

    pub(crate) fn word(self, offset: u64) -> Option<u64> {
        let bytes = self.array(offset)?;
        Some(if self.little_endian { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
    }

    pub(crate) fn signed(self, offset: u64) -> Option<i64> {
        Some(self.word(offset)? as i64)
    }

    /// Address of the first byte.
    pub(crate) fn start(self) -> u64 {
        self.start
    }

    pub(crate) fn pair(self, offset: u64) -> Option<u16> {
        let bytes = self.array(offset)?;
        Some(if self.little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    pub(crate) fn half(self, offset: u64) -> Option<u32> {
        let bytes = self.array(offset)?;
        Some(if self.little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    pub(crate) fn byte(self, offset: u64) -> Option<u8> {
        self.slice.get(usize::try_from(offset).ok()?).copied()
    }

    /// The `count` words from `offset` on, as many of them as are there.
    pub(crate) fn words(self, offset: u64, count: u64) -> impl Iterator<Item = u64> + use<'d> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.slice.get(start..).unwrap_or_default();
        let len = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(8).min(rest.len());
        let little_endian = self.little_endian;
        rest[..len]
            .as_chunks()
            .0
            .iter()
            .map(move |&word| if little_endian { u64::from_le_bytes(word) } else { u64::from_be_bytes(word) })
    }
}
