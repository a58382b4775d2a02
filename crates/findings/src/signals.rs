//! Numbers and names of signals, as Linux has them on x86 and Arm (signal(7)).

/// An instruction that the processor does not know.
pub const SIGILL: u32 = 4;
/// A breakpoint or a trap.
pub const SIGTRAP: u32 = 5;
/// What `abort()` sends.
pub const SIGABRT: u32 = 6;
/// An access to a mapping without memory behind it, or a misaligned one.
pub const SIGBUS: u32 = 7;
/// An arithmetic operation without a result.
pub const SIGFPE: u32 = 8;
/// The end that no process can prevent.
pub const SIGKILL: u32 = 9;
/// An access to memory that is not mapped, or not so.
pub const SIGSEGV: u32 = 11;
/// Stops a process; none can prevent it.
pub const SIGSTOP: u32 = 19;
/// The limit of processor time was met.
pub const SIGXCPU: u32 = 24;
/// The limit of a file's size was met.
pub const SIGXFSZ: u32 = 25;
/// A system call that a filter forbids.
pub const SIGSYS: u32 = 31;

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

/// Words behind `Fatal Python error: ` that stand for a signal (CPython's `Modules/faulthandler.c`), in all spellings that
/// they have had.
pub const FATAL_ERRORS: [(&str, u32); 6] = [
    ("Segmentation fault", SIGSEGV),
    ("Aborted", SIGABRT),
    ("Bus error", SIGBUS),
    ("Floating-point exception", SIGFPE),
    ("Floating point exception", SIGFPE),
    ("Illegal instruction", SIGILL),
];

/// Whether the kernel sends it when an instruction fails.
pub fn is_fault(signal: u32) -> bool {
    matches!(signal, SIGILL | SIGTRAP | SIGBUS | SIGFPE | SIGSEGV)
}

/// `SIGSEGV` for 11.
pub fn name(signal: u32) -> Option<&'static str> {
    NAMES.get(usize::try_from(signal).ok()?.checked_sub(1)?).copied()
}

/// 11 for `SIGSEGV`, in any case, with or without `SIG`.
pub fn number(name: &str) -> Option<u32> {
    let name = name.to_ascii_uppercase();
    let bare = name.strip_prefix("SIG").unwrap_or(&name);
    let index = NAMES.iter().position(|known| known.strip_prefix("SIG") == Some(bare))?;
    u32::try_from(index + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let check = |text: &str, expected: Option<u32>| assert_eq!(number(text), expected, "{text}");
        check("SIGSEGV", Some(SIGSEGV));
        check("segv", Some(SIGSEGV));
        check("SIGSYS", Some(SIGSYS));
        check("SIG", None);
        check("", None);
        check("SIGé", None);
        assert_eq!((name(SIGKILL), name(0), name(32)), (Some("SIGKILL"), None, None));
        assert!((1..=31).all(|signal| name(signal).and_then(number) == Some(signal)));
    }
}
