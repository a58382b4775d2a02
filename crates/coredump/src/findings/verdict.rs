//! The verdict on the end of a process: what signal, fault address and registers say.

use pycoroner_findings::Confidence;

use crate::address::Address;
use crate::crash::Death;
use crate::crash::instruction::{Kind, Refused};
use crate::crash::place::Place;
use crate::crash::pointers::{BrokenPointer, Telltale};
use crate::crash::signals::{
    self, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGSYS, SIGXCPU, SIGXFSZ,
};
use crate::elf::notes::SI_KERNEL;
use crate::findings::recursion;
use crate::snapshot::document::Verdict;

/// What the facts about the end add up to.
pub(crate) fn verdict(death: &Death) -> Verdict {
    let Some(signal) = death.signal else { return no_crash() };
    let code = death.first().map(|info| info.code);
    let mut verdict = match (signal, &death.place) {
        _ if signals::is_fault(signal) && code.is_some_and(|code| code <= 0) => sent(death, signal),
        (SIGBUS, Some(Place::Mapped(mapped))) if mapped.file.is_some() && code == Some(BUS_ADRERR) => {
            file_truncated(mapped.file.as_deref().unwrap_or_default())
        }
        (SIGSEGV | SIGBUS, Some(place)) => access(death, place),
        (SIGSEGV, None) if code == Some(SI_KERNEL) => impossible_address(&death.broken),
        (SIGFPE, _) => arithmetic(code),
        (SIGILL, _) => illegal_instruction(death.refused.as_ref()),
        (SIGABRT, _) if death.is_own() != Some(false) => abort(death),
        (SIGXCPU | SIGXFSZ, _) if death.is_own() != Some(false) || code == Some(SI_KERNEL) => limit(signal),
        (SIGSYS, _) if code == Some(SYS_SECCOMP) => Verdict {
            against: Vec::new(),
            ..new(
                "fault",
                Confidence::Strong,
                "the process made a system call that its seccomp filter forbids".into(),
            )
        },
        _ if signals::is_fault(signal) => new(
            "fault",
            Confidence::Moderate,
            format!("native code raised {}", signals::name(signal).unwrap_or("a signal")),
        ),
        _ => sent(death, signal),
    };
    add_signal(death, signal, &mut verdict);
    verdict
}

const BUS_ADRERR: i32 = 2;
const SYS_SECCOMP: i32 = 1;
const FPE_INTDIV: i32 = 1;

fn new(id: &'static str, confidence: Confidence, summary: String) -> Verdict {
    Verdict { id, confidence, summary, because: Vec::new(), against: Vec::new() }
}

/// Puts what the notes say in front.
fn add_signal(death: &Death, signal: u32, verdict: &mut Verdict) {
    let first = death.first();
    let words = signals::in_words(signal, first.map(|info| info.code));
    let mut notes = vec![match first.and_then(|info| info.fault_address) {
        Some(address) => format!("the signal is {words}; it names fault address {address}"),
        None => format!("the signal is {words}"),
    }];
    if let Some(caught) = &death.caught {
        let again = death
            .info
            .as_ref()
            .map_or_else(String::new, |info| format!(" ({})", signals::code_name(info.signal, info.code)));
        notes
            .push(format!("a handler had caught it and raised it again{again}; this is about the first one"));
        if let Some(error) = caught.error_code {
            notes.push(access_in_words(error).to_owned());
        }
    }
    notes.append(&mut verdict.because);
    verdict.because = notes;
}

/// The page fault error code of x86 (Intel SDM volume 3, 4.7).
fn access_in_words(error: u64) -> &'static str {
    const WRITE: u64 = 1 << 1;
    const FETCH: u64 = 1 << 4;
    match error {
        _ if error & FETCH != 0 => "the processor reported the fetch of an instruction",
        _ if error & WRITE != 0 => "the processor reported a write",
        _ => "the processor reported a read",
    }
}

/// An access to an address that failed.
fn access(death: &Death, place: &Place) -> Verdict {
    let address = death.fault_address().unwrap_or_default();
    if death.freed.is_some() {
        return use_after_free(death, address);
    }
    match place {
        Place::Null => null(death, address),
        Place::StackEnd { guard, stack_bytes } => stack_overflow(death, address, *guard, *stack_bytes),
        Place::Unmapped { just_behind } => {
            let summary = if is_call(death, address) {
                format!("native code jumped to an address that was not mapped ({address})")
            } else {
                format!("native code used an address that was not mapped ({address})")
            };
            let mut verdict = new("invalid-access", Confidence::Strong, summary);
            verdict.because.push("no mapping of the process covers it".into());
            if let Some(mapped) = just_behind {
                let words = mapped.in_words();
                verdict.because.push(format!("it lies less than a page behind the end of {words}"));
            }
            verdict
        }
        Place::Mapped(mapped) => {
            let what = if is_call(death, address) && !mapped.executable {
                "native code jumped into memory that is not executable"
            } else if !mapped.readable && !mapped.writable && !mapped.executable {
                "native code used memory that may not be touched"
            } else if !mapped.writable {
                "native code wrote to memory that may not be written"
            } else {
                "native code used memory in a way that was not allowed"
            };
            let mut verdict = new("invalid-access", Confidence::Strong, format!("{what} ({address})"));
            verdict.because.push(format!("the mapping there is {}", mapped.in_words()));
            verdict
        }
    }
}

/// Whether the failed access was the fetch of the next instruction.
fn is_call(death: &Death, address: Address) -> bool {
    death.registers.program_counter() == Some(address)
}

fn null(death: &Death, address: Address) -> Verdict {
    let summary = match address.0 {
        _ if is_call(death, address) => {
            format!("native code called a function through a null pointer (address {address})")
        }
        0 => "native code used a null pointer (address 0x0)".to_owned(),
        offset => format!(
            "native code used a null pointer (address {address}: a member {offset} bytes into the structure, or an element, that it should point at)"
        ),
    };
    let mut verdict = new("null-dereference", Confidence::Strong, summary);
    verdict.because.push("no mapping of the process covers that page".into());
    verdict
}

/// A thread whose stack is smaller than this has hardly run over by recursion.
const SMALL_STACK: u64 = 48 << 10;

fn stack_overflow(death: &Death, address: Address, guard: bool, stack_bytes: Option<u64>) -> Verdict {
    let mut verdict =
        new("stack-overflow", Confidence::Strong, format!("the thread ran out of stack (address {address})"));
    let stack = death.registers.stack_pointer().unwrap_or_default();
    verdict.because.push(format!("the stack pointer {stack} stood within 1 MiB of it"));
    verdict.because.push(
        if guard { "the guard page below the stack is there" } else { "no writable memory is mapped there" }
            .to_owned(),
    );
    if let Some(repeated) = &death.repeated {
        verdict.because.push(recursion::repeated_in_words(repeated));
    }
    if let Some(bytes) = stack_bytes {
        verdict.because.push(format!("{} KiB of stack were in use", bytes >> 10));
        if death.repeated.is_none() && bytes < SMALL_STACK {
            verdict.confidence = Confidence::Moderate;
            verdict.against.push("that is little: one large array on the stack, or a stack that was made small, also explains it".into());
        }
    }
    verdict
}

fn use_after_free(death: &Death, address: Address) -> Verdict {
    let mut verdict = new(
        "use-after-free",
        Confidence::Moderate,
        format!("native code used memory that it had freed (address {address})"),
    );
    if let Some(freed) = &death.freed {
        verdict.because.push(format!(
            "register {} points at the block {}, and the word there, {}, is what glibc writes into a freed block: the link of its free list",
            freed.register, freed.block, freed.link
        ));
        verdict.because.push("the fault address was made from that word".into());
    }
    verdict
}

fn impossible_address(broken: &[BrokenPointer]) -> Verdict {
    let is_freed = |pointer: &&BrokenPointer| matches!(pointer.tells, Telltale::Freed(_));
    let mut verdict = match broken.iter().find(is_freed) {
        Some(pointer) => new(
            "use-after-free",
            Confidence::Strong,
            format!("native code used a pointer out of memory that had been freed ({})", pointer.value),
        ),
        None => new(
            "invalid-access",
            if broken.is_empty() { Confidence::Moderate } else { Confidence::Strong },
            "native code used an address that is no valid one (non-canonical)".into(),
        ),
    };
    verdict.because.push(
        "the kernel names no address when the processor cannot form one (a general protection fault)".into(),
    );
    for pointer in broken.iter().take(4) {
        let tells = match &pointer.tells {
            Telltale::Freed(fill) | Telltale::Fill(fill) => format!(", filled with {fill}"),
            Telltale::Text(text) => format!(", the characters {text:?}: text was written over a pointer"),
            Telltale::Impossible => String::new(),
        };
        verdict.because.push(format!("register {} held {}{tells}", pointer.register, pointer.value));
    }
    if broken.iter().any(|pointer| Some(pointer.value) != broken.first().map(|first| first.value)) {
        verdict
            .against
            .push("more than one register holds no address; which one was used is not known".into());
    }
    verdict
}

fn file_truncated(file: &str) -> Verdict {
    let mut verdict = new(
        "file-truncated",
        Confidence::Strong,
        format!("the file {file} was mapped, and its part that was read or written is no longer there"),
    );
    verdict.because.push(format!("the fault address lies in a mapping of {file}"));
    verdict.because.push("BUS_ADRERR on a mapped file says that the page lies behind the end of the file: it was cut, or its disk failed or is full".into());
    verdict
}

fn arithmetic(code: Option<i32>) -> Verdict {
    if code == Some(FPE_INTDIV) {
        return new(
            "divide-by-zero",
            Confidence::Strong,
            "native code divided an integer by zero, or the smallest integer by -1".into(),
        );
    }
    new("fault", Confidence::Moderate, "native code failed in an arithmetic instruction".into())
}

fn illegal_instruction(refused: Option<&Refused>) -> Verdict {
    let unknown = "the processor met an instruction that it does not know, or that a compiler put there to stop the program";
    let mut verdict = new("illegal-instruction", Confidence::Strong, unknown.to_owned());
    if let Some(Refused { bytes, kind }) = refused {
        let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let bytes = bytes.join(" ");
        match kind {
            Some(Kind::Trap(name)) => {
                verdict.summary =
                    format!("native code ran into {name}, an instruction that is there to stop the program");
                verdict.because.push(format!("the instruction there is {name} (bytes {bytes})"));
                verdict.because.push(
                    "compilers put it where code must not go on: behind what cannot happen, and where a check failed".into(),
                );
                return verdict;
            }
            Some(Kind::Extension(name)) => {
                verdict.confidence = Confidence::Moderate;
                verdict.summary =
                    format!("native code used an instruction of {name}, which this processor may not have");
                verdict.because.push(format!("the instruction there is one of {name} (bytes {bytes})"));
                verdict.against.push(
                    "which processor it was is not in the core; a hypervisor or the kernel may also have turned the extension off".into(),
                );
                return verdict;
            }
            None => {
                verdict
                    .because
                    .push(format!("the bytes there, {bytes}, belong to no extension that is known here"));
            }
        }
    }
    verdict.because.push("a build for a newer processor (AVX2, AVX-512) and a compiler's trap for code that must not be reached both end like this".into());
    verdict
}

fn abort(death: &Death) -> Verdict {
    let mut verdict = new("abort", Confidence::Strong, "the process aborted itself".into());
    if death.is_own() == Some(true) {
        verdict.because.push("the process sent it to itself".into());
        if let Some(exception) = &death.native_exception {
            let name = exception.type_name.as_deref().unwrap_or("an exception of unknown type");
            let text = exception.message.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            verdict.because.push(match exception.language {
                "rust" => format!("a Rust panic that aborts{text} (found in {})", exception.found_by),
                _ => {
                    format!("nothing caught the C++ exception {name}{text} (found by {})", exception.found_by)
                }
            });
        }
    } else {
        verdict.confidence = Confidence::Moderate;
        verdict.against.push("the core does not say who sent the signal".into());
    }
    verdict
}

fn limit(signal: u32) -> Verdict {
    let what = if signal == SIGXCPU { "processor time" } else { "file size" };
    new(
        "resource-limit",
        Confidence::Strong,
        format!("the process went over its limit of {what} (setrlimit, ulimit)"),
    )
}

/// A signal that a process sent, this one or another.
fn sent(death: &Death, signal: u32) -> Verdict {
    let name = signals::name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned);
    let sender = death.first().and_then(|info| info.sender);
    let mut verdict = match death.is_own() {
        Some(true) => new(
            "own-signal",
            Confidence::Strong,
            format!("the process sent {name} to itself; no instruction failed"),
        ),
        _ => new(
            "external-signal",
            if sender.is_some() { Confidence::Strong } else { Confidence::Moderate },
            format!("{name} was sent to the process"),
        ),
    };
    if let Some((pid, uid)) = sender {
        let who = match death.is_own() {
            Some(true) => "the process itself".to_owned(),
            _ if pid == 0 => "a process outside of its container, or the kernel,".to_owned(),
            _ => format!("process {pid}"),
        };
        verdict.because.push(format!("{who} of user {uid} sent it"));
    }
    if signal == SIGKILL {
        verdict.against.push("a killed process leaves no core by itself".into());
    }
    if death.first().is_none() && death.caught.is_some() {
        verdict.confidence = Confidence::Moderate;
        verdict.because.push(
            "the thread was not in the system call that would have sent it, so it came from outside".into(),
        );
        verdict.against.push("who sent it first is not in the core".into());
    }
    if death.is_own() == Some(false) && (signals::is_fault(signal) || signal == SIGABRT) {
        verdict
            .because
            .push("nothing in this process failed: supervisors and watchdogs end a worker like this".into());
    }
    verdict
}

/// No thread was hit by a deadly signal.
fn no_crash() -> Verdict {
    let mut verdict = new(
        "no-crash",
        Confidence::Strong,
        "nothing crashed: the core is a copy of a process that was alive".into(),
    );
    verdict.because.push("no thread was hit by a deadly signal".into());
    verdict
}
