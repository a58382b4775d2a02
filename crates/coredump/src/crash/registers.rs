//! A thread's registers by name.

use crate::address::Address;
use crate::elf::parse::Machine;

/// General registers of one thread, in the order of the kernel's notes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registers {
    names: &'static [&'static str],
    values: Vec<u64>,
    program_counter: usize,
    stack_pointer: usize,
}

/// `struct user_regs_struct` (`arch/x86/include/asm/user_64.h`).
const X86_64: [&str; 27] = [
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi",
    "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
];
/// `struct user_pt_regs` (arch/arm64/include/uapi/asm/ptrace.h).
const AARCH64: [&str; 34] = [
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
    "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30",
    "sp", "pc", "pstate",
];
/// Registers that never hold an address of the program's data.
const NO_POINTERS: [&str; 13] =
    ["orig_rax", "rip", "cs", "eflags", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs", "pc", "pstate"];

impl Registers {
    /// Registers in the order of `NT_PRSTATUS`; of another machine's none is known by name.
    pub(crate) fn new(machine: Machine, values: Vec<u64>) -> Self {
        let (names, program_counter, stack_pointer): (&'static [&'static str], _, _) = match machine {
            Machine::X86_64 => (&X86_64, 16, 19),
            Machine::Aarch64 => (&AARCH64, 32, 31),
            Machine::Other(_) => (&[], usize::MAX, usize::MAX),
        };
        Self { names, values, program_counter, stack_pointer }
    }

    /// In the kernel's order.
    pub(crate) fn values(&self) -> &[u64] {
        &self.values
    }

    /// All of them with their names.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.names.iter().copied().zip(self.values.iter().copied())
    }

    /// Those that may hold an address of data, the stack pointer included.
    pub(crate) fn pointers(&self) -> impl Iterator<Item = (&'static str, Address)> + '_ {
        self.named()
            .filter(|(name, _)| !NO_POINTERS.contains(name))
            .map(|(name, value)| (name, Address(value)))
    }

    /// The instruction that was running, or to be run next.
    pub(crate) fn program_counter(&self) -> Option<Address> {
        self.values.get(self.program_counter).copied().map(Address)
    }

    /// The stack's innermost end.
    pub(crate) fn stack_pointer(&self) -> Option<Address> {
        self.values.get(self.stack_pointer).copied().map(Address)
    }
}
