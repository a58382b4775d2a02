//! What `_Py_DebugOffsets` states: offsets that CPython 3.13 and later put at the start of `_PyRuntime`.
//!
//! The table is a cookie, a version, a flag and then nothing but words; which word means what is data, one
//! file per minor version. The words come out of the core and so are not trusted: an offset that lies
//! outside its own structure, or a structure larger than any real one, is refused.
//!
//! <https://github.com/python/cpython/blob/v3.13.0/Include/internal/pycore_runtime.h>

use crate::address::Address;
use crate::layout::Layout;
use crate::layout::columns::Shipped;
use crate::layout::flavor::Flavor;
use crate::memory::{Fault, Space};

/// The offsets that an interpreter states about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DebugOffsets {
    /// `PY_VERSION_HEX`.
    pub(crate) version: u32,
    /// Whether the build is free-threaded (`--disable-gil`).
    pub(crate) free_threaded: bool,
    /// Member or structure, as the layout names it, and its offset or size.
    pub(crate) offsets: Vec<(&'static str, u64)>,
}

/// Why the table cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DebugOffsetsError {
    /// Its bytes are not there.
    #[error("_Py_DebugOffsets cannot be read: {0}")]
    Fault(#[from] Fault),
    /// It does not begin as it must.
    #[error("{0}: no _Py_DebugOffsets: it does not begin with `xdebugpy`")]
    NoCookie(Address),
    /// The order of its words is not known for this `PY_VERSION_HEX`.
    #[error("_Py_DebugOffsets is of a version whose word order is not known (PY_VERSION_HEX {0:#010x})")]
    UnknownVersion(u32),
    /// A word cannot be what it is to be.
    #[error("{at}: _Py_DebugOffsets states {value} for {word}, which cannot be: its bound is {limit}")]
    OutOfBounds {
        /// Where the word stands.
        at: Address,
        /// The member or structure.
        word: &'static str,
        /// What the word says.
        value: u64,
        /// The largest possible value.
        limit: u64,
    },
}

/// `_Py_Debug_Cookie` (`Include/internal/pycore_runtime.h` at v3.13.0).
pub(crate) const COOKIE: &[u8; 8] = b"xdebugpy";
const WORD: u64 = 8;
/// Cookie, version and `free_threaded` stand before the offsets.
const HEADER_WORDS: u64 = 3;
/// `_PyRuntimeState`, the largest structure, takes some 500 KiB.
const MAX_SIZE: u64 = 1 << 20;

/// The words behind the header by major and minor version.
const ORDERS: &[((u8, u8), &str)] = &[
    ((3, 13), include_str!("debug_offsets/3.13.order")),
    ((3, 14), include_str!("debug_offsets/3.14.order")),
    ((3, 15), include_str!("debug_offsets/3.15.order")),
];
/// `PY_RELEASE_LEVEL` from which on the order no longer changes: that of release candidates.
const RELEASE_CANDIDATE: u32 = 0xc;

/// Reads the table at `runtime`, the address of `_PyRuntime`.
///
/// # Errors
/// When the table is not there, is of an unknown version, or contradicts itself.
pub(crate) fn read(space: &Space<'_>, runtime: Address) -> Result<DebugOffsets, DebugOffsetsError> {
    if *space.bytes(runtime, WORD)? != *COOKIE {
        return Err(DebugOffsetsError::NoCookie(runtime));
    }
    let word_at = |index: u64| runtime.wrapping_add(index * WORD);
    // `version` is a 64-bit word that holds a 32-bit number; a larger one is no known version.
    let version = space.unsigned(word_at(1), WORD as usize)?;
    let version = u32::try_from(version).map_err(|_| DebugOffsetsError::UnknownVersion(u32::MAX))?;
    let order = order_of(version).ok_or(DebugOffsetsError::UnknownVersion(version))?;
    let free_threaded = space.unsigned(word_at(2), WORD as usize)? != 0;

    let mut words = Vec::new();
    for (index, word) in (HEADER_WORDS..).zip(order_words(order)) {
        let at = word_at(index);
        let value = space.unsigned(at, WORD as usize)?;
        if let Some(word) = word {
            words.push((at, word, value));
        }
    }
    check_bounds(&words)?;
    let offsets = words.into_iter().map(|(_, word, value)| (word, value)).collect();
    Ok(DebugOffsets { version, free_threaded, offsets })
}

impl DebugOffsets {
    /// Major and minor version.
    pub(crate) fn minor(&self) -> (u8, u8) {
        ((self.version >> 24) as u8, (self.version >> 16) as u8)
    }

    /// The patch level.
    pub(crate) fn patch(&self) -> u8 {
        (self.version >> 8) as u8
    }

    /// Whether a column is for the build that states them.
    pub(crate) fn is_of(&self, shipped: &Shipped) -> bool {
        (self.minor(), self.free_threaded) == (shipped.version, shipped.flavor == Flavor::FreeThreaded)
            && shipped.holds_for(Some(self.patch()))
    }

    /// Puts the stated offsets over those of `layout`.
    pub(crate) fn apply(&self, layout: &mut Layout) {
        for &(path, offset) in &self.offsets {
            layout.set_offset(path, offset);
        }
    }
}

/// A `PY_VERSION_HEX` as people write it: `3.13.0rc2`.
pub(crate) fn version_text(hex: u32) -> String {
    let serial = hex & 0xf;
    let stage = match (hex >> 4) & 0xf {
        0xa => format!("a{serial}"),
        0xb => format!("b{serial}"),
        0xc => format!("rc{serial}"),
        _ => String::new(),
    };
    format!("{}.{}.{}{stage}", (hex >> 24) as u8, (hex >> 16) as u8, (hex >> 8) as u8)
}

fn order_of(version: u32) -> Option<&'static str> {
    // Words come and go up to the last beta.
    if (version >> 4) & 0xf < RELEASE_CANDIDATE {
        return None;
    }
    let minor = ((version >> 24) as u8, (version >> 16) as u8);
    ORDERS.iter().find(|(known, _)| *known == minor).map(|&(_, order)| order)
}

/// What each word means, in order; `None` for a word that is of no use.
fn order_words(order: &'static str) -> impl Iterator<Item = Option<&'static str>> {
    order
        .lines()
        .filter_map(|line| line.split('#').next().unwrap_or_default().split_ascii_whitespace().next())
        .map(|word| (word != "-").then_some(word))
}

/// A member lies within its structure (or, as an array of no fixed length, right behind it), if the table
/// states the structure's size; no structure is larger than [`MAX_SIZE`].
fn check_bounds(words: &[(Address, &'static str, u64)]) -> Result<(), DebugOffsetsError> {
    let size_of = |structure: &str| words.iter().find(|(_, word, _)| *word == structure);
    for &(at, word, value) in words {
        let size = word.split_once('.').and_then(|(structure, _)| size_of(structure));
        let limit = size.map_or(MAX_SIZE, |&(_, _, size)| size);
        let is_size = !word.contains('.');
        if value > limit || (is_size && value == 0) {
            return Err(DebugOffsetsError::OutOfBounds { at, word, value, limit });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::layout::column::Column;
    use crate::layout::columns::SHIPPED;
    use crate::memory::{FaultKind, Memory, Target};

    const RUNTIME: Address = Address(0x1000);
    const V3_13_0: u64 = 0x030d_00f0;

    fn v3_13() -> Column {
        SHIPPED.iter().find(|shipped| shipped.version == (3, 13)).unwrap().column()
    }

    struct Bytes(Vec<u8>);

    impl Memory for Bytes {
        fn bytes(&self, address: Address, len: usize) -> Result<Cow<'_, [u8]>, Fault> {
            let start = address.0.wrapping_sub(RUNTIME.0) as usize;
            let fault = Fault { address, len: len as u64, kind: FaultKind::Unmapped };
            self.0.get(start..start.wrapping_add(len)).map(Cow::Borrowed).ok_or(fault)
        }
    }

    /// The table as CPython 3.13 writes it: every word is what the shipped column says, where it says it.
    fn table() -> Vec<u64> {
        let column = v3_13();
        let known = |path: &str| column.place(path).map(|place| place.offset);
        let stated = order_words(ORDERS[0].1).map(|word| match word {
            None => 0,
            Some(path) => known(path).unwrap_or(if path.contains('.') { 8 } else { 1 << 19 }),
        });
        [u64::from_le_bytes(*COOKIE), V3_13_0, 0].into_iter().chain(stated).collect()
    }

    fn check(words: &[u64], expected: Result<(), DebugOffsetsError>) {
        let memory = Bytes(words.iter().flat_map(|word| word.to_le_bytes()).collect());
        let space = Space::new(&memory, Target { little_endian: true, word_size: 8 });
        assert_eq!(read(&space, RUNTIME).map(drop), expected);
    }

    fn with_word(index: usize, value: u64) -> Vec<u64> {
        let mut words = table();
        words[index] = value;
        words
    }

    #[test]
    fn a_table_that_agrees_with_the_column_changes_nothing() {
        let memory = Bytes(table().iter().flat_map(|word| word.to_le_bytes()).collect());
        let space = Space::new(&memory, Target { little_endian: true, word_size: 8 });
        let stated = read(&space, RUNTIME).unwrap();
        assert_eq!((stated.version, stated.free_threaded), (0x030d_00f0, false));

        let column = v3_13();
        let mut layout = Layout::new(&column);
        stated.apply(&mut layout);
        assert_eq!(format!("{layout:?}"), format!("{:?}", Layout::new(&column)));
    }

    #[test]
    fn stated_offsets_win() {
        let thread_next = HEADER_WORDS as usize + 18;
        let memory = Bytes(with_word(thread_next, 24).iter().flat_map(|word| word.to_le_bytes()).collect());
        let space = Space::new(&memory, Target { little_endian: true, word_size: 8 });
        let mut layout = Layout::new(&v3_13());
        read(&space, RUNTIME).unwrap().apply(&mut layout);
        assert_eq!(layout.offset(crate::layout::member::TSTATE_NEXT), Ok(24));
    }

    #[test]
    fn what_cannot_be_true_is_refused() {
        use DebugOffsetsError::{Fault as Unreadable, NoCookie, OutOfBounds, UnknownVersion};
        check(&table(), Ok(()));
        check(&with_word(0, 0), Err(NoCookie(RUNTIME)));
        check(&with_word(1, 0x0310_00a0), Err(UnknownVersion(0x0310_00a0)));
        check(&with_word(1, 0x030d_00a4), Err(UnknownVersion(0x030d_00a4)));
        check(&with_word(1, 0x030d_00b1), Err(UnknownVersion(0x030d_00b1)));
        check(&with_word(1, 0x030d_00c1), Ok(()));
        check(&with_word(1, u64::MAX), Err(UnknownVersion(u32::MAX)));
        let finalizing = OutOfBounds {
            at: RUNTIME.wrapping_add(4 * WORD),
            word: "_PyRuntimeState._finalizing",
            value: u64::MAX,
            limit: 1 << 19,
        };
        check(&with_word(4, u64::MAX), Err(finalizing));
        let size = OutOfBounds {
            at: RUNTIME.wrapping_add(3 * WORD),
            word: "_PyRuntimeState",
            value: MAX_SIZE + 1,
            limit: MAX_SIZE,
        };
        check(&with_word(3, MAX_SIZE + 1), Err(size));
        let end = RUNTIME.wrapping_add(WORD * 8);
        check(&table()[..8], Err(Unreadable(Fault { address: end, len: WORD, kind: FaultKind::Unmapped })));
    }

    #[test]
    fn every_order_names_what_the_layout_names() {
        let known: Vec<&str> = crate::layout::member::Id::ALL.iter().map(|id| id.path()).collect();
        for (version, order) in ORDERS {
            let read = order_words(order).flatten().filter(|word| known.contains(word)).count();
            assert!(read >= 40, "{version:?}: only {read} words are of use: is one misspelled?");
        }
    }
}
