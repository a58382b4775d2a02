//! Servers of requests: gunicorn, uWSGI, uvicorn, hypercorn; and requests that failed.

use pycoroner_findings::Severity;

use super::{Fact, narrow, signal_number};
use crate::ascii::{after, contains, leading_number, number_after, until};

/// gunicorn 19 to 27 (`gunicorn/arbiter.py`, `workers/base.py`).
pub(super) fn gunicorn(message: &[u8]) -> Option<Fact> {
    let message = message.trim_ascii();
    let pid = number_after(message, b"(pid:");
    if message.starts_with(b"WORKER TIMEOUT (pid:") {
        let detail = "gunicorn aborts a worker that does not answer: SIGABRT, then SIGKILL";
        return Some(
            Fact::new("worker-timeout", Severity::Error, message).pid(pid).detail(detail.to_owned()),
        );
    }
    if let Some(rest) = message.strip_prefix(b"Worker (pid:") {
        return gunicorn_worker(message, rest.get(until(rest, b')').len()..)?).map(|fact| fact.pid(pid));
    }
    if let Some(rest) = message.strip_prefix(b"Worker with pid ") {
        // gunicorn 20.0 and 20.1: `… was terminated due to signal 9`.
        let signal = number_after(rest, b"was terminated due to signal ").and_then(narrow)?;
        let pid = leading_number(rest).map(|(pid, _)| pid);
        let severity = if signal == 15 { Severity::Info } else { Severity::Error };
        return Some(Fact::new("worker-killed", severity, message).pid(pid).signal(Some(signal)));
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
    if message.starts_with(b"Autorestarting worker after current request") {
        let detail = "max_requests was reached: the worker ends by itself".to_owned();
        return Some(Fact::new("worker-recycled", Severity::Info, message).detail(detail));
    }
    // `Reason: …`, of which a head's reader may take the first word for a logger.
    let reason = message.strip_prefix(b"Reason: ").unwrap_or(message);
    if reason == b"Worker failed to boot." || reason == b"App failed to load." {
        return Some(Fact::new("boot-failed", Severity::Error, message));
    }
    message.starts_with(b"Shutting down: Master").then(|| Fact::new("shutdown", Severity::Info, message))
}

/// What stands behind `Worker (pid:7`.
fn gunicorn_worker(message: &[u8], rest: &[u8]) -> Option<Fact> {
    if let Some(name) = after(rest, b" was sent ").map(|rest| until(until(rest, b'!'), b' ')) {
        let severity = if name == b"SIGTERM" { Severity::Info } else { Severity::Error };
        let is_guess = contains(rest, b"Perhaps out of memory?");
        let detail = is_guess
            .then(|| "gunicorn prints this for every SIGKILL: it is no sign of memory by itself".to_owned());
        return Some(
            Fact::new("worker-killed", severity, message).signal(signal_number(name)).detail(detail),
        );
    }
    if let Some(code) = number_after(rest, b"exited with code ") {
        let severity = if code == 0 { Severity::Info } else { Severity::Error };
        // `Arbiter.WORKER_BOOT_ERROR`, `Arbiter.APP_LOAD_ERROR`
        let meaning = match code {
            3 => ": what gunicorn's workers end with when they fail to boot",
            4 => ": what gunicorn's workers end with when the application fails to load",
            _ => "",
        };
        return Some(
            Fact::new("worker-exit", severity, message).detail(format!("exit code {code}{meaning}")),
        );
    }
    contains(rest, b"failed to boot").then(|| Fact::new("worker-exit", Severity::Error, message))
}

/// uWSGI 2.0 (`core/master_checks.c`, `core/master_utils.c`, `core/uwsgi.c`).
pub(super) fn uwsgi(message: &[u8]) -> Option<Fact> {
    let pid = number_after(message, b"(pid: ");
    if contains(message, b"HARAKIRI ON WORKER") {
        let detail = "uWSGI kills a worker whose request takes too long".to_owned();
        return Some(Fact::new("worker-timeout", Severity::Error, message).pid(pid).detail(detail));
    }
    if contains(message, b"HARAKIRI [core ") {
        let detail = "the request that took too long".to_owned();
        return Some(Fact::new("request-cut", Severity::Warning, message).detail(detail));
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
    if contains(message, b"DAMN ! worker") || contains(message, b"DAMN ! mule") {
        let signal = number_after(message, b"killed by signal ").and_then(narrow);
        let kind = if signal.is_some() { "worker-killed" } else { "worker-exit" };
        return Some(Fact::new(kind, Severity::Error, message).pid(pid).signal(signal));
    }
    if contains(message, b"spawned uWSGI worker") || contains(message, b"Respawned uWSGI worker") {
        return Some(Fact::new("worker-boot", Severity::Info, message).pid(number_after(message, b"pid: ")));
    }
    if contains(message, b"killed successfully (pid: ") {
        return Some(Fact::new("worker-exit", Severity::Info, message).pid(pid));
    }
    if let Some(rest) = after(message, b"...The work of process ") {
        let pid = leading_number(rest).map(|(pid, _)| pid);
        return Some(Fact::new("worker-exit", Severity::Info, message).pid(pid));
    }
    if contains(message, b"uWSGI listen queue of socket") && contains(message, b" full !!!") {
        return Some(Fact::new("queue-full", Severity::Warning, message));
    }
    if contains(message, b"*** Starting uWSGI") {
        return Some(Fact::new("restart", Severity::Info, message));
    }
    if contains(message, b"SIGINT/SIGTERM received...killing workers") {
        return Some(Fact::new("signal", Severity::Info, message));
    }
    contains(message, b"goodbye to uWSGI").then(|| Fact::new("shutdown", Severity::Info, message))
}

/// uvicorn (`uvicorn/server.py`, `supervisors/multiprocess.py`) and hypercorn (`hypercorn/run.py`).
pub(super) fn asgi(message: &[u8]) -> Option<Fact> {
    for (needle, kind, severity) in [
        (&b"Started server process ["[..], "worker-boot", Severity::Info),
        (b"Finished server process [", "worker-exit", Severity::Info),
        (b"Terminated child process [", "worker-exit", Severity::Info),
        (b"Started parent process [", "restart", Severity::Info),
        (b"Stopping parent process [", "shutdown", Severity::Info),
        (b"Child process [", "worker-exit", Severity::Error),
    ] {
        if let Some(rest) = after(message, needle)
            && let Some((pid, digits)) = leading_number(rest)
            && rest.get(digits) == Some(&b']')
        {
            let is_said = !needle.starts_with(b"Child") || contains(rest, b" died");
            return is_said.then(|| Fact::new(kind, severity, message).pid(Some(pid)));
        }
    }
    if let Some(rest) =
        after(message, b"Running on http").filter(|rest| contains(rest, b"(CTRL + C to quit)"))
    {
        // hypercorn's workers each say so; their process stands in front.
        return contains(rest, b"://").then(|| Fact::new("worker-boot", Severity::Info, message));
    }
    None
}

/// A request that ended with an error which the framework caught: Django, Flask, uvicorn, hypercorn, gunicorn,
/// waitress, tornado, aiohttp.
pub(super) fn requests(message: &[u8]) -> Option<Fact> {
    let message = message.trim_ascii();
    let starts = [
        &b"Internal Server Error: /"[..],
        b"Exception in ASGI application",
        b"Error in ASGI Framework",
        b"Error handling request",
        b"Exception while serving ",
        b"Uncaught exception GET ",
        b"Uncaught exception POST ",
    ];
    let is_flask = message.starts_with(b"Exception on /") && message.ends_with(b"]");
    (is_flask || starts.iter().any(|start| message.starts_with(start)))
        .then(|| Fact::new("request-failed", Severity::Warning, message))
}
