//! The Linux kernel (`arch/x86/mm/fault.c`, `arch/x86/kernel/traps.c`, `arch/arm64/mm/fault.c`, `mm/oom_kill.c`,
//! `mm/memcontrol.c`).

use pycoroner_findings::Severity;

use super::{Fact, narrow};
use crate::ascii::{after, contains, leading_number, lossy, number_after, until};

pub(super) fn kernel(message: &[u8]) -> Option<Fact> {
    fault(message).or_else(|| out_of_memory(message))
}

/// A fault that nothing handled.
fn fault(message: &[u8]) -> Option<Fact> {
    if let Some(at) = memchr::memmem::find(message, b": segfault at ") {
        return Some(fault_fact(message, at, 11));
    }
    for (needle, signal) in [
        (&b"general protection"[..], 11),
        (b"trap invalid opcode", 4),
        (b"trap divide error", 8),
        (b"trap stack segment", 7),
    ] {
        if let Some(at) = memchr::memmem::find(message, needle)
            && contains(message, b" ip:")
        {
            return Some(fault_fact(message, at, signal));
        }
    }
    // arm64: `python3[77]: unhandled level 2 translation fault (11) at 0x0, esr 0x92000046, in libx.so[aaaa+1000]`
    let at = memchr::memmem::find(message, b": unhandled ")?;
    let rest = message.get(at..)?;
    let signal = number_after(rest, b" fault (").or_else(|| number_after(rest, b" abort ("))?;
    contains(rest, b" esr ").then(|| narrow(signal).map(|signal| fault_fact(message, at, signal)))?
}

fn fault_fact(message: &[u8], name_end: usize, signal: u32) -> Fact {
    let pid = message.get(..name_end).and_then(bracketed_pid);
    Fact::new("kernel-segfault", Severity::Critical, message)
        .pid(pid)
        .signal(Some(signal))
        .detail(fault_place(message))
}

/// The OOM killer: who asked for it, by which limit, whom it killed.
fn out_of_memory(message: &[u8]) -> Option<Fact> {
    let is_cgroup = contains(message, b"emory cgroup out of memory");
    if let Some(rest) = after(message, b"ut of memory: Kill") {
        let pid = number_after(rest, b" process ");
        if rest.starts_with(b" process ") {
            // Before Linux 5.0: who was chosen. What follows says who was killed, and how large it was.
            return Some(Fact::new("oom-constraint", Severity::Warning, message).pid(pid));
        }
        return Some(oom_kill(message, pid, Some(is_cgroup)));
    }
    if let Some(rest) = message.strip_prefix(b"Killed process ") {
        let (pid, _) = leading_number(rest)?;
        return contains(rest, b"-rss:").then(|| oom_kill(message, Some(pid), None));
    }
    if message.starts_with(b"oom-kill:constraint=") {
        // The next line says who was killed; this one says under which limit.
        let pid = number_after(message, b",pid=");
        let detail = if contains(message, b"CONSTRAINT_MEMCG") {
            let group = after(message, b"oom_memcg=").map_or(&b"?"[..], |rest| until(rest, b','));
            format!("the memory limit of the control group {} was reached", lossy(group, 200))
        } else if contains(message, b"CONSTRAINT_NONE") {
            "the whole machine had no memory left".to_owned()
        } else {
            "the memory that the process may use had none left".to_owned()
        };
        return Some(Fact::new("oom-constraint", Severity::Warning, message).pid(pid).detail(detail));
    }
    if let Some(rest) = after(message, b" killed as a result of limit of ") {
        // Control groups of version 1, before Linux 4.19: `Task in /docker/x killed as a result of limit of /docker/x`
        let group = lossy(until(rest, b' '), 200);
        let detail = format!("the memory limit of the control group {group} was reached");
        return Some(Fact::new("oom-constraint", Severity::Warning, message).detail(detail));
    }
    if contains(message, b" are going to be killed due to memory.oom.group set") {
        return Some(Fact::new("oom-constraint", Severity::Warning, message));
    }
    contains(message, b" invoked oom-killer: ").then(|| {
        let detail = "the one that asked for memory; not always the one that is killed".to_owned();
        Fact::new("oom-invoked", Severity::Warning, message).detail(detail)
    })
}

fn oom_kill(message: &[u8], pid: Option<u64>, is_cgroup: Option<bool>) -> Fact {
    let resident =
        after(message, b"anon-rss:").map(|rest| format!("anon-rss:{}", lossy(until(rest, b','), 40)));
    let scope = is_cgroup.map(|is_cgroup| {
        if is_cgroup { "memory limit of its control group".to_owned() } else { "whole machine".to_owned() }
    });
    let detail: Vec<String> = scope.into_iter().chain(resident).collect();
    let detail = (!detail.is_empty()).then(|| detail.join(", "));
    Fact::new("oom-kill", Severity::Critical, message).pid(pid).signal(Some(9)).detail(detail)
}

/// `python[11515]`, `traps: python3[77]`
fn bracketed_pid(text: &[u8]) -> Option<u64> {
    let open = memchr::memrchr(b'[', text)?;
    leading_number(text.get(open + 1..)?).map(|(pid, _)| pid)
}

/// The module and offset of `… ip 00007f02a647f110 sp … in libcrash.so[7f02a647f000+1000]`.
///
/// Since Linux 6.8 the offset stands in the brackets already, in front of the base.
fn fault_place(message: &[u8]) -> Option<String> {
    let place = message.get(memchr::memmem::rfind(message, b" in ")? + 4..)?;
    let open = memchr::memchr(b'[', place)?;
    let module = lossy(place.get(..open)?, 256);
    let range = until(place.get(open + 1..)?, b']');
    if let Some(comma) = memchr::memchr(b',', range) {
        return Some(format!("{module}+0x{}", lossy(range.get(..comma)?, 16)));
    }
    let base = hex(until(range, b'+'))?;
    let instruction = after(message, b" ip ").or_else(|| after(message, b" ip:"))?;
    let instruction = hex(until(instruction, b' '))?;
    Some(format!("{module}+{:#x}", instruction.checked_sub(base)?))
}

fn hex(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}
