//! `sys.version`, found in memory by how it reads.

use memchr::memmem;

use crate::address::Address;
use crate::address::Ptr;
use crate::layout::member;
use crate::objects::unicode::read_string;
use crate::recover::shape::CoreTypes;
use crate::runtime::process::DeadProcess;
use crate::runtime::python::Python;

/// Places that are looked at.
const MAX_PLACES: usize = 100_000;
/// Longest text that is read.
const MAX_TEXT: usize = 512;

/// The whole of `sys.version` of an interpreter of version `minor`.
pub(super) fn find(
    process: &DeadProcess<'_>,
    python: &Python<'_>,
    types: &CoreTypes,
    minor: (u8, u8),
) -> Option<String> {
    let start = format!("{}.{}.", minor.0, minor.1);
    let header = python.layout().size_of(member::UNICODE_ASCII_SIZE).ok()?;
    let finder = memmem::Finder::new(start.as_bytes());
    let core = process.core();
    let pieces =
        core.segments().iter().filter(|segment| segment.writable).flat_map(|segment| core.pieces(segment));
    let places = pieces.flat_map(|(address, bytes)| {
        finder.find_iter(bytes).map(move |at| address.wrapping_add(at as u64)).collect::<Vec<Address>>()
    });
    places.take(MAX_PLACES).find_map(|at| {
        let object = Ptr::new(at.wrapping_sub(header)).filter(|_| at.is_aligned(8))?;
        if python.type_of(object).ok()?.address() != types.string {
            return None;
        }
        let text = read_string(python, object.cast(), MAX_TEXT).ok()?;
        is_version(&text, &start).then_some(text)
    })
}

/// `3.12.1 (main, Nov 23 2026, 10:11:12) [GCC 12.2.0]`, as `Py_GetVersion` makes it.
fn is_version(text: &str, start: &str) -> bool {
    let Some((number, rest)) = text.split_once(' ') else { return false };
    let patch = number.strip_prefix(start).unwrap_or_default();
    patch.starts_with(|digit: char| digit.is_ascii_digit()) && rest.contains('(') && rest.ends_with(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_version_is_one() {
        assert!(is_version("3.12.1 (main, Nov 23 2026, 10:11:12) [GCC 12.2.0]", "3.12."));
        assert!(is_version("3.13.0rc2+ experimental build (x, y) \n[Clang 17]", "3.13."));
        assert!(!is_version("3.12.1", "3.12."));
        assert!(!is_version("3.12.x (main) [GCC]", "3.12."));
    }
}
