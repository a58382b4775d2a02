//! The verdict on the end of a process: what signal, fault address and registers say.

use pycoroner_findings::Confidence;

use crate::address::Address;
use crate::elf::notes::{SI_KERNEL, SignalInfo, ThreadStatus};
use crate::elf::parse::Core;
use crate::runtime::threads::stack_pointer;
use crate::snapshot::crash::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, signal_name};
use crate::snapshot::document::Verdict;

/// The lowest page is never mapped (`vm.mmap_min_addr` is 64 KiB where it is set at all).
const NULL_ZONE: u64 = 0x1_0000;
/// A function's frame is smaller than this in nearly all code; a fault this near the stack pointer is the stack's.
const STACK_REACH: u64 = 0x10_0000;

/// What signal, fault address and registers say about the end.
pub(crate) fn verdict(
    core: &Core<'_>,
    signal: u32,
    info: Option<&SignalInfo>,
    thread: Option<&ThreadStatus>,
) -> Verdict {
    let fault = info.and_then(|info| info.fault_address);
    let stack = thread.and_then(|thread| stack_pointer(core.machine(), thread));
    let fault_says = |address: Address| format!("the signal names fault address {address}");
    match (signal, fault) {
        (SIGSEGV | SIGBUS, Some(address)) if address.0 < NULL_ZONE => Verdict {
            id: "null-dereference",
            confidence: Confidence::Strong,
            summary: format!("native code used a null pointer (address {address})"),
            because: vec![fault_says(address), "no page below 64 KiB is ever mapped".into()],
            against: Vec::new(),
        },
        (SIGSEGV | SIGBUS, Some(address)) if is_stack_overflow(core, address, stack) => Verdict {
            id: "stack-overflow",
            confidence: Confidence::Strong,
            summary: format!("the thread ran out of stack (address {address})"),
            because: vec![
                fault_says(address),
                format!("the stack pointer {} stood within 1 MiB of it", stack.unwrap_or_default()),
                "no writable memory is mapped there".into(),
            ],
            against: Vec::new(),
        },
        (SIGSEGV | SIGBUS, Some(address)) => invalid_access(core, address),
        (SIGSEGV | SIGBUS | SIGILL | SIGFPE, None) if info.is_some_and(|info| info.code <= 0) => {
            sent(signal, info)
        }
        (SIGSEGV, None) if info.is_some_and(|info| info.code == SI_KERNEL) => Verdict {
            id: "invalid-access",
            confidence: Confidence::Moderate,
            summary: "native code used an address that is no valid one (non-canonical)".into(),
            because: vec!["the kernel reported a fault without an address (SI_KERNEL)".into()],
            against: Vec::new(),
        },
        (SIGABRT, _)
            if info.is_none_or(|info| info.sender.is_none_or(|(pid, _)| Some(pid) == own_pid(core))) =>
        {
            Verdict {
                id: "abort",
                confidence: Confidence::Strong,
                summary: "the process aborted itself".into(),
                because: vec!["the signal is SIGABRT and the process sent it to itself".into()],
                against: Vec::new(),
            }
        }
        (SIGFPE | SIGILL | SIGSEGV | SIGBUS, _) => Verdict {
            id: "fault",
            confidence: Confidence::Moderate,
            summary: format!("native code raised {}", signal_name(signal).unwrap_or("a signal")),
            because: vec![format!("the signal is {signal}")],
            against: Vec::new(),
        },
        _ => sent(signal, info),
    }
}

fn own_pid(core: &Core<'_>) -> Option<u64> {
    core.notes().process.as_ref().map(|process| process.pid)
}

fn is_stack_overflow(core: &Core<'_>, fault: Address, stack: Option<Address>) -> bool {
    let near = stack.is_some_and(|stack| fault.0.abs_diff(stack.0) < STACK_REACH);
    near && !core.segment_at(fault).is_some_and(|segment| segment.writable)
}

fn invalid_access(core: &Core<'_>, address: Address) -> Verdict {
    let (summary, detail) = match core.segment_at(address) {
        None => ("an address that was not mapped", "no mapping of the process covers it"),
        Some(segment) if !segment.writable => {
            ("memory that it may not write", "the mapping there is not writable")
        }
        Some(_) => ("memory in a way that was not allowed", "the mapping there is writable"),
    };
    Verdict {
        id: "invalid-access",
        confidence: Confidence::Strong,
        summary: format!("native code used {summary} ({address})"),
        because: vec![format!("the signal names fault address {address}"), detail.into()],
        against: Vec::new(),
    }
}

fn sent(signal: u32, info: Option<&SignalInfo>) -> Verdict {
    let name = signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned);
    let mut because = vec![format!("the signal is {name}")];
    let sender = info.and_then(|info| info.sender);
    if let Some((pid, uid)) = sender {
        because.push(format!("process {pid} of user {uid} sent it"));
    }
    Verdict {
        id: "external-signal",
        confidence: if sender.is_some() { Confidence::Strong } else { Confidence::Moderate },
        summary: format!("{name} was sent to the process"),
        because,
        against: if signal == SIGKILL {
            vec!["a killed process leaves no core by itself".into()]
        } else {
            Vec::new()
        },
    }
}

/// No thread was hit by a deadly signal.
pub(crate) fn no_crash() -> Verdict {
    Verdict {
        id: "no-crash",
        confidence: Confidence::Strong,
        summary: "nothing crashed: the core is a copy of a process that was alive".into(),
        because: vec!["no thread was hit by a deadly signal".into()],
        against: Vec::new(),
    }
}
