//! What code objects look like when the types that would tell them are lost.
//!
//! A code object points at its file, its name and its line table; each of them has a shape of its own: a `str`
//! states its length and ends with a NUL, as bytes do. One place of memory may look so by chance; hundreds that
//! share one type pointer, and whose names share another, do not.

use crate::address::{Address, Ptr};
use crate::layout::Layout;
use crate::layout::member::{self, UnicodeObject};
use crate::memory::Space;
use crate::recover::dumped::word_at;

/// Longest name or path that is believed.
const MAX_TEXT: u64 = 4096;
/// Longest line table that is believed.
const MAX_TABLE: u64 = 1 << 20;
/// More arguments or stack slots than any compiler produces for one function.
const MAX_COUNT: u64 = 1 << 16;
/// More lines than any source file has.
const MAX_LINE: u64 = 10_000_000;

/// Addresses of the types that a code object and its parts have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct CoreTypes {
    /// `PyCode_Type`.
    pub(super) code: Address,
    /// `PyUnicode_Type`.
    pub(super) string: Address,
    /// `PyBytes_Type`.
    pub(super) bytes: Address,
    /// `PyTuple_Type`.
    pub(super) tuple: Address,
}

/// A place that looks like a code object.
#[derive(Clone, Debug)]
pub(super) struct Likeness {
    /// The types that it and its parts have.
    pub(super) types: CoreTypes,
    /// Its `co_filename`.
    pub(super) file: Vec<u8>,
}

/// The places of the members by which a code object is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CodeShape {
    object_type: u64,
    var_size: u64,
    file: u64,
    name: u64,
    names: u64,
    line_table: u64,
    counts: [u64; 4],
    first_line: u64,
    bytes_data: u64,
    string_length: u64,
    string_state: u64,
    string_data: u64,
}

impl CodeShape {
    /// The shape by the numbers of `layout`, if it names all members.
    pub(super) fn of(layout: &Layout) -> Option<Self> {
        let line_table =
            layout.offset(member::CODE_LINETABLE).or_else(|_| layout.offset(member::CODE_LNOTAB)).ok()?;
        Some(Self {
            object_type: layout.offset(member::OBJECT_TYPE).ok()?,
            var_size: layout.offset(member::VAR_SIZE).ok()?,
            file: layout.offset(member::CODE_FILENAME).ok()?,
            name: layout.offset(member::CODE_NAME).ok()?,
            names: layout.offset(member::CODE_NAMES).ok()?,
            line_table,
            counts: [
                layout.offset(member::CODE_ARGCOUNT).ok()?,
                layout
                    .offset(member::CODE_POSONLYARGCOUNT)
                    .or_else(|_| layout.offset(member::CODE_NLOCALS))
                    .ok()?,
                layout.offset(member::CODE_KWONLYARGCOUNT).ok()?,
                layout.offset(member::CODE_STACKSIZE).ok()?,
            ],
            first_line: layout.offset(member::CODE_FIRSTLINENO).ok()?,
            bytes_data: layout.offset(member::BYTES_DATA).ok()?,
            string_length: layout.offset(member::UNICODE_LENGTH).ok()?,
            string_state: layout.bit_field(member::UNICODE_KIND).ok()?.0,
            string_data: layout.size_of(member::UNICODE_ASCII_SIZE).ok()?,
        })
    }

    /// What stands at the start of `bytes`, if it looks like a code object.
    pub(super) fn matches(&self, space: &Space<'_>, layout: &Layout, bytes: &[u8]) -> Option<Likeness> {
        let target = space.target();
        let word = |offset: u64| word_at(target, bytes, usize::try_from(offset).ok()?);
        let code = pointer(word(self.object_type)?)?;
        let small = |offset: u64, limit: u64| {
            let start = usize::try_from(offset).ok()?;
            bytes.get(start..start + 4).map(|number| target.unsigned(number)).filter(|&number| number < limit)
        };
        // Words that are next to each other first: what is no code object should cost little.
        let (file, name) = (pointer(word(self.file)?)?, pointer(word(self.name)?)?);
        let (names, table) = (pointer(word(self.names)?)?, pointer(word(self.line_table)?)?);
        for offset in self.counts {
            small(offset, MAX_COUNT)?;
        }
        small(self.first_line, MAX_LINE)?;
        let (string, file) = self.text(space, layout, file)?;
        let (other, _) = self.text(space, layout, name)?;
        let (bytes, _) = self.bytes(space, table)?;
        let tuple = self.typed(space, names)?;
        let types = CoreTypes { code, string, bytes, tuple };
        let distinct = [code, string, bytes, tuple];
        let differ =
            distinct.iter().enumerate().all(|(at, of)| distinct.iter().skip(at + 1).all(|to| to != of));
        (other == string && differ).then_some(Likeness { types, file })
    }

    /// Type and characters of a `str` of ASCII characters.
    fn text(&self, space: &Space<'_>, layout: &Layout, at: Address) -> Option<(Address, Vec<u8>)> {
        let of_type = self.typed(space, at)?;
        let string = Ptr::<UnicodeObject>::new(at)?;
        let len = space
            .word(at.wrapping_add(self.string_length))
            .ok()
            .filter(|&len| (1..=MAX_TEXT).contains(&len))?;
        let bits = |member| layout.read(space, string, member).ok().map(|crate::layout::Bits(value)| value);
        if bits(member::UNICODE_KIND)? != 1
            || bits(member::UNICODE_COMPACT)? != 1
            || bits(member::UNICODE_ASCII)? != 1
        {
            return None;
        }
        let text = space.bytes(at.wrapping_add(self.string_data), len + 1).ok()?;
        let (&end, text) = text.split_last()?;
        (end == 0 && text.iter().all(|&byte| byte != 0 && byte < 0x80)).then(|| (of_type, text.to_vec()))
    }

    /// Type and length of a bytes object.
    fn bytes(&self, space: &Space<'_>, at: Address) -> Option<(Address, u64)> {
        let of_type = self.typed(space, at)?;
        let len = space.word(at.wrapping_add(self.var_size)).ok().filter(|&len| len <= MAX_TABLE)?;
        let end = space.unsigned(at.wrapping_add(self.bytes_data).wrapping_add(len), 1).ok()?;
        (end == 0).then_some((of_type, len))
    }

    /// The type of what may be an object.
    fn typed(&self, space: &Space<'_>, at: Address) -> Option<Address> {
        pointer(space.word(at.wrapping_add(self.object_type)).ok()?)
    }
}

/// A word that may be a pointer to a structure.
pub(super) fn pointer(word: u64) -> Option<Address> {
    // The lowest page is never mapped, and user space ends below 2^56 on all machines of today.
    (word.is_multiple_of(8) && (4096..1 << 56).contains(&word)).then_some(Address(word))
}
