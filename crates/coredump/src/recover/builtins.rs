//! The dict of `builtins`, found by what stands side by side in it.
//!
//! It maps names to the static types and the singletons, whose own memory a cut core loses first. The order in which
//! it is filled is fixed (`_PyBuiltin_Init` of Python/bltinmodule.c, alike from v3.8.18 to v3.14.0), and three of
//! its values are known from code objects; that tells its entries, and the names on them bear it out.

use std::collections::BTreeMap;

use crate::address::{Address, Ptr};
use crate::objects::unicode::read_string;
use crate::recover::dumped::{Page, word_at};
use crate::recover::shape::{CoreTypes, pointer};
use crate::runtime::python::Python;

/// Names in the order in which they are set, with the minor version that began to have them.
const TYPES: &str = "None Ellipsis NotImplemented False True bool memoryview bytearray bytes classmethod complex dict \
    enumerate filter float frozendict:15 frozenset property int list map object range reversed sentinel:15 set slice \
    staticmethod str super tuple type zip __debug__";
/// The exceptions behind them, up to 3.10 (`_PyBuiltins_AddExceptions` of Objects/exceptions.c at v3.10.13).
const OLD_EXCEPTIONS: &str = "BaseException Exception TypeError StopAsyncIteration StopIteration GeneratorExit \
    SystemExit KeyboardInterrupt ImportError ModuleNotFoundError OSError EnvironmentError IOError EOFError RuntimeError \
    RecursionError NotImplementedError NameError UnboundLocalError AttributeError SyntaxError IndentationError TabError \
    LookupError IndexError KeyError ValueError UnicodeError UnicodeEncodeError UnicodeDecodeError \
    UnicodeTranslateError AssertionError ArithmeticError FloatingPointError OverflowError ZeroDivisionError SystemError \
    ReferenceError MemoryError BufferError Warning UserWarning EncodingWarning:10 DeprecationWarning \
    PendingDeprecationWarning SyntaxWarning RuntimeWarning FutureWarning ImportWarning UnicodeWarning BytesWarning \
    ResourceWarning ConnectionError BlockingIOError BrokenPipeError ChildProcessError ConnectionAbortedError \
    ConnectionRefusedError ConnectionResetError FileExistsError FileNotFoundError IsADirectoryError \
    NotADirectoryError InterruptedError PermissionError ProcessLookupError TimeoutError";
/// From 3.11 on (`static_exceptions` of Objects/exceptions.c at v3.11.7).
const EXCEPTIONS: &str = "BaseException BaseExceptionGroup Exception GeneratorExit KeyboardInterrupt SystemExit \
    ArithmeticError AssertionError AttributeError BufferError EOFError ImportError LookupError MemoryError NameError \
    OSError ReferenceError RuntimeError StopAsyncIteration StopIteration SyntaxError SystemError TypeError ValueError \
    Warning FloatingPointError OverflowError ZeroDivisionError BytesWarning DeprecationWarning EncodingWarning \
    FutureWarning ImportWarning PendingDeprecationWarning ResourceWarning RuntimeWarning SyntaxWarning UnicodeWarning \
    UserWarning BlockingIOError ChildProcessError ConnectionError FileExistsError FileNotFoundError InterruptedError \
    IsADirectoryError NotADirectoryError PermissionError ProcessLookupError TimeoutError IndentationError \
    _IncompleteInputError:13 IndexError KeyError ImportCycleError:15 ModuleNotFoundError NotImplementedError \
    PythonFinalizationError:13 RecursionError UnboundLocalError UnicodeError BrokenPipeError ConnectionAbortedError \
    ConnectionRefusedError ConnectionResetError TabError UnicodeDecodeError UnicodeEncodeError UnicodeTranslateError \
    ExceptionGroup";
/// Words of an entry: key and value, with the hash in front where not all keys are `str` (up to 3.10, always).
const ENTRY_WORDS: [u64; 2] = [2, 3];
/// `builtins` has some 160 names.
const MAX_ENTRIES: u64 = 2048;
/// Longest name that is read.
const MAX_NAME: usize = 64;
const WORD: u64 = 8;

/// What `builtins` maps names to.
#[derive(Debug, Default)]
pub(super) struct Builtins {
    /// Values by name.
    pub(super) values: BTreeMap<String, Address>,
    /// How many names could be read; the rest is told by the order.
    pub(super) readable: usize,
}

/// The names of a minor version in the order in which they are set.
pub(super) fn order(minor: u8) -> Vec<&'static str> {
    let exceptions = if minor < 11 { OLD_EXCEPTIONS } else { EXCEPTIONS };
    let words = TYPES.split_ascii_whitespace().chain(exceptions.split_ascii_whitespace());
    words
        .filter_map(|word| match word.split_once(':') {
            Some((name, since)) => since.parse().is_ok_and(|since: u8| minor >= since).then_some(name),
            None => Some(word),
        })
        .collect()
}

/// The dict's entries, where the word at `at` of the page, which is the address of `str`, is one of its values;
/// `order` is that of [`order`].
pub(super) fn around(
    python: &Python<'_>,
    types: &CoreTypes,
    order: &[&str],
    page: &Page<'_>,
    at: usize,
) -> Option<Builtins> {
    let position = |name: &str| order.iter().position(|&other| other == name).map(|index| index as u64);
    let (bytes, string, tuple) = (position("bytes")?, position("str")?, position("tuple")?);
    let target = python.space().target();
    let ahead = |words: u64| {
        let offset = usize::try_from((tuple - string) * words * WORD).ok()?;
        word_at(target, page.onward, at.checked_add(offset)?)
    };
    let words = ENTRY_WORDS.into_iter().find(|&words| ahead(words) == Some(types.tuple.0))?;
    let (stride, value) = (words * WORD, page.address.wrapping_add(at as u64));
    let first = value.wrapping_sub(string * stride);
    if python.word(first.wrapping_add(bytes * stride)) != Ok(types.bytes.0) {
        return None;
    }
    let mut found = Builtins::default();
    for index in 0..MAX_ENTRIES {
        let place = first.wrapping_add(index * stride);
        let (Ok(key), Ok(value)) = (python.word(place.wrapping_sub(WORD)), python.word(place)) else { break };
        let Some(key) = pointer(key).and_then(Ptr::new) else { break };
        let name = match (read_string(python, key, MAX_NAME).ok(), order.get(index as usize)) {
            // Not in this order: another dict, or another version.
            (Some(name), Some(&expected)) if name != expected => return None,
            (Some(name), _) => {
                found.readable += 1;
                name
            }
            (None, Some(&expected)) => expected.to_owned(),
            (None, None) => continue,
        };
        if let Some(value) = pointer(value) {
            found.values.entry(name).or_insert(value);
        }
    }
    (found.values.len() >= order.len() / 2).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_differ_by_version() {
        let position = |minor, name| order(minor).iter().position(|&other| other == name);
        assert_eq!(position(8, "tuple"), Some(28));
        assert_eq!(position(15, "tuple"), Some(30));
        assert_eq!(position(9, "EncodingWarning"), None);
        assert!(position(10, "EncodingWarning").is_some() && position(10, "BaseExceptionGroup").is_none());
        assert!(position(12, "PythonFinalizationError").is_none());
    }
}
