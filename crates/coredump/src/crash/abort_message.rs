//! What glibc left in memory before it aborted: a failed assertion, a heap check, a stack check.

use crate::address::{Address, Ptr};
use crate::elf::module_file::ModuleFile;
use crate::elf::modules::symbol_address;
use crate::runtime::process::DeadProcess;

/// The message and where its bytes stand.
#[derive(Clone, Debug)]
pub(crate) struct AbortMessage {
    pub(crate) text: String,
    pub(crate) address: Address,
    pub(crate) len: u64,
    pub(crate) found_by: &'static str,
}

/// Longest message that is read; glibc rounds its buffer up to pages.
const MAX_MESSAGE: u64 = 64 << 10;
/// Where the text begins: behind a size of four bytes (glibc, `include/stdlib.h`, `struct abort_msg_s`).
const TEXT_AT: u64 = 4;
/// Bytes that are looked through for the pointer.
const MOST_SEARCHED: usize = 64 << 20;
/// The smallest page of any machine that is read.
const PAGE: u64 = 0x1000;

/// Reads `__abort_msg`, by its symbol where the C library's file is there, else by the shape of what it points at.
pub(crate) fn read(process: &DeadProcess<'_>) -> Option<AbortMessage> {
    by_symbol(process).or_else(|| by_shape(process))
}

fn is_c_library(file: &ModuleFile) -> bool {
    let name = file.module.name();
    name.starts_with("libc.so") || name.starts_with("libc-2.")
}

fn by_symbol(process: &DeadProcess<'_>) -> Option<AbortMessage> {
    let target = process.core().target();
    process.module_files().iter().filter(|file| is_c_library(file)).find_map(|file| {
        let variable = symbol_address(file.bytes(target)?, file.module.bias?, "__abort_msg")?;
        message_at(process, Address(process.space().word(variable).ok()?), "symbol")
    })
}

/// Looks through the C library's writable data for a pointer to such a buffer. `__libc_message` and
/// `__assert_fail_base` map it on its own, so it begins on a page, states its size, and is zero behind the text.
/// Where the core names no files (`qemu-user`), any writable memory may be that data.
fn by_shape(process: &DeadProcess<'_>) -> Option<AbortMessage> {
    let core = process.core();
    let libraries = process.module_files().iter().filter(|file| is_c_library(file));
    let mut ranges: Vec<_> = libraries.flat_map(|file| file.module.writable.iter().copied()).collect();
    if ranges.is_empty() && core.notes().files.is_empty() {
        let writable = core.segments().iter().filter(|segment| segment.writable);
        ranges = writable.map(|segment| (segment.address, segment.len)).collect();
    }
    let mut budget = MOST_SEARCHED;
    ranges.into_iter().find_map(|(start, len)| {
        let end = start.0.saturating_add(len);
        let first = core.segments().partition_point(|segment| segment.end() <= start);
        let segments = core.segments().iter().skip(first).take_while(|segment| segment.address.0 < end);
        segments.into_iter().find_map(|segment| {
            let bytes = core.segment_bytes(segment);
            let bytes = bytes.get(..bytes.len().min(budget))?;
            budget -= bytes.len();
            core.target().words(bytes).find_map(|word| message_at(process, Address(word), "shape"))
        })
    })
}

/// The message at `buffer`, if there is one.
fn message_at(process: &DeadProcess<'_>, buffer: Address, found_by: &'static str) -> Option<AbortMessage> {
    let buffer = Ptr::<()>::new(buffer)?.address();
    if !buffer.is_aligned(PAGE) {
        return None;
    }
    let core = process.core();
    core.segment_at(buffer).filter(|segment| segment.writable && !segment.executable)?;
    let size = process.space().unsigned(buffer, 4).ok()?;
    if size == 0 || size % PAGE != 0 || size > MAX_MESSAGE {
        return None;
    }
    let bytes = process.space().bytes(buffer.checked_add(TEXT_AT)?, size - TEXT_AT).ok()?;
    let end = memchr::memchr(0, &bytes)?;
    let (text, rest) = (bytes.get(..end)?, bytes.get(end..)?);
    let printable = |&byte: &u8| byte >= 0x20 || matches!(byte, b'\n' | b'\t' | b'\r');
    if rest.iter().any(|&byte| byte != 0) || !text.iter().all(printable) {
        return None;
    }
    let text = String::from_utf8_lossy(text).trim_end().to_owned();
    let address = buffer.wrapping_add(TEXT_AT);
    Some(AbortMessage { text, address, len: end as u64, found_by }).filter(|message| !message.text.is_empty())
}
