//! What servers, supervisors, the kernel and the C library say about a process, as typed facts.

use std::borrow::Cow;

use pycoroner_findings::Severity;

use crate::ascii::{after, contains, leading_number, lossy, number_after, until};

/// A fact that one line states, before it has a time and a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) kind: Cow<'static, str>,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) pid: Option<u64>,
    pub(crate) signal: Option<u32>,
    /// What the line says beyond that, such as the module and the offset of a segmentation fault.
    pub(crate) detail: Option<String>,
}

const MESSAGE_LIMIT: usize = 1024;

impl Fact {
    pub(crate) fn new(kind: &'static str, severity: Severity, message: &[u8]) -> Self {
        Self {
            kind: Cow::Borrowed(kind),
            severity,
            message: lossy(message.trim_ascii(), MESSAGE_LIMIT),
            pid: None,
            signal: None,
            detail: None,
        }
    }

    fn pid(mut self, pid: Option<u64>) -> Self {
        self.pid = pid;
        self
    }

    fn signal(mut self, signal: Option<u32>) -> Self {
        self.signal = signal;
        self
    }

    fn detail(mut self, detail: impl Into<Option<String>>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// Reads the fact that a record's message states; `None` when a needle was there by chance.
pub(crate) fn recognise(message: &[u8]) -> Option<Fact> {
    gunicorn(message)
        .or_else(|| uwsgi(message))
        .or_else(|| workers(message))
        .or_else(|| kernel(message))
        .or_else(|| systemd(message))
        .or_else(|| native(message))
}

/// gunicorn 19 to 23 (`gunicorn/arbiter.py`).
fn gunicorn(message: &[u8]) -> Option<Fact> {
    let message = message.trim_ascii();
    let pid = number_after(message, b"(pid:");
    if message.starts_with(b"WORKER TIMEOUT (pid:") {
        let detail = "gunicorn aborts a worker that does not answer: SIGABRT, then SIGKILL";
        return Some(
            Fact::new("worker-timeout", Severity::Error, message).pid(pid).detail(detail.to_owned()),
        );
    }
    if let Some(rest) = message.strip_prefix(b"Worker (pid:") {
        let rest = rest.get(until(rest, b')').len()..)?;
        if let Some(name) = after(rest, b" was sent ").map(|rest| until(until(rest, b'!'), b' ')) {
            let severity = if name == b"SIGTERM" { Severity::Info } else { Severity::Error };
            let fact = Fact::new("worker-killed", severity, message).pid(pid).signal(signal_number(name));
            let is_guess = contains(rest, b"Perhaps out of memory?");
            return Some(fact.detail(is_guess.then(|| {
                "gunicorn prints this for every SIGKILL: it is no sign of memory by itself".to_owned()
            })));
        }
        if let Some(code) = number_after(rest, b"exited with code ") {
            let severity = if code == 0 { Severity::Info } else { Severity::Error };
            return Some(
                Fact::new("worker-exit", severity, message).pid(pid).detail(format!("exit code {code}")),
            );
        }
        return contains(rest, b"failed to boot")
            .then(|| Fact::new("worker-exit", Severity::Error, message).pid(pid));
    }
    if message.starts_with(b"Worker exiting (pid:") {
        return Some(Fact::new("worker-exit", Severity::Info, message).pid(pid));
    }
    if message.starts_with(b"Booting worker with pid") {
        return Some(Fact::new("worker-boot", Severity::Info, message).pid(number_after(message, b"pid:")));
    }
    if message.starts_with(b"Starting gunicorn ") {
        return Some(Fact::new("restart", Severity::Info, message));
    }
    if let Some(name) = message.strip_prefix(b"Handling signal: ") {
        return Some(Fact::new("signal", Severity::Info, message).signal(signal_number(name)));
    }
    message.starts_with(b"Shutting down: Master").then(|| Fact::new("shutdown", Severity::Info, message))
}

/// uWSGI 2.0 (`core/master_checks.c`, `core/uwsgi.c`).
fn uwsgi(message: &[u8]) -> Option<Fact> {
    if contains(message, b"HARAKIRI ON WORKER") {
        let detail = "uWSGI kills a worker whose request takes too long".to_owned();
        let pid = number_after(message, b"(pid: ");
        return Some(Fact::new("worker-timeout", Severity::Error, message).pid(pid).detail(detail));
    }
    if let Some(rest) = after(message, b"!!! uWSGI process ") {
        let (pid, _) = leading_number(rest)?;
        let signal = if contains(rest, b"Segmentation Fault") {
            Some(11)
        } else if contains(rest, b"Floating Point") || contains(rest, b"FPE") {
            Some(8)
        } else {
            None
        };
        return Some(Fact::new("signal", Severity::Critical, message).pid(Some(pid)).signal(signal));
    }
    if contains(message, b"DAMN ! worker") {
        let pid = number_after(message, b"(pid: ");
        let signal = number_after(message, b"killed by signal ").map(|signal| signal as u32);
        let kind = if signal.is_some() { "worker-killed" } else { "worker-exit" };
        return Some(Fact::new(kind, Severity::Error, message).pid(pid).signal(signal));
    }
    if contains(message, b"spawned uWSGI worker") || contains(message, b"Respawned uWSGI worker") {
        return Some(Fact::new("worker-boot", Severity::Info, message).pid(number_after(message, b"pid: ")));
    }
    if contains(message, b"*** Starting uWSGI") {
        return Some(Fact::new("restart", Severity::Info, message));
    }
    contains(message, b"goodbye to uWSGI").then(|| Fact::new("shutdown", Severity::Info, message))
}

/// celery and billiard, uvicorn.
fn workers(message: &[u8]) -> Option<Fact> {
    if let Some(rest) = after(message, b"orker exited prematurely") {
        let signal = number_after(rest, b"signal ").map(|signal| signal as u32);
        let pid = number_after(message, b"pid:");
        return Some(Fact::new("worker-killed", Severity::Error, message).pid(pid).signal(signal));
    }
    if let Some(rest) = after(message, b" exited with 'signal ") {
        let signal = leading_number(rest).map(|(signal, _)| signal as u32);
        return Some(
            Fact::new("worker-killed", Severity::Error, message)
                .pid(number_after(message, b"pid:"))
                .signal(signal),
        );
    }
    if contains(message, b"ard time limit (") || contains(message, b"oft time limit (") {
        return contains(message, b"exceeded").then(|| Fact::new("worker-timeout", Severity::Error, message));
    }
    for (needle, kind, severity) in [
        (&b"Started server process ["[..], "worker-boot", Severity::Info),
        (b"Finished server process [", "worker-exit", Severity::Info),
        (b"Child process [", "worker-exit", Severity::Error),
    ] {
        if let Some(rest) = after(message, needle)
            && let Some((pid, digits)) = leading_number(rest)
            && rest.get(digits) == Some(&b']')
        {
            let died = kind != "worker-exit" || severity == Severity::Info || contains(rest, b"died");
            return died.then(|| Fact::new(kind, severity, message).pid(Some(pid)));
        }
    }
    None
}

/// The Linux kernel (`arch/x86/mm/fault.c`, `arch/x86/kernel/traps.c`, `mm/oom_kill.c`).
fn kernel(message: &[u8]) -> Option<Fact> {
    if let Some(at) = memchr::memmem::find(message, b": segfault at ") {
        let fact = Fact::new("kernel-segfault", Severity::Critical, message);
        return Some(
            fact.pid(bracketed_pid(message.get(..at)?)).signal(Some(11)).detail(fault_place(message)),
        );
    }
    for (needle, signal) in
        [(&b"general protection"[..], 11), (b"trap invalid opcode", 4), (b"trap divide error", 8)]
    {
        if let Some(at) = memchr::memmem::find(message, needle)
            && contains(message, b" ip:")
        {
            let fact = Fact::new("kernel-segfault", Severity::Critical, message);
            return Some(
                fact.pid(bracketed_pid(message.get(..at)?)).signal(Some(signal)).detail(fault_place(message)),
            );
        }
    }
    if let Some(rest) = after(message, b"ut of memory: Kill") {
        let pid = number_after(rest, b" process ");
        let resident =
            after(rest, b"anon-rss:").map(|rest| format!("anon-rss:{}", lossy(until(rest, b','), 40)));
        let is_cgroup = contains(message, b"emory cgroup out of memory");
        let scope = if is_cgroup { "memory limit of its control group" } else { "whole machine" };
        let detail = resident.map_or(scope.to_owned(), |resident| format!("{scope}, {resident}"));
        return Some(
            Fact::new("oom-kill", Severity::Critical, message).pid(pid).signal(Some(9)).detail(detail),
        );
    }
    if message.starts_with(b"oom-kill:constraint=") {
        // The next line says who was killed; this one says under which limit.
        let pid = number_after(message, b",pid=");
        return Some(Fact::new("oom-constraint", Severity::Warning, message).pid(pid));
    }
    None
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

/// systemd (`src/core/service.c`, `src/coredump/coredump.c`) and Kubernetes.
fn systemd(message: &[u8]) -> Option<Fact> {
    if let Some(rest) = after(message, b"Main process exited, code=") {
        let signal = after(rest, b"status=").filter(|_| !rest.starts_with(b"exited"));
        let signal = signal.and_then(leading_number).map(|(signal, _)| signal as u32);
        let severity = if signal.is_some() { Severity::Critical } else { Severity::Error };
        return Some(Fact::new("main-process-exited", severity, message).signal(signal));
    }
    if let Some(rest) = after(message, b"Failed with result '") {
        let detail = format!("result {}", lossy(until(rest, b'\''), 40));
        return Some(Fact::new("unit-failed", Severity::Error, message).detail(detail));
    }
    if contains(message, b"killed by the OOM killer") {
        return Some(Fact::new("oom-kill", Severity::Critical, message).signal(Some(9)));
    }
    if contains(message, b"Scheduled restart job") {
        return Some(Fact::new("restart", Severity::Info, message));
    }
    if let Some(at) = memchr::memmem::find(message, b" dumped core") {
        let pid = number_after(message.get(..at)?, b"Process ")?;
        return Some(Fact::new("core-dumped", Severity::Critical, message).pid(Some(pid)));
    }
    contains(message, b"OOMKilled").then(|| {
        let detail =
            "a flag of the container runtime: without the kernel's own line it is no proof".to_owned();
        Fact::new("container-oom-killed", Severity::Error, message).detail(detail)
    })
}

/// systemd-coredump's own entry of the journal, which names the signal beside its text.
pub(crate) fn core_dump(message: &[u8], pid: u64, signal: Option<u32>) -> Fact {
    Fact::new("core-dumped", Severity::Critical, message).pid((pid != 0).then_some(pid)).signal(signal)
}

/// glibc (`malloc/malloc.c`, `debug/fortify_fail.c`, `assert/assert.c`) and libstdc++.
fn native(message: &[u8]) -> Option<Fact> {
    const MALLOC: [&[u8]; 7] = [
        b"free(): ",
        b"double free or corruption",
        b"malloc(): ",
        b"corrupted size vs. prev_size",
        b"corrupted double-linked list",
        b"munmap_chunk(): ",
        b"realloc(): ",
    ];
    const OTHERS: [&[u8]; 5] = [
        b"*** stack smashing detected ***",
        b"*** buffer overflow detected ***",
        b"terminate called without an active exception",
        b"terminate called after throwing an instance of '",
        b"terminate called recursively",
    ];
    let message = message.trim_ascii();
    let is_of_malloc = MALLOC.iter().any(|start| message.strip_prefix(*start).is_some_and(says_no_more));
    let is_assert = contains(message, b": Assertion `") && message.ends_with(b"' failed.");
    let is_abort = is_of_malloc || is_assert || OTHERS.iter().any(|start| message.starts_with(start));
    is_abort.then(|| Fact::new("native-abort", Severity::Critical, message).signal(Some(6)))
}

/// Whether a message goes on in words of `malloc/malloc.c` (glibc 2.26 to 2.40) only: nobody talks about it.
fn says_no_more(rest: &[u8]) -> bool {
    const WORDS: [&str; 45] = [
        "invalid",
        "pointer",
        "size",
        "next",
        "old",
        "double",
        "free",
        "detected",
        "in",
        "tcache",
        "too",
        "many",
        "chunk",
        "chunks",
        "unaligned",
        "corrupted",
        "unsorted",
        "top",
        "largebin",
        "smallbin",
        "linked",
        "list",
        "memory",
        "corruption",
        "while",
        "consolidating",
        "fastbins",
        "fastbin",
        "mismatching",
        "next->prev_size",
        "next->prev_inuse",
        "2",
        "3",
        "(2)",
        "(3)",
        "(fast)",
        "(normal)",
        "(unsorted)",
        "(bk)",
        "(nextsize)",
        "(top)",
        "(out)",
        "(!prev)",
        "(fasttop)",
        "(not",
    ];
    rest.split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
        .all(|word| word == b"small)" || WORDS.iter().any(|known| known.as_bytes() == word))
}

/// The number of a signal on Linux, by its name with or without `SIG`.
fn signal_number(name: &[u8]) -> Option<u32> {
    let name = name.trim_ascii().to_ascii_uppercase();
    let name = name.strip_prefix(b"SIG").unwrap_or(&name);
    Some(match name {
        b"HUP" => 1,
        b"INT" => 2,
        b"QUIT" => 3,
        b"ILL" => 4,
        b"ABRT" => 6,
        b"BUS" => 7,
        b"FPE" => 8,
        b"KILL" => 9,
        b"USR1" => 10,
        b"SEGV" => 11,
        b"USR2" => 12,
        b"PIPE" => 13,
        b"ALRM" => 14,
        b"TERM" => 15,
        _ => return None,
    })
}

/// The signal that a `Fatal Python error:` stands for (CPython `Modules/faulthandler.c`).
pub(crate) fn fatal_signal(error: &str) -> Option<u32> {
    Some(match error {
        "Segmentation fault" => 11,
        "Aborted" => 6,
        "Bus error" => 7,
        "Floating-point exception" | "Floating point exception" => 8,
        "Illegal instruction" => 4,
        _ => return None,
    })
}
