//! Runners of tasks: celery, rq, airflow.

use pycoroner_findings::Severity;

use super::{Fact, narrow, signal_number};
use crate::ascii::{after, contains, leading_number, number_after, until};

/// celery (`celery/worker/request.py`, `celery/apps/worker.py`) and billiard (`billiard/pool.py`).
pub(super) fn celery(message: &[u8]) -> Option<Fact> {
    if let Some(rest) = after(message, b"orker exited prematurely") {
        let signal = number_after(rest, b"signal ").and_then(narrow);
        let pid = number_after(message, b"pid:");
        if let Some(code) = number_after(rest, b"exitcode ").filter(|_| signal.is_none()) {
            let fact = Fact::new("worker-exit", Severity::Error, message).pid(pid);
            return Some(fact.detail(format!("exit code {code}")));
        }
        return Some(Fact::new("worker-killed", Severity::Error, message).pid(pid).signal(signal));
    }
    let pid = number_after(message, b"pid:");
    if let Some(rest) = after(message, b" exited with 'signal ") {
        let signal = leading_number(rest).and_then(|(signal, _)| narrow(signal));
        return Some(Fact::new("worker-killed", Severity::Error, message).pid(pid).signal(signal));
    }
    if let Some(rest) = after(message, b" exited with 'exitcode ") {
        let (code, _) = leading_number(rest)?;
        let severity = if code == 0 { Severity::Info } else { Severity::Error };
        let fact = Fact::new("worker-exit", severity, message).pid(pid);
        return Some(fact.detail(format!("exit code {code}")));
    }
    if contains(message, b"ard time limit (") && contains(message, b"exceeded") {
        let detail = "celery kills the worker process of a task that takes too long: SIGKILL".to_owned();
        return Some(Fact::new("worker-timeout", Severity::Error, message).detail(detail));
    }
    if contains(message, b"oft time limit (") && contains(message, b"exceeded") {
        let detail = "celery raises an exception inside of the task; the process goes on".to_owned();
        return Some(Fact::new("task-timeout", Severity::Warning, message).detail(detail));
    }
    if contains(message, b"consumer: Connection to broker lost") {
        return Some(Fact::new("connection-lost", Severity::Warning, message));
    }
    if let Some(rest) = after(message, b"missed heartbeat from ") {
        return (!rest.is_empty()).then(|| Fact::new("heartbeat-missed", Severity::Warning, message));
    }
    if message.trim_ascii().starts_with(b"celery@") && message.trim_ascii().ends_with(b" ready.") {
        return Some(Fact::new("restart", Severity::Info, message));
    }
    (contains(message, b"worker: Warm shutdown") || contains(message, b"worker: Cold shutdown"))
        .then(|| Fact::new("shutdown", Severity::Info, message))
}

/// rq 1 and 2 (`rq/worker.py`).
pub(super) fn rq(message: &[u8]) -> Option<Fact> {
    if let Some(rest) = after(message, b"ork-horse terminated unexpectedly; waitpid returned ") {
        // What waitpid gives: the signal is in the low seven bits.
        let status = leading_number(rest).map(|(status, _)| status);
        let stated = number_after(rest, b"(signal ").and_then(narrow);
        let signal = stated.or_else(|| status.and_then(|status| narrow(status & 0x7f)));
        return Some(Fact::new("worker-killed", Severity::Error, message).signal(signal));
    }
    if let Some(rest) = after(message, b"Killed horse pid ") {
        let pid = leading_number(rest).map(|(pid, _)| pid);
        let detail = "rq itself killed the process of the job".to_owned();
        return Some(
            Fact::new("worker-killed", Severity::Warning, message).pid(pid).signal(Some(9)).detail(detail),
        );
    }
    if contains(message, b"Task exceeded maximum timeout value (") {
        return Some(Fact::new("task-timeout", Severity::Warning, message));
    }
    if contains(message, b"Worker ") && contains(message, b": started with PID ") {
        let pid = number_after(message, b": started with PID ");
        return Some(Fact::new("worker-boot", Severity::Info, message).pid(pid));
    }
    (contains(message, b"arm shut down requested") || contains(message, b"old shut down"))
        .then(|| Fact::new("shutdown", Severity::Info, message))
}

/// airflow 1 to 3 (`local_task_job_runner.py`, `process_utils.py`, `scheduler_job_runner.py`, `taskinstance.py`).
pub(super) fn airflow(message: &[u8]) -> Option<Fact> {
    if let Some(rest) = after(message, b"Task exited with return code ") {
        return airflow_exit(message, rest);
    }
    if let Some(rest) = after(message, b"Process psutil.Process(pid=") {
        let pid = leading_number(rest).map(|(pid, _)| pid);
        let code =
            after(rest, b") terminated with exit code ").or_else(|| after(rest, b"with exit code "))?;
        return airflow_exit(message, code).map(|fact| fact.pid(pid));
    }
    if contains(message, b"was killed before it finished (likely due to running out of memory)") {
        let detail = "airflow prints this for every SIGKILL: it is no sign of memory by itself".to_owned();
        return Some(Fact::new("worker-killed", Severity::Error, message).signal(Some(9)).detail(detail));
    }
    if contains(message, b"Received SIGTERM. Terminating subprocesses") {
        return Some(Fact::new("signal", Severity::Warning, message).signal(Some(15)));
    }
    (contains(message, b"Detected zombie job") || contains(message, b"without heartbeat"))
        .then(|| Fact::new("heartbeat-missed", Severity::Error, message))
}

/// `0`, `-9`, `Negsignal.SIGKILL`
fn airflow_exit(message: &[u8], code: &[u8]) -> Option<Fact> {
    let signal = match code.strip_prefix(b"Negsignal.") {
        Some(name) => {
            let end = name.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(name.len());
            signal_number(name.get(..end)?)
        }
        None => code.strip_prefix(b"-").and_then(leading_number).and_then(|(signal, _)| narrow(signal)),
    };
    if signal.is_some() {
        return Some(Fact::new("worker-killed", Severity::Error, message).signal(signal));
    }
    let (code, _) = leading_number(until(code, b' '))?;
    let severity = if code == 0 { Severity::Info } else { Severity::Error };
    Some(Fact::new("worker-exit", severity, message).detail(format!("exit code {code}")))
}
