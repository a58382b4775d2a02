//! Registers whose values tell of a broken pointer: impossible addresses, filled or freed memory.

use crate::address::Address;
use crate::crash::place::is_impossible;
use crate::crash::registers::Registers;
use crate::elf::parse::Core;
use crate::runtime::process::DeadProcess;

/// What the value of a register tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Telltale {
    /// The fill of the debug hooks on memory that was freed.
    Freed(&'static str),
    /// The fill of the debug hooks around or in fresh memory.
    Fill(&'static str),
    /// Characters where an address should be.
    Text(String),
    /// None of these, but no address either.
    Impossible,
}

/// A register that holds no address, though one was needed.
#[derive(Clone, Debug)]
pub(crate) struct BrokenPointer {
    pub(crate) register: &'static str,
    pub(crate) value: Address,
    pub(crate) tells: Telltale,
}

/// Registers with impossible addresses, the most telling first.
pub(crate) fn impossible(core: &Core<'_>, registers: &Registers) -> Vec<BrokenPointer> {
    let mut found: Vec<_> = registers
        .pointers()
        .filter(|&(_, value)| is_impossible(core.machine(), value) && !is_small_negative(value))
        .map(|(register, value)| BrokenPointer { register, value, tells: telltale(value) })
        .collect();
    found.sort_by_key(|pointer| match pointer.tells {
        Telltale::Freed(_) => 0,
        Telltale::Fill(_) => 1,
        Telltale::Text(_) => 2,
        Telltale::Impossible => 3,
    });
    found
}

fn is_small_negative(value: Address) -> bool {
    value.0 > u64::MAX - 0x1_0000
}

/// Fill bytes of CPython's debug hooks (Objects/obmalloc.c: `PYMEM_CLEANBYTE`, `PYMEM_DEADBYTE`,
/// `PYMEM_FORBIDDENBYTE`; the first three are those of 3.7 and earlier).
const FILLS: [(u8, Telltale); 6] = [
    (0xdd, Telltale::Freed("0xDD, which the debug hooks write over freed memory")),
    (0xdb, Telltale::Freed("0xDB, which the debug hooks of 3.7 and earlier write over freed memory")),
    (0xcd, Telltale::Fill("0xCD, which the debug hooks write over fresh memory")),
    (0xfd, Telltale::Fill("0xFD, which the debug hooks write around each block")),
    (0xcb, Telltale::Fill("0xCB, which the debug hooks of 3.7 and earlier write over fresh memory")),
    (0xfb, Telltale::Fill("0xFB, which the debug hooks of 3.7 and earlier write around each block")),
];

/// What a value tells; an offset may have been added to it.
pub(crate) fn telltale(value: Address) -> Telltale {
    let bytes = value.0.to_be_bytes();
    let [first, rest @ ..] = bytes;
    if rest.iter().take(5).all(|&byte| byte == first)
        && let Some((_, tells)) = FILLS.iter().find(|(fill, _)| *fill == first)
    {
        return tells.clone();
    }
    let text = value.0.to_le_bytes();
    if text.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return Telltale::Text(String::from_utf8_lossy(&text).into_owned());
    }
    Telltale::Impossible
}

/// A freed block that a register points at, whose link was taken for a pointer.
#[derive(Clone, Debug)]
pub(crate) struct FreedBlock {
    pub(crate) register: &'static str,
    pub(crate) block: Address,
    pub(crate) link: Address,
}

/// How far behind a pointer a member may lie.
const MEMBER_REACH: u64 = 0x1000;

/// Finds a register that points at a block in which glibc (2.32 or later) wrote the link of a free list, when the
/// fault address was made from that link: `PROTECT_PTR` of malloc/malloc.c, the block's address shifted by 12 and
/// the next free block combined with it.
pub(crate) fn freed_block(
    process: &DeadProcess<'_>,
    registers: &Registers,
    fault: Address,
) -> Option<FreedBlock> {
    let core = process.core();
    let space = process.space();
    let is_heap = |at: Address| {
        at.is_aligned(16)
            && core.segment_at(at).is_some_and(|segment| segment.writable && !segment.executable)
    };
    // The block itself may be in no register any more: the link alone, of the last block of a list, tells its page.
    let mut blocks = registers.pointers().filter(|&(_, value)| is_heap(value));
    blocks.find_map(|(register, block)| {
        let link = Address(space.word(block).ok()?);
        let near = fault.0.checked_sub(link.0).is_some_and(|offset| offset < MEMBER_REACH);
        let next = Address(link.0 ^ (block.0 >> 12));
        let is_link = link.0 != 0 && (next.0 == 0 || is_heap(next));
        (near && is_link).then_some(FreedBlock { register, block, link })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_and_text_are_told() {
        let check = |value: u64, expected: &str| {
            let found = match telltale(Address(value)) {
                Telltale::Freed(_) => "freed",
                Telltale::Fill(_) => "fill",
                Telltale::Text(_) => "text",
                Telltale::Impossible => "impossible",
            };
            assert_eq!(found, expected, "{value:#x}");
        };
        check(0xdddd_dddd_dddd_dddd, "freed");
        check(0xdddd_dddd_dddd_dde5, "freed");
        check(0xfdfd_fdfd_fdfd_fdfd, "fill");
        check(0x4141_4141_4141_4141, "text");
        check(0x00ff_ffff_ffff_ffff, "impossible");
        check(0xdead_beef_dead_beef, "impossible");
    }
}
