//! Signals and the names of their codes (signal(7), sigaction(2); x86 and Arm).

use crate::elf::notes::SI_KERNEL;

pub(crate) use pycoroner_findings::signals::{
    SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGSTOP, SIGSYS, SIGTRAP, SIGXCPU, SIGXFSZ, is_fault,
    name,
};

/// Signals that stop a process, let it go on, or are ignored by default: none ends it (signal(7)).
pub(crate) fn spares(signal: u32) -> bool {
    const SIGCHLD: u32 = 17;
    const SIGCONT: u32 = 18;
    const SIGTTOU: u32 = 22;
    const SIGURG: u32 = 23;
    const SIGWINCH: u32 = 28;
    matches!(signal, SIGCHLD | SIGCONT | SIGSTOP..=SIGTTOU | SIGURG | SIGWINCH)
}

/// Name and meaning of each `si_code`; those with signal 0 go with every signal.
const CODES: [(u32, i32, &str, &str); 31] = [
    (0, 0, "SI_USER", "sent by kill()"),
    (0, -1, "SI_QUEUE", "sent by sigqueue()"),
    (0, -2, "SI_TIMER", "sent by a timer"),
    (0, -3, "SI_MESGQ", "sent by a message queue"),
    (0, -4, "SI_ASYNCIO", "sent at the end of asynchronous I/O"),
    (0, -6, "SI_TKILL", "sent by tgkill(), as raise() and abort() do"),
    (0, SI_KERNEL, "SI_KERNEL", "sent by the kernel, without an address"),
    (SIGSEGV, 1, "SEGV_MAPERR", "the address is not mapped"),
    (SIGSEGV, 2, "SEGV_ACCERR", "the mapping does not permit this access"),
    (SIGSEGV, 3, "SEGV_BNDERR", "a bounds check failed"),
    (SIGSEGV, 4, "SEGV_PKUERR", "a protection key does not permit this access"),
    (SIGSEGV, 8, "SEGV_MTEAERR", "a memory tag does not match"),
    (SIGSEGV, 9, "SEGV_MTESERR", "a memory tag does not match"),
    (SIGBUS, 1, "BUS_ADRALN", "the address is not aligned"),
    (SIGBUS, 2, "BUS_ADRERR", "there is no memory behind the address"),
    (SIGBUS, 3, "BUS_OBJERR", "a hardware error of the object"),
    (SIGBUS, 4, "BUS_MCEERR_AR", "a hardware memory error was consumed"),
    (SIGBUS, 5, "BUS_MCEERR_AO", "a hardware memory error was detected"),
    (SIGFPE, 1, "FPE_INTDIV", "an integer division by zero, or one whose result does not fit"),
    (SIGFPE, 2, "FPE_INTOVF", "an integer overflow"),
    (SIGFPE, 3, "FPE_FLTDIV", "a floating-point division by zero"),
    (SIGFPE, 4, "FPE_FLTOVF", "a floating-point overflow"),
    (SIGFPE, 5, "FPE_FLTUND", "a floating-point underflow"),
    (SIGFPE, 7, "FPE_FLTINV", "an invalid floating-point operation"),
    (SIGILL, 1, "ILL_ILLOPC", "an illegal opcode"),
    (SIGILL, 2, "ILL_ILLOPN", "an illegal operand or opcode"),
    (SIGILL, 5, "ILL_PRVOPC", "a privileged opcode"),
    (SIGILL, 8, "ILL_BADSTK", "an error of the internal stack"),
    (SIGTRAP, 1, "TRAP_BRKPT", "a breakpoint"),
    (SIGTRAP, 2, "TRAP_TRACE", "a trace trap"),
    (SIGSYS, 1, "SYS_SECCOMP", "a system call that a seccomp filter forbids"),
];

fn code(signal: u32, code: i32) -> Option<(&'static str, &'static str)> {
    let found = CODES.iter().find(|&&(of, number, ..)| (of == 0 || of == signal) && number == code);
    found.map(|&(_, _, name, meaning)| (name, meaning))
}

/// `SEGV_MAPERR`.
pub(crate) fn code_name(signal: u32, number: i32) -> String {
    code(signal, number).map_or_else(|| format!("si_code {number}"), |(name, _)| name.to_owned())
}

/// `SIGSEGV, SEGV_MAPERR: the address is not mapped`.
pub(crate) fn in_words(signal: u32, number: Option<i32>) -> String {
    let of = name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned);
    match number.map(|number| (number, code(signal, number))) {
        None => of,
        Some((_, Some((name, meaning)))) => format!("{of}, {name}: {meaning}"),
        Some((number, None)) => format!("{of}, si_code {number}"),
    }
}
