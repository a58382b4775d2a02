//! What a core's facts add up to: the verdict on its end, and findings. The only place that judges.

use pycoroner_findings::{Basis, Confidence, Evidence, Finding, Severity};

use crate::address::Address;
use crate::elf::notes::{SI_KERNEL, SignalInfo, ThreadStatus};
use crate::elf::parse::Core;
use crate::runtime::threads::stack_pointer;
use crate::snapshot::crash::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, signal_name};
use crate::snapshot::document::{ExceptionSection, FrameSection, ProcessSnapshot, ThreadSection, Verdict};

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

/// Findings of a snapshot, the weightiest first.
pub(crate) fn of_snapshot(snapshot: &ProcessSnapshot) -> Vec<Finding> {
    let crashed = snapshot.threads.iter().find(|thread| thread.crashed);
    let mut findings: Vec<Finding> = crash(snapshot, crashed).into_iter().collect();
    findings.extend(crashed.and_then(deep_recursion));
    findings.extend(crashed.and_then(exception_in_flight));
    findings
}

fn crash(snapshot: &ProcessSnapshot, crashed: Option<&ThreadSection>) -> Option<Finding> {
    let verdict = snapshot.crash.verdict.as_ref()?;
    let (id, severity) = match verdict.id {
        "null-dereference" => ("crash-null-dereference", Severity::Critical),
        "stack-overflow" => ("crash-stack-overflow", Severity::Critical),
        "invalid-access" => ("crash-invalid-access", Severity::Critical),
        "abort" => ("crash-abort", Severity::Critical),
        "external-signal" => ("crash-external-kill", Severity::Error),
        "no-crash" => ("no-crash", Severity::Info),
        _ => ("crash-signal", Severity::Critical),
    };
    let signal = snapshot.crash.signal_name.unwrap_or("no signal");
    let title = format!("{}: {}", signal, verdict.summary);
    let mut finding = Finding::new(id, severity, verdict.confidence, title);
    let citations = &snapshot.crash.citations;
    for (index, because) in verdict.because.iter().enumerate() {
        let evidence =
            Evidence::new(if index == 0 { Basis::Observed } else { Basis::Derived }, because.clone());
        finding = finding.with_evidence(evidence.cite(citations.first().cloned()));
    }
    if let Some(message) = &snapshot.crash.abort_message {
        let statement = format!("before it aborted, the C library wrote: {message}");
        let citation = snapshot.crash.abort_message_citation.clone();
        finding = finding.with_evidence(Evidence::new(Basis::Observed, statement).cite(citation));
    }
    if let Some(frame) = crashed.and_then(|thread| thread.python_frames.first()) {
        finding = finding.about(place(frame)).with_evidence(
            Evidence::new(
                Basis::Observed,
                format!("the thread's innermost Python frame was {}", place(frame)),
            )
            .cite(frame.citation.clone()),
        );
    }
    for against in &verdict.against {
        finding = finding.with_against(Evidence::new(Basis::Derived, against.clone()));
    }
    Some(finding)
}

fn place(frame: &FrameSection) -> String {
    let name = frame.qualname.as_deref().unwrap_or(&frame.function);
    match frame.line {
        Some(line) => format!("{name} at {}:{line}", frame.file),
        None => format!("{name} in {}", frame.file),
    }
}

/// The exception that was in force where the process ended; it need not have to do with the end.
fn exception_in_flight(thread: &ThreadSection) -> Option<Finding> {
    let exception = thread.exceptions.first()?;
    let raised = exception.role == Some("raised");
    let name = exception.type_name.as_deref().unwrap_or("an exception");
    let doing = if raised { "was on its way up" } else { "was being handled" };
    let title = match exception.message.as_deref().filter(|message| !message.is_empty()) {
        Some(message) => format!("{name} ({message}) {doing} in the thread that crashed"),
        None => format!("{name} {doing} in the thread that crashed"),
    };
    let statement = match raised_at(exception) {
        Some(frame) => format!("{name} was raised in {}", place(frame)),
        None => format!("the thread state names {name}"),
    };
    let confidence = if raised { Confidence::Moderate } else { Confidence::Weak };
    Some(
        Finding::new("exception-in-flight", Severity::Warning, confidence, title)
            .about(name)
            .with_evidence(Evidence::new(Basis::Observed, statement).cite(exception.citation.clone()))
            .refuted_if("the same exception is handled often without a crash"),
    )
}

fn raised_at(exception: &ExceptionSection) -> Option<&FrameSection> {
    exception.traceback.last()
}

/// Recursion limits are a thousand by default; a stack this deep has one cycle in it.
const DEEP: usize = 500;

fn deep_recursion(thread: &ThreadSection) -> Option<Finding> {
    let frames = &thread.python_frames;
    if frames.len() < DEEP {
        return None;
    }
    let same = |a: &FrameSection, b: &FrameSection| a.function == b.function && a.file == b.file;
    // The cycle's length: how far below the middle the middle's function comes again.
    let middle = frames.len() / 2;
    let below = frames.get(middle..)?;
    let first = below.first()?;
    let length = below.iter().skip(1).position(|frame| same(frame, first))? + 1;
    let cycle = below.get(..length)?;
    let repeats =
        below.chunks_exact(length).take_while(|turn| turn.iter().zip(cycle).all(|(a, b)| same(a, b))).count();
    if repeats * length * 4 < frames.len() {
        return None;
    }
    let names: Vec<_> = cycle.iter().take(5).map(place).collect();
    let title = format!("{} Python frames deep in a recursion of {}", frames.len(), names.join(" and "));
    Some(
        Finding::new("deep-recursion", Severity::Error, Confidence::Strong, title)
            .about(first.function.clone())
            .with_evidence(
                Evidence::new(
                    Basis::Observed,
                    format!("{repeats} turns of the same {length} frames were counted"),
                )
                .cite(first.citation.clone()),
            ),
    )
}
