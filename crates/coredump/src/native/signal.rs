//! Frames that the kernel builds to run a signal handler, and the registers that it saved there.

use crate::address::Address;
use crate::elf::parse::Machine;
use crate::memory::{Memory, Space};
use crate::native::registers::Registers;
use crate::runtime::process::DeadProcess;

/// What the kernel saved before it called a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedSignal {
    /// The signal's number.
    pub(crate) signal: u32,
    /// `si_code`.
    pub(crate) code: i32,
    /// `si_addr`, meaningful for the signals that carry one.
    pub(crate) fault_address: Address,
    /// The instruction that was interrupted.
    pub(crate) pc: Address,
    /// Where `siginfo_t` lies.
    pub(crate) info_at: Address,
    pub(crate) registers: Registers,
}

/// Offsets in `struct rt_sigframe`, from where the stack pointer stands when the handler has returned.
struct Shape {
    /// `siginfo_t`.
    info: u64,
    /// `uc_mcontext`.
    context: u64,
    /// Words of `uc_mcontext` that hold registers.
    words: usize,
}

/// arch/x86/include/asm/sigframe.h: the return address is gone; `struct ucontext` has 304 bytes, and its
/// registers start at 40.
const X86_64: Shape = Shape { info: 304, context: 40, words: 24 };
/// arch/arm64/kernel/signal.c: `siginfo_t` first, 128 bytes; in `struct ucontext` the registers start at 176.
const AARCH64: Shape = Shape { info: 0, context: 128 + 176, words: 35 };

/// Reads the frame of a signal handler whose return trampoline would run with this stack pointer, if it is one.
pub(crate) fn frame_at(
    process: &DeadProcess<'_>,
    stack_pointer: Address,
    is_code: &dyn Fn(Address) -> bool,
) -> Option<SavedSignal> {
    let core = process.core();
    let machine = core.machine();
    let shape = match machine {
        Machine::X86_64 => &X86_64,
        Machine::Aarch64 => &AARCH64,
        Machine::Other(_) => return None,
    };
    let space = Space::new(core, core.target());
    let context = stack_pointer.checked_add(shape.context)?;
    let bytes = core.bytes(context, shape.words * 8).ok()?;
    let words: Vec<u64> = core.target().words(&bytes).collect();
    if !is_context(machine, core, context, &words) {
        return None;
    }
    let registers = Registers::of_signal_context(machine, &words)?;
    let stack = registers.stack_pointer()?;
    // A call through a bad pointer leaves a bad instruction pointer; the stack is still one.
    if !is_code(registers.pc) && core.segment_at(stack).is_none() {
        return None;
    }
    let info_at = stack_pointer.checked_add(shape.info)?;
    let number = |offset| space.unsigned(info_at.wrapping_add(offset), 4).ok();
    let signal = number(0)? as u32;
    if !(1..=64).contains(&signal) {
        return None;
    }
    Some(SavedSignal {
        signal,
        code: number(8)? as u32 as i32,
        fault_address: Address(space.word(info_at.wrapping_add(16)).ok()?),
        pc: registers.pc,
        info_at,
        registers,
    })
}

/// Whether the words can be a saved context: what user code cannot choose has the values it must have.
fn is_context(machine: Machine, core: &dyn Memory, at: Address, words: &[u64]) -> bool {
    match machine {
        // `cs` of 64-bit user code is 0x33, `ss` is 0x2b or not saved (arch/x86/include/asm/segment.h); bit 1
        // of the flags is always set.
        Machine::X86_64 => {
            let (Some(flags), Some(segments)) = (words.get(17), words.get(18)) else { return false };
            segments & 0xffff == 0x33
                && matches!(segments >> 48, 0x2b | 0)
                && flags & 2 != 0
                && flags >> 22 == 0
        }
        // The extension area behind the registers begins with the record of the vector registers
        // (`FPSIMD_MAGIC`, arch/arm64/include/uapi/asm/sigcontext.h).
        Machine::Aarch64 => {
            const RESERVED_AT: u64 = 288;
            const FPSIMD_MAGIC: [u8; 4] = 0x4650_8001_u32.to_le_bytes();
            let Ok(magic) = core.bytes(at.wrapping_add(RESERVED_AT), 4) else { return false };
            *magic == FPSIMD_MAGIC && words.get(32).is_some_and(|stack| stack % 16 == 0)
        }
        Machine::Other(_) => false,
    }
}
