//! `str` objects: their characters, lone surrogates included.

use std::borrow::Cow;

use crate::address::{Address, Ptr};
use crate::layout::member::{self, Object, UnicodeObject};
use crate::layout::{Bits, ReadError};
use crate::memory::{Fault, Target};
use crate::objects::kind::{self, Kind};
use crate::runtime::python::Python;

/// The characters of a `str` as they lie in memory, one, two or four bytes each.
#[derive(Clone, Debug)]
pub struct Str<'m> {
    data: Cow<'m, [u8]>,
    width: usize,
    target: Target,
    len: u64,
    fault: Option<Fault>,
}

impl Str<'_> {
    /// The code points that were read, from the first on.
    pub fn chars(&self) -> impl Iterator<Item = u32> + '_ {
        self.data.chunks_exact(self.width).map(|unit| self.target.unsigned(unit) as u32)
    }

    /// Number of characters that the object says it has.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the object says it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether all characters were read.
    pub fn is_complete(&self) -> bool {
        (self.data.len() / self.width) as u64 == self.len
    }

    /// What stood in the way of reading as many characters as were asked for.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Whether `text` is the whole of it.
    pub fn equals(&self, text: &str) -> bool {
        self.is_complete()
            && if self.width == 1 && text.is_ascii() {
                *self.data == *text.as_bytes()
            } else {
                self.chars().eq(text.chars().map(u32::from))
            }
    }

    /// The text; a lone surrogate reads `\udc80`, as Python writes it to stderr.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.data.len() / self.width);
        for code in self.chars() {
            match char::from_u32(code) {
                Some(character) => text.push(character),
                None => text.push_str(&escape(code)),
            }
        }
        text
    }
}

/// A code point that is no character, as Python's `backslashreplace` writes it.
fn escape(code: u32) -> String {
    if code <= 0xffff { format!("\\u{code:04x}") } else { format!("\\U{code:08x}") }
}

/// Reads a `str`, at most `limit` characters of it.
///
/// # Errors
/// When the header is not there or is none of a `str`; characters that are not there are a
/// [`fault`](Str::fault) instead.
pub fn read<'m>(python: &Python<'m>, object: Ptr<UnicodeObject>, limit: usize) -> Result<Str<'m>, ReadError> {
    if kind::of(python, object.cast())? != Kind::Str {
        return Err(ReadError::Invalid { at: object.address(), what: "not a str" });
    }
    let (data, width) = place(python, object)?;
    let len = python.read(object, member::UNICODE_LENGTH)?;
    let len = u64::try_from(len).map_err(|_| invalid(object, "str of negative length"))?;
    let wanted = len.min(limit as u64).saturating_mul(width as u64);
    let (data, fault) = bytes_as_far_as_there(python, data, wanted);
    Ok(Str { data, width, target: python.space().target(), len, fault })
}

/// Reads a `str` that is a name or a path: at most `limit` characters, then `…`.
///
/// # Errors
/// When the object is no `str`, or any of the characters asked for is not there.
pub fn read_string(
    python: &Python<'_>,
    object: Ptr<UnicodeObject>,
    limit: usize,
) -> Result<String, ReadError> {
    let text = read(python, object, limit)?;
    if let Some(fault) = text.fault() {
        return Err(fault.into());
    }
    let mut string = text.to_text();
    if !text.is_complete() {
        string.push('…');
    }
    Ok(string)
}

/// Whether `object` is a `str` that reads `text`.
///
/// # Errors
/// When its header or its characters are not there.
pub fn is_str(python: &Python<'_>, object: Ptr<Object>, text: &str) -> Result<bool, ReadError> {
    // The length first: it tells most strings apart, and is no more than a number if this is no str.
    let object = object.cast::<UnicodeObject>();
    if python.read(object, member::UNICODE_LENGTH)? != text.chars().count() as i64 {
        return Ok(false);
    }
    match read(python, object, text.len()) {
        Ok(found) => found.fault().map_or(Ok(found.equals(text)), |fault| Err(fault.into())),
        Err(ReadError::Invalid { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where the characters begin, and bytes per character (Include/cpython/unicodeobject.h).
fn place(python: &Python<'_>, object: Ptr<UnicodeObject>) -> Result<(Address, usize), ReadError> {
    let Bits(width) = python.read(object, member::UNICODE_KIND)?;
    let compact = python.read(object, member::UNICODE_COMPACT)? != Bits(0);
    let ascii = python.read(object, member::UNICODE_ASCII)? != Bits(0);
    if !matches!(width, 1 | 2 | 4) {
        // Kind 0: a legacy string of the C API that has only `wchar_t`s yet (up to 3.11).
        return Err(invalid(object, "str that is not ready"));
    }
    let data = if compact {
        let header = if ascii { member::UNICODE_ASCII_SIZE } else { member::UNICODE_COMPACT_SIZE };
        object.address().wrapping_add(python.layout().size_of(header)?)
    } else {
        python.read(object, member::UNICODE_DATA)?
    };
    Ok((data, width as usize))
}

fn invalid(object: Ptr<UnicodeObject>, what: &'static str) -> ReadError {
    ReadError::Invalid { at: object.address(), what }
}

/// The bytes from `address` on up to the first that is not there, at most `wanted`.
pub(crate) fn bytes_as_far_as_there<'m>(
    python: &Python<'m>,
    address: Address,
    wanted: u64,
) -> (Cow<'m, [u8]>, Option<Fault>) {
    let fault = match python.bytes(address, wanted) {
        Ok(data) => return (data, None),
        Err(fault) => fault,
    };
    let there = fault.address.0.checked_sub(address.0).filter(|&there| there < wanted).unwrap_or(0);
    (python.bytes(address, there).unwrap_or_default(), Some(fault))
}
