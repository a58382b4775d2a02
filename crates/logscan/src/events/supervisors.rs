//! What started the process and saw it end: systemd, Docker, Kubernetes.

use pycoroner_findings::Severity;

use super::{Fact, narrow, signal_number, signal_of_exit_code};
use crate::ascii::{after, contains, leading_number, lossy, number_after, until};

/// systemd (`src/core/service.c`, `src/coredump/coredump.c`, `src/oom/oomd-manager.c`).
pub(super) fn systemd(message: &[u8]) -> Option<Fact> {
    if let Some(rest) = after(message, b"Main process exited, code=") {
        let signal = after(rest, b"status=").filter(|_| !rest.starts_with(b"exited"));
        let signal = signal.and_then(leading_number).and_then(|(signal, _)| narrow(signal));
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
    if message.starts_with(b"Killed /") && contains(message, b" due to memory ") {
        let detail = "systemd-oomd, before the kernel had to".to_owned();
        return Some(Fact::new("oom-kill", Severity::Critical, message).signal(Some(9)).detail(detail));
    }
    if contains(message, b"Watchdog timeout (limit ") {
        let detail = "systemd ends a service that does not report: SIGABRT, then SIGKILL".to_owned();
        return Some(Fact::new("worker-timeout", Severity::Error, message).detail(detail));
    }
    if contains(message, b" timed out. Killing.") || contains(message, b" timed out. Terminating.") {
        return Some(Fact::new("stop-timeout", Severity::Warning, message));
    }
    if let Some(rest) = after(message, b": Killing process ") {
        let (pid, _) = leading_number(rest)?;
        let signal = after(rest, b" with signal ").map(|name| until(name, b'.')).and_then(signal_number);
        let detail = "systemd itself sent the signal".to_owned();
        return signal.is_some().then(|| {
            Fact::new("signal", Severity::Warning, message).pid(Some(pid)).signal(signal).detail(detail)
        });
    }
    if contains(message, b"Start request repeated too quickly") {
        return Some(Fact::new("restart-limit", Severity::Error, message));
    }
    if contains(message, b"Scheduled restart job") {
        return Some(Fact::new("restart", Severity::Info, message));
    }
    let at = memchr::memmem::find(message, b" dumped core")?;
    let pid = number_after(message.get(..at)?, b"Process ")?;
    Some(Fact::new("core-dumped", Severity::Critical, message).pid(Some(pid)))
}

/// systemd-coredump's own entry of the journal, which names the signal beside its text.
pub(crate) fn core_dump(message: &[u8], pid: u64, signal: Option<u32>) -> Fact {
    Fact::new("core-dumped", Severity::Critical, message).pid((pid != 0).then_some(pid)).signal(signal)
}

/// Docker, Compose, the kubelet and `kubectl`.
pub(super) fn containers(message: &[u8]) -> Option<Fact> {
    if contains(message, b"OOMKilled") {
        let detail =
            "a flag of the container runtime: without the kernel's own line it is no proof".to_owned();
        return Some(Fact::new("container-oom-killed", Severity::Error, message).detail(detail));
    }
    if contains(message, b"container oom ") {
        let detail = "a process of the container met its memory limit; not always the first one".to_owned();
        return Some(Fact::new("container-oom-killed", Severity::Error, message).detail(detail));
    }
    // Compose: `web-1 exited with code 137`; `docker events`: `container die … (exitCode=137, …)`; `kubectl describe`.
    let name = memchr::memmem::find(message, b" exited with code ").and_then(|at| message.get(..at));
    // Compose numbers its containers: programs that exit are told apart so.
    let is_container = name.is_some_and(|name| {
        let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let separator = name.get(..name.len() - digits).and_then(<[u8]>::last);
        digits > 0 && !name.contains(&b' ') && matches!(separator, Some(b'-' | b'_'))
    });
    if is_container {
        return number_after(message, b" exited with code ").map(|code| container_exit(message, code));
    }
    if contains(message, b"container die ") {
        return number_after(message, b"exitCode=").map(|code| container_exit(message, code));
    }
    if let Some(rest) = message.trim_ascii().strip_prefix(b"Exit Code:") {
        let (code, _) = leading_number(rest.trim_ascii())?;
        return Some(container_exit(message, code));
    }
    if contains(message, b"Liveness probe failed") || contains(message, b"failed liveness probe") {
        let detail =
            "the kubelet restarts a container that fails it often enough: SIGTERM, then SIGKILL".to_owned();
        return Some(Fact::new("probe-failed", Severity::Warning, message).detail(detail));
    }
    if contains(message, b"Back-off restarting failed container") {
        return Some(Fact::new("restart-limit", Severity::Warning, message));
    }
    contains(message, b"node was low on resource: memory")
        .then(|| Fact::new("evicted", Severity::Error, message))
}

fn container_exit(message: &[u8], code: u64) -> Fact {
    let signal = signal_of_exit_code(code);
    let severity = if matches!(code, 0 | 143) { Severity::Info } else { Severity::Error };
    let detail = match code {
        137 => "exit code 137: SIGKILL by convention, which alone is no sign of memory".to_owned(),
        _ => format!("exit code {code}"),
    };
    Fact::new("container-exit", severity, message).signal(signal).detail(detail)
}
