//! Reading the memory of the dead process.

use std::borrow::Cow;
use std::fmt;

use crate::address::Address;

/// Bytes of the dead process by address.
pub trait Memory: Sync {
    /// The `len` bytes from `address` on, borrowed where they lie in one piece.
    ///
    /// # Errors
    /// Names the first byte that cannot be read, and why.
    fn bytes(&self, address: Address, len: usize) -> Result<Cow<'_, [u8]>, Fault>;
}

/// Why bytes cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The first byte that cannot be read.
    pub address: Address,
    /// How many bytes were asked for from there on.
    pub len: u64,
    /// What stands in the way.
    pub kind: FaultKind,
}

/// What stands in the way of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// No mapping of the process covers the address.
    Unmapped,
    /// A mapping covers it, but its bytes were left out of the core.
    NotDumped,
    /// The core file ends before the bytes.
    Truncated,
    /// The range leaves the address space, or is larger than any object may be.
    Overflow,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unmapped => "unmapped",
            Self::NotDumped => "not dumped",
            Self::Truncated => "truncated",
            Self::Overflow => "overflow",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}: {}", self.address, self.len, self.kind)
    }
}

impl std::error::Error for Fault {}

/// Two memories as one: what `first` has not dumped is looked up in `second`.
#[derive(Debug)]
pub struct Overlay<A, B> {
    /// Asked first, and right whenever it answers.
    pub first: A,
    /// Asked for what the first left out.
    pub second: B,
}

impl<A: Memory, B: Memory> Memory for Overlay<A, B> {
    fn bytes(&self, address: Address, len: usize) -> Result<Cow<'_, [u8]>, Fault> {
        match self.first.bytes(address, len) {
            Err(fault) if fault.kind != FaultKind::Overflow => {
                self.second.bytes(address, len).map_err(|_| fault)
            }
            answer => answer,
        }
    }
}

/// Byte order and pointer width of the dead process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Least significant byte first.
    pub little_endian: bool,
    /// Bytes in a pointer.
    pub word_size: usize,
}

impl Target {
    /// The unsigned number in `bytes`, of which at most the eight least significant count.
    pub fn unsigned(self, bytes: &[u8]) -> u64 {
        let shift_in = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
        if self.little_endian { bytes.iter().rev().fold(0, shift_in) } else { bytes.iter().fold(0, shift_in) }
    }

    /// The pointer-sized words of `bytes`, in order; an incomplete last one is left out.
    pub fn words(self, bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
        bytes.chunks_exact(self.word_size).map(move |word| self.unsigned(word))
    }
}

/// A memory together with how its numbers are laid out.
#[derive(Clone, Copy)]
pub struct Space<'m> {
    memory: &'m dyn Memory,
    target: Target,
}

impl<'m> Space<'m> {
    /// Reads `memory` with the number format of `target`.
    pub fn new(memory: &'m dyn Memory, target: Target) -> Self {
        Self { memory, target }
    }

    /// The number format.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The `len` bytes from `address` on.
    ///
    /// # Errors
    /// As [`Memory::bytes`].
    pub fn bytes(&self, address: Address, len: u64) -> Result<Cow<'m, [u8]>, Fault> {
        let Ok(len) = usize::try_from(len) else {
            return Err(Fault { address, len, kind: FaultKind::Overflow });
        };
        self.memory.bytes(address, len)
    }

    /// The unsigned number of `size` bytes at `address`.
    ///
    /// # Errors
    /// As [`Memory::bytes`].
    pub fn unsigned(&self, address: Address, size: usize) -> Result<u64, Fault> {
        Ok(self.target.unsigned(&self.memory.bytes(address, size)?))
    }

    /// The pointer-sized number at `address`.
    ///
    /// # Errors
    /// As [`Memory::bytes`].
    pub fn word(&self, address: Address) -> Result<u64, Fault> {
        self.unsigned(address, self.target.word_size)
    }

    /// The bytes of the NUL-terminated string at `address`, at most `limit` of them.
    ///
    /// # Errors
    /// When not even its first byte can be read. A string that runs into unreadable memory ends there.
    pub fn c_string(&self, address: Address, limit: usize) -> Result<Vec<u8>, Fault> {
        let mut text = Vec::new();
        let mut at = address;
        while text.len() < limit {
            // Up to the next 64-byte line, which never crosses a page.
            let step = (64 - (at.0 % 64) as usize).min(limit - text.len());
            let piece = match self.memory.bytes(at, step) {
                Ok(piece) => piece,
                Err(fault) if text.is_empty() => return Err(fault),
                Err(_) => break,
            };
            if let Some(end) = memchr::memchr(0, &piece) {
                text.extend(piece.iter().take(end));
                break;
            }
            text.extend_from_slice(&piece);
            at = at.wrapping_add(step as u64);
        }
        Ok(text)
    }
}

impl fmt::Debug for Space<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Space").field("target", &self.target).finish_non_exhaustive()
    }
}
