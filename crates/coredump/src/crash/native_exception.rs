//! A C++ exception or a Rust panic that nothing caught, found on the stack of the thread that aborted.

use crate::address::{Address, Ptr};
use crate::crash::Death;
use crate::memory::Memory;
use crate::native::demangle::demangle;
use crate::runtime::process::DeadProcess;

/// An exception of another language.
#[derive(Clone, Debug)]
pub(crate) struct NativeException {
    /// `c++` or `rust`.
    pub(crate) language: &'static str,
    /// Its type, when the module that defines it is there.
    pub(crate) type_name: Option<String>,
    /// `what()` of a `std::runtime_error` or `std::logic_error`.
    pub(crate) message: Option<String>,
    pub(crate) address: Address,
    pub(crate) len: u64,
    /// What was found, in words.
    pub(crate) found_by: &'static str,
}

/// `exception_class` of libstdc++ and of exceptions that it shares (libsupc++, unwind-cxx.h), low byte open.
const CLASS: u64 = 0x474e_5543_432b_2b00;
/// How far from the stack pointer `__cxa_throw` and `std::terminate` keep the pointer.
const REACH: u64 = 8192;
/// The longest name or text that is read.
const MOST_TEXT: usize = 1024;
/// `struct __cxa_exception` of libsupc++ on 64-bit machines: its first word is the `type_info`; the header of the
/// unwinder, `struct _Unwind_Exception`, lies 80 bytes further on and takes 32; the thrown object follows.
const TYPE_BEFORE_HEADER: u64 = 80;
const HEADER_BYTES: u64 = 32;

/// Looks for either.
pub(crate) fn find(process: &DeadProcess<'_>, death: &Death) -> Option<NativeException> {
    thrown(process, death).or_else(|| panic(process, death))
}

/// Finds a word on the stack that points at a thrown object, right behind the unwinder's header of libstdc++.
fn thrown(process: &DeadProcess<'_>, death: &Death) -> Option<NativeException> {
    let core = process.core();
    let stack = death.registers.stack_pointer()?;
    let segment = core.segment_at(stack)?;
    let len = (segment.end().0 - stack.0).min(REACH);
    let bytes = process.space().bytes(stack, len).ok()?;
    core.target().words(&bytes).find_map(|word| exception_at(process, Address(word)))
}

/// `object` may be the thrown object, or its unwinder's header.
fn exception_at(process: &DeadProcess<'_>, object: Address) -> Option<NativeException> {
    let space = process.space();
    let core = process.core();
    if !object.is_aligned(16) || !core.segment_at(object).is_some_and(|segment| segment.writable) {
        return None;
    }
    let is_header = |at: Address| space.word(at).is_ok_and(|class| class & !0xff == CLASS);
    let (header, object) = if is_header(object) {
        (object, object.wrapping_add(HEADER_BYTES))
    } else {
        (object.wrapping_sub(HEADER_BYTES), object)
    };
    if !is_header(header) {
        return None;
    }
    let type_info =
        Ptr::<()>::new(Address(space.word(header.wrapping_sub(TYPE_BEFORE_HEADER)).ok()?))?.address();
    process.modules().find(|module| module.contains(type_info))?;
    Some(NativeException {
        language: "c++",
        type_name: type_name(process, type_info),
        message: what(process, object),
        address: header.wrapping_sub(TYPE_BEFORE_HEADER),
        len: TYPE_BEFORE_HEADER + HEADER_BYTES,
        found_by: "a word on the stack that points at an exception of libstdc++",
    })
}

/// `std::type_info`: a vtable, then the mangled name, which may begin with `*`.
fn type_name(process: &DeadProcess<'_>, type_info: Address) -> Option<String> {
    let space = process.space();
    let name = space.word(type_info.wrapping_add(8)).ok()?;
    let mangled = String::from_utf8(space.c_string(Address(name), MOST_TEXT).ok()?).ok()?;
    let mangled = mangled.trim_start_matches('*');
    let plain = !mangled.is_empty() && mangled.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| {
        // `i` is int, `N6ledger10UnbalancedE` is ledger::Unbalanced: the encoding of a type.
        let readable = demangle(&format!("_ZTI{mangled}"));
        readable.strip_prefix("typeinfo for ").map_or_else(|| mangled.to_owned(), str::to_owned)
    })
}

/// `std::runtime_error` and `std::logic_error` hold a reference-counted string behind the vtable: length, capacity
/// and count stand in the three words before its characters (`_Rep_base`, `bits/cow_string.h`).
fn what(process: &DeadProcess<'_>, object: Address) -> Option<String> {
    let space = process.space();
    let text = Address(space.word(object.wrapping_add(8)).ok()?);
    process.core().segment_at(text).filter(|segment| segment.writable)?;
    let length = space.word(text.wrapping_sub(24)).ok()?;
    let capacity = space.word(text.wrapping_sub(16)).ok()?;
    let bytes = space.c_string(text, MOST_TEXT).ok()?;
    (bytes.len() as u64 == length && capacity >= length && length > 0)
        .then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// Finds what the standard hook of a panic prints: it puts the text together in a buffer of 512 zeroed bytes on the
/// stack (`default_hook`, library/std/src/panicking.rs), which has returned by the time of the abort, so the text lies
/// below the stack pointer, where nothing was called since.
fn panic(process: &DeadProcess<'_>, death: &Death) -> Option<NativeException> {
    const BELOW: u64 = 8192;
    let core = process.core();
    let stack = death.registers.stack_pointer()?;
    let start = Address(core.segment_at(stack)?.address.0.max(stack.0.saturating_sub(BELOW)));
    let bytes = core.bytes(start, usize::try_from(stack.0 - start.0).ok()?).ok()?;
    let at = memchr::memmem::rfind(&bytes, b"thread '")?;
    let text = bytes.get(at..)?.split(|&byte| byte == 0).next()?;
    let text = std::str::from_utf8(text).ok()?;
    let (_, said) = text.split_once(" panicked at ")?;
    Some(NativeException {
        language: "rust",
        type_name: None,
        message: Some(format!("panicked at {}", said.trim_end())),
        address: start.wrapping_add(at as u64),
        len: text.len() as u64,
        found_by: "the buffer of the panic hook, below the stack pointer",
    })
}
