//! How the process ended, in words.

use crate::elf::abort_message;
use crate::elf::notes::SI_KERNEL;
use crate::elf::parse::Core;
use crate::findings;
use crate::runtime::process::DeadProcess;
use crate::snapshot::document::CrashSection;

/// Reads the end of the process from the notes.
pub(crate) fn section(process: &DeadProcess<'_>) -> CrashSection {
    let core = process.core();
    let notes = core.notes();
    let first = notes.threads.first();
    let signal = match (&notes.signal, first) {
        (Some(info), _) if info.signal != 0 => Some(info.signal),
        (_, Some(thread)) if thread.signal != 0 => Some(thread.signal),
        _ => None,
    };
    // Debuggers stop a live process to copy it; what they leave in the notes is no cause of death.
    let Some(signal) = signal.filter(|&signal| !matches!(signal, SIGTRAP | SIGSTOP) || is_kernel_core(core))
    else {
        return CrashSection { verdict: Some(findings::no_crash()), ..CrashSection::default() };
    };
    let info = notes.signal.as_ref().filter(|info| info.signal == signal);
    let fault_address = info.and_then(|info| info.fault_address);
    let message = if signal == SIGABRT { abort_message::read(process) } else { None };
    CrashSection {
        signal: Some(signal),
        signal_name: signal_name(signal),
        code: info.map(|info| code_name(signal, info.code)),
        fault_address,
        abort_message: message.as_ref().map(|message| message.text.clone()),
        abort_message_citation: message.and_then(|message| core.cite(message.address, message.len)),
        fatal_message: None,
        sender_pid: info.and_then(|info| info.sender).map(|(pid, _)| pid),
        tid: first.map(|thread| thread.tid),
        verdict: Some(findings::verdict(core, signal, info, first)),
        citations: info
            .map(|info| info.citation.clone())
            .into_iter()
            .chain(first.map(|thread| thread.citation.clone()))
            .collect(),
    }
}

/// The kernel writes `NT_SIGINFO`; what a debugger writes of a live process has none, or one without a cause.
fn is_kernel_core(core: &Core<'_>) -> bool {
    core.notes().signal.as_ref().is_some_and(|info| info.signal != 0)
}

pub(crate) const SIGILL: u32 = 4;
const SIGTRAP: u32 = 5;
pub(crate) const SIGABRT: u32 = 6;
pub(crate) const SIGBUS: u32 = 7;
pub(crate) const SIGFPE: u32 = 8;
pub(crate) const SIGKILL: u32 = 9;
pub(crate) const SIGSEGV: u32 = 11;
const SIGSTOP: u32 = 19;

/// The name of a Linux signal number (signal(7), x86 and Arm).
pub(crate) fn signal_name(signal: u32) -> Option<&'static str> {
    const NAMES: [&str; 31] = [
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGILL",
        "SIGTRAP",
        "SIGABRT",
        "SIGBUS",
        "SIGFPE",
        "SIGKILL",
        "SIGUSR1",
        "SIGSEGV",
        "SIGUSR2",
        "SIGPIPE",
        "SIGALRM",
        "SIGTERM",
        "SIGSTKFLT",
        "SIGCHLD",
        "SIGCONT",
        "SIGSTOP",
        "SIGTSTP",
        "SIGTTIN",
        "SIGTTOU",
        "SIGURG",
        "SIGXCPU",
        "SIGXFSZ",
        "SIGVTALRM",
        "SIGPROF",
        "SIGWINCH",
        "SIGIO",
        "SIGPWR",
        "SIGSYS",
    ];
    NAMES.get(usize::try_from(signal).ok()?.checked_sub(1)?).copied()
}

/// The name of a `si_code` (sigaction(2)).
fn code_name(signal: u32, code: i32) -> String {
    let name = match (signal, code) {
        (_, 0) => "SI_USER",
        (_, -1) => "SI_QUEUE",
        (_, -2) => "SI_TIMER",
        (_, -3) => "SI_MESGQ",
        (_, -4) => "SI_ASYNCIO",
        (_, -6) => "SI_TKILL",
        (_, SI_KERNEL) => "SI_KERNEL",
        (SIGSEGV, 1) => "SEGV_MAPERR",
        (SIGSEGV, 2) => "SEGV_ACCERR",
        (SIGSEGV, 3) => "SEGV_BNDERR",
        (SIGSEGV, 4) => "SEGV_PKUERR",
        (SIGBUS, 1) => "BUS_ADRALN",
        (SIGBUS, 2) => "BUS_ADRERR",
        (SIGBUS, 3) => "BUS_OBJERR",
        (SIGFPE, 1) => "FPE_INTDIV",
        (SIGFPE, 2) => "FPE_INTOVF",
        (SIGFPE, 3) => "FPE_FLTDIV",
        (SIGILL, 1) => "ILL_ILLOPC",
        (SIGILL, 2) => "ILL_ILLOPN",
        _ => return format!("si_code {code}"),
    };
    name.to_owned()
}
