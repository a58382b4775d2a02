//! The first fault of a thread whose handler raised the signal again, as `faulthandler` does.
//!
//! The kernel pushes the registers and the `siginfo_t` of a caught signal on the stack before it runs the handler;
//! what the core's notes show is then only the second signal.

use pycoroner_findings::Citation;

use crate::address::Address;
use crate::crash::registers::Registers;
use crate::crash::signals;
use crate::elf::notes::{SI_KERNEL, SignalInfo, parse_signal_info};
use crate::elf::parse::{Core, Machine};
use crate::memory::Memory;

/// A signal that was caught.
#[derive(Clone, Debug)]
pub(crate) struct SignalFrame {
    /// What is known of it; the kernel writes its `siginfo_t` only for handlers that ask for it, otherwise what the
    /// processor reported stands for it.
    pub(crate) info: Option<SignalInfo>,
    pub(crate) registers: Registers,
    /// The page fault error code of x86 (bit 1: a write, bit 4: an instruction fetch).
    pub(crate) error_code: Option<u64>,
    /// The thread was in the system call that sends this signal to itself.
    pub(crate) was_sending: bool,
    pub(crate) citation: Citation,
}

/// How far from the stack pointer a signal frame is looked for: a handler and what it calls are small.
const REACH: u64 = 256 << 10;
const SIGINFO_BYTES: usize = 128;
/// The largest part of a frame that is looked at, from its `struct ucontext` on.
const FRAME_BYTES: usize = 480;
/// A stack that ran over left its pointer below the mapping, by less than this in nearly all code.
const STACK_STEP: u64 = 0x10_0000;

/// The bytes of a stack from one place on, with what is needed to read them.
struct Place<'c, 'd> {
    core: &'c Core<'d>,
    bytes: &'d [u8],
    address: Address,
    signal: u32,
    /// Process and thread that died.
    ids: (Option<u64>, u64),
}

impl Place<'_, '_> {
    fn word(&self, offset: usize) -> Option<u64> {
        Some(self.core.target().unsigned(self.bytes.get(offset..offset.checked_add(8)?)?))
    }

    /// `uc_flags` is a small set of bits, `uc_link` is null for a frame that the kernel made.
    fn is_ucontext(&self) -> bool {
        self.word(0).is_some_and(|flags| flags <= 0xff) && self.word(8) == Some(0)
    }

    fn is_stack(&self, at: Address) -> bool {
        self.core.segment_at(at).or_else(|| self.core.segment_at(at.wrapping_add(STACK_STEP))).is_some()
    }
}

/// The outermost caught signal on the stack at `stack`: the one that came first.
pub(crate) fn find(core: &Core<'_>, stack: Address, signal: u32, tid: u64) -> Option<SignalFrame> {
    let read = match core.machine() {
        Machine::X86_64 => x86_64,
        Machine::Aarch64 => aarch64,
        Machine::Other(_) => return None,
    };
    let segment = core.segment_at(stack)?;
    let skip = usize::try_from(stack.0 - segment.address.0).ok()?;
    let bytes = core.segment_bytes(segment).get(skip..)?;
    let pid = core.notes().process.as_ref().map(|process| process.pid);
    let last = bytes.len().saturating_sub(FRAME_BYTES).min(REACH as usize);
    let places = (0..last).step_by(8).filter_map(|at| {
        let address = stack.wrapping_add(at as u64);
        Some(Place { core, bytes: bytes.get(at..)?, address, signal, ids: (pid, tid) })
    });
    places.filter(Place::is_ucontext).filter_map(|place| read(&place)).next_back()
}

/// The `siginfo_t` at `address`, when it is one of the signal.
fn siginfo(place: &Place<'_, '_>, address: Address) -> Option<SignalInfo> {
    let bytes = place.core.bytes(address, SIGINFO_BYTES).ok()?;
    let info =
        parse_signal_info(&bytes, place.core.target(), place.core.cite(address, SIGINFO_BYTES as u64)?)?;
    let is_plausible = info.signal == place.signal && bytes.get(4..8)? == [0; 4] && info.code.abs() < 0x100;
    is_plausible.then_some(info)
}

/// `struct rt_sigframe` of `arch/x86/kernel/signal_64.c`: a `ucontext` of 304 bytes, then `siginfo`. The machine's part
/// (`struct sigcontext_64`, arch/x86/include/uapi/asm/sigcontext.h) stands at 40.
fn x86_64(place: &Place<'_, '_>) -> Option<SignalFrame> {
    const USER_CODE: u64 = 0x33;
    const FP_XSTATE_MAGIC1: u64 = 0x4650_5853;
    const SIGINFO_AT: u64 = 304;
    // r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags stand there in this order; here they are
    // taken in the order of `user_regs_struct`.
    const ORDER: [usize; 15] = [7, 6, 5, 4, 10, 11, 3, 2, 1, 0, 13, 14, 12, 9, 8];
    let word = |offset: usize| place.word(40 + offset);
    let (selectors, error, trap, fault) = (word(144)?, word(152)?, word(160)?, word(176)?);
    if selectors & 0xffff != USER_CODE || trap > 0xff || error > 0xffff {
        return None;
    }
    // The state of the floating-point unit stands behind the frame, and names itself in its reserved bytes.
    let fpstate = Address(word(184)?);
    let magic = place.core.bytes(fpstate.checked_add(464)?, 4).ok()?;
    if place.core.target().unsigned(&magic) != FP_XSTATE_MAGIC1 || !place.is_stack(Address(word(120)?)) {
        return None;
    }
    let mut values = Vec::with_capacity(27);
    for index in ORDER {
        values.push(word(index * 8)?);
    }
    // orig_rax is not saved.
    values.extend([u64::MAX, word(128)?, USER_CODE, word(136)?, word(120)?, selectors >> 48]);
    let citation = place.core.cite(place.address, SIGINFO_AT)?;
    let reported = || reported_by_x86(place, trap, error, fault, word(128)?, citation.clone());
    let (pid, tid) = place.ids;
    let sent = [word(64)?, word(72)?, word(96)?];
    let was_sending = word(104)? == 0
        && (sent == [pid.unwrap_or(tid), tid, u64::from(place.signal)]
            || sent.starts_with(&[pid.unwrap_or(tid), u64::from(place.signal)]));
    Some(SignalFrame {
        info: siginfo(place, place.address.wrapping_add(SIGINFO_AT)).or_else(reported),
        registers: Registers::new(place.core.machine(), values),
        error_code: (trap == PAGE_FAULT).then_some(error),
        was_sending,
        citation,
    })
}

const PAGE_FAULT: u64 = 14;

/// What the kernel makes of an exception of the processor (arch/x86/kernel/traps.c, arch/x86/mm/fault.c).
fn reported_by_x86(
    place: &Place<'_, '_>,
    trap: u64,
    error: u64,
    fault: u64,
    counter: u64,
    citation: Citation,
) -> Option<SignalInfo> {
    let (code, address) = match (place.signal, trap) {
        (signals::SIGSEGV, PAGE_FAULT) => (if error & 1 == 0 { 1 } else { 2 }, Some(fault)),
        (signals::SIGSEGV, 13) => (SI_KERNEL, None),
        (signals::SIGBUS, PAGE_FAULT) => (2, Some(fault)),
        (signals::SIGFPE, 0) => (1, Some(counter)),
        (signals::SIGILL, 6) => (2, Some(counter)),
        _ => return None,
    };
    let fault_address = address.map(Address);
    Some(SignalInfo { signal: place.signal, code, fault_address, sender: None, citation })
}

/// `struct rt_sigframe` of arch/arm64/kernel/signal.c: `siginfo`, then `ucontext` with `struct sigcontext` at 176:
/// fault address, x0 to x30, sp, pc, pstate, then records of which the first is of the floating-point unit.
fn aarch64(place: &Place<'_, '_>) -> Option<SignalFrame> {
    const FPSIMD_MAGIC: u64 = 0x4650_8001;
    let word = |offset: usize| place.word(176 + offset);
    if word(288)? & 0xffff_ffff != FPSIMD_MAGIC {
        return None;
    }
    let mut values = Vec::with_capacity(34);
    for index in 1..=34 {
        values.push(word(index * 8)?);
    }
    let registers = Registers::new(place.core.machine(), values);
    registers.program_counter().filter(|counter| counter.is_aligned(4))?;
    registers.stack_pointer().filter(|&at| place.is_stack(at))?;
    let citation = place.core.cite(place.address, 456)?;
    let fault = Address(word(0)?);
    let reported = || {
        let code = if place.core.segment_at(fault).is_some() { 2 } else { 1 };
        (place.signal == signals::SIGSEGV).then(|| SignalInfo {
            signal: place.signal,
            code,
            fault_address: Some(fault),
            sender: None,
            citation: citation.clone(),
        })
    };
    let (pid, tid) = place.ids;
    let was_sending =
        word(8)? == 0 && word(16)? == tid && word(24)? == u64::from(place.signal) && pid.is_some();
    Some(SignalFrame {
        info: siginfo(place, place.address.wrapping_sub(SIGINFO_BYTES as u64)).or_else(reported),
        registers,
        error_code: None,
        was_sending,
        citation,
    })
}
