//! What glibc left in memory before it aborted: a failed assertion, a heap check, a stack check.

use crate::address::{Address, Ptr};
use crate::elf::modules::symbol_address;
use crate::runtime::process::DeadProcess;

/// The message and where its bytes stand.
pub(crate) struct AbortMessage {
    pub(crate) text: String,
    pub(crate) address: Address,
    pub(crate) len: u64,
}

/// Longest message that is read; glibc rounds its buffer up to pages.
const MAX_MESSAGE: usize = 64 << 10;

/// Reads `__abort_msg`: a pointer to a size of four bytes and the text (glibc, `include/stdlib.h`,
/// `struct abort_msg_s`). The symbol stands in the C library's file, so that file must be there.
pub(crate) fn read(process: &DeadProcess<'_>) -> Option<AbortMessage> {
    const TEXT_AT: u64 = 4;
    let target = process.core().target();
    let mut libraries =
        process.module_files().iter().filter(|file| file.module.name().starts_with("libc.so"));
    libraries.find_map(|file| {
        let variable = symbol_address(file.bytes(target)?, file.module.bias?, "__abort_msg")?;
        let message = Ptr::<()>::new(Address(process.space().word(variable).ok()?))?;
        let address = message.address().checked_add(TEXT_AT)?;
        let bytes = process.space().c_string(address, MAX_MESSAGE).ok()?;
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        Some(AbortMessage { text, address, len: bytes.len() as u64 })
            .filter(|message| !message.text.is_empty())
    })
}
