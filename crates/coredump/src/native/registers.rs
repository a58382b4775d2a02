//! Registers of one native frame, by their DWARF numbers.

use crate::address::Address;
use crate::elf::notes::ThreadStatus;
use crate::elf::parse::Machine;

/// Most registers that call frame information of the supported processors numbers below its return address.
const COUNT: usize = 33;

/// The general registers as far as they are known in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Registers {
    machine: Machine,
    /// By DWARF number; `None` where nothing tells the value.
    values: [Option<u64>; COUNT],
    /// The instruction pointer.
    pub(crate) pc: Address,
    /// The frame pointer is a guess: what restores it was not seen.
    pub(crate) frame_pointer_assumed: bool,
}

/// Where a processor keeps what unwinding needs, by DWARF number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roles {
    pub(crate) stack_pointer: u16,
    pub(crate) frame_pointer: u16,
    /// The column of the return address in call frame information.
    pub(crate) return_address: u16,
    /// Registers that a called function gives back as it found them.
    pub(crate) preserved: &'static [u16],
}

/// System V AMD64 ABI, figures 3.4 and 3.36.
const X86_64: Roles =
    Roles { stack_pointer: 7, frame_pointer: 6, return_address: 16, preserved: &[3, 6, 12, 13, 14, 15] };

/// AAPCS64 and "DWARF for the Arm 64-bit Architecture", 4.1.
const AARCH64: Roles = Roles {
    stack_pointer: 31,
    frame_pointer: 29,
    return_address: 30,
    preserved: &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30],
};

/// `struct user_regs_struct` of x86-64 (`arch/x86/include/asm/user_64.h`) by DWARF number: its index of each.
const X86_64_NOTE: [usize; 16] = [10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0];
const X86_64_NOTE_PC: usize = 16;
/// `struct sigcontext` of x86-64 (arch/x86/include/uapi/asm/sigcontext.h) by DWARF number.
const X86_64_SIGNAL: [usize; 16] = [13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7];
const X86_64_SIGNAL_PC: usize = 16;
/// `struct user_pt_regs` of aarch64: x0 to x30, sp, then pc.
const AARCH64_NOTE_PC: usize = 32;

impl Registers {
    /// The registers of a thread as its note has them; `None` for a processor that is not known.
    pub(crate) fn of_thread(machine: Machine, thread: &ThreadStatus) -> Option<Self> {
        let words = &thread.registers;
        match machine {
            Machine::X86_64 => Self::from_words(machine, words, &X86_64_NOTE, X86_64_NOTE_PC),
            Machine::Aarch64 => Self::from_aarch64(words),
            Machine::Other(_) => None,
        }
    }

    /// The registers that the kernel saved before it called a signal handler: the words of `uc_mcontext`.
    pub(crate) fn of_signal_context(machine: Machine, words: &[u64]) -> Option<Self> {
        match machine {
            Machine::X86_64 => Self::from_words(machine, words, &X86_64_SIGNAL, X86_64_SIGNAL_PC),
            // `struct sigcontext` of aarch64 begins with the fault address.
            Machine::Aarch64 => Self::from_aarch64(words.get(1..)?),
            Machine::Other(_) => None,
        }
    }

    fn from_words(machine: Machine, words: &[u64], order: &[usize], pc: usize) -> Option<Self> {
        let mut values = [None; COUNT];
        for (value, &index) in values.iter_mut().zip(order) {
            *value = Some(*words.get(index)?);
        }
        let pc = Address(*words.get(pc)?);
        Some(Self { machine, values, pc, frame_pointer_assumed: false })
    }

    fn from_aarch64(words: &[u64]) -> Option<Self> {
        let mut values = [None; COUNT];
        for (value, &word) in values.iter_mut().zip(words.get(..AARCH64_NOTE_PC)?) {
            *value = Some(word);
        }
        let pc = Address(*words.get(AARCH64_NOTE_PC)?);
        Some(Self { machine: Machine::Aarch64, values, pc, frame_pointer_assumed: false })
    }

    /// Registers of which only two are known.
    pub(crate) fn bare(machine: Machine, pc: Address, stack_pointer: Address) -> Option<Self> {
        let mut registers = Self { machine, values: [None; COUNT], pc, frame_pointer_assumed: false };
        registers.set(registers.roles()?.stack_pointer, Some(stack_pointer.0));
        Some(registers)
    }

    /// What the processor's registers are for.
    pub(crate) fn roles(&self) -> Option<&'static Roles> {
        match self.machine {
            Machine::X86_64 => Some(&X86_64),
            Machine::Aarch64 => Some(&AARCH64),
            Machine::Other(_) => None,
        }
    }

    pub(crate) fn get(&self, register: u16) -> Option<u64> {
        self.values.get(usize::from(register)).copied().flatten()
    }

    pub(crate) fn set(&mut self, register: u16, value: Option<u64>) {
        if let Some(slot) = self.values.get_mut(usize::from(register)) {
            *slot = value;
        }
    }

    pub(crate) fn stack_pointer(&self) -> Option<Address> {
        self.get(self.roles()?.stack_pointer).map(Address)
    }

    pub(crate) fn frame_pointer(&self) -> Option<Address> {
        self.get(self.roles()?.frame_pointer).map(Address)
    }

    pub(crate) fn machine(&self) -> Machine {
        self.machine
    }
}
