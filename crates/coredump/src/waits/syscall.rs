//! What a thread was asking of the kernel, by its registers.

use crate::address::Address;
use crate::crash::registers::Registers;
use crate::elf::notes::ThreadStatus;
use crate::elf::parse::Machine;
use crate::memory::Space;

/// A system call that a thread had not come back from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SystemCall {
    /// Its name; `None` for a number that is in no table here.
    pub(crate) name: Option<&'static str>,
    /// What it waits for.
    pub(crate) waits_for: WaitsFor,
    /// Its first arguments.
    pub(crate) arguments: [u64; 6],
}

/// What a system call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    /// A word in memory to be changed by another thread.
    Futex,
    /// Time to pass.
    Sleep,
    /// One of several descriptors to become ready.
    Poll,
    /// Input from a descriptor.
    Read,
    /// Room for output to a descriptor.
    Write,
    /// A message on a socket.
    Receive,
    /// A socket that takes a message.
    Send,
    /// Somebody to connect to a socket.
    Accept,
    /// A peer to answer.
    Connect,
    /// A child process to end.
    Process,
    /// A signal.
    Signal,
    /// A lock on a file.
    FileLock,
    /// A semaphore of System V.
    Semaphore,
    /// A disk to have written.
    Sync,
    /// Whatever it was that it waited for before it was interrupted: `restart_syscall` has no name for it.
    Restarted,
    /// Nothing that blocks for long.
    Nothing,
}

impl WaitsFor {
    /// The word that the document uses; `None` for what is no wait.
    pub(crate) fn kind(self) -> Option<&'static str> {
        Some(match self {
            Self::Futex => "futex",
            Self::Sleep => "sleep",
            Self::Poll => "poll",
            Self::Read => "read",
            Self::Write => "write",
            Self::Receive => "receive",
            Self::Send => "send",
            Self::Accept => "accept",
            Self::Connect => "connect",
            Self::Process => "process",
            Self::Signal => "signal",
            Self::FileLock => "file-lock",
            Self::Semaphore => "semaphore",
            Self::Sync => "sync",
            Self::Restarted | Self::Nothing => return None,
        })
    }
}

/// Name, numbers on x86-64 and on aarch64 (-1: none), and what it waits for. Numbers:
/// `arch/x86/entry/syscalls/syscall_64.tbl` and `include/uapi/asm-generic/unistd.h` of Linux v6.6.
const TABLE: &[(&str, i64, i64, WaitsFor)] = &[
    ("futex", 202, 98, WaitsFor::Futex),
    ("futex_wait", 455, 455, WaitsFor::Futex),
    ("nanosleep", 35, 101, WaitsFor::Sleep),
    ("clock_nanosleep", 230, 115, WaitsFor::Sleep),
    ("poll", 7, -1, WaitsFor::Poll),
    ("ppoll", 271, 73, WaitsFor::Poll),
    ("select", 23, -1, WaitsFor::Poll),
    ("pselect6", 270, 72, WaitsFor::Poll),
    ("epoll_wait", 232, -1, WaitsFor::Poll),
    ("epoll_pwait", 281, 22, WaitsFor::Poll),
    ("epoll_pwait2", 441, 441, WaitsFor::Poll),
    ("io_uring_enter", 426, 426, WaitsFor::Poll),
    ("read", 0, 63, WaitsFor::Read),
    ("readv", 19, 65, WaitsFor::Read),
    ("pread64", 17, 67, WaitsFor::Read),
    ("preadv", 295, 69, WaitsFor::Read),
    ("write", 1, 64, WaitsFor::Write),
    ("writev", 20, 66, WaitsFor::Write),
    ("pwrite64", 18, 68, WaitsFor::Write),
    ("sendfile", 40, 71, WaitsFor::Write),
    ("recvfrom", 45, 207, WaitsFor::Receive),
    ("recvmsg", 47, 212, WaitsFor::Receive),
    ("sendto", 44, 206, WaitsFor::Send),
    ("sendmsg", 46, 211, WaitsFor::Send),
    ("accept", 43, 202, WaitsFor::Accept),
    ("accept4", 288, 242, WaitsFor::Accept),
    ("connect", 42, 203, WaitsFor::Connect),
    ("wait4", 61, 260, WaitsFor::Process),
    ("waitid", 247, 95, WaitsFor::Process),
    ("pause", 34, -1, WaitsFor::Signal),
    ("rt_sigsuspend", 130, 133, WaitsFor::Signal),
    ("rt_sigtimedwait", 128, 137, WaitsFor::Signal),
    ("flock", 73, 32, WaitsFor::FileLock),
    ("fcntl", 72, 25, WaitsFor::FileLock),
    ("semop", 65, 193, WaitsFor::Semaphore),
    ("semtimedop", 220, 192, WaitsFor::Semaphore),
    ("fsync", 74, 82, WaitsFor::Sync),
    ("fdatasync", 75, 83, WaitsFor::Sync),
    ("restart_syscall", 219, 128, WaitsFor::Restarted),
    ("kill", 62, 129, WaitsFor::Nothing),
    ("tkill", 200, 130, WaitsFor::Nothing),
    ("tgkill", 234, 131, WaitsFor::Nothing),
    ("sched_yield", 24, 124, WaitsFor::Nothing),
];

/// `F_SETLKW` and `F_OFD_SETLKW` of `fcntl(2)`: the two that wait.
const FCNTL_THAT_WAIT: [u64; 2] = [7, 38];

/// The system call that a thread is in, or `None` when it runs code of its own.
///
/// On x86-64 `orig_rax` holds the call's number while a thread is in one, also after a signal or a debugger has
/// stopped it there, and -1 or an interrupt's number otherwise. aarch64 has no such register: `x8` holds the
/// number, and the instruction before the program counter tells whether it is one.
pub(crate) fn of_thread(space: &Space<'_>, machine: Machine, thread: &ThreadStatus) -> Option<SystemCall> {
    let registers = Registers::new(machine, thread.registers.clone());
    let register = |wanted| registers.named().find(|&(name, _)| name == wanted).map(|(_, value)| value);
    let number = |name| i64::try_from(register(name)?).ok().filter(|&number| number < MAX_NUMBER);
    let arguments = |names: [_; 6]| names.map(|name| register(name).unwrap_or_default());
    let (number, arguments) = match machine {
        Machine::X86_64 => (number("orig_rax")?, arguments(["rdi", "rsi", "rdx", "r10", "r8", "r9"])),
        Machine::Aarch64 => {
            let before = registers.program_counter()?.0.checked_sub(4)?;
            match space.unsigned(Address(before), 4) {
                Ok(SVC_0) | Err(_) => {}
                Ok(_) => return None,
            }
            (number("x8")?, arguments(["x0", "x1", "x2", "x3", "x4", "x5"]))
        }
        // Not known to run either; of such a machine no registers are read.
        Machine::Other(_) => return None,
    };
    Some(call(machine, number, arguments))
}

/// No Linux has as many system calls.
const MAX_NUMBER: i64 = 1024;
/// `svc #0`.
const SVC_0: u64 = 0xd400_0001;

fn call(machine: Machine, number: i64, arguments: [u64; 6]) -> SystemCall {
    let entry =
        TABLE.iter().find(|entry| number == if machine == Machine::X86_64 { entry.1 } else { entry.2 });
    let Some(&(name, .., waits_for)) = entry else {
        return SystemCall { name: None, waits_for: WaitsFor::Nothing, arguments };
    };
    let [first, second, third, fourth, ..] = arguments;
    let waits_for = match name {
        // No descriptor to wait for: a sleep by another name, as `time.sleep` did up to 3.10.
        "select" | "pselect6" if first == 0 && [second, third, fourth] == [0; 3] => WaitsFor::Sleep,
        "poll" | "ppoll" if second == 0 => WaitsFor::Sleep,
        "fcntl" if !FCNTL_THAT_WAIT.contains(&second) => WaitsFor::Nothing,
        _ => waits_for,
    };
    SystemCall { name: Some(name), waits_for, arguments }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_by_number() {
        let check = |machine, number, arguments: [u64; 6], name, waits_for| {
            let found = call(machine, number, arguments);
            assert_eq!((found.name, found.waits_for), (name, waits_for));
        };
        let x86 = Machine::X86_64;
        check(x86, 202, [1; 6], Some("futex"), WaitsFor::Futex);
        check(x86, 23, [0; 6], Some("select"), WaitsFor::Sleep);
        check(x86, 23, [4, 1, 0, 0, 0, 0], Some("select"), WaitsFor::Poll);
        check(x86, 72, [4, 7, 1, 0, 0, 0], Some("fcntl"), WaitsFor::FileLock);
        check(x86, 72, [4, 3, 1, 0, 0, 0], Some("fcntl"), WaitsFor::Nothing);
        check(x86, 999, [0; 6], None, WaitsFor::Nothing);
        check(Machine::Aarch64, 98, [1; 6], Some("futex"), WaitsFor::Futex);
        check(Machine::Aarch64, 63, [1; 6], Some("read"), WaitsFor::Read);
    }
}
